package border

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/internal/jsonfile"
)

// Version is the version of the sets that this package reads and writes.
const Version = 1

// APIs that the prompts of a set are for.
const (
	Completions = "completions"
	Chat        = "chat"
)

// ErrSet: a file that is no usable set.
var ErrSet = errors.New("unusable set of border inputs")

// Set is border inputs for one model, and what each platform answers.
type Set struct {
	Version int `json:"version"`
	// Model names the model; Weights is the SHA-256 of its weights.
	Model   string `json:"model"`
	Weights string `json:"weights_sha256"`
	// API is the one that the prompts are for: a chat template changes them.
	API  string `json:"api"`
	Seed uint64 `json:"seed"`
	// GPU and Torch are what the set was made on; Tokens is the length of a prompt with
	// what the API adds.
	GPU    string `json:"gpu,omitempty"`
	Torch  string `json:"torch,omitempty"`
	Tokens int    `json:"tokens,omitempty"`
	// Loads are the tokens of other requests that shared the step, for each of
	// Prompt.Answers.
	Loads     []int      `json:"loads"`
	Platforms []Platform `json:"platforms"`
	Prompts   []Prompt   `json:"prompts"`
	// Learnt is what sessions told; nil where no sessions were learnt from.
	Learnt *Learnt `json:"learnt,omitempty"`
	// Search tells how the prompts were found, and what other ways would have found.
	Search json.RawMessage `json:"search,omitempty"`
}

// Platform is one that the set tells from others.
type Platform struct {
	ID     string `json:"id"`
	Labels Labels `json:"labels"`
}

// Labels are what a platform is made of: "precision", "attention", …
type Labels map[string]string

// UnmarshalJSON takes numbers too, as text.
func (l *Labels) UnmarshalJSON(text []byte) error {
	var any map[string]any
	if err := json.Unmarshal(text, &any); err != nil {
		return err
	}
	*l = Labels{}
	for name, value := range any {
		(*l)[name] = fmt.Sprint(value)
	}
	return nil
}

// Prompt is one border input.
type Prompt struct {
	Text string `json:"text"`
	// Tokens are its own, without what the API adds.
	Tokens []int `json:"tokens,omitempty"`
	// Found names the way it was found; Gap is the difference of the two best logits on
	// the reference, nil where it was not looked at.
	Found string   `json:"found,omitempty"`
	Gap   *float64 `json:"gap,omitempty"`
	// Says are the answers that platforms gave, all different.
	Says []string `json:"says"`
	// Answers are, for a platform, indices of Says, one for each of Set.Loads.
	Answers map[string][]int `json:"answers"`
	// Seen counts, for a platform, how many sessions gave each of Says, and behind them
	// how many gave another answer.
	Seen map[string][]int `json:"seen,omitempty"`
}

// Load reads a set from a file, plain or compressed.
func Load(path string) (*Set, error) { return jsonfile.Load(path, Read) }

// Read reads a set, plain or compressed.
func Read(r io.Reader) (*Set, error) {
	s := new(Set)
	if err := jsonfile.Read(r, s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSet, err)
	}
	return s, s.check()
}

// Save writes the set, compressed where the name ends in .zst. The file appears
// whole or not at all.
func (s *Set) Save(path string) error {
	if err := jsonfile.Save(path, s); err != nil {
		return fmt.Errorf("write set: %w", err)
	}
	return nil
}

// check says what is wrong with a set.
func (s *Set) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrSet}, args...)...)
	}
	switch {
	case s.Version != Version:
		return bad("its version is %d; this program reads version %d", s.Version, Version)
	case s.API != Completions && s.API != Chat:
		return bad("its API is %q: it is %s or %s", s.API, Completions, Chat)
	case len(s.Platforms) < 2:
		return bad("it has %d platforms, and it takes two to differ", len(s.Platforms))
	case len(s.Loads) == 0:
		return bad("it has no loads")
	case len(s.Prompts) == 0:
		return bad("it has no prompts")
	}
	known := map[string]bool{}
	for _, p := range s.Platforms {
		if p.ID == "" || known[p.ID] {
			return bad("platform %q comes twice or has no name", p.ID)
		}
		known[p.ID] = true
	}
	texts := map[string]bool{}
	for i, p := range s.Prompts {
		if p.Text == "" || texts[p.Text] {
			return bad("prompt %d is empty or comes twice", i)
		}
		texts[p.Text] = true
		if why := p.wrong(known, len(s.Loads)); why != "" {
			return bad("prompt %d: %s", i, why)
		}
	}
	return s.Learnt.check(known, bad)
}

// wrong says what is wrong with a prompt, "" where nothing is.
func (p *Prompt) wrong(platforms map[string]bool, loads int) string {
	said := map[string]bool{}
	for _, say := range p.Says {
		said[say] = true
	}
	if len(said) < len(p.Says) || said[""] || len(p.Says) == 0 {
		return "its answers are none, empty, or the same"
	}
	for id, answers := range p.Answers {
		switch {
		case !platforms[id]:
			return fmt.Sprintf("it has answers of %q, which is no platform of the set", id)
		case len(answers) != loads:
			return fmt.Sprintf("%s has %d answers for %d loads", id, len(answers), loads)
		case slices.Min(answers) < 0 || slices.Max(answers) >= len(p.Says):
			return fmt.Sprintf("%s has an answer that is not there", id)
		}
	}
	for id, counts := range p.Seen {
		if !platforms[id] || len(counts) != len(p.Says)+1 || slices.Min(counts) < 0 {
			return fmt.Sprintf("what was seen of %q does not fit the set", id)
		}
	}
	return ""
}

// index is which of Says a text is, len(Says) where it is none. Some servers cut white
// space off: then the one that is the same otherwise, if there is just one.
func (p *Prompt) index(text string) int {
	if i := slices.Index(p.Says, text); i >= 0 {
		return i
	}
	found := len(p.Says)
	for i, say := range p.Says {
		if strings.TrimSpace(say) == strings.TrimSpace(text) {
			if found < len(p.Says) {
				return len(p.Says)
			}
			found = i
		}
	}
	return found
}

// platform is the place of a platform in the set, -1 where it is not there.
func (s *Set) platform(id string) int {
	return slices.IndexFunc(s.Platforms, func(p Platform) bool { return p.ID == id })
}
