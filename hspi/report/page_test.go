package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/report"
)

func TestPage(t *testing.T) {
	section, err := report.Evaluation("Platforms", "platforms", told(5), 1)
	require.NoError(t, err)
	page := report.Page{Title: "What serves <host>", Verdict: "contradicted", Tone: "bad", Intro: []string{"a & b"},
		Sections: []report.Section{section, {Title: "Claim", Tables: []report.Table{{"", []string{"part"}, [][]string{{"<script>alert(1)</script>"}}}}}}}
	dir := filepath.Join(t.TempDir(), "new")
	files, err := page.Write(dir)
	require.NoError(t, err)
	require.Len(t, files, 4)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	html := string(text)
	assert.Equal(t, 3, strings.Count(html, "data:image/png;base64,"))
	assert.NotContains(t, html, "<script>", "what an endpoint says is text")
	assert.NotContains(t, html, "ZgotmplZ")
	assert.Contains(t, html, "balanced accuracy")
	assert.Contains(t, html, "What serves &lt;host&gt;")
	assert.Contains(t, html, `class="verdict bad"`)
	for _, f := range files[1:] {
		png, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.Equal(t, "\x89PNG", string(png[:4]))
	}
}

func TestPageThatCannotBeStored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := (&report.Page{}).Write(filepath.Join(file, "below"))
	assert.ErrorContains(t, err, "write report")
}
