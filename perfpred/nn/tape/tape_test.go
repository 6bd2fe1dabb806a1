package tape

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"
)

func TestShapesThatDoNotFit(t *testing.T) {
	p, _ := randomParams([][2]int{{4, 6}})
	bad := map[string]func(t *Tape, a, b *Value) *Value{
		"product":    func(t *Tape, a, b *Value) *Value { return t.MatMul(a, a) },
		"sum":        func(t *Tape, a, b *Value) *Value { return t.Add(a, b) },
		"tokens":     func(t *Tape, a, b *Value) *Value { return t.Tokens(a, a, 2) },
		"no tokens":  func(t *Tape, a, b *Value) *Value { return t.Tokens(b, a, 0) },
		"norm":       func(t *Tape, a, b *Value) *Value { return t.LayerNorm(a, b, b) },
		"scores":     func(t *Tape, a, b *Value) *Value { return t.Scores(a, a, 3, 2) },
		"heads":      func(t *Tape, a, b *Value) *Value { return t.Scores(a, a, 2, 4) },
		"mix":        func(t *Tape, a, b *Value) *Value { return t.Mix(a, a, 2, 2) },
		"reshape":    func(t *Tape, a, b *Value) *Value { return t.Reshape(a, 5, 5) },
		"concat":     func(t *Tape, a, b *Value) *Value { return t.Concat(a, b) },
		"concat of0": func(t *Tape, a, b *Value) *Value { return t.Concat() },
		"slice":      func(t *Tape, a, b *Value) *Value { return t.Slice(a, 2, 7) },
		"lookup":     func(t *Tape, a, b *Value) *Value { return t.Lookup(a, []int{4}) },
		"constant":   func(t *Tape, a, b *Value) *Value { return t.Constant(2, 2, make([]float64, 3)) },
		"parameter":  func(t *Tape, a, b *Value) *Value { return t.Param(1) },
		"loss":       func(t *Tape, a, b *Value) *Value { return t.Loss(a, nil, nil, 1, MSE{}) },
	}
	for name, operation := range bad {
		t.Run(name, func(t *testing.T) {
			tape := New(p)
			a, b := tape.Param(0), tape.Constant(3, 4, make([]float64, 12))
			out := operation(tape, a, b)
			require.ErrorIs(t, tape.Err(), ErrShape)
			first := tape.Err()
			// What follows does nothing and does not hide the first error.
			for _, op := range operations() {
				out = op.result(tape, []*Value{out, a, b})
			}
			assert.Equal(t, first, tape.Backward(out))
			tape.Reset()
			assert.NoError(t, tape.Err())
		})
	}
}

func TestBackwardNeedsOneNumber(t *testing.T) {
	p, ids := randomParams([][2]int{{2, 2}})
	tape := New(p)
	assert.ErrorIs(t, tape.Backward(tape.Param(ids[0])), ErrShape)
}

func TestProductIsGonums(t *testing.T) {
	p, ids := randomParams([][2]int{{5, 7}, {7, 3}})
	tape := NewInference(p)
	got := tape.MatMul(tape.Param(ids[0]), tape.Param(ids[1]))
	var want mat.Dense
	want.Mul(mat.NewDense(5, 7, p.Of(ids[0])), mat.NewDense(7, 3, p.Of(ids[1])))
	assert.True(t, mat.EqualApprox(&want, mat.NewDense(got.Rows, got.Cols, got.Data), 1e-13))
}

// Logits are scaled by 1/sqrt(d) of one head, not by anything else.
func TestScoresAreScaledByRootOfWidth(t *testing.T) {
	tape := NewInference(&Params{})
	q := tape.Constant(2, 8, []float64{1, 2, 3, 4, 0, 0, 0, 1, 5, 6, 7, 8, 0, 0, 0, 2})
	scores := tape.Scores(q, q, 2, 2)
	assert.Equal(t, []float64{
		(1 + 4 + 9 + 16) / 2., (5 + 12 + 21 + 32) / 2., // head 0: sqrt(4) = 2
		(5 + 12 + 21 + 32) / 2., (25 + 36 + 49 + 64) / 2.,
		1 / 2., 2 / 2., // head 1
		2 / 2., 4 / 2.,
	}, scores.Data)
}

func TestSoftmaxOfLargeLogits(t *testing.T) {
	tape := NewInference(&Params{})
	out := tape.Softmax(tape.Constant(1, 3, []float64{1000, 1000, -1000}))
	assert.Equal(t, []float64{0.5, 0.5, 0}, out.Data)
}

