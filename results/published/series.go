package published

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
)

// SeriesSource is where RandomLatency and DSMPairs come from: the logs that the
// authors of arXiv:2402.13499 published.
const SeriesSource = "HPMLL/NVIDIA-Hopper-Benchmark@ded6f57"

//go:embed random-latency.csv
var randomLatencyText string

//go:embed dsm-pairs.csv
var dsmPairsText string

// RandomLatency is latency in cycles against footprint in bytes, by a random
// pointer chase over 128-byte nodes: ordinary loads on A100 PCIe, RTX 4090 and
// H800 PCIe, then 16-byte bulk copies on the H800. The caller owns the result.
func RandomLatency() []results.Series {
	list, _ := parseCurves(randomLatencyText) // a test reads all of it
	return list
}

// DSMPairs is the latency in cycles of one load from another block's shared
// memory on an H800 PCIe: a grid for each cluster size from 2 to 16, rows and
// columns labelled with the SM that the block ran on. The caller owns the result.
func DSMPairs() []results.Grid {
	list, _ := parsePairs(dsmPairsText) // a test reads all of it
	return list
}

// parseCurves reads lines of gpu, path, footprints in KiB, and cycles.
func parseCurves(text string) ([]results.Series, error) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	var list []results.Series
	for i, l := range lines {
		if len(l) != 4 {
			return nil, fmt.Errorf("random latency, line %d: %d columns, not 4", i+1, len(l))
		}
		x, errX := numbers(l[2])
		y, errY := numbers(l[3])
		if errX != nil || errY != nil || len(x) != len(y) {
			return nil, fmt.Errorf("random latency, line %d: footprints and cycles are not two equal lists of numbers", i+1)
		}
		list = append(list, curve(l[0], l[1], x, y))
	}
	slices.SortStableFunc(list, func(a, b results.Series) int {
		return strings.Compare(b.Benchmark, a.Benchmark) // memory before async
	})
	return list, nil
}

func curve(gpu, path string, kib, cycles []float64) results.Series {
	s := results.Series{
		Benchmark: "memory/random-latency",
		Name:      gpu + ", published",
		Group:     "latency against footprint",
		X:         results.Axis{Label: "footprint", Unit: "B", Log: true},
		Y:         results.Axis{Label: "latency", Unit: "cycles"},
	}
	if path != "ld.global" {
		s.Benchmark, s.Name = "async/bulk-latency", gpu+", "+path+", published"
	}
	for i := range kib {
		s.XY = append(s.XY, results.XY{X: kib[i] * 1024, Y: cycles[i]})
	}
	return s
}

// parsePairs reads lines of gpu, SM by rank, and cycles from rank to rank.
func parsePairs(text string) ([]results.Grid, error) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	var list []results.Grid
	for i, l := range lines {
		if len(l) != 3 {
			return nil, fmt.Errorf("pairs, line %d: %d columns, not 3", i+1, len(l))
		}
		sms := strings.Fields(l[1])
		cycles, err := numbers(l[2])
		if err != nil || len(sms) == 0 || len(cycles) != len(sms)*len(sms) {
			return nil, fmt.Errorf("pairs, line %d: not a square of numbers", i+1)
		}
		list = append(list, grid(l[0], sms, cycles))
	}
	return list, nil
}

func grid(gpu string, sms []string, cycles []float64) results.Grid {
	n := len(sms)
	g := results.Grid{
		Benchmark: "cluster/latency",
		Name:      fmt.Sprintf("%s, cluster of %d, published", gpu, n),
		X:         results.Axis{Label: "SM that holds the data"},
		Y:         results.Axis{Label: "SM that loads"},
		Z:         results.Axis{Label: "latency", Unit: "cycles"},
		XLabels:   sms, YLabels: slices.Clone(sms),
	}
	for y := range n {
		line := make([]*float64, n)
		for x := range n {
			line[x] = &cycles[y*n+x]
		}
		g.Cells = append(g.Cells, line)
	}
	return g
}

func numbers(list string) ([]float64, error) {
	fields := strings.Fields(list)
	out := make([]float64, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}
