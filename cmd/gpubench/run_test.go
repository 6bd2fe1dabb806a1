package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
)

// interruptAfter cancels the run after so many rounds, as Ctrl-C does.
func (s *scene) interruptAfter(rounds int) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.ctx = ctx
	s.emulator.ran = nil
	s.emulator.after = func() {
		if len(s.emulator.ran) == rounds {
			cancel()
		}
	}
}

// goOn makes the next command run without interruption and counts anew.
func (s *scene) goOn() {
	s.ctx, s.emulator.after = context.Background(), nil
	s.emulator.ran, s.emulator.opened = nil, nil
}

func rounds(doc *results.Document) int {
	n := 0
	for _, raw := range doc.Raw {
		n += len(raw.Rounds)
	}
	return n
}

func TestInterruptAndResume(t *testing.T) {
	s := newScene(t)
	whole := s.read(s.measured("whole"))
	all := rounds(whole)
	require.Len(t, s.emulator.ran, all)

	const first = 50 // in the second round: points with one and with two samples
	s.interruptAfter(first)
	out := s.path("run one")
	path := filepath.Join(out, documentName)
	o := s.gpubench("run", small, "--backend", "emulator", "--no-report", "--out", out)
	assert.Equal(t, exitInterrupted, o.code)
	assert.Contains(t, o.err, "interrupted; go on with: gpubench run dpx/latency --resume '"+path+"' --backend emulator")
	cut := s.read(path)
	assert.Equal(t, results.Interrupted, cut.State)
	assert.Equal(t, first, rounds(cut))

	// A second interruption, before the resumed run comes to anything, loses nothing.
	s.goOn()
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	s.ctx = ctx
	o = s.gpubench("run", small, "--backend", "emulator", "--no-report", "--resume", path)
	assert.Equal(t, exitInterrupted, o.code)
	assert.Equal(t, first, rounds(s.read(path)), "it goes on in the document's place and keeps its samples")

	s.goOn()
	o = s.must("run", small, "--backend", "emulator", "--no-report", "--resume", path)
	assert.Len(t, s.emulator.ran, all-first, "only what is missing is measured")
	doc := s.read(path)
	assert.Equal(t, results.Complete, doc.State)
	assert.Equal(t, all, rounds(doc))
	assert.Contains(t, o.out, path)
	require.Equal(t, len(whole.Rows), len(doc.Rows))
	for i, row := range doc.Rows {
		assert.Equal(t, whole.Rows[i].ID(), row.ID())
		assert.Equal(t, whole.Rows[i].Value, row.Value, row.ID())
		assert.Equal(t, whole.Rows[i].Status, row.Status, row.ID())
	}

	s.goOn()
	s.must("run", small, "--backend", "emulator", "--no-report", "--resume", path)
	assert.Empty(t, s.emulator.opened, "nothing is missing any more")
}

func TestResumeToAnotherFolder(t *testing.T) {
	s := newScene(t)
	s.interruptAfter(40)
	out := s.path("first")
	s.gpubench("run", small, "--backend", "emulator", "--no-report", "--out", out)
	s.goOn()
	s.must("run", small, "--backend", "emulator", "--no-report", "--resume", filepath.Join(out, documentName), "--out", s.path("second"))
	assert.Equal(t, results.Interrupted, s.read(filepath.Join(out, documentName)).State, "the first stays")
	assert.Equal(t, results.Complete, s.read(filepath.Join(s.path("second"), documentName)).State)
}

func TestReplay(t *testing.T) {
	s := newScene(t)
	const banner = "RECORDING: these numbers were not measured on this machine"
	out := s.path("replay")
	o := s.must("run", small, "isa/map", "--backend", "replay", "--out", out)
	assert.Contains(t, o.err, banner)
	assert.NotContains(t, o.err, "no usable GPU", "nobody asked for one")
	tables := 0
	for _, part := range strings.SplitAfter(o.out, "\n\n") {
		if strings.Contains(part, "│ status") {
			assert.Contains(t, part, banner, "every table says so")
			tables++
		}
	}
	assert.Equal(t, 2, tables)
	doc := s.read(filepath.Join(out, documentName))
	assert.Equal(t, "replay", doc.Backend)
	assert.Equal(t, results.Complete, doc.State)
	require.NotNil(t, doc.Recording)
	assert.NotEmpty(t, doc.Recording.Name)
	assert.False(t, doc.Recording.Recorded.IsZero())
	assert.Equal(t, "dpx/latency isa/map", doc.Suite)
	assert.Equal(t, "gpubench run", strings.Join(doc.Command[:2], " "))
	assert.FileExists(t, filepath.Join(out, "report.html"))
	assert.Contains(t, o.out, filepath.Join(out, "report.html"))
	assert.Empty(t, s.emulator.opened)
}

func TestAutoFallsBackToTheRecording(t *testing.T) {
	s := newScene(t)
	o := s.must("run", "isa/map", "--no-report", "--quiet", "--out", s.path("out"))
	assert.Contains(t, o.err, "gpubench: no usable GPU: there is no driver\n")
	assert.Contains(t, o.err, "RECORDING: ")
	assert.Equal(t, "replay", s.read(filepath.Join(s.path("out"), documentName)).Backend)
}

