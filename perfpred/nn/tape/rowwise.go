package tape

import "math"

// Softmax returns exp(a) with each row scaled to sum to 1.
func (t *Tape) Softmax(a *Value) *Value {
	out := t.result(a.Rows, a.Cols, a)
	for i := range a.Rows {
		softmax(out.row(i), a.row(i))
	}
	return t.record(out, func() {
		for i := range out.Rows {
			p, g, into := out.row(i), out.gradRow(i), a.gradRow(i)
			mean := dot(p, g)
			for j := range into {
				into[j] += p[j] * (g[j] - mean)
			}
		}
	})
}

func softmax(out, x []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for j, v := range x {
		out[j] = math.Exp(v - top)
		sum += out[j]
	}
	for j := range out {
		out[j] /= sum
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// normFloor keeps rows of equal entries finite.
const normFloor = 1e-5

// LayerNorm brings each row to mean 0 and deviation 1, times gain plus offset
// (both 1 x columns; arXiv 1607.06450).
func (t *Tape) LayerNorm(a, gain, offset *Value) *Value {
	if t.err != nil || len(gain.Data) != a.Cols || len(offset.Data) != a.Cols {
		return t.fail("norm of %d x %d with %d gains, %d offsets", a.Rows, a.Cols, len(gain.Data), len(offset.Data))
	}
	out := t.result(a.Rows, a.Cols, a, gain, offset)
	unit := &Value{Rows: a.Rows, Cols: a.Cols, Data: t.memory.take(len(a.Data))}
	scale := t.memory.take(a.Rows)
	for i := range a.Rows {
		scale[i] = standardise(unit.row(i), a.row(i))
		o := out.row(i)
		for j, u := range unit.row(i) {
			o[j] = u*gain.Data[j] + offset.Data[j]
		}
	}
	return t.record(out, func() {
		for i := range out.Rows {
			normBack(a, gain, offset, out.gradRow(i), unit.row(i), scale[i], i)
		}
	})
}

// standardise writes (x - mean) / deviation and returns 1 / deviation.
func standardise(out, x []float64) float64 {
	n, mean, variance := float64(len(x)), 0.0, 0.0
	for _, v := range x {
		mean += v
	}
	mean /= n
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	scale := 1 / math.Sqrt(variance/n+normFloor)
	for j, v := range x {
		out[j] = (v - mean) * scale
	}
	return scale
}

func normBack(a, gain, offset *Value, g, unit []float64, scale float64, row int) {
	mean, along := 0.0, 0.0
	for j := range g {
		if gain.grad != nil {
			gain.grad[j] += g[j] * unit[j]
		}
		if offset.grad != nil {
			offset.grad[j] += g[j]
		}
		mean += g[j] * gain.Data[j]
		along += g[j] * gain.Data[j] * unit[j]
	}
	if a.grad == nil {
		return
	}
	n, into := float64(len(g)), a.gradRow(row)
	for j := range g {
		into[j] += scale * (g[j]*gain.Data[j] - mean/n - unit[j]*along/n)
	}
}
