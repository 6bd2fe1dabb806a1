package gpu

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results/published"
)

// translation says which published figures are which rows of ours.
type translation struct {
	from published.Query
	to   string // as ParseQuery reads it
	// convert turns the published number into the unit of the prediction; nil keeps it.
	convert func(s sheet.Sheet, v float64) float64
	// unit selects figures by their published unit; empty takes all.
	unit string
	// noted takes figures although their note says that they are rough.
	noted bool
}

// Published turns the published figures into rows: one for each GPU and query,
// and one more for each other source. Figures whose note says that they are
// wrong or mean something else are left out.
func Published() ([]Row, error) {
	var rows []Row
	seen := map[string]bool{}
	for _, t := range translations() {
		q, err := ParseQuery(t.to)
		if err != nil {
			return nil, fmt.Errorf("published figures: %w", err)
		}
		for _, p := range published.Find(t.from) {
			s, ok := publishedSheet(p.GPU)
			if !ok || doubtful(p.Note) && !t.noted || t.unit != "" && p.Unit != t.unit || contradicted(s, q, p.Value) {
				continue
			}
			r := Row{GPU: s.Name, Query: q, Value: p.Value, Source: p.Source}
			if t.convert != nil {
				r.Value = t.convert(s, p.Value)
			}
			key := fmt.Sprint(r.GPU, q, r.Value)
			if !seen[key] {
				seen[key] = true
				rows = append(rows, r)
			}
		}
	}
	// Maps have no order, rows must.
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.GPU, b.GPU), cmp.Compare(a.Query.String(), b.Query.String()), cmp.Compare(a.Value, b.Value))
	})
	return known(rows)
}

// doubtful notes say that a figure is wrong or means something else.
func doubtful(note string) bool {
	for _, harmless := range []string{"", "H800 PCIe with 114 SMs", "paper header says GB/s", "clock overhead is left in the quotient"} {
		if note == harmless {
			return false
		}
	}
	return !strings.HasPrefix(note, "depends on the style of the chase")
}

// contradicted are figures in the logs of an H800 that an independent report on the
// same chip and our own run contradict: DPX latencies of 8 and 10 cycles instead of
// 4, and __vimax3_s32 at half the rate, as its two instructions there would have it.
func contradicted(s sheet.Sheet, q Query, v float64) bool {
	if s.Arch != "hopper" {
		return false
	}
	return q.Benchmark == "dpx/latency" && v > 5 || q.Benchmark == "dpx/throughput" && q.Point.Get("fn") == "__vimax3_s32" && v < 40
}

// publishedSheet knows the GPUs of the published tables; papers that only say
// "A100" used the first form factor, whose units are those of all.
func publishedSheet(gpu string) (sheet.Sheet, bool) {
	names := map[string]string{
		"A100": "A100 SXM 40GB", "A100 PCIe": "A100 PCIe 40GB", "V100": "V100 SXM2", "GH200": "GH200 96GB",
	}
	if n, ok := names[gpu]; ok {
		gpu = n
	}
	s, err := sheet.Lookup(gpu)
	return s, err == nil
}

// bytesPerCycle turns bytes per cycle of the chip into GB/s at the boost clock.
func bytesPerCycle(s sheet.Sheet, v float64) float64 { return v * s.BoostMHz / 1e3 }

// perInstruction turns the cycles of a warp's instruction on one of four
// schedulers into results per cycle and SM.
func perInstruction(_ sheet.Sheet, v float64) float64 { return 4 * 32 / v }

func times(f float64) func(sheet.Sheet, float64) float64 {
	return func(_ sheet.Sheet, v float64) float64 { return f * v }
}

func translations() []translation {
	list := append(memoryFigures(), latencyFigures()...)
	list = append(list, mmaFigures()...)
	list = append(list, wgmmaFigures()...)
	list = append(list, vectorFigures()...)
	return append(list, generationFigures()...)
}

