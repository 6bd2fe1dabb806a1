package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRegenerate makes the embedded tables anew where the collected ones are at hand.
func TestRegenerate(t *testing.T) {
	source := os.Getenv(sourceVariable)
	if source == "" {
		t.Skipf("%s is not set: the collected tables are not part of the repository", sourceVariable)
	}
	folder := t.TempDir()
	require.NoError(t, run(source, folder))
	for _, table := range tables() {
		made, err := os.ReadFile(filepath.Join(folder, table.to))
		require.NoError(t, err)
		embedded, err := os.ReadFile(filepath.Join("..", table.to))
		require.NoError(t, err)
		assert.True(t, string(made) == string(embedded), "%s is out of date: run go generate", table.to)
	}
}

func TestRunNeedsTheTables(t *testing.T) {
	assert.ErrorIs(t, run(filepath.Join(t.TempDir(), "none.csv"), "."), os.ErrNotExist)
}

const figureHeader = "source,table,gpu,benchmark,instruction,shape,dtype_in,dtype_acc,operand_src,sparsity,parameter,metric,value,unit\n"

func convertOne(t *testing.T, line string) record {
	t.Helper()
	records, err := readRecords(strings.NewReader(figureHeader + line))
	require.NoError(t, err)
	lines, err := convertFigures(records)
	require.NoError(t, err)
	got := record{}
	for i, name := range lines[0] {
		got[name] = lines[1][i]
	}
	return got
}

func TestConvertFigure(t *testing.T) {
	for name, tt := range map[string]struct{ line, value, unit, secondary, source, note string }{
		"plain":          {"paper (secondary),Table 1,A100,x,,,,,,,,latency,4.50,clk", "4.5", "cycles", "true", "paper, Table 1", ""},
		"named twice":    {"log Fig. 5,Fig. 5,A100,x,,,,,,,,latency,4,clk", "4", "cycles", "false", "log Fig. 5", ""},
		"quoted by some": {"notes citing x,Fig. 7,A100,x,,,,,,,,value,4,B/clk", "4", "B/cycle", "true", "notes citing x, Fig. 7", ""},
		"range":          {"p,t,A100,x,,,,,,,,latency,2-18,clk", "2", "cycles", "false", "p, t", `published as "2-18"; its first number stands here`},
		"bound":          {"p,t,A100,x,,,,,,,,power,<200,W", "200", "W", "false", "p, t", `published as "<200"; its first number stands here`},
		"negative":       {"p,t,A100,x,,,,,,,,gain,-1.8,%", "-1.8", "%", "false", "p, t", ""},
		"GiB":            {"p,t,A100,x,,,,,,,,throughput,1,GiB/s (log prints GB/s)", "1", "GiB/s", "false", "p, t", "log prints GB/s"},
		"integers":       {"p,t,A100,x,,,s8,,,,,throughput,1,TFLOPS/TOPS", "1", "Top/s", "false", "p, t", ""},
		"floats":         {"p,t,A100,x,,,fp8,,,,,throughput,1,TFLOPS/TOPS (header says GB/s)", "1", "TFLOP/s", "false", "p, t", "header says GB/s"},
		"approximate":    {"p,t,A100,x,,,,,,,,value,200,clk (approx)", "200", "cycles", "false", "p, t", "approximate"},
		"loop":           {"p,t,A100,x,,,,,,,,value,4.4,clk incl loop overhead", "4.4", "cycles", "false", "p, t", "includes loop overhead"},
	} {
		t.Run(name, func(t *testing.T) {
			got := convertOne(t, tt.line)
			assert.Equal(t, tt.value, got["value"])
			assert.Equal(t, tt.unit, got["unit"])
			assert.Equal(t, tt.secondary, got["secondary"])
			assert.Equal(t, tt.source, got["source"])
			assert.Equal(t, tt.note, got["note"])
		})
	}
	records, err := readRecords(strings.NewReader(figureHeader + "p,t,A100,x,,,,,,,,latency,fast,clk"))
	require.NoError(t, err)
	_, err = convertFigures(records)
	assert.ErrorContains(t, err, `line 2: no number in "fast"`)
}

func TestConvertPairsRefusesDisorder(t *testing.T) {
	header := "gpu,cluster_size,src_rank,src_smid,dst_rank,dst_smid,latency_clk\n"
	good := "g,2,0,5,0,5,33\ng,2,0,5,1,6,181\ng,2,1,6,0,5,182\ng,2,1,6,1,6,33\n"
	convert := func(text string) ([][]string, error) {
		records, err := readRecords(strings.NewReader(header + text))
		require.NoError(t, err)
		return convertPairs(records)
	}
	lines, err := convert(good)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"g", "5 6", "33 181 182 33"}}, lines)
	for want, text := range map[string]string{
		"cut off":      "g,2,0,5,0,5,33\n",
		"cluster size": "g,x,0,5,0,5,33\n",
		"out of order": "g,1,1,5,0,5,33\n",
		"changes":      strings.Replace(good, "1,6,33", "1,7,33", 1),
	} {
		_, err := convert(text)
		assert.ErrorContains(t, err, want)
	}
}

func TestConvertCurves(t *testing.T) {
	records, err := readRecords(strings.NewReader("gpu,path,footprint_KB,latency_clk\na,p,1,2\na,p,3,4\nb,p,5,6\n"))
	require.NoError(t, err)
	lines, err := convertCurves(records)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"a", "p", "1 3", "2 4"}, {"b", "p", "5", "6"}}, lines)
}
