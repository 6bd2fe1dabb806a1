// Package model learns how recorded platforms answer, and tells by which of them
// other answers were made, or that it is none of them. Two classifiers are here:
// HSPI-LD as it was published (arXiv 2411.05197), to compare with, and one that
// compares answers to the same prompts position by position.
//
// What was learned is a [Profile], a JSON document that any language can read.
package model

import (
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
)

// Session is what one server session answered, for training.
type Session struct {
	// Platform and Labels are the truth; Number is the session's within its platform.
	Platform string
	Labels   map[string]string
	Number   string
	Answers  []*evidence.Response
}

// digest is a session as it is compared with references.
type digest struct {
	places map[uint64][]feature.Observation
	order  []uint64 // keys in the order in which they came
	traits traits
}

// traits are what needs no reference, in words that can be equal or not; empty
// where it cannot be told.
type traits struct {
	Head   string `json:"head,omitempty"`
	Writer string `json:"writer,omitempty"`
}

func newDigest(r *feature.Reading) *digest {
	d := newPlaces(r.Observations())
	if g, _, ok := r.Grid(); ok {
		d.traits.Head = string(g.Head)
	}
	if w, ok := feature.ReadDecimals(r.Answers()).Writer(); ok {
		d.traits.Writer = string(w)
	}
	return d
}

func newPlaces(all []feature.Observation) *digest {
	d := &digest{places: map[uint64][]feature.Observation{}}
	for _, o := range all {
		if d.places[o.Key] == nil {
			d.order = append(d.order, o.Key)
		}
		d.places[o.Key] = append(d.places[o.Key], o)
	}
	return d
}

// differ counts the traits that both have and that are not the same.
func (t traits) differ(other traits) int {
	n := 0
	for _, pair := range [][2]string{{t.Head, other.Head}, {t.Writer, other.Writer}} {
		if pair[0] != "" && pair[1] != "" && pair[0] != pair[1] {
			n++
		}
	}
	return n
}
