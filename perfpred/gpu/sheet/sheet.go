// Package sheet is a table of GPU data sheets: what a vendor says of a product
// before anybody has measured it.
package sheet

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/gpubench/gpubench/internal/spelling"
)

// Type is a number format of the matrix units, as benchmarks spell it.
type Type string

// Types of matrix operands. E4M3 and e5m2 are both F8; u8 is S8.
const (
	F64  Type = "f64"
	TF32 Type = "tf32"
	F16  Type = "f16"
	BF16 Type = "bf16"
	F8   Type = "f8"
	S8   Type = "s8"
	S4   Type = "s4"
	F4   Type = "f4"
)

// Sheet is one product as its vendor describes it. A zero is a figure that the
// vendor does not give, or a unit that is not there.
type Sheet struct {
	Name string
	// Aliases are other names of the same product: the driver's, MLPerf's.
	Aliases []string
	// Model groups the form factors and capacities of one GPU: no split of data
	// for an evaluation parts them.
	Model string
	Arch  string // "hopper"
	// Capability is the CUDA compute capability, "9.0", empty for other vendors.
	Capability string
	SMs        int // compute units, for AMD
	BoostMHz   float64
	FP64, FP32 float64 // TFLOP/s of the vector units
	// Tensor holds dense rates in TFLOP/s (Top/s), with an accumulator of the
	// operands' own width where there is a choice.
	Tensor map[Type]float64
	// WideAcc holds the dense rates with f32 accumulators, half of Tensor on GeForce.
	WideAcc map[Type]float64
	DRAMGBs float64 // decimal GB/s
	DRAM    string  // "HBM3e"
	DRAMGB  float64
	L2MB    float64
	// SharedKB is the greatest shared memory of an SM in KiB.
	SharedKB float64
	TDPW     float64
	Form     string // "SXM5"
	Source   string
}

// TensorRate is the dense rate in TFLOP/s for operands of type in and an
// accumulator of 32 bits (wide) or the operands' own, and whether there is one.
func (s Sheet) TensorRate(in Type, wide bool) (float64, bool) {
	if r := s.WideAcc[in]; wide && r > 0 {
		return r, true
	}
	r := s.Tensor[in]
	return r, r > 0
}

// PerSM turns a rate of the whole chip in TFLOP/s into operations per cycle and
// SM. Units are as wide as a power of two, so that the nearest one undoes the
// clock that the vendor reckoned with, which for matrix units is below the boost clock.
func (s Sheet) PerSM(tflops float64) float64 {
	if s.SMs == 0 || s.BoostMHz == 0 || tflops <= 0 {
		return 0
	}
	return math.Exp2(math.Round(math.Log2(tflops * 1e6 / float64(s.SMs) / s.BoostMHz)))
}

// ErrUnknownGPU means that the table has no such product.
type ErrUnknownGPU struct {
	Name string
	// Nearest are the names of the table that are spelt most like it.
	Nearest []string
}

// Error names the nearest products.
func (e *ErrUnknownGPU) Error() string {
	return fmt.Sprintf("GPU %q: no data sheet under that name; the nearest are %s", e.Name, strings.Join(e.Nearest, ", "))
}

// Lookup finds a product by its name, an alias or the driver's name; case,
// punctuation and the vendor's name do not matter. The error is an *ErrUnknownGPU.
func Lookup(name string) (Sheet, error) {
	list, err := sheets()
	if err != nil {
		return Sheet{}, err
	}
	key := fold(name)
	if s, ok := byName()[key]; ok {
		return s, nil
	}
	return Sheet{}, &ErrUnknownGPU{Name: name, Nearest: nearest(list, key)}
}

// byName is the table by every name, folded; it is made on first use.
var byName = sync.OnceValue(func() map[string]Sheet {
	index := map[string]Sheet{}
	list, _ := sheets() // Lookup has seen the error
	for _, s := range list {
		for _, n := range s.names() {
			index[fold(n)] = s
		}
	}
	return index
})

// offered is how many names an unknown one is answered with.
const offered = 4

func nearest(all []Sheet, key string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var list []candidate
	for _, s := range all {
		c := candidate{s.Name, math.MaxInt}
		for _, n := range s.names() {
			c.distance = min(c.distance, distance(key, fold(n)))
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return a.distance - b.distance })
	names := make([]string, 0, offered)
	for _, c := range list[:min(offered, len(list))] {
		names = append(names, c.name)
	}
	return names
}

// distance counts letters to change; a name that only leaves the end away ("h100") is nearest.
func distance(key, name string) int {
	if key != "" && strings.HasPrefix(name, key) {
		return 0
	}
	return spelling.Distance(key, name)
}

func (s Sheet) names() []string { return append([]string{s.Name}, s.Aliases...) }

// fold leaves of a name what tells products apart.
func fold(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	words = slices.DeleteFunc(words, func(w string) bool {
		return slices.Contains([]string{"nvidia", "geforce", "tesla", "amd", "instinct", "gpu"}, w)
	})
	return strings.Join(words, "")
}
