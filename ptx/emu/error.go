package emu

import (
	"errors"
	"fmt"
)

// Errors of a run. All but ErrUnsupported come wrapped in a *Fault.
var (
	// ErrUnsupported marks an instruction, or a use of one, that the emulator has no model of.
	ErrUnsupported = errors.New("not modelled by the emulator")
	// ErrBounds marks an access outside every allocation.
	ErrBounds = errors.New("address is outside every allocation")
	// ErrAlign marks an access whose address is not a multiple of its size.
	ErrAlign = errors.New("address is misaligned")
	// ErrDeadlock marks threads that wait for something that cannot happen.
	ErrDeadlock = errors.New("deadlock")
	// ErrSteps marks a run that used up its steps.
	ErrSteps = errors.New("too many steps")
	// ErrTrap marks a kernel that executed trap.
	ErrTrap = errors.New("trap")
	// ErrIllegal marks a use of an instruction that PTX leaves undefined.
	ErrIllegal = errors.New("illegal use")
	// ErrLaunch marks a launch whose shape or arguments do not fit the kernel.
	ErrLaunch = errors.New("bad launch")
)

// Fault is an error of a running kernel, with its place.
type Fault struct {
	Kernel string
	// Statement is the index in Kernel.Body, Instruction its name.
	Statement   int
	Instruction string
	CTA         [3]int
	Warp, Lane  int // Lane is -1 if the whole warp is meant
	// Space, Address and Bytes describe the access, if it was one.
	Space   string
	Address uint64
	Bytes   int
	Err     error
}

func (f *Fault) Error() string {
	text := fmt.Sprintf("kernel %s, statement %d (%s), CTA %v, warp %d", f.Kernel, f.Statement, f.Instruction, f.CTA, f.Warp)
	if f.Lane >= 0 {
		text += fmt.Sprintf(", lane %d", f.Lane)
	}
	if f.Space != "" {
		text += fmt.Sprintf(", %d bytes at %s address %#x", f.Bytes, f.Space, f.Address)
	}
	return text + ": " + f.Err.Error()
}

// Unwrap gives the reason.
func (f *Fault) Unwrap() error { return f.Err }

// accessError is a failed access before its place is known.
type accessError struct {
	lane  int
	space string
	addr  uint64
	bytes int
	err   error
}

func (e *accessError) Error() string { return e.err.Error() }
func (e *accessError) Unwrap() error { return e.err }

func illegalf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrIllegal, fmt.Sprintf(format, args...))
}

func unsupportedf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrUnsupported)
}
