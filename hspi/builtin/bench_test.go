package builtin_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/builtin"
	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/verify"
)

// BenchmarkAnalyse reads, verifies and judges a standard session; ns/response is
// the time for one of its answers.
func BenchmarkAnalyse(b *testing.B) {
	p, err := builtin.Profile()
	require.NoError(b, err)
	text, err := os.ReadFile(filepath.Join("..", "gateway", "recorded", "h200-bf16-flash.jsonl.zst"))
	require.NoError(b, err)
	c, err := claim.Parse("bf16-unquantised-flash-torch-tp1", nil)
	require.NoError(b, err)
	responses := 0
	for b.Loop() {
		f, err := evidence.Read(bytes.NewReader(text))
		require.NoError(b, err)
		r := verify.Judge(f, c, p, decide.Options{})
		require.Equal(b, decide.Consistent, r.Verdict)
		responses += r.Answered
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(responses), "ns/response")
}
