package dataset

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
)

// finding returns the table's finding of that check about that column.
func finding(t *testing.T, table *Table, check, column string) Finding {
	t.Helper()
	i := slices.IndexFunc(table.Findings, func(f Finding) bool { return f.Check == check && f.Column == column })
	require.GreaterOrEqual(t, i, 0, "no finding %s %s in %v", check, column, table.Findings)
	return table.Findings[i]
}

func load(t *testing.T, suite string, rows []datatest.Row) *Table {
	t.Helper()
	table, err := SPEC2017(datatest.File(t, suite, rows))
	require.NoError(t, err)
	return table
}

func at(t *testing.T, table *Table, column string, row int) float64 {
	t.Helper()
	c, err := table.Column(column)
	require.NoError(t, err)
	return c.Values[row]
}

func TestSPEC2017(t *testing.T) {
	rows := datatest.Rows(10, 1)
	table := load(t, "fp_rate", rows)
	assert.Empty(t, table.Findings, "the invented rows are sound")
	require.Equal(t, len(rows), table.Rows)
	assert.Equal(t, []string{SPECScore, "501.calc_r", "502.move_r"}, table.TargetNames())
	r := rows[3]
	cores := float64(r.Sockets * r.Cores)
	assert.InDelta(t, math.Sqrt(r.Calc*r.Move), table.Targets[0].Values[3], 1e-3)
	assert.InDelta(t, cores, at(t, table, "cores", 3), 1e-9)
	assert.InDelta(t, cores*float64(r.NominalMHz)/1000, at(t, table, "core_ghz", 3), 1e-9)
	assert.InDelta(t, float64(r.Year)+5/12.0, at(t, table, "published", 3), 0.01)
	assert.InDelta(t, 19.01, at(t, table, "compiler_version", 3), 1e-9)
	rate := 2666.0
	if strings.HasPrefix(r.CPU, "Xeon Gold 62") {
		rate = 2933
	}
	assert.InDelta(t, float64(r.Sockets)*6*rate*8/1000, at(t, table, "bandwidth", 3), 1e-9, "the CPU's limit counts, not the DIMMs'")
	assert.Equal(t, r.CPU, table.Groups[GroupCPU][3])
	assert.Equal(t, "example", table.Groups[GroupSystem][3])
	assert.Regexp(t, `^cpu2017-20\d\d0601-01003$`, table.Origin[3].ID)
}

func TestSPECDefectsAreFound(t *testing.T) {
	rows := datatest.Rows(10, 2)
	rows[5].L2KB = 256                        // the other three results of the CPU say 1024
	rows[9].NominalMHz, rows[9].MaxMHz = 3, 4 // GHz
	rows[13].Calc *= 1.5                      // without its run time
	rows[17] = rows[16]
	rows[21].DIMMs, rows[21].Sockets = 11, 2 // and the memory follows
	rows[21].Measure(1, 1)
	rows[25].DIMMGB = 1 << 12
	table := load(t, "fp_rate", rows)
	assert.Equal(t, Repaired, finding(t, table, "contradiction", "l2_cache_kb").Severity)
	assert.Equal(t, 1024.0, at(t, table, "l2_kb", 5))
	assert.Equal(t, Refused, finding(t, table, "range", "nominal_mhz").Severity)
	assert.Equal(t, at(t, table, "nominal_mhz", 8), at(t, table, "nominal_mhz", 9), "taken from the same CPU's results")
	assert.Equal(t, 1, finding(t, table, "ratio", "501.calc_r").Rows)
	assert.True(t, math.IsNaN(table.Targets[1].Values[13]) && math.IsNaN(table.Targets[0].Values[13]), "no score without its parts")
	assert.Equal(t, 1, finding(t, table, "duplicate", "").Rows)
	assert.Equal(t, Suspect, finding(t, table, "uneven", "mem_channels").Severity)
	finding(t, table, "range", "channel_kb")
	assert.True(t, slices.IsSortedFunc(table.Findings, func(a, b Finding) int { return int(a.Severity) - int(b.Severity) }), "worst first")
}

