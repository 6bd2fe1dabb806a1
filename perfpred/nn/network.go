package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/gpubench/gpubench/perfpred/nn/tape"
)

// sizes are the network's widths.
type sizes struct {
	Bins    int `json:"bins"`    // pieces of a number's encoding
	Token   int `json:"token"`   // of a feature's embedding
	Vector  int `json:"vector"`  // of a group
	Head    int `json:"head"`    // of the regression head
	Heads   int `json:"heads"`   // of each attention
	Targets int `json:"targets"` // outputs
}

// network is NCPP's (arXiv 2407.03385): each feature is embedded as a token,
// tokens of one group attend to each other, each group becomes a vector, the
// vectors attend to each other, and a residual head reads them all.
type network struct {
	sizes  sizes
	params tape.Params
	groups []groupParts
	inter  block
	head   head
}

type groupParts struct {
	numbers, names int // tokens of each sort
	number         tape.Param
	name           tape.Param
	first          []int // row of each category's unseen names in name
	intra          block
	vector         linear
}

// linear is x·weight + offset.
type linear struct{ weight, offset tape.Param }

// norm is a layer norm's gain and offset.
type norm struct{ gain, offset tape.Param }

// block is attention and a feed-forward layer, each beside a residual path,
// normalised at their entry (arXiv 2002.04745).
type block struct {
	before norm
	// ask makes queries, keys and values side by side: one wide product is
	// faster than three narrow ones.
	ask, out       linear
	between        norm
	widen, shorten linear
}

// head is one residual layer between two linear ones.
type head struct {
	in            linear
	before        norm
	widen, narrow linear
	out           linear
}

// newNetwork makes a network with random weights.
func newNetwork(s sizes, l layout, vocabulary [][][]string, rng *rand.Rand) *network {
	n := &network{sizes: s}
	for i, g := range l {
		n.groups = append(n.groups, n.addGroup(g, vocabulary[i], rng))
	}
	n.inter = n.addBlock("inter", s.Vector, rng)
	n.head = head{
		in:     n.addLinear("head.in", len(l)*s.Vector, s.Head, rng),
		before: n.addNorm("head.before", s.Head),
		widen:  n.addLinear("head.widen", s.Head, s.Head, rng),
		narrow: n.addLinear("head.narrow", s.Head, s.Head, rng),
		out:    n.addLinear("head.out", s.Head, s.Targets, rng),
	}
	return n
}

func (n *network) addGroup(g groupLayout, vocabulary [][]string, rng *rand.Rand) groupParts {
	s, code := n.sizes, codeBins+n.sizes.Bins
	p := groupParts{numbers: len(g.Numeric), names: len(g.Categories)}
	p.number = n.add(tape.Shape{Name: g.Name + ".number", Rows: p.numbers * code, Cols: s.Token}, 3, rng)
	rows := 0
	for _, v := range vocabulary {
		p.first = append(p.first, rows)
		rows += 1 + len(v)
	}
	p.name = n.add(tape.Shape{Name: g.Name + ".name", Rows: rows, Cols: s.Token}, 1, rng)
	p.intra = n.addBlock(g.Name, s.Token, rng)
	p.vector = n.addLinear(g.Name+".vector", g.tokens()*s.Token, s.Vector, rng)
	return p
}

func (n *network) addBlock(name string, width int, rng *rand.Rand) block {
	return block{
		before:  n.addNorm(name+".before", width),
		ask:     n.addLinear(name+".ask", width, 3*width, rng),
		out:     n.addLinear(name+".out", width, width, rng),
		between: n.addNorm(name+".between", width),
		widen:   n.addLinear(name+".widen", width, 2*width, rng),
		shorten: n.addLinear(name+".shorten", 2*width, width, rng),
	}
}

func (n *network) addLinear(name string, in, out int, rng *rand.Rand) linear {
	return linear{
		weight: n.add(tape.Shape{Name: name, Rows: in, Cols: out, Decay: true}, in, rng),
		offset: n.params.Add(tape.Shape{Name: name + ".offset", Rows: 1, Cols: out}),
	}
}

func (n *network) addNorm(name string, width int) norm {
	g := n.params.Add(tape.Shape{Name: name + ".gain", Rows: 1, Cols: width})
	n.params.Fill(g, 1)
	return norm{g, n.params.Add(tape.Shape{Name: name + ".offset", Rows: 1, Cols: width})}
}

func (n *network) add(s tape.Shape, fanIn int, rng *rand.Rand) tape.Param {
	id := n.params.Add(s)
	n.params.Uniform(id, fanIn, rng)
	return id
}

