package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
)

// world is what a command sees of the system, so that tests can give another.
type world struct {
	out, err io.Writer
	// width is the terminal's, 0 where out is no terminal.
	width int
	// live says that err is a terminal, for a progress bar.
	live bool
	// liveWidth is the width of that terminal, 0 for not known.
	liveWidth int
	now       func() time.Time
	args      []string
	// cache is where compiled kernels are kept, empty for nowhere.
	cache string
	// restart runs this program again with other arguments and gives its exit
	// code; nil where that cannot be.
	restart func(ctx context.Context, args []string) (int, error)
	// open makes the device.
	open func(backend.Options) (dev micro.Device, fallback error, err error)
}

func system() world {
	w := world{out: os.Stdout, err: os.Stderr, now: time.Now, args: os.Args, open: backend.Open, restart: restart,
		live: term.IsTerminal(int(os.Stderr.Fd()))}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		w.width = width
	}
	if width, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil {
		w.liveWidth = width
	}
	if dir, err := os.UserCacheDir(); err == nil {
		w.cache = filepath.Join(dir, "gpubench")
	}
	return w
}

// json prints a value as JSON.
func (w world) json(v any) error {
	e := json.NewEncoder(w.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// tell prints a line for the person at the terminal.
func (w world) tell(format string, args ...any) {
	fmt.Fprintf(w.err, "gpubench: "+format+"\n", args...)
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
	w.tell("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	return exitCode(err)
}

const (
	groupMeasure  = "measure"
	groupInfer    = "infer"
	groupDocument = "document"
)

func newRoot(w world) *cobra.Command {
	root := &cobra.Command{
		Use:   "gpubench",
		Short: "GPU microbenchmarks whose every number says how it was proven",
		Long: `gpubench measures what the units of a GPU do: latency, throughput, bandwidth. Each
number comes with an interval, the clock during the measurement, the machine
instruction that ran and how that was proven, and a check of the result.

The main job is 'gpubench run hopper'. Without an NVIDIA GPU it replays a
recorded run of a real one, and says so everywhere. 'gpubench stream' measures
memory, the host's too; 'gpubench hspi' says what serves an endpoint, and
'gpubench perfpred' what a machine that you do not own would give.

` + exitHelp,
		Example: `  gpubench doctor                     what can this machine measure?
  gpubench run hopper                 measure everything; tables, document, report
  gpubench stream                     memory bandwidth of host and GPU
  gpubench explain dpx/latency        what is measured, and how
  gpubench compare old.json new.json  what became faster or slower`,
		SilenceUsage: true, SilenceErrors: true, DisableFlagsInUseLine: true, SuggestionsMinimumDistance: 2,
		Version: versionLine(),
		Args:    noCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; '%s --help' shows the flags", err, c.CommandPath())
	})
	root.AddGroup(&cobra.Group{ID: groupMeasure, Title: "Measure:"}, &cobra.Group{ID: groupInfer, Title: "Infer:"}, &cobra.Group{ID: groupDocument, Title: "Work with documents:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupMeasure, runCommand(w), streamCommand(w), listCommand(w), explainCommand(w), doctorCommand(w))
	add(groupInfer, hspiCommand(w), perfpredCommand(w))
	add(groupDocument, reportCommand(w), compareCommand(w), exportCommand(w))
	return root
}

func versionLine() string {
	t := version()
	if t.Commit == "" {
		return fmt.Sprintf("%s (%s)", t.Version, t.Go)
	}
	return fmt.Sprintf("%s (commit %s, %s)", t.Version, t.Commit, t.Go)
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
