package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/export"
)

// Exit codes, as documented by 'gpubench --help'.
const (
	exitOK          = 0
	exitFailed      = 1 // anything not listed below
	exitUsage       = 2 // a flag, name or document that cannot be used
	exitNoGPU       = 3 // the GPU that was asked for cannot be used
	exitInterrupted = 4 // interrupted; what was measured is in the document
	exitUnwritten   = 5 // the document went to another place than asked for, or the report is missing
	exitCompare     = 6 // compare --fail-on was met

	exitContradicted = 7 // hspi: the claim is contradicted
	exitInconclusive = 8 // hspi: the evidence does not decide
	exitNotTestable  = 9 // hspi: nothing of the claim can be tested
)

const exitHelp = `Exit codes
  0  done
  1  failed, for a reason that is not listed here
  2  a flag, name, document or folder that cannot be used
  3  the GPU that was asked for cannot be used
  4  interrupted: what was measured is in the document
  5  the document went to another place than asked for, or the report is missing
  6  compare --fail-on was met
  7  hspi: the claim is contradicted
  8  hspi: the evidence does not decide all of the claim
  9  hspi: nothing of the claim can be tested`

// verdictExits are the codes of commands that judge a claim.
const verdictExits = `Exit codes: 0 consistent, 7 contradicted, 8 inconclusive, 9 not testable, 2 unusable
flags, 4 interrupted, 1 failed.`

// exitError carries an exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func exitCode(err error) int {
	var exit *exitError
	var gone *backend.UnavailableError
	var newer *results.SchemaError
	var format *export.FormatError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &gone):
		return exitNoGPU
	case errors.Is(err, results.ErrCorrupt), errors.As(err, &newer), errors.As(err, &format),
		errors.Is(err, backend.ErrUnknown), errors.Is(err, backend.ErrNoRecording), errors.Is(err, backend.ErrNoSamples),
		errors.Is(err, os.ErrNotExist):
		return exitUsage
	}
	return exitFailed
}
