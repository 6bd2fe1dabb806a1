package model

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gpubench/gpubench/internal/jsonfile"
)

// SchemaVersion is the version of the profiles that this package writes.
const SchemaVersion = 1

// kind is what a profile says that it is.
const kind = "gpubench hspi profile"

// ErrProfile: a file that is no profile, or of a newer version.
var ErrProfile = errors.New("unusable profile")

// Profile is what was learned: JSON, and nothing that could run.
type Profile struct {
	Schema int    `json:"schema"`
	Kind   string `json:"kind"`
	// Platforms are what can be recognised, by name.
	Platforms []*Platform `json:"platforms"`
	// Choice are the weights of how a session compares with a platform, shared by
	// all platforms; Temperature divides the scores.
	Choice      []float64 `json:"choice"`
	Temperature float64   `json:"temperature"`
	// Likeness are the weights of whether a session is of a platform at all, first
	// the constant.
	Likeness []float64 `json:"likeness"`
	Tested   Tested    `json:"tested"`
}

// Tested is how the profile does on its own sessions, each compared with the other
// sessions only. The few weights were fitted to the same sessions; CrossValidate
// leaves them out of that too.
type Tested struct {
	Sessions int `json:"sessions"`
	// Wrong sessions are most like a platform that is not theirs and differs from it
	// in more than load, Refused ones like none.
	Wrong   int `json:"wrong"`
	Refused int `json:"refused"`
}

// AtMost is the greatest error rate that so many errors in so many cases are
// compatible with at 95 % (Clopper and Pearson's upper limit).
func AtMost(errors, cases int) float64 {
	if errors >= cases {
		return 1
	}
	return distuv.Beta{Alpha: float64(errors + 1), Beta: float64(cases - errors)}.Quantile(0.95)
}

// platform is the one of that name; it is made where it is not there.
func (p *Profile) platform(name string, labels map[string]string) *Platform {
	at, ok := slices.BinarySearchFunc(p.Platforms, name, func(q *Platform, name string) int { return strings.Compare(q.Name, name) })
	if !ok {
		p.Platforms = slices.Insert(p.Platforms, at, newPlatform(name, labels))
	}
	return p.Platforms[at]
}

// Save stores the profile as JSON, compressed by zstd where the path ends in .zst.
// The file appears whole or not at all.
func (p *Profile) Save(path string) error {
	if err := jsonfile.Save(path, p); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

// Load reads a profile, plain or compressed.
func Load(path string) (*Profile, error) { return jsonfile.Load(path, Read) }

// Read is Load for what is no file.
func Read(r io.Reader) (*Profile, error) {
	p := new(Profile)
	if err := jsonfile.Read(r, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return p, p.usable()
}

// usable checks what calculations rely on.
func (p *Profile) usable() error {
	switch {
	case p.Kind != kind:
		return fmt.Errorf("%w: it says that it is %q, not %q", ErrProfile, p.Kind, kind)
	case p.Schema > SchemaVersion || p.Schema < 1:
		return fmt.Errorf("%w: it has version %d, and this program reads up to %d", ErrProfile, p.Schema, SchemaVersion)
	case len(p.Platforms) < 2:
		return fmt.Errorf("%w: it has %d platforms, and two are the least", ErrProfile, len(p.Platforms))
	case len(p.Choice) != len(sumNames()) || len(p.Likeness) != 1+len(likenessNames()) || p.Temperature <= 0:
		return fmt.Errorf("%w: its weights do not fit", ErrProfile)
	}
	for _, q := range p.Platforms {
		if q == nil {
			return fmt.Errorf("%w: a platform is null", ErrProfile)
		}
		if err := q.reindex(); err != nil {
			return err
		}
	}
	return nil
}

// reindex finds the places of a platform that was read.
func (p *Platform) reindex() error {
	p.index = make(map[uint64]int, len(p.Places))
	for i := range p.Places {
		p.index[p.Places[i].Key] = i
		for j := range p.Places[i].Variants {
			v := &p.Places[i].Variants[j]
			bad := len(v.Tokens) != len(v.Logprobs) || len(v.In) == 0
			for _, s := range v.In {
				bad = bad || s < 0 || s >= len(p.Sessions)
			}
			if bad || int(p.Places[i].Kind) >= len(p.Self.Far) {
				return fmt.Errorf("%w: place %d of platform %q is damaged", ErrProfile, i, p.Name)
			}
		}
	}
	return nil
}

// Labels lists, for each label, the words that platforms have, sorted.
func (p *Profile) Labels() map[string][]string {
	all := map[string][]string{}
	for _, q := range p.Platforms {
		for name, word := range q.Labels {
			if !slices.Contains(all[name], word) {
				all[name] = append(all[name], word)
			}
		}
	}
	for _, words := range all {
		slices.Sort(words)
	}
	return all
}
