package alu

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

// shuffleLatency is alu/shuffle-latency.
func shuffleLatency() micro.Benchmark {
	return micro.Benchmark{
		Name:       "alu/shuffle-latency",
		Question:   "How many cycles pass until a value that another lane gave by a warp shuffle can be used?",
		Method:     "One warp runs chains of dependent butterfly shuffles at four lengths between two reads of the clock; the latency is the slope.",
		Source:     "PTX ISA 9.1, shfl.sync; arXiv 2208.11174 for the method",
		Experiment: "+",
		Units:      []string{"cycles"},
		Plan:       func(micro.GPU) []results.Point { return []results.Point{results.P("op", "shfl.bfly", "type", "b32")} },
		Job: func(gpu micro.GPU, _ results.Point) (*micro.Job, error) {
			return harness.Latency{
				Make: harness.Register(ptx.B32, 0, func(k *ptx.Kernel, x ptx.Reg, _ []ptx.Reg) {
					k.I("shfl.sync.bfly.b32", x, x, ptx.Int(1), ptx.Int(31), ptx.Int(-1))
				}),
				Input:       harness.Input(func(i int) uint64 { return uint64(i) + 1 }),
				InputTag:    "shuffle",
				Instruction: "SHFL",
			}.Job(gpu)
		},
		Analyse: func(_ micro.GPU, all []*micro.Measured) (micro.Analysis, error) {
			var a micro.Analysis
			for _, m := range all {
				row, err := harness.LatencyRow(m, nil)
				if err != nil {
					return a, err
				}
				harness.SetBand(&row, 20, 35)
				a.Rows = append(a.Rows, row)
			}
			return a, nil
		},
	}
}
