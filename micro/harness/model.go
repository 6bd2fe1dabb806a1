package harness

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Model judges a chain of approximate steps, such as special functions, whose
// exact bits are the hardware's own business.
type Model struct {
	// Step is the step in float64.
	Step func(x float64) float64
	// Tolerance is relative, over the whole chain.
	Tolerance float64
	// Halves says that a word holds two 16-bit floats and not one of 32 bits.
	Halves bool
}

// Check makes a job's Check: word i of the result belongs to lane i/chains and
// chain i%chains, which started from Input's words and did so many steps.
func (m Model) Check(input []byte, steps, chains int) func(result []byte) error {
	return func(result []byte) error {
		for i := range len(result) / 4 {
			lane, chain := i/chains, i%chains
			start := m.values(input[8*(lane+chain):])
			for j, got := range m.values(result[4*i:]) {
				want := start[j]
				for range steps {
					want = m.Step(want)
				}
				if !m.near(got, want) {
					return fmt.Errorf("lane %d, chain %d is %g after %d steps from %g, expected %g", lane, chain, got, steps, start[j], want)
				}
			}
		}
		return nil
	}
}

func (m Model) near(got, want float64) bool {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return true
	}
	return !math.IsInf(want, 0) && math.Abs(got-want) <= m.Tolerance*math.Abs(want)
}

// values reads the floats of a word.
func (m Model) values(word []byte) []float64 {
	bits := binary.LittleEndian.Uint32(word)
	if !m.Halves {
		return []float64{float64(math.Float32frombits(bits))}
	}
	return []float64{half(uint16(bits)), half(uint16(bits >> 16))}
}

// half is the value of a 16-bit float.
func half(bits uint16) float64 {
	exponent, fraction, sign := int(bits>>10&31), float64(bits&1023), 1.0
	if bits>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction > 0:
		return math.NaN()
	case exponent == 31:
		return sign * math.Inf(1)
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
