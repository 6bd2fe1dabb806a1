package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gpubench/gpubench/hspi/feature"
)

// Exchange is a test of whether answers could be another session of a platform: if
// they are, it does not matter at any prompt which of the sessions is the new one.
type Exchange struct {
	// P is the probability that sessions of one platform differ as much, by
	// permutation: at each prompt, any of the sessions takes the place of the new one.
	P float64 `json:"p"`
	// Prompts and Sessions are how many were compared, the new session not counted.
	Prompts  int `json:"prompts"`
	Sessions int `json:"sessions"`
	// Far is the mean of log10 of the difference to the other sessions, in nats, of
	// the new session; Self that of the platform's sessions; Least is the smallest
	// rise of it that would be found in 8 of 10 cases at 1 %.
	Far   float64 `json:"far"`
	Self  float64 `json:"self"`
	Least float64 `json:"least"`
}

// String is for people.
func (x Exchange) String() string {
	return fmt.Sprintf("at %d prompts beside %d sessions: p = %.2g; differences greater by a factor of %.3g would be found in 8 of 10 cases at 1 %%",
		x.Prompts, x.Sessions, x.P, math.Pow(10, x.Least))
}

// permutations are drawn for a test; p cannot be smaller than 1 in so many.
const permutations = 20_000

// Exchangeable tests observations of an endpoint against a platform's sessions. The
// test is exact if what varies between sessions does so at each prompt by itself. ok
// is false where they have no prompt in common.
func (p *Platform) Exchangeable(observed []feature.Observation) (Exchange, bool) {
	return p.exchangeable(newPlaces(observed))
}

func (p *Platform) exchangeable(d *digest) (Exchange, bool) {
	rows := p.unitFars(d)
	x := Exchange{Prompts: len(rows), Sessions: len(p.Sessions)}
	if len(rows) == 0 {
		return x, false
	}
	own, total := 0.0, 0.0 // of the new session, and the mean of the old ones
	variance := 0.0
	for _, row := range rows {
		n := len(row) - 1
		own += row[n]
		m, v := moments(row[:n])
		total += m
		variance += v
	}
	k := float64(len(rows))
	x.Far, x.Self = own/k, total/k
	x.Least = (2.326 + 0.842) * math.Sqrt(max(variance, 1e-12)) / k
	x.P = permute(rows, own)
	return x, true
}

// permute is the share of permutations whose sum is as great as that of the new
// session, which is the last of each row, itself counted.
func permute(rows [][]float64, own float64) float64 {
	random := rand.New(rand.NewPCG(1, uint64(len(rows))))
	as := 1
	for range permutations {
		sum := 0.0
		for _, row := range rows {
			sum += row[random.IntN(len(row))]
		}
		if sum >= own-1e-9 {
			as++
		}
	}
	return float64(as) / (permutations + 1)
}

func moments(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(max(len(v)-1, 1))
	}
	return mean, variance
}

// unitFars gives, for each prompt that all have, how far each session is from the
// others there, the new one last.
func (p *Platform) unitFars(d *digest) [][]float64 {
	units := map[string][][]float64{} // by prompt, of each place
	var order []string
	for _, key := range d.order {
		at, ok := p.index[key]
		if !ok {
			continue
		}
		place := &p.Places[at]
		row := place.fars(len(p.Sessions), d.places[key])
		if row == nil {
			continue
		}
		if units[place.Unit] == nil {
			order = append(order, place.Unit)
		}
		units[place.Unit] = append(units[place.Unit], row)
	}
	var rows [][]float64
	for _, unit := range order {
		mean := make([]float64, len(p.Sessions)+1)
		for _, row := range units[unit] {
			for i, v := range row {
				mean[i] += v / float64(len(units[unit]))
			}
		}
		rows = append(rows, mean)
	}
	return rows
}

// fars is how far each session is from the others at a place; nil where not all
// sessions came to it. A session that said several things counts with the mean.
func (p *Place) fars(sessions int, fresh []feature.Observation) []float64 {
	said := make([][]feature.Observation, sessions+1)
	for i := range p.Variants {
		for _, s := range p.Variants[i].In {
			said[s] = append(said[s], p.Variants[i].observation())
		}
	}
	said[sessions] = fresh
	if slices.ContainsFunc(said, func(o []feature.Observation) bool { return len(o) == 0 }) {
		return nil
	}
	far := make([]float64, len(said))
	for i := range said {
		for j := range i {
			d := between(said[i], said[j])
			far[i] += d / float64(sessions)
			far[j] += d / float64(sessions)
		}
	}
	return far
}

// between is the mean of log10 of the differences, in nats, of all pairs.
func between(a, b []feature.Observation) float64 {
	sum := 0.0
	for i := range a {
		for j := range b {
			d := feature.Apart(&a[i], &b[j])
			switch {
			case d.Exact:
				sum += math.Log10(leastFar)
			case d.Shared > 0:
				sum += math.Log10(d.Mean + leastFar)
			}
		}
	}
	return sum / float64(len(a)*len(b))
}