func TestReplayOfADocument(t *testing.T) {
	s := newScene(t)
	recording := s.recording("made")
	made := s.read(recording)
	s.goOn()
	o := s.must("run", small, "--recording", recording, "--rounds", "2", "--no-report", "--out", s.path("replayed"))
	assert.Contains(t, o.err, recording)
	assert.Contains(t, o.err, "--rounds does nothing here")
	doc := s.read(filepath.Join(s.path("replayed"), documentName))
	assert.Equal(t, recording, doc.Recording.Name)
	assert.Zero(t, doc.Recording.Stale)
	require.Equal(t, len(made.Rows), len(doc.Rows))
	for i := range doc.Rows {
		assert.Equal(t, made.Rows[i].Value, doc.Rows[i].Value)
	}
	assert.Equal(t, rounds(made), rounds(doc))
	assert.Empty(t, s.emulator.opened)
}

func TestEmulatorSaysThatNothingWasMeasured(t *testing.T) {
	s := newScene(t)
	o := s.must("run", small, "--backend", "emulator", "--rounds", "1", "--no-report", "--out", s.path("out"))
	assert.Contains(t, o.err, "EMULATOR: ")
	assert.Contains(t, o.out, "EMULATOR: ")
}

func TestSeedMakesTheOrder(t *testing.T) {
	s := newScene(t)
	order := func(name string, args ...string) []string {
		s.goOn()
		s.must(append([]string{"run", small, "--backend", "emulator", "--no-report", "--rounds", "2", "--out", s.path(name)}, args...)...)
		return s.emulator.ran
	}
	first, again, other := order("a", "--seed", "1"), order("b", "--seed", "1"), order("c", "--seed", "2")
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
	assert.ElementsMatch(t, first, other)
	n := len(first) / 2
	assert.ElementsMatch(t, first[:n], first[n:], "two rounds of every point")
	assert.Equal(t, uint64(1), s.read(filepath.Join(s.path("a"), documentName)).Seed)

	order("d")
	assert.NotZero(t, s.read(filepath.Join(s.path("d"), documentName)).Seed, "a random seed is told too")
}

func TestRunPrintsJSON(t *testing.T) {
	s := newScene(t)
	out := s.path("out")
	o := s.must("run", small, "--backend", "emulator", "--rounds", "1", "--json", "--out", out)
	assertJSON(t, o.out)
	doc, err := results.Decode(strings.NewReader(o.out))
	require.NoError(t, err)
	assert.Equal(t, s.read(filepath.Join(out, documentName)).Rows, doc.Rows)
	for _, want := range []string{"measure ", "document  " + out, "report    " + out, "rows      "} {
		assert.Contains(t, o.err, want, "progress and places are on stderr")
	}
}

func TestRunQuietly(t *testing.T) {
	s := newScene(t)
	o := s.must("run", small, "--backend", "emulator", "--rounds", "1", "--quiet", "--no-report", "--out", s.path("out"))
	assert.Equal(t, 1, strings.Count(o.err, "\n"), "the banner alone: %s", o.err)
	s.world.live = true
	o = s.must("run", small, "--backend", "emulator", "--rounds", "1", "-q", "--no-report", "--out", s.path("live"))
	assert.NotContains(t, o.err, "\r")
}

func TestDefaultFolder(t *testing.T) {
	s := newScene(t)
	t.Chdir(s.folder)
	s.must("run", "dpx/l*", "--backend", "emulator", "--rounds", "1", "--no-report")
	assert.FileExists(t, s.path("gpubench-out/dpx-lall-20260301-120000/"+documentName))
	o := s.gpubench("run", "dpx/l*", "--backend", "emulator", "--rounds", "1", "--no-report")
	assert.Equal(t, exitUsage, o.code, "a document is not replaced")
	s.must("run", "dpx/l*", "--backend", "emulator", "--rounds", "1", "--no-report", "--force", "--out", "gpubench-out/dpx-lall-20260301-120000")
}

// TestOrderOfOutput: tables first, then where everything is, then the sum, so
// that the end of the output is what a person sees.
func TestOrderOfOutput(t *testing.T) {
	s := newScene(t)
	o := s.must("run", small, "--backend", "emulator", "--rounds", "1", "--out", s.path("out"))
	at := -1
	for _, want := range []string{"EMULATOR", "dpx/latency", "summary", "document  ", "report    ", "rows      "} {
		i := strings.LastIndex(o.out, "\n"+want)
		if want == "EMULATOR" {
			i = strings.Index(o.out, want)
		}
		assert.Greater(t, i, at, want)
		at = i
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"hopper": "hopper", "a/b-c.json": "a/b-c.json", "tensor/*": "'tensor/*'", "a b": "'a b'", "": "''", "it's": `'it'\''s'`, "ü": "'ü'",
	} {
		assert.Equal(t, want, quote(word))
	}
}
