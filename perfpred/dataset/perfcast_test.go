package dataset

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
)

// perfcastSample has the sample's defects: a pod that is a copy, caches in MB
// of the machine, clocks in GHz, times without a date, a constant column.
const perfcastSample = `pod,RESULT.@timestamp,RESULT.WorkloadName,IterationID,RESULT.TestName,RESULT.Value,RESULT.WorkloadPreset,SVR.CPU.CPU Model,SVR.CPU.Base Frequency,SVR.CPU.Core(s) per Socket,SVR.CPU.Socket(s),SVR.CPU.L1d Cache,SVR.CPU.L2 Cache,SVR.CPU.L3 Cache,SVR.CPU.Turbo
pod-1,27:53.3,Stream,a_0,Triad (MB/s),100,SSE,Intel(R) Xeon(R) Platinum 8487C,1.9,56,2,48,2048,107520,Enabled
pod-1,27:53.3,Stream,a_0,Copy (MB/s),90,SSE,Intel(R) Xeon(R) Platinum 8487C,1.9,56,2,48,2048,107520,Enabled
pod-1,27:53.4,Stream,a_1,Triad (MB/s),101,SSE,Intel(R) Xeon(R) Platinum 8487C,1.9,56,2,48,2048,107520,Enabled
pod-2,27:53.3,Stream,a_0,Triad (MB/s),100,SSE,Intel(R) Xeon(R) Platinum 8487C,1.9,56,2,48,2048,107520,Enabled
pod-2,27:53.3,Stream,a_0,Copy (MB/s),90,SSE,Intel(R) Xeon(R) Platinum 8487C,1.9,56,2,48,2048,107520,Enabled
pod-2,27:53.4,Stream,a_1,Triad (MB/s),101,SSE,Intel(R) Xeon(R) Platinum 8487C,1.9,56,2,48,2048,107520,Enabled
pod-3,2022-05-01T10:00:00,HPCG,b_0,Score(GFLOPS),40,AVX2,Intel (R) Xeon (R) CPU Max 9468,2600,48,2,4.5,192,210,Enabled
`

func perfcastFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "train.csv")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestPerfCastDB(t *testing.T) {
	tables, err := PerfCastDB(perfcastFile(t, perfcastSample))
	require.NoError(t, err)
	require.Len(t, tables, 2)
	hpcg, stream := tables[0], tables[1]
	assert.Equal(t, "HPCG", hpcg.Name)
	assert.Equal(t, 2, stream.Rows, "two iterations; the copy is left out")
	assert.Equal(t, []string{"Triad (MB/s)", "Copy (MB/s)"}, stream.TargetNames())
	assert.Equal(t, "MB/s", stream.Targets[0].Unit)
	assert.Equal(t, []float64{100, 101}, stream.Targets[0].Values)
	assert.True(t, math.IsNaN(stream.Targets[1].Values[1]), "not measured in that iteration")

	assert.Equal(t, 48.0, at(t, hpcg, "l1d_kb", 0))
	assert.Equal(t, 2048.0, at(t, hpcg, "l2_kb", 0))
	assert.Equal(t, 107520.0, at(t, hpcg, "l3_kb", 0))
	assert.Equal(t, 1900.0, at(t, stream, "nominal_mhz", 0))
	assert.Equal(t, 2600.0, at(t, hpcg, "nominal_mhz", 0))

	assert.Equal(t, 3, finding(t, hpcg, "copy", "pod").Rows)
	assert.Contains(t, finding(t, hpcg, "copy", "pod").Text, "pod-2 is a copy of pod-1")
	assert.Equal(t, 6, finding(t, hpcg, "time", "RESULT.@timestamp").Rows)
	assert.Contains(t, finding(t, hpcg, "constant", "").Text, "SVR.CPU.Turbo")
	assert.Equal(t, Repaired, finding(t, hpcg, "units", "l3_kb").Severity)
	assert.Equal(t, Repaired, finding(t, stream, "units", "nominal_mhz").Severity)
}

func TestShift(t *testing.T) {
	tables, err := PerfCastDB(perfcastFile(t, perfcastSample))
	require.NoError(t, err)
	assert.Empty(t, Shift(tables[0], tables[0]))
	var all []string
	for _, f := range Shift(tables[1], tables[0]) {
		all = append(all, f.String())
	}
	text := strings.Join(all, "\n")
	assert.Contains(t, text, "Xeon Max 9468")
	assert.Contains(t, text, "outside the 1900 to 1900 MHz of training")
	assert.Contains(t, text, `"AVX2" is not in training`)
}

func TestPerfCastDBSchema(t *testing.T) {
	_, err := PerfCastDB(perfcastFile(t, strings.Replace(perfcastSample, "IterationID", "Iteration", 1)))
	assert.ErrorIs(t, err, ErrSchema)
}

func TestPublishedPerfCastDB(t *testing.T) {
	dir := filepath.Join(datatest.Data(t), "perfcastdb")
	for file, rows := range map[string]int{"train.csv": 16, "test.csv": 17} {
		tables, err := PerfCastDB(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Len(t, tables, 6)
		n := 0
		for _, table := range tables {
			n += table.Rows
			finding(t, table, "constant", "")
			finding(t, table, "time", "META.@timestamp")
			assert.NotContains(t, table.Groups[GroupFamily], "")
		}
		assert.Equal(t, rows, n, file)
	}
	tables, err := PerfCastDB(filepath.Join(dir, "train.csv"))
	require.NoError(t, err)
	assert.Contains(t, finding(t, tables[0], "copy", "pod").Text, "pod-7 is a copy of pod-3")
}
