package gateway

import (
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
)

// hashed is a function that stands for a language model: logits are drawn from a
// hash of the context.
type hashed struct {
	o          ModelOptions
	vocabulary []string
}

func newHashed(o ModelOptions) *hashed {
	h := &hashed{o: o}
	for i := range 400 {
		h.vocabulary = append(h.vocabulary, " "+syllables(i))
	}
	return h
}

// Text implements Language.
func (m *hashed) Text(token int) string { return m.vocabulary[token] }

// Tokens implements Language: the words as numbers.
func (m *hashed) Tokens(contents []string, chat bool) []int {
	text := strings.Join(contents, " ")
	if chat {
		text = "user : " + text
	}
	var ids []int
	for _, word := range strings.Fields(text) {
		if i := slices.Index(m.vocabulary, " "+word); i >= 0 {
			ids = append(ids, i)
			continue
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(word)) // a hash never fails
		ids = append(ids, int(h.Sum32()%uint32(len(m.vocabulary))))
	}
	return ids
}

// Logits implements Language.
func (m *hashed) Logits(context []int) []float32 {
	h := fnv.New64a()
	for _, id := range context {
		_, _ = h.Write([]byte{byte(id), byte(id >> 8)}) // a hash never fails
	}
	_, _ = h.Write([]byte(strconv.FormatUint(m.o.Weights, 10))) // likewise
	state := splitMix(h.Sum64())
	errors := splitMix(h.Sum64() + 1)
	logits := make([]float32, len(m.vocabulary))
	for i := range logits {
		v := 14 + 3*state.gauss()
		if m.o.Perturb > 0 {
			v += m.o.Perturb * errors.gauss()
		}
		logits[i] = round(float32(v), m.o.Precision)
	}
	return logits
}

// syllables is a word for a number, another one for each below 10,000.
func syllables(n int) string {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	word := ""
	for range 2 {
		word += string(consonants[n%len(consonants)]) + string(vowels[n/len(consonants)%len(vowels)])
		n /= len(consonants) * len(vowels)
	}
	return word
}

// splitMix is the SplitMix64 generator.
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform is in [0, 1).
func (s *splitMix) uniform() float64 { return float64(s.next()>>11) / (1 << 53) }

// gauss is normal, by Box and Muller's method.
func (s *splitMix) gauss() float64 {
	r := math.Sqrt(-2 * math.Log(1-s.uniform()))
	return r * math.Cos(2*math.Pi*s.uniform())
}

// round is v in a precision, to nearest, ties to even; v is in the normal range.
func round(v float32, p Precision) float32 {
	drop := map[Precision]int{BFloat16: 16, Float16: 13}[p]
	if drop == 0 {
		return v
	}
	bits := math.Float32bits(v)
	bits += 1<<(drop-1) - 1 + bits>>drop&1
	return math.Float32frombits(bits >> drop << drop)
}
