// Package plottest makes documents for the tests of pictures and reports. Their
// numbers are invented by a seeded generator; only their shapes are like those of
// real runs. Nothing outside tests may use them.
package plottest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gpubench/gpubench/results"
)

// DeviceName is what the invented GPU is called.
const DeviceName = "Synthetic GPU 9000"

const sms = 132

// Document invents a run with everything that a document can hold.
func Document(seed uint64) *results.Document {
	start := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	g := &generator{rand.New(rand.NewPCG(seed, 1))}
	doc := &results.Document{
		Schema: results.SchemaVersion, Tool: results.Tool{Version: "v0.0.0-test", Commit: "0123abc", Go: "go1.26"},
		Command: []string{"gpubench", "run", "hopper", "--out", "a b.json"}, Suite: "hopper", Seed: seed,
		Started: start, Finished: start.Add(61 * time.Second), State: results.Complete, Backend: "replay",
		Recording: &results.Origin{Name: "synthetic", Recorded: start.AddDate(0, 0, -3), Tool: results.Tool{Version: "v0.0.0-test"}},
		Device: results.Device{Name: DeviceName, ComputeCapability: "9.0", Target: "sm_90a", SMs: sms, L2Bytes: 60 << 20,
			SharedPerSM: 228 << 10, SharedPerBlock: 227 << 10, MemoryBytes: 141 << 30, FreeBytes: 139 << 30, MaxClockMHz: 1980, MemClockMHz: 3201,
			MemBusBits: 6144, Driver: "580.00", DriverAPI: "13.0", PowerLimitW: 700},
		Host:    results.Host{OS: "linux", Arch: "amd64", CPUs: 16},
		Phases:  []results.Phase{{Name: "plan", Seconds: 0.08}, {Name: "compile", Seconds: 9.4}, {Name: "measure", Seconds: 48.2}, {Name: "analyse", Seconds: 0.7}},
		Compile: results.Compile{Modules: 412, Cached: 3, WallSeconds: 9.4, CPUSeconds: 121.7, Slowest: "tensor/wgmma-throughput", SlowestSecs: 1.9},
	}
	g.sensors(doc)
	g.alu(doc)
	g.dpx(doc)
	g.memory(doc)
	g.wgmma(doc)
	g.mma(doc)
	g.pairs(doc)
	g.describe(doc)
	g.costs(doc)
	return doc
}

// Large is Document with rows added until there are n.
func Large(seed uint64, n int) *results.Document {
	doc := Document(seed)
	g := &generator{rand.New(rand.NewPCG(seed, 2))}
	for unit := 0; len(doc.Rows) < n; unit++ {
		name := fmt.Sprintf("bulk/case-%02d", unit)
		for i := range 40 {
			if len(doc.Rows) < n {
				doc.Rows = append(doc.Rows, g.row(name, results.P("op", fmt.Sprintf("op%d", i/8), "type", "f16", "warps", strconv.Itoa(1<<(i%6))), "throughput", 64+g.Float64()*64, "op/cycle/SM"))
			}
		}
		doc.Benchmarks = append(doc.Benchmarks, info(name, "How fast is case "+strconv.Itoa(unit)+"?"))
	}
	return doc
}

type generator struct{ *rand.Rand }

// around is a value with a relative spread.
func (g *generator) around(v, spread float64) float64 { return v * (1 + spread*g.NormFloat64()) }

func (g *generator) row(benchmark string, point results.Point, metric string, v float64, unit string) results.Row {
	half := v * 0.0004 * (0.5 + g.Float64())
	power := 300 + 200*g.Float64()
	return results.Row{
		Benchmark: benchmark, Point: point, Metric: metric, Value: v, Unit: unit,
		Interval: &[2]float64{v - half, v + half}, Confidence: 0.95, HigherIsBetter: unit != "cycles", Status: results.OK,
		Stats:    &results.Stats{N: 25, Min: v - 2*half, Q1: v - half/2, Median: v, Q3: v + half/2, Max: v + 2*half, MAD: half / 2},
		ClockMHz: g.around(1975, 0.001), ClockFrom: "kernel", PowerW: &power,
		Proof:   results.Proof{Kind: results.ProofSASS, Instruction: "FFMA", Count: 64},
		Correct: results.Check{By: "emulator", OK: true}, KernelHash: fmt.Sprintf("%016x", g.Uint64()),
	}
}

