package gpu

import "github.com/gpubench/gpubench/results"

// class is a kind of work whose utilisation is learnt together.
type class string

const (
	classTensor  class = "tensor"
	classVector  class = "vector"
	classMemory  class = "memory"
	classLatency class = "latency"
	classModel   class = "model"
	classDecoder class = "decoder"
)

// Metrics that documents use.
const (
	chipThroughput = "chip throughput"
	perSM          = "throughput"
	issueInterval  = "issue interval"
	bandwidth      = "bandwidth"
	chipBandwidth  = "chip bandwidth"
	latency        = "latency"
	completion     = "completion latency"
	duration       = "time"
)

// catalogue lists what can be predicted.
func catalogue() []entry {
	usual := func(name string, class class, short []string, metrics []string, kv ...string) entry {
		return entry{name: name, class: class, short: short, metrics: metrics, usual: results.P(kv...)}
	}
	rates := []string{chipThroughput, perSM}
	return []entry{
		usual("tensor/wgmma-throughput", classTensor, []string{"wgmma"}, []string{chipThroughput, perSM, issueInterval},
			"shape", "", "in", "f16", "acc", "", "a", "ss", "sparse", "no", "fill", "zeros", "groups", "1", "on", ""),
		usual("tensor/mma-throughput", classTensor, []string{"mma"}, rates,
			"shape", "", "in", "f16", "acc", "", "sparse", "no", "op", "", "fill", "zeros", "on", ""),
		usual("tensor/gemm", classTensor, []string{"gemm"}, []string{chipThroughput},
			"size", "8192x8192x8192", "in", "f16", "acc", ""),
		usual("alu/throughput", classVector, []string{"alu"}, rates, "op", "fma", "type", "f32", "on", ""),
		usual("dpx/throughput", classVector, []string{"dpx"}, rates, "fn", "__viaddmax_s32", "on", ""),
		usual("memory/dram-bandwidth", classMemory, []string{"dram"}, []string{bandwidth}, "op", "read", "width", "16"),
		usual("memory/l2-bandwidth", classMemory, []string{"l2"}, []string{bandwidth}, "op", "read", "width", "16"),
		usual("memory/l1-bandwidth", classMemory, []string{"l1"}, []string{bandwidth, chipBandwidth}, "op", "read", "width", "16", "sms", ""),
		usual("memory/shared-bandwidth", classMemory, []string{"shared"}, []string{bandwidth, chipBandwidth}, "op", "read", "width", "16", "sms", ""),
		usual("cluster/throughput", classMemory, []string{"cluster"}, []string{bandwidth, chipBandwidth},
			"op", "read", "pattern", "ring", "cluster", "2"),
		usual("alu/latency", classLatency, nil, []string{latency}, "op", "fma", "type", "f32", "on", ""),
		usual("alu/shuffle-latency", classLatency, nil, []string{latency}, "op", "shfl.bfly", "type", "b32"),
		usual("dpx/latency", classLatency, nil, []string{latency}, "fn", "__viaddmax_s32"),
		usual("tensor/mma-latency", classLatency, nil, []string{latency},
			"shape", "m16n8k16", "in", "f16", "acc", "f32", "sparse", "no", "op", "", "through", "c"),
		usual("tensor/wgmma-latency", classLatency, nil, []string{completion},
			"op", "", "shape", "m64n256k16", "in", "f16", "acc", "f32", "a", "ss", "sparse", "no", "fill", "zeros"),
		usual("memory/stride-latency", classLatency, nil, []string{latency, duration},
			"space", "dram", "address", "pointer", "stride", "4096"),
		usual("memory/random-latency", classLatency, []string{"latency"}, []string{latency, duration}, "level", "dram"),
		usual("cluster/latency", classLatency, nil, []string{latency},
			"cluster", "2", "address", "generic", "space", "remote"),
		usual("async/bulk-latency", classLatency, nil, []string{latency}, "method", "bulk", "memory", "l2", "bytes", "16"),
		usual("mlperf", classModel, nil, []string{chipThroughput}, "model", "llama2-70b-99", "scenario", "offline"),
		usual("llm/generate", classDecoder, []string{"llm"}, []string{chipThroughput}, "model", "llama-7b", "type", "fp16", "batch", "8"),
	}
}
