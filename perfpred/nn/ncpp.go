// Package nn is the attention network of NCPP (arXiv 2407.03385) as a
// model.Trainer, learnt on the tape of package tape. Unlike the code published
// with the paper, the output of its inter-group attention is used, logits are
// scaled by 1/sqrt(d), and scalers see training rows only.
package nn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
	"github.com/gpubench/gpubench/perfpred/nn/tape"
)

// ErrConfig says that hyperparameters contradict each other.
var ErrConfig = errors.New("bad network configuration")

// NCPP holds the hyperparameters. It is a model.Trainer; start from Default.
type NCPP struct {
	// Groups say which features belong together.
	Groups []Group
	// SplitBy names the table's group column that validation for early stopping
	// is split by; without such a column each row is its own group.
	SplitBy string
	// Token, Vector and Head are the widths of a feature's embedding, of a
	// group and of the head; Heads divides the first two. Bins is the number of
	// pieces of a number's encoding.
	Token, Vector, Head, Heads, Bins int
	// Dropout is the share of activations dropped in training, Blank that of
	// features hidden.
	Dropout, Blank float64
	// Loss compares logarithms.
	Loss tape.Loss
	// Rate is the peak of the learning rate's cosine, Decay the weight decay.
	Rate, Decay float64
	// Batch is in rows. Training ends after Epochs, or after Patience epochs
	// without a better validation; the best weights are kept.
	Batch, Epochs, Patience int
	// Members are networks whose logarithms are averaged. Each keeps another
	// one of Folds parts of the groups back for validation.
	Members, Folds int
}

// Default returns hyperparameters tuned on SPEC CPU2017.
func Default() NCPP {
	return NCPP{
		Groups: DefaultGroups(), SplitBy: dataset.GroupCPU,
		Token: 8, Vector: 16, Head: 32, Heads: 2, Bins: 16,
		Dropout: 0, Blank: 0.02,
		Loss: tape.Huber{Delta: 0.02},
		Rate: 5e-3, Decay: 0.01,
		Batch: 64, Epochs: 24, Patience: 8,
		Members: 4, Folds: 8,
	}
}

// Name implements model.Trainer.
func (NCPP) Name() string { return kind }

// minRows is how many rows with a value a target needs at least.
const minRows = 3

// Fit implements model.Trainer. Each target learns from the rows that have it;
// all targets share the network but for its last layer.
func (c NCPP) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (model.Model, error) {
	m, err := c.fit(ctx, train, targets, seed)
	if err != nil {
		return nil, fmt.Errorf("fit %s on %s: %w", c.Name(), train.Name, err)
	}
	return m, nil
}

func (c NCPP) fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (*Model, error) {
	if err := c.check(targets); err != nil {
		return nil, err
	}
	s, err := newSample(train, targets, c.SplitBy)
	if err != nil {
		return nil, err
	}
	m := &Model{layout: newLayout(s.table, c.Groups), sizes: c.sizes(len(targets))}
	for _, name := range targets {
		target, err := train.Target(name)
		if err != nil {
			return nil, err
		}
		m.targets = append(m.targets, output{Name: name, Base: target.Base})
	}
	if len(m.layout) == 0 {
		return nil, fmt.Errorf("none of the features varies: %w", model.ErrTooFew)
	}
	folds, err := s.folds(c.Folds, seed)
	if err != nil {
		return nil, err
	}
	if m.members, err = c.fitMembers(ctx, m, s, folds, seed); err != nil {
		return nil, err
	}
	m.maps, err = m.attend(s.table)
	return m, err
}

// fitMembers trains all members at once.
func (c NCPP) fitMembers(ctx context.Context, m *Model, s *sample, folds []dataset.Fold, seed uint64) ([]member, error) {
	members := make([]member, c.Members)
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(runtime.GOMAXPROCS(0))
	for i := range members {
		running.Go(func() error {
			l, err := c.newLearner(m, s, folds[i%len(folds)], rand.New(rand.NewPCG(seed, uint64(i+1))))
			if err != nil {
				return err
			}
			members[i] = *l.member
			return l.run(ctx)
		})
	}
	return members, running.Wait()
}

func (c NCPP) sizes(targets int) sizes {
	return sizes{Bins: c.Bins, Token: c.Token, Vector: c.Vector, Head: c.Head, Heads: c.Heads, Targets: targets}
}

func (c NCPP) check(targets []string) error {
	if err := c.sizes(len(targets)).check(); err != nil {
		return err
	}
	if c.Loss == nil || c.Batch < 1 || c.Epochs < 1 || c.Members < 1 || c.Folds < 2 ||
		!(c.Rate > 0) || !(c.Dropout >= 0 && c.Dropout < 1) {
		return fmt.Errorf("%w: %+v", ErrConfig, c)
	}
	return nil
}
