package cuda

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		name string
		err  *Error
		want string
	}{
		{"full", &Error{"cuMemAlloc", 2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
			"cuMemAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)"},
		{"driver silent", &Error{Op: "cuInit", Code: 999}, "cuInit: failed (CUresult, 999)"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.err.Error()) })
	}
}

func TestErrorKinds(t *testing.T) {
	kinds := []error{ErrFault, ErrOutOfMemory, ErrNoDevice}
	for _, c := range []struct {
		code int
		want error // nil: none of them
	}{
		{1, nil}, {2, ErrOutOfMemory}, {100, ErrNoDevice}, {101, ErrNoDevice}, {218, nil},
		{600, nil}, {700, ErrFault}, {701, nil}, {702, ErrFault}, {715, ErrFault},
		{716, ErrFault}, {719, ErrFault}, {720, nil}, {999, nil},
	} {
		err := fmt.Errorf("wrapped: %w", &Error{Op: "op", Code: c.code})
		for _, kind := range kinds {
			assert.Equal(t, kind == c.want, errors.Is(err, kind), "code %d, kind %v", c.code, kind)
		}
	}
}

func TestCheckDriver(t *testing.T) {
	assert.NoError(t, CheckDriver(12000))
	assert.NoError(t, CheckDriver(13000))
	err := CheckDriver(11080)
	assert.ErrorIs(t, err, ErrDriverTooOld)
	assert.EqualError(t, err, "the NVIDIA driver is too old: it is for CUDA 11.8, and 12.0 or newer is needed")
}

func TestCheckIndex(t *testing.T) {
	for _, c := range []struct {
		index, count int
		want         string // "" for none
	}{
		{0, 1, ""},
		{3, 4, ""},
		{0, 0, "no such CUDA device: index 0, and the driver shows none"},
		{1, 1, "no such CUDA device: index 1, and the driver shows one, with index 0"},
		{-1, 4, "no such CUDA device: index -1, and the driver shows 4, with indices 0 to 3"},
	} {
		err := checkIndex(c.index, c.count)
		if c.want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.ErrorIs(t, err, ErrNoDevice)
		assert.EqualError(t, err, c.want)
	}
}
