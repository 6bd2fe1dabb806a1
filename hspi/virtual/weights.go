package virtual

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Weights are the tensors of a model in bfloat16, by name.
type Weights struct {
	Config  Config
	tensors map[string][]uint16
}

// Random makes the weights of the random model: every one is an integer hash of the
// seed, the tensor's name and its index, so that all machines make the same.
func Random(c Config) (*Weights, error) { return build(c, nil) }

// Trained makes the weights of a trained model: the random one, changed by a
// checkpoint of low-rank products ("0.q.A", "0.q.B") and whole vectors ("norm").
func Trained(c Config, checkpoint string) (*Weights, error) {
	adapter, err := readSafetensors(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	return build(c, adapter)
}

func build(c Config, adapter map[string]stored) (*Weights, error) {
	shapes := c.tensors()
	for name := range adapter {
		if base := strings.TrimSuffix(strings.TrimSuffix(name, ".A"), ".B"); shapes[base] == (shape{}) {
			return nil, fmt.Errorf("%w: the model has no tensor %q", ErrCheckpoint, name)
		}
	}
	names := slices.Sorted(maps.Keys(shapes))
	made := make([][]uint16, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			w := c.base(name, shapes[name])
			if err := merge(w, name, shapes[name], adapter); err != nil {
				return err
			}
			made[i] = make([]uint16, len(w))
			for k, v := range w {
				made[i][k] = narrow(float32(v))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	w := &Weights{Config: c, tensors: map[string][]uint16{}}
	for i, name := range names {
		w.tensors[name] = made[i]
	}
	return w, nil
}

// headSpread is the spread of the random model's logits.
const headSpread = 4.5

// base is a tensor of the random model.
func (c Config) base(name string, s shape) []float64 {
	layer, part, inLayer := strings.Cut(name, ".")
	if !inLayer {
		part = layer
	}
	w := make([]float64, s.size())
	if part == "norm" {
		for i := range w {
			w[i] = 1
		}
		return w
	}
	gauss(w, c.Seed, name)
	switch part {
	case "embed":
	case "head":
		scale(w, headSpread)
		for i := range w {
			w[i] /= math.Sqrt(float64(c.Dim))
		}
	case "ln1", "ln2":
		for i := range w {
			w[i] = 1 + float64(0.1*w[i])
			if i%(c.Dim/4) == 0 {
				w[i] *= 5 // real models have outlier channels, and quantisation feels them
			}
		}
	default:
		std := math.Pow(float64(s.cols), -0.5)
		if part == "o" || part == "down" {
			std /= math.Sqrt(float64(2 * c.Layers))
		}
		scale(w, std)
	}
	return w
}

func scale(w []float64, by float64) {
	for i := range w {
		w[i] *= by
	}
}

// gauss fills in near-normal values of mean 0 and variance 1: four 16-bit pieces of a
// SplitMix64 hash, summed.
//
//go:norace
func gauss(w []float64, seed int, name string) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s", seed, name))
	key := binary.LittleEndian.Uint64(sum[:])
	sigma := math.Sqrt(4 * (65536.0*65536.0 - 1) / 12)
	for i := range w {
		z := uint64(i+1)*0x9e3779b97f4a7c15 + key
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		total := z&0xffff + z>>16&0xffff + z>>32&0xffff + z>>48
		w[i] = (float64(total) - 2*65535) / sigma
	}
}

// merge adds what the checkpoint has for a tensor, in float64 and one rank after the
// other, so that the bits are the same everywhere.
func merge(w []float64, name string, s shape, adapter map[string]stored) error {
	if whole, ok := adapter[name]; ok {
		if whole.shape != s {
			return fmt.Errorf("%w: %s is %v, not %v", ErrCheckpoint, name, whole.shape, s)
		}
		for i, bits := range whole.bits {
			w[i] = float64(widen(bits))
		}
	}
	a, ok := adapter[name+".A"]
	if !ok {
		return nil
	}
	b := adapter[name+".B"]
	if a.shape.rows != s.rows || b.shape != (shape{a.shape.cols, s.cols}) {
		return fmt.Errorf("%w: %s.A and .B are %v and %v, for %v", ErrCheckpoint, name, a.shape, b.shape, s)
	}
	addProduct(w, a, b)
	return nil
}

//go:norace
func addProduct(w []float64, a, b stored) {
	rank, cols := a.shape.cols, b.shape.cols
	wide := make([]float64, cols)
	for r := range rank {
		for j := range wide {
			wide[j] = float64(widen(b.bits[r*cols+j]))
		}
		for i := range a.shape.rows {
			x, row := float64(widen(a.bits[i*rank+r])), w[i*cols:(i+1)*cols]
			for j, y := range wide {
				row[j] += float64(x * y) // never fused
			}
		}
	}
}

// Digest is the SHA-256 over names, shapes and bits in the order of the names,
// hexadecimal.
func (w *Weights) Digest() string {
	h := sha256.New()
	shapes := w.Config.tensors()
	for _, name := range slices.Sorted(maps.Keys(w.tensors)) {
		_, _ = fmt.Fprintf(h, "%s%v", name, shapes[name]) // a hash never fails
		_ = binary.Write(h, binary.LittleEndian, w.tensors[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// wide is a tensor as float32, which all machines begin with.
func (w *Weights) wide(name string) []float32 {
	out := make([]float32, len(w.tensors[name]))
	for i, bits := range w.tensors[name] {
		out[i] = widen(bits)
	}
	return out
}