func memoryFigures() []translation {
	return []translation{
		{from: published.Query{Benchmark: "global throughput", Metric: "throughput"}, to: "dram/mix"},
		{from: published.Query{Benchmark: "HBM read 4 GiB"}, to: "dram/read"},
		{from: published.Query{Benchmark: "L2 throughput", In: "f32x4"}, to: "l2/read/width=16", convert: bytesPerCycle},
		{from: published.Query{Benchmark: "L2 throughput", In: "f32"}, to: "l2/read/width=4", convert: bytesPerCycle},
		{from: published.Query{Benchmark: "L2 read 64 MiB"}, to: "l2/read/width=16"},
		{from: published.Query{Benchmark: "L1 throughput", In: "f32x4"}, to: "l1/read/width=16"},
		{from: published.Query{Benchmark: "shared throughput"}, to: "shared/read/width=4"},
		{from: published.Query{Benchmark: "DSM ring throughput", Parameter: "cluster_size=2 peak"}, to: "cluster{cluster=2} chip bandwidth", convert: times(1000)},
		{from: published.Query{Benchmark: "DSM ring throughput", Parameter: "cluster_size=4"}, to: "cluster{cluster=4} chip bandwidth", convert: times(1000)},
		{from: published.Query{Benchmark: "DSM ring-based copy throughput", Parameter: "cluster_size=2 peak"}, to: "cluster{cluster=2} chip bandwidth", convert: times(1000)},
		{from: published.Query{Benchmark: "DSM ring-based copy throughput", Parameter: "cluster_size=4"}, to: "cluster{cluster=4} chip bandwidth", convert: times(1000)},
	}
}

func latencyFigures() []translation {
	var list []translation
	for _, chase := range []struct {
		to    string
		names []string
	}{
		{"memory/random-latency/l1", []string{"L1 latency (random-stride p-chase)", "L1 hit"}},
		{"memory/random-latency/l2", []string{
			"L2 latency (p-chase)", "L2 latency", "L2 hit latency", "L2 hit 32 MiB .cg", "L2 hit latency 1-32 MiB", "L2 (single value) latency (random-stride p-chase)",
			"L2 latency lower plateau (random p-chase)",
		}},
		{"memory/random-latency/level=l2-far", []string{"L2 latency upper plateau (random p-chase)", "L2 latency past ~31-45 MB"}},
		{"memory/random-latency/dram", []string{"global latency (random-stride p-chase)", "global latency", "local HBM 2 GiB", "HBM latency 512 MiB-2 GiB"}},

		{"memory/stride-latency/l1/address=index/stride=128", []string{"L1 latency (p-chase)", "L1 latency", "L1 hit latency"}},
		{"memory/stride-latency/shared/address=index/stride=4", []string{"shared latency (p-chase)", "shared latency (random-stride p-chase)", "shared latency"}},

		{"memory/stride-latency/shared/address=pointer/stride=4", []string{"shared load", "shared load latency"}},
		{"cluster/latency{cluster=2 space=remote}", []string{"DSM peer", "DSMEM remote load latency (2 CTAs)"}},
		{"dpx/latency/__viaddmax_s32", []string{"DPX VIADDMNMX/VIMNMX3 dependent"}},
		{"alu/latency/fma/f32", []string{"INT32/FP32 true latency"}},
		{"alu/latency/fma/type=f64", []string{"FP64 dependent latency (1024 chain)"}},
		{"tensor/mma-latency/m16n8k16/f16", []string{"mma.sync m16n8k16 dependent"}},
	} {
		for _, n := range chase.names {
			list = append(list, translation{from: published.Query{Benchmark: n}, to: chase.to})
		}
	}
	list = append(list,
		translation{from: published.Query{Benchmark: "ld.shared.u32 latency", Parameter: "bank_conflict_ways=1"}, to: "memory/stride-latency/shared/address=pointer/stride=4"},
		translation{from: published.Query{Benchmark: "CPI dependent", Instruction: "mad.rn.f32"}, to: "alu/latency/fma/f32"},
		translation{from: published.Query{Benchmark: "CPI dependent", Instruction: "add.u32"}, to: "alu/latency/add/type=s32"},
		translation{from: published.Query{Benchmark: "CPI dependent", Instruction: "add.f64"}, to: "alu/latency/add/type=f64"},
		translation{from: published.Query{Benchmark: "mma.sync completion latency", Shape: "m16n8k16", In: "f16"}, to: "tensor/mma-latency{shape=m16n8k16 in=f16 acc=f16}"},
		translation{from: published.Query{Benchmark: "mma.sync completion latency", Shape: "m16n8k32", In: "s8"}, to: "tensor/mma-latency{shape=m16n8k32 in=s8 acc=s32}"},
	)
	for _, n := range []string{"2", "4", "8", "16"} {
		list = append(list, translation{
			from: published.Query{Benchmark: "DSM latency (remote block)", Metric: "latency_mean(stat of raw pairs)", Parameter: pairs(n)},
			to:   "cluster/latency{cluster=" + n + " address=window space=remote}",
		})
	}
	return list
}

