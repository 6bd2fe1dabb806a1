package device

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// reading is a trial of some nanoseconds at 1980 MHz.
func reading(ns uint64) results.Reading {
	r := results.Reading{Samples: make([]uint64, words)}
	r.Samples[wordStart], r.Samples[wordStop] = 1000, 1000+ns
	r.Samples[wordSMTime], r.Samples[wordSMTimeEnd] = 1000, 1000+ns
	r.Samples[wordSMClock], r.Samples[wordSMClockEnd] = 5, 5+ns*198/100
	return r
}

// at is a measurement of a shape at a bandwidth in GB/s; the first trial is slow, the last fast.
func at(kernel string, t stream.Type, s shape, bytes uint64, rate float64) *micro.Measured {
	k, _ := stream.Find(kernel)
	ns := counted(k, t, bytes) / rate
	m := &micro.Measured{Point: s.point(kernel, t)}
	for i := range stream.Trials {
		f := 1.0
		switch i {
		case 0:
			f = 5
		case stream.Trials - 1:
			f = 0.5
		}
		m.Readings = append(m.Readings, reading(uint64(ns*f)))
	}
	return m
}

func analyse(t *testing.T, o Options, measured ...*micro.Measured) micro.Analysis {
	a, err := o.bandwidthAnalyse(small(t), measured)
	require.NoError(t, err)
	return a
}

// row finds the row of a kernel.
func row(t *testing.T, a micro.Analysis, kernel, metric string) micro.Row {
	for _, r := range a.Rows {
		if r.Point.Get("kernel") == kernel && r.Metric == metric {
			return r
		}
	}
	t.Fatalf("no row of %s, %s", kernel, metric)
	return micro.Row{}
}

func TestBestShapeBestTrialAndMedian(t *testing.T) {
	o := Options{Kernels: []string{stream.Copy}, Types: []stream.Type{stream.F64}}
	list := shapes(stream.F64)
	bad := &micro.Measured{Point: list[2].point(stream.Copy, stream.F64), Err: errors.New("no memory")}
	a := analyse(t, o, at(stream.Copy, stream.F64, list[0], defaultBytes, 3000), at(stream.Copy, stream.F64, list[1], defaultBytes, 4000), bad)
	best, median := row(t, a, stream.Copy, stream.MetricBest), row(t, a, stream.Copy, stream.MetricMedian)
	assert.InEpsilon(t, 8000, best.Value, 1e-3, "the fastest trial of the better shape")
	assert.InEpsilon(t, 4000, median.Value, 1e-3)
	assert.Equal(t, stream.Trials-1, median.Stats.N, "the first is not counted")
	assert.Nil(t, best.Interval)
	assert.NotNil(t, median.Interval)
	assert.InDelta(t, 1980, median.ClockMHz, 1)
	assert.Contains(t, median.Annotations, stream.Variant)
	assert.Contains(t, median.Annotations[0], list[1].String())
	assert.InDelta(t, 100*4000/4800.0, median.Peak.Percent, 0.1)
	assert.Equal(t, results.OK, median.Status)

	require.Len(t, a.Grids, 1)
	cells := a.Grids[0].Cells[0]
	require.Len(t, cells, len(list))
	assert.InEpsilon(t, 3000, *cells[0], 1e-3)
	assert.InEpsilon(t, 4000, *cells[1], 1e-3)
	assert.Nil(t, cells[2])
}

func TestNothingMeasuredIsARowThatSaysWhy(t *testing.T) {
	o := Options{Kernels: []string{stream.Copy}, Types: []stream.Type{stream.F64}}
	a := analyse(t, o, &micro.Measured{Point: shapes(stream.F64)[0].point(stream.Copy, stream.F64), Err: errors.New("no memory")})
	require.Len(t, a.Rows, 1)
	assert.Equal(t, results.Failed, a.Rows[0].Status)
	assert.Contains(t, a.Rows[0].Reason, "no memory")
}

func TestForcedRowsAreFlagged(t *testing.T) {
	o := Options{Kernels: []string{stream.Copy}, Types: []stream.Type{stream.F64}, Bytes: granule, Force: true}
	a := analyse(t, o, at(stream.Copy, stream.F64, shapes(stream.F64)[0], granule, 4000))
	for _, r := range a.Rows {
		assert.Equal(t, results.Flagged, r.Status)
		assert.Contains(t, r.Reason, "less than four times L2")
	}
}

