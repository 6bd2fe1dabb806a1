package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred"
	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
	"github.com/gpubench/gpubench/perfpred/eval"
)

// invented makes a data folder of invented results of one suite.
func invented(t *testing.T) (folder string, rows []datatest.Row) {
	t.Helper()
	rows = datatest.Rows(30, 1)
	folder = t.TempDir()
	text, err := os.ReadFile(datatest.File(t, "fp_rate", rows))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "spec-cpu2017"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "spec-cpu2017", "fp_rate.csv.gz"), text, 0o666))
	return folder, rows
}

func TestPerfpredTrainAndPredict(t *testing.T) {
	s := newScene(t)
	data, rows := invented(t)
	got := s.gpubench("perfpred", "train", "--data", data, "--suite", "fp_rate", "--model", "ridge", "--out", s.folder)
	require.Equal(t, exitOK, got.code, got.err)
	assert.Contains(t, got.err, "ridge of 120 results")
	file := filepath.Join(s.folder, "fp_rate.json")

	got = s.gpubench("perfpred", "predict", file, "--cpu", rows[0].CPU, "--set", "sockets=2", "--json")
	require.Equal(t, exitOK, got.code, got.err)
	var p perfpred.Prediction
	require.NoError(t, json.Unmarshal([]byte(got.out), &p))
	r := rows[0]
	r.Sockets, r.DIMMs = 2, 12
	r.Measure(1, 1)
	assert.InEpsilon(t, r.Calc, p.Values[1].Value, 0.06)

	machine := filepath.Join(s.folder, "machine.json")
	require.NoError(t, os.WriteFile(machine, []byte(`{"model_name":"`+rows[0].CPU+`","sockets":2}`), 0o666))
	same := s.gpubench("perfpred", "predict", file, "--machine", machine, "--json")
	assert.Equal(t, got.out, same.out)

	got = s.gpubench("perfpred", "explain", file, "--top", "3")
	require.Equal(t, exitOK, got.code, got.err)
	assert.Contains(t, got.out, "ridge of 120 results")
}

func TestPerfpredEval(t *testing.T) {
	s := newScene(t)
	data, _ := invented(t)
	out := filepath.Join(s.folder, "eval.json")
	got := s.gpubench("perfpred", "eval", "--data", data, "--suite", "fp_rate", "--model", "constant,ridge", "--folds", "3", "--out", out)
	require.Equal(t, exitOK, got.code, got.err)
	assert.Contains(t, got.out, "30 groups by cpu, 3 folds")
	assert.Contains(t, got.out, "ridge")
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	var reports []eval.Report
	require.NoError(t, json.Unmarshal(text, &reports))
	require.Len(t, reports[0].Scores, 6)
	assert.Less(t, reports[0].Scores[3].MAPE, reports[0].Scores[0].MAPE)
}

func TestPerfpredRefuses(t *testing.T) {
	t.Setenv(dataVariable, "")
	s := newScene(t)
	data, rows := invented(t)
	require.Equal(t, exitOK, s.gpubench("perfpred", "train", "--data", data, "--suite", "fp_rate", "--model", "ridge", "--out", s.folder).code)
	file := filepath.Join(s.folder, "fp_rate.json")
	for _, args := range [][]string{
		{"train"},
		{"train", "--data", data, "--model", "oracle"},
		{"train", "--data", data, "--suite", "fp_late"},
		{"train", "--data", s.folder, "--suite", "fp_rate"},
		{"eval", "--data", data, "--suite", "fp_rate", "--group", "vendor", "--folds", "0"},
		{"eval", "--data", data, "--suite", "fp_rate", "--model", "ridge", "--target", "nope"},
		{"predict", file, "--cpu", "Xeon Golden"},
		{"predict", file, "--cpu", rows[0].CPU, "--set", "sockets"},
		{"predict", file, "--cpu", rows[0].CPU, "--set", "nominal_mhz=2.5"},
		{"predict", file, "--cpu", rows[0].CPU, "--set", "sockets=64,mem_channels=1000"},
		{"predict", filepath.Join(s.folder, "none.json")},
		{"predict", file, "--machine", filepath.Join(s.folder, "none.json")},
		{"explain", file, "--target", "nope"},
	} {
		got := s.gpubench(append([]string{"perfpred"}, args...)...)
		assert.Equal(t, exitUsage, got.code, "%v: %s", args, got.err)
	}
}