func TestDropout(t *testing.T) {
	tape, ones := NewInference(&Params{}), make([]float64, 10000)
	for i := range ones {
		ones[i] = 1
	}
	x := tape.Constant(100, 100, ones)
	draw := func(seed uint64) []float64 { return tape.Dropout(x, 0.25, rand.New(rand.NewPCG(seed, 0))).Data }
	first := draw(1)
	assert.Equal(t, first, draw(1), "the same source drops the same entries")
	assert.NotEqual(t, first, draw(2))
	kept, sum := 0, 0.0
	for _, v := range first {
		if v != 0 {
			kept++
		}
		sum += v
	}
	assert.InDelta(t, 7500, kept, 200)
	assert.InDelta(t, 10000, sum, 300)
	assert.Same(t, x, tape.Dropout(x, 0, nil))
}

// Memory is used again after Reset, and nothing of before is left in it.
func TestResetUsesMemoryAgain(t *testing.T) {
	p, ids := randomParams([][2]int{{20, 30}, {30, 20}})
	tape := New(p)
	pass := func() []float64 {
		tape.Reset()
		a := tape.MatMul(tape.Param(ids[0]), tape.Param(ids[1]))
		require.NoError(t, tape.Backward(price(tape, tape.Softmax(a), MSE{})))
		return append([]float64(nil), tape.Gradient()...)
	}
	first := pass()
	blocks := len(tape.memory.blocks)
	for range 5 {
		assert.Equal(t, first, pass())
	}
	assert.Len(t, tape.memory.blocks, blocks)
}

func TestArenaGrows(t *testing.T) {
	var a arena
	small, large := a.take(10), a.take(3*arenaBlock)
	small[0], large[0] = 1, 2
	again := a.take(20)
	assert.Len(t, large, 3*arenaBlock)
	assert.Equal(t, 1.0, small[0])
	assert.Zero(t, again[0])
	a.reset()
	assert.Zero(t, a.take(10)[0])
}

// Adam finds the least squares solution, the same bits each time.
func TestAdamFitsALine(t *testing.T) {
	fit := func() []float64 {
		p := &Params{}
		w := p.Add(Shape{Name: "w", Rows: 2, Cols: 1})
		x := []float64{0, 1, 1, 1, 2, 1, 3, 1}
		y := []float64{1, 3, 5, 7}
		tape, adam := New(p), Adam{}
		rate := Cosine{Peak: 0.3, Warmup: 10, Steps: 600}
		for step := range 600 {
			tape.Reset()
			out := tape.MatMul(tape.Constant(4, 2, x), tape.Param(w))
			require.NoError(t, tape.Backward(tape.Loss(out, y, []float64{1, 1, 1, 1}, 4, MSE{})))
			adam.Step(p, tape.Gradient(), rate.At(step))
		}
		return p.Of(w)
	}
	first := fit()
	assert.InDeltaSlice(t, []float64{2, 1}, first, 1e-4)
	assert.Equal(t, first, fit())
}

// A first step of Adam has the length of the rate whatever the gradient's, and
// decay does not pass through Adam's scaling.
func TestAdamStep(t *testing.T) {
	p := &Params{}
	decaying := p.Add(Shape{Rows: 1, Cols: 1, Decay: true})
	free := p.Add(Shape{Rows: 1, Cols: 1})
	p.Fill(decaying, 10)
	p.Fill(free, 10)
	adam := Adam{Decay: 0.5}
	adam.Step(p, []float64{1e3, 1e-3}, 0.1)
	assert.InDelta(t, 10*(1-0.05)-0.1, p.Of(decaying)[0], 1e-6)
	assert.InDelta(t, 10-0.1, p.Of(free)[0], 1e-5)
}

func TestAdamShortensGradients(t *testing.T) {
	p := &Params{}
	p.Add(Shape{Rows: 1, Cols: 2})
	g := []float64{30, 40}
	adam := Adam{Clip: 5}
	adam.Step(p, g, 0.1)
	assert.InDeltaSlice(t, []float64{3, 4}, g, 1e-12)
	adam.Step(p, g, 0.1)
	assert.InDeltaSlice(t, []float64{3, 4}, g, 1e-12, "short ones stay")
}

func TestCosine(t *testing.T) {
	c := Cosine{Peak: 2, Warmup: 4, Steps: 104}
	assert.Equal(t, 0.5, c.At(0))
	assert.Equal(t, 2.0, c.At(3))
	assert.Equal(t, 2.0, c.At(4))
	assert.InDelta(t, 1, c.At(54), 1e-12)
	assert.InDelta(t, 0, c.At(103), 1e-3)
	assert.Zero(t, c.At(104))
}

func TestUniformKeepsVariance(t *testing.T) {
	p := &Params{}
	id := p.Add(Shape{Rows: 100, Cols: 100})
	p.Uniform(id, 25, rand.New(rand.NewPCG(1, 1)))
	variance := 0.0
	for _, v := range p.Of(id) {
		variance += v * v / 10000
	}
	assert.InDelta(t, 1.0/25, variance, 0.002)
	assert.Less(t, math.Abs(p.Of(id)[0]), math.Sqrt(3.0/25))
}