func (g *generator) sensors(doc *results.Document) {
	clock, power := 1980.0, 120.0
	for i := range 600 {
		t := float64(i) / 10
		busy := 0.5 + 0.5*math.Sin(t/3)
		if t > 40 && t < 47 {
			busy = 1.4
		}
		power += 0.3 * (150 + 420*busy + 20*g.NormFloat64() - power)
		var throttle []string
		clock = 1980
		if power > 640 {
			clock, throttle = 1980-(power-640)*4, []string{"sw power cap"}
		}
		if t < 2 {
			throttle = []string{"gpu idle"}
		}
		c, p := clock, min(power, 700)
		s := results.Sensors{When: doc.Started.Add(time.Duration(t * float64(time.Second))), SMClockMHz: &c, PowerW: &p, Throttle: throttle}
		if t > 25 && t < 26 {
			s.SMClockMHz, s.PowerW = nil, nil
		}
		doc.Telemetry = append(doc.Telemetry, s)
	}
	for i, at := range []float64{1, 15, 30, 45, 60} {
		when := doc.Started.Add(time.Duration(at * float64(time.Second)))
		doc.Canary = append(doc.Canary,
			results.Canary{When: when, Name: "alu/throughput fma f32", Value: 128 * (1 + 0.0003*g.NormFloat64()), Unit: "op/cycle/SM"},
			results.Canary{When: when, Name: "tensor/mma chip", Value: 655 * (1 - 0.0018*float64(i)) * (1 + 0.0004*g.NormFloat64()), Unit: "TFLOP/s"})
	}
}

func (g *generator) alu(doc *results.Document) {
	for _, x := range []struct {
		op, typ string
		cycles  float64
	}{
		{"add", "f16x2", 5}, {"mul", "f16x2", 5}, {"fma", "f16x2", 5}, {"add", "f32", 4}, {"mul", "f32", 4}, {"fma", "f32", 4},
		{"add", "f64", 8}, {"fma", "f64", 8}, {"add", "s32", 4.5}, {"mul.lo", "s32", 4}, {"mad.lo", "s32", 4}, {"add", "s64", 7}, {"mul.lo", "s64", 14},
		{"div.rn", "f32", 36}, {"sqrt.rn", "f32", 42}, {"sin.approx", "f32", 24}, {"ex2.approx", "f32", 23}, {"popc", "b32", 12}, {"shfl.bfly", "b32", 24},
	} {
		r := g.row("alu/latency", results.P("op", x.op, "type", x.typ, "warps", "1"), "latency", x.cycles, "cycles")
		r.Interval = &[2]float64{x.cycles, x.cycles + 0.002}
		switch x.op {
		case "add":
			if x.typ == "s32" {
				r.Status, r.Reason = results.Flagged, "4.50 cycles is not an integer: two instructions alternate <IADD3 & LEA>"
			}
		case "div.rn", "sqrt.rn":
			r.Proof.Emulated, r.Proof.Instruction = true, "MUFU.RCP"
		}
		doc.Rows = append(doc.Rows, r)
	}
	bad := g.row("alu/latency", results.P("op", "tanh.approx", "type", "bf16x2", "warps", "1"), "latency", 0, "cycles")
	bad.Status, bad.Reason, bad.Interval, bad.Stats = results.Failed, "the kernel faulted: illegal address | at launch 3", nil, nil
	doc.Rows = append(doc.Rows, bad)
}

