// Package doctor finds out what this machine can do: driver, GPUs, what the chosen GPU runs,
// sensors, permissions, cache. Each question has one of three answers and a reason; what
// could not be tried is "don't know", never "no". Capabilities are tried, not looked up: a
// small kernel runs and must give the right number.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/micro"
)

// Answer is one of Yes, No and Unknown.
type Answer string

// The three answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "don't know"
)

// Finding is one question with its answer.
type Finding struct {
	Name   string `json:"name"`
	Answer Answer `json:"answer"`
	Reason string `json:"reason"`
}

// Options of Run.
type Options struct {
	// GPU is the index of the GPU to try.
	GPU int
	// CacheDir is where compiled kernels are kept; empty is none.
	CacheDir string
	// Timeout bounds each trial on the GPU; 0 means 20 seconds.
	Timeout time.Duration
}

// system is the boundary to the machine.
type system interface {
	built() bool
	available() error
	driverVersion() (int, error)
	devices() ([]cuda.Attributes, error)
	visible() string // CUDA_VISIBLE_DEVICES
	deviceFiles() (files []deviceFile, known bool)
	open(index int) (micro.Device, error)
	sensors(uuid, busID string) (nvml.Info, nvml.Reading, error)
	checkCache(dir string) error
}

// Run asks every question, in an order in which later ones build on earlier ones. The list
// has the same names whatever the answers, but for one entry for each GPU.
func Run(ctx context.Context, o Options) []Finding { return examine(ctx, o, machine{}) }

func examine(ctx context.Context, o Options, sys system) []Finding {
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Second
	}
	e := &examination{ctx: ctx, opts: o, sys: sys}
	e.build()
	e.files()
	e.driver()
	e.gpus()
	e.sensors()
	e.trials()
	e.cache()
	return e.findings
}

// examination collects findings; blocked is why later questions cannot be asked.
type examination struct {
	ctx      context.Context
	opts     Options
	sys      system
	findings []Finding
	blocked  string
	chosen   cuda.Attributes
}

func (e *examination) add(name string, a Answer, format string, args ...any) {
	e.findings = append(e.findings, Finding{name, a, fmt.Sprintf(format, args...)})
}

// block adds the "no" or "don't know" that the questions after it fail for.
func (e *examination) block(name string, a Answer, format string, args ...any) {
	e.add(name, a, format, args...)
	e.blocked = fmt.Sprintf("see %q", name)
}

// skip answers a question that cannot be asked.
func (e *examination) skip(name string) bool {
	if e.blocked == "" && e.ctx.Err() != nil {
		e.blocked = e.ctx.Err().Error()
	}
	if e.blocked != "" {
		e.add(name, Unknown, "not tried: %s", e.blocked)
	}
	return e.blocked != ""
}

func (e *examination) build() {
	if e.sys.built() {
		e.add("gpu support in this program", Yes, "built with the tag cuda")
		return
	}
	e.block("gpu support in this program", No, "built without the tag cuda; make builds with it where a cuda.h can be had")
}

func (e *examination) driver() {
	if !e.skip("driver") {
		if err := e.sys.available(); err != nil {
			e.block("driver", No, "%v", err)
		} else {
			e.add("driver", Yes, "libcuda.so.1 answers")
		}
	}
	const name = "driver new enough"
	if e.skip(name) {
		return
	}
	v, err := e.sys.driverVersion()
	if err != nil {
		e.block(name, Unknown, "%v", err)
		return
	}
	if err := cuda.CheckDriver(v); err != nil {
		e.block(name, No, "%v", err)
		return
	}
	e.add(name, Yes, "it is for CUDA %d.%d", v/1000, v%1000/10)
}

