package model

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gpubench/gpubench/hspi/feature"
)

// penalty is of the weights, on scaled features.
const penalty = 1.0

// Train learns platforms from sessions. It needs two sessions of each platform at
// least, and two platforms. The order of the sessions does not matter.
func Train(ctx context.Context, sessions []Session) (*Profile, error) {
	t, err := newTraining(ctx, sessions)
	if err != nil {
		return nil, err
	}
	return t.profile(ctx, "", nil)
}

// training is sessions with what is compared of them.
type training struct {
	sessions []Session
	digests  []*digest
}

func newTraining(ctx context.Context, sessions []Session) (*training, error) {
	t := &training{sessions: slices.Clone(sessions)}
	slices.SortStableFunc(t.sessions, func(a, b Session) int {
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Number, b.Number))
	})
	t.digests = make([]*digest, len(t.sessions))
	err := each(ctx, len(t.sessions), func(i int) { t.digests[i] = newDigest(feature.Read(t.sessions[i].Answers)) })
	return t, err
}

// each does all of 0 to n-1 on all processors, until the context ends.
func each(ctx context.Context, n int, do func(int)) error {
	parallel(n, func(i int) {
		if ctx.Err() == nil {
			do(i)
		}
	})
	return ctx.Err()
}

// parallel does all of 0 to n-1 on all processors.
func parallel(n int, do func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// profile learns from all sessions but those of one number, where it is not "", and
// of some platforms.
func (t *training) profile(ctx context.Context, withoutNumber string, without []string) (*Profile, error) {
	p := &Profile{Schema: SchemaVersion, Kind: kind}
	var use []int // sessions
	own := map[string][]*digest{}
	for i, s := range t.sessions {
		if (withoutNumber != "" && s.Number == withoutNumber) || slices.Contains(without, s.Platform) {
			continue
		}
		use = append(use, i)
		p.platform(s.Platform, s.Labels).add(s.Number, t.digests[i])
		own[s.Platform] = append(own[s.Platform], t.digests[i])
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := each(ctx, len(p.Platforms), func(i int) { p.Platforms[i].null(own[p.Platforms[i].Name]) }); err != nil {
		return nil, err
	}
	pairs, err := t.pairs(ctx, p, use)
	if err != nil {
		return nil, err
	}
	return p, p.fit(pairs)
}

// check reports what cannot be learned from.
func (p *Profile) check() error {
	if len(p.Platforms) < 2 {
		return fmt.Errorf("%w: %d platforms; two are needed to tell one from another", ErrTraining, len(p.Platforms))
	}
	for _, q := range p.Platforms {
		if len(q.Sessions) < 2 {
			return fmt.Errorf("%w: platform %q has one session; two are needed to know how it varies", ErrTraining, q.Name)
		}
		if len(q.Places) == 0 {
			return fmt.Errorf("%w: the sessions of platform %q hold no logprobs of a plan's prompts", ErrTraining, q.Name)
		}
	}
	return nil
}

// pairing is one session compared with all platforms, its own without itself.
type pairing struct {
	number string
	own    int
	pairs  []Pair
}

func (t *training) pairs(ctx context.Context, p *Profile, use []int) ([]pairing, error) {
	all := make([]pairing, len(use))
	err := each(ctx, len(use), func(i int) {
		s := t.sessions[use[i]]
		all[i] = pairing{number: s.Number, pairs: make([]Pair, len(p.Platforms))}
		for j, q := range p.Platforms {
			if q.Name == s.Platform {
				all[i].own = j
			}
			// One session less of each, so that all are known equally well.
			without := slices.Index(q.Sessions, s.Number)
			if without < 0 {
				without = len(q.Sessions) - 1
			}
			all[i].pairs[j] = compare(t.digests[use[i]], q, without)
		}
	})
	return all, err
}

// fit learns the weights.
func (p *Profile) fit(pairings []pairing) error {
	kin := p.kin()
	cases := make([]choice, len(pairings))
	for i, a := range pairings {
		for j, c := range a.pairs {
			switch {
			case j == a.own:
				cases[i].right = len(cases[i].x)
			case kin(a.own, j):
				continue // which of them it is would be learned from chance
			}
			cases[i].x = append(cases[i].x, c.sums())
		}
	}
	var err error
	if p.Choice, err = fitChoice(cases, penalty); err != nil {
		return err
	}
	if p.Temperature, err = calibrate(cases, pairings); err != nil {
		return err
	}
	if err := p.fitLikeness(pairings, kin); err != nil {
		return err
	}
	p.test(pairings, kin)
	return nil
}

// kin tells of two platforms, by index, whether they are the same but for the load,
// or twins.
func (p *Profile) kin() func(i, j int) bool {
	first := Twins(p.Platforms)
	return func(i, j int) bool {
		a, b := p.Platforms[i], p.Platforms[j]
		return first[a.Name] == first[b.Name] || a.AlikeBut(b, LabelLoad)
	}
}

// test counts what goes wrong with sessions that are compared with the others.
func (p *Profile) test(pairings []pairing, kin func(i, j int) bool) {
	p.Tested = Tested{Sessions: len(pairings)}
	for _, a := range pairings {
		own := p.Platforms[a.own]
		if best := p.nearest(a.pairs, func(int) bool { return true }); best != a.own && !kin(a.own, best) {
			p.Tested.Wrong++
		}
		if p.like(a.pairs[a.own], own) < 0.5 {
			p.Tested.Refused++
		}
	}
}

// calibrate finds the temperature at which probabilities are right on sessions that
// the weights were not fitted to: those of even and odd places take turns.
func calibrate(cases []choice, pairings []pairing) (float64, error) {
	numbers := slices.Sorted(maps.Keys(func() map[string]bool {
		set := map[string]bool{}
		for _, a := range pairings {
			set[a.number] = true
		}
		return set
	}()))
	log := 0.0
	for half := range 2 {
		var fit, held []choice
		for i, c := range cases {
			if slices.Index(numbers, pairings[i].number)%2 == half {
				fit = append(fit, c)
			} else {
				held = append(held, c)
			}
		}
		if len(fit) == 0 || len(held) == 0 {
			return 1, nil // sessions of one number only
		}
		w, err := fitChoice(fit, penalty)
		if err != nil {
			return 0, err
		}
		log += math.Log(temperature(held, w)) / 2
	}
	return math.Exp(log), nil
}

// temperature minimises the loss of softmax(scores/T) by golden section over log T.
func temperature(cases []choice, w []float64) float64 {
	loss := func(logT float64) float64 {
		sum := 0.0
		for _, c := range cases {
			scores := make([]float64, len(c.x))
			for i, x := range c.x {
				scores[i] = dot(x, w) / math.Exp(logT)
			}
			sum -= math.Log(math.Max(softmax(scores)[c.right], 1e-300))
		}
		return sum
	}
	const golden = 0.6180339887498949
	low, high := math.Log(0.5), math.Log(20.0)
	for high-low > 1e-3 {
		a, b := high-golden*(high-low), low+golden*(high-low)
		if loss(a) < loss(b) {
			high = b
		} else {
			low = a
		}
	}
	return math.Exp((low + high) / 2)
}

// fitLikeness learns whether a session is of the platform that it is nearest to:
// each session beside its own platform, and beside the nearest other one, as if its
// own had not been enrolled.
func (p *Profile) fitLikeness(pairings []pairing, kin func(i, j int) bool) error {
	var cases []yesNo
	for _, a := range pairings {
		cases = append(cases, yesNo{a.pairs[a.own].likeness(p.Platforms[a.own]), true, 1})
		other := p.nearest(a.pairs, func(j int) bool { return j != a.own && !kin(a.own, j) })
		if other >= 0 {
			cases = append(cases, yesNo{a.pairs[other].likeness(p.Platforms[other]), false, 1})
		}
	}
	var err error
	p.Likeness, err = fitYesNo(cases, penalty)
	return err
}

// nearest is the platform that fits best of those that are allowed; -1: none is.
func (p *Profile) nearest(pairs []Pair, allowed func(int) bool) int {
	best, at := math.Inf(-1), -1
	for j := range pairs {
		if !allowed(j) {
			continue
		}
		if s := dot(pairs[j].sums(), p.Choice); s > best {
			best, at = s, j
		}
	}
	return at
}

// AlikeBut reports whether two platforms have the same labels, but for some.
func (p *Platform) AlikeBut(q *Platform, but ...string) bool {
	for _, pair := range [][2]map[string]string{{p.Labels, q.Labels}, {q.Labels, p.Labels}} {
		for name, word := range pair[0] {
			if !slices.Contains(but, name) && pair[1][name] != word {
				return false
			}
		}
	}
	return len(p.Labels) > 0
}

// LabelLoad is the label for what else a server had to do: no part of a platform.
const LabelLoad = "load"
