package cuda

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

const badPTX = ".version 8.0\n.target sm_90a\n.address_size 64\n  fma.foo.f32 %f1, %f2;\r\n  add.f16 %f1;\n"

var driverSays = &Error{"cuLinkAddData", 218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}

func TestParseLog(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want logLine
	}{
		{"ptxas application ptx input, line 12; error   : Unknown modifier '.foo'",
			logLine{Line: 12, Severity: "error", Text: "Unknown modifier '.foo'"}},
		{"ptxas fatal   : Ptx assembly aborted due to errors",
			logLine{Severity: "fatal", Text: "Ptx assembly aborted due to errors"}},
		{"ptxas application ptx input, line 9; fatal   : Parsing error near '%tid': syntax error",
			logLine{Line: 9, Severity: "fatal", Text: "Parsing error near '%tid': syntax error"}},
		{"ptxas info    : Used 32 registers, 400 bytes cmem[0]",
			logLine{Severity: "info", Text: "Used 32 registers, 400 bytes cmem[0]"}},
		{"ptxas /tmp/x.ptx, line 3; warning : label : unused",
			logLine{Line: 3, Severity: "warning", Text: "label : unused"}},
		{"something else", logLine{Text: "something else"}},
	} {
		c.want.Raw = c.raw
		assert.Equal(t, []logLine{c.want}, parseLog("\n"+c.raw+" \r\n\x00"))
	}
	assert.Empty(t, parseLog(""))
}

func TestCompileErrorShort(t *testing.T) {
	for _, c := range []struct{ name, log, want string }{
		{"no log", "", "compile m for sm_90a: " + driverSays.Error()},
		{"one error", "ptxas application ptx input, line 4; error   : bad\nptxas fatal   : aborted",
			"compile m for sm_90a: line 4: bad"},
		{"three errors", "ptxas x, line 4; error : a\nptxas x, line 5; error : b\nptxas x, line 5; error : c",
			"compile m for sm_90a: line 4: a (and 2 more)"},
		{"fatal only", "ptxas info : hello\nptxas fatal   : wrong .target",
			"compile m for sm_90a: wrong .target"},
		{"not ptxas", "nvlink says no", "compile m for sm_90a: nvlink says no"},
		{"notes only", "ptxas info : hello", "compile m for sm_90a: " + driverSays.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &CompileError{Name: "m", Target: "sm_90a", PTX: badPTX, Log: c.log, Err: driverSays}
			assert.Equal(t, c.want, e.Error())
			assert.Equal(t, c.want, fmt.Sprintf("%v", e))
			assert.Equal(t, c.want, fmt.Sprintf("%s", e)) //nolint:gosimple // the verb is what is tested
			assert.Equal(t, fmt.Sprintf("%q", c.want), fmt.Sprintf("%q", e))
		})
	}
}

func TestCompileErrorWhole(t *testing.T) {
	e := &CompileError{Name: "m", Target: "sm_90a", PTX: badPTX, Err: driverSays,
		Log: "ptxas application ptx input, line 4; error   : Unknown modifier '.foo'\n" +
			"ptxas application ptx input, line 99; error   : beyond\n" +
			"ptxas fatal   : Ptx assembly aborted due to errors\n"}
	assert.Equal(t, `compile m for sm_90a: line 4: Unknown modifier '.foo' (and 1 more)
  cuLinkAddData: a PTX JIT compilation failed (CUDA_ERROR_INVALID_PTX, 218)
  ptxas application ptx input, line 4; error   : Unknown modifier '.foo'
       4 |   fma.foo.f32 %f1, %f2;
  ptxas application ptx input, line 99; error   : beyond
  ptxas fatal   : Ptx assembly aborted due to errors`, fmt.Sprintf("%+v", e))

	var driver *Error
	assert.True(t, errors.As(fmt.Errorf("x: %w", e), &driver))
	assert.Equal(t, 218, driver.Code)
}
