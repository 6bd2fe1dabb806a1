package model

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Format and Version mark model files. Version rises whenever a file of before
// would be read wrongly.
const (
	Format  = "gpubench-perfpred"
	Version = 3
)

// Parts are what a model file must hold of a model.
type Parts struct {
	// Settings are written as JSON.
	Settings any
	// Packed are numbers that would be long as text and slow to read, in an order
	// that the kind of model defines.
	Packed []byte
	// Inner are the models that this one is made of.
	Inner []Model
}

// Stored is a model as it lies in a file: what Parts gave, but Inner.
type Stored struct {
	Kind     string         `json:"kind"`
	Settings jsontext.Value `json:"settings,omitempty"`
	Packed   []byte         `json:"packed,omitempty"`
}

// ReadSettings decodes the settings; errors are ErrFile.
func (s *Stored) ReadSettings(into any) error {
	if err := json.Unmarshal(s.Settings, into); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	return nil
}

// Decoder makes a model of what its Parts gave; inner are decoded already. It
// returns ErrFile where these contradict each other.
type Decoder func(s *Stored, inner []Model) (Model, error)

// Decoders maps kinds to decoders. It is passed around, never global: the
// program that loads files says which kinds it knows.
type Decoders map[string]Decoder

// document is a model file. A model and those inside it are one tree, so that
// reading a file parses each byte once (with encoding/json, which looks at each
// byte several times, most of the time of a prediction is lost here).
type document struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Model   *node  `json:"model"`
}

type node struct {
	Stored `json:",inline"`
	Inner  []*node `json:"inner,omitempty"`
}

// Save writes the model as one JSON document.
func Save(w io.Writer, m Model) error {
	n, err := nodeOf(m)
	if err != nil {
		return err
	}
	data, err := json.Marshal(document{Format, Version, n})
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.Kind(), err)
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	return nil
}

func nodeOf(m Model) (*node, error) {
	parts := m.Parts()
	settings, err := json.Marshal(parts.Settings, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Kind(), err)
	}
	n := &node{Stored: Stored{m.Kind(), settings, parts.Packed}}
	for _, one := range parts.Inner {
		inner, err := nodeOf(one)
		if err != nil {
			return nil, err
		}
		n.Inner = append(n.Inner, inner)
	}
	return n, nil
}

// Load reads what Save wrote. It returns ErrFile, ErrVersion or ErrKind.
func Load(data []byte, known Decoders) (Model, error) {
	var d document
	err := json.Unmarshal(data, &d)
	switch {
	case d.Format == Format && d.Version != Version: // whatever else it holds
		return nil, fmt.Errorf("%w: version %d, this program reads %d; train it anew", ErrVersion, d.Version, Version)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	case d.Format != Format:
		return nil, fmt.Errorf("%w: format %q instead of %q", ErrFile, d.Format, Format)
	}
	return known.decode(d.Model)
}

func (known Decoders) decode(n *node) (Model, error) {
	if n == nil {
		return nil, fmt.Errorf("%w: a model is missing", ErrFile)
	}
	decode, ok := known[n.Kind]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrKind, n.Kind)
	}
	var inner []Model
	for _, one := range n.Inner {
		m, err := known.decode(one)
		if err != nil {
			return nil, err
		}
		inner = append(inner, m)
	}
	m, err := decode(&n.Stored, inner)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", n.Kind, err)
	}
	return m, nil
}
