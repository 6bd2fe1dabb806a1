package gpu

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// workload is what one unit of a model's output costs. The figures are nominal,
// from the shapes of the layers; what they leave out, the learnt utilisation
// takes up, so that only their ratios matter.
type workload struct {
	name  string
	unit  string
	flops float64 // in 1e9, multiply and add counted apart
	// bytes of device memory, in 1e9, where that is what holds a model back; 0 is not known.
	bytes float64
	// weights is the size of the model in GB.
	weights float64
	// types are tried in this order: the first that the GPU has sets the ceiling.
	types []sheet.Type
	// kind groups models that are slow for like reasons.
	kind string
}

// workloads lists the models of MLPerf inference v4.1 and those of the published
// generation tables.
func workloads() []workload {
	int8 := []sheet.Type{sheet.S8, sheet.F8, sheet.F16}
	fp8 := []sheet.Type{sheet.F8, sheet.S8, sheet.F16}
	fp4 := append([]sheet.Type{sheet.F4}, fp8...)
	list := []workload{
		// 4.1 GMAC of a 224 x 224 picture.
		{"resnet50", "samples/s", 8.2, 0, 0.03, int8, "vision"},
		// ResNeXt50 at 800 x 800: backbone 54, pyramid 13, heads 136 GMAC.
		{"retinanet", "samples/s", 405, 0, 0.04, int8, "vision"},
		// 128^3 tiles of 944 GFLOP, about 64 a volume.
		{"3d-unet-99", "samples/s", 60000, 0, 0.02, int8, "vision"},
		// 334 M weights, 178 tokens of a SQuAD question without padding.
		{"bert-99", "samples/s", 119, 0, 0.4, int8, "transformer"},
		{"bert-99.9", "samples/s", 119, 0, 0.4, fp8, "transformer"},
		// 20 steps with guidance of a U-Net of 5.96 TFLOP, and the decoder.
		{"stable-diffusion-xl", "samples/s", 250000, 0, 3.5, fp8, "transformer"},
		// 6.05 G weights, about 990 tokens in and out of a summary.
		{"gptj-99", "samples/s", 12000, 0, 6, fp8, "llm"},
		// For one token out: 69 G weights twice, half as many tokens in; weights over a batch of 512, and its keys and values.
		{"llama2-70b-99", "tokens/s", 210, 0, 70, fp4, "llm"},
		// 12.9 G weights in use, as many tokens in as out.
		{"mixtral-8x7b", "tokens/s", 52, 0, 47, fp8, "llm"},
		// 270 pairs a sample, 214 rows of 128 int8 weights each.
		{"dlrm-v2-99", "samples/s", 15, 0.0074, 25, int8, "dlrm"},
	}
	for _, name := range []string{"3d-unet-99", "gptj-99", "llama2-70b-99", "dlrm-v2-99"} {
		i := slices.IndexFunc(list, func(w workload) bool { return w.name == name })
		high := list[i]
		high.name += ".9"
		if name == "dlrm-v2-99" {
			high.bytes *= 2 // 16-bit weights
			high.types = []sheet.Type{sheet.F16}
		}
		list = append(list, high)
	}
	return append(list, generators()...)
}

// generators are the decoders of the published generation tables: a step reads all
// weights for a batch of 8.
func generators() []workload {
	var list []workload
	for _, m := range []struct {
		name    string
		weights float64 // in 1e9
	}{{"llama-3b", 3.4}, {"llama-7b", 6.7}, {"llama-13b", 13}} {
		for _, t := range []struct {
			name  string
			bytes float64
			types []sheet.Type
		}{{"fp32", 4, []sheet.Type{sheet.TF32}}, {"fp16", 2, []sheet.Type{sheet.F16}}, {"bf16", 2, []sheet.Type{sheet.BF16}}, {"fp8", 1, []sheet.Type{sheet.F8}}} {
			list = append(list, workload{m.name + " " + t.name, "tokens/s", 2 * m.weights, m.weights * t.bytes / 8, m.weights * t.bytes, t.types, "generate"})
		}
	}
	return list
}

