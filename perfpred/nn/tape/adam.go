package tape

import "math"

// Adam is the optimiser of arXiv 1412.6980 with the decoupled weight decay of
// arXiv 1711.05101.
type Adam struct {
	// Decay is the share of a weight that a step of rate 1 takes away.
	Decay float64
	// Clip, if above 0, is the largest length of a gradient; longer ones are
	// shortened to it.
	Clip float64

	mean, square []float64
	steps        int
}

// The usual constants of Adam.
const (
	adamMean   = 0.9
	adamSquare = 0.999
	adamFloor  = 1e-8
)

// Step moves the parameters down the gradient, which it may shorten.
func (a *Adam) Step(p *Params, gradient []float64, rate float64) {
	if a.mean == nil {
		a.mean, a.square = make([]float64, p.Len()), make([]float64, p.Len())
	}
	a.steps++
	a.shorten(gradient)
	rest := 1 - math.Pow(adamMean, float64(a.steps))
	restSquare := 1 - math.Pow(adamSquare, float64(a.steps))
	for _, s := range p.shapes {
		keep := 1.0
		if s.Decay {
			keep -= rate * a.Decay
		}
		for i := s.from; i < s.to; i++ {
			g := gradient[i]
			a.mean[i] += (1 - adamMean) * (g - a.mean[i])
			a.square[i] += (1 - adamSquare) * (g*g - a.square[i])
			p.data[i] = p.data[i]*keep - rate*(a.mean[i]/rest)/(math.Sqrt(a.square[i]/restSquare)+adamFloor)
		}
	}
}

func (a *Adam) shorten(gradient []float64) {
	length := math.Sqrt(dot(gradient, gradient))
	if a.Clip <= 0 || !(length > a.Clip) {
		return
	}
	for i := range gradient {
		gradient[i] *= a.Clip / length
	}
}

// Cosine is a learning rate that rises linearly to Peak over Warmup steps and
// falls along half a cosine to 0 at Steps (arXiv 1608.03983).
type Cosine struct {
	Peak          float64
	Warmup, Steps int
}

// At returns the rate of a step, the first being 0.
func (c Cosine) At(step int) float64 {
	if step < c.Warmup {
		return c.Peak * float64(step+1) / float64(c.Warmup)
	}
	if step >= c.Steps {
		return 0
	}
	done := float64(step-c.Warmup) / float64(c.Steps-c.Warmup)
	return c.Peak * (1 + math.Cos(math.Pi*done)) / 2
}
