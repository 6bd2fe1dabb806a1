// Package claim reads what an operator says about an endpoint: "h100-bf16-vllm",
// "a100-fp16-awq-sglang-tp2", or "device=h100,tp=8". A claim has parts; each is
// judged by itself.
package claim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Part is what a word of a claim is about. Parts are also the names of the labels
// that enrolled platforms have.
type Part string

// Parts of a claim.
const (
	Device       Part = "device"       // GPU or CPU class
	Precision    Part = "precision"    // of activations and head
	Quantisation Part = "quantisation" // of weights
	KV           Part = "kv"           // of the cache of keys and values
	Engine       Part = "engine"
	Attention    Part = "attention"
	TP           Part = "tp" // tensor parallelism
)

// Parts are all of them, in the order in which they are told.
func Parts() []Part {
	return []Part{Device, Precision, Quantisation, KV, Engine, Attention, TP}
}

// Stated is one part of a claim.
type Stated struct {
	Part Part   `json:"part"`
	Word string `json:"word"`
}

// Claim is what is said about an endpoint; each part comes once at most.
type Claim struct {
	Stated []Stated
}

// ErrClaim: a text that is no claim.
var ErrClaim = errors.New("unusable claim")

// Parse reads a claim: words with hyphens between, of which each names its part,
// or PART=WORD with commas between. Words beyond the known ones, such as the
// labels of a profile, may be given. An error lists what would be understood.
func Parse(text string, more map[Part][]string) (Claim, error) {
	words := Vocabulary(more)
	if strings.Contains(text, "=") {
		return parsePairs(text, words)
	}
	return parseWords(text, words)
}

// parseWords takes, from left to right, the longest run of words that is known.
func parseWords(text string, known map[Part][]string) (Claim, error) {
	var c Claim
	pieces := strings.Split(normal(text), "-")
	for len(pieces) > 0 {
		s, n := longest(pieces, known)
		if n == 0 {
			return Claim{}, fmt.Errorf("%w: %q in %q is not known%s", ErrClaim, pieces[0], text, like(pieces[0], known, Parts()...))
		}
		if err := c.add(s); err != nil {
			return Claim{}, err
		}
		pieces = pieces[n:]
	}
	return c, nil
}

func longest(pieces []string, known map[Part][]string) (Stated, int) {
	for n := len(pieces); n > 0; n-- {
		word := strings.Join(pieces[:n], "-")
		for _, p := range Parts() {
			if w, ok := find(p, word, known); ok {
				return Stated{p, w}, n
			}
		}
	}
	return Stated{}, 0
}

func parsePairs(text string, words map[Part][]string) (Claim, error) {
	var c Claim
	for pair := range strings.SplitSeq(text, ",") {
		name, word, ok := strings.Cut(strings.TrimSpace(pair), "=")
		p, known := PartOf(name)
		if !ok || !known {
			return Claim{}, fmt.Errorf("%w: %q in %q is no PART=WORD; parts are %s", ErrClaim, pair, text, partNames())
		}
		word = normal(word)
		w, ok := find(p, word, words)
		if !ok && p == TP {
			w, ok = find(p, "tp"+word, words)
		}
		if !ok {
			return Claim{}, fmt.Errorf("%w: %s %q in %q is not known%s", ErrClaim, p, word, text, like(word, words, p))
		}
		if err := c.add(Stated{p, w}); err != nil {
			return Claim{}, err
		}
	}
	return c, nil
}

func (c *Claim) add(s Stated) error {
	for _, had := range c.Stated {
		if had.Part == s.Part {
			return fmt.Errorf("%w: %q and %q both say the %s", ErrClaim, had.Word, s.Word, s.Part)
		}
	}
	c.Stated = append(c.Stated, s)
	return nil
}

// Of is the word for a part, "" where the claim is silent.
func (c Claim) Of(p Part) string {
	for _, s := range c.Stated {
		if s.Part == p {
			return s.Word
		}
	}
	return ""
}

// String is the claim in the order of Parts.
func (c Claim) String() string {
	var words []string
	for _, p := range Parts() {
		if w := c.Of(p); w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, "-")
}

// Accepts reports whether a platform with that label is what the part says. A
// word for a family, such as fp8, accepts its members, such as fp8-channel.
func (s Stated) Accepts(label string) bool {
	label, word := normal(label), s.Word
	switch {
	case s.Part == TP:
		return strings.TrimPrefix(label, "tp") == strings.TrimPrefix(word, "tp")
	case s.Part == KV:
		word = strings.TrimPrefix(word, "kv")
	}
	return label == word || strings.HasPrefix(label, word+"-") || slices.Contains(families()[word], label)
}

// find gives the word as the claim keeps it.
func find(p Part, word string, known map[Part][]string) (string, bool) {
	if w, ok := synonyms()[word]; ok {
		word = w
	}
	if p == TP {
		n, err := strconv.Atoi(strings.TrimPrefix(word, "tp"))
		return word, err == nil && n > 0 && strings.HasPrefix(word, "tp")
	}
	return word, slices.Contains(known[p], word)
}

func normal(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