func modelProblem(s sheet.Sheet, q Query) (problem, error) {
	name, scenario := q.Point.Get("model"), strings.ToLower(q.Point.Get("scenario"))
	if q.Benchmark == "llm/generate" {
		name, scenario = name+" "+q.Point.Get("type"), "generate"
		if q.Point.Get("batch") != "8" {
			return problem{}, fmt.Errorf("%w: only batches of 8 are known", ErrBadPoint)
		}
	} else if scenario != "offline" && scenario != "server" {
		return problem{}, fmt.Errorf("%w: scenario %q is neither offline nor server", ErrBadPoint, scenario)
	}
	list := workloads()
	i := slices.IndexFunc(list, func(w workload) bool { return w.name == name })
	if i < 0 {
		return problem{}, fmt.Errorf("%w: model %q is not one of %s", ErrBadPoint, name, strings.Join(workloadNames(list), ", "))
	}
	w := list[i]
	peak, typ, err := w.peak(s)
	if err != nil {
		return problem{}, err
	}
	p := problem{class: classModel, unit: w.unit, ceilings: []Ceiling{{Bound: BoundTensor, Value: peak * 1e3 / w.flops}}}
	if w.bytes > 0 {
		p.ceilings = append(p.ceilings, Ceiling{Bound: BoundDRAM, Value: s.DRAMGBs / w.bytes})
	}
	if scenario == "generate" {
		p.class = classDecoder
	}
	p.plain = p.least().Value
	p.features = modelFeatures(s, w, scenario, typ)
	return p, nil
}

func workloadNames(list []workload) []string {
	var names []string
	for _, w := range list {
		names = append(names, w.name)
	}
	return names
}

func (w workload) peak(s sheet.Sheet) (float64, sheet.Type, error) {
	for _, t := range w.types {
		if r, ok := s.TensorRate(t, true); ok {
			return r, t, nil
		}
	}
	return 0, "", &ErrUnsupported{s.Name, fmt.Sprintf("%s in %s", w.name, w.types[0]), "its data sheet gives no rate for that type"}
}

func modelFeatures(s sheet.Sheet, w workload, scenario string, typ sheet.Type) features {
	var f features
	f.needs("model="+w.name, "scenario="+scenario)
	f.is("model="+w.name+" scenario="+scenario, "model type="+string(typ), "arch="+s.Arch, "kind="+w.kind+" arch="+s.Arch)
	half := s.Tensor[sheet.F16]
	f.number("W/TFLOP", power(s)/half, 700/989.4)
	f.number("B/FLOP", s.DRAMGBs/half, 3352/989.4)
	f.number("B/FLOP "+w.kind, s.DRAMGBs/half, 3352/989.4)
	if share := w.weights / s.DRAMGB; share > splitShare {
		f.is("split")
		f.number("split capacity", s.DRAMGB, 80)
		if s.Form == "PCIe" {
			f.is("split over PCIe")
		}
	}
	return f
}

// splitShare is the part of a GPU's memory beyond which weights leave no room for
// a batch, so that the model is split over several.
const splitShare = 0.55

// power is what the GPU may draw. A superchip's figure holds the processor and its
// memory too, some three tenths.
func power(s sheet.Sheet) float64 {
	if s.Form == "superchip" {
		return 0.7 * s.TDPW
	}
	return s.TDPW
}

// tile is the edge of the usual piece of a matrix product that one SM works on.
func tile(edge float64) float64 { return min(128, 16*math.Ceil(edge/16)) }

func gemmProblem(s sheet.Sheet, q Query) (problem, error) {
	in := q.Point.Get("in")
	var m, n, k float64
	if _, err := fmt.Sscanf(q.Point.Get("size"), "%fx%fx%f", &m, &n, &k); err != nil || min(m, n, k) < 1 {
		return problem{}, fmt.Errorf("%w: size %q is not MxNxK", ErrBadPoint, q.Point.Get("size"))
	}
	peak, err := tensorPeak(s, q)
	if err != nil {
		return problem{}, err
	}
	high, wide := tile(m), tile(n)
	tiles := math.Ceil(m/high) * math.Ceil(n/wide)
	waves := math.Ceil(tiles / float64(s.SMs))
	filled := m * n / (waves * float64(s.SMs) * high * wide) // share of the chip that works
	moved := (m*k+k*n)*float64(bits(in))/8 + m*n*float64(accBytes(q))
	p := problem{class: classTensor, unit: tensorUnit(in, true), plain: min(peak, 2*m*n*k/moved*s.DRAMGBs/1e3)}
	p.ceilings = []Ceiling{
		{Bound: BoundTensor, Value: peak * filled},
		{Bound: BoundDRAM, Value: 2 * m * n * k / moved * s.DRAMGBs / 1e3},
	}
	p.features.needs("bench=gemm")
	return p, nil
}

// accBytes is the size of an element of the result: as wide as the operands up to
// 16 bits, otherwise as the accumulator.
func accBytes(q Query) int { return max(2, bits(q.Point.Get("in"))/8) }
