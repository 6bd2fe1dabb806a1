package backend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gpubench/gpubench/internal/cuda"
)

// fakeGPU stands for internal/cuda. Its kernels: "fill" writes its second argument, a 32-bit
// number, into the eight bytes at its first; "add" adds; "fault" and "hang" do what they say.
type fakeGPU struct {
	mu      sync.Mutex
	mem     map[cuda.Ptr][]byte // by the start of each allocation
	next    cuda.Ptr
	free    uint64
	fault   error
	hung    bool
	links   int
	loads   int
	unloads int
	frees   int
	resets  int
	log     []string // attributes and launches in order
	info    string   // the compiler's log
	linkErr error
}

var errIllegal = &cuda.Error{Op: "cuStreamQuery", Code: 700, Name: "CUDA_ERROR_ILLEGAL_ADDRESS", Text: "an illegal memory access was encountered"}

func newFakeGPU() *fakeGPU {
	return &fakeGPU{mem: map[cuda.Ptr][]byte{}, next: 1 << 20, free: 1 << 20}
}

// lock is the start of each call; the answer is what a call in this state returns.
func (g *fakeGPU) lock() error {
	g.mu.Lock()
	if g.fault == nil && g.hung {
		return cuda.ErrBusy
	}
	return g.fault
}

func (g *fakeGPU) Attributes() cuda.Attributes {
	return cuda.Attributes{Index: 1, Name: "Fake H200", UUID: "GPU-1", Major: 9, Minor: 0, SMs: 132,
		SharedPerSM: 233472, SharedPerBlockOptin: 232448, ClockKHz: 1980000, MemClockKHz: 3201000, TotalMem: 2 << 20, FreeMem: 1 << 20}
}

func (g *fakeGPU) Compile(ctx context.Context, name, ptx, target string) (cuda.Cubin, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.links++
	return cuda.Cubin{Image: []byte(name + "|" + target + "|" + ptx), InfoLog: g.info, Elapsed: time.Second}, errors.Join(ctx.Err(), g.linkErr)
}

func (g *fakeGPU) Load(image []byte) (gpuModule, error) {
	defer g.mu.Unlock()
	err := g.lock()
	g.loads++
	return fakeModule{g, g.resets}, err
}

type fakeModule struct {
	gpu        *fakeGPU
	generation int
}

func (m fakeModule) Function(name string) (gpuFunction, error) {
	switch name {
	case "fill", "add", "fault", "hang":
		return fakeFunction{m, name}, nil
	}
	return nil, fmt.Errorf("kernel %s: named symbol not found", name)
}

func (m fakeModule) Unload() error {
	defer m.gpu.mu.Unlock()
	err := m.gpu.lock()
	m.gpu.unloads++
	return err
}

type fakeFunction struct {
	fakeModule
	name string
}

func (f fakeFunction) set(format string, args ...any) error {
	defer f.gpu.mu.Unlock()
	err := f.gpu.lock()
	f.gpu.log = append(f.gpu.log, fmt.Sprintf(format, args...))
	return err
}

func (f fakeFunction) AllowShared(n int) error          { return f.set("shared %d", n) }
func (f fakeFunction) AllowNonPortableCluster() error   { return f.set("non-portable") }
func (f fakeFunction) PreferSharedCarveout(n int) error { return f.set("carveout %d", n) }

func (f fakeFunction) Launch(l cuda.Launch, args [][]byte) error {
	if err := f.set("%s %v %v %d", f.name, l.Grid, l.Block, l.SharedBytes); err != nil {
		return err
	}
	g := f.gpu
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.generation != g.resets {
		return cuda.ErrStale
	}
	switch f.name {
	case "fault":
		g.fault = errIllegal
		return nil
	case "hang":
		g.hung = true
		return nil
	}
	at := g.at(cuda.Ptr(binary.LittleEndian.Uint64(args[0])), 8)
	v := uint64(binary.LittleEndian.Uint32(args[1]))
	if f.name == "add" {
		v += binary.LittleEndian.Uint64(at)
	}
	binary.LittleEndian.PutUint64(at, v)
	return nil
}

