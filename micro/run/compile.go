package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/sass"
	"github.com/gpubench/gpubench/results"
)

// module is one distinct PTX text and the points that use it.
type module struct {
	benchmark, kernel string
	points            []*point
	code              micro.Code
	machine           []results.MachineCode
	err               error
}

// compile makes machine code of every distinct text, on all cores.
func (r *runner) compile(ctx context.Context) {
	modules := r.modules()
	r.done.Total = len(modules)
	r.tell("")
	start := time.Now()
	work, finished := make(chan *module), make(chan *module)
	var workers sync.WaitGroup
	for range min(runtime.NumCPU(), max(len(modules), 1)) {
		workers.Go(func() {
			for m := range work {
				r.compileOne(ctx, m)
				finished <- m
			}
		})
	}
	go func() {
		for _, m := range modules {
			work <- m
		}
		close(work)
		workers.Wait()
		close(finished)
	}()
	for m := range finished {
		r.done.Done++
		r.tell(m.benchmark)
	}
	for _, m := range modules {
		r.compiled(m)
	}
	r.doc.Compile.WallSeconds = time.Since(start).Seconds()
}

// modules groups the points by PTX text, in a fixed order.
func (r *runner) modules() []*module {
	byKernel := map[string]*module{}
	var list []*module
	for _, p := range r.plans {
		for _, m := range p.points {
			if m.Err != nil {
				continue
			}
			mod := byKernel[m.kernel]
			if mod == nil {
				mod = &module{benchmark: p.Name, kernel: m.kernel}
				byKernel[m.kernel] = mod
				list = append(list, mod)
			}
			mod.points = append(mod.points, m)
		}
	}
	return list
}

func (r *runner) compileOne(ctx context.Context, m *module) {
	if m.err = ctx.Err(); m.err != nil {
		return
	}
	text, err := m.points[0].Job.Text()
	if err != nil {
		m.err = err
		return
	}
	m.code, m.err = r.dev.Compile(ctx, m.benchmark+" "+m.kernel, text)
	if m.err != nil {
		return
	}
	m.machine = m.code.Recorded
	if len(m.code.Image) > 0 {
		// An image that cannot be read leaves the proof to scaling; the row says so.
		m.machine, _ = MachineCode(m.code.Image)
	}
}

// compiled hands a module's outcome to its points and into the document.
func (r *runner) compiled(m *module) {
	for _, p := range m.points {
		p.Err, p.code, p.Code = m.err, m.code, m.machine
		p.Proof = Prove(p.Job.Expect, m.machine, m.code.Warnings)
	}
	if m.err != nil {
		return
	}
	text, _ := m.points[0].Job.Text()
	seconds := m.code.Elapsed.Seconds()
	c := &r.doc.Compile
	c.Modules++
	if m.code.Cached {
		c.Cached++
	} else {
		c.CPUSeconds += seconds
	}
	if seconds > c.SlowestSecs {
		c.Slowest, c.SlowestSecs = fmt.Sprintf("%s (kernel %s)", m.benchmark, m.kernel), seconds
	}
	k := results.Kernel{Hash: m.kernel, Benchmark: m.benchmark, Target: m.points[0].Job.Module.Target().String(),
		PTXBytes: len(text), Seconds: seconds, Cached: m.code.Cached, Code: m.machine, Warnings: m.code.Warnings}
	if len(m.code.Image) > 0 {
		sum := sha256.Sum256(m.code.Image)
		k.CubinHash = hex.EncodeToString(sum[:8])
	}
	for _, code := range m.machine {
		k.Registers = max(k.Registers, code.Registers)
	}
	r.doc.Kernels = append(r.doc.Kernels, k)
}

// MachineCode counts the instructions of a cubin's kernels between clock reads.
func MachineCode(image []byte) ([]results.MachineCode, error) {
	kernels, err := sass.Read(image)
	if err != nil {
		return nil, err
	}
	var list []results.MachineCode
	for _, k := range kernels {
		code := results.MachineCode{Kernel: k.Name, Registers: k.Registers}
		for _, section := range k.Sections() {
			code.Sections = append(code.Sections, census(section))
		}
		list = append(list, code)
	}
	return list, nil
}

func census(section []sass.Instruction) results.Section {
	var counts results.Section
	at := map[string]int{}
	for _, in := range section {
		i, seen := at[in.Mnemonic]
		if !seen {
			i = len(counts)
			at[in.Mnemonic] = i
			counts = append(counts, results.InstructionCount{Mnemonic: in.Mnemonic})
		}
		counts[i].Count++
	}
	return counts
}

// serialised finds the compiler's notes that it took wgmma apart or put fences in.
func serialised(warnings []string) string {
	for _, w := range warnings {
		if l := strings.ToLower(w); strings.Contains(l, "wgmma") || strings.Contains(l, "serializ") {
			return w
		}
	}
	return ""
}
