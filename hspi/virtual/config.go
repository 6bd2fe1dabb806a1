package virtual

import "fmt"

// Config is the shape of a model: layers of grouped-query attention with rotary
// positions and of a gated feed-forward, normed before each, without biases.
type Config struct {
	Dim, Layers, Heads, KVHeads, HeadDim, FFN, Vocab int
	// Theta is the base of the rotary positions, Epsilon that of the norms.
	Theta, Epsilon float64
	// Seed chooses the random base of the weights.
	Seed int
}

// Small is the shape of the lab's model, and Tiny that of its tests.
func Small() Config {
	return Config{Dim: 512, Layers: 8, Heads: 8, KVHeads: 4, HeadDim: 64, FFN: 1536, Vocab: 2048, Theta: 10000, Epsilon: 1e-5, Seed: 20261125}
}

// Tiny is the shape of the lab's model for tests.
func Tiny() Config {
	return Config{Dim: 128, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 32, FFN: 256, Vocab: 512, Theta: 10000, Epsilon: 1e-5, Seed: 20261125}
}

// shape is the rows and columns of a matrix; 0 rows for a vector.
type shape struct{ rows, cols int }

func (s shape) size() int { return max(s.rows, 1) * s.cols }

// String is as the digest of the weights has it.
func (s shape) String() string {
	if s.rows == 0 {
		return fmt.Sprintf("[%d]", s.cols)
	}
	return fmt.Sprintf("[%d, %d]", s.rows, s.cols)
}

// linears are the matrices of a layer.
func (c Config) linears() map[string]shape {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return map[string]shape{"q": {q, c.Dim}, "k": {kv, c.Dim}, "v": {kv, c.Dim}, "o": {c.Dim, q},
		"gate": {c.FFN, c.Dim}, "up": {c.FFN, c.Dim}, "down": {c.Dim, c.FFN}}
}

// tensors are all of the model by name, such as "embed" or "0.down".
func (c Config) tensors() map[string]shape {
	all := map[string]shape{"embed": {c.Vocab, c.Dim}, "head": {c.Vocab, c.Dim}, "norm": {0, c.Dim}}
	for i := range c.Layers {
		all[fmt.Sprintf("%d.ln1", i)], all[fmt.Sprintf("%d.ln2", i)] = shape{0, c.Dim}, shape{0, c.Dim}
		for name, s := range c.linears() {
			all[fmt.Sprintf("%d.%s", i, name)] = s
		}
	}
	return all
}
