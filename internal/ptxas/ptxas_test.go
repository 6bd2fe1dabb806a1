package ptxas

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const empty = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n\tret;\n}\n"

func TestFind(t *testing.T) {
	t.Setenv("GPUBENCH_TEST_TOOL", "/some/where/tool")
	path, err := Find("tool", "GPUBENCH_TEST_TOOL")
	require.NoError(t, err)
	assert.Equal(t, "/some/where/tool", path)

	t.Setenv("GPUBENCH_TEST_TOOL", "")
	_, err = Find("no-such-tool", "GPUBENCH_TEST_TOOL")
	assert.ErrorIs(t, err, ErrMissing)
	assert.ErrorContains(t, err, "no-such-tool: not found")

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "some-tool"), []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", dir)
	path, err = Find("some-tool", "GPUBENCH_TEST_TOOL")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "some-tool"), path)
}

func TestToolsThatAreMissing(t *testing.T) {
	t.Setenv("GPUBENCH_PTXAS", "/no/such/ptxas")
	t.Setenv("GPUBENCH_NVDISASM", "/no/such/nvdisasm")
	_, err := Assemble(context.Background(), empty, "sm_80")
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = Disassemble(context.Background(), nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestAssembleAndDisassemble(t *testing.T) {
	for tool, variable := range map[string]string{"ptxas": "GPUBENCH_PTXAS", "nvdisasm": "GPUBENCH_NVDISASM"} {
		if _, err := Find(tool, variable); errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
	}
	cubin, err := Assemble(t.Context(), empty, "sm_80")
	require.NoError(t, err)
	listing, err := Disassemble(t.Context(), cubin)
	require.NoError(t, err)
	assert.Contains(t, listing, "EXIT")

	_, err = Assemble(t.Context(), strings.Replace(empty, "ret;", "no.such.instruction;", 1), "sm_80")
	assert.ErrorContains(t, err, "line 6")
	_, err = Disassemble(t.Context(), []byte("no cubin"))
	assert.ErrorContains(t, err, "nvdisasm")

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Assemble(stopped, empty, "sm_80")
	assert.ErrorIs(t, err, context.Canceled)
}
