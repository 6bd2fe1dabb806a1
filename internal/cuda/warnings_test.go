package cuda

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The logs are ptxas 13.0's.
func TestWarnings(t *testing.T) {
	const plain = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'k' for 'sm_90a'
ptxas info    : Function properties for k
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 34 registers, used 0 barriers
`
	const injected = `ptxas info    : (C7519) warpgroup.arrive is injected in around line 9 by compiler to allow use of registers in GMMA in function 'k'
`
	for _, c := range []struct {
		name, log string
		want      []string
	}{
		{"empty", "", nil},
		{"plain", plain, nil},
		{"injected, told twice", injected + injected + plain,
			[]string{"(C7519) warpgroup.arrive is injected in around line 9 by compiler to allow use of registers in GMMA in function 'k'"}},
		{"without its number", "ptxas info    : Potential Performance Loss: wgmma.mma_async instructions are serialized due to x",
			[]string{"Potential Performance Loss: wgmma.mma_async instructions are serialized due to x"}},
		{"warning", "ptxas /tmp/x.ptx, line 3; warning : label unused", []string{"label unused"}},
		{"spills", "    8 bytes stack frame, 4 bytes spill stores, 0 bytes spill loads",
			[]string{"8 bytes stack frame, 4 bytes spill stores, 0 bytes spill loads"}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Cubin{InfoLog: c.log}.Warnings()) })
	}
}
