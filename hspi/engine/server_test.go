package engine

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/probe"
)

// python is an interpreter with the packages that are needed. Where GPUBENCH_PYTHON
// names one, it must have them.
func python(t *testing.T) string {
	t.Helper()
	name := os.Getenv("GPUBENCH_PYTHON")
	if name == "" {
		name = "python3"
	}
	out, err := exec.CommandContext(t.Context(), name, "-c", "import gguf, numpy, llama_cpp.server.app").CombinedOutput()
	if err == nil {
		return name
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	reason := fmt.Sprintf("%s has no llama-cpp-python[server] and gguf: %v: %s", name, err, lines[len(lines)-1])
	if os.Getenv("GPUBENCH_PYTHON") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}

// model makes the tiny model of a type.
func model(t *testing.T, python, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny-"+kind+".gguf")
	out, err := exec.CommandContext(t.Context(), python, "testdata/make_gguf.py", kind, path).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// serve starts the server on a free port of loopback and stops it at the end of
// the test.
func serve(t *testing.T, python, path string) probe.Endpoint {
	t.Helper()
	port := freePort(t)
	var log bytes.Buffer
	cmd := exec.Command(python, "-m", "llama_cpp.server", "--model", path, "--model_alias", "tiny", "--n_ctx", "1024",
		"--host", "127.0.0.1", "--port", port, "--n_threads", "1", "--n_threads_batch", "1", "--verbose", "false")
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
		if t.Failed() {
			t.Logf("the server said:\n%s", log.String())
		}
	})
	address := "http://127.0.0.1:" + port + "/v1"
	waitFor(t, address+"/models")
	e, err := probe.ParseEndpoint(address)
	require.NoError(t, err)
	return e
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// waitFor waits until the server answers.
func waitFor(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		require.NoError(t, err)
		reply, err := http.DefaultClient.Do(q)
		if err == nil {
			require.NoError(t, reply.Body.Close())
			return
		}
		require.NoError(t, ctx.Err(), "the server does not start")
		time.Sleep(100 * time.Millisecond)
	}
}
