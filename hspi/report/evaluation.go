// Package report draws how well platforms are told apart, and what was found of
// an endpoint: a confusion matrix, a reliability curve and ROC curves as PNG, and
// a page of HTML that needs no other file.
package report

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Prediction is what a classifier said of data that it was not trained on.
type Prediction struct {
	// Session is the server session that the data are of: predictions of one
	// session stand or fall together.
	Session string `json:"session"`
	Truth   string `json:"truth"`
	// Probabilities are those of the classes; Truth may be none of them.
	Probabilities map[string]float64 `json:"probabilities"`
	// Novelty is the greater the less the data are like anything enrolled.
	Novelty float64 `json:"novelty"`
}

// Best is the most probable class; of equals the first by name.
func (p Prediction) Best() string {
	best := ""
	for _, class := range slices.Sorted(maps.Keys(p.Probabilities)) {
		if best == "" || p.Probabilities[class] > p.Probabilities[best] {
			best = class
		}
	}
	return best
}

// known reports whether the truth is among the classes.
func (p Prediction) known() bool {
	_, ok := p.Probabilities[p.Truth]
	return ok
}

// Confusion counts predictions by truth (rows) and best class (columns).
type Confusion struct {
	Classes []string `json:"classes"`
	Counts  [][]int  `json:"counts"`
}

// Confuse counts the predictions whose truth is among their classes.
func Confuse(predictions []Prediction) Confusion {
	set := map[string]bool{}
	for _, p := range predictions {
		if p.known() {
			set[p.Truth], set[p.Best()] = true, true
		}
	}
	c := Confusion{Classes: slices.Sorted(maps.Keys(set))}
	index := map[string]int{}
	for i, class := range c.Classes {
		index[class] = i
		c.Counts = append(c.Counts, make([]int, len(c.Classes)))
	}
	for _, p := range predictions {
		if p.known() {
			c.Counts[index[p.Truth]][index[p.Best()]]++
		}
	}
	return c
}

// BalancedAccuracy is the mean of the classes' recalls; NaN without data.
func (c Confusion) BalancedAccuracy() float64 {
	sum, n := 0.0, 0
	for i, row := range c.Counts {
		if all := total(row); all > 0 {
			sum += float64(row[i]) / float64(all)
			n++
		}
	}
	return sum / float64(n)
}

// MacroF1 is the mean of the classes' F1 over those that occur; NaN without data.
func (c Confusion) MacroF1() float64 {
	sum, n := 0.0, 0
	for i, row := range c.Counts {
		all := total(row)
		if all == 0 {
			continue
		}
		said := 0
		for _, r := range c.Counts {
			said += r[i]
		}
		sum += 2 * float64(row[i]) / float64(all+said)
		n++
	}
	return sum / float64(n)
}

func total(row []int) int {
	sum := 0
	for _, n := range row {
		sum += n
	}
	return sum
}

// Interval is a figure with its 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// resamples is how often sessions are drawn anew for an interval.
const resamples = 500

// OverSessions is a figure of predictions with its bootstrap interval: whole
// sessions are drawn with replacement within each truth, for what is said of one
// session is no independent datum.
func OverSessions(predictions []Prediction, figure func([]Prediction) float64, seed uint64) Interval {
	strata := map[string]map[string][]Prediction{}
	for _, p := range predictions {
		if strata[p.Truth] == nil {
			strata[p.Truth] = map[string][]Prediction{}
		}
		strata[p.Truth][p.Session] = append(strata[p.Truth][p.Session], p)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	truths := slices.Sorted(maps.Keys(strata))
	var values []float64
	for range resamples {
		var drawn []Prediction
		for _, truth := range truths {
			sessions := slices.Sorted(maps.Keys(strata[truth]))
			for range sessions {
				drawn = append(drawn, strata[truth][sessions[random.IntN(len(sessions))]]...)
			}
		}
		if v := figure(drawn); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	i := Interval{figure(predictions), math.NaN(), math.NaN()}
	if slices.Sort(values); len(values) > 0 {
		i.Low, i.High = values[len(values)*25/1000], values[min(len(values)*975/1000, len(values)-1)]
	}
	return i
}

// Bin is the predictions whose probability of the best class is alike.
type Bin struct {
	Said  float64 `json:"said"`  // mean probability
	Right float64 `json:"right"` // share that was right
	Count int     `json:"count"`
}

// Reliability has up to ten bins of equal width, empty ones left out.
func Reliability(predictions []Prediction) []Bin {
	const n = 10
	var bins [n]Bin
	for _, p := range predictions {
		if !p.known() {
			continue
		}
		best := p.Best()
		b := &bins[min(int(p.Probabilities[best]*n), n-1)]
		b.Count++
		b.Said += p.Probabilities[best]
		if best == p.Truth {
			b.Right++
		}
	}
	var full []Bin
	for _, b := range bins {
		if b.Count > 0 {
			full = append(full, Bin{b.Said / float64(b.Count), b.Right / float64(b.Count), b.Count})
		}
	}
	return full
}

// CalibrationError is the expected calibration error: how far what is said is
// from what is right, weighted by count; NaN without data.
func CalibrationError(bins []Bin) float64 {
	sum, n := 0.0, 0
	for _, b := range bins {
		sum += math.Abs(b.Said-b.Right) * float64(b.Count)
		n += b.Count
	}
	return sum / float64(n)
}

// Point is a point of a ROC curve.
type Point struct {
	False float64 `json:"false"` // share of negatives above the threshold
	True  float64 `json:"true"`  // share of positives above it
}

// Curve is a ROC curve; its area is the AUROC.
type Curve struct {
	Name      string  `json:"name"`
	Points    []Point `json:"points"`
	Area      float64 `json:"area"`
	Positives int     `json:"positives"`
	Negatives int     `json:"negatives"`
}

type scored struct {
	score    float64
	positive bool
}

// Classes is the ROC curve of all classes against the rest, pooled.
func Classes(predictions []Prediction) Curve {
	var all []scored
	for _, p := range predictions {
		if !p.known() {
			continue
		}
		for class, probability := range p.Probabilities {
			all = append(all, scored{probability, class == p.Truth})
		}
	}
	return curve("class against the rest", all)
}

// Unknown is the ROC curve of telling platforms that were not enrolled.
func Unknown(predictions []Prediction) Curve {
	var all []scored
	for _, p := range predictions {
		all = append(all, scored{p.Novelty, !p.known()})
	}
	return curve("unknown platform", all)
}

// curve joins equal scores into one step, so that ties count by half.
func curve(name string, all []scored) Curve {
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	c := Curve{Name: name, Points: []Point{{}}}
	for _, s := range all {
		if s.positive {
			c.Positives++
		} else {
			c.Negatives++
		}
	}
	if c.Positives == 0 || c.Negatives == 0 {
		c.Points, c.Area = nil, math.NaN()
		return c
	}
	hit, miss := 0, 0
	for i, s := range all {
		if s.positive {
			hit++
		} else {
			miss++
		}
		if i+1 < len(all) && all[i+1].score == s.score {
			continue
		}
		last, next := c.Points[len(c.Points)-1], Point{float64(miss) / float64(c.Negatives), float64(hit) / float64(c.Positives)}
		c.Area += (next.False - last.False) * (next.True + last.True) / 2
		c.Points = append(c.Points, next)
	}
	return c
}
