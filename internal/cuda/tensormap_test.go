package cuda

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func goodMap() TensorMapSpec {
	return TensorMapSpec{
		DataType: "bf16", Rank: 2, Global: 4096, Dims: []uint64{1024, 512}, Strides: []uint64{2048},
		Box: []uint32{64, 128}, Swizzle: "128B", L2Promotion: "256B", OOBFill: "nan",
	}
}

func TestTensorMapEncode(t *testing.T) {
	c, err := goodMap().encode()
	require.NoError(t, err)
	assert.Equal(t, tensorMapCall{
		dataType: 9, rank: 2, global: 4096, dims: [5]uint64{1024, 512}, strides: [5]uint64{2048},
		box: [5]uint32{64, 128}, elementStrides: [5]uint32{1, 1, 1, 1, 1}, swizzle: 3, promotion: 3, fill: 1,
	}, c)

	d, _ := openFake(t)
	m, err := d.EncodeTiled(goodMap())
	require.NoError(t, err)
	assert.Equal(t, TensorMap{1}, m)
	_, err = d.EncodeTiled(TensorMapSpec{})
	assert.EqualError(t, err, `tensor map: unknown data type ""`)
}

func TestTensorMapRefuses(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(*TensorMapSpec)
	}{
		{"unknown data type", func(s *TensorMapSpec) { s.DataType = "e4m3" }},
		{"unknown swizzle", func(s *TensorMapSpec) { s.Swizzle = "256B" }},
		{"unknown interleave", func(s *TensorMapSpec) { s.Interleave = "64B" }},
		{"unknown L2 promotion", func(s *TensorMapSpec) { s.L2Promotion = "32B" }},
		{"unknown out-of-bounds fill", func(s *TensorMapSpec) { s.OOBFill = "one" }},
		{"rank 6", func(s *TensorMapSpec) { s.Rank = 6 }},
		{"rank 3 needs", func(s *TensorMapSpec) { s.Rank = 3 }},
		{"element strides or none", func(s *TensorMapSpec) { s.ElementStrides = []uint32{1} }},
		{"address 0x1008", func(s *TensorMapSpec) { s.Global = 4104 }},
		{"dim 1", func(s *TensorMapSpec) { s.Dims[1] = 0 }},
		{"stride 0", func(s *TensorMapSpec) { s.Strides[0] = 2049 }},
		{"box 1", func(s *TensorMapSpec) { s.Box[1] = 257 }},
		{"element stride 1", func(s *TensorMapSpec) { s.ElementStrides = []uint32{1, 9} }},
		{"not a multiple of 16", func(s *TensorMapSpec) { s.Box[0] = 3 }},
		{"more than the swizzle's 128", func(s *TensorMapSpec) { s.Box[0] = 128 }},
	} {
		s := goodMap()
		c.edit(&s)
		_, err := s.encode()
		assert.ErrorContains(t, err, c.want)
	}
}
