package model

import (
	"encoding/binary"
	"fmt"
	"math"
)

// packer writes numbers one after another, for Parts.Packed.
type packer struct{ data []byte }

func (p *packer) count(n int) { p.data = binary.AppendUvarint(p.data, uint64(n)) }

func (p *packer) float64s(values []float64) {
	for _, v := range values {
		p.data = binary.LittleEndian.AppendUint64(p.data, math.Float64bits(v))
	}
}

// unpacker reads what a packer wrote. What is not there or no number is 0 and
// remembered; finish tells.
type unpacker struct {
	data   []byte
	broken bool
}

// take returns the next n bytes, or nil.
func (u *unpacker) take(n int) []byte {
	if uint(n) > uint(len(u.data)) {
		u.broken, u.data = true, nil
		return nil
	}
	out := u.data[:n]
	u.data = u.data[n:]
	return out
}

func (u *unpacker) count() int {
	v, n := binary.Uvarint(u.data)
	if n <= 0 || v > math.MaxInt32 {
		n = -1
	}
	if u.take(n) == nil {
		return 0
	}
	return int(v)
}

// float64s reads n numbers; it returns nil if there are not so many.
func (u *unpacker) float64s(n int) []float64 {
	if n > len(u.data)/8 {
		n = -1
	}
	b := u.take(8 * n)
	out := make([]float64, len(b)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		u.broken = u.broken || math.IsNaN(out[i]) || math.IsInf(out[i], 0)
	}
	return out
}

// finish returns ErrFile unless all was there and nothing is left.
func (u *unpacker) finish() error {
	if u.broken || len(u.data) > 0 {
		return fmt.Errorf("%w: its packed numbers do not fit its settings", ErrFile)
	}
	return nil
}