// pairs is how the published table calls the pairs of a cluster: n of n(n-1).
func pairs(cluster string) string {
	return map[string]string{"2": "cluster_size=2; n=2", "4": "cluster_size=4; n=12", "8": "cluster_size=8; n=56", "16": "cluster_size=16; n=240"}[cluster]
}

func mmaFigures() []translation {
	fma := times(2)
	return []translation{
		{from: published.Query{Benchmark: "mma.sync throughput", Shape: "m16n8k16", Acc: "f16"}, to: "mma{shape=m16n8k16 in=f16 acc=f16}"},
		{from: published.Query{Benchmark: "mma.sync throughput", Shape: "m16n8k16", Acc: "f16 (assumed)"}, to: "mma{shape=m16n8k16 in=f16 acc=f16}"},
		{from: published.Query{Benchmark: "mma.sync throughput", Shape: "m16n8k16", Acc: "f32"}, to: "mma{shape=m16n8k16 in=f16 acc=f32}"},
		{from: published.Query{Benchmark: "mma.sync throughput", Shape: "m16n8k32", In: "s8"}, to: "mma{shape=m16n8k32 in=s8}"},
		{from: published.Query{Benchmark: "mma.sync throughput", Sparsity: "2:4 sparse"}, to: "mma{shape=m16n8k32 in=f16 acc=f16 sparse=yes}"},
		{from: published.Query{Benchmark: "mma.sp throughput", Shape: "m16n8k32"}, to: "mma{shape=m16n8k32 in=f16 acc=f32 sparse=yes} throughput", convert: fma},
		{from: published.Query{Benchmark: "mma.sp throughput", Shape: "m16n8k16"}, to: "mma{shape=m16n8k16 in=f16 acc=f32 sparse=yes} throughput", convert: fma},
		{from: published.Query{Benchmark: "mma throughput", Shape: "m16n8k8", Acc: "f32"}, to: "mma{shape=m16n8k8 in=f16 acc=f32} throughput", convert: fma},
		{from: published.Query{Benchmark: "mma throughput", Shape: "m16n8k8", Acc: "f16"}, to: "mma{shape=m16n8k8 in=f16 acc=f16} throughput", convert: fma},
		{from: published.Query{Benchmark: "mma throughput", In: "s8"}, to: "mma{shape=m8n8k16 in=s8} throughput", convert: fma},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "f16", Acc: "f16"}, to: "mma{shape=m16n8k16 in=f16 acc=f16}"},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "f16", Acc: "f32"}, to: "mma{shape=m16n8k16 in=f16 acc=f32}"},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "bf16"}, to: "mma{shape=m16n8k16 in=bf16}"},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "tf32"}, to: "mma{shape=m16n8k8 in=tf32}"},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "f64"}, to: "mma{shape=m8n8k4 in=f64}"},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "u8"}, to: "mma{shape=m16n8k32 in=u8}"},
		{from: published.Query{Benchmark: "wmma throughput measured", In: "u4"}, to: "mma{shape=m8n8k32 in=u4}"},
		{from: published.Query{Benchmark: "GEMM fp16 with TMA (n>7000)"}, to: "gemm", noted: true},
	}
}