func (e *examination) gpus() {
	list := e.list()
	for _, a := range list {
		e.gpu(a)
	}
	const name = "chosen gpu"
	if e.skip(name) {
		return
	}
	if e.opts.GPU < 0 || e.opts.GPU >= len(list) {
		e.block(name, No, "there is no GPU %d: the indices are 0 to %d", e.opts.GPU, len(list)-1)
		return
	}
	e.chosen = list[e.opts.GPU]
	e.add(name, Yes, "%d, %s", e.opts.GPU, e.chosen.Name)
}

func (e *examination) list() []cuda.Attributes {
	const name = "gpus"
	if e.skip(name) {
		return nil
	}
	list, err := e.sys.devices()
	switch {
	case err != nil:
		e.block(name, Unknown, "%v", err)
		return nil
	case len(list) == 0:
		e.block(name, No, "the driver shows none%s", e.visibility())
		return nil
	}
	e.add(name, Yes, "%d%s", len(list), e.visibility())
	return list
}

func (e *examination) gpu(a cuda.Attributes) {
	name := fmt.Sprintf("gpu %d", a.Index)
	about := fmt.Sprintf("%s, %s, compute capability %d.%d, %d SMs, %.0f GiB", a.Name, a.UUID, a.Major, a.Minor, a.SMs,
		float64(a.TotalMem)/(1<<30))
	switch {
	case a.Major < 8:
		e.add(name, No, "%s: older than Ampere, no suite is for it", about)
	case a.ComputeMode == 2:
		e.add(name, No, "%s: its compute mode prohibits contexts", about)
	default:
		e.add(name, Yes, "%s", about)
	}
}

func (e *examination) visibility() string {
	if v := e.sys.visible(); v != "" {
		return " (CUDA_VISIBLE_DEVICES=" + v + ")"
	}
	return ""
}

// sensorNames are the questions about NVML, in order.
func sensorNames() []string {
	return []string{"sm clock", "memory clock", "power", "temperature", "energy counter", "throttle reasons"}
}

func (e *examination) sensors() {
	if e.skip("nvml") {
		for _, n := range sensorNames() {
			e.skip("sensor: " + n)
		}
		return
	}
	info, r, err := e.sys.sensors(e.chosen.UUID, e.chosen.PCIBusID)
	if err != nil {
		// No sensors hinder no measurement, so this blocks nothing.
		e.add("nvml", No, "%v", err)
		for _, n := range sensorNames() {
			e.add("sensor: "+n, Unknown, "not tried: %v", err)
		}
		return
	}
	e.add("nvml", Yes, "driver %s, VBIOS %s", orUnknown(info.Driver), orUnknown(info.VBIOS))
	e.sensor(r)
}

func (e *examination) sensor(r nvml.Reading) {
	for i, v := range []struct {
		value *float64
		unit  string
	}{
		{r.SMClockMHz, "MHz"}, {r.MemClockMHz, "MHz"}, {r.PowerW, "W"}, {r.TemperatureC, "°C"}, {r.EnergyJ, "J"},
	} {
		name := "sensor: " + sensorNames()[i]
		if v.value == nil {
			e.add(name, No, "the card or the driver does not tell")
			continue
		}
		e.add(name, Yes, "%.4g %s now", *v.value, v.unit)
	}
	switch name := "sensor: throttle reasons"; {
	case r.Throttle == nil:
		e.add(name, No, "the card or the driver does not tell")
	case len(r.Throttle) == 0:
		e.add(name, Yes, "none now")
	default:
		e.add(name, Yes, "now %v", r.Throttle)
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

func (e *examination) cache() {
	const name = "kernel cache"
	if e.opts.CacheDir == "" {
		e.add(name, No, "there is no cache directory, so kernels are compiled in every run")
		return
	}
	if err := e.sys.checkCache(e.opts.CacheDir); err != nil {
		e.add(name, No, "%v", err)
		return
	}
	e.add(name, Yes, "%s can be written", e.opts.CacheDir)
}

// interrupted says whether a failure is the end of somebody's patience, which tells nothing
// of the machine; but a kernel that does not end is a fault.
func (e *examination) interrupted(err error) bool {
	if e.ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, micro.ErrFault)
}
