package results

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var nan, inf = math.NaN(), math.Inf(1)

func TestFiniteLeavesAFiniteDocument(t *testing.T) {
	d := fullDocument()
	assert.Same(t, d, Finite(d))
}

func TestFiniteValueBecomesAnError(t *testing.T) {
	d := &Document{Rows: []Row{
		{Benchmark: "a", Value: nan, Status: OK, Interval: &[2]float64{1, 2}},
		{Benchmark: "b", Value: inf, Status: Flagged, Reason: "not saturated"},
		{Benchmark: "c", Value: nan, Status: Unsupported, Reason: "needs sm_90a", Annotations: []string{"kept"}},
		{Benchmark: "d", Value: 4, Status: OK},
	}}
	f := Finite(d)
	require.NotSame(t, d, f)
	assert.Equal(t, Row{Benchmark: "a", Status: Failed, Reason: "the value came out as NaN", Interval: &[2]float64{1, 2}}, f.Rows[0])
	assert.Equal(t, Row{Benchmark: "b", Status: Failed, Reason: "the value came out as +Inf; not saturated"}, f.Rows[1])
	assert.Equal(t, Unsupported, f.Rows[2].Status)
	assert.Equal(t, "needs sm_90a", f.Rows[2].Reason)
	assert.Equal(t, []string{"kept", "the value came out as NaN"}, f.Rows[2].Annotations)
	assert.Equal(t, d.Rows[3], f.Rows[3])
	assert.True(t, math.IsNaN(d.Rows[0].Value), "the document given is not changed")
	assert.Equal(t, []string{"kept"}, d.Rows[2].Annotations)
}

func TestFiniteLeavesOutWhatIsBesideTheValue(t *testing.T) {
	power := nan
	row := Row{Value: 4, Status: OK, Interval: &[2]float64{nan, 5}, Confidence: 0.95, Stats: &Stats{N: 2, Median: nan},
		Peak: &Peak{Value: 1, Percent: inf}, Band: &[2]float64{0, inf}, ClockMHz: nan, PowerW: &power, TemperatureC: &power,
		Published: []Published{{GPU: "A100", Value: nan}, {GPU: "H800", Value: 4}}}
	got := Finite(&Document{Rows: []Row{row}}).Rows[0]
	assert.Equal(t, OK, got.Status)
	assert.Equal(t, 4.0, got.Value)
	assert.Nil(t, got.Interval)
	assert.Zero(t, got.Confidence)
	assert.Nil(t, got.Stats)
	assert.Nil(t, got.Peak)
	assert.Nil(t, got.Band)
	assert.Zero(t, got.ClockMHz)
	assert.Nil(t, got.PowerW)
	assert.Nil(t, got.TemperatureC)
	assert.Equal(t, []Published{{GPU: "H800", Value: 4}}, got.Published)
	assert.Len(t, got.Annotations, 7)
	assert.NotNil(t, row.Interval)
	assert.Len(t, row.Published, 2)
}

func TestFiniteCurvesGridsAndSensors(t *testing.T) {
	one, bad := 1.0, nan
	d := &Document{
		Series: []Series{{XY: []XY{{X: 1, Y: 2, Low: nan, High: 3}, {X: 2, Y: inf}, {X: 3, Y: 4, Low: 3, High: 5}},
			Marks: []Mark{{X: nan}, {X: 2, Label: "knee"}}}},
		Grids:     []Grid{{Cells: [][]*float64{{&one, &bad}, {nil, &one}}}},
		Telemetry: []Sensors{{PowerW: &bad, SMClockMHz: &one}},
		Raw:       []Raw{{Rounds: []Reading{{ElapsedNS: inf, Sensors: Sensors{EnergyJ: &bad}}}}},
		Phases:    []Phase{{Name: "compile", Seconds: nan}},
		Kernels:   []Kernel{{Hash: "k", Seconds: inf}},
		Canary:    []Canary{{Name: "a", Value: nan}, {Name: "b", Value: 1}},
		Device:    Device{MaxClockMHz: nan}, Compile: Compile{SlowestSecs: inf},
	}
	f := Finite(d)
	assert.Equal(t, []XY{{X: 1, Y: 2}, {X: 3, Y: 4, Low: 3, High: 5}}, f.Series[0].XY)
	assert.Equal(t, []Mark{{X: 2, Label: "knee"}}, f.Series[0].Marks)
	assert.Equal(t, [][]*float64{{&one, nil}, {nil, &one}}, f.Grids[0].Cells)
	assert.Equal(t, []Sensors{{SMClockMHz: &one}}, f.Telemetry)
	assert.Equal(t, []Reading{{}}, f.Raw[0].Rounds)
	assert.Equal(t, []Phase{{Name: "compile"}}, f.Phases)
	assert.Equal(t, []Kernel{{Hash: "k"}}, f.Kernels)
	assert.Equal(t, []Canary{{Name: "b", Value: 1}}, f.Canary)
	assert.Zero(t, f.Device.MaxClockMHz)
	assert.Zero(t, f.Compile.SlowestSecs)
	assert.NotNil(t, d.Grids[0].Cells[0][1], "the document given is not changed")
	assert.True(t, math.IsInf(d.Series[0].XY[1].Y, 1))
}

// TestFiniteMissesNoNumber puts NaN in every number of a full document, one at
// a time, found by reflection: a new field that Finite forgets cannot be encoded.
func TestFiniteMissesNoNumber(t *testing.T) {
	count := len(floats(reflect.ValueOf(fullDocument())))
	require.Greater(t, count, 50)
	for i := range count {
		d := fullDocument()
		floats(reflect.ValueOf(d))[i].SetFloat(nan)
		var b bytes.Buffer
		require.NoError(t, Encode(&b, d), "number %d", i)
		_, err := Decode(&b)
		require.NoError(t, err, "number %d", i)
	}
}

// floats lists every number with a fraction in a value.
func floats(v reflect.Value) []reflect.Value {
	var list []reflect.Value
	switch v.Kind() {
	case reflect.Float64:
		return []reflect.Value{v}
	case reflect.Pointer:
		if !v.IsNil() {
			return floats(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			list = append(list, floats(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				list = append(list, floats(v.Field(i))...)
			}
		}
	}
	return list
}
