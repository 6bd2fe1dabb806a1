package engine

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/probe"
)

// options are those of a standard session.
func options(s *server, name string, number int) enrol.Options {
	return enrol.Options{Options: probe.Options{Endpoint: s.endpoint, Model: name, Tool: "gpubench test", Seed: 7}, Size: enrol.Standard, Session: number}
}

// record records a session in which all is answered.
func record(t *testing.T, o enrol.Options) (*enrol.Recording, *evidence.File) {
	t.Helper()
	rec, err := enrol.Record(t.Context(), filepath.Join(t.TempDir(), "evidence.jsonl"), o)
	require.NoError(t, err)
	require.Empty(t, rec.Result.Failed)
	require.Equal(t, rec.Result.Items, rec.Result.Answered)
	f, err := evidence.Load(rec.Path)
	require.NoError(t, err)
	require.Equal(t, rec.Head, f.Summary.Head)
	return rec, f
}

// train learns from the first two sessions of some platforms.
func train(t *testing.T, platforms ...*platform) *model.Profile {
	t.Helper()
	var all []model.Session
	for _, p := range platforms {
		for i, f := range p.sessions[:2] {
			all = append(all, model.Session{Platform: p.name, Labels: p.labels, Number: strconv.Itoa(i + 1), Answers: f.Responses()})
		}
	}
	profile, err := model.Train(t.Context(), all)
	require.NoError(t, err)
	return profile
}

// judge judges a claim by a session; the profile may be nil.
func judge(t *testing.T, f *evidence.File, said string, p *model.Profile) *decide.Decision {
	t.Helper()
	var more map[claim.Part][]string
	if p != nil {
		more = decide.Enrolled(p)
	}
	c, err := claim.Parse(said, more)
	require.NoError(t, err)
	return decide.Decide(c, f.Responses(), p, decide.Options{})
}
