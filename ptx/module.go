// Package ptx builds PTX kernels as Go values. Instructions are checked
// against the table of package isa as they are added; the text that comes out
// is deterministic. The package knows no device and no driver.
package ptx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/ptx/isa"
)

// ErrTarget marks a kernel that uses an instruction newer than its target.
var ErrTarget = errors.New("instruction is newer than the target")

// Module is a set of kernels for one target.
type Module struct {
	table   *isa.Table
	target  isa.Target
	kernels []*Kernel
}

// NewModule starts a module for a target. Several modules may share one table.
func NewModule(table *isa.Table, target isa.Target) *Module {
	return &Module{table: table, target: target}
}

// Target is the target that the module is built for.
func (m *Module) Target() isa.Target { return m.target }

// Kernels lists the kernels in the order of their making.
func (m *Module) Kernels() []*Kernel { return m.kernels }

// Kernel starts a kernel.
func (m *Module) Kernel(name string) *Kernel {
	k := &Kernel{
		Name: name, module: m, made: caller(),
		registers: map[Type]int{}, defined: map[Reg]bool{}, labels: map[Label]*label{}, symbols: map[Symbol]bool{},
	}
	if !identifier(name) {
		k.failf("%q is not a name in PTX", name)
	}
	for _, other := range m.kernels {
		if other.Name == name {
			k.failf("the module has two kernels of this name")
		}
	}
	m.kernels = append(m.kernels, k)
	return k
}

// Needs is the oldest PTX version (times ten) and target that the instructions
// used so far need, derived from the table.
func (m *Module) Needs() (ptxVersion int, target isa.Target) {
	ptxVersion, target = 60, isa.SM70
	for _, k := range m.kernels {
		if k.Cluster[0] > 0 {
			ptxVersion, target = max(ptxVersion, 78), max(target, isa.SM90)
		}
		for _, s := range k.body {
			ptxVersion, target = max(ptxVersion, s.Form.PTX), max(target, s.Form.Target)
		}
	}
	return ptxVersion, target
}

// Build renders the module, or returns every mistake that its kernels collected.
func (m *Module) Build() (string, error) {
	var errs []error
	for _, k := range m.kernels {
		errs = append(errs, k.finish()...)
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	version, _ := m.Needs()
	version = max(version, m.target.PTX())
	var b strings.Builder
	fmt.Fprintf(&b, ".version %d.%d\n.target %s\n.address_size 64\n", version/10, version%10, m.target)
	for _, k := range m.kernels {
		k.render(&b)
	}
	return b.String(), nil
}

// finish adds the checks that need the whole kernel.
func (k *Kernel) finish() []error {
	errs := slices.Clone(k.errs)
	for _, l := range k.order {
		if !k.labels[l].placed {
			errs = append(errs, k.from(k.labels[l].made, fmt.Errorf("label %s was never placed", l)))
		}
	}
	if k.Cluster[0] > 0 && !k.module.target.Supports(isa.SM90) {
		errs = append(errs, k.from(k.made, fmt.Errorf("clusters need %s, the module is for %s: %w", isa.SM90, k.module.target, ErrTarget)))
	}
	if k.MinCTAs > 0 && k.MaxThreads == 0 {
		errs = append(errs, k.from(k.made, errors.New("MinCTAs needs MaxThreads")))
	}
	return errs
}

// identifier reports whether a name is one in PTX: letters, digits, _ and $, no digit first.
func identifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
