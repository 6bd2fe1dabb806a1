package perfpred

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
	"github.com/gpubench/gpubench/perfpred/model"
)

// trained is a ridge on invented results, with intervals.
func trained(t *testing.T) (*Suite, []datatest.Row) {
	t.Helper()
	rows := datatest.Rows(40, 1)
	table, err := dataset.SPEC2017(datatest.File(t, "fp_rate", rows))
	require.NoError(t, err)
	tr, err := Trainer("ridge")
	require.NoError(t, err)
	s, err := Train(t.Context(), table, tr, 1)
	require.NoError(t, err)
	return s, rows
}

func TestPredictKnownCPU(t *testing.T) {
	s, rows := trained(t)
	r := rows[0]
	r.Sockets, r.DIMMs = 2, 12
	r.Measure(1, 1)
	p, err := s.Predict(map[string]string{"model_name": r.CPU, "sockets": "2"}, false)
	require.NoError(t, err)
	require.Len(t, p.Values, 3)
	assert.Equal(t, "501.calc_r", p.Values[1].Target)
	assert.InEpsilon(t, r.Calc, p.Values[1].Value, 0.05, "the rest of the machine is as usual")
	assert.Less(t, p.Values[1].Low, r.Calc)
	assert.Greater(t, p.Values[1].High, r.Calc)
	assert.Equal(t, r.CPU, p.Nearest[0])
	assert.LessOrEqual(t, p.Distance, 1.0)
	assert.Contains(t, p.Assumed, "threads_per_core 2")
	assert.NotContains(t, strings.Join(p.Assumed, " "), "sockets", "that was given")
	assert.Equal(t, "cores", p.Bounds[0].Knob)
}

func TestPredictUnknownCPU(t *testing.T) {
	s, rows := trained(t)
	name := rows[0].CPU + "X"
	_, err := s.Predict(map[string]string{"model_name": name}, false)
	require.ErrorIs(t, err, ErrUnknownCPU)
	assert.Contains(t, err.Error(), rows[0].CPU, "the nearest name is offered")
	assert.Contains(t, err.Error(), "nominal_mhz", "and what would do")

	p, err := s.Predict(map[string]string{"model_name": name, "nominal_mhz": "2500", "max_mhz": "3500", "cores_per_socket": "16", "l2_cache_kb": "1024", "l3_cache_kb": "22528"}, false)
	require.NoError(t, err)
	r := datatest.Row{NominalMHz: 2500, Sockets: 1, Cores: 16, DIMMs: 6}
	for _, a := range p.Assumed {
		if a == "sockets 2" {
			r.Sockets, r.DIMMs = 2, 12
		}
	}
	r.Measure(1, 1)
	assert.InEpsilon(t, r.Calc, p.Values[1].Value, 0.05)
}

// A run without threads knows one core: it does not say what the CPU has.
func TestSerialRunsSayNothingOfTheCPU(t *testing.T) {
	rows := datatest.Rows(3, 1) // without threads, in a speed suite
	for suite, want := range map[string]int{"fp_rate": 3, "fp_speed": 0} {
		table, err := dataset.SPEC2017(datatest.File(t, suite, rows))
		require.NoError(t, err)
		book, err := factsByGroup(table, dataset.GroupCPU, ofCPU())
		require.NoError(t, err)
		assert.Len(t, book, want, suite)
	}
}

func TestPredictTooFar(t *testing.T) {
	s, rows := trained(t)
	far := map[string]string{"model_name": rows[0].CPU, "sockets": "64", "mem_channels": "1000"}
	_, err := s.Predict(far, false)
	require.ErrorIs(t, err, ErrTooFar)
	assert.Contains(t, err.Error(), rows[0].CPU)
	p, err := s.Predict(far, true)
	require.NoError(t, err)
	assert.Greater(t, p.Distance, float64(tooFar))
	assert.NotEmpty(t, p.Outside)
	near, err := s.Predict(map[string]string{"model_name": rows[0].CPU}, false)
	require.NoError(t, err)
	assert.Greater(t, p.Values[0].High/p.Values[0].Low, near.Values[0].High/near.Values[0].Low)
}

func TestPredictRefusesNonsense(t *testing.T) {
	s, rows := trained(t)
	_, err := s.Predict(map[string]string{"model_name": rows[0].CPU, "nominal_mhz": "2.5"}, false)
	assert.ErrorIs(t, err, dataset.ErrValue)
	_, err = s.Predict(map[string]string{"model_name": rows[0].CPU, "colour": "blue"}, false)
	assert.ErrorIs(t, err, dataset.ErrNoColumn)
}

