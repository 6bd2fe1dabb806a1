package suite

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
)

func names(list []micro.Benchmark) []string {
	var out []string
	for _, b := range list {
		out = append(out, b.Name)
	}
	return out
}

func TestBenchmarksAreWellNamed(t *testing.T) {
	all := names(All())
	assert.Equal(t, len(all), len(slices.Compact(slices.Sorted(slices.Values(all)))), "no name twice")
	for _, n := range all {
		assert.Regexp(t, regexp.MustCompile(`^[a-z0-9]+/[a-z0-9-]+$`), n)
	}
}

func TestSelect(t *testing.T) {
	all := names(All())
	for name, tt := range map[string]struct {
		args []string
		want func(string) bool
	}{
		"nothing":          {nil, func(string) bool { return false }},
		"a name":           {[]string{"dpx/latency"}, func(n string) bool { return n == "dpx/latency" }},
		"a glob":           {[]string{"tensor/*"}, func(n string) bool { return strings.HasPrefix(n, "tensor/") }},
		"a glob of units":  {[]string{"*/latency"}, func(n string) bool { return strings.HasSuffix(n, "/latency") }},
		"a suite":          {[]string{"hopper"}, func(string) bool { return true }},
		"twice, reordered": {[]string{"isa/map", "alu/*", "alu/latency"}, func(n string) bool { return n == "isa/map" || strings.HasPrefix(n, "alu/") }},
		"ampere": {[]string{"ampere"}, func(n string) bool {
			return !strings.Contains(n, "wgmma") && !strings.HasPrefix(n, "cluster/") && !strings.HasPrefix(n, "async/")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Select(tt.args)
			require.NoError(t, err)
			var want []string
			for _, n := range all {
				if tt.want(n) {
					want = append(want, n)
				}
			}
			assert.Equal(t, want, names(got), "each once, in the order of reports")
		})
	}
}

func TestEverySuiteSelects(t *testing.T) {
	for _, s := range Suites() {
		got, err := Select([]string{s.Name})
		require.NoError(t, err, s.Name)
		assert.NotEmpty(t, got, s.Name)
		assert.NotEmpty(t, s.Question, s.Name)
		for _, p := range s.Patterns {
			_, err := Select([]string{p})
			assert.NoError(t, err, "pattern %s of %s selects nothing", p, s.Name)
		}
	}
}

func TestSelectSuggests(t *testing.T) {
	for arg, want := range map[string]string{
		"dpx/latensy": "dpx/latency", "dxp/latency": "dpx/latency", "hoper": "hopper", "Hopper": "hopper", "amper": "ampere",
		"wgmma-throughput": "tensor/wgmma-throughput", "bandwith": "memory/shared-bandwidth", "isa": "", "xyz": "", "": "",
	} {
		_, err := Select([]string{arg})
		require.ErrorIs(t, err, ErrUnknown, arg)
		if want == "" {
			assert.NotContains(t, err.Error(), "did you mean", arg)
		} else {
			assert.ErrorContains(t, err, `did you mean "`+want+`"?`)
		}
		assert.ErrorContains(t, err, "gpubench list")
	}
}

func TestSelectRefusesAll(t *testing.T) {
	got, err := Select([]string{"dpx/latency", "none"})
	assert.ErrorIs(t, err, ErrUnknown)
	assert.Nil(t, got, "one wrong name spoils the line: nothing is measured by mistake")
	_, err = Select([]string{"tensor/["})
	assert.ErrorContains(t, err, "malformed")
	assert.NotErrorIs(t, err, ErrUnknown)
}
