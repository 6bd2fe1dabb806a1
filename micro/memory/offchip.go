package memory

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func l2Bandwidth() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/l2-bandwidth",
		Question: "How many gigabytes per second does the whole chip read, write and copy in L2?",
		Method: "All SMs work on arrays that together take an eighth, a quarter or half of L2, ld.global.cg past L1, tile by tile, up to 64 KiB an " +
			"SM under way together; each SM meets ever other tiles, and no two CTAs the same one at the same time, which the GPU could answer with one read. Where L2 has two partitions, as on A100 and H100, one of them can hold at most half of L2: " +
			"a larger array could not be read from the near one alone. The rate is the slope of the time over n, 2n and 3n tiles, 2 GiB and more, after one " +
			"untimed launch. A copy counts its reads and its writes. L2 has a clock of its own: no per-cycle figure is made of it.",
		Source:     "arXiv 2402.13499 table V (there in bytes per SM clock of the whole chip)",
		Experiment: "E4",
		Units:      []string{"GB/s"},
		Plan:       l2Plan,
		Job:        func(gpu micro.GPU, p results.Point) (*micro.Job, error) { return offChipJob(gpu, p, l2Point) },
		Analyse: func(gpu micro.GPU, m []*micro.Measured) (micro.Analysis, error) {
			return offChipAnalyse(gpu, m, l2Point, "share", published.Query{Benchmark: "L2 throughput"}, l2Notes)
		},
	}
}

func dramBandwidth() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/dram-bandwidth",
		Question: "How many gigabytes per second does the whole chip read, write and copy in its DRAM?",
		Method: "All SMs work through arrays of 15 GiB together (a quarter of the free memory where that is less). Three launches: the first third of the arrays, the rest, " +
			"and all of them, so that each meets a byte once, and two thirds of the arrays pass before a byte is met again: L2 keeps nothing. An untimed launch before them " +
			"drains what another point had left to be written. Swept: 4, 8 or 16 bytes per access, 1 to 8 accesses of a thread under way together, one CTA a tile (ctas=tile) " +
			"or 1 to 4 CTAs an SM that walk (ctas=1, 2, 4), ordinary lines or lines marked as used once (policy=streaming). triad is a = b + 3 c on float64. " +
			"The rate is the slope of the time over the three launches by %globaltimer. A copy counts its reads and its writes, a triad its two reads and its write. GB are decimal.",
		Source:     "arXiv 2402.13499 table V; memory bandwidth of the data sheets",
		Experiment: "E4",
		Units:      []string{"GB/s"},
		Plan:       dramPlan,
		Job:        func(gpu micro.GPU, p results.Point) (*micro.Job, error) { return offChipJob(gpu, p, dramPoint) },
		Analyse: func(gpu micro.GPU, m []*micro.Measured) (micro.Analysis, error) {
			return offChipAnalyse(gpu, m, dramPoint, "unroll", published.Query{Benchmark: "global throughput"}, dramNotes)
		},
	}
}

// l2Tile is the size of a tile: l2PerSM of them under way fill L2's pipes.
const l2Tile = 16 << 10

// l2Launch is about what the first timed launch reads and writes.
const l2Launch = 2 << 30

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

// l2Notes says what of L2 the arrays take.
func l2Notes(gpu micro.GPU, s streamJob, row *micro.Row) {
	bytes := float64(s.arrayBytes() * s.arrays())
	row.Annotations = append(row.Annotations, fmt.Sprintf("the arrays take %.1f MB, %.0f %% of L2: if L2 has two partitions, %.0f %% of one; reads of the far one may be served by copies in the near one",
		bytes/1e6, 100*bytes/float64(gpu.L2Bytes), 200*bytes/float64(gpu.L2Bytes)))
	if s.grid >= s.tiles {
		row.Annotations = append(row.Annotations, fmt.Sprintf("L2 is so small that %d CTAs share %d tiles: some reads of one tile may have been answered together", s.grid, s.tiles))
	}
}

// How the CTAs of a DRAM kernel share the tiles: by the number of CTAs an SM, or
// one CTA a tile.
const ctaPerTile = "tile"

const (
	ordinary  = "ordinary"
	streaming = "streaming"
)

func dramPlan(micro.GPU) []results.Point {
	var points []results.Point
	add := func(op string, width int, ctas, policy string, unrolls ...int) {
		for _, u := range unrolls {
			points = append(points, results.P("op", op, "width", strconv.Itoa(width), "ctas", ctas, "policy", policy, "unroll", strconv.Itoa(u)))
		}
	}
	for _, op := range []string{opRead, opWrite, opCopy, opTriad} {
		for _, w := range []int{4, 8} {
			if op == opTriad && w == 4 {
				continue // a double has 8 bytes
			}
			// Tiles of few bytes would measure how fast CTAs start.
			add(op, w, ctaPerTile, ordinary, 4, 8)
			add(op, w, "4", ordinary, 8)
		}
		add(op, maxWidth, ctaPerTile, ordinary, unrolls()...)
		add(op, maxWidth, "1", ordinary, 4, 8)
		add(op, maxWidth, "2", ordinary, 4, 8)
		add(op, maxWidth, "4", ordinary, unrolls()...)
		add(op, maxWidth, ctaPerTile, streaming, 2, 4)
	}
	return points
}

