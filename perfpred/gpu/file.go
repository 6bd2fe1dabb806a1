package gpu

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Version is the version of model files that this package writes and reads: it
// rises whenever a coefficient would mean something else.
const Version = 1

// format marks model files.
const format = "gpubench-gpu-utilisation"

type modelFile struct {
	Format  string               `json:"format"`
	Version int                  `json:"version"`
	Origin  Origin               `json:"origin"`
	Classes map[class]*classFile `json:"classes"`
}

type classFile struct {
	Lambda       float64            `json:"lambda"`
	Coefficients map[string]float64 `json:"coefficients"`
	// Factors and Strange are the conformal quantiles, see learnt.
	Factors map[string]float64 `json:"factors"`
	Strange map[string]float64 `json:"factors_of_unknown_architectures"`
	Tested  []string           `json:"tested"`
	GPUs    []string           `json:"gpus"`
}

// Write writes the model as JSON. Numbers have six digits, so that rounding in
// the last bits of a fit does not change the file.
func (m *Model) Write(w io.Writer) error {
	f := modelFile{Format: format, Version: Version, Origin: m.Origin, Classes: map[class]*classFile{}}
	for c, l := range m.classes {
		f.Classes[c] = &classFile{l.lambda, rounded(l.coefficients), rounded(l.factors), rounded(l.strange), l.tested, l.gpus}
	}
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return fmt.Errorf("write the GPU model: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the GPU model: %w", err)
	}
	return nil
}

func rounded[M ~map[string]float64](m M) map[string]float64 {
	out := make(map[string]float64, len(m))
	for k, v := range m {
		r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
		if err != nil {
			r = v
		}
		if math.Abs(r) < 1e-6 {
			r = 0 // also where a last bit decides the sign
		}
		out[k] = r
	}
	return out
}

// Read reads what Write wrote. Errors are ErrNotAModel and ErrModelVersion.
func Read(r io.Reader) (*Model, error) {
	var f modelFile
	dec := json.NewDecoder(r)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("read a GPU model: %w: %w", ErrNotAModel, err)
	}
	if f.Format != format {
		return nil, fmt.Errorf("read a GPU model: %w: its format is %q, not %q", ErrNotAModel, f.Format, format)
	}
	if f.Version != Version {
		return nil, fmt.Errorf("read a GPU model: %w: the file has %d, this program reads %d; train it again", ErrModelVersion, f.Version, Version)
	}
	m := &Model{Origin: f.Origin, classes: map[class]*learnt{}}
	for _, c := range slices.Sorted(maps.Keys(f.Classes)) {
		l := f.Classes[c]
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("read a GPU model: %w: class %s: %w", ErrNotAModel, c, err)
		}
		m.classes[c] = &learnt{coefficients: l.Coefficients, lambda: l.Lambda, factors: l.Factors, strange: l.Strange, tested: l.Tested, gpus: l.GPUs}
	}
	if len(m.classes) == 0 {
		return nil, fmt.Errorf("read a GPU model: %w: it has no classes", ErrNotAModel)
	}
	return m, nil
}

func (l *classFile) check() error {
	if l == nil || len(l.Coefficients) == 0 || len(l.GPUs) == 0 {
		return errors.New("no coefficients or no GPUs")
	}
	if _, ok := l.Factors[""]; !ok {
		return errors.New("no interval")
	}
	for _, factors := range []map[string]float64{l.Factors, l.Strange} {
		for k, v := range factors {
			if v < 0 {
				return fmt.Errorf("interval of %q is negative", k)
			}
		}
	}
	return nil
}
