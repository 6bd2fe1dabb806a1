package tape

import "math"

// Loss is the price of predicting pred where target is true, and its slope in
// pred.
type Loss interface {
	At(pred, target float64) (price, slope float64)
}

// MSE is the squared error.
type MSE struct{}

// At implements Loss.
func (MSE) At(pred, target float64) (price, slope float64) {
	d := pred - target
	return d * d, 2 * d
}

// Huber is half the squared error up to Delta and grows linearly beyond.
type Huber struct{ Delta float64 }

// At implements Loss.
func (h Huber) At(pred, target float64) (price, slope float64) {
	d := pred - target
	if math.Abs(d) <= h.Delta {
		return d * d / 2, d
	}
	return h.Delta * (math.Abs(d) - h.Delta/2), math.Copysign(h.Delta, d)
}

// Loss returns the sum of weight·price / total over all entries as a 1 x 1
// value. target and weight are laid out as pred; entries without weight are
// not looked at. total is given because a batch may be spread over tapes.
func (t *Tape) Loss(pred *Value, target, weight []float64, total float64, loss Loss) *Value {
	if t.err != nil || len(target) != len(pred.Data) || len(weight) != len(pred.Data) {
		return t.fail("loss of %d x %d from %d targets, %d weights", pred.Rows, pred.Cols, len(target), len(weight))
	}
	out := t.result(1, 1, pred)
	slopes := t.memory.take(len(pred.Data))
	for i, w := range weight {
		if w == 0 {
			continue
		}
		price, slope := loss.At(pred.Data[i], target[i])
		out.Data[0] += w * price / total
		slopes[i] = w * slope / total
	}
	return t.record(out, func() { axpy(pred.grad, out.grad[0], slopes) })
}
