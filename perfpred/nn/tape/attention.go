package tape

import "math"

// Scores returns q·kᵀ/sqrt(d) within blocks of tokens rows and bands of
// columns: q and k are (n·tokens) x (heads·d), the result is
// (n·heads·tokens) x tokens, and its row (i·heads+h)·tokens+s says how much
// token s of block i would attend to each token of its block in head h.
func (t *Tape) Scores(q, k *Value, tokens, heads int) *Value {
	if t.err != nil || q.Rows != k.Rows || q.Cols != k.Cols || !q.blocked(tokens, heads) {
		return t.fail("scores of %d tokens and %d heads of %d x %d and %d x %d", tokens, heads, q.Rows, q.Cols, k.Rows, k.Cols)
	}
	out := t.result(q.Rows*heads, tokens, q, k)
	width := q.Cols / heads
	scale := 1 / math.Sqrt(float64(width))
	q.eachPair(tokens, heads, func(pair, from, to int) {
		out.Data[pair] = scale * dot(q.Data[from:from+width], k.Data[to:to+width])
	})
	return t.record(out, func() {
		q.eachPair(tokens, heads, func(pair, from, to int) {
			g := scale * out.grad[pair]
			if q.grad != nil {
				axpy(q.grad[from:from+width], g, k.Data[to:to+width])
			}
			if k.grad != nil {
				axpy(k.grad[to:to+width], g, q.Data[from:from+width])
			}
		})
	})
}

// Mix returns what each token gets when it attends with weights p, laid out as
// Scores lays them out, to the values v, (n·tokens) x (heads·d). The result has
// v's shape.
func (t *Tape) Mix(p, v *Value, tokens, heads int) *Value {
	if t.err != nil || !v.blocked(tokens, heads) || p.Rows != v.Rows*heads || p.Cols != tokens {
		return t.fail("mix of %d tokens and %d heads of %d x %d by %d x %d", tokens, heads, v.Rows, v.Cols, p.Rows, p.Cols)
	}
	out := t.result(v.Rows, v.Cols, p, v)
	width := v.Cols / heads
	v.eachPair(tokens, heads, func(pair, from, to int) {
		axpy(out.Data[from:from+width], p.Data[pair], v.Data[to:to+width])
	})
	return t.record(out, func() {
		v.eachPair(tokens, heads, func(pair, from, to int) {
			g := out.grad[from : from+width]
			if p.grad != nil {
				p.grad[pair] += dot(g, v.Data[to:to+width])
			}
			if v.grad != nil {
				axpy(v.grad[to:to+width], p.Data[pair], g)
			}
		})
	})
}

func (v *Value) blocked(tokens, heads int) bool {
	return tokens > 0 && heads > 0 && v.Rows%tokens == 0 && v.Cols%heads == 0
}

// eachPair visits each pair of tokens of a block in each head: the pair's
// place in the scores and where the two tokens' bands begin in v.
func (v *Value) eachPair(tokens, heads int, visit func(pair, from, to int)) {
	width, pair := v.Cols/heads, 0
	for block := 0; block < v.Rows; block += tokens {
		for h := range heads {
			for s := range tokens {
				from := (block+s)*v.Cols + h*width
				for u := range tokens {
					visit(pair, from, (block+u)*v.Cols+h*width)
					pair++
				}
			}
		}
	}
}

func axpy(into []float64, by float64, from []float64) {
	for i, x := range from {
		into[i] += by * x
	}
}