func (g *generator) dpx(doc *results.Document) {
	var functions []string
	for _, f := range []string{"viaddmax", "viaddmin", "vimax3", "vimin3", "vibmax", "vibmin"} {
		for _, t := range []string{"s32", "u32", "s16x2", "u16x2", "s32_relu", "s16x2_relu"} {
			functions = append(functions, "__"+f+"_"+t)
		}
	}
	for i, f := range functions {
		v, native := 64.0, i%6 < 4
		if !native {
			v = 64 / float64(2+i%3)
		}
		r := g.row("dpx/throughput", results.P("fn", f, "warps", "32", "chains", "4"), "throughput", g.around(v, 0.0005), "op/cycle/SM")
		r.Proof = results.Proof{Kind: results.ProofSASS, Instruction: "VIADDMNMX", Count: 64, Emulated: !native}
		r.Peak = &results.Peak{Value: 64, Percent: 100 * r.Value / 64, From: "64 lanes an SM"}
		r.Published = []results.Published{
			{GPU: "A100 PCIe", Value: v / 3.3, Unit: "op/cycle/SM", Source: "invented table 7"},
			{GPU: "RTX 4090", Value: v / 2.1, Unit: "op/cycle/SM", Source: "invented table 7", Secondary: true},
			{GPU: "H800 PCIe", Value: v * 0.92, Unit: "op/cycle/SM", Source: "invented log, h800.txt"},
		}
		doc.Rows = append(doc.Rows, r)
	}
}

func (g *generator) memory(doc *results.Document) {
	const name = "memory/random-latency"
	level := func(b, l1, l2, tlb float64) float64 {
		step := func(at, width, rise float64) float64 {
			return rise / (1 + math.Exp(-(math.Log2(b)-math.Log2(at))/width))
		}
		return 33 + step(l1, 0.06, 230) + step(l2, 0.3, 390) + step(tlb, 0.5, 160)
	}
	for i, path := range []string{"ld.global.ca", "ld.global.cg"} {
		s := results.Series{Benchmark: name, Name: path, Group: "global memory", X: results.Axis{Label: "footprint", Unit: "B", Log: true}, Y: results.Axis{Label: "latency", Unit: "cycles"}}
		l1 := []float64{216 << 10, 1}[i]
		for b := 2048.0; b <= 4<<30; b *= math.Pow(2, 0.125) {
			y := g.around(level(b, l1, 34<<20, 900<<20), 0.004)
			s.XY = append(s.XY, results.XY{X: math.Round(b/128) * 128, Y: y, Low: y * 0.985, High: y * 1.02})
			if len(s.XY)%8 == 1 {
				doc.Rows = append(doc.Rows, g.row(name, results.P("space", "global", "op", path, "footprint", strconv.Itoa(int(math.Round(b/128)*128))), "latency", y, "cycles"))
			}
		}
		if i == 0 {
			s.Marks = []results.Mark{{X: 216 << 10, Low: 208 << 10, High: 224 << 10, Label: "L1"}, {X: 26 << 20, Low: 22 << 20, High: 31 << 20, Label: "L2 near side"},
				{X: 50 << 20, Low: 46 << 20, High: 54 << 20, Label: "L2 full"}, {X: 1 << 30, Low: 800 << 20, High: 1200 << 20, Label: "TLB reach"}}
		}
		doc.Series = append(doc.Series, s)
	}
	old := results.Series{Benchmark: name, Name: "published, H800 PCIe (invented)", Group: "global memory", X: results.Axis{Label: "footprint", Unit: "B", Log: true}, Y: results.Axis{Label: "latency", Unit: "cycles"}}
	for b := 2048.0; b <= 128<<20; b *= 2 {
		old.XY = append(old.XY, results.XY{X: b, Y: g.around(level(b, 200<<10, 24<<20, 900<<20), 0.02)})
	}
	doc.Series = append(doc.Series, old)
	size := g.row(name, results.P("space", "global", "op", "ld.global.ca"), "L1 size", 216<<10, "B")
	size.Interval = &[2]float64{208 << 10, 224 << 10}
	doc.Rows = append(doc.Rows, size)
}

