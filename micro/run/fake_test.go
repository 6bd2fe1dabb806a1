package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

// fakeDevice stands in at the device boundary: it answers jobs by script.
type fakeDevice struct {
	code     []results.MachineCode
	warnings []string
	// run answers a round of a point; nil answers 10, 20, 30.
	run     func(point string, round int) (results.Reading, error)
	verify  func(point string) ([]byte, error)
	compile func(text string) error
	open    func(point string) error
	free    uint64
	// reset is what Reset answers.
	reset  error
	resets int
	opened int
	closed int
	most   int // open at once
	order  []string
}

func (d *fakeDevice) Describe() results.Device {
	free := d.free
	if free == 0 {
		free = 1 << 30
	}
	return results.Device{Name: "NVIDIA H200", Target: "sm_90a", SMs: 4, MaxClockMHz: 1980, FreeBytes: free, MemoryBytes: free}
}
func (d *fakeDevice) Backend() string { return "cuda" }

func (d *fakeDevice) Compile(_ context.Context, _, text string) (micro.Code, error) {
	if d.compile != nil {
		if err := d.compile(text); err != nil {
			return micro.Code{}, err
		}
	}
	return micro.Code{Recorded: d.code, Warnings: d.warnings}, nil
}

func (d *fakeDevice) Open(_ context.Context, id micro.JobID, job *micro.Job, _ micro.Code) (micro.Session, error) {
	if id.Benchmark == micro.CanaryName {
		return nil, errors.New("no canary here")
	}
	if d.open != nil {
		if err := d.open(id.Point); err != nil {
			return nil, err
		}
	}
	d.opened++
	d.most = max(d.most, d.opened-d.closed)
	return &fakeSession{d: d, point: id.Point}, nil
}

func (d *fakeDevice) Reset() error                 { d.resets++; return d.reset }
func (d *fakeDevice) Sensors() results.Sensors     { return results.Sensors{} }
func (d *fakeDevice) Close() error                 { return nil }
func (d *fakeDevice) Telemetry() []results.Sensors { return []results.Sensors{{}} }

type fakeSession struct {
	d     *fakeDevice
	point string
	round int
}

func (s *fakeSession) Verify(context.Context) ([]byte, error) {
	if s.d.verify != nil {
		return s.d.verify(s.point)
	}
	return []byte{1, 2, 3, 4}, nil
}

func (s *fakeSession) Run(context.Context) (results.Reading, error) {
	s.d.order = append(s.d.order, s.point)
	s.round++
	if s.d.run != nil {
		return s.d.run(s.point, s.round)
	}
	return results.Reading{Samples: []uint64{10, 20, 30}}, nil
}

func (s *fakeSession) Close() error { s.d.closed++; return nil }

// good is machine code with the right number of target instructions.
func good() []results.MachineCode {
	return []results.MachineCode{{Kernel: "k", Registers: 16, Sections: []results.Section{
		{{Mnemonic: "FFMA", Count: 4}, {Mnemonic: "MOV", Count: 1}}, {{Mnemonic: "MOV", Count: 9}},
	}}}
}

// toy is a benchmark of n points whose row is the first sample.
func toy(n int) micro.Benchmark {
	return micro.Benchmark{
		Name: "toy/one", Question: "Is it a toy?", Method: "None.", Source: "Here.", Experiment: "E0", Units: []string{"cycles"},
		Rounds: 3,
		Plan: func(micro.GPU) []results.Point {
			var points []results.Point
			for i := range n {
				points = append(points, results.P("i", fmt.Sprint(i)))
			}
			return points
		},
		Job: toyJob,
		Analyse: func(_ micro.GPU, all []*micro.Measured) (micro.Analysis, error) {
			var a micro.Analysis
			for _, m := range all {
				var first []float64
				for _, r := range m.Readings {
					first = append(first, float64(r.Samples[0]))
				}
				row := harness.NewRow(m, "latency", "cycles", first)
				harness.SetPeak(&row, 100, "a toy's")
				harness.SetBand(&row, 1, 50)
				a.Rows = append(a.Rows, row)
			}
			return a, nil
		},
	}
}

func toyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	k := m.Kernel("k")
	out := k.Param("samples", ptx.B64)
	x := k.Reg(ptx.B64)
	k.I("mov.u64", x, ptx.Special("%clock64"))
	k.I("st.global.u64", ptx.At(out, 0), x)
	k.I("ret")
	launch := micro.Launch{Kernel: "k", Grid: micro.Dim(1), Block: micro.Dim(32), Args: []micro.Arg{micro.Ptr("samples", 0)}}
	return &micro.Job{
		Module: m, Samples: "samples", Result: "samples", CheckedBy: micro.ByAnalytic,
		Buffers:  []micro.Buffer{{Name: "samples", Bytes: 24, Tag: p.Key()}},
		Verify:   []micro.Launch{launch},
		Launches: []micro.Launch{launch},
		Check: func(b []byte) error {
			if !slices.Equal(b, []byte{1, 2, 3, 4}) {
				return errors.New("not 1 2 3 4")
			}
			return nil
		},
		Expect: micro.Expect{Kernel: "k", Instruction: "FFMA", Sections: []int{4}},
	}, nil
}
