package main

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.must("hspi", "demo", "--out", s.path("demo"))
	assert.Regexp(t, regexp.MustCompile(`(?s)h200-bf16-flash.*verdict   CONSISTENT.*h200-fp16-int4.*verdict   CONTRADICTED`), o.out)
	for _, platform := range []string{"h200-bf16-flash", "h200-fp16-int4"} {
		assert.FileExists(t, filepath.Join(s.path("demo"), platform, "report.html"))
		assert.FileExists(t, filepath.Join(s.path("demo"), platform, evidenceName))
	}
}
