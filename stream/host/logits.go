package host

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// logits are the inputs of softmax: values that repeat over and over, so that
// what should come out can be said without a pass over gigabytes.
type logits struct {
	typ    stream.Type
	values []float64
}

// logitPeriod is the number of values; a chunk holds whole periods of float32s,
// and of float64s every chunk starts at the beginning of one or in its middle.
const logitPeriod = 1024

// newLogits draws the values from a fixed seed, about as a network's last layer
// has them: normal with a deviation of 4.
func newLogits(t stream.Type) *logits {
	rng := rand.New(rand.NewPCG(5, 6))
	l := &logits{t, make([]float64, logitPeriod)}
	for i := range l.values {
		l.values[i] = float64(float32(4 * rng.NormFloat64()))
	}
	return l
}

// fill writes the inputs to a, and other values than results to b.
func (l *logits) fill(t *Team, a Arrays) {
	t.Do(func(worker int) {
		from, to := chunk(uint64(len(a.A)), t.Size(), worker)
		at := int(from) / l.typ.Bytes()
		if l.typ == stream.F32 {
			fillLogits(typed[float32](a.A[from:to]), l.values, at)
			set(typed[float32](a.B[from:to]), -1)
		} else {
			fillLogits(typed[float64](a.A[from:to]), l.values, at)
			set(typed[float64](a.B[from:to]), -1)
		}
	})
}

func fillLogits[T float](s []T, values []float64, at int) {
	for i := range s {
		s[i] = T(values[(at+i)%len(values)])
	}
}

// logSum is the logarithm of the sum of exp over n elements.
func (l *logits) logSum(n int) float64 {
	sum := 0.0
	for i, v := range l.values {
		times := n / len(l.values)
		if i < n%len(l.values) {
			times++
		}
		sum += float64(times) * math.Exp(v)
	}
	return math.Log(sum)
}

// check wants every result to be exp(x) over the sum of exp, by math.Exp, and all
// results together to be 1.
func (l *logits) check(t *Team, a Arrays, isa ISA) results.Check {
	n := len(a.A) / l.typ.Bytes()
	log := l.logSum(n)
	want := make([]float64, len(l.values))
	for i, v := range l.values {
		want[i] = math.Exp(v - log)
	}
	sums, worst := make([]float64, t.Size()), make([]float64, t.Size())
	t.Do(func(worker int) {
		from, to := chunk(uint64(len(a.B)), t.Size(), worker)
		at := int(from) / l.typ.Bytes()
		if l.typ == stream.F32 {
			sums[worker], worst[worker] = compare(typed[float32](a.B[from:to]), want, at)
		} else {
			sums[worker], worst[worker] = compare(typed[float64](a.B[from:to]), want, at)
		}
	})
	total, far := 0.0, 0.0
	for i := range sums {
		total += sums[i]
		far = max(far, worst[i])
	}
	limit := softmaxTolerance(l.typ, isa)
	return results.Check{By: "analytic", OK: far <= limit && math.Abs(total-1) <= limit, Detail: fmt.Sprintf(
		"against math.Exp: relative error %.2g or less in every element; sum - 1 = %.2g; tolerance %.2g", far, total-1, limit)}
}

// softmaxTolerance is relative. The sum of exp of a piece adds up roundings as
// sumTolerance says; exp and the product add a few units in the last place, to
// which float32 adds the rounding of x - max.
func softmaxTolerance(t stream.Type, isa ISA) float64 {
	if t == stream.F32 {
		return sumTolerance(t, isa) + 64*0x1p-24
	}
	return sumTolerance(t, isa) + 64*0x1p-53
}

// compare gives the sum of results, compensated (Kahan's) because there are so
// many, and the greatest relative error.
func compare[T float](s []T, want []float64, at int) (sum, worst float64) {
	lost := 0.0
	for i, v := range s {
		w := want[(at+i)%len(want)]
		term := float64(v) - lost
		next := sum + term
		lost, sum = (next-sum)-term, next
		if e := math.Abs(float64(v)-w) / w; e > worst || math.IsNaN(e) {
			worst = e
		}
	}
	return sum, worst
}
