package tape

import (
	"math"
	"math/rand/v2"
)

// Param names a parameter of a Params.
type Param int

// Shape is a parameter's name and size. Parameters with Decay are pulled
// towards zero by weight decay; offsets and gains are not.
type Shape struct {
	Name       string
	Rows, Cols int
	Decay      bool
	from, to   int
}

// Params are the matrices that are learnt, in one slice.
type Params struct {
	shapes []Shape
	data   []float64
}

// Add adds a parameter of zeros.
func (p *Params) Add(s Shape) Param {
	s.from, s.to = len(p.data), len(p.data)+s.Rows*s.Cols
	p.data = append(p.data, make([]float64, s.Rows*s.Cols)...)
	p.shapes = append(p.shapes, s)
	return Param(len(p.shapes) - 1)
}

// Len is the number of learnt numbers.
func (p *Params) Len() int { return len(p.data) }

// Data returns all numbers, parameter after parameter, to be read or set.
func (p *Params) Data() []float64 { return p.data }

// Shapes lists the parameters in their order.
func (p *Params) Shapes() []Shape { return p.shapes }

// Of returns the numbers of one parameter, to be read or set.
func (p *Params) Of(id Param) []float64 { return p.data[p.shapes[id].from:p.shapes[id].to] }

// Fill sets the parameter to one number.
func (p *Params) Fill(id Param, value float64) {
	for i := range p.Of(id) {
		p.Of(id)[i] = value
	}
}

// Uniform draws the parameter from +-sqrt(3/fanIn), which keeps the variance
// of fanIn summands (LeCun's rule).
func (p *Params) Uniform(id Param, fanIn int, rng *rand.Rand) {
	bound := math.Sqrt(3 / float64(fanIn))
	for i := range p.Of(id) {
		p.Of(id)[i] = bound * (2*rng.Float64() - 1)
	}
}
