package tape

import (
	"math/rand/v2"
)

// Add returns a + b. b may have one row or one column, which is then used for
// all of a's.
func (t *Tape) Add(a, b *Value) *Value {
	if t.err != nil || b.Rows != a.Rows && b.Rows != 1 || b.Cols != a.Cols && b.Cols != 1 {
		return t.fail("sum of %d x %d and %d x %d", a.Rows, a.Cols, b.Rows, b.Cols)
	}
	out := t.result(a.Rows, a.Cols, a, b)
	down, right := b.steps(a)
	for i := range a.Rows {
		o, x := out.row(i), a.row(i)
		for j := range o {
			o[j] = x[j] + b.Data[i*down+j*right]
		}
	}
	return t.record(out, func() {
		for i := range out.Rows {
			g := out.gradRow(i)
			if a.grad != nil {
				accumulate(a.gradRow(i), g)
			}
			if b.grad != nil {
				for j := range g {
					b.grad[i*down+j*right] += g[j]
				}
			}
		}
	})
}

// steps is how far b's entries lie apart when it is stretched to a's size.
func (v *Value) steps(like *Value) (down, right int) {
	if v.Rows == like.Rows {
		down = v.Cols
	}
	if v.Cols == like.Cols {
		right = 1
	}
	return down, right
}

func accumulate(into, from []float64) {
	for i, x := range from {
		into[i] += x
	}
}

// ReLU returns max(0, a).
func (t *Tape) ReLU(a *Value) *Value {
	out := t.result(a.Rows, a.Cols, a)
	for i, x := range a.Data {
		out.Data[i] = max(0, x)
	}
	return t.record(out, func() {
		for i, g := range out.grad {
			if a.Data[i] > 0 {
				a.grad[i] += g
			}
		}
	})
}

// Dropout sets each entry to zero with probability p and scales the others so
// that the mean stays. The source decides which.
func (t *Tape) Dropout(a *Value, p float64, rng *rand.Rand) *Value {
	if p <= 0 {
		return a
	}
	out := t.result(a.Rows, a.Cols, a)
	keep := t.memory.take(len(a.Data))
	for i, x := range a.Data {
		if rng.Float64() >= p {
			keep[i] = 1 / (1 - p)
		}
		out.Data[i] = x * keep[i]
	}
	return t.record(out, func() {
		for i, g := range out.grad {
			a.grad[i] += g * keep[i]
		}
	})
}
