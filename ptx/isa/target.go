package isa

import (
	"fmt"
	"strconv"
	"strings"
)

// Target is a GPU architecture as PTX names it, "sm_90a": the number times ten,
// plus five for an architecture-specific ("a") target. The order of the
// integers is the order of "runs what came before", but an "a" target runs on
// that exact architecture only.
type Target int

// The targets that kernels are built for, oldest first.
const (
	SM70  Target = 700
	SM75  Target = 750
	SM80  Target = 800
	SM86  Target = 860
	SM89  Target = 890
	SM90  Target = 900
	SM90a Target = 905
)

// AllTargets lists the targets for which every kernel that can be is assembled in tests.
func AllTargets() []Target { return []Target{SM80, SM86, SM89, SM90, SM90a} }

// ParseTarget reads "sm_90a".
func ParseTarget(s string) (Target, error) {
	digits, ok := strings.CutPrefix(s, "sm_")
	digits, specific := strings.CutSuffix(digits, "a")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 50 || n > 999 {
		return 0, fmt.Errorf("target %q is not of the form sm_90 or sm_90a", s)
	}
	t := Target(n * 10)
	if specific {
		t += 5
	}
	return t, nil
}

// TargetOf is the most capable target of a device's compute capability: the
// "a" target where the architecture has one.
func TargetOf(major, minor int) Target {
	t := Target(major*100 + minor*10)
	if t >= SM90 {
		t += 5
	}
	return t
}

// String spells the target as PTX does.
func (t Target) String() string {
	if t.Specific() {
		return fmt.Sprintf("sm_%da", int(t)/10)
	}
	return fmt.Sprintf("sm_%d", int(t)/10)
}

// Specific reports whether t is an architecture-specific ("a") target.
func (t Target) Specific() bool { return t%10 == 5 }

// Base is the target without the "a".
func (t Target) Base() Target { return t - t%10 }

// Supports reports whether code for t may use a form that needs at least need.
func (t Target) Supports(need Target) bool {
	if need.Specific() {
		return t == need
	}
	return t >= need
}

// PTX is the oldest ISA version that knows the target, times ten (PTX ISA 9.1, release notes).
func (t Target) PTX() int {
	switch b := t.Base(); {
	case t == SM90a:
		return 80
	case b <= SM70:
		return 60
	case b <= SM75:
		return 63
	case b <= SM80:
		return 70
	case b <= SM86:
		return 71
	case b <= SM90:
		return 78
	case b < 1200:
		return 86
	default:
		return 87
	}
}
