package tape

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// MatMul returns a·b.
func (t *Tape) MatMul(a, b *Value) *Value {
	if t.err != nil || a.Cols != b.Rows {
		return t.fail("product of %d x %d and %d x %d", a.Rows, a.Cols, b.Rows, b.Cols)
	}
	out := t.result(a.Rows, b.Cols, a, b)
	mulAdd(out.data(0, 1), a.data(0, 1), b.data(0, 1), blas.NoTrans, blas.NoTrans)
	return t.record(out, func() {
		if a.grad != nil {
			mulAdd(a.slope(0, 1), out.slope(0, 1), b.data(0, 1), blas.NoTrans, blas.Trans)
		}
		if b.grad != nil {
			mulAdd(b.slope(0, 1), a.data(0, 1), out.slope(0, 1), blas.Trans, blas.NoTrans)
		}
	})
}

// Tokens gives each of a row's parts its own product: x is rows x (parts·k)
// and w is (parts·k) x d. The result has rows·parts rows of d: part j of row i
// times rows j·k to (j+1)·k of w is row i·parts+j.
func (t *Tape) Tokens(x, w *Value, parts int) *Value {
	if t.err != nil || x.Cols != w.Rows || parts < 1 || x.Cols%parts != 0 {
		return t.fail("%d tokens of %d x %d and %d x %d", parts, x.Rows, x.Cols, w.Rows, w.Cols)
	}
	out := t.result(x.Rows*parts, w.Cols, x, w)
	row := &Value{Rows: x.Rows, Cols: parts * w.Cols, Data: out.Data, grad: out.grad}
	for j := range parts {
		mulAdd(row.data(j, parts), x.data(j, parts), w.band(w.Data, j, parts), blas.NoTrans, blas.NoTrans)
	}
	return t.record(out, func() {
		for j := range parts {
			if x.grad != nil {
				mulAdd(x.slope(j, parts), row.slope(j, parts), w.band(w.Data, j, parts), blas.NoTrans, blas.Trans)
			}
			if w.grad != nil {
				mulAdd(w.band(w.grad, j, parts), x.data(j, parts), row.slope(j, parts), blas.Trans, blas.NoTrans)
			}
		}
	})
}

// data is the value's part-th of parts equal bands of columns.
func (v *Value) data(part, parts int) blas64.General { return v.columns(v.Data, part, parts) }

// slope is the same of the value's gradient.
func (v *Value) slope(part, parts int) blas64.General { return v.columns(v.grad, part, parts) }

func (v *Value) columns(data []float64, part, parts int) blas64.General {
	width := v.Cols / parts
	return blas64.General{Rows: v.Rows, Cols: width, Stride: max(1, v.Cols), Data: data[min(part*width, len(data)):]}
}

// band is the part-th of parts equal bands of rows.
func (v *Value) band(data []float64, part, parts int) blas64.General {
	height := v.Rows / parts
	return blas64.General{Rows: height, Cols: v.Cols, Stride: max(1, v.Cols), Data: data[part*height*v.Cols : (part+1)*height*v.Cols]}
}

func mulAdd(c, a, b blas64.General, ta, tb blas.Transpose) { blas64.Gemm(ta, tb, 1, a, b, 1, c) }
