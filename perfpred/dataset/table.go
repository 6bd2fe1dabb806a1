// Package dataset holds what is known about machines and what was measured on
// them: tables with named columns, their loaders, the checks that every table
// passes through, splits by group and encoders fitted on training rows only.
package dataset

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Errors of tables and loaders; all are wrapped with what was attempted.
var (
	// ErrNoColumn says that a named column, target or group is not in a table.
	ErrNoColumn = errors.New("no such column")
	// ErrShape says that a column's length is not the table's, or that a table
	// is too small for what was asked.
	ErrShape = errors.New("wrong shape")
	// ErrSchema says that a file lacks the columns of the schema it is read as.
	ErrSchema = errors.New("not the expected schema")
	// ErrValue says that a value cannot be true, or cannot be read.
	ErrValue = errors.New("absurd value")
)

// Names of group columns that loaders fill where they apply.
const (
	GroupCPU    = "cpu"    // a CPU model: "Xeon Gold 6226"
	GroupFamily = "family" // what CPU models share: "Cascade Lake"
	GroupVendor = "vendor" // the CPU's maker: "Intel"
	GroupSystem = "system" // the box's maker: "Dell"
	GroupGPU    = "gpu"    // a GPU model: "h100-pcie"
)

// Scale says on which axis a numeric feature is compared.
type Scale string

// The scales: a Log column holds positive values (or NaN) and models see its
// logarithm; a Linear column is seen as it is.
const (
	Linear Scale = "linear"
	Log    Scale = "log"
)

// Column is a numeric feature: one value per row in Unit, NaN where unknown.
// Main marks the few columns whose products matter: linear models see the
// products of any two of them.
type Column struct {
	Name   string
	Unit   string
	Scale  Scale
	Main   bool
	Values []float64
}

// Category is a feature of names: one per row, "" where unknown.
type Category struct {
	Name   string
	Values []string
}

// Target is what is to be predicted: one positive value per row, NaN where it
// was not measured (trainers leave such rows out).
//
// Base, if not empty, names the numeric column that the target would be
// proportional to in the simplest physics (cores times clock). Models learn
// ln(value/base), so that what they learn holds from one core to hundreds.
type Target struct {
	Name           string
	Unit           string
	HigherIsBetter bool
	Base           string
	Values         []float64
}

// Provenance says where a row comes from: file and its line (the header is
// line 1), and the publisher's own identifier of the result if it has one.
type Provenance struct {
	File string
	Line int
	ID   string
}

// Table is a rectangle: every column, category, target, group and Origin has
// Rows entries in the same order. A row to predict is a Table without targets.
//
// Groups are names that rows share (see GroupCPU); they are for splits and for
// naming neighbours, not features.
type Table struct {
	Name     string
	Rows     int
	Numeric  []Column
	Category []Category
	Targets  []Target
	Groups   map[string][]string
	Origin   []Provenance
	// Findings are what loaders and checks found, worst first.
	Findings []Finding
}

// Column returns the numeric column of that name.
func (t *Table) Column(name string) (*Column, error) {
	i := slices.IndexFunc(t.Numeric, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%s: numeric column %q: %w", t.Name, name, ErrNoColumn)
	}
	return &t.Numeric[i], nil
}

// Categories returns the category of that name.
func (t *Table) Categories(name string) (*Category, error) {
	i := slices.IndexFunc(t.Category, func(c Category) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%s: category %q: %w", t.Name, name, ErrNoColumn)
	}
	return &t.Category[i], nil
}

// Target returns the target of that name.
func (t *Table) Target(name string) (*Target, error) {
	i := slices.IndexFunc(t.Targets, func(c Target) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%s: target %q: %w", t.Name, name, ErrNoColumn)
	}
	return &t.Targets[i], nil
}

// TargetNames returns the names of all targets in the table's order.
func (t *Table) TargetNames() []string {
	names := make([]string, len(t.Targets))
	for i := range t.Targets {
		names[i] = t.Targets[i].Name
	}
	return names
}

