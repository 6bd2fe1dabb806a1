// Package engine tests the probe on a real engine: llama.cpp, behind the
// OpenAI-compatible server of the Python package llama-cpp-python, with a tiny
// random model in the types f32, f16, bf16, q8_0 and q4_0 that the test makes
// itself. The package holds tests only.
//
// It needs a Python with llama-cpp-python[server], gguf and numpy: python3, or
// the one that GPUBENCH_PYTHON names. Without it the tests are skipped, but fail
// where GPUBENCH_PYTHON names an interpreter.
package engine
