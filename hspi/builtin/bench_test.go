package builtin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/builtin"
	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/verify"
)

// BenchmarkVerify10000 is the whole way from an evidence file with 10,000 recorded
// answers to a verdict: read, verify the chain, decode, extract the features, judge.
// One session of the lab has about 117 answers with about 13 KiB of evidence each:
// the file is about 135 MiB.
func BenchmarkVerify10000(b *testing.B) {
	const answers = 10_000
	for name, platforms := range map[string][]string{
		"one platform":  {"h200-bf16-flash"},
		"all platforms": hspitest.NewLab(hspitest.Recorded, "h200").Platforms(b),
	} {
		b.Run(name, func(b *testing.B) {
			sessions := lab.Of(b, platforms, hspitest.First(6)...)
			path := filepath.Join(b.TempDir(), "evidence.jsonl")
			text := hspitest.Many(b, sessions, answers)
			require.NoError(b, os.WriteFile(path, text, 0o600))
			p, err := builtin.Profile()
			require.NoError(b, err)
			c, err := claim.Parse("h200-bf16-unquantised-torch-flash-tp1", decide.Enrolled(p))
			require.NoError(b, err)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				f, err := evidence.Load(path)
				require.NoError(b, err)
				r := verify.Judge(f, c, p, decide.Options{})
				require.Equal(b, answers, r.Answered)
			}
			b.ReportMetric(float64(answers*b.N)/b.Elapsed().Seconds(), "answers/s")
			b.ReportMetric(float64(len(sessions[0].Answers)), "answers/session")
		})
	}
}
