package memory

import (
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/memory/kit"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func l2Bandwidth() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/l2-bandwidth",
		Question: "How many gigabytes per second does the whole chip read, write and copy in L2?",
		Method: "All SMs work on arrays that together take an eighth, a quarter or half of L2, ld.global.cg past L1, tile by tile, four accesses of " +
			"a thread under way together; each SM meets ever other tiles. The rate is the slope of the time over n, 2n and 3n tiles after one " +
			"untimed launch. A copy counts its reads and its writes. L2 has a clock of its own: no per-cycle figure is made of it.",
		Source:     "arXiv 2402.13499 table V (there in bytes per SM clock of the whole chip)",
		Experiment: "E4",
		Units:      []string{"GB/s"},
		Plan:       l2Plan,
		Job:        func(gpu micro.GPU, p results.Point) (*micro.Job, error) { return offChipJob(gpu, p, l2Point) },
		Analyse: func(gpu micro.GPU, m []*micro.Measured) (micro.Analysis, error) {
			return offChipAnalyse(gpu, m, l2Point, "share", published.Query{Benchmark: "L2 throughput"}, 0, "")
		},
	}
}

func dramBandwidth() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/dram-bandwidth",
		Question: "How many gigabytes per second does the whole chip read, write and copy in its DRAM?",
		Method: "All SMs walk through arrays of up to 2 GiB, at least four times L2, and meet no tile twice in a round; 4, 8 or 16 bytes per access, " +
			"1 to 8 accesses of a thread under way together. triad is a = b + 3 c on float64. The rate is the slope of the time over n, 2n and 3n " +
			"tiles by %globaltimer. A copy counts its reads and its writes, a triad its two reads and its write. GB are decimal.",
		Source:     "arXiv 2402.13499 table V; memory bandwidth of the data sheets",
		Experiment: "E4",
		Units:      []string{"GB/s"},
		Plan:       dramPlan,
		Job:        func(gpu micro.GPU, p results.Point) (*micro.Job, error) { return offChipJob(gpu, p, dramPoint) },
		Analyse: func(gpu micro.GPU, m []*micro.Measured) (micro.Analysis, error) {
			peak, from := dramPeak(gpu)
			return offChipAnalyse(gpu, m, dramPoint, "unroll", published.Query{Benchmark: "global throughput"}, peak, from)
		},
	}
}

// l2Unroll keeps enough bytes under way to fill L2's pipes and tiles small.
const l2Unroll = 4

// l2Launch is about what the first timed launch reads and writes.
const l2Launch = 256 << 20

func l2Plan(micro.GPU) []results.Point {
	var points []results.Point
	for _, op := range []string{opRead, opWrite, opCopy} {
		for _, w := range widths() {
			for _, share := range []string{"1/8", "1/4", "1/2"} {
				points = append(points, results.P("op", op, "width", strconv.Itoa(w), "share", share))
			}
		}
	}
	return points
}

func dramPlan(micro.GPU) []results.Point {
	var points []results.Point
	for _, op := range []string{opRead, opWrite, opCopy, opTriad} {
		for _, w := range widths() {
			if op == opTriad && w == 4 {
				continue // a double has 8 bytes
			}
			for _, u := range unrolls() {
				points = append(points, results.P("op", op, "width", strconv.Itoa(w), "unroll", strconv.Itoa(u)))
			}
		}
	}
	return points
}

func l2Point(gpu micro.GPU, p results.Point) (streamJob, error) {
	w, err := atoi(p.Get("width"))
	parts := map[string]uint64{"1/8": 8, "1/4": 4, "1/2": 2}[p.Get("share")]
	if err != nil || parts == 0 {
		return streamJob{}, fmt.Errorf("point {%s} is not one of memory/l2-bandwidth", p.Key())
	}
	s := streamJob{stream: stream{p.Get("op"), w, l2Unroll}, grid: perSM * max(gpu.SMs, 1)}
	s.tiles = int(uint64(gpu.L2Bytes) / parts / s.arrays() / s.tile())
	if s.tiles < 1 {
		return streamJob{}, micro.Unsupportedf("L2 of %d bytes is not known or too small", gpu.L2Bytes)
	}
	s.iterations = max(1, int(l2Launch/(uint64(s.grid)*s.tile()*s.arrays())))
	return s, nil
}

