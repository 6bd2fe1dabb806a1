package emu

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/gpubench/gpubench/ptx"
)

// Launch is one kernel launch.
type Launch struct {
	// Kernel is the entry's name.
	Kernel      string
	Grid, Block [3]int
	// SharedBytes is the dynamic shared memory.
	SharedBytes int
	// Args are the parameters in order, little-endian, each of its declared size.
	Args [][]byte
	// Steps bounds the operations that all warps execute together; 0 means DefaultSteps.
	Steps int64
}

// DefaultSteps is the step budget of a launch that names none.
const DefaultSteps = 200_000_000

// maxShared is the most shared memory a CTA may have: 227 KiB and the reserved part.
const maxShared = 228 << 10

// U32 is a 32-bit argument.
func U32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// U64 is a 64-bit argument, such as an address.
func U64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// launch is a launch in progress.
type launch struct {
	mem   *Memory
	param []byte
	grid  [3]int
	block [3]int
	steps int64
	bytes int // dynamic shared memory
}

// Run executes a launch to its end. Asynchronous copies and matrix operations
// take effect when they are issued.
func Run(ctx context.Context, module *ptx.Module, mem *Memory, l Launch) error {
	p, err := mem.programOf(module, l.Kernel)
	if err != nil {
		return fmt.Errorf("emulate %s: %w", l.Kernel, err)
	}
	run, err := newLaunch(p, mem, l)
	if err != nil {
		return fmt.Errorf("emulate %s: %w", l.Kernel, err)
	}
	shape := clusterShape(p)
	for z := 0; z < run.grid[2]; z += shape[2] {
		for y := 0; y < run.grid[1]; y += shape[1] {
			for x := 0; x < run.grid[0]; x += shape[0] {
				if err := newCluster(p, run, [3]int{x, y, z}, shape).run(ctx); err != nil {
					return fmt.Errorf("emulate %s: %w", l.Kernel, err)
				}
			}
		}
	}
	return nil
}

func clusterShape(p *program) [3]int {
	c := p.kernel.Cluster
	return [3]int{max(c[0], 1), max(c[1], 1), max(c[2], 1)}
}

// newLaunch checks the shape and lays out the arguments.
func newLaunch(p *program, mem *Memory, l Launch) (*launch, error) {
	run := &launch{mem: mem, grid: l.Grid, block: l.Block, steps: l.Steps, bytes: l.SharedBytes}
	if run.steps == 0 {
		run.steps = DefaultSteps
	}
	threads, shape := 1, clusterShape(p)
	for i := range 3 {
		if l.Grid[i] < 1 || l.Block[i] < 1 || l.Grid[i]%shape[i] != 0 {
			return nil, fmt.Errorf("grid %v of CTAs %v in clusters %v: %w", l.Grid, l.Block, shape, ErrLaunch)
		}
		threads *= l.Block[i]
	}
	if threads > 1024 || p.kernel.MaxThreads > 0 && threads > p.kernel.MaxThreads {
		return nil, fmt.Errorf("%d threads in a CTA: %w", threads, ErrLaunch)
	}
	if l.SharedBytes < 0 || int(p.dynamicAt)+l.SharedBytes > maxShared {
		return nil, fmt.Errorf("%d bytes of shared memory: %w", int(p.dynamicAt)-sharedReserved+l.SharedBytes, ErrLaunch)
	}
	params := p.kernel.Params()
	if len(l.Args) != len(params) {
		return nil, fmt.Errorf("%d arguments for %d parameters: %w", len(l.Args), len(params), ErrLaunch)
	}
	run.param = make([]byte, p.paramBytes)
	for i, a := range l.Args {
		if len(a) != p.sizes[i] {
			return nil, fmt.Errorf("argument %s has %d bytes, not %d: %w", params[i].Name, len(a), p.sizes[i], ErrLaunch)
		}
		copy(run.param[p.offsets[i]:], a)
	}
	return run, nil
}

// cluster is the CTAs that run together.
type cluster struct {
	p      *program
	launch *launch
	shape  [3]int
	ctas   []*cta
	// events counts what may wake a thread that polls a barrier in memory.
	events uint64
	// arrived threads at the cluster barrier in its phase; live ones in all CTAs.
	arrived, live int
	phase         uint64
}

// cta is one block of threads.
type cta struct {
	cluster  *cluster
	id       [3]int
	rank     int // in the cluster
	linear   int // in the grid
	shared   []byte
	warps    []*warp
	live     int
	barriers [16]barrier
	groups   [8]barrier // of warpgroups
}

func newCluster(p *program, l *launch, origin, shape [3]int) *cluster {
	c := &cluster{p: p, launch: l, shape: shape}
	threads := l.block[0] * l.block[1] * l.block[2]
	for z := range shape[2] {
		for y := range shape[1] {
			for x := range shape[0] {
				id := [3]int{origin[0] + x, origin[1] + y, origin[2] + z}
				b := &cta{cluster: c, id: id, rank: len(c.ctas), live: threads,
					linear: id[0] + l.grid[0]*(id[1]+l.grid[1]*id[2]),
					shared: make([]byte, int(p.dynamicAt)+l.bytes)}
				for w := range (threads + 31) / 32 {
					b.warps = append(b.warps, newWarp(b, w, threads))
				}
				c.ctas = append(c.ctas, b)
				c.live += threads
			}
		}
	}
	return c
}

// quantum is how many operations a warp runs before the next has its turn.
const quantum = 2048

// maxTimeouts is how often all threads of a cluster may find nothing but
// unfinished barriers before that is a deadlock.
const maxTimeouts = 1000

// run runs the warps in turn until all have ended.
func (c *cluster) run(ctx context.Context) error {
	timeouts, events := 0, c.events
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ran, alive, err := c.round()
		switch {
		case err != nil:
			return err
		case !alive:
			return nil
		case ran && c.events != events:
			timeouts, events = 0, c.events
		case !ran && (!c.expire() || timeouts >= maxTimeouts):
			return c.deadlock()
		case !ran:
			timeouts++
		}
	}
}

// round gives every warp one turn.
func (c *cluster) round() (ran, alive bool, err error) {
	for _, b := range c.ctas {
		for _, w := range b.warps {
			if len(w.groups) == 0 {
				continue
			}
			r, err := w.run(quantum)
			ran = ran || r
			alive = alive || len(w.groups) > 0
			if err != nil {
				return ran, true, err
			}
		}
	}
	return ran, alive, nil
}

// expire lets every suspended poll return; it reports whether there was one.
func (c *cluster) expire() bool {
	found := false
	for _, b := range c.ctas {
		for _, w := range b.warps {
			for i := range w.groups {
				if w.groups[i].retry {
					w.groups[i].timeout, found = true, true
				}
			}
		}
	}
	return found
}

// deadlock describes the first group that waits.
func (c *cluster) deadlock() error {
	for _, b := range c.ctas {
		for _, w := range b.warps {
			if len(w.groups) == 0 {
				continue
			}
			at := w.groups[0].pc
			if w.groups[0].wait != nil { // it stands behind what it waits for
				at--
			}
			return w.fault(&w.p.ops[max(at, 0)], ErrDeadlock)
		}
	}
	return ErrDeadlock
}
