package nn

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gpubench/gpubench/perfpred/model"
)

// modelFile is a model in its file.
type modelFile struct {
	Targets   []output     `json:"targets"`
	Layout    layout       `json:"layout"`
	Sizes     sizes        `json:"sizes"`
	Members   []memberFile `json:"members"`
	Attention Attention    `json:"attention"`
}

type memberFile struct {
	Encoder *encoder  `json:"encoder"`
	Mean    []float64 `json:"mean"`
	Scale   []float64 `json:"scale"`
}

// Parts implements model.Model. Packed are the weights of the members, as
// little-endian float32 in the order of the parameters.
func (m *Model) Parts() model.Parts {
	file := modelFile{Targets: m.targets, Layout: m.layout, Sizes: m.sizes, Attention: m.maps}
	var packed []byte
	for _, one := range m.members {
		file.Members = append(file.Members, memberFile{one.encoder, one.mean, one.scale})
		for _, w := range one.net.params.Data() {
			packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(float32(w)))
		}
	}
	return model.Parts{Settings: file, Packed: packed}
}

// Decoders returns the decoder of this package's models by their kind.
func Decoders() model.Decoders { return model.Decoders{kind: decode} }

func decode(s *model.Stored, _ []model.Model) (model.Model, error) {
	var file modelFile
	if err := s.ReadSettings(&file); err != nil {
		return nil, err
	}
	if err := file.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", model.ErrFile, err)
	}
	m := &Model{targets: file.Targets, layout: file.Layout, sizes: file.Sizes, maps: file.Attention}
	left := s.Packed
	for i, one := range file.Members {
		net := newNetwork(file.Sizes, file.Layout, one.Encoder.Vocabulary, rand.New(rand.NewPCG(0, 0)))
		var err error
		if left, err = unpackWeights(net.params.Data(), left); err != nil {
			return nil, fmt.Errorf("%w: member %d: %w", model.ErrFile, i, err)
		}
		m.members = append(m.members, member{one.Encoder, net, one.Mean, one.Scale})
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("%w: %d bytes behind the weights", model.ErrFile, len(left))
	}
	return m, nil
}

// maxWidth is far above any width that makes sense; it keeps a bad file from
// asking for all memory.
const maxWidth = 1 << 12

// check says whether the file's parts fit each other.
func (f *modelFile) check() error {
	if err := f.Sizes.check(); err != nil {
		return err
	}
	s := f.Sizes
	if max(s.Bins, s.Token, s.Vector, s.Head, s.Targets) > maxWidth || len(f.Targets) != s.Targets ||
		len(f.Layout) == 0 || len(f.Members) == 0 || len(f.Attention.Groups) != len(f.Layout) || !squared(f.Attention.Between, len(f.Layout)) {
		return fmt.Errorf("%d targets, %d groups, %d members of %+v", len(f.Targets), len(f.Layout), len(f.Members), s)
	}
	for i, g := range f.Layout {
		a := f.Attention.Groups[i]
		if g.tokens() == 0 || len(a.Features) != g.tokens() || !squared(a.Weights, g.tokens()) {
			return fmt.Errorf("the attention map of group %q does not fit its %d features", g.Name, g.tokens())
		}
	}
	for i, one := range f.Members {
		if one.Encoder == nil || !one.Encoder.fits(f.Layout, s.Bins) || len(one.Mean) != s.Targets || len(one.Scale) != s.Targets {
			return fmt.Errorf("the encoder or the scales of member %d do not fit", i)
		}
	}
	return nil
}

func squared(weights [][]float64, n int) bool {
	if len(weights) != n {
		return false
	}
	for _, row := range weights {
		if len(row) != n {
			return false
		}
	}
	return true
}

// fits says whether the encoder is one of the layout.
func (e *encoder) fits(l layout, bins int) bool {
	if len(e.Numeric) != len(l) || len(e.Vocabulary) != len(l) {
		return false
	}
	for i, g := range l {
		if len(e.Numeric[i]) != len(g.Numeric) || len(e.Vocabulary[i]) != len(g.Categories) {
			return false
		}
		for _, s := range e.Numeric[i] {
			if len(s.Edges) > bins+1 {
				return false
			}
		}
	}
	return true
}

// unpackWeights returns what is left of data.
func unpackWeights(into []float64, data []byte) ([]byte, error) {
	if len(data) < 4*len(into) {
		return nil, fmt.Errorf("%d bytes of weights for %d numbers", len(data), len(into))
	}
	for i := range into {
		into[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
		if math.IsNaN(into[i]) || math.IsInf(into[i], 0) {
			return nil, fmt.Errorf("weight %d is %g", i, into[i])
		}
	}
	return data[4*len(into):], nil
}
