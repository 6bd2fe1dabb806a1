package host

import "unsafe"

// block is one call of an assembly kernel: dst, x and y walk n bytes, a multiple
// of unit and more than none. The generator reads the layout from here.
type block struct {
	dst, x, y unsafe.Pointer
	n         uint64
	// s and t are the scalars, the same in both types.
	s, t float64
	sf32 float32
	tf32 float32
	// out is where reductions leave their lanes: one vector, or four of mantissas
	// and then four of exponents.
	out [64]float64
}

// unit divides the bytes that an assembly kernel is given: eight vectors of 64 bytes.
const unit = 512
