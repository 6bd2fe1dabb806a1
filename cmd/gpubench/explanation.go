package main

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// explanation is what 'explain' prints, and its JSON.
type explanation struct {
	Name       string   `json:"name"`
	Experiment string   `json:"experiment"`
	Question   string   `json:"question"`
	Method     string   `json:"method"`
	Source     string   `json:"source"`
	Units      []string `json:"units"`
	GPU        string   `json:"gpu"`
	Target     string   `json:"target"`
	PointCount int      `json:"point_count"`
	// Coordinates are the values that the points' keys take.
	Coordinates []coordinate `json:"coordinates"`
	// Points is only there where they were asked for: it takes building every kernel.
	Points []explainedPoint `json:"points,omitempty"`
	// Bands are only there where they were asked for: it takes a replay.
	Bands   []band     `json:"bands,omitempty"`
	BandsOf string     `json:"bands_of,omitempty"`
	Code    *pointCode `json:"code,omitempty"`

	plan []results.Point
}

type coordinate struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

type explainedPoint struct {
	Point results.Point `json:"point"`
	// Unsupported is why the target cannot do it, empty where it can.
	Unsupported string `json:"unsupported,omitempty"`
}

func explain(b micro.Benchmark, gpu micro.GPU) *explanation {
	plan := b.Plan(gpu)
	return &explanation{
		Name: b.Name, Experiment: b.Experiment, Question: b.Question, Method: b.Method, Source: b.Source, Units: b.Units,
		GPU: gpu.Name, Target: gpu.Arch.String(), PointCount: len(plan), Coordinates: coordinates(plan), plan: plan,
	}
}

func coordinates(plan []results.Point) []coordinate {
	var list []coordinate
	at := map[string]int{}
	for _, p := range plan {
		for _, kv := range p {
			i, seen := at[kv.Key]
			if !seen {
				i = len(list)
				at[kv.Key] = i
				list = append(list, coordinate{Key: kv.Key})
			}
			if !slices.Contains(list[i].Values, kv.Value) {
				list[i].Values = append(list[i].Values, kv.Value)
			}
		}
	}
	return list
}

// list builds the job of every point to find out which the target cannot do.
func (x *explanation) list(b micro.Benchmark, gpu micro.GPU) {
	x.Points = make([]explainedPoint, len(x.plan))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i, p := range x.plan {
		x.Points[i].Point = p
		group.Go(func() error {
			if _, err := b.Job(gpu, p); err != nil {
				x.Points[i].Unsupported = err.Error()
			}
			return nil
		})
	}
	_ = group.Wait() // the points keep their errors
}

func (x *explanation) print(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s (%s)\n\n  %s\n", x.Name, x.Experiment, wrap(x.Question, "  "))
	for _, part := range []struct{ title, text string }{
		{"Method", x.Method}, {"Source", x.Source}, {"Units", strings.Join(x.Units, ", ")},
	} {
		fmt.Fprintf(w, "\n%s\n  %s\n", part.title, wrap(part.text, "  "))
	}
	fmt.Fprintf(w, "\nPoints on %s (%s): %d\n", x.GPU, x.Target, x.PointCount)
	if x.Points != nil {
		x.printPoints(w)
	} else {
		x.printCoordinates(w)
	}
	if x.Bands != nil {
		x.printBands(w)
	}
	if x.Points == nil && x.Bands == nil {
		fmt.Fprintf(w, "\n'gpubench explain %s --points' lists each, --bands says what to expect, --ptx and --sass show the code.\n", x.Name)
	}
	return w.Flush()
}

func (x *explanation) printCoordinates(w io.Writer) {
	width := 0
	for _, c := range x.Coordinates {
		width = max(width, len(c.Key))
	}
	for _, c := range x.Coordinates {
		fmt.Fprintf(w, "  %-*s  %s\n", width, c.Key, wrap(strings.Join(c.Values, ", "), strings.Repeat(" ", width+4)))
	}
}

func (x *explanation) printPoints(w io.Writer) {
	for _, p := range x.Points {
		if p.Unsupported != "" {
			fmt.Fprintf(w, "  %s  (unsupported: %s)\n", p.Point.Key(), p.Unsupported)
			continue
		}
		fmt.Fprintf(w, "  %s\n", p.Point.Key())
	}
}

// wrap breaks text at blanks into lines of about 90 characters.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		if i > 0 && column+len(word) > 90 {
			b.WriteString("\n" + indent)
			column = 0
		} else if i > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
