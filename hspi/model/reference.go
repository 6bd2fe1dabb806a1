package model

import (
	"math"

	"github.com/gpubench/gpubench/hspi/feature"
)

// Platform is what was recorded of one: at each position, what it said in how many
// of its sessions.
type Platform struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	// Sessions are the numbers of the sessions.
	Sessions []string `json:"sessions"`
	Places   []Place  `json:"places"`
	Traits   traits   `json:"traits"`
	// Self is how its sessions compare with each other.
	Self Null `json:"self"`

	index map[uint64]int
}

// Place is a position of a plan.
type Place struct {
	Key  uint64       `json:"key,string"`
	Kind feature.Kind `json:"kind"`
	// Unit names the prompt.
	Unit     string    `json:"unit"`
	Variants []Variant `json:"variants"`
}

// Variant is one of the things that a platform says at a place: it depends on what
// else the server has to do.
type Variant struct {
	Tokens   []uint32  `json:"tokens"`
	Logprobs []float64 `json:"logprobs"`
	Half     float64   `json:"half,omitempty"`
	// In are the indices of the sessions in which it was seen.
	In []int `json:"in"`
}

func (v *Variant) observation() feature.Observation {
	return feature.Observation{Tokens: v.Tokens, Logprobs: v.Logprobs, Half: v.Half}
}

// newPlatform pools sessions of one platform.
func newPlatform(name string, labels map[string]string) *Platform {
	return &Platform{Name: name, Labels: labels, index: map[uint64]int{}}
}

// add takes a session in.
func (p *Platform) add(number string, d *digest) {
	session := len(p.Sessions)
	p.Sessions = append(p.Sessions, number)
	p.Traits = d.traits
	for _, key := range d.order {
		at, ok := p.index[key]
		if !ok {
			at = len(p.Places)
			p.index[key] = at
			p.Places = append(p.Places, Place{Key: key, Kind: d.places[key][0].Kind, Unit: d.places[key][0].Unit})
		}
		for i := range d.places[key] {
			p.Places[at].add(session, &d.places[key][i])
		}
	}
}

func (p *Place) add(session int, o *feature.Observation) {
	for i := range p.Variants {
		v := &p.Variants[i]
		r := v.observation()
		if feature.Apart(o, &r).Exact {
			if v.In[len(v.In)-1] != session {
				v.In = append(v.In, session)
			}
			return
		}
	}
	p.Variants = append(p.Variants, Variant{Tokens: o.Tokens, Logprobs: o.Logprobs, Half: o.Half, In: []int{session}})
}

// nobody excludes no session.
const nobody = -1

// seen counts the sessions that saw a variant, but for one.
func (v *Variant) seen(without int) int {
	n := 0
	for _, s := range v.In {
		if s != without {
			n++
		}
	}
	return n
}

// match is how well an observation fits a place of a platform.
type match struct {
	ok bool // the platform was seen at the place
	// exact: it said the same; log: the logarithm of the probability of what was
	// said, relative to a platform of which nothing is known.
	exact bool
	log   float64
	// far is log10 of the mean difference to the nearest variant, gap the share of
	// differences that are equal to it.
	far, gap float64
}

// smooth is how many sessions are taken to have said something else, and the same,
// beside those that were seen.
const smooth = 0.5

// leastFar is the difference, in nats, that counts as none.
const leastFar = 1e-6

// match compares observations at one place with what was seen there, but for one
// session. Several observations give their mean; exact, if all are.
func (p *Place) match(all []feature.Observation, without int) match {
	seen, single := 0, 0
	for i := range p.Variants {
		n := p.Variants[i].seen(without)
		seen += n
		if n == 1 {
			single++
		}
	}
	if seen == 0 {
		return match{}
	}
	m := match{ok: true, exact: true}
	for i := range all {
		one := p.nearest(&all[i], without)
		// What was never seen is half as likely as all that was seen once, after Good
		// and Turing, so that one session alone tells something too.
		probability := (float64(single) + smooth) / 2 / (float64(seen) + 2*smooth)
		if one.count > 0 {
			probability = (float64(one.count) + smooth) / (float64(seen) + 2*smooth)
		}
		m.exact = m.exact && one.count > 0
		m.log += math.Log(probability)
		m.far += one.far
		m.gap += one.gap
	}
	n := float64(len(all))
	m.log, m.far, m.gap = m.log/n, m.far/n, m.gap/n
	return m
}

type nearest struct {
	count    int // sessions that said exactly this
	far, gap float64
}

func (p *Place) nearest(o *feature.Observation, without int) nearest {
	best := nearest{far: 1}
	for i := range p.Variants {
		v := &p.Variants[i]
		n := v.seen(without)
		if n == 0 {
			continue
		}
		r := v.observation()
		d := feature.Apart(o, &r)
		if d.Shared == 0 {
			continue
		}
		far := math.Log10(d.Mean + leastFar)
		if d.Exact {
			best.count, far = max(best.count, n), math.Log10(leastFar)
		}
		best.far = min(best.far, far)
		if d.Gaps > 0 {
			best.gap = max(best.gap, float64(d.Equal)/float64(d.Gaps))
		}
	}
	return best
}
