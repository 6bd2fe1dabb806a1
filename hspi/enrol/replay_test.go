package enrol_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/probe"
)

// TestReplay: a session that is served again and asked with its own nonce gives
// the same answers.
func TestReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "e.jsonl")
	_, err := record(t, gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16}), path)
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)

	replay, err := gateway.NewReplay(f)
	require.NoError(t, err)
	base, closeServer, err := gateway.Loopback(context.Background(), replay)
	require.NoError(t, err)
	defer func() { assert.NoError(t, closeServer()) }()
	again := options(t, base)
	again.Nonce = f.Sessions()[0].Open.Labels["nonce"]
	rec, err := enrol.Record(context.Background(), filepath.Join(dir, "again.jsonl"), again)
	require.NoError(t, err)
	assert.Equal(t, rec.Result.Items, rec.Result.Answered)
	g, err := evidence.Load(rec.Path)
	require.NoError(t, err)
	one, two := bodies(f), bodies(g)
	assert.Equal(t, one, two)
}

func TestReplayOfAnotherSession(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, err := record(t, gateway.NewModel(gateway.ModelOptions{}), path, func(o *enrol.Options) { o.Size = enrol.Small })
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	replay, err := gateway.NewReplay(f)
	require.NoError(t, err)
	_, err = record(t, replay, filepath.Join(t.TempDir(), "e.jsonl"), func(o *enrol.Options) { o.Seed = 99 })
	assert.ErrorIs(t, err, probe.ErrNotFound, "what was not recorded is not made up")
}

// bodies are the answers to POSTs by key.
func bodies(f *evidence.File) map[string]string {
	all := map[string]string{}
	for _, rec := range f.Records {
		if x := rec.Exchange; x != nil && x.Reply != nil && x.Request.Method == "POST" {
			all[x.Key] += string(x.Reply.Body)
		}
	}
	return all
}