// at finds n bytes of memory; none is a fault.
func (g *fakeGPU) at(p cuda.Ptr, n int) []byte {
	for start, mem := range g.mem {
		if p >= start && uint64(p-start)+uint64(n) <= uint64(len(mem)) {
			return mem[p-start:][:n]
		}
	}
	g.fault = errIllegal
	return make([]byte, n)
}

func (g *fakeGPU) Do(f func() error) error { return f() }

func (g *fakeGPU) Elapsed(ctx context.Context, run func() error) (time.Duration, error) {
	if err := g.Synchronize(ctx); err != nil {
		return 0, err
	}
	if err := run(); err != nil {
		return 0, err
	}
	return 1500 * time.Nanosecond, g.Synchronize(ctx)
}

func (g *fakeGPU) Synchronize(ctx context.Context) error {
	err := g.lock()
	g.mu.Unlock()
	if errors.Is(err, cuda.ErrBusy) {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", err, ctx.Err())
	}
	return err
}

func (g *fakeGPU) Alloc(bytes uint64) (cuda.Ptr, error) {
	defer g.mu.Unlock()
	if err := g.lock(); err != nil {
		return 0, err
	}
	if bytes > g.free {
		return 0, &cuda.Error{Op: "cuMemAlloc", Code: 2, Name: "CUDA_ERROR_OUT_OF_MEMORY", Text: "out of memory"}
	}
	p := g.next
	g.next += cuda.Ptr(bytes+511) &^ 255
	g.free -= bytes
	g.mem[p] = make([]byte, bytes)
	for i := range g.mem[p] {
		g.mem[p][i] = 0xee // what was there before
	}
	return p, nil
}

func (g *fakeGPU) Free(p cuda.Ptr) error {
	if p == 0 {
		return nil
	}
	defer g.mu.Unlock()
	if err := g.lock(); err != nil {
		return err
	}
	if _, ok := g.mem[p]; !ok {
		return errors.New("freed what is not allocated")
	}
	g.free += uint64(len(g.mem[p]))
	g.frees++
	delete(g.mem, p)
	return nil
}

func (g *fakeGPU) Write(dst cuda.Ptr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	defer g.mu.Unlock()
	err := g.lock()
	copy(g.at(dst, len(src)), src)
	return err
}

func (g *fakeGPU) Read(dst []byte, src cuda.Ptr) error {
	defer g.mu.Unlock()
	err := g.lock()
	copy(dst, g.at(src, len(dst)))
	return err
}

func (g *fakeGPU) Fill(dst cuda.Ptr, value byte, bytes uint64) error {
	defer g.mu.Unlock()
	err := g.lock()
	mem := g.at(dst, int(bytes))
	for i := range mem {
		mem[i] = value
	}
	return err
}

func (g *fakeGPU) Copy(dst, src cuda.Ptr, bytes uint64) error {
	defer g.mu.Unlock()
	err := g.lock()
	copy(g.at(dst, int(bytes)), g.at(src, int(bytes)))
	return err
}

func (g *fakeGPU) MemInfo() (free, total uint64, err error) {
	defer g.mu.Unlock()
	err = g.lock()
	return g.free, 2 << 20, err
}

func (g *fakeGPU) Reset() error {
	defer g.mu.Unlock()
	if err := g.lock(); errors.Is(err, cuda.ErrBusy) {
		return err
	}
	g.resets++
	g.fault, g.mem, g.free = nil, map[cuda.Ptr][]byte{}, 1<<20
	return nil
}

func (g *fakeGPU) Close() error { return nil }

// openFake is a backend over a fake, without sensors.
func openFake(t *testing.T, cacheDir string) (*CUDA, *fakeGPU) {
	t.Helper()
	g := newFakeGPU()
	d := newCUDA(g, 13000, nil, cacheDir)
	t.Cleanup(func() { _ = d.Close() })
	return d, g
}
