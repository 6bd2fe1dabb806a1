//go:build peer

// Command gpu measures our STREAM kernels on a GPU against the same in CUDA C, side
// by side: in one process and context, at equal sizes, in turn, both timed by the
// device's events around one launch.
//
//	stream/peer/build.sh bin
//	go build -tags peer,cuda -o bin/peer-gpu ./stream/peer/gpu
//	bin/peer-gpu -cubin bin/peer.cubin -json peer-gpu.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

type flags struct {
	cubin, json, sizes, kernels string
	quads                       int
	gpu                         int
}

func main() {
	var f flags
	flag.StringVar(&f.cubin, "cubin", "peer.cubin", "the CUDA C side, as build.sh makes it")
	flag.StringVar(&f.json, "json", "", "file for the rows as JSON")
	flag.StringVar(&f.sizes, "sizes", "268435456,2147483648", "bytes of one array, in order: the first is BabelStream's default")
	flag.StringVar(&f.kernels, "kernels", "copy,scale,add,triad,nstream,dot", "kernels, in order")
	flag.IntVar(&f.quads, "quads", 40, "quads of each comparison")
	flag.IntVar(&f.gpu, "gpu", 0, "index of the GPU")
	flag.Parse()
	if err := f.measure(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// document is the JSON.
type document struct {
	Device results.Device
	Rows   []results.Row
}

func (f flags) measure(ctx context.Context) (err error) {
	image, err := os.ReadFile(f.cubin)
	if err != nil {
		return fmt.Errorf("read the CUDA C side: %w; stream/peer/build.sh makes it where nvcc is", err)
	}
	dev, err := backend.OpenCUDA(f.gpu, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	gpu, err := micro.NewGPU(dev.Describe())
	if err != nil {
		return err
	}
	b := bench{dev: dev, gpu: gpu, image: image, quads: f.quads}
	doc := document{Device: dev.Describe()}
	fmt.Printf("%s, driver %s\n%s\n", doc.Device.Name, doc.Device.Driver, stream.Variant)
	for _, size := range strings.Split(f.sizes, ",") {
		bytes, err := strconv.ParseUint(size, 10, 64)
		if err != nil {
			return fmt.Errorf("size %q: %w", size, err)
		}
		fmt.Printf("\narrays of %d MiB, doubles\n%-8s %-44s %-14s %7s  %-15s %10s\n", bytes>>20, "kernel", "variant", "reference", "speed", "95 % interval", "ref. GB/s")
		for _, kernel := range strings.Split(f.kernels, ",") {
			rows, err := b.compare(ctx, kernel, bytes)
			if err != nil {
				return fmt.Errorf("%s of %d bytes: %w", kernel, bytes, err)
			}
			doc.Rows = append(doc.Rows, rows...)
		}
	}
	if f.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.json, append(text, '\n'), 0o644)
}
