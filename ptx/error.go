package ptx

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Error is a mistake in the use of the builder, at the line of the code that made it.
type Error struct {
	// Kernel is the entry under construction.
	Kernel string
	// File and Line point at the caller outside this package.
	File string
	Line int
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d: kernel %s: %v", filepath.Base(e.File), e.Line, e.Kernel, e.Err)
}

// Unwrap gives the mistake without its place.
func (e *Error) Unwrap() error { return e.Err }

func (k *Kernel) failf(format string, args ...any) {
	k.errs = append(k.errs, k.at(fmt.Errorf(format, args...)))
}

// at puts the caller's line before a mistake.
func (k *Kernel) at(err error) error { return k.from(caller(), err) }

func (k *Kernel) from(p place, err error) error {
	return &Error{Kernel: k.Name, File: p.file, Line: p.line, Err: err}
}

// place is a line of the code that uses the builder.
type place struct {
	file string
	line int
}

// caller finds the first frame outside this package.
func caller() place {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "gpubench/ptx.") || !more {
			return place{f.File, f.Line}
		}
	}
}
