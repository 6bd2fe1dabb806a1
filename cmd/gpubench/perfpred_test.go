package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred"
	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
	"github.com/gpubench/gpubench/perfpred/eval"
	"github.com/gpubench/gpubench/perfpred/model"
)

// invented makes a data folder of invented results of one suite.
func invented(t *testing.T) (folder string, rows []datatest.Row) {
	t.Helper()
	rows = datatest.Rows(30, 1)
	return folderOf(t, rows), rows
}

func folderOf(t *testing.T, rows []datatest.Row) string {
	t.Helper()
	folder := t.TempDir()
	text, err := os.ReadFile(datatest.File(t, "fp_rate", rows))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "spec-cpu2017"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "spec-cpu2017", "fp_rate.csv.gz"), text, 0o666))
	return folder
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

func TestPerfpredEvalFolder(t *testing.T) {
	s := newScene(t)
	data, _ := invented(t)
	out := s.path("evaluation")
	s.must("perfpred", "eval", "--data", data, "--suite", "fp_rate", "--model", "nearest,ridge", "--folds", "2", "--target", "score", "--no-intervals", "--out", out)
	for _, name := range []string{"evaluation.json", "evaluation.txt", "fp_rate.png"} {
		assert.FileExists(t, filepath.Join(out, name))
	}
	text, err := os.ReadFile(filepath.Join(out, "evaluation.txt"))
	require.NoError(t, err)
	assert.Regexp(t, `ridge +\S+ +\S+ +\S+ +0\.\d+ +- +- `, string(text), "no intervals")
}

// PerfCastDB's published sample runs from end to end, its defects are told, and
// so is that its errors mean nothing.
func TestPerfpredPerfCastDB(t *testing.T) {
	data := datatest.Data(t)
	s := newScene(t)
	out := s.path("evaluation")
	o := s.must("perfpred", "eval", "--data", data, "--dataset", "perfcastdb", "--model", "constant,nearest,ridge,trees,stack,ncpp", "--out", out)
	for _, says := range []string{"pod-7 is a copy of pod-3", "minutes and seconds without hour and date", "are the same in all 145 lines", "is MB of the whole machine", "GHz turned into MHz", "not in training: Xeon Max 9460", "nothing about accuracy"} {
		assert.Contains(t, o.err, says)
	}
	for _, says := range []string{"HPCG: 3 results", "Stream: 3 results", "split as it came", "left out, ncpp"} {
		assert.Contains(t, o.out, says)
	}
	assert.FileExists(t, filepath.Join(out, "Memory-Latency-Checker-Bandwidth.png"))
	text, err := os.ReadFile(filepath.Join(out, "evaluation.json"))
	require.NoError(t, err)
	var reports []eval.Report
	require.NoError(t, json.Unmarshal(text, &reports))
	require.Len(t, reports, 6)
	constant, err := reports[0].Mean("constant")
	require.NoError(t, err)
	assert.InDelta(t, 32.2, constant.MAPE, 0.1, "as is known of this sample")
}

func TestPerfpredRefuses(t *testing.T) {
	t.Setenv(dataVariable, "")
	s := newScene(t)
	data, rows := invented(t)
	require.Equal(t, exitOK, s.gpubench("perfpred", "train", "--data", data, "--suite", "fp_rate", "--model", "ridge", "--out", s.folder).code)
	file, old := filepath.Join(s.folder, "fp_rate.json"), s.path("old.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	version := []byte(fmt.Sprintf(`"version":%d`, model.Version))
	require.NoError(t, os.WriteFile(old, bytes.Replace(text, version, []byte(`"version":1`), 1), 0o666))
	one := folderOf(t, rows[:1])
	for _, args := range [][]string{
		{"train"},
		{"train", "--data", data, "--model", "oracle"},
		{"train", "--data", data, "--suite", "fp_late"},
		{"train", "--data", s.folder, "--suite", "fp_rate"},
		{"eval", "--data", data, "--suite", "fp_rate", "--group", "vendor", "--folds", "0"},
		{"eval", "--data", data, "--suite", "fp_rate", "--folds", "0", "--repeats", "2"},
		{"eval", "--data", data, "--suite", "fp_rate", "--repeats", "0"},
		{"eval", "--data", data, "--suite", "fp_rate", "--model", "ridge", "--target", "nope"},
		{"train", "--data", one, "--suite", "fp_rate"},
		{"eval", "--data", one, "--suite", "fp_rate"},
		{"eval", "--data", data, "--dataset", "perfcast"},
		{"eval", "--data", data, "--dataset", "perfcastdb"},
		{"eval", "--dataset", "perfcastdb"},
		{"eval", "--data", data, "--dataset", "perfcastdb", "--folds", "3"},
		{"eval", "--data", data, "--model", "oracle"},
		{"predict", old, "--cpu", rows[0].CPU},
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
