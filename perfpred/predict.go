package perfpred

import (
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// Prediction is what a suite would give on a machine.
type Prediction struct {
	Suite   string   `json:"suite"`
	Machine string   `json:"machine"`
	Model   string   `json:"model"`
	Values  []Value  `json:"values"`
	Nearest []string `json:"nearest_known,omitempty"`
	// Distance is that to the nearest known machine over what is usual among
	// known ones; above 1 the intervals are wider for it.
	Distance float64 `json:"distance"`
	// NewFamily is the CPU's family where nobody has seen it.
	NewFamily string `json:"new_family,omitempty"`
	// Wider is the factor by which the intervals are wider for all that.
	Wider float64 `json:"wider"`
	// Outside says which features are beyond what is known.
	Outside []string `json:"outside,omitempty"`
	// Assumed are the parts of the description that the user left out.
	Assumed []string `json:"assumed,omitempty"`
	// Bounds say what the score would grow with, the most first.
	Bounds []model.Elasticity `json:"bounds,omitempty"`
}

// Value is a predicted target; Low and High hold it in 90 % of the cases, and
// are 0 for models that do not know.
type Value struct {
	Target string  `json:"target"`
	Value  float64 `json:"value"`
	Low    float64 `json:"low,omitempty"`
	High   float64 `json:"high,omitempty"`
}

// tooFar is the distance at which a prediction is refused: intervals would be
// wider by that much in logarithms.
const tooFar = 4

// Predict answers for a machine that is described in the columns of the SPEC
// data set (dataset.SPECMachine); what is left out is taken as usual for the
// CPU or its maker, and listed. A machine too unlike the known ones is refused
// with ErrTooFar unless far is set. Errors: ErrUnknownCPU, ErrTooFar,
// dataset.ErrValue, dataset.ErrNoColumn.
func (s *Suite) Predict(given map[string]string, far bool) (*Prediction, error) {
	d, err := s.describe(given)
	if err != nil {
		return nil, fmt.Errorf("predict %s: %w", s.Name, err)
	}
	p := &Prediction{Suite: s.Name, Machine: dataset.CPUName(given["model_name"]), Model: s.Trainer, Assumed: d.assumed}
	if g, ok := s.model.(*model.Guarded); ok {
		if err := p.judge(g.Known.Judge(d.table)[0], far); err != nil {
			return nil, fmt.Errorf("predict %s: %w", s.Name, err)
		}
	}
	estimates, err := s.model.Predict(d.table)
	if err != nil {
		return nil, fmt.Errorf("predict %s: %w", s.Name, err)
	}
	for k, target := range s.model.Targets() {
		e := estimates[k][0]
		v := Value{Target: target, Value: e.Value}
		if e.Low > 0 {
			v.Low, v.High = e.Low, e.High
		}
		p.Values = append(p.Values, v)
	}
	bounds, err := model.Elasticities(s.model, d.table, 0, dataset.SPECKnobs())
	if err != nil {
		return nil, fmt.Errorf("predict %s: %w", s.Name, err)
	}
	p.Bounds = bounds[0]
	return p, nil
}

func (p *Prediction) judge(j model.Judgement, far bool) error {
	p.Nearest, p.Distance, p.NewFamily, p.Wider = j.Nearest, j.Distance, j.NewFamily, j.Wider()
	for _, b := range j.Outside {
		p.Outside = append(p.Outside, b.String())
	}
	if j.Distance <= tooFar || far {
		return nil
	}
	return fmt.Errorf("%w: %.1f times as far as known machines are from each other; nearest are %s%s", ErrTooFar, j.Distance, strings.Join(j.Nearest, ", "), after("; ", p.Outside))
}

func after(separator string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return separator + strings.Join(list, "; ")
}

// Importances returns how much each feature matters for a target, the most
// first; nil if the model does not know. It returns dataset.ErrNoColumn for an
// unknown target.
func (s *Suite) Importances(target string) ([]model.Importance, error) {
	for k, name := range s.model.Targets() {
		if name != target {
			continue
		}
		if im, ok := s.model.(model.Importancer); ok {
			return im.Importances(k), nil
		}
		return nil, nil
	}
	return nil, fmt.Errorf("importances in %s: target %q: %w; there are %s", s.Name, target, dataset.ErrNoColumn, strings.Join(s.model.Targets(), ", "))
}
