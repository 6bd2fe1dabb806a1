package cuda

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// TensorMap describes a tensor in global memory to the device's copy engine. It is passed to
// a kernel by value, as one parameter of 128 bytes.
type TensorMap [128]byte

// TensorMapSpec is what a tensor map says. Dimensions run from the innermost, as in PTX.
type TensorMapSpec struct {
	DataType       string   // u8 u16 u32 s32 u64 s64 f16 f32 f64 bf16 f32ftz tf32 tf32ftz
	Rank           int      // 1 to 5
	Global         Ptr      // 16-byte aligned
	Dims           []uint64 // elements; Rank of them
	Strides        []uint64 // bytes between neighbours of dimension 1 and up; Rank-1 of them
	Box            []uint32 // elements, 1 to 256; Rank of them
	ElementStrides []uint32 // 1 to 8; Rank of them, or none for all 1
	Interleave     string   // "" or none, 16B, 32B
	Swizzle        string   // "" or none, 32B, 64B, 128B
	L2Promotion    string   // "" or none, 64B, 128B, 256B
	OOBFill        string   // "" or zero, nan: what is read outside of the tensor
}

// EncodeTiled makes a tensor map for tiled copies (cp.async.bulk.tensor).
func (d *Device) EncodeTiled(spec TensorMapSpec) (TensorMap, error) {
	call, err := spec.encode()
	if err != nil {
		return TensorMap{}, fmt.Errorf("tensor map: %w", err)
	}
	var m TensorMap
	err = d.exec.do(func() (err error) {
		m, err = d.drv.encodeTiled(call)
		return err
	})
	if err != nil {
		return TensorMap{}, fmt.Errorf("tensor map: %w", err)
	}
	return m, nil
}

// tensorMapCall is a checked spec as the driver takes it; the enumerations' numbers are part
// of its ABI.
type tensorMapCall struct {
	dataType                             int
	rank                                 int
	global                               Ptr
	dims, strides                        [5]uint64
	box, elementStrides                  [5]uint32
	interleave, swizzle, promotion, fill int
}

// tensorTypes are in the order of CUtensorMapDataType.
var tensorTypes = []struct {
	name string
	size uint64 // bytes
}{
	{"u8", 1}, {"u16", 2}, {"u32", 4}, {"s32", 4}, {"u64", 8}, {"s64", 8}, {"f16", 2},
	{"f32", 4}, {"f64", 8}, {"bf16", 2}, {"f32ftz", 4}, {"tf32", 4}, {"tf32ftz", 4},
}

// The names of each enumeration, in its order.
var (
	tensorInterleaves = []string{"none", "16B", "32B"}
	tensorSwizzles    = []string{"none", "32B", "64B", "128B"}
	tensorPromotions  = []string{"none", "64B", "128B", "256B"}
	tensorFills       = []string{"zero", "nan"}
)

// encode checks what the driver checks too, because the driver says no more than "invalid
// argument".
func (s TensorMapSpec) encode() (tensorMapCall, error) {
	c := tensorMapCall{rank: s.Rank, global: s.Global, dataType: -1}
	var size uint64
	for i, t := range tensorTypes {
		if t.name == s.DataType {
			c.dataType, size = i, t.size
		}
	}
	if c.dataType < 0 {
		return c, fmt.Errorf("unknown data type %q", s.DataType)
	}
	var err [4]error
	c.interleave, err[0] = enumIndex("interleave", s.Interleave, tensorInterleaves)
	c.swizzle, err[1] = enumIndex("swizzle", s.Swizzle, tensorSwizzles)
	c.promotion, err[2] = enumIndex("L2 promotion", s.L2Promotion, tensorPromotions)
	c.fill, err[3] = enumIndex("out-of-bounds fill", s.OOBFill, tensorFills)
	if err := errors.Join(err[:]...); err != nil {
		return c, err
	}
	if err := errors.Join(s.checkShape(), s.checkBox(size)); err != nil {
		return c, err
	}
	copy(c.dims[:], s.Dims)
	copy(c.strides[:], s.Strides)
	copy(c.box[:], s.Box)
	c.elementStrides = [5]uint32{1, 1, 1, 1, 1}
	copy(c.elementStrides[:], s.ElementStrides)
	return c, nil
}

func enumIndex(what, name string, names []string) (int, error) {
	if name == "" {
		return 0, nil
	}
	if i := slices.Index(names, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("unknown %s %q (one of %s)", what, name, strings.Join(names, ", "))
}

func (s TensorMapSpec) checkShape() error {
	if s.Rank < 1 || s.Rank > 5 {
		return fmt.Errorf("rank %d is not 1 to 5", s.Rank)
	}
	if len(s.Dims) != s.Rank || len(s.Box) != s.Rank || len(s.Strides) != s.Rank-1 {
		return fmt.Errorf("rank %d needs %d dims, %d box sizes and %d strides, not %d, %d and %d",
			s.Rank, s.Rank, s.Rank, s.Rank-1, len(s.Dims), len(s.Box), len(s.Strides))
	}
	if n := len(s.ElementStrides); n != 0 && n != s.Rank {
		return fmt.Errorf("rank %d needs %d element strides or none, not %d", s.Rank, s.Rank, n)
	}
	if s.Global == 0 || s.Global%16 != 0 {
		return fmt.Errorf("address %#x is not a multiple of 16", uint64(s.Global))
	}
	for i, n := range s.Dims {
		if n == 0 || n > 1<<32 {
			return fmt.Errorf("dim %d: %d is not 1 to 2^32", i, n)
		}
	}
	for i, n := range s.Strides {
		if n%16 != 0 || n >= 1<<40 {
			return fmt.Errorf("stride %d: %d bytes is not a multiple of 16 below 2^40", i, n)
		}
	}
	return nil
}

// checkBox needs the element's size in bytes.
func (s TensorMapSpec) checkBox(size uint64) error {
	for i, n := range s.Box {
		if n == 0 || n > 256 {
			return fmt.Errorf("box %d: %d is not 1 to 256", i, n)
		}
	}
	for i, n := range s.ElementStrides {
		if n == 0 || n > 8 {
			return fmt.Errorf("element stride %d: %d is not 1 to 8", i, n)
		}
	}
	if len(s.Box) == 0 || (s.Interleave != "" && s.Interleave != "none") {
		return nil
	}
	row := uint64(s.Box[0]) * size
	if row%16 != 0 {
		return fmt.Errorf("box 0: %d bytes is not a multiple of 16", row)
	}
	widest := map[string]uint64{"32B": 32, "64B": 64, "128B": 128}[s.Swizzle]
	if widest != 0 && row > widest {
		return fmt.Errorf("box 0: %d bytes is more than the swizzle's %d", row, widest)
	}
	return nil
}