// TestBoundIsSaidOnlyWhereItIsShown needs both pure kernels near the peak in the same run.
func TestBoundIsSaidOnlyWhereItIsShown(t *testing.T) {
	o := Options{Kernels: []string{stream.Copy, stream.Read, stream.Write, stream.Softmax2}, Types: []stream.Type{stream.F64}}
	s := shapes(stream.F64)[3]
	for name, tt := range map[string]struct {
		copy, read, write float64
		bound             bool
	}{
		"shown":                {4300, 4650, 4700, true},
		"copy is fast":         {4700, 4650, 4700, false},
		"reading is slow too":  {4300, 4400, 4700, false},
		"writing is slow too":  {4300, 4650, 4400, false},
		"writing not measured": {4300, 4650, 0, false},
	} {
		list := []*micro.Measured{at(stream.Copy, stream.F64, s, defaultBytes, tt.copy), at(stream.Read, stream.F64, s, defaultBytes, tt.read),
			at(stream.Softmax2, stream.F64, s, defaultBytes, 4000)}
		if tt.write > 0 {
			list = append(list, at(stream.Write, stream.F64, s, defaultBytes, tt.write))
		}
		a := analyse(t, o, list...)
		says := func(kernel string) bool {
			return strings.Contains(fmt.Sprint(row(t, a, kernel, stream.MetricMedian).Annotations), "bound by")
		}
		assert.Equal(t, tt.bound, says(stream.Copy), name)
		assert.False(t, says(stream.Read), name)
		assert.False(t, says(stream.Softmax2), name)
	}
}

func TestTrialsRefuseWhatCannotBe(t *testing.T) {
	short := &micro.Measured{Readings: []results.Reading{{Samples: []uint64{1, 2}}}}
	_, _, err := trials(short, 1)
	assert.ErrorContains(t, err, "expected 6")
	back := reading(5)
	back.Samples[wordStop] = 3
	_, _, err = trials(&micro.Measured{Readings: []results.Reading{back}}, 1)
	assert.ErrorContains(t, err, "stops before")
}

func TestMixtureAgainstItsParts(t *testing.T) {
	gpu := small(t)
	measure := func(x mix, rate float64) *micro.Measured {
		m := &micro.Measured{Point: results.P("reads", fmt.Sprint(x.reads), "writes", fmt.Sprint(x.writes))}
		for range stream.Trials {
			m.Readings = append(m.Readings, reading(uint64(float64(x.bytes(gpu))*float64(x.arrays())/rate)))
		}
		return m
	}
	a, err := mixAnalyse(gpu, []*micro.Measured{measure(mix{0, 1}, 2000), measure(mix{1, 1}, 1500), measure(mix{1, 0}, 4000)})
	require.NoError(t, err)
	require.Len(t, a.Rows, 4)
	loss := a.Rows[2]
	assert.Equal(t, "ratio", loss.Unit)
	assert.InDelta(t, 1500/(2/(1/4000.0+1/2000.0)), loss.Value, 1e-4)
	require.Len(t, a.Series, 1)
	assert.Equal(t, []float64{0, 0.5, 1}, []float64{a.Series[0].XY[0].X, a.Series[0].XY[1].X, a.Series[0].XY[2].X})
}

func TestDriverCopyIsASlope(t *testing.T) {
	gpu := small(t)
	m := &micro.Measured{Point: results.P("op", opCopy)}
	for range stream.Trials { // 1 ms each, and 50 µs that do not count
		m.Readings = append(m.Readings, results.Reading{Samples: []uint64{0, 1_050_000, 2_000_000, 5_050_000}})
	}
	a, err := Options{}.driverCopyAnalyse(gpu, []*micro.Measured{m})
	require.NoError(t, err)
	assert.InDelta(t, 2*defaultBytes/1e6, a.Rows[0].Value, 1e-6)
	assert.Equal(t, results.ProofScaling, a.Rows[0].Proof.Kind)
	m.Readings[3].Samples[3] = 2_000_100
	_, err = Options{}.driverCopyAnalyse(gpu, []*micro.Measured{m})
	assert.ErrorContains(t, err, "do not grow")
}