// Group returns each row's name in the group column.
func (t *Table) Group(name string) ([]string, error) {
	g, ok := t.Groups[name]
	if !ok {
		return nil, fmt.Errorf("%s: group %q: %w", t.Name, name, ErrNoColumn)
	}
	return g, nil
}

// Baseline returns the target's base per row: the column that Target.Base
// names, or ones. A base that is missing or not positive is NaN.
func (t *Table) Baseline(base string) ([]float64, error) {
	out := make([]float64, t.Rows)
	if base == "" {
		for i := range out {
			out[i] = 1
		}
		return out, nil
	}
	c, err := t.Column(base)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	for i, v := range c.Values {
		out[i] = v
		if !(v > 0) {
			out[i] = math.NaN()
		}
	}
	return out, nil
}

// LogRatio returns ln(value/base) of the target per row, NaN where either is
// missing or not positive.
func (t *Table) LogRatio(target string) ([]float64, error) {
	y, err := t.Target(target)
	if err != nil {
		return nil, err
	}
	base, err := t.Baseline(y.Base)
	if err != nil {
		return nil, err
	}
	out := make([]float64, t.Rows)
	for i := range out {
		out[i] = math.NaN()
		if v := y.Values[i]; v > 0 && base[i] > 0 && !math.IsInf(v, 0) {
			out[i] = math.Log(v / base[i])
		}
	}
	return out, nil
}

// Select returns a new table of the rows with these indexes, in this order.
// Nothing is shared with t but strings.
func (t *Table) Select(rows []int) *Table {
	out := &Table{Name: t.Name, Rows: len(rows), Groups: make(map[string][]string, len(t.Groups))}
	for _, c := range t.Numeric {
		c.Values = pick(c.Values, rows)
		out.Numeric = append(out.Numeric, c)
	}
	for _, c := range t.Category {
		c.Values = pick(c.Values, rows)
		out.Category = append(out.Category, c)
	}
	for _, c := range t.Targets {
		c.Values = pick(c.Values, rows)
		out.Targets = append(out.Targets, c)
	}
	for name, g := range t.Groups {
		out.Groups[name] = pick(g, rows)
	}
	if t.Origin != nil {
		out.Origin = pick(t.Origin, rows)
	}
	return out
}

func pick[T any](from []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

// Valid returns an error if the table is not a rectangle, if two columns share
// a name or if a Log column holds a value that has no logarithm.
func (t *Table) Valid() error {
	seen := map[string]bool{}
	check := func(kind, name string, n int) error {
		if n != t.Rows {
			return fmt.Errorf("%s: %s %q has %d values for %d rows: %w", t.Name, kind, name, n, t.Rows, ErrShape)
		}
		if seen[name] {
			return fmt.Errorf("%s: two columns named %q: %w", t.Name, name, ErrShape)
		}
		seen[name] = true
		return nil
	}
	for _, c := range t.Numeric {
		if err := check("column", c.Name, len(c.Values)); err != nil {
			return err
		}
		if i := slices.IndexFunc(c.Values, func(v float64) bool { return c.Scale == Log && v <= 0 || math.IsInf(v, 0) }); i >= 0 {
			return fmt.Errorf("%s: %s = %g %s in row %d: %w", t.Name, c.Name, c.Values[i], c.Unit, i, ErrValue)
		}
	}
	for _, c := range t.Category {
		if err := check("category", c.Name, len(c.Values)); err != nil {
			return err
		}
	}
	for _, c := range t.Targets {
		if err := check("target", c.Name, len(c.Values)); err != nil {
			return err
		}
	}
	for name, g := range t.Groups {
		if len(g) != t.Rows {
			return fmt.Errorf("%s: group %q has %d values for %d rows: %w", t.Name, name, len(g), t.Rows, ErrShape)
		}
	}
	if t.Origin != nil && len(t.Origin) != t.Rows {
		return fmt.Errorf("%s: %d origins for %d rows: %w", t.Name, len(t.Origin), t.Rows, ErrShape)
	}
	return nil
}
