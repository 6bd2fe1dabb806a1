package feature

import (
	"fmt"
	"math"
)

// Path is how log-probabilities were calculated from float32 logits.
type Path string

// Paths.
const (
	// PathSubtract: x - max - log(sum of exp(x - max)): the usual log-softmax.
	PathSubtract Path = "log-softmax"
	// PathLogSoftmax: the logarithm of a probability.
	PathLogSoftmax Path = "log of softmax"
	// PathLogSum: x - logsumexp.
	PathLogSum Path = "minus logsumexp"
	// PathNone: none of them in float32: float64, or values that were changed.
	PathNone Path = "no float32 path"
)

// Lattice is how often confident tokens lie on the numbers that a path can give: the
// sum, for a probability above 1/2, is a float32 in [1, 2) and so a multiple of
// 2^-23; the probability is a multiple of 2^-24; and the difference of two float32
// numbers between 8 and 32 is a multiple of 2^-20.
type Lattice struct {
	N                        int
	Sum, Probability, Single float64
}

// confident is the least logprob for which float32 resolves the lattices.
const confident = -0.05

// enoughConfident is from how many tokens on a path is told.
const enoughConfident = 8

// readLattice looks at the most likely token of each position.
func readLattice(all []*list) Lattice {
	var l Lattice
	for _, one := range all {
		at, ok := one.best()
		if !ok {
			continue
		}
		lp := one.logprobs[at]
		if lp >= 0 || lp < confident || one.half() > 0 {
			continue
		}
		l.N++
		l.Sum += near(math.Expm1(-lp)*(1<<23), 0.1)
		l.Probability += near(-math.Expm1(lp)*(1<<24), 0.1)
		l.Single += near(lp*(1<<20), 1e-6)
	}
	if l.N > 0 {
		n := float64(l.N)
		l.Sum, l.Probability, l.Single = l.Sum/n, l.Probability/n, l.Single/n
	}
	return l
}

// near is 1 where v is an integer as far as the tolerance goes.
func near(v, tolerance float64) float64 {
	if math.Abs(v-math.Round(v)) <= tolerance {
		return 1
	}
	return 0
}

// Path is the path that the lattices tell; ok is false where there are too few
// confident tokens.
func (l Lattice) Path() (Path, bool) {
	const most = 0.9
	switch {
	case l.N < enoughConfident:
		return "", false
	case l.Single >= most:
		return PathLogSum, true
	case l.Sum >= most:
		return PathSubtract, true
	case l.Probability >= most:
		return PathLogSoftmax, true
	}
	return PathNone, true
}

func (l Lattice) value() Value {
	const name = "softmax path"
	path, ok := l.Path()
	if !ok {
		return missing(name, "%d tokens had a probability above %.2f and all digits of a float32, and %d are needed", l.N, math.Exp(confident), enoughConfident)
	}
	return Value{Name: name, Number: l.Sum, Error: binomial(l.Sum, l.N), N: l.N,
		Words: fmt.Sprintf("%s (on the lattice of the sum %.2f, of the probability %.2f, of single differences %.2f)", path, l.Sum, l.Probability, l.Single)}
}

// binomial is the standard error of a share, with one success and one failure more.
func binomial(share float64, n int) float64 {
	m := float64(n)
	p := (share*m + 1) / (m + 2)
	return math.Sqrt(p * (1 - p) / (m + 2))
}
