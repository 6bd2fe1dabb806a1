package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Known is the hardware that a model has learnt from: its range per feature and
// the machines themselves, by the table's Main columns.
type Known struct {
	Encoder *dataset.Encoder `json:"encoder"`
	// Machines are distinct; X is [machine][column], scaled.
	Machines []string    `json:"machines"`
	X        [][]float64 `json:"-"`
	// Reach is how far (in deviations) nearly all known machines are from the
	// nearest one of another name: up to there a new name is nothing new.
	Reach float64 `json:"reach"`
	// Constants are the features that are the same on all machines: what another
	// value does nobody can have learnt.
	Constants map[string]float64 `json:"constants,omitempty"`
	// Families are known, sorted, and Stretch is how much wider intervals are
	// for others, and for machines with another constant; 0 if that was not learnt.
	Families []string `json:"families,omitempty"`
	Stretch  float64  `json:"stretch,omitempty"`
	// Away are the weights of a stack's members for machines of other families.
	Away []float64 `json:"away,omitempty"`
}

// reachShare is the share of the known machines within Reach.
const reachShare = 0.98

// Judgement says how far a machine is from the known ones.
type Judgement struct {
	// Nearest are the known machines that are most like it, nearest first, and
	// Distance is that to the first over Reach: above 1 is outside.
	Nearest  []string
	Distance float64
	// Outside are the features beyond the training rows' range.
	Outside []Bound
	// NewFamily is the machine's family where nobody has seen it, and Stretch how
	// much wider its intervals are for that or for another constant, at least 1.
	NewFamily string
	Stretch   float64
}

// Wider is the factor by which intervals are wider, in logarithms.
func (j Judgement) Wider() float64 { return max(1, j.Distance, j.Stretch) }

// Bound is a feature outside the range that is known.
type Bound struct {
	Feature          string
	Value, Low, High float64
}

// String returns the bound as "sockets = 64, known are 1 to 8".
func (b Bound) String() string {
	if b.Low == b.High {
		return fmt.Sprintf("%s = %.4g, known is %.4g alone", b.Feature, b.Value, b.Low)
	}
	return fmt.Sprintf("%s = %.4g, known are %.4g to %.4g", b.Feature, b.Value, b.Low, b.High)
}

// newKnown collects the machines of the training table, named by the group.
func newKnown(train *dataset.Table, group string) (*Known, error) {
	names, err := train.Group(group)
	if err != nil {
		return nil, fmt.Errorf("known hardware: %w", err)
	}
	enc, err := dataset.FitEncoder(mainColumns(train), dataset.EncoderOptions{Scale: true})
	if err != nil {
		return nil, fmt.Errorf("known hardware: %w", err)
	}
	k := &Known{Encoder: enc, Constants: constants(train)}
	seen := map[string]bool{}
	for i, x := range enc.Encode(train) {
		key := names[i] + fmt.Sprintf("%.3g", x)
		if !seen[key] {
			seen[key] = true
			k.Machines, k.X = append(k.Machines, names[i]), append(k.X, x)
		}
	}
	k.Reach = k.reach()
	return k, nil
}

// constants returns the columns that have one value.
func constants(t *dataset.Table) map[string]float64 {
	out := map[string]float64{}
	for _, c := range t.Numeric {
		known := slices.DeleteFunc(slices.Clone(c.Values), math.IsNaN)
		if len(known) > 0 && slices.Min(known) == slices.Max(known) {
			out[c.Name] = known[0]
		}
	}
	return out
}

// mainColumns is the table with its Main columns only, or all of them if none
// is marked.
func mainColumns(t *dataset.Table) *dataset.Table {
	out := &dataset.Table{Name: t.Name, Rows: t.Rows}
	for _, c := range t.Numeric {
		if c.Main {
			out.Numeric = append(out.Numeric, c)
		}
	}
	if out.Numeric == nil {
		out.Numeric = t.Numeric
	}
	return out
}

// reach is the reachShare quantile of the distances to another name's machine.
func (k *Known) reach() float64 {
	var all []float64
	for i, x := range k.X {
		least := math.Inf(1)
		for j, other := range k.X {
			if k.Machines[i] != k.Machines[j] {
				least = min(least, distance(x, other))
			}
		}
		if !math.IsInf(least, 1) {
			all = append(all, least)
		}
	}
	if len(all) == 0 {
		return math.Inf(1) // one name: nothing says how far names are apart
	}
	slices.Sort(all)
	return max(all[int(reachShare*float64(len(all)-1))], 0.1)
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for j := range a {
		sum += (a[j] - b[j]) * (a[j] - b[j])
	}
	return math.Sqrt(sum)
}

// Judge says of each row how far it is from the known machines.
func (k *Known) Judge(rows *dataset.Table) []Judgement {
	out := make([]Judgement, rows.Rows)
	families := rows.Groups[dataset.GroupFamily]
	for i, x := range k.Encoder.Encode(rows) {
		out[i] = k.judge(x)
		others := k.otherConstants(rows, i)
		out[i].Outside = append(k.outside(rows, i), others...)
		out[i].Stretch = 1
		if len(others) > 0 {
			out[i].Stretch = max(1, k.Stretch)
		}
		if k.Stretch == 0 || families == nil {
			continue
		}
		if _, known := slices.BinarySearch(k.Families, families[i]); !known {
			out[i].NewFamily, out[i].Stretch = cmp.Or(families[i], "unknown"), k.Stretch
		}
	}
	return out
}

// judge names the three nearest.
func (k *Known) judge(x []float64) Judgement {
	far := make([]float64, len(k.X))
	for i, known := range k.X {
		far[i] = distance(x, known)
	}
	var j Judgement
	for len(j.Nearest) < 3 {
		best := -1
		for i, name := range k.Machines {
			if (best < 0 || far[i] < far[best] || far[i] == far[best] && name < k.Machines[best]) && !slices.Contains(j.Nearest, name) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		if j.Nearest == nil && !math.IsInf(k.Reach, 1) {
			j.Distance = far[best] / k.Reach
		}
		j.Nearest = append(j.Nearest, k.Machines[best])
	}
	return j
}

// otherConstants returns the features that are the same on all known machines and
// not on this one.
func (k *Known) otherConstants(rows *dataset.Table, row int) []Bound {
	var out []Bound
	for _, c := range rows.Numeric {
		v := c.Values[row]
		if known, ok := k.Constants[c.Name]; ok && !math.IsNaN(v) && v != known {
			out = append(out, Bound{c.Name, v, known, known})
		}
	}
	return out
}

// outside allows a percent for rounding.
func (k *Known) outside(rows *dataset.Table, row int) []Bound {
	var out []Bound
	for _, c := range k.Encoder.Numeric {
		from, err := rows.Column(c.Name)
		if err != nil {
			continue
		}
		v, low, high := from.Values[row], c.Low, c.High
		if c.Log {
			low, high = math.Exp(low), math.Exp(high)
		}
		if v < low*0.99 || v > high*1.01 {
			out = append(out, Bound{c.Name, v, low, high})
		}
	}
	return out
}
