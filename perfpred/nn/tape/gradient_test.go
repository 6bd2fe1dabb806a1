package tape

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operation is an operator as a function of parameters of these sizes.
type operation struct {
	name   string
	sizes  [][2]int
	result func(t *Tape, in []*Value) *Value
}

func operations() []operation {
	x43, x45, row5, column4 := [2]int{4, 3}, [2]int{4, 5}, [2]int{1, 5}, [2]int{4, 1}
	return []operation{
		{"matmul", [][2]int{x43, {3, 5}}, func(t *Tape, in []*Value) *Value { return t.MatMul(in[0], in[1]) }},
		{"matmul of itself", [][2]int{{3, 3}}, func(t *Tape, in []*Value) *Value { return t.MatMul(in[0], in[0]) }},
		{"tokens", [][2]int{{4, 6}, {6, 5}}, func(t *Tape, in []*Value) *Value { return t.Tokens(in[0], in[1], 3) }},
		{"add", [][2]int{x45, x45}, func(t *Tape, in []*Value) *Value { return t.Add(in[0], in[1]) }},
		{"add to itself", [][2]int{x45}, func(t *Tape, in []*Value) *Value { return t.Add(in[0], in[0]) }},
		{"add a row", [][2]int{x45, row5}, func(t *Tape, in []*Value) *Value { return t.Add(in[0], in[1]) }},
		{"add a column", [][2]int{x45, column4}, func(t *Tape, in []*Value) *Value { return t.Add(in[0], in[1]) }},
		{"add a number", [][2]int{x45, {1, 1}}, func(t *Tape, in []*Value) *Value { return t.Add(in[0], in[1]) }},
		{"relu", [][2]int{x45}, func(t *Tape, in []*Value) *Value { return t.ReLU(in[0]) }},
		{"dropout", [][2]int{x45}, func(t *Tape, in []*Value) *Value {
			return t.Dropout(in[0], 0.4, rand.New(rand.NewPCG(5, 6)))
		}},
		{"softmax", [][2]int{x45}, func(t *Tape, in []*Value) *Value { return t.Softmax(in[0]) }},
		{"layer norm", [][2]int{x45, row5, row5}, func(t *Tape, in []*Value) *Value {
			return t.LayerNorm(in[0], in[1], in[2])
		}},
		{"scores", [][2]int{{6, 4}, {6, 4}}, func(t *Tape, in []*Value) *Value { return t.Scores(in[0], in[1], 3, 2) }},
		{"scores of itself", [][2]int{{6, 4}}, func(t *Tape, in []*Value) *Value { return t.Scores(in[0], in[0], 3, 1) }},
		{"mix", [][2]int{{12, 3}, {6, 4}}, func(t *Tape, in []*Value) *Value { return t.Mix(in[0], in[1], 3, 2) }},
		{"attention", [][2]int{{6, 4}, {6, 4}, {6, 4}}, func(t *Tape, in []*Value) *Value {
			return t.Mix(t.Softmax(t.Scores(in[0], in[1], 3, 2)), in[2], 3, 2)
		}},
		{"reshape", [][2]int{x43}, func(t *Tape, in []*Value) *Value { return t.ReLU(t.Reshape(in[0], 2, 6)) }},
		{"concat", [][2]int{x45, x43, x45}, func(t *Tape, in []*Value) *Value { return t.Concat(in...) }},
		{"slice", [][2]int{x45}, func(t *Tape, in []*Value) *Value { return t.Slice(in[0], 1, 4) }},
		{"lookup", [][2]int{x45}, func(t *Tape, in []*Value) *Value { return t.Lookup(in[0], []int{2, 0, 2, 3}) }},
	}
}

// price reduces any result to one number that depends on all entries alike.
func price(t *Tape, v *Value, loss Loss) *Value {
	rng := rand.New(rand.NewPCG(3, 4))
	target, weight := make([]float64, len(v.Data)), make([]float64, len(v.Data))
	for i := range target {
		target[i], weight[i] = rng.NormFloat64(), rng.Float64()
	}
	return t.Loss(v, target, weight, 2, loss)
}

// checkGradient compares Backward with central differences in every parameter.
func checkGradient(t *testing.T, p *Params, loss func(*Tape) *Value) {
	t.Helper()
	tape := New(p)
	require.NoError(t, tape.Backward(loss(tape)))
	got := append([]float64(nil), tape.Gradient()...)
	largest := 0.0
	const step = 1e-5
	for i := range p.Data() {
		was := p.Data()[i]
		at := func(x float64) float64 {
			p.Data()[i] = x
			inference := NewInference(p)
			v := loss(inference)
			require.NoError(t, inference.Err())
			return v.Data[0]
		}
		want := (at(was+step) - at(was-step)) / (2 * step)
		p.Data()[i] = was
		require.InDelta(t, want, got[i], 1e-7*(1+math.Abs(want)), "parameter %d", i)
		largest = max(largest, math.Abs(want))
	}
	assert.NotZero(t, largest, "no parameter matters: nothing was checked")
}

func randomParams(sizes [][2]int) (*Params, []Param) {
	p, rng := &Params{}, rand.New(rand.NewPCG(1, 2))
	ids := make([]Param, len(sizes))
	for i, s := range sizes {
		ids[i] = p.Add(Shape{Rows: s[0], Cols: s[1]})
	}
	for i := range p.Data() {
		p.Data()[i] = rng.NormFloat64()
	}
	return p, ids
}

func TestGradientOfEachOperation(t *testing.T) {
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			p, ids := randomParams(op.sizes)
			checkGradient(t, p, func(t *Tape) *Value {
				in := make([]*Value, len(ids))
				for i, id := range ids {
					in[i] = t.Param(id)
				}
				return price(t, op.result(t, in), MSE{})
			})
		})
	}
}

func TestGradientOfEachLoss(t *testing.T) {
	for _, loss := range []Loss{MSE{}, Huber{0.5}} {
		p, ids := randomParams([][2]int{{4, 5}})
		checkGradient(t, p, func(t *Tape) *Value { return price(t, t.Param(ids[0]), loss) })
	}
}

// A value with two uses gets the sum of what both carry back.
func TestGradientThroughSharedValue(t *testing.T) {
	p, ids := randomParams([][2]int{{4, 4}, {4, 4}})
	checkGradient(t, p, func(t *Tape) *Value {
		a := t.MatMul(t.Param(ids[0]), t.Param(ids[1]))
		return price(t, t.Add(t.Softmax(a), t.Reshape(t.Slice(a, 0, 4), 4, 4)), MSE{})
	})
}

func TestConstantsHaveNoGradient(t *testing.T) {
	p, ids := randomParams([][2]int{{3, 2}})
	tape := New(p)
	c := tape.Constant(2, 3, []float64{1, 2, 3, 4, 5, 6})
	assert.Nil(t, tape.ReLU(c).grad)
	out := tape.MatMul(c, tape.Param(ids[0]))
	require.NoError(t, tape.Backward(price(tape, out, MSE{})))
	assert.Nil(t, c.grad)
	require.NoError(t, tape.Backward(price(tape, c, MSE{})), "a loss of constants is legal")
}
