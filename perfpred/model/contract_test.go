package model

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// TestContract is what every trainer of this package must hold.
func TestContract(t *testing.T) {
	train, test := invent(30, 1), invent(12, 2)
	for name, tr := range trainers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := tr.Fit(t.Context(), train, []string{"moved", "score"}, 5)
			require.NoError(t, err)
			assert.Equal(t, []string{"moved", "score"}, m.Targets())
			p, err := m.Predict(test)
			require.NoError(t, err)
			checkEstimates(t, p, test.Rows)
			t.Run("repeats", func(t *testing.T) { checkRepeats(t, tr, train, m) })
			t.Run("file", func(t *testing.T) { checkFile(t, m, test, p) })
			t.Run("rows", func(t *testing.T) { checkRows(t, m, test, p) })
			t.Run("narrow", func(t *testing.T) { checkNarrow(t, m, test, p) })
			t.Run("missing", func(t *testing.T) { checkMissing(t, m, test) })
			t.Run("little", func(t *testing.T) { checkLittle(t, tr, train) })
			t.Run("dull", func(t *testing.T) { checkDull(t, tr) })
			t.Run("gaps", func(t *testing.T) { checkGaps(t, tr) })
			t.Run("importances", func(t *testing.T) { checkImportances(t, m) })
		})
	}
}

func checkEstimates(t *testing.T, p [][]Estimate, rows int) {
	t.Helper()
	require.Len(t, p, 2)
	for k := range p {
		require.Len(t, p[k], rows)
		for _, e := range p[k] {
			assert.Greater(t, e.Value, 0.0)
			if !math.IsNaN(e.Low) {
				assert.True(t, e.Low <= e.Value && e.Value <= e.High)
			}
		}
	}
}

// checkRepeats: the same seed gives the same file, byte by byte.
func checkRepeats(t *testing.T, tr Trainer, train *dataset.Table, m Model) {
	t.Helper()
	again, err := tr.Fit(t.Context(), train, m.Targets(), 5)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(file(t, m), file(t, again)))
}

func file(t *testing.T, m Model) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Save(&out, m))
	return out.Bytes()
}

// checkFile: a saved model predicts what it predicted, to the last bit.
func checkFile(t *testing.T, m Model, test *dataset.Table, want [][]Estimate) {
	t.Helper()
	back, err := Load(file(t, m), Kinds())
	require.NoError(t, err)
	assert.Equal(t, m.Kind(), back.Kind())
	got, err := back.Predict(test)
	require.NoError(t, err)
	for k := range want {
		for i := range want[k] {
			require.True(t, same(want[k][i], got[k][i]), "%v became %v", want[k][i], got[k][i])
		}
	}
}

func same(a, b Estimate) bool {
	equal := func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }
	return equal(a.Value, b.Value) && equal(a.Low, b.Low) && equal(a.High, b.High)
}

// checkRows: a row's prediction does not depend on the rows beside it.
func checkRows(t *testing.T, m Model, test *dataset.Table, all [][]Estimate) {
	t.Helper()
	one, err := m.Predict(test.Select([]int{7}))
	require.NoError(t, err)
	for k := range one {
		assert.True(t, same(all[k][7], one[k][0]))
	}
}

// checkNarrow: what is left of a model for one target predicts that as before.
func checkNarrow(t *testing.T, m Model, test *dataset.Table, all [][]Estimate) {
	t.Helper()
	one, ok := narrow(m, 1)
	if !ok {
		t.Skip("cannot be narrowed")
	}
	assert.Equal(t, m.Targets()[1:], one.Targets())
	p, err := one.Predict(test)
	require.NoError(t, err)
	for i := range p[0] {
		require.Equal(t, all[1][i].Value, p[0][i].Value)
	}
}

