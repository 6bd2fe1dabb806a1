package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
)

func TestBadInput(t *testing.T) {
	s := newScene(t)
	good := s.put("good.json", `{"schema":1,"state":"complete"}`)
	corrupt := s.put("corrupt.json", `{"schema":1,"rows":[{"benchmark":`)
	newer := s.put("newer.json", `{"schema":99,"rows":"of another kind"}`)
	text := s.put("notes.txt", "no document at all")
	none := s.path("none.json")
	taken := s.path("taken")
	require.NoError(t, os.Mkdir(taken, 0o777))
	s.put("taken/"+documentName, "{}")
	out := s.path("out")

	for name, tt := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"no such command":       {[]string{"lst"}, exitUsage, []string{`no command "lst"`, `did you mean "list"?`}},
		"nothing like it":       {[]string{"frobnicate"}, exitUsage, []string{`no command "frobnicate"; 'gpubench --help' lists them`}},
		"no such flag":          {[]string{"run", small, "--bakend", "x"}, exitUsage, []string{"unknown flag: --bakend", "gpubench run --help"}},
		"flag without value":    {[]string{"run", small, "--seed"}, exitUsage, []string{"flag needs an argument: --seed"}},
		"flag of another type":  {[]string{"run", small, "--rounds", "many"}, exitUsage, []string{`"many"`, "--rounds"}},
		"run nothing":           {[]string{"run"}, exitUsage, []string{"NAME is missing", "'gpubench list' shows them"}},
		"explain nothing":       {[]string{"explain"}, exitUsage, []string{"NAME is missing", "usage: gpubench explain NAME"}},
		"explain too much":      {[]string{"explain", small, "alu/latency"}, exitUsage, []string{`"alu/latency" is one argument too many`}},
		"explain many":          {[]string{"explain", "dpx/*"}, exitUsage, []string{"is 2 benchmarks", "gpubench list 'dpx/*'"}},
		"compare nothing":       {[]string{"compare"}, exitUsage, []string{"A and B is missing"}},
		"compare one":           {[]string{"compare", good}, exitUsage, []string{"B is missing", "usage: gpubench compare A B"}},
		"report nothing":        {[]string{"report"}, exitUsage, []string{"DOCUMENT is missing"}},
		"export nothing":        {[]string{"export"}, exitUsage, []string{"DOCUMENT is missing"}},
		"doctor of something":   {[]string{"doctor", "x"}, exitUsage, []string{"one argument too many"}},
		"doctor of no GPU":      {[]string{"doctor", "--gpu", "-1"}, exitUsage, []string{"counted from 0"}},
		"unknown benchmark":     {[]string{"run", "dpx/latensy", "--out", out}, exitUsage, []string{`"dpx/latensy"`, `did you mean "dpx/latency"?`, "gpubench list"}},
		"unknown to list":       {[]string{"list", "hoper"}, exitUsage, []string{`did you mean "hopper"?`}},
		"unknown to explain":    {[]string{"explain", "wgmma"}, exitUsage, []string{`did you mean "tensor/wgmma-latency"?`}},
		"nothing alike":         {[]string{"run", "xyz", "--out", out}, exitUsage, []string{`no such benchmark or suite: "xyz"; 'gpubench list' shows all`}},
		"malformed glob":        {[]string{"run", "tensor/[", "--out", out}, exitUsage, []string{"malformed", "'tensor/*'"}},
		"unknown backend":       {[]string{"run", small, "--backend", "opencl", "--out", out}, exitUsage, []string{`unknown backend "opencl"`, "auto, cuda, replay, emulator"}},
		"negative GPU":          {[]string{"run", small, "--gpu", "-1", "--out", out}, exitUsage, []string{"--gpu -1", "counted from 0"}},
		"negative rounds":       {[]string{"run", small, "--rounds", "-1", "--out", out}, exitUsage, []string{"--rounds -1", "1 or more"}},
		"recording and GPU":     {[]string{"run", small, "--backend", "cuda", "--recording", good, "--out", out}, exitUsage, []string{"--recording is for --backend replay"}},
		"corrupt recording":     {[]string{"run", small, "--recording", corrupt, "--out", out}, exitUsage, []string{corrupt, "cut off", "at byte"}},
		"newer recording":       {[]string{"run", small, "--recording", newer, "--out", out}, exitUsage, []string{newer, "newer gpubench (schema 99", "update gpubench"}},
		"no recording":          {[]string{"run", small, "--recording", none, "--out", out}, exitUsage, []string{none, "no such file"}},
		"recording not raw":     {[]string{"run", small, "--recording", good, "--out", out}, exitUsage, []string{good, "no raw samples", "gpubench run"}},
		"corrupt to resume":     {[]string{"run", small, "--resume", corrupt, "--out", out}, exitUsage, []string{corrupt, "cut off"}},
		"another's to resume":   {[]string{"run", small, "--backend", "emulator", "--resume", good, "--out", out}, exitUsage, []string{"cannot resume " + good}},
		"folder under a file":   {[]string{"run", small, "--backend", "emulator", "--out", text + "/out"}, exitUsage, []string{"cannot make the output folder", text, "--out"}},
		"folder is a file":      {[]string{"run", small, "--backend", "emulator", "--out", text}, exitUsage, []string{"cannot make the output folder", text, "--out"}},
		"folder is taken":       {[]string{"run", small, "--backend", "emulator", "--out", taken}, exitUsage, []string{taken, "holds a document already", "--force"}},
		"compare corrupt":       {[]string{"compare", good, corrupt}, exitUsage, []string{corrupt}},
		"compare none":          {[]string{"compare", none, good}, exitUsage, []string{none}},
		"compare text":          {[]string{"compare", text, good}, exitUsage, []string{text, "not a readable gpubench document"}},
		"unknown verdict":       {[]string{"compare", good, good, "--fail-on", "better"}, exitUsage, []string{`"better"`, "faster, slower, same, cannot-tell"}},
		"tolerance":             {[]string{"compare", good, good, "--tolerance", "-1"}, exitUsage, []string{"--tolerance -1", "0.01 for 1 %"}},
		"report corrupt":        {[]string{"report", corrupt}, exitUsage, []string{corrupt}},
		"report newer":          {[]string{"report", newer}, exitUsage, []string{"update gpubench"}},
		"report under a file":   {[]string{"report", good, "--out", text + "/report"}, exitUnwritten, []string{text, "--out"}},
		"export corrupt":        {[]string{"export", corrupt}, exitUsage, []string{corrupt}},
		"export newer":          {[]string{"export", newer}, exitUsage, []string{"update gpubench"}},
		"unknown format":        {[]string{"export", good, "--format", "xml", "--out", out}, exitUsage, []string{`"xml"`, "csv, benchfmt, openmetrics"}},
		"export under a file":   {[]string{"export", good, "--out", text + "/x"}, exitUsage, []string{text, "--out"}},
		"unknown target":        {[]string{"explain", small, "--target", "sm_1"}, exitUsage, []string{"--target", "sm_1"}},
		"point without a value": {[]string{"explain", small, "--ptx", "--point", "fn"}, exitUsage, []string{"KEY=VALUE"}},
		"no such point":         {[]string{"explain", small, "--ptx", "--point", "fn=none"}, exitUsage, []string{`no point "fn=none"`, "gpubench explain dpx/latency --points"}},
		"point of nothing":      {[]string{"explain", small, "--point", "fn=none"}, exitUsage, []string{"--ptx or --sass"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.gpubench(tt.args...)
			assert.Equal(t, tt.code, o.code)
			assert.Empty(t, o.out)
			lines := strings.Split(strings.TrimSpace(o.err), "\n")
			last := lines[len(lines)-1]
			assert.True(t, strings.HasPrefix(last, "gpubench: "), o.err)
			for _, want := range tt.says {
				assert.Contains(t, last, want)
			}
			assert.NoFileExists(t, out, "nothing is left behind")
			assert.NoDirExists(t, out, "nothing is left behind")
			assert.Empty(t, s.emulator.opened, "found before anything is measured")
		})
	}
	info, err := os.ReadFile(filepath.Join(taken, documentName))
	require.NoError(t, err)
	assert.Equal(t, "{}", string(info), "what was there stays")
}