func l2Point(gpu micro.GPU, p results.Point) (streamJob, error) {
	w, err := atoi(p.Get("width"))
	parts := map[string]uint64{"1/8": 8, "1/4": 4, "1/2": 2}[p.Get("share")]
	if err != nil || parts == 0 {
		return streamJob{}, fmt.Errorf("point {%s} is not one of memory/l2-bandwidth", p.Key())
	}
	sms := max(gpu.SMs, 1)
	s := streamJob{stream: stream{op: p.Get("op"), width: w, unroll: l2Tile / streamThreads / w}}
	s.tiles = int(uint64(gpu.L2Bytes) / parts / s.arrays() / s.tile())
	// Fewer CTAs than tiles: a second read of a tile at the same time may never reach L2.
	s.grid = sms * min(l2PerSM, max(1, (s.tiles-1)/sms))
	if s.tiles <= 1 {
		return streamJob{}, micro.Unsupportedf("L2 of %d bytes is not known or too small", gpu.L2Bytes)
	}
	s.iterations = max(1, int(l2Launch/(uint64(s.grid)*s.tile()*s.arrays())))
	return s, nil
}

// dramBytes is the size of all arrays together where memory is plenty: a third
// of it is a launch of more than a millisecond, and an index of words has 32 bits.
const dramBytes = 15 << 30

// parts of the arrays; the first launch covers one.
const parts = 3

func dramPoint(gpu micro.GPU, p results.Point) (streamJob, error) {
	w, err := atoi(p.Get("width"))
	u, err2 := atoi(p.Get("unroll"))
	if err != nil || err2 != nil {
		return streamJob{}, fmt.Errorf("point {%s} is not one of memory/dram-bandwidth", p.Key())
	}
	s := streamJob{stream: stream{p.Get("op"), w, u, p.Get("policy") == streaming}, onward: true, each: p.Get("ctas") == ctaPerTile}
	array := min(uint64(dramBytes), gpu.FreeBytes/4, kit.Share(gpu)) / s.arrays()
	if least := 4 * uint64(gpu.L2Bytes); array < least {
		return streamJob{}, micro.Unsupportedf("arrays of %d bytes are not four times L2: too little memory is free", array)
	}
	part := int(array / parts / s.tile()) // in tiles
	if s.each {
		s.grid, s.iterations = part, 1
	} else {
		perSM, err := atoi(p.Get("ctas"))
		if err != nil {
			return streamJob{}, fmt.Errorf("point {%s}: CTAs per SM: %w", p.Key(), err)
		}
		s.grid = perSM * max(gpu.SMs, 1)
		s.iterations = part / s.grid
	}
	if s.iterations < 1 || s.grid < 1 {
		return streamJob{}, micro.Unsupportedf("arrays of %d bytes are too small for the grid", array)
	}
	s.tiles = parts * s.iterations * s.grid
	return s, nil
}

// dramNotes sets the peak, and says how much L2 could have held.
func dramNotes(gpu micro.GPU, s streamJob, row *micro.Row) {
	peak, from := gpu.DRAMPeak()
	harness.SetPeak(row, peak, from)
	if gpu.L2Bytes == 0 {
		return
	}
	l2 := float64(gpu.L2Bytes)
	row.Annotations = append(row.Annotations, fmt.Sprintf("each launch meets a byte once, and %.0f times the size of L2 passes before it is met again; all that L2 can hold is %.2f %% of the longest launch",
		2*s.launchBytes()/l2, 100*l2/(parts*s.launchBytes())))
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
// a grid of all; sweep is the key of the grid's columns.
func offChipAnalyse(gpu micro.GPU, measured []*micro.Measured, read pointReader, sweep string, also published.Query,
	notes func(micro.GPU, streamJob, *micro.Row)) (micro.Analysis, error) {
	var a micro.Analysis
	grid := results.Grid{Name: "bandwidth", X: results.Axis{Label: sweep}, Y: results.Axis{Label: "operation, width", Unit: "B"},
		Z: results.Axis{Label: "bandwidth", Unit: "GB/s"}}
	for _, m := range measured {
		grid.XLabels = appendNew(grid.XLabels, m.Point.Get(sweep))
	}
	for _, list := range group(measured, "op", "width") {
		var best micro.Row
		var of streamJob
		for _, line := range group(list, "ctas", "policy") {
			cells := make([]*float64, len(grid.XLabels))
			for _, m := range line {
				s, err := read(gpu, m.Point)
				if err != nil {
					return micro.Analysis{}, err
				}
				rates, err := s.rates(m)
				if err != nil {
					return micro.Analysis{}, err
				}
				row := s.row(m, rates)
				cells[slices.Index(grid.XLabels, m.Point.Get(sweep))] = &row.Value
				if best.Unit == "" || row.Value > best.Value {
					best, of = row, s
				}
			}
			grid.YLabels = append(grid.YLabels, lineLabel(line[0].Point))
			grid.Cells = append(grid.Cells, cells)
		}
		at := best.Point
		best.Annotations = append(best.Annotations, fmt.Sprintf("best of %d, at %s", len(list), shorten(at, sweep, "ctas", "policy").Key()))
		best.Point = shorten(at, "op", "width")
		best.Published = also
		notes(gpu, of, &best)
		a.Rows = append(a.Rows, best)
	}
	a.Grids = []results.Grid{grid}
	return a, nil
}

// lineLabel names a line of the grid.
func lineLabel(p results.Point) string {
	label := p.Get("op") + " " + p.Get("width")
	switch ctas := p.Get("ctas"); ctas {
	case "":
		return label
	case ctaPerTile:
		label += ", a CTA per tile"
	default:
		label += ", " + ctas + " CTAs per SM"
	}
	if p.Get("policy") == streaming {
		label += ", streaming"
	}
	return label
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
