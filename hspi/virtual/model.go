package virtual

import (
	"fmt"
	"math"
	"runtime"
	"sync"
)

// Model is a model on a virtual machine. Its answers depend on nothing but the
// tokens: not on the batch, and not on what was asked before. It may be used from
// several goroutines.
type Model struct {
	cfg    Config
	how    Arithmetic
	embed  []float32
	head   []Row
	norm   []float32
	layers []layer

	mu    sync.Mutex
	known []*prefix // latest last
}

// layer is the weights of a layer.
type layer struct {
	ln1, ln2                   []float32
	q, k, v, o, gate, up, down []Row
}

// NewModel puts weights on a machine.
func NewModel(w *Weights, how Arithmetic) *Model {
	load := func(name string) []float32 {
		values := w.wide(name)
		for i, v := range values {
			values[i] = how.Round(v)
		}
		return values
	}
	rows := func(name string) []Row {
		values, cols := load(name), w.Config.tensors()[name].cols
		all := make([]Row, len(values)/cols)
		for r := range all {
			all[r] = how.Dot.Row(values[r*cols : (r+1)*cols])
		}
		return all
	}
	m := &Model{cfg: w.Config, how: how, embed: load("embed"), head: rows("head"), norm: load("norm")}
	for i := range w.Config.Layers {
		part := func(name string) string { return fmt.Sprintf("%d.%s", i, name) }
		m.layers = append(m.layers, layer{load(part("ln1")), load(part("ln2")), rows(part("q")), rows(part("k")), rows(part("v")), rows(part("o")),
			rows(part("gate")), rows(part("up")), rows(part("down"))})
	}
	return m
}

// prefix is tokens whose keys and values are known, layer by layer.
type prefix struct {
	tokens       []int
	keys, values [][]float32 // [layer][position * KVHeads * HeadDim]
	logits       []float32   // of the token after them
}

// prefixes is how many are kept.
const prefixes = 64

// Logits are those of the token after tokens, in the type that the machine keeps.
func (m *Model) Logits(tokens []int) []float32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, shared := m.nearest(tokens)
	if c != nil && shared == len(tokens) && shared == len(c.tokens) {
		return c.logits
	}
	next := m.forward(tokens, c, min(shared, len(tokens)-1))
	if m.known = append(m.known, next); len(m.known) > prefixes {
		m.known = m.known[1:]
	}
	return next.logits
}

// nearest is the prefix that shares the most tokens from the first on.
func (m *Model) nearest(tokens []int) (best *prefix, most int) {
	for _, c := range m.known {
		n := 0
		for n < min(len(tokens), len(c.tokens)) && c.tokens[n] == tokens[n] {
			n++
		}
		if n > most || n == most && n == len(tokens) && len(c.tokens) == n {
			best, most = c, n
		}
	}
	return best, most
}

// forward computes the tokens from start on; those before are taken from past.
func (m *Model) forward(tokens []int, past *prefix, start int) *prefix {
	width := m.cfg.KVHeads * m.cfg.HeadDim
	c := &prefix{tokens: append([]int(nil), tokens...)}
	x := make([][]float32, len(tokens)-start)
	for t := range x {
		id := tokens[start+t]
		x[t] = append([]float32(nil), m.embed[id*m.cfg.Dim:(id+1)*m.cfg.Dim]...)
	}
	for i, l := range m.layers {
		var keys, values []float32
		if start > 0 {
			keys, values = past.keys[i][:start*width:start*width], past.values[i][:start*width:start*width]
		}
		h := m.normed(x, l.ln1)
		q, k, v := m.multiply(h, l.q), m.multiply(h, l.k), m.multiply(h, l.v)
		for t := range x {
			m.turn(q[t], start+t)
			m.turn(k[t], start+t)
			keys, values = append(keys, k[t]...), append(values, v[t]...)
		}
		c.keys, c.values = append(c.keys, keys), append(c.values, values)
		m.add(x, m.multiply(m.attend(q, keys, values, start), l.o))
		h = m.normed(x, l.ln2)
		m.add(x, m.multiply(m.gated(m.multiply(h, l.gate), m.multiply(h, l.up)), l.down))
	}
	c.logits = m.multiply(m.normed(x[len(x)-1:], m.norm), m.head)[0]
	return c
}