func TestCUDAWithoutAGPU(t *testing.T) {
	if cuda.Available() == nil {
		t.Skip("this machine has a GPU")
	}
	s := newScene(t)
	s.world.open = backend.Open
	for name, args := range map[string][]string{
		"cuda":    {"run", small, "--backend", "cuda", "--out", s.path("out")},
		"a GPU 7": {"run", small, "--gpu", "7", "--out", s.path("out")},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.gpubench(args...)
			assert.Equal(t, exitNoGPU, o.code)
			assert.Empty(t, o.out)
			assert.Equal(t, 1, strings.Count(o.err, "\n"), o.err)
			assert.Contains(t, o.err, "gpubench: no usable GPU: ")
			assert.Contains(t, o.err, "gpubench doctor")
			assert.NoDirExists(t, s.path("out"))
		})
	}
}

// fill makes a folder whose document cannot be written because the disk is full.
func (s *scene) fill(name string) string {
	s.t.Helper()
	if _, err := os.Stat("/dev/full"); err != nil {
		s.t.Skip("no /dev/full here to stand for a full disk")
	}
	require.NoError(s.t, os.Mkdir(s.path(name), 0o777))
	require.NoError(s.t, os.Symlink("/dev/full", filepath.Join(s.path(name), documentName)))
	return s.path(name)
}

