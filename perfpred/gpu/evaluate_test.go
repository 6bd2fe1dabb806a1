package gpu

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results/published"
)

// classes keeps the rows of some classes.
func classes(t *testing.T, rows []Row, keep ...class) []Row {
	t.Helper()
	var list []Row
	for _, r := range rows {
		p, err := formulate(lookup(t, r.GPU), r.Query)
		require.NoError(t, err)
		for _, c := range keep {
			if p.class == c {
				list = append(list, r)
			}
		}
	}
	return list
}

func means(scores []Score) map[string]Score {
	m := map[string]Score{}
	for _, s := range scores {
		if s.GPU == "" {
			m[s.Class] = s
		}
	}
	return m
}

// With a GPU left out of everything the model must beat a data-sheet roofline, at
// utilisation 1 and at the constants that fit the other GPUs best.
func TestBeatsTheRoofline(t *testing.T) {
	rows := sources(t)
	scores, err := Evaluate(classes(t, rows, classTensor, classMemory, classVector, classDecoder), LeaveModel)
	require.NoError(t, err)
	beats(t, means(scores), 4)
}

func beats(t *testing.T, m map[string]Score, count int) {
	t.Helper()
	require.Len(t, m, count)
	for c, s := range m {
		assert.Positive(t, s.Rows, c)
		assert.Less(t, s.Model, s.Roofline, "%s, utilisation 1", c)
		assert.Less(t, s.Model, s.Scaled, "%s, one constant", c)
		assert.Less(t, s.Model, s.PerBenchmark, "%s, a constant each", c)
	}
}

func TestBeatsTheRooflineOnMLPerf(t *testing.T) {
	rows, skipped, err := MLPerf(mlperfFile(t))
	require.NoError(t, err)
	assert.Greater(t, len(rows), 150)
	assert.NotContains(t, skipped, "NVIDIA L40S")
	scores, err := Evaluate(rows, LeaveModel)
	require.NoError(t, err)
	beats(t, means(scores), 1)
	assert.Greater(t, means(scores)["model"].Covered, 0.8)
}

// All form factors of a model are left out together.
func TestSplitsByModel(t *testing.T) {
	rows := sources(t)
	data, err := prepare(classes(t, rows, classMemory))
	require.NoError(t, err)
	sheets := map[string]bool{}
	for _, d := range data[classMemory] {
		sheets[d.sheet.Name] = true
	}
	require.True(t, sheets["H800 PCIe"])
	assert.Contains(t, groups(data[classMemory], byModel), "H100")
	residuals, err := leftOut(classMemory, data[classMemory], byModel, 0.02)
	require.NoError(t, err)
	// Nobody but the H200 ran a chip of clusters in pairs: those rows are refused, not guessed.
	assert.Less(t, len(residuals), len(data[classMemory]))
	for _, r := range residuals {
		assert.NotEqual(t, "", r.group)
	}
}

func TestEvaluateNeedsTwoGPUs(t *testing.T) {
	rows := []Row{{GPU: "H200 SXM", Query: query(t, "dram"), Value: 4600}}
	_, err := Fit(rows)
	assert.ErrorIs(t, err, ErrTooFewGPUs)
	scores, err := Evaluate(rows, LeaveModel)
	require.NoError(t, err)
	assert.Zero(t, means(scores)["memory"].Rows)
	other := Row{GPU: "A100 PCIe 40GB", Query: query(t, "shared"), Value: 128}
	_, err = Fit([]Row{rows[0], other})
	assert.ErrorIs(t, err, ErrTooFewGPUs, "two GPUs that have no benchmark in common")
	rows[0].Value = -1
	_, err = Fit(rows)
	assert.ErrorContains(t, err, "not a positive number")
}

func TestMarkdown(t *testing.T) {
	text := Markdown([]Score{{Class: "latency", GPU: "H100", Rows: 3, Model: 0.017}, {Class: "tensor", GPU: "all", Refused: 7}, {Class: "tensor", Rows: 9, Roofline: 0.2, Intervals: true, Covered: 0.9, Probed: 0.01, Unprobed: 0.02, ProbedRows: 4}})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	require.Len(t, lines, 5)
	for _, l := range lines {
		assert.Equal(t, 13, strings.Count(l, "|"))
	}
	assert.Contains(t, lines[2], "| H100 | 3 | 0 |  | 0.0 |")
	assert.Contains(t, lines[4], "| 90.0 | 0.0 | 1.0 (2.0), 4 rows |")
}

func TestPublished(t *testing.T) {
	rows, err := Published()
	require.NoError(t, err)
	assert.Greater(t, len(rows), 200)
	gpus := map[string]bool{}
	for i, r := range rows {
		gpus[r.GPU] = true
		assert.NotEmpty(t, r.Source)
		if i > 0 && rows[i-1].GPU == r.GPU {
			assert.LessOrEqual(t, rows[i-1].Query.String(), r.Query.String(), "order")
		}
	}
	for _, want := range []string{"A100 PCIe 40GB", "RTX 4090", "H800 PCIe", "H100 PCIe", "B200", "V100 SXM2", "GH200 96GB", "RTX 5090"} {
		assert.True(t, gpus[want], want)
	}
}

// A translation that finds no figure is misspelt. Those of wgmma are made of all
// combinations, of which the papers have some.
func TestTranslationsFindFigures(t *testing.T) {
	wgmma := 0
	for _, tr := range translations() {
		found := len(published.Find(tr.from))
		if tr.from.Benchmark == "wgmma throughput" {
			wgmma += found
			continue
		}
		assert.Positive(t, found, "%+v", tr.from)
	}
	assert.Equal(t, len(published.Find(published.Query{Benchmark: "wgmma throughput"})), wgmma+2, "all but two sparse figures without a fill")
}

// What the generator writes is what the program carries.
func TestRegenerate(t *testing.T) {
	m, err := Build(mlperfFile(t))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, m.Write(&b))
	assert.True(t, b.String() == embedded, "model.json is not what go generate makes")
}

// Without MLPerf's files, the classes that do not need them are made again.
func TestRegenerateFromWhatIsCarried(t *testing.T) {
	rows := sources(t)
	again, err := Fit(classes(t, rows, classTensor, classMemory, classVector, classDecoder))
	require.NoError(t, err)
	carried := model(t)
	for c, l := range again.classes {
		assert.Equal(t, rounded(l.coefficients), rounded(carried.classes[c].coefficients), string(c))
		assert.Equal(t, rounded(l.factors), rounded(carried.classes[c].factors), string(c))
	}
	assert.Equal(t, 1, len(carried.Origin.Recorded))
	_, err = carried.Predict("l40s", query(t, "mlperf/resnet50"), nil)
	assert.NoError(t, err)
	_, err = again.Predict("l40s", query(t, "mlperf/resnet50"), nil)
	assert.ErrorIs(t, err, ErrNothingKnown)
}
