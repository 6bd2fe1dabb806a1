package virtual_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/probe"
	"github.com/gpubench/gpubench/hspi/verify"
	"github.com/gpubench/gpubench/hspi/virtual"
	"github.com/gpubench/gpubench/ptx/isa"
)

// machine is a virtual one, and what it stands for.
type machine struct {
	device, precision string
	how               virtual.Arithmetic
}

func machines(t *testing.T) map[string]machine {
	t.Helper()
	all := map[string]machine{"cpu-fp32": {"cpu", "fp32", virtual.FP32()}, "cpu-bf16": {"cpu", "bf16", virtual.BF16(16)}}
	for device, target := range map[string]isa.Target{"a100": isa.SM80, "h100": isa.SM90} {
		for _, precision := range []string{"bf16", "tf32"} {
			how, err := virtual.Cores(target, precision)
			require.NoError(t, err)
			all[device+"-"+precision] = machine{device, precision, how}
		}
	}
	return all
}

// shape is that of a model that is quick.
func shape() virtual.Config {
	return virtual.Config{Dim: 64, Layers: 1, Heads: 2, KVHeads: 1, HeadDim: 32, FFN: 128, Vocab: 512, Theta: 10000, Epsilon: 1e-5, Seed: 1}
}

// served serves a machine with a small random model on loopback.
func served(t *testing.T, how virtual.Arithmetic) probe.Endpoint {
	t.Helper()
	w, err := virtual.Random(shape())
	require.NoError(t, err)
	tokens, err := virtual.LoadTokenizer(filepath.Join("..", "lab", "checkpoint", "tokenizer.json"), shape().Vocab)
	require.NoError(t, err)
	p, err := virtual.NewPlatform(tokens, virtual.NewModel(w, how))
	require.NoError(t, err)
	base, closeServer, err := gateway.Loopback(t.Context(), gateway.Serve(p, gateway.ModelOptions{Name: "virtual"}))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, closeServer()) })
	e, err := probe.ParseEndpoint(base)
	require.NoError(t, err)
	return e
}

// record records a session of a machine.
func record(t *testing.T, e probe.Endpoint, path, platform string, m machine, session int) enrol.Session {
	t.Helper()
	o := enrol.Options{Size: enrol.Small, Session: session}
	o.Endpoint, o.Model, o.Tool, o.Seed, o.Label = e, "virtual", "test", 1, platform
	o.Labels = map[string]string{"device": m.device, "precision": m.precision}
	_, err := enrol.Record(t.Context(), path, o)
	require.NoError(t, err)
	loaded, err := enrol.Load(path)
	require.NoError(t, err)
	return loaded[0]
}

// Virtual machines are enrolled, trained on and verified like real endpoints. Two
// generations of tensor cores are told apart by nothing but their adders where
// results are kept in float32; where they are kept in bfloat16, the difference is
// rounded away in so few answers, and the verdict says so.
func TestVirtualPlatforms(t *testing.T) {
	dir := t.TempDir()
	var trained []model.Session
	fresh, all := map[string]*evidence.File{}, machines(t)
	for name, m := range all {
		e := served(t, m.how)
		for session := 1; session <= 3; session++ {
			s := record(t, e, filepath.Join(dir, fmt.Sprintf("%s-%d.jsonl", name, session)), name, m, session)
			if session == 3 {
				fresh[name] = s.Evidence
				continue
			}
			trained = append(trained, model.Session{Platform: s.Platform, Labels: s.Labels, Number: s.Number, Answers: s.Evidence.Responses()})
		}
	}
	profile, err := model.Train(t.Context(), trained)
	require.NoError(t, err)
	for name, f := range fresh {
		m := all[name]
		g, why, ok := feature.FindGrid(f.Responses())
		require.True(t, ok, why)
		heads := map[string]feature.Head{"bf16": feature.BFloat16, "fp32": feature.NoGrid, "tf32": feature.NoGrid}
		assert.Equal(t, heads[m.precision], g.Head, name)
		said, err := claim.Parse("device="+m.device+",precision="+m.precision, decide.Enrolled(profile))
		require.NoError(t, err)
		r := verify.Judge(f, said, profile, decide.Options{})
		t.Log(name, r.Verdict, r.Hypotheses[0], r.Findings[0].Found, r.Findings[0].Evidence)
		if m.precision == "bf16" && m.device != "cpu" {
			assert.Equal(t, decide.NotTestable, r.Findings[0].Verdict)
			assert.Equal(t, "a100 or h100", r.Findings[0].Found)
			continue
		}
		assert.Equal(t, name, r.Hypotheses[0].Platform)
		assert.Greater(t, r.Hypotheses[0].Probability, 10*r.Hypotheses[1].Probability)
		assert.Equal(t, decide.Consistent, r.Findings[0].Verdict)
		assert.Equal(t, m.device, r.Findings[0].Found)
	}
}
