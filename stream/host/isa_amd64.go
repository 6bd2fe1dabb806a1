package host

import "golang.org/x/sys/cpu"

// has reports whether this CPU runs kernels of the isa.
func has(isa ISA) bool {
	switch isa {
	case AVX512:
		return cpu.X86.HasAVX512F
	case AVX2:
		return cpu.X86.HasAVX2 && cpu.X86.HasFMA
	}
	return isa == SSE2 || isa == Go
}

// features lists the vector extensions of this CPU.
func features() []string {
	var list []string
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"sse2", cpu.X86.HasSSE2}, {"sse4.2", cpu.X86.HasSSE42}, {"avx", cpu.X86.HasAVX}, {"avx2", cpu.X86.HasAVX2},
		{"fma", cpu.X86.HasFMA}, {"avx512f", cpu.X86.HasAVX512F}, {"avx512dq", cpu.X86.HasAVX512DQ},
		{"avx512bw", cpu.X86.HasAVX512BW}, {"avx512vl", cpu.X86.HasAVX512VL},
	} {
		if f.has {
			list = append(list, f.name)
		}
	}
	return list
}
