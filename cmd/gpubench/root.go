package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/export"
)

// world is what a command sees of the system, so that tests can give another.
type world struct {
	out, err io.Writer
	// width is the terminal's, 0 where out is no terminal.
	width int
	// live says that err is a terminal, for a progress bar.
	live bool
	now  func() time.Time
	args []string
	// cache is where compiled kernels are kept, empty for nowhere.
	cache string
}

func system() world {
	w := world{out: os.Stdout, err: os.Stderr, now: time.Now, args: os.Args, live: term.IsTerminal(int(os.Stderr.Fd()))}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		w.width = width
	}
	if dir, err := os.UserCacheDir(); err == nil {
		w.cache = dir + "/gpubench"
	}
	return w
}

// Exit codes, as documented in the README.
const (
	exitOK          = 0
	exitFailed      = 1 // anything not listed below
	exitUsage       = 2 // a flag, name or document that cannot be used
	exitNoGPU       = 3 // --backend cuda, and no usable GPU
	exitInterrupted = 4 // interrupted; what was measured is in the document
	exitUnwritten   = 5 // the document went to another place than asked for
	exitCompare     = 6 // compare --fail-on was met
)

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

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, w world) int {
	root := newRoot(w)
	root.SetArgs(args)
	root.SetOut(w.out)
	root.SetErr(w.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(w.err, "gpubench:", err)
	return exitCode(err)
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
		errors.Is(err, backend.ErrUnknown), errors.Is(err, os.ErrNotExist):
		return exitUsage
	}
	return exitFailed
}

func newRoot(w world) *cobra.Command {
	root := &cobra.Command{
		Use:   "gpubench",
		Short: "GPU microbenchmarks whose every number says how it was proven",
		Long: `gpubench measures what the units of a GPU do: latency, throughput, bandwidth. Each
number comes with an interval, the clock during the measurement, the machine
instruction that ran and how that was proven, and a check of the result.

The main job is 'gpubench run hopper'. Without an NVIDIA GPU it replays a
recorded run of a real one, and says so everywhere.`,
		SilenceUsage: true, SilenceErrors: true,
		Version: version().Version,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; '%s --help' shows the flags", err, c.CommandPath())
	})
	root.AddCommand(runCommand(w), listCommand(w), explainCommand(w), doctorCommand(w),
		reportCommand(w), compareCommand(w), exportCommand(w))
	return root
}

// version is the program's own, from the build information.
func version() results.Tool {
	t := results.Tool{Version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return t
	}
	t.Go = info.GoVersion
	if v := info.Main.Version; v != "" && v != "(devel)" {
		t.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			t.Commit = s.Value[:12]
		}
	}
	return t
}
