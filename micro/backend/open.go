// Package backend holds the devices that benchmarks run on: a GPU through the
// CUDA driver, a recorded run, and the emulator.
package backend

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/recorded"
)

// Kinds of backend, by the names of the flag.
const (
	KindAuto     = "auto"
	KindCUDA     = "cuda"
	KindReplay   = "replay"
	KindEmulator = "emulator"
)

// Kinds lists the names that Open takes.
func Kinds() []string { return []string{KindAuto, KindCUDA, KindReplay, KindEmulator} }

// ErrUnknown marks a backend name that does not exist.
var ErrUnknown = errors.New("unknown backend")

// UnavailableError says that the GPU was asked for and cannot be used.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string {
	return "no usable GPU: " + e.Err.Error() + "; 'gpubench doctor' says what is missing"
}

// Unwrap gives the reason.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Options of Open.
type Options struct {
	// Kind is one of Kinds; empty is KindAuto.
	Kind string
	// GPU is the index of the GPU.
	GPU int
	// Recording is a document to replay; empty is the newest that the program carries.
	Recording string
	// CacheDir keeps compiled kernels; empty keeps none.
	CacheDir string
}

// ErrNoRecording means that there is nothing to replay.
var ErrNoRecording = errors.New("this program carries no recorded run: name one with --recording")

// Open makes the device. With KindAuto a GPU that is not usable gives a replay,
// and fallback says why; a GPU that was asked for by another index than 0 is an
// error all the same. KindAuto with a Recording is a replay.
func Open(o Options) (dev micro.Device, fallback error, err error) {
	return opener{openGPU, recorded.Default}.open(o)
}

// opener holds what Open takes from outside: the GPU and the built-in recording.
type opener struct {
	gpu     func(index int, cacheDir string) (micro.Device, error)
	builtIn func() (string, *results.Document, error)
}

func openGPU(index int, cacheDir string) (micro.Device, error) {
	d, err := OpenCUDA(index, cacheDir)
	if err != nil {
		return nil, err // not d: an interface that holds a nil pointer is not nil
	}
	return d, nil
}

func (p opener) open(o Options) (dev micro.Device, fallback error, err error) {
	switch o.Kind {
	case KindCUDA:
		dev, err = p.gpu(o.GPU, o.CacheDir)
		if err != nil {
			return nil, nil, &UnavailableError{err}
		}
		return dev, nil, nil
	case KindAuto, "":
		if o.Recording == "" {
			return p.auto(o)
		}
		dev, err = p.replay(o.Recording)
		return dev, nil, err
	case KindReplay:
		dev, err = p.replay(o.Recording)
		return dev, nil, err
	case KindEmulator:
		dev, err = p.emulator()
		return dev, nil, err
	}
	return nil, nil, fmt.Errorf("%w %q: use one of %s", ErrUnknown, o.Kind, strings.Join(Kinds(), ", "))
}

// auto is the GPU, else the built-in recording.
func (p opener) auto(o Options) (dev micro.Device, fallback error, err error) {
	dev, reason := p.gpu(o.GPU, o.CacheDir)
	if reason == nil {
		return dev, nil, nil
	}
	if o.GPU != 0 { // who asks for a certain GPU does not want another's numbers
		return nil, nil, &UnavailableError{reason}
	}
	dev, err = p.replay("")
	if errors.Is(err, ErrNoRecording) {
		return nil, nil, &UnavailableError{fmt.Errorf("%w; %w", reason, err)}
	}
	return dev, reason, err
}

func (p opener) replay(path string) (micro.Device, error) {
	name, doc, err := p.recording(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReplay(name, doc)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p opener) recording(path string) (string, *results.Document, error) {
	if path != "" {
		doc, err := results.Read(path)
		return path, doc, err
	}
	name, doc, err := p.builtIn()
	if errors.Is(err, recorded.ErrNone) {
		err = ErrNoRecording
	}
	return name, doc, err
}

// emulator imitates the GPU of the built-in recording, or one of its kind.
func (p opener) emulator() (micro.Device, error) {
	if _, doc, err := p.builtIn(); err == nil {
		return NewEmulator(doc.Device), nil
	}
	gpu, err := micro.Nominal(isa.SM90a)
	if err != nil {
		return nil, err
	}
	return NewEmulator(gpu.Device), nil
}
