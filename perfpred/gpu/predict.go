package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// ErrNothingKnown means that no GPU of the training data ran anything like it.
var ErrNothingKnown = errors.New("no GPU that the model knows ran anything like it")

// Prediction is a value that has not been measured, with what it rests on.
type Prediction struct {
	GPU   string  `json:"gpu"`
	Query string  `json:"query"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Low and High hold the value in Coverage of the cases.
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Coverage float64 `json:"coverage"`
	// Bound is the ceiling that counts; Ceilings are all of them, in the rate's unit.
	Bound    Bound     `json:"bound"`
	Ceilings []Ceiling `json:"ceilings,omitempty"`
	// Utilisation is the share of the least ceiling, 0 for latencies.
	Utilisation float64 `json:"utilisation,omitempty"`
	// Nearest are the GPUs of the training data that are most like this one.
	Nearest []string `json:"nearest"`
	// Widened says why the interval is wider than among known hardware; empty if it is not.
	Widened string `json:"widened,omitempty"`
	// Sheet is the source of the data sheet.
	Sheet string `json:"sheet"`
}

// Predict answers a query for a GPU by name. With a probe, measured ceilings stand
// in for those of the data sheet. Errors: *sheet.ErrUnknownGPU, *ErrUnsupported,
// ErrNoCeiling, ErrBadPoint, ErrNothingKnown.
func (m *Model) Predict(gpu string, q Query, probe *Probe) (Prediction, error) {
	s, err := sheet.Lookup(gpu)
	if err != nil {
		return Prediction{}, err
	}
	return m.predict(s, q, probe)
}

func (m *Model) predict(s sheet.Sheet, q Query, probe *Probe) (Prediction, error) {
	p, err := formulate(s, q)
	if err != nil {
		return Prediction{}, err
	}
	probe.scale(&p)
	l, ok := m.classes[p.class]
	if !ok || !l.coefficients.knows(p.features) {
		return Prediction{}, fmt.Errorf("%s on %s: %w", q, s.Name, ErrNothingKnown)
	}
	log, _ := linkOf(p.class)(l.coefficients.score(p.features))
	top := p.least()
	out := Prediction{
		GPU: s.Name, Query: q.String(), Value: p.value(top.Value * math.Exp(log)), Unit: p.unit, Coverage: coverage,
		Bound: top.Bound, Ceilings: p.ceilings, Nearest: nearestKnown(s, l.gpus), Sheet: s.Source,
	}
	if p.class != classLatency {
		out.Utilisation = math.Exp(log)
	}
	width, why := l.width(s, q.Benchmark)
	out.Widened = why
	out.Low, out.High = out.Value*math.Exp(-width), out.Value*math.Exp(width)
	return out, nil
}

// wider is the least factor by which an interval grows outside the known hardware.
const wider = 1.5

// programs is the least half-width, in logarithms: so far apart are two programs
// that measure one instruction on one architecture (the published rates of DPX
// on an H800, 58.8 a cycle and SM, and our own on an H200, 63.8).
const programs = 0.08

// width is half the interval in logarithms, and why it is wider than among known
// hardware, if it is.
func (l *learnt) width(s sheet.Sheet, stratum string) (float64, string) {
	w, ok := l.factors[stratum]
	if !ok {
		w = l.factors[""]
	}
	why := l.strangeness(s)
	if why == "" && !slices.Contains(l.tested, stratum) {
		why = stratum + " is known on one GPU only"
	}
	w = max(w, programs)
	if why == "" {
		return w, ""
	}
	away, ok := l.strange[stratum]
	if !ok {
		away = l.strange[""]
	}
	return max(wider*w, away), why
}

// strangeness says in what a GPU is unlike those in the fit: its architecture, or
// figures that lie far outside theirs.
func (l *learnt) strangeness(s sheet.Sheet) string {
	known := false
	low, high := measures(s), measures(s)
	for i, name := range l.gpus {
		g, err := sheet.Lookup(name)
		if err != nil {
			continue
		}
		known = known || g.Arch == s.Arch
		for j, v := range measures(g) {
			if i == 0 {
				low[j], high[j] = v, v
			}
			low[j], high[j] = min(low[j], v), max(high[j], v)
		}
	}
	if !known {
		return fmt.Sprintf("no GPU of architecture %s is known", s.Arch)
	}
	for j, v := range measures(s) {
		if v < low[j]-outside || v > high[j]+outside {
			return measureNames[j] + " lies outside what is known"
		}
	}
	return ""
}

// outside is how far, in logarithms, a figure may lie beyond the known ones.
const outside = 0.2

var measureNames = [...]string{"the rate of the matrix units", "the memory bandwidth", "the power", "the number of SMs"}

func measures(s sheet.Sheet) [len(measureNames)]float64 {
	return [...]float64{math.Log(s.Tensor[sheet.F16]), math.Log(s.DRAMGBs), math.Log(s.TDPW), math.Log(float64(s.SMs))}
}

// nearestShown is how many known GPUs a prediction names.
const nearestShown = 3

func nearestKnown(s sheet.Sheet, names []string) []string {
	distance := func(name string) float64 {
		g, err := sheet.Lookup(name)
		if err != nil {
			return math.Inf(1)
		}
		var sum float64
		if g.Arch != s.Arch {
			sum = 4
		}
		here := measures(s)
		for j, v := range measures(g) {
			sum += (v - here[j]) * (v - here[j])
		}
		return sum
	}
	list := slices.Clone(names)
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return list[:min(nearestShown, len(list))]
}
