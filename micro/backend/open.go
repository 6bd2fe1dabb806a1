// Package backend holds the devices that benchmarks run on: a GPU through the
// CUDA driver, a recorded run, and the emulator.
package backend

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/micro"
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

func (e *UnavailableError) Error() string { return "no usable GPU: " + e.Err.Error() }

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

// Open makes the device. With KindAuto a GPU that is not usable gives a replay,
// and fallback says why; a GPU index that does not exist is an error all the same.
func Open(o Options) (dev micro.Device, fallback error, err error) {
	switch o.Kind {
	case KindCUDA:
		d, err := OpenCUDA(o.GPU, o.CacheDir)
		if err != nil {
			return nil, nil, &UnavailableError{err}
		}
		return d, nil, nil
	case KindAuto, "":
		d, err := OpenCUDA(o.GPU, o.CacheDir)
		if err == nil {
			return d, nil, nil
		}
		if errors.Is(err, cuda.ErrNoDevice) && o.GPU != 0 {
			return nil, nil, &UnavailableError{err}
		}
		replay, replayErr := openReplay(o.Recording)
		return replay, err, replayErr
	case KindReplay:
		replay, err := openReplay(o.Recording)
		return replay, nil, err
	case KindEmulator:
		return openEmulator()
	}
	return nil, nil, fmt.Errorf("%w %q: use one of %s", ErrUnknown, o.Kind, strings.Join(Kinds(), ", "))
}

// openReplay returns the interface so that a failure is a plain nil.
func openReplay(path string) (micro.Device, error) {
	name, doc, err := recordingOf(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReplay(name, doc)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func recordingOf(path string) (string, *results.Document, error) {
	if path != "" {
		doc, err := results.Read(path)
		return path, doc, err
	}
	return recorded.Default()
}

// openEmulator emulates the device of the built-in recording.
func openEmulator() (micro.Device, error, error) {
	_, doc, err := recorded.Default()
	if err != nil {
		return nil, nil, err
	}
	return NewEmulator(doc.Device), nil, nil
}