// checkMissing: unknown values and columns are no error, a lost base is.
func checkMissing(t *testing.T, m Model, test *dataset.Table) {
	t.Helper()
	bare := &dataset.Table{Rows: 1, Numeric: []dataset.Column{{Name: "cores", Scale: dataset.Log, Values: []float64{8}}}}
	p, err := m.Predict(bare)
	require.NoError(t, err)
	checkEstimates(t, p, 1)

	gone := test.Select([]int{0})
	gone.Numeric = gone.Numeric[1:]
	if _, err := m.Predict(gone); m.Kind() != "constant" {
		assert.ErrorIs(t, err, dataset.ErrNoColumn)
	}
}

// checkLittle: what cannot be learnt from is refused, and so is a target that
// is not there; a context that is done ends the training.
func checkLittle(t *testing.T, tr Trainer, train *dataset.Table) {
	t.Helper()
	none := train.Select([]int{0})
	none.Targets[0].Values[0] = math.NaN()
	_, err := tr.Fit(t.Context(), none, []string{"score"}, 0)
	assert.ErrorIs(t, err, ErrTooFew)
	_, err = tr.Fit(t.Context(), train, []string{"nope"}, 0)
	assert.ErrorIs(t, err, dataset.ErrNoColumn)
	_, err = tr.Fit(t.Context(), train, nil, 0)
	assert.Error(t, err)

	if _, quick := tr.(Constant); quick {
		return
	}
	if _, quick := tr.(Neighbour); quick {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tr.Fit(ctx, train, []string{"score"}, 0)
	assert.ErrorIs(t, err, context.Canceled)
}

// checkDull: machines that are all alike give their typical value.
func checkDull(t *testing.T, tr Trainer) {
	t.Helper()
	dull := invent(8, 3)
	for j := range dull.Numeric {
		for i := range dull.Numeric[j].Values {
			dull.Numeric[j].Values[i] = 2
		}
	}
	for i := range dull.Rows {
		dull.Category[0].Values[i] = "same"
		dull.Targets[0].Values[i] = 100
	}
	m, err := tr.Fit(t.Context(), dull, []string{"score"}, 0)
	require.NoError(t, err)
	p, err := m.Predict(dull.Select([]int{0}))
	require.NoError(t, err)
	assert.InDelta(t, 100, p[0][0].Value, 0.01)
}

// checkGaps: rows without the target are left out, not learnt as something.
func checkGaps(t *testing.T, tr Trainer) {
	t.Helper()
	holes := invent(30, 1)
	for i := 0; i < holes.Rows; i += 2 {
		holes.Targets[0].Values[i] = math.NaN()
	}
	m, err := tr.Fit(t.Context(), holes, []string{"score", "moved"}, 0)
	require.NoError(t, err)
	p, err := m.Predict(invent(5, 8))
	require.NoError(t, err)
	checkEstimates(t, p, 25)
}

func checkImportances(t *testing.T, m Model) {
	t.Helper()
	im, ok := m.(Importancer)
	if !ok {
		t.Skip("has none")
	}
	shares := im.Importances(1)
	sum := 0.0
	for _, s := range shares {
		sum += s.Share
		assert.NotContains(t, s.Feature, "=")
	}
	assert.InDelta(t, 1, sum, 1e-9)
	assert.True(t, slices.IsSortedFunc(shares, func(a, b Importance) int {
		return int(math.Copysign(1, b.Share-a.Share))
	}))
}

func version(n int) string { return fmt.Sprintf(`"version":%d`, n) }

func TestBadFiles(t *testing.T) {
	m, err := Ridge{}.Fit(t.Context(), invent(10, 1), []string{"score"}, 0)
	require.NoError(t, err)
	good := string(file(t, m))
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"not JSON":        {"hello", ErrFile},
		"another format":  {strings.Replace(good, Format, "other", 1), ErrFile},
		"another version": {strings.Replace(good, version(Version), version(Version+1), 1), ErrVersion},
		"an old version":  {strings.Replace(good, version(Version), version(1), 1), ErrVersion},
		"unknown kind":    {strings.Replace(good, `"kind":"linear"`, `"kind":"oracle"`, 1), ErrKind},
		"cut off":         {good[:len(good)/2], ErrFile},
		"no encoder":      {strings.Replace(good, `"encoder"`, `"encodes"`, 1), ErrFile},
	} {
		_, err := Load([]byte(c.text), Kinds())
		assert.ErrorIs(t, err, c.want, name)
	}
}

