package model

import (
	"encoding/json"
	"fmt"
	"io"
)

// Format and Version mark model files. Version rises whenever a file of before
// would be read wrongly.
const (
	Format  = "gpubench-perfpred"
	Version = 2
)

// envelope is a model file, and each model inside another model.
type envelope struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Kind    string          `json:"kind"`
	Model   json.RawMessage `json:"model"`
}

// Decoder turns a model's JSON into the model. Models that hold other models
// decode these with inner.
type Decoder func(data json.RawMessage, inner Decoders) (Model, error)

// Decoders maps kinds to decoders. It is passed around, never global: the
// program that loads files says which kinds it knows.
type Decoders map[string]Decoder

// Save writes the model as one JSON document.
func Save(w io.Writer, m Model) error {
	data, err := Encode(m)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	return nil
}

// Encode returns the model with its envelope, to be read by Decoders.Decode.
func Encode(m Model) (json.RawMessage, error) {
	body, err := m.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Kind(), err)
	}
	data, err := json.Marshal(envelope{Format, Version, m.Kind(), body})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Kind(), err)
	}
	return data, nil
}

// Load reads what Save wrote.
func Load(r io.Reader, known Decoders) (Model, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	return known.Decode(data)
}

// Decode reads what Encode returned. It returns ErrFile, ErrVersion or
// ErrKind.
func (known Decoders) Decode(data json.RawMessage) (Model, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	switch {
	case e.Format != Format:
		return nil, fmt.Errorf("%w: format %q instead of %q", ErrFile, e.Format, Format)
	case e.Version != Version:
		return nil, fmt.Errorf("%w: version %d, this program reads %d; train it anew", ErrVersion, e.Version, Version)
	}
	decode, ok := known[e.Kind]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrKind, e.Kind)
	}
	m, err := decode(e.Model, known)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", e.Kind, err)
	}
	return m, nil
}
