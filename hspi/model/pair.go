package model

import (
	"math"

	"github.com/gpubench/gpubench/hspi/feature"
)

// Pair is how a session compares with a platform, by kind of position.
type Pair struct {
	// Places is how many positions both have, Missing how many of the session's the
	// platform never came to: the texts went apart before.
	Places, Missing [feature.Kinds]int
	// Exact is how many were the same in all digits, and Log, Far, Gap are sums over
	// the places of the logarithm of the probability, of log10 of the difference in
	// nats, and of the share of equal differences of logits.
	Exact, Log, Far, Gap [feature.Kinds]float64
	// Differ is how many traits that need no reference differ.
	Differ int
}

// compare compares a session with a platform, but for one of the latter's sessions.
func compare(d *digest, p *Platform, without int) Pair {
	c := Pair{Differ: d.traits.differ(p.Traits)}
	for _, key := range d.order {
		all := d.places[key]
		k := all[0].Kind
		at, ok := p.index[key]
		if !ok {
			c.Missing[k]++
			continue
		}
		m := p.Places[at].match(all, without)
		if !m.ok {
			c.Missing[k]++
			continue
		}
		c.Places[k]++
		if m.exact {
			c.Exact[k]++
		}
		c.Log[k] += m.log
		c.Far[k] += m.far
		c.Gap[k] += m.gap
	}
	return c
}

// sums are the features that tell platforms apart: they add up over positions, so
// that little evidence decides little.
func (c Pair) sums() []float64 {
	x := make([]float64, 0, len(sumNames()))
	for k := range feature.Kinds {
		n := float64(c.Places[k])
		x = append(x, c.Log[k], c.Gap[k]-n, -c.Far[k]-6*n)
	}
	return append(x, -float64(c.Missing[feature.Decode]), -float64(c.Differ))
}

// sumNames names them.
func sumNames() []string {
	var names []string
	for k := range feature.Kinds {
		of := " (" + feature.Kind(k).String() + ")"
		names = append(names, "how likely the digits are"+of, "equal steps of logits"+of, "closeness"+of)
	}
	return append(names, "texts that go the same way", "type of the head and form of numbers")
}

// Null is how a platform's own sessions compare with each other: means over them,
// by kind of position.
type Null struct {
	Exact [feature.Kinds]float64 `json:"exact"`
	Log   [feature.Kinds]float64 `json:"log"`
	Far   [feature.Kinds]float64 `json:"far"`
	Gap   [feature.Kinds]float64 `json:"gap"`
}

// null compares each session of a platform with the others.
func (p *Platform) null(digests []*digest) {
	var sums Null
	var n [feature.Kinds]float64
	for i, d := range digests {
		c := compare(d, p, i)
		for k := range feature.Kinds {
			if c.Places[k] == 0 {
				continue
			}
			n[k]++
			m := c.means(k)
			sums.Exact[k] += m.exact
			sums.Log[k] += m.log
			sums.Far[k] += m.far
			sums.Gap[k] += m.gap
		}
	}
	for k := range feature.Kinds {
		if n[k] > 0 {
			sums.Exact[k] /= n[k]
			sums.Log[k] /= n[k]
			sums.Far[k] /= n[k]
			sums.Gap[k] /= n[k]
		}
	}
	p.Self = sums
}

type means struct{ exact, log, far, gap float64 }

func (c Pair) means(k int) means {
	n := math.Max(float64(c.Places[k]), 1)
	return means{c.Exact[k] / n, c.Log[k] / n, c.Far[k] / n, c.Gap[k] / n}
}

// likeness are the features that tell whether a session is of the platform at all:
// how it compares, beside how the platform's own sessions do.
func (c Pair) likeness(p *Platform) []float64 {
	x := make([]float64, 0, len(likenessNames()))
	for k := range feature.Kinds {
		if c.Places[k] == 0 {
			x = append(x, 0, 0, 0, 0)
			continue
		}
		m := c.means(k)
		x = append(x, m.exact-p.Self.Exact[k], m.log-p.Self.Log[k], p.Self.Far[k]-m.far, m.gap-p.Self.Gap[k])
	}
	return append(x, -float64(c.Differ))
}

// likenessNames names them.
func likenessNames() []string {
	var names []string
	for k := range feature.Kinds {
		of := " (" + feature.Kind(k).String() + ")"
		names = append(names, "same digits"+of, "likely digits"+of, "closeness"+of, "equal steps of logits"+of)
	}
	return append(names, "type of the head and form of numbers")
}
