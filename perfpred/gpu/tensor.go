package gpu

import (
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// bits is the width of an operand of the matrix units.
func bits(in string) int {
	switch in {
	case "f64":
		return 64
	case "tf32":
		return 32
	case "f16", "bf16":
		return 16
	case "e4m3", "e5m2", "s8", "u8":
		return 8
	case "s4", "u4":
		return 4
	case "b1":
		return 1
	}
	return 0
}

// tensorType is the column of the data sheet that an operand type stands in.
func tensorType(in string) sheet.Type {
	switch in {
	case "e4m3", "e5m2":
		return sheet.F8
	case "u8":
		return sheet.S8
	case "u4":
		return sheet.S4
	}
	return sheet.Type(in)
}

// completeTensor fills in the shape and accumulator that are usual for the
// operand type, and checks those given.
func completeTensor(q Query) (Query, error) {
	in := q.Point.Get("in")
	if in == "fp8" {
		in = "e4m3"
	}
	width := bits(in)
	if width == 0 {
		return q, fmt.Errorf("%w: operand type %q", ErrBadPoint, in)
	}
	set := map[string]string{"in": in}
	if q.Point.Get("acc") == "" {
		set["acc"] = "f32"
		if in == "f64" {
			set["acc"] = in
		} else if slices.Contains([]string{"s8", "u8", "s4", "u4", "b1"}, in) {
			set["acc"] = "s32"
		}
	}
	if q.Benchmark != "tensor/gemm" {
		depth := 256 / width // 32 bytes
		if q.Point.Get("sparse") == "yes" {
			depth *= 2
		}
		if q.Point.Get("shape") == "" {
			set["shape"] = fmt.Sprintf("m64n256k%d", depth)
			if q.Benchmark == "tensor/mma-throughput" {
				set["shape"] = fmt.Sprintf("m16n8k%d", depth)
			}
		}
		set["on"] = tensorScope(q)
		if q.Benchmark == "tensor/wgmma-throughput" && set["on"] == "one SM" {
			set["on"] = "" // as documents write it
		}
	}
	return reorder(q, set), nil
}

func tensorScope(q Query) string {
	if q.Metric == chipThroughput {
		return "all SMs"
	}
	return "one SM"
}

// reorder sets values in the order of the catalogue; an empty value drops the key.
func reorder(q Query, set map[string]string) Query {
	e, _, err := find(q.Benchmark)
	if err != nil {
		return q
	}
	point := slices.Clone(e.usual[:0])
	for _, p := range e.usual {
		p.Value = q.Point.Get(p.Key)
		if v, ok := set[p.Key]; ok {
			p.Value = v
		}
		if p.Value != "" {
			point = append(point, p)
		}
	}
	q.Point = point
	return q
}

type shape struct{ m, n, k int }

func parseShape(text string) (shape, error) {
	var s shape
	if _, err := fmt.Sscanf(text, "m%dn%dk%d", &s.m, &s.n, &s.k); err != nil || s.m <= 0 || s.n <= 0 || s.k <= 0 {
		return s, fmt.Errorf("%w: shape %q", ErrBadPoint, text)
	}
	return s, nil
}

// wgmmaIssue is the least number of cycles from one wgmma to the next, whatever its
// size: measured on H200 by this tool, and on H800 in arXiv:2501.12084, Table 9.
const wgmmaIssue = 13

// wgmmaIssueSparse is the same for 2:4 sparse operands, by the same run.
const wgmmaIssueSparse = 16

// sharedWidth is what an SM's shared memory moves in a cycle, in bytes: CUDA C++
// Programming Guide, 32 banks of four bytes.
const sharedWidth = 128

func tensorProblem(s sheet.Sheet, q Query) (problem, error) {
	in, acc := q.Point.Get("in"), q.Point.Get("acc")
	wgmma := q.Benchmark == "tensor/wgmma-throughput"
	if wgmma {
		if err := needsHopper(s, "wgmma"); err != nil {
			return problem{}, err
		}
	}
	sh, err := parseShape(q.Point.Get("shape"))
	if err != nil {
		return problem{}, err
	}
	peak, err := tensorPeak(s, q)
	if err != nil {
		return problem{}, err
	}
	chip := q.Metric == chipThroughput
	p := problem{class: classTensor, unit: tensorUnit(in, chip)}
	work := 2 * float64(sh.m*sh.n*sh.k)
	perChip := peak / s.PerSM(peak) // TFLOP/s of a chip for one operation per cycle and SM
	if !chip {
		peak, perChip = s.PerSM(peak), 1
	}
	p.plain = peak
	p.ceilings = []Ceiling{{Bound: BoundTensor, Value: peak}}
	if wgmma {
		issue := float64(wgmmaIssue)
		if q.Point.Get("sparse") == "yes" {
			issue = wgmmaIssueSparse
		}
		p.ceilings = append(p.ceilings,
			Ceiling{Bound: BoundShared, Value: work / sharedCycles(q, sh) * perChip},
			Ceiling{Bound: BoundIssue, Value: work / issue * perChip})
	}
	if q.Metric == issueInterval {
		p.work, p.unit = work, "cycles"
	}
	p.features = tensorFeatures(s, q, sh, chip, acc)
	return p, nil
}

// tensorPeak is the dense or sparse rate of the data sheet, in TFLOP/s.
func tensorPeak(s sheet.Sheet, q Query) (float64, error) {
	in, acc := q.Point.Get("in"), q.Point.Get("acc")
	typ := tensorType(in)
	peak, ok := s.TensorRate(typ, acc == "f32")
	if !ok {
		return 0, &ErrUnsupported{s.Name, in + " on the matrix units", "its data sheet gives no rate for that type"}
	}
	if q.Benchmark == "tensor/mma-throughput" && typ == sheet.F8 && s.Arch == "hopper" {
		return 0, fmt.Errorf("mma with 8-bit floats is emulated there: %w", ErrNoCeiling)
	}
	if q.Point.Get("sparse") == "yes" {
		if s.Arch == "volta" || s.Arch == "turing" {
			return 0, &ErrUnsupported{s.Name, "2:4 sparsity", "it came with Ampere"}
		}
		peak *= 2
	}
	return peak, nil
}

// sharedCycles is how long the shared memory works for one wgmma: B always comes
// from there, A too unless it is in registers. Sparse, A holds half of its depth.
func sharedCycles(q Query, sh shape) float64 {
	width := float64(bits(q.Point.Get("in"))) / 8
	bytes := float64(sh.n*sh.k) * width
	if q.Point.Get("a") == "ss" {
		a := float64(sh.m*sh.k) * width
		if q.Point.Get("sparse") == "yes" {
			a /= 2
		}
		bytes += a
	}
	return bytes / sharedWidth
}

func tensorUnit(in string, chip bool) string {
	unit := "op"
	if slices.Contains([]string{"f64", "tf32", "f16", "bf16", "e4m3", "e5m2"}, in) {
		unit = "FLOP"
	}
	if chip {
		return "T" + unit + "/s"
	}
	return unit + "/cycle/SM"
}

func tensorFeatures(s sheet.Sheet, q Query, sh shape, chip bool, acc string) features {
	in := q.Point.Get("in")
	api := "mma"
	if q.Benchmark == "tensor/wgmma-throughput" {
		api = "wgmma"
	}
	var f features
	f.needs("bench=" + api)
	f.is("bench="+api+" arch="+s.Arch, "type="+in)
	if api == "mma" {
		tile := "mma " + tileName(s, q, sh)
		f.needs("mma " + role(s))
		f.needs(tile + " " + role(s))
		f.is(tile, tile+" arch="+s.Arch)
	} else if q.Point.Get("sparse") == "yes" {
		f.is("wgmma sparse", "wgmma sparse a="+q.Point.Get("a"))
	}
	if chip {
		f.is("chip", "chip arch="+s.Arch)
		clockFeatures(&f, s)
		if q.Point.Get("fill") == "random" {
			f.is("chip random", "chip random acc="+acc, "chip random type="+in+" acc="+acc)
			f.number("chip random W/TFLOP", s.TDPW/s.Tensor[sheet.F16], 700/989.4)
		}
	}
	return f
}

// role says what mma is on a GPU: its way to the matrix units, or an old way beside
// wgmma or tcgen05, which alone reach the rate of the data sheet.
func role(s sheet.Sheet) string {
	if s.Capability == "9.0" || s.Capability == "10.0" {
		return "beside a newer instruction"
	}
	return "alone"
}

// tileName groups shapes by how much of the unit's width one instruction fills:
// since Ampere, that of 16 rows and 32 bytes of depth (64 sparse) fills it.
func tileName(s sheet.Sheet, q Query, sh shape) string {
	sparse := q.Point.Get("sparse") == "yes"
	depth := sh.k * bits(q.Point.Get("in")) / 8
	if sparse {
		depth /= 2
	}
	if s.Arch == "volta" || s.Arch == "turing" {
		depth, sh.m = 32, 16 // their greatest shapes are smaller
	}
	return fmt.Sprintf("rows=%d depth=%dB sparse=%t", sh.m, depth, sparse)
}

// clockFeatures tell how far the clock behind the data sheet's rates is below the
// greatest one, and how much power there is for it.
func clockFeatures(f *features, s sheet.Sheet) {
	f.number("chip headroom", s.PerSM(s.Tensor[sheet.F16])*float64(s.SMs)*s.BoostMHz/1e6/s.Tensor[sheet.F16], 1)
}
