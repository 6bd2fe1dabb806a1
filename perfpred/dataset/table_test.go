package dataset

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func small() *Table {
	return &Table{
		Name: "small", Rows: 3,
		Numeric: []Column{
			{Name: "cores", Unit: "1", Scale: Log, Values: []float64{1, 2, math.NaN()}},
			{Name: "year", Unit: "year", Values: []float64{-1, 0, 1}},
		},
		Category: []Category{{Name: "maker", Values: []string{"a", "b", ""}}},
		Targets:  []Target{{Name: "score", Base: "cores", Values: []float64{math.E, 2, 3}}},
		Groups:   map[string][]string{GroupCPU: {"x", "x", "y"}},
		Origin:   []Provenance{{Line: 2}, {Line: 3}, {Line: 4}},
	}
}

func TestValid(t *testing.T) {
	require.NoError(t, small().Valid())
	for name, spoil := range map[string]func(*Table){
		"short column":         func(t *Table) { t.Numeric[0].Values = t.Numeric[0].Values[:2] },
		"short category":       func(t *Table) { t.Category[0].Values = nil },
		"short target":         func(t *Table) { t.Targets[0].Values = nil },
		"short group":          func(t *Table) { t.Groups[GroupCPU] = nil },
		"short origin":         func(t *Table) { t.Origin = t.Origin[:1] },
		"two of a name":        func(t *Table) { t.Numeric[1].Name = "cores" },
		"a log of nothing":     func(t *Table) { t.Numeric[0].Values[0] = 0 },
		"a value without end":  func(t *Table) { t.Numeric[1].Values[0] = math.Inf(1) },
		"category like column": func(t *Table) { t.Category[0].Name = "year" },
	} {
		table := small()
		spoil(table)
		assert.Error(t, table.Valid(), name)
	}
}

func TestLogRatio(t *testing.T) {
	got, err := small().LogRatio("score")
	require.NoError(t, err)
	assert.InDelta(t, 1, got[0], 1e-12)
	assert.InDelta(t, 0, got[1], 1e-12)
	assert.True(t, math.IsNaN(got[2]), "without a base there is no ratio")

	table := small()
	table.Targets[0].Base = "clock"
	_, err = table.LogRatio("score")
	assert.ErrorIs(t, err, ErrNoColumn)
}

func TestSelect(t *testing.T) {
	table := small()
	got := table.Select([]int{2, 0})
	require.NoError(t, got.Valid())
	assert.Equal(t, []string{"y", "x"}, got.Groups[GroupCPU])
	assert.Equal(t, []float64{3, math.E}, got.Targets[0].Values)
	assert.Equal(t, 4, got.Origin[0].Line)
	got.Targets[0].Values[0] = 99
	assert.Equal(t, 3.0, table.Targets[0].Values[2], "nothing is shared")
}

func TestNamesThatAreNotThere(t *testing.T) {
	table := small()
	_, err := table.Column("nope")
	assert.ErrorIs(t, err, ErrNoColumn)
	_, err = table.Categories("nope")
	assert.ErrorIs(t, err, ErrNoColumn)
	_, err = table.Target("nope")
	assert.ErrorIs(t, err, ErrNoColumn)
	_, err = table.Group("nope")
	assert.ErrorIs(t, err, ErrNoColumn)
}

func TestKnobTurnsOnlyItsRows(t *testing.T) {
	table := small()
	Knob{Up: []string{"cores"}, Down: []string{"year"}}.Turn(table, 2, 0, 2)
	assert.Equal(t, []float64{2, 4}, table.Numeric[0].Values[:2])
	assert.Equal(t, []float64{-0.5, 0, 1}, table.Numeric[1].Values, "the third row stays")
}
