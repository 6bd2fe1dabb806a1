package gpu

import (
	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// l2Width bounds what an SM takes from the L2 cache in a cycle, in bytes: a line.
const l2Width = 128

func memoryProblem(s sheet.Sheet, q Query) (problem, error) {
	p := problem{class: classMemory, unit: "GB/s"}
	perCycle := float64(s.SMs) * s.BoostMHz / 1e3 // GB/s for one byte per cycle and SM
	chip := q.Metric == chipBandwidth
	var c Ceiling
	switch q.Benchmark {
	case "memory/dram-bandwidth":
		c = Ceiling{Bound: BoundDRAM, Value: s.DRAMGBs}
	case "memory/l2-bandwidth":
		c = Ceiling{Bound: BoundL2, Value: l2Width * perCycle}
	default:
		if q.Benchmark == "cluster/throughput" {
			if err := needsHopper(s, "thread block clusters"); err != nil {
				return p, err
			}
		}
		c = Ceiling{Bound: BoundShared, Value: sharedWidth * perCycle}
		if !chip {
			c.Value, p.unit = sharedWidth, "B/cycle/SM"
		}
	}
	p.plain, p.ceilings = c.Value, []Ceiling{c}
	p.features = memoryFeatures(s, q)
	return p, nil
}

func memoryFeatures(s sheet.Sheet, q Query) features {
	var f features
	op, width := q.Point.Get("op"), q.Point.Get("width")
	b := q.Benchmark
	f.needs("bench=" + b)
	f.is(b + " op=" + op + " width=" + width)
	switch b {
	case "memory/l2-bandwidth":
		f.needs(b + " op=" + op)       // writes go at half the rate of reads
		f.needs(b + " arch=" + s.Arch) // no data sheet tells it
		f.number("L2 per SM", s.L2MB/float64(s.SMs), 0.4)
	case "memory/dram-bandwidth":
		f.is(b + " op=" + op)
		f.number("DRAM per SM and clock", s.DRAMGBs/float64(s.SMs)/s.BoostMHz, 3352./132/1980)
	case "cluster/throughput":
		f.is(b + " op=" + op)
		pattern := b + " " + op + " " + q.Point.Get("pattern")
		f.needs(pattern + " cluster=" + q.Point.Get("cluster"))
		f.is(pattern)
		if q.Metric == chipBandwidth {
			f.is("cluster chip", "cluster chip cluster="+q.Point.Get("cluster"))
		}
	}
	return f
}
