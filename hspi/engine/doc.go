// Package engine tests the probe, the training and the verdicts on real engines: on
// llama.cpp's own server with a tiny random model in the types f32, f16, bf16, q8_0
// and q4_0 that the test makes itself, and on the lab's server on JAX. The package
// holds tests only.
//
// They need the Python that deploy/python-tools.sh makes, or one that GPUBENCH_PYTHON
// names. Without it they are skipped, but not in CI.
package engine