// A speed run without threads has one core, whatever the result lists; a rate run
// has its copies.
func TestSerialSpeedRuns(t *testing.T) {
	rows := datatest.Rows(3, 1)
	speed, rate := load(t, "fp_speed", rows), load(t, "fp_rate", rows)
	f := finding(t, speed, "contradiction", "threads_or_copies")
	assert.Equal(t, Repaired, f.Severity)
	assert.Equal(t, len(rows), f.Rows)
	for _, column := range []string{"copies", "cores", "threads", "sockets", "copies_per_core", "dimms_per_channel"} {
		assert.Equal(t, 1.0, at(t, speed, column, 3), column)
	}
	assert.InDelta(t, 2*rows[3].Sockets*rows[3].Cores, at(t, rate, "copies", 3), 1e-9)
}

func TestSPECBadFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            "",
		"header only":      datatest.Header + "\n",
		"another schema":   "a,b\n1,2\n",
		"a line too short": datatest.Header + "\nIntel,x\n",
		"zip that is not":  "\x1f\x8bgarbage",
		"a missing column": strings.Replace(datatest.Header, "mem_data_rate", "mem_rate", 1) + "\n" + (&datatest.Rows(1, 1)[0]).Line() + "\n",
	} {
		path := filepath.Join(t.TempDir(), "fp_rate.csv")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := SPEC2017(path)
		assert.Error(t, err, name)
		if name == "another schema" || name == "a missing column" {
			assert.ErrorIs(t, err, ErrSchema, name)
		}
	}
	_, err := SPEC2017(filepath.Join(t.TempDir(), "none.csv"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestOneRow(t *testing.T) {
	table := load(t, "fp_rate", datatest.Rows(1, 1)[:1])
	assert.Equal(t, 1, table.Rows)
}

func TestSPECMachine(t *testing.T) {
	table, err := SPECMachine("fp_rate", map[string]string{"model_name": "Intel(R) Xeon(R) Gold 6226 CPU @ 2.70GHz", "nominal_mhz": "2700", "sockets": "2", "cores_per_socket": "12"})
	require.NoError(t, err)
	assert.Equal(t, 1, table.Rows)
	assert.Empty(t, table.Targets)
	assert.Equal(t, 24.0, at(t, table, "cores", 0))
	assert.Equal(t, 2933.0, at(t, table, "mem_rate", 0), "from the name")
	assert.True(t, math.IsNaN(at(t, table, "l3_kb", 0)))
	assert.Equal(t, "Cascade Lake", table.Groups[GroupFamily][0])

	_, err = SPECMachine("fp_rate", map[string]string{"nominal_mhz": "2.7"})
	assert.ErrorIs(t, err, ErrValue, "GHz")
	_, err = SPECMachine("fp_rate", map[string]string{"nominal_mhz": "fast"})
	assert.ErrorIs(t, err, ErrValue)
	_, err = SPECMachine("fp_rate", map[string]string{"clock": "2700"})
	assert.ErrorIs(t, err, ErrNoColumn)
}

func TestPublishedSPEC(t *testing.T) {
	dir := datatest.Data(t)
	for suite, want := range map[string]struct{ rows, cpus, targets int }{
		"fp_rate": {4379, 222, 14}, "int_rate": {4561, 224, 11}, "fp_speed": {3598, 202, 11}, "int_speed": {3600, 200, 11},
	} {
		table, err := SPEC2017(filepath.Join(dir, "spec-cpu2017", suite+".csv.gz"))
		require.NoError(t, err)
		assert.Equal(t, want.rows, table.Rows, suite)
		assert.Len(t, distinct(table.Groups[GroupCPU]), want.cpus, suite)
		assert.Len(t, table.Targets, want.targets, suite)
		assert.NotContains(t, table.Groups[GroupFamily], "", "%s: a CPU of no known family", suite)
		y, err := table.LogRatio(SPECScore)
		require.NoError(t, err)
		assert.False(t, slices.ContainsFunc(y, math.IsNaN), "%s: a result without score or base", suite)
	}
}
