package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table"
	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/device"
	"github.com/gpubench/gpubench/stream/document"
	"github.com/gpubench/gpubench/stream/host"
)

// Targets of STREAM.
const (
	targetHost = "host"
	targetGPU  = "gpu"
	targetAll  = "all"
)

// streamFlags are those of run, less what STREAM fixes, and its own.
type streamFlags struct {
	runFlags
	target  string
	kernels []string
	types   []string
	stores  []string
	isa     string
	size    string
	threads int
	bytes   uint64 // of size
}

func streamCommand(w world) *cobra.Command {
	f := &streamFlags{}
	c := &cobra.Command{
		Use:   "stream",
		Short: "Measure memory bandwidth by STREAM's kernels, on the host and the GPU",
		Long: `Measure memory bandwidth: STREAM's Copy, Scale, Add and Triad, BabelStream's Dot and
Nstream, read-only, write-only, and softmax in two and three passes. Ten trials, the
first not counted; results are checked. The host is measured with ordinary stores
("standard") and with stores around the caches ("tuned"), the GPU over many shapes of
launch. Tables go to standard output in STREAM's form; the document and the report
with its pictures go to the output folder.

Arrays must be four times the last-level cache; smaller ones are refused, or marked
with --force. On the host, threads keep to the CPUs and the quota of this process.`,
		Example: `  gpubench stream
  gpubench stream --target host --kernel triad --type f64 --size 1GiB
  gpubench stream --target gpu --kernel copy,triad --json --no-report --out s | jq .rows`,
		Args: needs(),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	flags := c.Flags()
	flags.StringVar(&f.target, "target", targetAll, "host, gpu, or all: the host, and the GPU if one is usable")
	flags.StringSliceVar(&f.kernels, "kernel", nil, "kernels: "+strings.Join(kernelNames(), ", ")+" (default all)")
	flags.StringSliceVar(&f.types, "type", nil, "element types: f64, f32 (default both)")
	flags.StringVar(&f.size, "size", "", "size of one array, such as 1GiB (default by the machine)")
	flags.BoolVar(&f.force, "force", false, "measure arrays that are too small for the rule, marked; replace a document in the output folder")
	flags.StringSliceVar(&f.stores, "stores", nil, "host: standard, tuned (default both)")
	flags.StringVar(&f.isa, "isa", "", "host: avx512, avx2, sse2, go (default the best)")
	flags.IntVar(&f.threads, "threads", 0, "host: threads (default one per core)")
	flags.StringVar(&f.Kind, "backend", backend.KindAuto, "GPU: "+strings.Join(backend.Kinds(), ", "))
	flags.IntVar(&f.GPU, "gpu", 0, "index of the GPU")
	flags.StringVarP(&f.out, "out", "o", "", "output folder (default gpubench-out/stream-TIME)")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the order of GPU measurements (default random, printed)")
	flags.BoolVar(&f.all, "all", false, "print every row, with proof and check, after STREAM's table")
	flags.BoolVar(&f.asJSON, "json", false, "print the document instead of the tables")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	flags.BoolVar(&f.noReport, "no-report", false, "write the document only")
	flags.BoolVar(&f.noCache, "no-cache", false, "compile every kernel anew")
	completeFlag(c, "target", []string{targetHost, targetGPU, targetAll})
	completeFlag(c, "kernel", kernelNames())
	completeFlag(c, "type", stream.Types())
	completeFlag(c, "stores", []host.Stores{host.Standard, host.Tuned})
	completeFlag(c, "isa", host.ISAs())
	completeFlag(c, "backend", backend.Kinds())
	completeFolder(c, "out")
	return c
}

func kernelNames() []string {
	var names []string
	for _, k := range stream.Kernels() {
		names = append(names, k.Name)
	}
	return names
}

// checkStream refuses what no machine could do.
func (f *streamFlags) checkStream() error {
	if !slices.Contains([]string{targetHost, targetGPU, targetAll}, f.target) {
		return usagef("--target %q: it is host, gpu or all", f.target)
	}
	for _, k := range f.kernels {
		if _, err := stream.Find(k); err != nil {
			return usagef("--kernel: %w; there are %s", err, strings.Join(kernelNames(), ", "))
		}
	}
	for _, t := range f.types {
		if !slices.Contains(stream.Types(), stream.Type(t)) {
			return usagef("--type %q: it is f64 or f32", t)
		}
	}
	for _, s := range f.stores {
		if s != string(host.Standard) && s != string(host.Tuned) {
			return usagef("--stores %q: it is standard or tuned", s)
		}
	}
	if f.threads < 0 {
		return usagef("--threads %d: give 1 or more, or leave it out for one per core", f.threads)
	}
	if f.size == "" {
		return f.check()
	}
	bytes, err := humanize.ParseBytes(f.size)
	if err != nil || bytes == 0 {
		return usagef("--size %q: give the size of one array, such as 512MiB or 1GiB", f.size)
	}
	f.bytes = bytes
	return f.check()
}

// run measures the host first, while the GPU is idle.
func (f *streamFlags) run(ctx context.Context, w world) error {
	if err := f.checkStream(); err != nil {
		return err
	}
	dev, err := f.device(w)
	if err != nil {
		return err
	}
	if dev != nil {
		defer dev.Close()
	}
	dir, err := f.folder(w, []string{"stream"})
	if err != nil {
		return err
	}
	if f.seed == 0 {
		f.seed = uint64(rand.Uint32())
	}
	doc, err := f.measure(ctx, w, dev)
	if doc == nil {
		return streamError(err)
	}
	doc.Tool, doc.Command, doc.Suite, doc.Seed = version(), w.args, "stream", f.seed
	d := delivery{dir: dir, asJSON: f.asJSON, noReport: f.noReport, tables: f.tables,
		again: func(string) string { return "run it again: what was measured is in the document" }}
	return errors.Join(streamError(err), d.deliver(w, doc))
}

// tables prints STREAM's tables, and all rows if they were asked for.
func (f *streamFlags) tables(w world, doc *results.Document) error {
	if err := document.Classic(w.out, doc); err != nil || !f.all {
		return err
	}
	return table.Write(w.out, doc, table.Options{Width: w.width, All: true})
}

// streamError gives a size or selection that cannot be had the exit code of usage.
func streamError(err error) error {
	for _, usage := range []error{device.ErrTooSmall, device.ErrTooLarge, host.ErrTooSmall, host.ErrMemory, host.ErrISA, host.ErrThreads} {
		if errors.Is(err, usage) {
			return usagef("%w", err)
		}
	}
	return err
}

// device opens the GPU if it is to be measured, and makes sure that the arrays fit.
func (f *streamFlags) device(w world) (micro.Device, error) {
	if f.target == targetHost {
		return nil, nil
	}
	if f.target == targetAll && f.Kind == backend.KindAuto {
		f.Kind = backend.KindCUDA
		defer func() { f.Kind = backend.KindAuto }()
		dev, err := f.open(w)
		if err == nil {
			return dev, f.fits(dev)
		}
		w.tell("the host alone is measured: %v", err)
		return nil, nil
	}
	dev, err := f.open(w)
	if err != nil {
		return nil, err
	}
	return dev, f.fits(dev)
}

// fits checks the size of the arrays before anything is measured.
func (f *streamFlags) fits(dev micro.Device) error {
	gpu, err := micro.NewGPU(dev.Describe())
	if err == nil {
		_, err = f.deviceOptions().Size(gpu)
	}
	if err != nil {
		return streamError(errors.Join(err, dev.Close()))
	}
	return nil
}

func (f *streamFlags) deviceOptions() device.Options {
	return device.Options{Kernels: f.kernels, Types: f.elementTypes(), Bytes: f.bytes, Force: f.force}
}

func (f *streamFlags) elementTypes() []stream.Type {
	var list []stream.Type
	for _, t := range f.types {
		list = append(list, stream.Type(t))
	}
	return list
}

// measure gives the document of what was measured, also with an error.
func (f *streamFlags) measure(ctx context.Context, w world, dev micro.Device) (*results.Document, error) {
	started := w.now()
	var hostResult *host.Result
	var hostErr error
	if f.target != targetGPU {
		hostResult, hostErr = f.measureHost(ctx, w)
		if hostResult == nil {
			return nil, hostErr
		}
	}
	finished := w.now()
	if dev == nil || hostErr != nil {
		doc := document.OfHost(hostResult, started, finished)
		if errors.Is(hostErr, context.Canceled) {
			doc.State = results.Interrupted
			hostErr = nil
		}
		return doc, hostErr
	}
	doc, err := f.measureGPU(ctx, w, dev)
	if doc != nil && hostResult != nil {
		doc.Started = started
		document.AddHost(doc, hostResult, finished.Sub(started))
	}
	return doc, err
}

func (f *streamFlags) measureHost(ctx context.Context, w world) (*host.Result, error) {
	o := host.Options{Kernels: f.kernels, Types: f.elementTypes(), ISA: host.ISA(f.isa), Threads: f.threads, Bytes: f.bytes, Force: f.force, Sweep: true}
	for _, s := range f.stores {
		o.Stores = append(o.Stores, host.Stores(s))
	}
	bar := newProgress(w)
	defer bar.close()
	if !f.quiet {
		o.Progress = func(done float64, what string) {
			bar.show(run.Progress{Phase: "measure", Benchmark: "host, " + what, Done: int(100 * done), Total: 100})
		}
	}
	return host.Measure(ctx, o)
}

func (f *streamFlags) measureGPU(ctx context.Context, w world, dev micro.Device) (*results.Document, error) {
	opts := run.Options{Seed: f.seed, Expected: backend.Expected, Approximate: backend.Approximate}
	if !f.quiet {
		w.tell("STREAM on %s (%s), seed %d", dev.Describe().Name, dev.Backend(), f.seed)
	}
	bar := newProgress(w)
	defer bar.close()
	if !f.quiet {
		opts.Progress = bar.show
	}
	doc, err := run.Run(ctx, dev, device.Benchmarks(f.deviceOptions()), opts)
	if err != nil && doc == nil {
		return nil, fmt.Errorf("measure the GPU: %w", err)
	}
	return doc, err
}
