package gpu

import (
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// latencyProblem predicts cycles from the architecture; there is no ceiling.
func latencyProblem(s sheet.Sheet, q Query) (problem, error) {
	p := problem{class: classLatency, unit: "cycles"}
	if q.Metric == duration {
		p.unit, p.scale = "ns", 1000/s.BoostMHz
	}
	switch {
	case strings.HasPrefix(q.Benchmark, "cluster/"), q.Benchmark == "tensor/wgmma-latency", q.Benchmark == "async/bulk-latency" && q.Point.Get("method") != "sync":
		if err := needsHopper(s, q.Benchmark); err != nil {
			return p, err
		}
	case s.Capability == "":
		return p, fmt.Errorf("latencies of %s: %w", s.Arch, ErrNoCeiling)
	}
	in := q.Point.Get("in")
	if in != "" && q.Point.Get("op") == "" {
		if _, ok := s.TensorRate(tensorType(in), false); !ok {
			return p, &ErrUnsupported{s.Name, in + " on the matrix units", "its data sheet gives no rate for that type"}
		}
	}
	p.features = latencyFeatures(s, q)
	return p, nil
}

func latencyFeatures(s sheet.Sheet, q Query) features {
	var f features
	kind, level := latencyKind(s, q)
	f.needs(kind + " " + level)
	f.is("kind=" + kind)
	switch level {
	case "l2", "l2-far", "dram":
		// Wires and memory keep their time in ns, so that a faster clock costs more cycles.
		memory := strings.TrimRight(s.DRAM, "0123456789eX")
		f.is("chase arch="+s.Arch, "chase "+level+" arch="+s.Arch, "chase "+level+" "+memory)
		f.number("clock", s.BoostMHz, 1980)
		f.number("clock "+level, s.BoostMHz, 1980)
		f.number("L2 size", s.L2MB, 50)
	default:
		f.is("kind=" + kind + " arch=" + s.Arch)
		if kind == "chase" || kind == "alu" || kind == "mma" {
			f.is(kind + " " + level + " cc=" + s.Capability)
		}
	}
	if b := q.Point.Get("bytes"); b != "" {
		f.needs(kind + " " + level + " bytes=" + b) // grows with the size, and not as a power of it
	}
	for _, key := range []string{"cluster", "stride"} {
		if v := q.Point.Get(key); v != "" {
			f.is(kind + " " + level + " " + key + "=" + v)
		}
	}
	return f
}

// latencyKind groups points whose latencies are of one kind across GPUs: a chase
// through DRAM is one whether its stride is fixed or random.
func latencyKind(s sheet.Sheet, q Query) (kind, level string) {
	get := q.Point.Get
	switch q.Benchmark {
	case "memory/stride-latency":
		level = get("space")
		if level == "l1" || level == "shared" {
			level += " " + get("address")
		}
		return "chase", level
	case "memory/random-latency":
		level = get("level")
		if level == "l1" {
			level += " pointer"
		}
		return "chase", level
	case "alu/latency":
		return "alu", get("op") + " " + get("type") + slow(s, get("type"))
	case "dpx/latency":
		return "dpx", get("fn") + native(s)
	case "tensor/mma-latency":
		return "mma", get("shape") + " " + get("in") + " " + get("sparse")
	case "cluster/latency":
		return "cluster", get("space") + " " + get("address")
	}
	return q.Benchmark, withoutSize(q.Point)
}

// withoutSize is a point's key without the sizes that a latency grows with.
func withoutSize(p results.Point) string {
	var kept results.Point
	for _, kv := range p {
		if kv.Key != "bytes" && kv.Key != "fill" {
			kept = append(kept, kv)
		}
	}
	return kept.Key()
}

// native tells GPUs with a DPX unit from those that put its work together.
func native(s sheet.Sheet) string {
	if s.Capability == "9.0" {
		return " native"
	}
	return " emulated"
}

// slow marks doubles on GPUs that have next to none.
func slow(s sheet.Sheet, typ string) string {
	if typ == "f64" && s.PerSM(s.FP64) < 16 {
		return " slow"
	}
	return ""
}