func (g *generator) wgmma(doc *results.Document) {
	const name = "tensor/wgmma-throughput"
	for _, sparse := range []string{"no", "yes"} {
		peak := 4096.0
		if sparse == "yes" {
			peak = 8192
		}
		for i, kind := range [][2]string{{"ss", "zeros"}, {"ss", "random"}, {"rs", "zeros"}, {"rs", "random"}} {
			group := "dense f16"
			if sparse == "yes" {
				group = "2:4 sparse f16"
			}
			s := results.Series{Benchmark: name, Name: kind[0] + ", " + kind[1], Group: group, X: results.Axis{Label: "N"}, Y: results.Axis{Label: "throughput", Unit: "FLOP/cycle/SM"}}
			for n := 8; n <= 256; n += 8 {
				v := g.around(peak*min(0.998, float64(n)/(64-float64(i/2)*10)), 0.0008) * (1 - 0.05*float64(i%2))
				s.XY = append(s.XY, results.XY{X: float64(n), Y: v, Low: v * 0.99, High: v * 1.004})
				r := g.row(name, results.P("shape", fmt.Sprintf("m64n%dk16", n), "in", "f16", "acc", "f32", "a", kind[0], "sparse", sparse, "fill", kind[1]), "throughput", v, "FLOP/cycle/SM")
				r.Proof.Instruction = fmt.Sprintf("HGMMA.64x%dx16.F32", n)
				r.Peak = &results.Peak{Value: peak, Percent: 100 * v / peak, From: "4 tensor cores of an SM at the measured clock, " + group}
				if n == 256 && sparse == "no" {
					r.Published = []results.Published{{GPU: "H800 PCIe", Value: 659, Unit: "TFLOP/s", Source: "invented table 10", Note: "at another clock"}}
				}
				if n == 8 && i == 3 {
					r.Status, r.Reason, r.Throttle = results.Throttled, "the clock fell to 1410 MHz", []string{"sw power cap"}
				}
				doc.Rows = append(doc.Rows, r)
			}
			doc.Series = append(doc.Series, s)
		}
	}
	r := g.row(name, results.P("shape", "m64n256k32", "in", "e4m3", "acc", "f16"), "throughput", 9000, "FLOP/cycle/SM")
	r.Status, r.Reason = results.Implausible, "above the theoretical peak of 8192 at the measured clock"
	r.Peak = &results.Peak{Value: 8192, Percent: 109.9, From: "4 tensor cores of an SM at the measured clock, fp8"}
	doc.Rows = append(doc.Rows, r)
}

func (g *generator) mma(doc *results.Document) {
	const name = "tensor/mma-throughput"
	warps, chains := []string{"1", "2", "4", "8", "12", "16", "24", "32"}, []string{"1", "2", "3", "4", "6", "8"}
	for _, shape := range []string{"m16n8k16 f16 f32", "m16n8k8 tf32 f32", "m8n8k4 f64 f64"} {
		grid := results.Grid{Benchmark: name, Name: shape, X: results.Axis{Label: "warps per SM"}, Y: results.Axis{Label: "chains per warp"}, Z: results.Axis{Label: "throughput", Unit: "FLOP/cycle/SM"}, XLabels: warps, YLabels: chains}
		for _, c := range chains {
			var cells []*float64
			for _, w := range warps {
				a, _ := strconv.ParseFloat(w, 64)
				b, _ := strconv.ParseFloat(c, 64)
				v := g.around(2560*min(0.997, a*b/24), 0.002)
				if a*b > 150 {
					cells = append(cells, nil)
				} else {
					cells = append(cells, &v)
				}
				if shape[:8] == "m16n8k16" && v > 2500 {
					r := g.row(name, results.P("shape", "m16n8k16", "in", "f16", "acc", "f32", "warps", w, "chains", c), "throughput", v, "FLOP/cycle/SM")
					r.Proof.Kind, r.Proof.Instruction, r.Proof.Detail = results.ProofScaling, "", "twice the work took 2.000 times as long"
					doc.Rows = append(doc.Rows, r)
				}
			}
			grid.Cells = append(grid.Cells, cells)
		}
		doc.Grids = append(doc.Grids, grid)
	}
	r := g.row(name, results.P("shape", "m16n8k64", "in", "e2m1", "acc", "f32"), "throughput", 0, "")
	r.Status, r.Reason, r.Interval, r.Stats, r.Proof, r.Correct = results.Unsupported, "needs sm_120a, this is sm_90a", nil, nil, results.Proof{Kind: results.ProofNone}, results.Check{}
	r.ClockMHz, r.PowerW = 0, nil
	doc.Rows = append(doc.Rows, r)
}

