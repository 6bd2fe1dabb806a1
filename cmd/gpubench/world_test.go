package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// small is a benchmark that the emulator runs in a moment.
const small = "dpx/latency"

// scene is a machine without a GPU that commands run on.
type scene struct {
	t        *testing.T
	ctx      context.Context
	folder   string
	emulator *counted
	world    world
}

// outcome is what a command left behind.
type outcome struct {
	code     int
	out, err string
}

func newScene(t *testing.T) *scene {
	gpu, err := micro.Nominal(isa.SM90a)
	require.NoError(t, err)
	s := &scene{t: t, ctx: context.Background(), folder: t.TempDir()}
	s.emulator = &counted{Emulator: backend.NewEmulator(gpu.Device)}
	s.world.now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	s.world.open = func(o backend.Options) (micro.Device, error, error) {
		switch {
		case o.Kind == backend.KindEmulator:
			return s.emulator, nil, nil
		case o.Kind == backend.KindAuto && o.Recording == "":
			o.Kind = backend.KindReplay
			dev, _, err := backend.Open(o)
			return dev, errors.New("there is no driver"), err
		}
		return backend.Open(o)
	}
	return s
}

// gpubench runs a command line.
func (s *scene) gpubench(args ...string) outcome {
	s.t.Helper()
	var out, err bytes.Buffer
	w := s.world
	w.out, w.err, w.args = &out, &err, append([]string{"gpubench"}, args...)
	code := execute(s.ctx, args, w)
	return outcome{code, out.String(), err.String()}
}

// must runs a command line that has to succeed.
func (s *scene) must(args ...string) outcome {
	s.t.Helper()
	o := s.gpubench(args...)
	require.Equal(s.t, exitOK, o.code, o.err)
	return o
}

func (s *scene) path(name string) string { return filepath.Join(s.folder, name) }

// put writes a file.
func (s *scene) put(name, text string) string {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o600))
	return s.path(name)
}

func (s *scene) read(path string) *results.Document {
	s.t.Helper()
	doc, err := results.Read(path)
	require.NoError(s.t, err)
	return doc
}

// measured makes a small document that can be replayed.
func (s *scene) measured(name string) string {
	s.t.Helper()
	s.must("run", small, "--backend", "emulator", "--seed", "7", "--no-report", "--out", s.path(name))
	return filepath.Join(s.path(name), documentName)
}

// replayed is the same document as a replay would have it recorded on a GPU.
func (s *scene) recording(name string) string {
	s.t.Helper()
	doc := s.read(s.measured(name))
	doc.Backend = "cuda"
	path := s.path(name + "-recording.json.zst")
	require.NoError(s.t, results.Write(path, doc))
	return path
}

// counted is an emulator that counts what is measured on it.
type counted struct {
	*backend.Emulator
	opened []string // points
	ran    []string // points, by round
	// after is called after each round.
	after func()
}

func (c *counted) Open(ctx context.Context, id micro.JobID, job *micro.Job, code micro.Code) (micro.Session, error) {
	if !strings.Contains(id.Benchmark, "/") {
		return nil, errors.New("the canary takes the emulator too long")
	}
	session, err := c.Emulator.Open(ctx, id, job, code)
	if err != nil {
		return nil, err
	}
	c.opened = append(c.opened, id.Point)
	return &countedSession{session, c, id.Point}, nil
}

type countedSession struct {
	micro.Session
	c     *counted
	point string
}

func (s *countedSession) Run(ctx context.Context) (results.Reading, error) {
	reading, err := s.Session.Run(ctx)
	s.c.ran = append(s.c.ran, s.point)
	if s.c.after != nil {
		s.c.after()
	}
	return reading, err
}

var lowerCase = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// assertJSON checks that a text is one JSON value with lower-case keys, and decodes it.
func assertJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	assertKeys(t, v)
	return v
}

func assertKeys(t *testing.T, v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			assertKeys(t, x)
		}
	case map[string]any:
		for key, x := range v {
			assert.Regexp(t, lowerCase, key)
			assertKeys(t, x)
		}
	}
}