// Files that contradict themselves are refused when they are read, not when
// they are used.
func TestContradictoryFiles(t *testing.T) {
	nothing := `"inner":[{"kind":"constant","settings":{"names":[],"values":[]}}]`
	two := `"inner":[{"kind":"constant","settings":{"names":["a"],"values":[1]}},{"kind":"constant","settings":{"names":["b"],"values":[1]}}]`
	enc := `{"numeric":[{"name":"a","mean":0,"deviation":1,"low":0,"high":1}]}`
	for kind, bodies := range map[string][]string{
		"constant": {`"settings":{"names":["a"],"values":[]}`, `"settings":[]`},
		"linear": {
			`"settings":{"encoder":` + enc + `,"outputs":[{"name":"y"}],"fits":[{}]}`,
			`"settings":{"encoder":` + enc + `,"outputs":[{"name":"y"}],"fits":[{}]},"packed":"AAAAAAAAAAAAAAAAAAAAAAA="`,
			`"settings":{"encoder":` + enc + `,"outputs":[],"fits":[],"pairs":[[0,7]]}`,
		},
		"neighbour": {`"settings":{"k":1,"encoder":` + enc + `,"outputs":[{"name":"y"}],"x":[[1,2]],"y":[[1]]}`, `"settings":{"k":1,"encoder":` + enc + `,"outputs":[{"name":"y"}],"x":[[1]],"y":[[]]}`},
		"boosted":   {`"settings":{"outputs":[],"fits":[]}`, `"settings":{"encoder":` + enc + `,"outputs":[{"name":"y"}],"fits":[]}`},
		"residual":  {nothing, two},
		"stack":     {`"settings":{"weights":[]}`, `"settings":{"weights":[[1]]},` + two, `"settings":{"weights":[[0.5,0.5]]},` + two},
		"guarded": {
			`"settings":{},` + nothing,
			`"settings":{"encoder":` + enc + `,"machines":["m"]},` + nothing,
			`"settings":{"encoder":` + enc + `,"machines":[],"away":[0.5,0.5]},` + nothing,
		},
		"conformal": {`"settings":{"widths":[{"quantile":1}]},` + nothing, `"settings":{"widths":[{"quantile":1}]}`},
	} {
		for _, body := range bodies {
			text := `{"format":"` + Format + `",` + version(Version) + `,"model":{"kind":"` + kind + `",` + body + `}}`
			_, err := Load([]byte(text), Kinds())
			assert.ErrorIs(t, err, ErrFile, text)
		}
	}
	_, err := Load([]byte(`{"format":"`+Format+`",`+version(Version)+`}`), Kinds())
	assert.ErrorIs(t, err, ErrFile)
}

// What is cut off or changed in the packed trees is refused, or is other trees:
// it never breaks a prediction.
func TestBrokenTrees(t *testing.T) {
	m, err := quickTrees().Fit(t.Context(), invent(20, 1), []string{"score"}, 0)
	require.NoError(t, err)
	parts := m.Parts()
	settings, err := json.Marshal(parts.Settings)
	require.NoError(t, err)
	_, err = decodeBoosted(&Stored{Settings: settings, Packed: parts.Packed}, nil)
	require.NoError(t, err)
	refused := 0
	for i := range parts.Packed {
		_, err = decodeBoosted(&Stored{Settings: settings, Packed: parts.Packed[:i]}, nil)
		require.ErrorIs(t, err, ErrFile, "cut at %d", i)
		other := slices.Clone(parts.Packed)
		other[i] ^= 0xff
		m, err := decodeBoosted(&Stored{Settings: settings, Packed: other}, nil)
		if err != nil {
			refused++
			continue
		}
		_, err = m.Predict(invent(5, 2))
		require.NoError(t, err)
	}
	assert.Greater(t, refused, len(parts.Packed)/4)
}