func (g *generator) pairs(doc *results.Document) {
	const name = "cluster/latency"
	grid := results.Grid{Benchmark: name, Name: "SM pairs, cluster of 16", X: results.Axis{Label: "target SM"}, Y: results.Axis{Label: "source SM"}, Z: results.Axis{Label: "latency", Unit: "cycles"}}
	for i := range sms {
		grid.XLabels = append(grid.XLabels, strconv.Itoa(i))
		grid.YLabels = append(grid.YLabels, strconv.Itoa(i))
	}
	for i := range sms {
		cells := make([]*float64, sms)
		for j := range sms {
			if i/18 != j/18 || i == j {
				continue
			}
			v := g.around(181+float64((i%18/6-j%18/6)*(i%18/6-j%18/6))*9, 0.01)
			if i == 40 && j == 41 {
				v = 420
			}
			cells[j] = &v
		}
		grid.Cells = append(grid.Cells, cells)
	}
	doc.Grids = append(doc.Grids, grid)
	for _, size := range []string{"2", "4", "8", "16"} {
		doc.Rows = append(doc.Rows, g.row(name, results.P("cluster", size, "op", "ld.shared::cluster"), "latency", g.around(184, 0.01), "cycles"))
	}
}

func info(name, question string) results.BenchmarkInfo {
	return results.BenchmarkInfo{Name: name, Question: question, Method: "A dependent chain at several lengths; the latency is the slope.", Source: "invented for tests", Experiment: "E0", Units: []string{"cycles"}}
}

func (g *generator) describe(doc *results.Document) {
	doc.Benchmarks = append(doc.Benchmarks,
		info("alu/latency", "How many cycles pass before an arithmetic result can be used?"),
		info("dpx/throughput", "Which DPX functions are one instruction, and how many an SM does in a cycle?"),
		info("memory/random-latency", "How does the latency of a load grow with the footprint, and where are the caches' ends?"),
		info("tensor/wgmma-throughput", "From which N on does wgmma reach its peak, and what do operands & data change?"),
		info("tensor/mma-throughput", "How many warps and chains fill the tensor cores by mma.sync?"))
}

// costs gives each benchmark kernels and raw samples, so that there are slowest ones.
func (g *generator) costs(doc *results.Document) {
	for i, r := range doc.Rows {
		if r.KernelHash != "" && i%4 == 0 {
			doc.Kernels = append(doc.Kernels, results.Kernel{Hash: r.KernelHash, Benchmark: r.Benchmark, Target: "sm_90a", PTXBytes: 4000, Seconds: 0.1 + 0.2*g.Float64()})
		}
		raw := results.Raw{Benchmark: r.Benchmark, Point: r.Point, Kernel: r.KernelHash}
		for range 5 {
			raw.Rounds = append(raw.Rounds, results.Reading{Samples: []uint64{1, 2, 3}, ElapsedNS: 1e6 * (1 + g.Float64())})
		}
		doc.Raw = append(doc.Raw, raw)
	}
}

// Small is Document with at most n rows of each status of each benchmark.
func Small(seed uint64, n int) *results.Document {
	doc := Document(seed)
	type kind struct {
		benchmark string
		status    results.Status
	}
	kept := map[kind]int{}
	var rows []results.Row
	for _, r := range doc.Rows {
		k := kind{r.Benchmark, r.Status}
		if kept[k]++; kept[k] <= n {
			rows = append(rows, r)
		}
	}
	doc.Rows = rows
	return doc
}