// multiply gives, for each x, its products with all rows of w.
func (m *Model) multiply(x [][]float32, w []Row) [][]float32 {
	y, left := make([][]float32, len(x)), make([]Row, len(x))
	for t := range y {
		y[t], left[t] = make([]float32, len(w)), m.how.Dot.Row(x[t])
	}
	parallel(len(w), func(r int) {
		for t := range x {
			y[t][r] = m.how.Round(m.how.Dot.Dot(left[t], w[r]))
		}
	})
	return y
}

// parallel does all of 0 to n-1 on all processors, in runs.
func parallel(n int, do func(int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				do(i)
			}
		})
	}
	all.Wait()
}

// normed divides by the root of the mean square and multiplies by the gain.
func (m *Model) normed(x [][]float32, gain []float32) [][]float32 {
	y := make([][]float32, len(x))
	for t, row := range x {
		sum := float32(0)
		for _, v := range row {
			sum += float32(v * v)
		}
		factor := float32(1 / math.Sqrt(float64(sum/float32(len(row))+float32(m.cfg.Epsilon))))
		y[t] = make([]float32, len(row))
		for i, v := range row {
			y[t][i] = m.how.Round(m.how.Round(v*factor) * gain[i])
		}
	}
	return y
}

// turn turns the pairs of all heads by their position.
func (m *Model) turn(heads []float32, position int) {
	d := m.cfg.HeadDim
	for i := range d / 2 {
		angle := float64(position) * math.Pow(m.cfg.Theta, -float64(i)/float64(d/2))
		cos, sin := float32(math.Cos(angle)), float32(math.Sin(angle))
		for h := 0; h < len(heads); h += d {
			a, b := heads[h+i], heads[h+i+d/2]
			heads[h+i] = m.how.Round(float32(a*cos) - float32(b*sin))
			heads[h+i+d/2] = m.how.Round(float32(b*cos) + float32(a*sin))
		}
	}
}

// attend is attention step by step, as the engines' "eager" is: scores, their
// softmax and the mean of the values are each rounded.
func (m *Model) attend(q [][]float32, keys, values []float32, start int) [][]float32 {
	d, width := m.cfg.HeadDim, m.cfg.KVHeads*m.cfg.HeadDim
	y := make([][]float32, len(q))
	for t := range y {
		y[t] = make([]float32, m.cfg.Heads*d)
	}
	scale := m.how.Round(float32(1 / math.Sqrt(float64(d))))
	parallel(len(q)*m.cfg.Heads, func(n int) {
		t, h := n/m.cfg.Heads, n%m.cfg.Heads
		kv, length := h/(m.cfg.Heads/m.cfg.KVHeads)*d, start+t+1
		scores, query := make([]float32, length), m.how.Dot.Row(q[t][h*d:(h+1)*d])
		for p := range scores {
			score := m.how.Round(m.how.Dot.Dot(query, m.how.Dot.Row(keys[p*width+kv:p*width+kv+d])))
			scores[p] = m.how.Round(score * scale)
		}
		m.softmax(scores)
		shares := m.how.Dot.Row(scores)
		for i := range d {
			column := make([]float32, length)
			for p := range column {
				column[p] = values[p*width+kv+i]
			}
			y[t][h*d+i] = m.how.Round(m.how.Dot.Dot(shares, m.how.Dot.Row(column)))
		}
	})
	return y
}

// softmax is in float32, and rounded at the end.
func (m *Model) softmax(v []float32) {
	top, sum := float32(math.Inf(-1)), float32(0)
	for _, s := range v {
		top = max(top, s)
	}
	for i, s := range v {
		v[i] = float32(math.Exp(float64(s - top)))
		sum += v[i]
	}
	for i := range v {
		v[i] = m.how.Round(v[i] / sum)
	}
}

// gated is silu(g)·u, in place.
func (m *Model) gated(g, u [][]float32) [][]float32 {
	for t := range g {
		for i, v := range g[t] {
			silu := m.how.Round(float32(float64(v) / (1 + math.Exp(-float64(v)))))
			g[t][i] = m.how.Round(silu * u[t][i])
		}
	}
	return g
}

func (m *Model) add(x, y [][]float32) {
	for t := range x {
		for i, v := range y[t] {
			x[t][i] = m.how.Round(x[t][i] + v)
		}
	}
}
