// Package tape is reverse-mode automatic differentiation over dense matrices:
// operations compute at once and record how to carry gradients back. Products
// are gonum's; all else is plain Go. What is computed depends on the inputs
// alone, never on the number of processors.
package tape

import (
	"errors"
	"fmt"
)

// ErrShape says that an operation got matrices that do not fit each other.
var ErrShape = errors.New("matrices do not fit")

// Value is a matrix on a tape, row by row. It is valid until the tape's Reset.
type Value struct {
	Rows, Cols int
	Data       []float64
	// grad is nil where no parameter is upstream.
	grad []float64
}

func (v *Value) row(i int) []float64     { return v.Data[i*v.Cols : (i+1)*v.Cols] }
func (v *Value) gradRow(i int) []float64 { return v.grad[i*v.Cols : (i+1)*v.Cols] }

// Tape records the operations of one pass. It belongs to one goroutine; tapes
// over the same Params may run at once as long as nobody changes these.
//
// The first operation that fails is remembered and those after it do nothing;
// Err and Backward return that error.
type Tape struct {
	params *Params
	// gradient is laid out as the parameters are; nil on a tape of NewInference.
	gradient []float64
	memory   arena
	back     []func()
	err      error
}

// New returns a tape that can carry gradients back to the parameters.
func New(p *Params) *Tape { return &Tape{params: p, gradient: make([]float64, p.Len())} }

// NewInference returns a tape that computes values only.
func NewInference(p *Params) *Tape { return &Tape{params: p} }

// Err returns the first error of an operation since Reset.
func (t *Tape) Err() error { return t.err }

// Gradient returns what Backward found, laid out as Params.Data. It is valid
// until Reset.
func (t *Tape) Gradient() []float64 { return t.gradient }

// Reset forgets all operations and clears the gradient. Values of before must
// not be used any more: their memory is used again.
func (t *Tape) Reset() {
	clear(t.gradient)
	clear(t.back)
	t.back, t.err = t.back[:0], nil
	t.memory.reset()
}

// Backward carries the gradient of a 1 x 1 value back to the parameters.
func (t *Tape) Backward(loss *Value) error {
	if t.err == nil && len(loss.Data) != 1 {
		t.fail("backward from a %d x %d value", loss.Rows, loss.Cols)
	}
	if t.err != nil {
		return t.err
	}
	if loss.grad == nil {
		return nil // no parameter had a part in it
	}
	loss.grad[0] = 1
	for i := len(t.back) - 1; i >= 0; i-- {
		t.back[i]()
	}
	return nil
}

// Constant puts a matrix on the tape that has no gradient. The data is not
// copied.
func (t *Tape) Constant(rows, cols int, data []float64) *Value {
	if len(data) != rows*cols {
		return t.fail("constant of %d x %d from %d numbers", rows, cols, len(data))
	}
	return &Value{Rows: rows, Cols: cols, Data: data}
}

// Param puts a parameter on the tape.
func (t *Tape) Param(id Param) *Value {
	if int(id) < 0 || int(id) >= len(t.params.shapes) {
		return t.fail("parameter %d of %d", id, len(t.params.shapes))
	}
	s := t.params.shapes[id]
	v := &Value{Rows: s.Rows, Cols: s.Cols, Data: t.params.data[s.from:s.to]}
	if t.gradient != nil {
		v.grad = t.gradient[s.from:s.to]
	}
	return v
}

// fail remembers the error and returns an empty value, so that callers need no
// check after each operation.
func (t *Tape) fail(format string, args ...any) *Value {
	if t.err == nil {
		t.err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrShape)
	}
	return &Value{}
}

// result makes a value to be computed from others; it has a gradient if one of
// those has.
func (t *Tape) result(rows, cols int, from ...*Value) *Value {
	v := &Value{Rows: rows, Cols: cols, Data: t.memory.take(rows * cols)}
	for _, f := range from {
		if f.grad != nil {
			v.grad = t.memory.take(rows * cols)
			break
		}
	}
	return v
}

// record keeps the step that carries v's gradient back, if it has one.
func (t *Tape) record(v *Value, back func()) *Value {
	if v.grad != nil {
		t.back = append(t.back, back)
	}
	return v
}

// arena hands out zeroed memory and takes all of it back at once.
type arena struct {
	blocks [][]float64
	block  int
	used   int
}

// Blocks double in size for a while: one row needs little memory, a batch
// should not be spread over many blocks.
const (
	arenaBlock    = 1 << 12
	arenaDoubling = 6
)

func (a *arena) take(n int) []float64 {
	for ; a.block < len(a.blocks); a.block, a.used = a.block+1, 0 {
		if b := a.blocks[a.block]; a.used+n <= len(b) {
			out := b[a.used : a.used+n : a.used+n]
			a.used += n
			clear(out)
			return out
		}
	}
	size := arenaBlock << min(len(a.blocks), arenaDoubling)
	a.blocks = append(a.blocks, make([]float64, max(n, size)))
	a.used = n
	return a.blocks[a.block][:n:n]
}

func (a *arena) reset() { a.block, a.used = 0, 0 }
