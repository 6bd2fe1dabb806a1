// Package monitor watches an endpoint over time: each round asks the same small
// plan, and an e-value says how strongly the rounds speak against "nothing has
// changed". It may be looked at after every round without inflating the error rate.
package monitor

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
)

// Options steers the assessment of rounds.
type Options struct {
	// Reference is how many rounds the others are compared with, Calibration how
	// many of the following show how much rounds differ where nothing has changed.
	Reference, Calibration int
	// Alpha is the chance of a false alarm, over all rounds together.
	Alpha float64
}

// Defaults are the options to use where nothing speaks against them: a change that
// shows in every round from then on is told after 4 rounds, whether it comes at once
// or after a year of daily rounds.
func Defaults() Options { return Options{Reference: 3, Calibration: 10, Alpha: 0.01} }

// Phase is what a round is used for.
type Phase string

// Phases.
const (
	Reference   Phase = "reference"
	Calibration Phase = "calibration"
	Watch       Phase = "watch"
	// Lost rounds have no answers that could be compared.
	Lost Phase = "not testable"
)

// Round is one round.
type Round struct {
	Time  time.Time `json:"time"`
	Phase Phase     `json:"phase"`
	// Score is the mean over positions of log10 of the difference to the nearest
	// reference round, in nats: -6 where all is equal, 0 where texts differ.
	Score float64 `json:"score"`
	// Places is how many positions were compared.
	Places int `json:"places"`
	// Exceeds tells that the round differs more than all calibration rounds.
	Exceeds bool `json:"exceeds"`
	// E is the e-value after the round.
	E float64 `json:"e"`
	// Why says why a round is lost.
	Why string `json:"why,omitempty"`
}

// Course is how an endpoint went on.
type Course struct {
	Options Options `json:"-"`
	Rounds  []Round `json:"rounds"`
	// E is the e-value now; Changed that it reached 1/Alpha at some round, Since
	// the first that exceeded of the last rounds without a break.
	E       float64    `json:"e"`
	Changed bool       `json:"changed"`
	Since   *time.Time `json:"since,omitempty"`
	// Ready tells that there are rounds beyond the calibration; Missing is how many
	// until then.
	Ready   bool `json:"ready"`
	Missing int  `json:"missing,omitempty"`
}

// Assess assesses the rounds of an endpoint, in order.
func Assess(rounds []*evidence.File, o Options) *Course {
	c := &Course{Options: o, E: 1}
	var reference []map[uint64]feature.Observation
	var calibration []float64
	var exceeds []bool
	for _, f := range rounds {
		r, seen := read(f)
		switch {
		case r.Phase == Lost:
		case len(reference) < o.Reference:
			r.Phase = Reference
			reference = append(reference, seen)
		default:
			r.Score, r.Places = score(seen, reference)
			if len(calibration) < o.Calibration {
				r.Phase = Calibration
				calibration = append(calibration, r.Score)
				break
			}
			r.Phase = Watch
			r.Exceeds = r.Score > slices.Max(calibration)
			exceeds = append(exceeds, r.Exceeds)
			c.E = wealth(o.Calibration, exceeds)
			c.Changed = c.Changed || c.E >= 1/o.Alpha
		}
		r.E = c.E
		c.Rounds = append(c.Rounds, r)
	}
	c.Missing = max(o.Reference-len(reference), 0) + max(o.Calibration-len(calibration), 0)
	c.Ready = len(exceeds) > 0
	if c.Changed {
		c.since()
	}
	return c
}

// since finds the beginning of the last unbroken run of rounds that exceed.
func (c *Course) since() {
	for _, r := range slices.Backward(c.Rounds) {
		if r.Phase != Watch {
			continue
		}
		if !r.Exceeds {
			if c.Since != nil {
				return
			}
			continue
		}
		at := r.Time
		c.Since = &at
	}
}

// read gives what a round says at each position.
func read(f *evidence.File) (Round, map[uint64]feature.Observation) {
	r := Round{}
	if opens := f.Sessions(); len(opens) > 0 {
		r.Time = opens[0].Time
	}
	seen := map[uint64]feature.Observation{}
	for _, o := range feature.Observe(f.Responses()) {
		if _, had := seen[o.Key]; !had {
			seen[o.Key] = o
		}
	}
	if len(seen) == 0 {
		r.Phase, r.Why = Lost, fmt.Sprintf("none of %d answers has logprobs that could be compared", len(f.Responses()))
	}
	return r, seen
}

// none is the difference, in nats, that counts as none.
const none = 1e-6

// score is the mean distance to the nearest reference round. A position that no
// reference has is as far as can be: the texts went apart.
func score(seen map[uint64]feature.Observation, reference []map[uint64]feature.Observation) (float64, int) {
	sum := 0.0
	for _, key := range sortedKeys(seen) {
		o, best := seen[key], 0.0
		for _, ref := range reference {
			r, ok := ref[key]
			if !ok {
				continue
			}
			switch d := feature.Apart(&o, &r); {
			case d.Exact:
				best = math.Log10(none)
			case d.Shared > 0:
				best = min(best, math.Log10(d.Mean+none))
			}
		}
		sum += best
	}
	return sum / float64(len(seen)), len(seen)
}

// sortedKeys keeps sums from depending on the order of a map.
func sortedKeys(m map[uint64]feature.Observation) []uint64 {
	keys := make([]uint64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}
