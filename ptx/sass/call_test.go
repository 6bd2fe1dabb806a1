package sass

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
)

// TestCallOfAnotherFunction reads a call as the driver's linker makes them to its
// subroutines, such as those that emulate 4-bit mma: absolute, unlike ptxas's own.
func TestCallOfAnotherFunction(t *testing.T) {
	tool, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	const text = `.version 7.8
.target sm_90
.address_size 64
.extern .func (.param .b32 result) elsewhere(.param .b32 a);
.visible .entry k(.param .u64 p) {
	.reg .b32 %r<3>; .reg .b64 %d<2>;
	ld.param.u64 %d1, [p];
	ld.global.u32 %r1, [%d1];
	{ .param .b32 x; .param .b32 y; st.param.b32 [x], %r1; call (y), elsewhere, (x); ld.param.b32 %r2, [y]; }
	st.global.u32 [%d1], %r2;
	ret;
}`
	source := filepath.Join(t.TempDir(), "call.ptx")
	require.NoError(t, os.WriteFile(source, []byte(text), 0o600))
	out, err := exec.CommandContext(t.Context(), tool, "-c", "-arch=sm_90", "-o", source+".cubin", source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	image, err := os.ReadFile(source + ".cubin")
	require.NoError(t, err)
	kernels, err := Read(image)
	require.NoError(t, err)
	require.Len(t, kernels, 1)
	assert.Equal(t, 1, Count(kernels[0].Code, "CALL"))
	assert.Equal(t, 1, Count(kernels[0].Code, "CALL.ABS.NOINC"))
}