// dramArray is the size of an array where memory is plenty.
const dramArray = 2 << 30

func dramPoint(gpu micro.GPU, p results.Point) (streamJob, error) {
	w, err := atoi(p.Get("width"))
	u, err2 := atoi(p.Get("unroll"))
	if err != nil || err2 != nil {
		return streamJob{}, fmt.Errorf("point {%s} is not one of memory/dram-bandwidth", p.Key())
	}
	s := streamJob{stream: stream{p.Get("op"), w, u}, grid: perSM * max(gpu.SMs, 1), onward: true}
	array := min(uint64(dramArray), kit.Share(gpu)/s.arrays())
	if least := 4 * uint64(gpu.L2Bytes); array < least {
		return streamJob{}, micro.Unsupportedf("arrays of %d bytes are not four times L2: too little memory is free", array)
	}
	const parts = 1 + 2 + 3
	s.iterations = int(array / (parts * uint64(s.grid) * s.tile()))
	if s.iterations < 1 {
		return streamJob{}, micro.Unsupportedf("arrays of %d bytes are too small for the grid", array)
	}
	s.tiles = parts * s.iterations * s.grid
	return s, nil
}

// dramPeak is the theoretical bandwidth in GB/s: the data sheet's, else two
// transfers per memory clock.
func dramPeak(gpu micro.GPU) (peak float64, from string) {
	if gpu.Spec.DRAMGBs > 0 {
		return gpu.Spec.DRAMGBs, gpu.Spec.Source
	}
	return gpu.MemClockMHz * 2 * float64(gpu.MemBusBits) / 8 / 1e3, "memory clock x 2 x bus width, as the driver says"
}

type pointReader func(micro.GPU, results.Point) (streamJob, error)

func offChipJob(gpu micro.GPU, p results.Point, read pointReader) (*micro.Job, error) {
	s, err := read(gpu, p)
	if err != nil {
		return nil, err
	}
	return s.job(gpu)
}

// offChipAnalyse makes a row of the best point of each operation and width, and
// a grid of all; sweep is the key along which the best is sought.
func offChipAnalyse(gpu micro.GPU, measured []*micro.Measured, read pointReader, sweep string, also published.Query, peak float64, from string) (micro.Analysis, error) {
	var a micro.Analysis
	grid := results.Grid{Name: "bandwidth", X: results.Axis{Label: sweep}, Y: results.Axis{Label: "operation, width", Unit: "B"},
		Z: results.Axis{Label: "bandwidth", Unit: "GB/s"}}
	for _, m := range measured {
		grid.XLabels = appendNew(grid.XLabels, m.Point.Get(sweep))
	}
	for _, list := range group(measured, "op", "width") {
		var best micro.Row
		cells := make([]*float64, len(grid.XLabels))
		for _, m := range list {
			s, err := read(gpu, m.Point)
			if err != nil {
				return micro.Analysis{}, err
			}
			rates, err := s.rates(m)
			if err != nil {
				return micro.Analysis{}, err
			}
			row := s.row(m, rates)
			for i, label := range grid.XLabels {
				if label == m.Point.Get(sweep) {
					cells[i] = &row.Value
				}
			}
			if best.Unit == "" || row.Value > best.Value {
				best = row
			}
		}
		best.Annotations = append(best.Annotations, fmt.Sprintf("best of %d, at %s %s", len(list), sweep, best.Point.Get(sweep)))
		best.Point = shorten(best.Point, "op", "width")
		best.Published = also
		harness.SetPeak(&best, peak, from)
		a.Rows = append(a.Rows, best)
		grid.YLabels = append(grid.YLabels, list[0].Point.Get("op")+" "+list[0].Point.Get("width"))
		grid.Cells = append(grid.Cells, cells)
	}
	a.Grids = []results.Grid{grid}
	return a, nil
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}