func TestFullDiskLosesNothing(t *testing.T) {
	s := newScene(t)
	full, temp := s.fill("full"), t.TempDir()
	t.Setenv("TMPDIR", temp)
	o := s.gpubench("run", small, "--backend", "emulator", "--rounds", "1", "--seed", "7", "--out", full, "--force")
	assert.Equal(t, exitUnwritten, o.code)
	assert.Contains(t, o.err, syscall.ENOSPC.Error())
	assert.Contains(t, o.out, "__vimax3_s32", "the tables are printed all the same")
	rescue := filepath.Join(temp, "gpubench-20260301-120000.json.zst")
	assert.Contains(t, o.err, "saved as "+rescue)
	doc, whole := s.read(rescue), s.read(s.measured("whole"))
	assert.Equal(t, len(whole.Rows), len(doc.Rows))
	assert.Equal(t, len(whole.Raw), len(doc.Raw))
}

func TestFullDiskAndNoTemporaryFolder(t *testing.T) {
	s := newScene(t)
	full, home := s.fill("full"), t.TempDir()
	t.Setenv("TMPDIR", s.put("file", "")+"/none")
	t.Setenv("HOME", home)
	t.Chdir(s.folder)
	o := s.gpubench("run", small, "--backend", "emulator", "--rounds", "1", "--out", full, "--force")
	assert.Equal(t, exitUnwritten, o.code)
	assert.NotEmpty(t, s.read(s.path("gpubench-20260301-120000.json.zst")).Rows)
}

func TestInterruptedOnAFullDisk(t *testing.T) {
	s := newScene(t)
	full, temp := s.fill("full"), t.TempDir()
	t.Setenv("TMPDIR", temp)
	s.interruptAfter(10)
	o := s.gpubench("run", small, "--backend", "emulator", "--out", full, "--force")
	assert.Equal(t, exitUnwritten, o.code)
	assert.Contains(t, o.err, "--resume "+temp, "where to go on from")
}

func TestReportThatCannotBeWritten(t *testing.T) {
	s := newScene(t)
	require.NoError(t, os.Mkdir(s.path("out"), 0o777))
	s.put("out/pictures", "a file where the report's folder should be")
	o := s.gpubench("run", small, "--backend", "emulator", "--rounds", "1", "--out", s.path("out"))
	assert.Equal(t, exitUnwritten, o.code)
	assert.Contains(t, o.err, "the document is safe, the report is not")
	assert.NotEmpty(t, s.read(filepath.Join(s.path("out"), documentName)).Rows)
}

func TestStandardOutputThatIsGone(t *testing.T) {
	s := newScene(t)
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"explain", small}, {"explain", small, "--json"}, {"explain", small, "--ptx"}, {"doctor"}} {
		w := s.world
		w.out, w.err = goneWriter{}, &strings.Builder{}
		assert.Equal(t, exitFailed, execute(s.ctx, args, w), args)
	}
	var said strings.Builder
	w := s.world
	w.out, w.err = goneWriter{}, &said
	path := filepath.Join(s.path("out"), documentName)
	assert.Equal(t, exitFailed, execute(s.ctx, []string{"run", small, "--backend", "emulator", "--rounds", "1", "--out", s.path("out")}, w))
	assert.Contains(t, said.String(), "the document is "+path)
	assert.NotEmpty(t, s.read(path).Rows)
}

var errGone = errors.New("the reader has gone")

type goneWriter struct{}

func (goneWriter) Write([]byte) (int, error) { return 0, errGone }

func TestExitCodesOfErrors(t *testing.T) {
	for want, list := range map[int][]error{
		exitUsage:  {usagef("x"), &results.CorruptError{}, &results.SchemaError{}, os.ErrNotExist, backend.ErrUnknown, backend.ErrNoRecording},
		exitNoGPU:  {&backend.UnavailableError{Err: cuda.ErrDriverTooOld}, &backend.UnavailableError{Err: backend.ErrNoRecording}},
		exitFailed: {errGone},
	} {
		for _, err := range list {
			assert.Equal(t, want, exitCode(err), err)
		}
	}
}
