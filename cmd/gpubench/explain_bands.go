package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// band is where a row's value is expected, and what the recording has.
type band struct {
	Point    results.Point `json:"point"`
	Metric   string        `json:"metric"`
	Unit     string        `json:"unit"`
	Low      float64       `json:"low"`
	High     float64       `json:"high"`
	Recorded string        `json:"recorded"`
}

// addBands replays the benchmark from the built-in recording: a band belongs to a
// row, and rows are made of samples.
func addBands(ctx context.Context, w world, x *explanation, b micro.Benchmark) error {
	dev, _, err := w.open(backend.Options{Kind: backend.KindReplay})
	if err != nil {
		return err
	}
	defer dev.Close()
	doc, err := run.Run(ctx, dev, []micro.Benchmark{b}, run.Options{Expected: backend.Expected, Approximate: backend.Approximate})
	if err != nil {
		return fmt.Errorf("replay %s for its bands: %w", b.Name, err)
	}
	if o := doc.Recording; o != nil && o.Stale > 0 {
		w.tell("%s changed since the recording: their bands are not known", count(o.Stale, "point"))
	}
	x.BandsOf = dev.Describe().Name
	x.Bands = []band{}
	for _, r := range doc.Rows {
		if r.Band != nil {
			x.Bands = append(x.Bands, band{r.Point, r.Metric, r.Unit, r.Band[0], r.Band[1], cell.ValueUnit(r)})
		}
	}
	return nil
}

func (x *explanation) printBands(w io.Writer) {
	fmt.Fprintf(w, "\nExpected bands on %s, with the recorded values: %d\n", x.BandsOf, len(x.Bands))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range x.Bands {
		fmt.Fprintf(t, "  %s\t%s\t%.4g to %.4g %s\t%s\n", b.Point.Key(), b.Metric, b.Low, b.High, b.Unit, b.Recorded)
	}
	_ = t.Flush() // into the buffer of print, which tells its errors
}
