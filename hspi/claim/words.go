package claim

import (
	"slices"
)

// Vocabulary is the words of each part: those that are known to the program, and more.
func Vocabulary(more map[Part][]string) map[Part][]string {
	words := map[Part][]string{
		Device: {"a100", "h100", "h200", "h800", "h20", "b200", "b300", "gb200", "gh200", "l4", "l40", "l40s", "a10", "a40", "a6000",
			"v100", "t4", "rtx4090", "rtx5090", "mi250", "mi300x", "mi325x", "gaudi2", "gaudi3", "tpu", "cpu", "cpu-avx2", "cpu-avx512", "cpu-amx"},
		Precision:    {"fp32", "tf32", "bf16", "fp16"},
		Quantisation: {"unquantised", "fp8", "fp8-tensor", "fp8-channel", "fp8-weight", "int8", "int4", "awq", "gptq", "nvfp4", "mxfp4", "q8", "q4", "gguf"},
		KV:           {"kvfp8", "kvbf16", "kvfp16", "kvint8"},
		Engine:       {"vllm", "sglang", "tgi", "llamacpp", "ollama", "tensorrt", "lmdeploy", "torch", "torch-compile", "jax"},
		Attention:    {"eager", "math", "flash", "flashinfer", "efficient", "cudnn", "triton", "xla", "sdpa"},
		TP:           {"tp1", "tp2", "tp4", "tp8"},
	}
	for part, list := range more {
		for _, w := range list {
			if part == KV && w != "" {
				w = "kv" + w
			}
			if w = normal(w); part != TP && w != "" && w != "none" && !slices.Contains(words[part], w) {
				words[part] = append(words[part], w)
			}
		}
	}
	return words
}

// PartOf is the part of a name, such as those of labels; other usual spellings of
// parts are understood.
func PartOf(name string) (Part, bool) {
	p := Part(normal(name))
	if other, ok := map[Part]Part{"gpu": Device, "dtype": Precision, "quantization": Quantisation, "quant": Quantisation, "tensor-parallel": TP}[p]; ok {
		p = other
	}
	return p, slices.Contains(Parts(), p)
}

// synonyms are other spellings of known words.
func synonyms() map[string]string {
	return map[string]string{
		"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "f32": "fp32", "f16": "fp16",
		"none": "unquantised", "unquantized": "unquantised", "noquant": "unquantised",
		"llama.cpp": "llamacpp", "llama-cpp": "llamacpp", "trtllm": "tensorrt", "tensorrt-llm": "tensorrt", "pytorch": "torch", "hf": "torch",
		"fa": "flash", "fa2": "flash", "fa3": "flash", "flashattention": "flash", "w8a8": "int8", "w4a16": "int4", "q8_0": "q8", "q4_0": "q4", "q4_k_m": "q4",
	}
}

// families are words that stand for several labels.
func families() map[string][]string {
	return map[string][]string{
		"unquantised": {"none", ""},
		"sdpa":        {"math", "flash", "efficient", "cudnn"},
		"awq":         {"int4"},
		"gptq":        {"int4"},
		"q8":          {"q8_0"},
		"q4":          {"q4_0", "q4_k_m"},
		"gguf":        {"q8_0", "q4_0", "q4_k_m", "f16", "f32"},
	}
}