// pass is one batch's way through the network.
type pass struct {
	*network
	t *tape.Tape
	// dropout is the share of activations to drop; rng decides which.
	dropout float64
	rng     *rand.Rand
	// intra, per group, and inter are the attention maps, laid out as
	// tape.Scores lays them out.
	intra []*tape.Value
	inter *tape.Value
}

// forward returns rows x targets.
func (p *pass) forward(x *encoded) *tape.Value {
	vectors := make([]*tape.Value, len(p.groups))
	p.intra = make([]*tape.Value, len(p.groups))
	for i, g := range p.groups {
		tokens := p.embed(g, x.groups[i], x.rows)
		tokens, p.intra[i] = p.block(g.intra, tokens, g.numbers+g.names)
		flat := p.t.Reshape(tokens, x.rows, (g.numbers+g.names)*p.sizes.Token)
		vectors[i] = p.linear(g.vector, flat)
	}
	together := p.t.Reshape(p.t.Concat(vectors...), x.rows*len(vectors), p.sizes.Vector)
	together, p.inter = p.block(p.network.inter, together, len(vectors))
	return p.regress(p.t.Reshape(together, x.rows, len(vectors)*p.sizes.Vector))
}

// embed returns the group's tokens, row by row.
func (p *pass) embed(g groupParts, x encodedGroup, rows int) *tape.Value {
	width, code := p.sizes.Token, codeBins+p.sizes.Bins
	var sides []*tape.Value
	if g.numbers > 0 {
		codes := p.t.Constant(rows, g.numbers*code, x.codes)
		tokens := p.t.Tokens(codes, p.t.Param(g.number), g.numbers)
		sides = append(sides, p.t.Reshape(tokens, rows, g.numbers*width))
	}
	if g.names > 0 {
		tokens := p.t.Lookup(p.t.Param(g.name), x.names)
		sides = append(sides, p.t.Reshape(tokens, rows, g.names*width))
	}
	return p.t.Reshape(p.t.Concat(sides...), rows*(g.numbers+g.names), width)
}

// block returns what the tokens become and their attention map.
func (p *pass) block(b block, x *tape.Value, tokens int) (out, weights *tape.Value) {
	asked, width := p.linear(b.ask, p.norm(b.before, x)), x.Cols
	query, key, value := p.t.Slice(asked, 0, width), p.t.Slice(asked, width, 2*width), p.t.Slice(asked, 2*width, 3*width)
	weights = p.t.Softmax(p.t.Scores(query, key, tokens, p.sizes.Heads))
	mixed := p.t.Mix(weights, value, tokens, p.sizes.Heads)
	x = p.t.Add(x, p.drop(p.linear(b.out, mixed)))
	wide := p.t.ReLU(p.linear(b.widen, p.norm(b.between, x)))
	return p.t.Add(x, p.drop(p.linear(b.shorten, wide))), weights
}

func (p *pass) regress(x *tape.Value) *tape.Value {
	x = p.drop(p.linear(p.head.in, x))
	wide := p.t.ReLU(p.linear(p.head.widen, p.norm(p.head.before, x)))
	x = p.t.Add(x, p.linear(p.head.narrow, p.drop(wide)))
	return p.linear(p.head.out, x)
}

func (p *pass) linear(l linear, x *tape.Value) *tape.Value {
	return p.t.Add(p.t.MatMul(x, p.t.Param(l.weight)), p.t.Param(l.offset))
}

func (p *pass) norm(n norm, x *tape.Value) *tape.Value {
	return p.t.LayerNorm(x, p.t.Param(n.gain), p.t.Param(n.offset))
}

func (p *pass) drop(x *tape.Value) *tape.Value { return p.t.Dropout(x, p.dropout, p.rng) }

// blank hides features at random, as if they were not known, so that the
// network learns what to do without them.
func (n *network) blank(x *encoded, share float64, rng *rand.Rand) {
	code := codeBins + n.sizes.Bins
	for i, g := range n.groups {
		codes, names := x.groups[i].codes, x.groups[i].names
		for at := 0; at < len(codes); at += code {
			if rng.Float64() < share {
				clear(codes[at : at+code])
				codes[at+codeMissing] = 1
			}
		}
		for at := range names {
			if rng.Float64() < share {
				names[at] = g.first[at%g.names]
			}
		}
	}
}

// check says whether widths can make a network.
func (s sizes) check() error {
	if s.Bins < 1 || s.Token < 1 || s.Vector < 1 || s.Head < 1 || s.Heads < 1 || s.Targets < 1 ||
		s.Token%s.Heads != 0 || s.Vector%s.Heads != 0 {
		return fmt.Errorf("%w: %+v", ErrConfig, s)
	}
	return nil
}
