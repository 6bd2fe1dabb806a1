package sass

import "testing"

func BenchmarkRead(b *testing.B) {
	cubin := readFixture(b, "clock.sm_90a")
	b.SetBytes(int64(len(cubin)))
	for b.Loop() {
		if _, err := Read(cubin); err != nil {
			b.Fatal(err)
		}
	}
}
