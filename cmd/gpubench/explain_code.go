package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx/sass"
	"github.com/gpubench/gpubench/results"
)

// pointCode is the code of one point.
type pointCode struct {
	Benchmark string        `json:"benchmark"`
	Point     results.Point `json:"point"`
	Kernel    string        `json:"kernel"`
	PTX       string        `json:"ptx,omitempty"`
	// Listings is machine code that the driver made here.
	Listings []machineListing `json:"listings,omitempty"`
	// Recorded is what a recording counted between clock reads.
	Recorded []results.MachineCode `json:"recorded,omitempty"`
}

// machineListing is one kernel's machine code.
type machineListing struct {
	Kernel    string `json:"kernel"`
	SM        int    `json:"sm"`
	Registers int    `json:"registers"`
	Text      string `json:"text"`
}

// addCode builds the chosen point's kernel.
func (f *explainFlags) addCode(ctx context.Context, w world, x *explanation, b micro.Benchmark, gpu micro.GPU) error {
	point, err := findPoint(b.Name, x.plan, f.point)
	if err != nil {
		return err
	}
	job, err := b.Job(gpu, point)
	if err != nil {
		return fmt.Errorf("%s {%s} cannot be built for %s: %w", b.Name, point.Key(), gpu.Arch, err)
	}
	text, err := job.Text()
	if err != nil {
		return fmt.Errorf("%s {%s}: %w", b.Name, point.Key(), err)
	}
	x.Code = &pointCode{Benchmark: b.Name, Point: point, Kernel: micro.HashText(text)}
	if f.ptx {
		x.Code.PTX = text
	}
	if f.sass {
		return f.machineCode(ctx, w, x.Code, text)
	}
	return nil
}

// machineCode asks the driver what it makes of the text, or else the recording.
func (f *explainFlags) machineCode(ctx context.Context, w world, c *pointCode, text string) error {
	dev, fallback, err := w.open(backend.Options{Kind: backend.KindAuto, GPU: f.gpu, CacheDir: w.cache})
	if err != nil {
		return err
	}
	defer dev.Close()
	code, err := dev.Compile(ctx, c.Benchmark, text)
	if err != nil {
		return fmt.Errorf("compile for %s: %w", dev.Describe().Name, err)
	}
	if fallback != nil {
		w.tell("no usable GPU (%v): showing what was recorded on %s", fallback, dev.Describe().Name)
	}
	if code.Image == nil {
		if len(code.Recorded) == 0 {
			return errors.New("the recording has no machine code of this kernel: it was not measured, or changed since")
		}
		c.Recorded = code.Recorded
		return nil
	}
	kernels, err := sass.Read(code.Image)
	if err != nil {
		return fmt.Errorf("read machine code: %w", err)
	}
	for _, k := range kernels {
		c.Listings = append(c.Listings, machineListing{k.Name, k.SM, k.Registers, k.Listing()})
	}
	return nil
}

func (c *pointCode) print(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "// %s {%s}, kernel %s\n", c.Benchmark, c.Point.Key(), c.Kernel)
	fmt.Fprint(w, c.PTX)
	for _, l := range c.Listings {
		fmt.Fprintf(w, "// %s, sm_%d, %d registers\n%s", l.Kernel, l.SM, l.Registers, l.Text)
	}
	for _, k := range c.Recorded {
		fmt.Fprintf(w, "// %s, %d registers; instructions between clock reads, as recorded\n", k.Kernel, k.Registers)
		for i, s := range k.Sections {
			fmt.Fprintf(w, "section %d\n", i+1)
			for _, in := range s {
				fmt.Fprintf(w, "  %5d  %s\n", in.Count, in.Mnemonic)
			}
		}
	}
	return w.Flush()
}
