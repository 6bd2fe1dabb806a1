package gpu

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/internal/spelling"
	"github.com/gpubench/gpubench/results"
)

// Query is what to predict: a row of a results document before it is measured.
type Query struct {
	Benchmark string
	Point     results.Point
	Metric    string
}

// String spells the query as ParseQuery reads it, with its metric.
func (q Query) String() string {
	return results.Row{Benchmark: q.Benchmark, Point: q.Point, Metric: q.Metric}.ID()
}

// ParseQuery reads a benchmark with its point, in full as a document spells it,
// "tensor/wgmma-throughput{shape=m64n256k16 in=f16} chip throughput", or in short,
// "wgmma/m64n256k16/f16" or "gemm/4096x4096x4096/bf16". What is left out is filled
// in with the benchmark's usual point. It fails with an *ErrUnknownBenchmark or ErrBadPoint.
func ParseQuery(text string) (Query, error) {
	head, rest, braces := strings.Cut(text, "{")
	words, metric, closed := strings.Cut(rest, "}")
	if braces && !closed {
		return Query{}, fmt.Errorf("%w: %q has no closing brace", ErrBadPoint, text)
	}
	e, short, err := find(strings.TrimSpace(head))
	if err != nil {
		return Query{}, err
	}
	q := Query{Benchmark: e.name, Metric: strings.TrimSpace(metric)}
	split := func(r rune) bool { return r == ' ' || r == '/' || r == ',' }
	parts := strings.FieldsFunc(short, split)
	if braces {
		parts = append(parts, bracedWords(words)...)
	}
	for _, w := range parts {
		p, err := e.param(w)
		if err != nil {
			return Query{}, err
		}
		q.Point = append(q.Point, p)
	}
	return e.fill(q)
}

// bracedWords splits at the blanks before a key: values such as "all SMs" hold blanks.
func bracedWords(text string) []string {
	var words []string
	for _, f := range strings.Fields(text) {
		if strings.Contains(f, "=") || len(words) == 0 {
			words = append(words, f)
		} else {
			words[len(words)-1] += " " + f
		}
	}
	return words
}

// find separates the benchmark's name, the longest that fits, from the words behind it.
func find(text string) (entry, string, error) {
	list := catalogue()
	var best entry
	length := 0
	for _, e := range list {
		for _, name := range append([]string{e.name}, e.short...) {
			rest, ok := strings.CutPrefix(text, name)
			if ok && (rest == "" || rest[0] == '/') && len(name) > length {
				best, length = e, len(name)
			}
		}
	}
	if length > 0 {
		return best, text[length:], nil
	}
	return entry{}, "", &ErrUnknownBenchmark{Name: text, Nearest: nearestBenchmarks(list, text)}
}

func nearestBenchmarks(list []entry, text string) []string {
	distance := func(e entry) int {
		d := spelling.Distance(text, e.name)
		head, _, _ := strings.Cut(text, "/")
		for _, s := range e.short {
			d = min(d, spelling.Distance(head, s))
		}
		return d
	}
	slices.SortStableFunc(list, func(a, b entry) int { return distance(a) - distance(b) })
	var names []string
	for _, e := range list[:4] {
		names = append(names, e.name)
	}
	return names
}

// Benchmarks lists the names that can be predicted, in the order of the catalogue.
func Benchmarks() []string {
	var names []string
	for _, e := range catalogue() {
		names = append(names, e.name)
	}
	return names
}

// entry is a benchmark that the predictor knows.
type entry struct {
	name  string
	short []string
	class class
	// metrics that are predicted, the usual one first.
	metrics []string
	// usual is the point that a short query means; its keys are those that are allowed.
	usual results.Point
}

var (
	shapeWord = regexp.MustCompile(`^m\d+n\d+k\d+$`)
	sizeWord  = regexp.MustCompile(`^\d+x\d+x\d+$`)
)

// param reads "key=value", or a bare value whose key its spelling tells.
func (e entry) param(word string) (results.Param, error) {
	key, value, ok := strings.Cut(word, "=")
	if !ok {
		key, value = e.keyOf(word), word
	}
	if key == "" || value == "" || !e.allows(key) {
		return results.Param{}, fmt.Errorf("%w: %s has nothing called %q (its keys: %s)", ErrBadPoint, e.name, word, strings.Join(e.keys(), ", "))
	}
	return results.Param{Key: key, Value: value}, nil
}

// bare lists the values that may stand without their key.
func bare() []results.Param {
	var list []results.Param
	for _, b := range [][]string{
		{"a", "ss", "rs"}, {"fill", "zeros", "random"}, {"op", "read", "write", "copy", "triad", "mix", "add", "mul", "fma"},
		{"scenario", "offline", "server"}, {"space", "l1", "l2", "dram", "shared"}, {"pattern", "ring", "pair", "broadcast", "own", "plain"},
		{"method", "bulk", "sync"}, {"memory", "l2", "dram"}, {"in", "f64", "tf32", "f16", "bf16", "e4m3", "e5m2", "fp8", "s8", "u8", "s4", "u4"},
	} {
		for _, v := range b[1:] {
			list = append(list, results.Param{Key: b[0], Value: v})
		}
	}
	return list
}

func (e entry) keyOf(word string) string {
	switch {
	case shapeWord.MatchString(word):
		return "shape"
	case sizeWord.MatchString(word):
		return "size"
	case strings.HasPrefix(word, "__"):
		return "fn"
	}
	for _, p := range bare() {
		if p.Value == word && e.allows(p.Key) {
			return p.Key
		}
	}
	for _, key := range []string{"model", "level", "type"} {
		if e.allows(key) {
			return key
		}
	}
	return ""
}

func (e entry) keys() []string {
	var keys []string
	for _, p := range e.usual {
		keys = append(keys, p.Key)
	}
	return keys
}

func (e entry) allows(key string) bool { return slices.Contains(e.keys(), key) }

// fill puts the keys in the benchmark's order and adds what is left out. A query
// of one SM's rate has no "on".
func (e entry) fill(q Query) (Query, error) {
	if q.Metric == "" {
		q.Metric = e.metrics[0]
	}
	if !slices.Contains(e.metrics, q.Metric) {
		return q, fmt.Errorf("%s, %q: %w (%s)", e.name, q.Metric, ErrNotPredicted, strings.Join(e.metrics, ", "))
	}
	var full results.Point
	for _, p := range e.usual {
		if v := q.Point.Get(p.Key); v != "" || empty(q.Point) {
			p.Value = v
		}
		if p.Value != "" {
			full = append(full, p)
		}
	}
	q.Point = full
	if e.class == classTensor {
		return completeTensor(q)
	}
	return q, nil
}

// empty points measure the loop around nothing: no other key has a meaning.
func empty(p results.Point) bool {
	return slices.ContainsFunc(p, func(kv results.Param) bool { return strings.HasPrefix(kv.Value, "empty") })
}
