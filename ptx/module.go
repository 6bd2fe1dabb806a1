// Package ptx builds PTX kernels as Go values. Instructions are checked
// against the table of package isa as they are added; the text that comes out
// is deterministic. The package knows no device and no driver.
package ptx

import (
	"errors"
	"fmt"
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
		Name: name, module: m,
		registers: map[Type]int{}, defined: map[Reg]bool{}, labels: map[Label]bool{},
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
	errs := k.errs
	for l, placed := range k.labels {
		if !placed {
			errs = append(errs, fmt.Errorf("kernel %s: label %s was never placed", k.Name, l))
		}
	}
	for _, s := range k.body {
		if !k.module.target.Supports(s.Form.Target) {
			errs = append(errs, fmt.Errorf("kernel %s: %s needs %s, the module is for %s: %w",
				k.Name, s.Form.Name, s.Form.Target, k.module.target, ErrTarget))
			break
		}
	}
	return errs
}
