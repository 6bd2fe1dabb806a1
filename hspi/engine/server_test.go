package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/probe"
)

// python is an interpreter that has some modules: the one that GPUBENCH_PYTHON
// names, that of deploy/python-tools.sh, or python3. Without them the test is
// skipped, but fails in CI.
func python(t *testing.T, modules string) string {
	t.Helper()
	name, err := filepath.Abs(filepath.Join("..", "..", ".cache", "python", "bin", "python"))
	require.NoError(t, err)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		name = "python3"
	}
	if named := os.Getenv("GPUBENCH_PYTHON"); named != "" {
		name = named
	}
	out, err := exec.CommandContext(t.Context(), name, "-c", "import "+modules).CombinedOutput()
	if err == nil {
		return name
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	reason := fmt.Sprintf("%s cannot import %s: %v: %s; deploy/python-tools.sh makes one that can", name, modules, err, lines[len(lines)-1])
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}

// server is a process that serves a model on loopback.
type server struct {
	endpoint probe.Endpoint
	stop     func()
}

// serve starts a server, which prints a line with its port when it is ready. It is
// stopped at the end of the test at the latest.
func serve(t *testing.T, name string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(name, args...)
	var log bytes.Buffer
	cmd.Stderr = &log
	stdin, err := cmd.StdinPipe() // held open: its end tells the server that the test is gone
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &server{stop: sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		killer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer killer.Stop()
		_ = cmd.Wait()
		_ = stdin.Close()
		if t.Failed() {
			t.Logf("the server said:\n%s", log.String())
		}
	})}
	t.Cleanup(s.stop)
	lines := bufio.NewReader(stdout)
	var ready struct{ Port int }
	for ready.Port == 0 {
		line, err := lines.ReadBytes('\n')
		require.NoError(t, err, "the server does not start")
		_ = json.Unmarshal(line, &ready) // other lines are the engine's own
	}
	s.endpoint, err = probe.ParseEndpoint(fmt.Sprintf("http://127.0.0.1:%d/v1", ready.Port))
	require.NoError(t, err)
	return s
}