func TestSuiteFile(t *testing.T) {
	s, rows := trained(t)
	var file bytes.Buffer
	require.NoError(t, s.Write(&file))
	text := file.String()
	back, err := Read(file.Bytes())
	require.NoError(t, err)
	given := map[string]string{"model_name": rows[4].CPU}
	want, err := s.Predict(given, false)
	require.NoError(t, err)
	got, err := back.Predict(given, false)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	_, err = Read([]byte(strings.Replace(text, fmt.Sprintf(`"version":%d`, model.Version), `"version":1`, 1)))
	assert.ErrorIs(t, err, model.ErrVersion)
	_, err = Read([]byte("{}"))
	assert.ErrorIs(t, err, model.ErrFile)
	alone, err := model.Constant{}.Fit(t.Context(), &dataset.Table{Rows: 1, Targets: []dataset.Target{{Name: "y", Values: []float64{1}}}}, []string{"y"}, 0)
	require.NoError(t, err)
	file.Reset()
	require.NoError(t, model.Save(&file, alone))
	_, err = Read(file.Bytes())
	assert.ErrorIs(t, err, model.ErrKind)
}

func TestImportances(t *testing.T) {
	s, _ := trained(t)
	got, err := s.Importances("501.calc_r")
	require.NoError(t, err)
	require.NotEmpty(t, got)
	var b strings.Builder
	require.NoError(t, WriteImportances(&b, got[:3]))
	assert.Contains(t, b.String(), got[0].Feature)
	_, err = s.Importances("nope")
	assert.ErrorIs(t, err, dataset.ErrNoColumn)
}

func TestWriteText(t *testing.T) {
	p := &Prediction{Suite: "fp_rate", Machine: "Xeon Gold 6226", Model: "stack", Values: []Value{{"score", 100, 90, 110}, {"503.bwaves_r", 5, 0, 0}},
		Nearest: []string{"A", "B"}, Distance: 2, NewFamily: "Next Lake", Wider: 3, Outside: []string{"sockets = 64"}, Assumed: []string{"numas 2"}, Bounds: []model.Elasticity{{Knob: "cores", Value: 0.5}}}
	var b strings.Builder
	require.NoError(t, p.WriteText(&b))
	assert.Equal(t, `SPEC CPU2017 fp_rate on Xeon Gold 6226, predicted by stack

     benchmark  ratio  90 % from   to
         score    100         90  110
  503.bwaves_r      5          -    -

nearest known: A; B
unlike the known machines: 2.0 times as far as these are from each other
a family that nobody has seen: Next Lake
the intervals are 3.0 times as wide for that
outside what is known: sockets = 64
what 1 % more gives: cores +0.50 %
assumed: numas 2
`, b.String())
}

func TestTrainer(t *testing.T) {
	for _, name := range TrainerNames() {
		tr, err := Trainer(name)
		require.NoError(t, err)
		assert.Equal(t, name, tr.Name())
	}
	assert.Contains(t, TrainerNames(), BestTrainer)
	_, err := Trainer("oracle")
	assert.ErrorIs(t, err, ErrUnknownTrainer)
}

func TestThisMachine(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	thread := func(socket string) string {
		return "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold 6226 CPU @ 2.70GHz\nphysical id\t: " + socket + "\ncpu cores\t: 1\n\n"
	}
	root := fstest.MapFS{
		"proc/cpuinfo": file(thread("0") + thread("0") + thread("1") + thread("1")),
		"proc/meminfo": file("MemTotal:       65536000 kB\nMemFree: 1 kB\n"),
		"sys/devices/system/cpu/cpu0/cache/index0/level":       file("1\n"),
		"sys/devices/system/cpu/cpu0/cache/index0/type":        file("Data\n"),
		"sys/devices/system/cpu/cpu0/cache/index0/size":        file("32K\n"),
		"sys/devices/system/cpu/cpu0/cache/index3/level":       file("3\n"),
		"sys/devices/system/cpu/cpu0/cache/index3/type":        file("Unified\n"),
		"sys/devices/system/cpu/cpu0/cache/index3/size":        file("19712K\n"),
		"sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": file("3700000\n"),
		"sys/devices/system/node/node0/cpulist":                file("0-1"),
		"sys/devices/system/node/node1/cpulist":                file("2-3"),
	}
	got, err := ThisMachine(root)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"model_name": "Xeon Gold 6226", "cpus": "4", "sockets": "2", "cores_per_socket": "1", "threads_per_core": "2", "numas": "2",
		"mem_kb": "65536000", "l1d_cache_kb": "32", "l3_cache_kb": "19712", "max_mhz": "3700",
	}, got)

	_, err = ThisMachine(fstest.MapFS{"proc/cpuinfo": file("processor: 0\n")})
	assert.ErrorIs(t, err, ErrUnknownCPU)
	_, err = ThisMachine(fstest.MapFS{})
	assert.Error(t, err)
}

func BenchmarkPredict(b *testing.B) {
	table, err := dataset.SPEC2017(datatest.File(b, "fp_rate", datatest.Rows(40, 1)))
	require.NoError(b, err)
	tr, err := Trainer(BestTrainer)
	require.NoError(b, err)
	s, err := Train(b.Context(), table, tr, 1)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := s.Predict(map[string]string{"model_name": "Xeon Gold 6110"}, true); err != nil {
			b.Fatal(err)
		}
	}
}
