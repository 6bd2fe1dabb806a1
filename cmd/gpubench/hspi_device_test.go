package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/gateway"
)

// TestDeviceClaims: classes of devices that give the same digits, as GPUs with the
// same die do, cannot be told apart, and the verdict says which they are; one that
// gives others can.
func TestDeviceClaims(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	dir := s.path("recordings")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	gpu := gateway.ModelOptions{Precision: gateway.BFloat16}
	cpu := gateway.ModelOptions{Precision: gateway.BFloat16, Perturb: 0.02}
	for device, o := range map[string]gateway.ModelOptions{"h100": gpu, "h200": gpu, "cpu-amx": cpu} {
		for n := 1; n <= 3; n++ {
			s.must(append([]string{"hspi", "enroll", "--plan", "quick", "--platform", device + "-bf16", "--session", fmt.Sprint(n), "--quiet",
				"--label", "device=" + device + ",precision=bf16,engine=go", "--out", fmt.Sprintf("%s/%s-%d.jsonl", dir, device, n)}, endpoint(t, lively(o, n))...)...)
		}
	}
	profile := s.path("profile.json.zst")
	s.must("hspi", "train", dir, "--out", profile, "--quiet")
	for _, tt := range []struct {
		served  gateway.ModelOptions
		claim   string
		verdict decide.Verdict
		found   string
	}{
		{gpu, "h100-bf16", decide.NotTestable, "h100 or h200"},
		{gpu, "h200", decide.NotTestable, "h100 or h200"},
		{gpu, "cpu", decide.Contradicted, "h100 or h200"},
		{cpu, "h100-bf16", decide.Contradicted, "cpu-amx"},
		{cpu, "cpu-amx", decide.Consistent, "cpu-amx"},
		{cpu, "cpu-avx2", decide.NotTestable, ""},
	} {
		out := filepath.Join(s.path("verify"), tt.claim+fmt.Sprint(tt.served.Perturb))
		o := s.hspi("verify", endpoint(t, lively(tt.served, 9)), "--plan", "quick", "--profile", profile, "--claim", tt.claim, "--json", "--quiet", "--out", out)
		r := verdict(t, o)
		require.Equal(t, claim.Device, r.Findings[0].Part)
		assert.Equal(t, tt.verdict, r.Findings[0].Verdict, "%s: %s", tt.claim, o.out)
		assert.Equal(t, tt.found, r.Findings[0].Found, "%s: %s", tt.claim, r.Findings[0].Evidence)
	}
}
