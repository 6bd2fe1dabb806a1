package decide

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
)

// Trial is how claims about sessions fared, by profiles that were trained on sessions
// of other numbers only.
type Trial struct {
	// True are the verdicts on claims that are true, False on those that are not;
	// Untold on those that are false only where the verdict on the part is that it
	// cannot be tested.
	True   map[Verdict]int `json:"true"`
	False  map[Verdict]int `json:"false"`
	Untold map[Verdict]int `json:"untold"`
	// Wrong names the true claims that were contradicted and the false parts that
	// were called consistent.
	Wrong []string `json:"wrong,omitempty"`
}

// Try judges, for each session, the claim that says all that its labels say, and
// claims that say it of so many other platforms, drawn from a seed.
func Try(ctx context.Context, sessions []model.Session, others int, seed uint64, o Options) (*Trial, error) {
	t := &Trial{True: map[Verdict]int{}, False: map[Verdict]int{}, Untold: map[Verdict]int{}}
	random := rand.New(rand.NewPCG(seed, 0))
	err := model.Folds(ctx, sessions, func(p *model.Profile, unseen []model.Session) error {
		var all []attempt
		for i := range unseen {
			read := feature.Read(unseen[i].Answers)
			all = append(all, attempt{session: &unseen[i], read: read, said: ClaimOf(unseen[i].Labels)})
			for _, j := range random.Perm(len(p.Platforms))[:min(others, len(p.Platforms))] {
				if a := (attempt{session: &unseen[i], read: read, said: ClaimOf(p.Platforms[j].Labels)}); len(a.lies()) > 0 {
					all = append(all, a)
				}
			}
		}
		return t.judge(ctx, all, p, o)
	})
	slices.Sort(t.Wrong)
	return t, err
}

// attempt is one claim about one session.
type attempt struct {
	session *model.Session
	read    *feature.Reading // its answers, for all claims about it
	said    claim.Claim
	got     *Decision
}

// lies are the parts of the claim that are not true.
func (a *attempt) lies() []claim.Part {
	var parts []claim.Part
	for _, s := range a.said.Stated {
		if !s.Accepts(a.session.Labels[string(s.Part)]) {
			parts = append(parts, s.Part)
		}
	}
	return parts
}

func (t *Trial) judge(ctx context.Context, all []attempt, p *model.Profile, o Options) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range all {
		group.Go(func() error {
			if ctx.Err() == nil {
				all[i].got = DecideRead(all[i].said, all[i].read, p, o)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range all {
		t.count(&all[i])
	}
	return nil
}

func (t *Trial) count(a *attempt) {
	lies, v := a.lies(), a.got.Verdict
	if len(lies) == 0 {
		t.True[v]++
		if v == Contradicted {
			t.wrong(a, "is true and was contradicted")
		}
		return
	}
	tested := false
	for _, f := range a.got.Findings {
		if !slices.Contains(lies, f.Part) {
			continue
		}
		tested = tested || f.Verdict != NotTestable
		if f.Verdict == Consistent {
			t.wrong(a, fmt.Sprintf("has another %s, and it was called consistent", f.Part))
		}
	}
	if tested {
		t.False[v]++
	} else {
		t.Untold[v]++
	}
}

func (t *Trial) wrong(a *attempt, what string) {
	t.Wrong = append(t.Wrong, fmt.Sprintf("%s session %s, claimed to be %s: %s", a.session.Platform, a.session.Number, a.said, what))
}

// ClaimOf is the claim that says all that labels say.
func ClaimOf(labels map[string]string) claim.Claim {
	var c claim.Claim
	for _, part := range claim.Parts() {
		if word := labels[string(part)]; word != "" {
			c.Stated = append(c.Stated, claim.Stated{Part: part, Word: word})
		}
	}
	return c
}
