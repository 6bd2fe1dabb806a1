package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/export"
)

// document is a document of four rows, the first three with an interval.
func (s *scene) document(name string, values ...float64) string {
	s.t.Helper()
	doc := &results.Document{Schema: results.SchemaVersion, State: results.Complete, Backend: "cuda", Suite: "test"}
	doc.Device.Name = "NVIDIA H200"
	for i, v := range values {
		doc.Rows = append(doc.Rows, results.Row{
			Benchmark: "toy/one", Point: results.P("i", string(rune('0'+i))), Metric: "latency", Unit: "cycles", Value: v,
			Interval: &[2]float64{v * 0.9999, v * 1.0001}, Confidence: 0.95, Status: results.OK, Proof: results.Proof{Kind: results.ProofSASS},
			Correct: results.Check{By: "emulator", OK: true},
		})
	}
	path := s.path(name)
	require.NoError(s.t, results.Write(path, doc))
	return path
}

func TestCompare(t *testing.T) {
	s := newScene(t)
	a := s.document("a.json", 10, 20, 30)
	b := s.document("b.json.zst", 8, 20, 33) // lower is better: faster, same, slower
	for name, tt := range map[string]struct {
		failOn []string
		code   int
		says   string
	}{
		"nothing asked":    {nil, exitOK, ""},
		"not met":          {[]string{"--fail-on", "cannot-tell"}, exitOK, ""},
		"as it is spelt":   {[]string{"--fail-on", "cannot tell"}, exitOK, ""},
		"slower":           {[]string{"--fail-on", "slower"}, exitCompare, "--fail-on was met: 1 of 3 rows: slower"},
		"any of two":       {[]string{"--fail-on", "cannot-tell,faster"}, exitCompare, "1 of 3 rows: faster"},
		"both":             {[]string{"--fail-on", "slower", "--fail-on", "same"}, exitCompare, "1 of 3 rows: slower; 1 of 3 rows: same"},
		"with tolerance":   {[]string{"--fail-on", "slower", "--tolerance", "0.2"}, exitOK, ""},
		"met, as JSON":     {[]string{"--fail-on", "slower", "--json"}, exitCompare, "slower"},
		"not met, as JSON": {[]string{"--fail-on", "cannot-tell", "--json"}, exitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.gpubench(append([]string{"compare", a, b}, tt.failOn...)...)
			assert.Equal(t, tt.code, o.code, o.err)
			assert.NotEmpty(t, o.out, "the comparison is printed whatever the verdict")
			if tt.says == "" {
				assert.Empty(t, o.err)
			} else {
				assert.Contains(t, o.err, tt.says)
			}
		})
	}
	found := assertJSON(t, s.must("compare", a, b, "--json").out).(map[string]any)
	total := found["total"].(map[string]any)
	assert.Equal(t, []any{1.0, 1.0, 1.0}, []any{total["faster"], total["same"], total["slower"]})
	assert.Contains(t, s.must("compare", a, a).out, "same")
}

func TestExport(t *testing.T) {
	s := newScene(t)
	path := s.document("a.json", 10, 20, 30)
	require.NotEmpty(t, export.Formats())
	for _, format := range export.Formats() {
		printed := s.must("export", path, "--format", format).out
		assert.Contains(t, printed, "30", format)
		file := s.path("rows." + format)
		o := s.must("export", path, "-f", format, "-o", file)
		assert.Empty(t, o.out)
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, printed, string(written), format)
	}
	assert.Equal(t, s.must("export", path).out, s.must("export", path, "-f", export.Formats()[0]).out)
	kept, err := os.ReadFile(s.path("rows.csv"))
	require.NoError(t, err)
	assert.Equal(t, exitUsage, s.gpubench("export", path, "-f", "xml", "-o", s.path("rows.csv")).code)
	now, err := os.ReadFile(s.path("rows.csv"))
	require.NoError(t, err)
	assert.Equal(t, kept, now, "a file is not touched for a format that does not exist")
}

func TestExportToAFullDisk(t *testing.T) {
	s := newScene(t)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here to stand for a full disk")
	}
	o := s.gpubench("export", s.document("a.json", 10), "--out", "/dev/full")
	assert.Equal(t, exitUnwritten, o.code)
	assert.Contains(t, o.err, "/dev/full is not complete")
}

func TestReport(t *testing.T) {
	s := newScene(t)
	require.NoError(t, os.Mkdir(s.path("run"), 0o777))
	path := s.document("run/results.json", 10, 20, 30)
	o := s.must("report", path)
	files := strings.Fields(o.out)
	assert.Contains(t, files, s.path("run/report.html"))
	for _, f := range files {
		assert.FileExists(t, f)
	}
	other := s.path("other")
	s.must("report", path, "--out", other)
	assert.FileExists(t, filepath.Join(other, "report.html"))

	o = s.must("report", path, "--table")
	assert.Contains(t, o.out, "toy/one")
	assert.Equal(t, exitUsage, s.gpubench("report", path, "--all").code)
}

func TestReportTableHasEveryRowWithAll(t *testing.T) {
	s := newScene(t)
	values := make([]float64, 60)
	for i := range values {
		values[i] = 1000 + float64(i)
	}
	path := s.document("long.json", values...)
	short, long := s.must("report", path, "--table").out, s.must("report", path, "--table", "--all").out
	assert.Less(t, strings.Count(short, "\n"), strings.Count(long, "\n"))
	assert.Contains(t, short, "--all shows every row")
	assert.Greater(t, strings.Count(long, "\n"), len(values))
}
