// Package ptxas runs NVIDIA's assembler and disassembler where a test has them.
// The shipped program never needs them: the driver compiles.
package ptxas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// ErrMissing means that the tool was not found; make tools fetches it.
var ErrMissing = errors.New("not found in .cache/cuda/bin or PATH: run 'make tools'")

// Find looks for a tool: the environment variable GPUBENCH_PTXAS or
// GPUBENCH_NVDISASM, then .cache/cuda/bin of the source tree, then PATH.
func Find(tool, variable string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		return path, nil
	}
	if _, file, _, ok := runtime.Caller(0); ok {
		path := filepath.Join(filepath.Dir(file), "..", "..", ".cache", "cuda", "bin", tool)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if path, err := exec.LookPath(tool); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s: %w", tool, ErrMissing)
}

// Assemble makes a cubin of PTX text for a target such as "sm_90a".
func Assemble(ctx context.Context, text, target string) ([]byte, error) {
	tool, err := Find("ptxas", "GPUBENCH_PTXAS")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ptxas")
	if err != nil {
		return nil, fmt.Errorf("make a directory for ptxas: %w", err)
	}
	defer os.RemoveAll(dir)
	source, cubin := filepath.Join(dir, "kernel.ptx"), filepath.Join(dir, "kernel.cubin")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write PTX for ptxas: %w", err)
	}
	if out, err := run(ctx, tool, "-arch="+target, "-o", cubin, source); err != nil {
		return nil, fmt.Errorf("ptxas -arch=%s: %w\n%s", target, err, out)
	}
	return os.ReadFile(cubin)
}

// Disassemble lists a cubin's code with nvdisasm.
func Disassemble(ctx context.Context, cubin []byte) (string, error) {
	tool, err := Find("nvdisasm", "GPUBENCH_NVDISASM")
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "*.cubin")
	if err != nil {
		return "", fmt.Errorf("make a file for nvdisasm: %w", err)
	}
	defer os.Remove(file.Name())
	if _, err := file.Write(cubin); err != nil {
		return "", fmt.Errorf("write cubin for nvdisasm: %w", err)
	}
	if err := file.Close(); err != nil {
		return "", fmt.Errorf("write cubin for nvdisasm: %w", err)
	}
	out, err := run(ctx, tool, "-c", "-hex", file.Name())
	if err != nil {
		return "", fmt.Errorf("nvdisasm: %w\n%s", err, out)
	}
	return out, nil
}

func run(ctx context.Context, tool string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
