package export

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type parsedFamily struct {
	kind, unit, help string
	samples          []parsedSample
}

type parsedSample struct {
	labels map[string]string
	value  float64
}

var (
	metadataLine = regexp.MustCompile(`^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	sampleLine   = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)$`)
	labelPair    = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)`)
)

// parseOpenMetrics checks a text against the rules of OpenMetrics 1.0 that
// concern gauges and infos, and returns its families.
func parseOpenMetrics(t *testing.T, text string) map[string]*parsedFamily {
	t.Helper()
	require.True(t, strings.HasSuffix(text, "\n# EOF\n") || text == "# EOF\n", "EOF ends the text")
	families := map[string]*parsedFamily{}
	current, seen := "", map[string]bool{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if line == "# EOF" {
			require.Equal(t, len(lines)-1, i, "nothing follows EOF")
			continue
		}
		if m := metadataLine.FindStringSubmatch(line); m != nil {
			if families[m[2]] == nil {
				families[m[2]] = &parsedFamily{}
				current = m[2]
			}
			require.Equal(t, current, m[2], "families are not scattered: %s", line)
			f := families[current]
			require.Empty(t, f.samples, "metadata precedes samples: %s", line)
			at := map[string]*string{"TYPE": &f.kind, "UNIT": &f.unit, "HELP": &f.help}[m[1]]
			require.Empty(t, *at, "metadata stands once: %s", line)
			*at = m[3]
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		require.NotNil(t, m, "neither metadata nor sample: %q", line)
		f := families[current]
		require.NotNil(t, f, line)
		suffix := map[string]string{"gauge": "", "info": "_info"}
		require.Contains(t, suffix, f.kind, line)
		require.Equal(t, current+suffix[f.kind], m[1], line)
		value, err := strconv.ParseFloat(m[4], 64)
		require.NoError(t, err, line)
		require.False(t, f.kind == "info" && value != 1, "an info is 1: %s", line)
		labels, canonical := parseLabels(t, m[3])
		require.False(t, seen[m[1]+canonical], "labels are unique: %s", line)
		seen[m[1]+canonical] = true
		f.samples = append(f.samples, parsedSample{labels, value})
	}
	for name, f := range families {
		assert.NotEmpty(t, f.help, name)
		assert.NotEmpty(t, f.samples, name)
		if f.unit != "" {
			assert.True(t, strings.HasSuffix(name, "_"+f.unit), "%s ends with its unit", name)
		}
		assert.False(t, f.kind == "info" && f.unit != "", "an info has no unit: %s", name)
		for _, reserved := range []string{"_info", "_total", "_created", "_count", "_sum", "_bucket"} {
			assert.False(t, strings.HasSuffix(name, reserved), name)
		}
	}
	return families
}

func parseLabels(t *testing.T, text string) (map[string]string, string) {
	t.Helper()
	labels := map[string]string{}
	for rest := text; rest != ""; {
		m := labelPair.FindStringSubmatch(rest)
		require.NotNil(t, m, "not a label: %q", rest)
		require.NotContains(t, labels, m[1], "a label stands once: %s", text)
		require.False(t, strings.HasPrefix(m[1], "__"), m[1])
		labels[m[1]] = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(m[2])
		rest = rest[len(m[0]):]
	}
	return labels, text
}

// TestGrammarRefuses: the checker is no rubber stamp.
func TestGrammarRefuses(t *testing.T) {
	assert.Nil(t, labelPair.FindStringSubmatch(`a="b"c"`))
	assert.Nil(t, labelPair.FindStringSubmatch(`a="b\x"`))
	assert.Nil(t, labelPair.FindStringSubmatch(`9a="b"`))
	assert.Nil(t, sampleLine.FindStringSubmatch(`a-b{} 1`))
	assert.Nil(t, metadataLine.FindStringSubmatch(`# HELP a `))
}