// wgmmaFigures are the tables of arXiv:2501.12084 and 2402.13499, by type, operand and fill.
func wgmmaFigures() []translation {
	var list []translation
	for _, t := range []struct {
		n             int
		k             string
		in, acc, ours string
	}{
		{256, "k16", "f16", "f16", "f16"}, {256, "k16", "f16", "f32", "f16"}, {256, "k8", "tf32", "f32", "tf32"},
		{256, "k32", "e4m3/e5m2", "f16", "e4m3"}, {256, "k32", "e4m3/e5m2", "f32", "e4m3"}, {256, "k32", "s8", "s32", "s8"},
		{128, "k16", "f16", "f32", "f16"}, {64, "k16", "f16", "f32", "f16"}, {32, "k16", "f16", "f32", "f16"},
		{16, "k16", "f16", "f32", "f16"}, {8, "k16", "f16", "f32", "f16"},
	} {
		shape := fmt.Sprintf("m64n%d%s", t.n, t.k)
		for _, operand := range []string{"SS", "RS"} {
			for _, fill := range []string{"zeros", "random"} {
				to := fmt.Sprintf("wgmma{shape=%s in=%s acc=%s a=%s fill=%s}", shape, t.ours, t.acc, strings.ToLower(operand), fill)
				for _, parameter := range []string{"init=" + fill, fmt.Sprintf("N=%d; init=%s", t.n, fill)} {
					list = append(list, translation{to: to, from: published.Query{
						Benchmark: "wgmma throughput", Shape: shape, In: t.in, Acc: t.acc, Operand: operand, Sparsity: "dense", Parameter: parameter,
					}})
				}
			}
		}
	}
	for operand, to := range map[string]string{"SS": "wgmma{shape=m64n256k32 sparse=yes a=ss}", "RS": "wgmma{shape=m64n256k32 sparse=yes a=rs}"} {
		list = append(list, translation{to: to, from: published.Query{Benchmark: "wgmma throughput", Shape: "sp.m64n256k32", In: "f16", Operand: operand}})
	}
	return list
}

func vectorFigures() []translation {
	var list []translation
	for _, fn := range []string{
		"__viaddmax_s32", "__viaddmax_s32_relu", "__viaddmax_u32", "__viaddmax_s16x2", "__viaddmax_s16x2_relu", "__viaddmin_s32", "__vimax3_s32",
		"__vimax3_s32_relu", "__vimax3_s16x2", "__vimax3_s16x2_relu", "__vimax_s32_relu", "__vimax_s16x2_relu", "__vibmax_s32", "__vibmax_s16x2",
	} {
		list = append(list,
			translation{from: published.Query{Benchmark: "DPX", Instruction: fn, Metric: "throughput_per_SM"}, to: "dpx/" + fn + "{} throughput"},
			translation{from: published.Query{Benchmark: "DPX", Instruction: fn, Metric: "latency"}, to: "dpx/latency/" + fn})
	}
	for instruction, to := range map[string]string{
		"add.f32": "add/type=f32", "mul.rn.f32": "mul/type=f32", "mad.rn.f32": "fma/type=f32", "add.f64": "add/type=f64", "mul.rn.f64": "mul/type=f64",
		"mad.rn.f64": "fma/type=f64", "mul.lo.u32": "op=mul.lo/type=s32", "mad.lo.u32": "op=mad.lo/type=s32",
	} {
		list = append(list, translation{
			from: published.Query{Benchmark: "PTX instruction cycles (independent)", Instruction: instruction}, to: "alu/throughput/" + to + "{} throughput", convert: perInstruction,
		})
	}
	return list
}

// generationFigures are the tokens per second of the published logs.
func generationFigures() []translation {
	const tail = "; batch=8; input<=128; output<=128; 504 prompts; ShareGPT; model dtype in log="
	var list []translation
	for _, model := range []string{"llama-3b", "llama-7b", "llama-13b"} {
		for typ, logged := range map[string]string{"fp32": "float32", "fp16": "bfloat16", "fp8": "bfloat16"} {
			list = append(list, translation{
				from: published.Query{Benchmark: "LLM generation (HF + te.Linear for fp8)", In: typ, Parameter: model + tail + logged},
				to:   "llm/model=" + model + "/type=" + typ,
				unit: "tokens/s",
			})
		}
	}
	return list
}
