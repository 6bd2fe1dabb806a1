package emu

import (
	"math"
	"math/bits"

	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/emu/tensor"
)

// engine multiplies matrices of one instruction: rows of A and columns of B are
// filled in, then each result is asked for. picks are, for a sparse row, the
// positions in the column that its compact elements meet; nil for a dense one.
type engine interface {
	setA(row, k int, bits uint64)
	setB(col, k int, bits uint64)
	// clear prepares for a new filling.
	clear()
	dot(row, col int, picks []int, c uint64) uint64
}

// engine gives the engine of a shape; instructions of one kernel share it,
// because one is executed at a time.
func (d *decoder) engine(s shape, rows, cols, kA, kB int) (engine, error) {
	if e := d.engines[s]; e != nil {
		return e, nil
	}
	e, err := newEngine(s, rows, cols, kA, kB)
	if err != nil {
		return nil, err
	}
	if d.engines == nil {
		d.engines = map[shape]engine{}
	}
	d.engines[s] = e
	return e, nil
}

// newEngine makes an engine for rows x cols results of kA and kB elements.
func newEngine(s shape, rows, cols, kA, kB int) (engine, error) {
	switch s.a {
	case "f64":
		return &doubleEngine{a: grid[float64](rows, kA), b: grid[float64](cols, kB)}, nil
	case "s8", "u8", "s4", "u4":
		return &integerEngine{a: grid[int32](rows, kA), b: grid[int32](cols, kB),
			readA: integerElement(s.a), readB: integerElement(s.b), saturate: s.saturate}, nil
	case "b1":
		return &bitEngine{a: grid[uint32](rows, kA/32), b: grid[uint32](cols, kB/32), and: s.and}, nil
	}
	m, err := tensor.For(s.target, s.unit, s.d, s.a, s.b, s.c)
	if err != nil {
		return nil, unsupportedf("%v", err)
	}
	e := &floatEngine{m: m, picked: tensor.NewVector(kA)}
	for range rows {
		e.a = append(e.a, tensor.NewVector(kA))
	}
	for range cols {
		e.b = append(e.b, tensor.NewVector(kB))
	}
	return e, nil
}

func grid[T any](rows, cols int) [][]T {
	all := make([]T, rows*cols)
	g := make([][]T, rows)
	for i := range g {
		g[i] = all[i*cols:][:cols]
	}
	return g
}

// floatEngine is the tensor cores' fused dot product.
type floatEngine struct {
	m      *tensor.Model
	a, b   []*tensor.Vector
	picked *tensor.Vector
}

func (e *floatEngine) setA(row, k int, bits uint64) { e.m.SetA(e.a[row], k, bits) }
func (e *floatEngine) setB(col, k int, bits uint64) { e.m.SetB(e.b[col], k, bits) }

func (e *floatEngine) clear() {
	for _, v := range e.a {
		v.Reset()
	}
	for _, v := range e.b {
		v.Reset()
	}
}

func (e *floatEngine) dot(row, col int, picks []int, c uint64) uint64 {
	b := e.b[col]
	if picks != nil {
		e.m.Pick(e.picked, b, picks)
		b = e.picked
	}
	return e.m.Dot(e.a[row], b, c)
}

// integerEngine is exact; saturation happens once, at the end.
type integerEngine struct {
	a, b         [][]int32
	readA, readB func(uint64) int32
	saturate     bool
}

func integerElement(t string) func(uint64) int32 {
	switch t {
	case "s8":
		return func(v uint64) int32 { return int32(int8(v)) }
	case "u8":
		return func(v uint64) int32 { return int32(uint8(v)) }
	case "s4":
		return func(v uint64) int32 { return int32(int8(v<<4)) >> 4 }
	}
	return func(v uint64) int32 { return int32(v & 15) }
}

func (e *integerEngine) setA(row, k int, bits uint64) { e.a[row][k] = e.readA(bits) }
func (e *integerEngine) setB(col, k int, bits uint64) { e.b[col][k] = e.readB(bits) }
func (e *integerEngine) clear()                       {}

func (e *integerEngine) dot(row, col int, picks []int, c uint64) uint64 {
	a, b, sum := e.a[row], e.b[col], int64(int32(c))
	if picks == nil {
		b = b[:len(a)]
		for k, v := range a {
			sum += int64(v) * int64(b[k])
		}
	} else {
		for k, p := range picks {
			sum += int64(a[k]) * int64(b[p])
		}
	}
	if e.saturate {
		sum = int64(clamp32(sum))
	}
	return uint64(uint32(sum))
}

// bitEngine counts common or different bits; its elements are words of 32 bits.
type bitEngine struct {
	a, b [][]uint32
	and  bool
}

func (e *bitEngine) setA(row, k int, bits uint64) { e.a[row][k] = uint32(bits) }
func (e *bitEngine) setB(col, k int, bits uint64) { e.b[col][k] = uint32(bits) }
func (e *bitEngine) clear()                       {}

func (e *bitEngine) dot(row, col int, _ []int, c uint64) uint64 {
	n := 0
	for k, v := range e.a[row] {
		if w := e.b[col][k]; e.and {
			n += bits.OnesCount32(v & w)
		} else {
			n += bits.OnesCount32(v ^ w)
		}
	}
	return uint64(uint32(c) + uint32(n))
}

// doubleEngine is a chain of fused multiply-adds in ascending k.
type doubleEngine struct{ a, b [][]float64 }

func (e *doubleEngine) setA(row, k int, bits uint64) { e.a[row][k] = math.Float64frombits(bits) }
func (e *doubleEngine) setB(col, k int, bits uint64) { e.b[col][k] = math.Float64frombits(bits) }
func (e *doubleEngine) clear()                       {}

func (e *doubleEngine) dot(row, col int, _ []int, c uint64) uint64 {
	x := math.Float64frombits(c)
	for k, v := range e.a[row] {
		x = math.FMA(v, e.b[col][k], x)
	}
	return bits64(x)
}

// signOf is the sign bit of a type's element, for negating it.
func signOf(t string) uint64 {
	f := formatOf(t)
	if t == "f32" {
		f = fp.F32
	}
	return f.SignBit()
}
