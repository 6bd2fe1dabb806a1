package nn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/nn/tape"
)

// errDiverged says that the loss is no number any more.
var errDiverged = errors.New("training diverged; a lower rate may help")

// shardRows is the number of rows on one tape. A batch's shards are computed
// at once and their gradients added in order, so that the sum is the same on
// any number of processors.
const shardRows = 32

// member is one trained network with the encoder and scales of its own
// training rows.
type member struct {
	encoder *encoder
	net     *network
	// mean and scale bring each output to its target's logarithms.
	mean, scale []float64
}

// part is encoded rows with their targets.
type part struct {
	x        *encoded
	y, known []float64
}

func (p *part) pick(rows []int) *part {
	return &part{p.x.pick(rows), gather(p.y, rows, p.x.rows), gather(p.known, rows, p.x.rows)}
}

// learner trains one member.
type learner struct {
	NCPP
	*member
	train, held *part
	adam        tape.Adam
	tapes       []*tape.Tape
	rng         *rand.Rand
	steps       int
}

// newLearner prepares to learn from the fold's training rows.
func (c NCPP) newLearner(m *Model, s *sample, fold dataset.Fold, rng *rand.Rand) (*learner, error) {
	e, err := fitEncoder(s.table.Select(fold.Train), m.layout, c.Bins)
	if err != nil {
		return nil, err
	}
	all := &part{e.encode(s.table, m.layout, c.Bins), s.y, s.known}
	l := &learner{NCPP: c, rng: rng, train: all.pick(fold.Train), held: all.pick(fold.Test), adam: tape.Adam{Decay: c.Decay, Clip: 1}}
	l.member = &member{encoder: e, net: newNetwork(m.sizes, m.layout, e.Vocabulary, rng)}
	l.mean, l.scale = l.train.moments(s.width)
	for range (c.Batch + shardRows - 1) / shardRows {
		l.tapes = append(l.tapes, tape.New(&l.net.params))
	}
	return l, nil
}

// moments are mean and deviation of each target.
func (p *part) moments(targets int) (mean, scale []float64) {
	mean, scale = make([]float64, targets), make([]float64, targets)
	count := make([]float64, targets)
	for i, known := range p.known {
		if known > 0 {
			k := i % targets
			count[k]++
			d := p.y[i] - mean[k]
			mean[k] += d / count[k]
			scale[k] += d * (p.y[i] - mean[k])
		}
	}
	for k := range scale {
		if scale[k] = math.Sqrt(scale[k] / max(1, count[k])); scale[k] == 0 {
			scale[k] = 1
		}
	}
	return mean, scale
}

// run trains until the epochs are over or validation gets no better, and leaves
// the best weights.
func (l *learner) run(ctx context.Context) error {
	perEpoch := (l.train.x.rows + l.Batch - 1) / l.Batch
	rate := tape.Cosine{Peak: l.Rate, Warmup: 2 * perEpoch, Steps: l.Epochs * perEpoch}
	best, bestEpoch := math.Inf(1), 0
	var weights []float64
	for epoch := range l.Epochs {
		if err := l.epoch(ctx, rate); err != nil {
			return err
		}
		loss, err := l.validate()
		if err != nil {
			return err
		}
		if loss < best {
			best, bestEpoch = loss, epoch
			weights = append(weights[:0], l.net.params.Data()...)
		}
		if epoch-bestEpoch >= l.Patience {
			break
		}
	}
	// What is kept is what a model file holds.
	for i, w := range weights {
		l.net.params.Data()[i] = float64(float32(w))
	}
	return nil
}

func (l *learner) epoch(ctx context.Context, rate tape.Cosine) error {
	order := l.rng.Perm(l.train.x.rows)
	for batch := range slices.Chunk(order, l.Batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		gradient, err := l.gradient(batch)
		if err != nil {
			return err
		}
		l.adam.Step(&l.net.params, gradient, rate.At(l.steps))
		l.steps++
	}
	return nil
}

// gradient returns that of the batch's mean loss.
func (l *learner) gradient(batch []int) ([]float64, error) {
	total := 0.0
	for _, i := range batch {
		for _, known := range l.train.known[i*len(l.mean) : (i+1)*len(l.mean)] {
			total += known
		}
	}
	seed := l.rng.Uint64()
	var running errgroup.Group
	running.SetLimit(runtime.GOMAXPROCS(0))
	shards := slices.Collect(slices.Chunk(batch, shardRows))
	for i, rows := range shards {
		running.Go(func() error {
			return l.shard(l.tapes[i], rows, total, rand.New(rand.NewPCG(seed, uint64(i))))
		})
	}
	if err := running.Wait(); err != nil {
		return nil, err
	}
	sum := l.tapes[0].Gradient()
	for _, t := range l.tapes[1:len(shards)] {
		for i, g := range t.Gradient() {
			sum[i] += g
		}
	}
	return sum, nil
}

func (l *learner) shard(t *tape.Tape, rows []int, total float64, rng *rand.Rand) error {
	t.Reset()
	p := l.train.pick(rows)
	l.net.blank(p.x, l.Blank, rng)
	way := pass{network: l.net, t: t, dropout: l.Dropout, rng: rng}
	return t.Backward(t.Loss(l.outputs(&way, p.x), p.y, p.known, total, l.Loss))
}

// outputs returns rows x targets logarithms.
func (m *member) outputs(p *pass, x *encoded) *tape.Value {
	n := len(m.mean)
	diagonal := make([]float64, n*n)
	for k, s := range m.scale {
		diagonal[k*n+k] = s
	}
	scaled := p.t.MatMul(p.forward(x), p.t.Constant(n, n, diagonal))
	return p.t.Add(scaled, p.t.Constant(1, n, m.mean))
}

// validate returns the mean loss of the rows held back.
func (l *learner) validate() (float64, error) {
	predicted, err := l.predict(l.held.x)
	if err != nil {
		return 0, err
	}
	sum, count := 0.0, 0.0
	for i, known := range l.held.known {
		if known > 0 {
			price, _ := l.Loss.At(predicted[i], l.held.y[i])
			sum += price
			count++
		}
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, fmt.Errorf("step %d: %w", l.steps, errDiverged)
	}
	return sum / max(1, count), nil
}

// predict returns rows x targets logarithms.
func (m *member) predict(x *encoded) ([]float64, error) {
	out := make([]float64, x.rows*len(m.mean))
	err := m.each(x, func(first int, y *tape.Value, _ *pass) { copy(out[first*len(m.mean):], y.Data) })
	return out, err
}

// each passes all rows through the network, in shards and in order of rows
// within these; done may be called from several goroutines at once.
func (m *member) each(x *encoded, done func(first int, y *tape.Value, p *pass)) error {
	var running errgroup.Group
	running.SetLimit(runtime.GOMAXPROCS(0))
	for first := 0; first < x.rows; first += shardRows {
		running.Go(func() error {
			rows := make([]int, min(shardRows, x.rows-first))
			for i := range rows {
				rows[i] = first + i
			}
			t := tape.NewInference(&m.net.params)
			p := &pass{network: m.net, t: t}
			y := m.outputs(p, x.pick(rows))
			if t.Err() == nil {
				done(first, y, p)
			}
			return t.Err()
		})
	}
	return running.Wait()
}
