package gpu

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/ptx/isa"
)

// target is the PTX target of a compute capability, 0 for other vendors.
func target(s sheet.Sheet) isa.Target {
	n, err := strconv.Atoi(strings.ReplaceAll(s.Capability, ".", ""))
	if err != nil {
		return 0
	}
	return isa.Target(n * 10)
}

// vectorRate is the ceiling of an instruction in results per cycle and SM.
func vectorRate(s sheet.Sheet, op, typ string) (float64, error) {
	switch typ {
	case "f32":
		if floatUnit(op) == arch.FP32 {
			return s.PerSM(s.FP32) / 2, nil
		}
	case "f64":
		if s.FP64 == 0 {
			return 0, fmt.Errorf("the data sheet gives no FP64 rate: %w", ErrNoCeiling)
		}
		return s.PerSM(s.FP64) / 2, nil
	}
	spec := arch.Lookup(target(s), "")
	unit, share := vectorUnit(op, typ)
	rate, ok := spec.Rate(unit)
	if unit == arch.Int32 && op == "add" {
		mul, _ := spec.Rate(arch.IntMul) // additions go to both pipes
		rate += mul
	}
	if !ok {
		return 0, fmt.Errorf("%s on compute capability %q: %w", unit, s.Capability, ErrNoCeiling)
	}
	return rate * share, nil
}

func floatUnit(op string) arch.Unit {
	switch op {
	case "add", "mul", "fma", "fma-2reg":
		return arch.FP32
	}
	return arch.SFU
}

// vectorUnit is the unit that an instruction runs on, and how much of its rate one
// instruction can have.
func vectorUnit(op, typ string) (arch.Unit, float64) {
	switch {
	case typ == "f16" || typ == "bf16":
		return arch.Unit(strings.Replace(typ, "f16", "fp16", 1)), 0.5
	case typ == "f16x2":
		return arch.FP16, 1
	case typ == "bf16x2":
		return arch.BF16, 1
	case op == "cvt":
		return arch.Int32, 1
	case op == "mul.lo" && typ == "s64":
		return arch.IntMul, 1. / 3
	case op == "add" && typ == "s64":
		return arch.Int32, 0.5
	}
	switch op {
	case "mul.lo", "mad.lo", "mul.hi", "dp4a":
		return arch.IntMul, 1
	case "add", "min-max", "lop3", "shift", "prmt":
		return arch.Int32, 1
	case "setp-selp":
		return arch.Int32, 0.5
	}
	return arch.SFU, 1
}

func vectorProblem(s sheet.Sheet, q Query) (problem, error) {
	chip := q.Metric == chipThroughput
	p := problem{class: classVector, unit: "op/cycle/SM"}
	fn, op, typ := q.Point.Get("fn"), q.Point.Get("op"), q.Point.Get("type")
	rate, err := vectorRate(s, op, typ)
	if fn != "" {
		rate, err = dpxRate(s)
	}
	if err != nil {
		return p, err
	}
	if fn != "" {
		p.features.needs("dpx" + native(s))
		p.features.is("fn="+fn, "fn="+fn+native(s))
	} else {
		p.features.needs("op=" + op + " type=" + typ)
	}
	if chip {
		p.features.is("chip")
		p.unit, rate = chipVector(s, q, rate)
	}
	p.plain = rate
	p.ceilings = []Ceiling{{Bound: BoundVector, Value: rate}}
	return p, nil
}

// dpxRate is that of the DPX unit, or of the integer unit that does its work.
func dpxRate(s sheet.Sheet) (float64, error) {
	spec := arch.Lookup(target(s), "")
	for _, unit := range []arch.Unit{arch.DPX, arch.Int32} {
		if rate, ok := spec.Rate(unit); ok {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("dpx on compute capability %q: %w", s.Capability, ErrNoCeiling)
}

// chipVector turns results per cycle and SM into tera-operations per second; a
// fused multiply-add of floats counts as two.
func chipVector(s sheet.Sheet, q Query, rate float64) (string, float64) {
	rate *= float64(s.SMs) * s.BoostMHz / 1e6
	op := q.Point.Get("op")
	if !strings.Contains(q.Point.Get("type"), "f") || floatUnit(op) != arch.FP32 {
		return "Top/s", rate
	}
	if strings.HasPrefix(op, "fma") {
		rate *= 2
	}
	return "TFLOP/s", rate
}
