package backend

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// samplePeriod is how often the sensors are read; the card renews most of them no faster.
const samplePeriod = 25 * time.Millisecond

// CUDA is a real GPU. It implements micro.Device.
type CUDA struct {
	gpu     gpu
	about   results.Device
	cache   *cubinCache
	sensors *sensors // nil where there are none

	mu      sync.Mutex
	modules map[[sha256.Size]byte]*loadedModule
	arena   *arena // nil until a large buffer is wanted
}

var _ micro.Device = (*CUDA)(nil)

// OpenCUDA opens the GPU with that index. Machine code is kept in cacheDir from run to run;
// "" keeps none. Without a GPU the error matches
// cuda.ErrNotBuilt, ErrNoDriver, ErrDriverTooOld or ErrNoDevice.
func OpenCUDA(index int, cacheDir string) (*CUDA, error) {
	dev, err := cuda.Open(index)
	if err != nil {
		return nil, fmt.Errorf("open GPU %d: %w", index, err)
	}
	api, err := cuda.DriverVersion()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open GPU %d: %w", index, err), dev.Close())
	}
	a := dev.Attributes()
	return newCUDA(realGPU{dev}, api, openSensors(a.UUID, a.PCIBusID), cacheDir), nil
}

func newCUDA(g gpu, api int, s *sensors, cacheDir string) *CUDA {
	d := &CUDA{gpu: g, sensors: s, modules: map[[sha256.Size]byte]*loadedModule{}}
	d.about = describe(g.Attributes(), api, s.info())
	if cacheDir != "" {
		salt := fmt.Sprintf("driver %s api %d target %s", d.about.Driver, api, d.about.Target)
		d.cache = &cubinCache{dir: cacheDir, salt: salt}
	}
	return d
}

func describe(a cuda.Attributes, api int, i nvml.Info) results.Device {
	out := results.Device{
		Index: a.Index, Name: a.Name, UUID: a.UUID,
		ComputeCapability: fmt.Sprintf("%d.%d", a.Major, a.Minor),
		Target:            isa.TargetOf(a.Major, a.Minor).String(),
		SMs:               a.SMs, L2Bytes: a.L2Bytes,
		SharedPerSM: a.SharedPerSM, SharedPerBlock: a.SharedPerBlockOptin,
		MemoryBytes: a.TotalMem, FreeBytes: a.FreeMem,
		MaxClockMHz: float64(a.ClockKHz) / 1e3, MemClockMHz: float64(a.MemClockKHz) / 1e3,
		MemBusBits: a.MemBusBits,
		Driver:     i.Driver, DriverAPI: fmt.Sprintf("%d.%d", api/1000, api%1000/10),
		VBIOS: i.VBIOS, ECC: &a.ECC,
	}
	if out.Driver == "" {
		out.Driver = moduleVersion()
	}
	if i.PowerLimitW != nil {
		out.PowerLimitW = *i.PowerLimitW
	}
	if i.MaxSMClockMHz != nil {
		out.MaxClockMHz = *i.MaxSMClockMHz
	}
	if i.MaxMemClockMHz != nil {
		out.MemClockMHz = *i.MaxMemClockMHz
	}
	if i.ECC != nil {
		out.ECC = i.ECC
	}
	return out
}

// moduleVersion is the version of the kernel module, which is the driver's; "" if not known.
func moduleVersion() string {
	text, err := os.ReadFile("/sys/module/nvidia/version")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Describe says what the device is.
func (d *CUDA) Describe() results.Device { return d.about }

// Backend is "cuda".
func (d *CUDA) Backend() string { return "cuda" }

// Sensors is the latest reading of the sampler, with its time; it does not wait for the card.
func (d *CUDA) Sensors() results.Sensors { return d.sensors.latest() }

// Telemetry is the readings over the device's life, evenly thinned to 2000 at most.
func (d *CUDA) Telemetry() []results.Sensors { return d.sensors.history() }

// Compile takes machine code from the cache or has the driver make it.
func (d *CUDA) Compile(ctx context.Context, name, text string) (micro.Code, error) {
	start := time.Now()
	if e, ok := d.cache.get(text); ok {
		return micro.Code{Image: e.image, Warnings: e.warnings, Elapsed: time.Since(start), Cached: true}, nil
	}
	out, err := d.gpu.Compile(ctx, name, text, targetOf(text))
	if err != nil {
		return micro.Code{}, deviceError(err)
	}
	code := micro.Code{Image: out.Image, Warnings: out.Warnings(), Elapsed: out.Elapsed}
	// A cache that cannot be written costs time, no more; CheckCacheDir tells.
	_ = d.cache.put(text, cachedCubin{image: code.Image, warnings: code.Warnings})
	return code, nil
}

// targetOf reads a PTX text's ".target" line.
func targetOf(text string) string {
	_, rest, _ := strings.Cut(text, ".target ")
	line, _, _ := strings.Cut(rest, "\n")
	target, _, _ := strings.Cut(line, ",")
	return strings.TrimSpace(target)
}

// Reset makes a fresh context. Open sessions are lost, and so are the loaded modules.
func (d *CUDA) Reset() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.modules)
	d.arena = nil
	if err := d.gpu.Reset(); err != nil {
		return fmt.Errorf("reset the GPU: %w", err)
	}
	return nil
}

// Close ends the sampler and the context.
func (d *CUDA) Close() error {
	d.sensors.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.modules)
	return d.gpu.Close()
}

// deviceError makes a fault match micro.ErrFault. So does a kernel that was still running
// when its time was up: its session is lost, and only a reset shows whether the GPU is.
func deviceError(err error) error {
	fault := errors.Is(err, cuda.ErrFault) || errors.Is(err, cuda.ErrStale)
	hung := errors.Is(err, cuda.ErrBusy) && !errors.Is(err, context.Canceled)
	if err == nil || (!fault && !hung) {
		return err
	}
	return &faultError{err}
}

// faultError reads as its cause, which says all.
type faultError struct{ error }

func (e *faultError) Unwrap() error        { return e.error }
func (e *faultError) Is(target error) bool { return target == micro.ErrFault }
