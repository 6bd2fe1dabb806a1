package sass

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
)

// needTools skips a test where the tools are missing, outside CI.
func needTools(t *testing.T) {
	t.Helper()
	for tool, variable := range map[string]string{"ptxas": "GPUBENCH_PTXAS", "nvdisasm": "GPUBENCH_NVDISASM"} {
		if _, err := ptxas.Find(tool, variable); errors.Is(err, ptxas.ErrMissing) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
	}
}

var (
	sectionLine     = regexp.MustCompile(`^\.text\.(\S+):`)
	instructionLine = regexp.MustCompile(`^\s*/\*([0-9a-f]{4,})\*/\s+\{?\s*(?:@!?U?P\w+\s+)?([^\s;]+)\s*([^;]*);`)
	specialOperand  = regexp.MustCompile(`\bSRZ?[_A-Za-z0-9.]*`)
)

// disassembled reads nvdisasm's listing: kernel to instructions.
func disassembled(text string) map[string][]Instruction {
	kernels := map[string][]Instruction{}
	name := ""
	for line := range strings.Lines(text) {
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		m := instructionLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		i := Instruction{Mnemonic: m[2]}
		fmt.Sscanf(m[1], "%x", &i.Offset)
		switch base(i.Mnemonic) {
		case "S2R", "S2UR", "CS2R":
			i.Special = specialOperand.FindString(m[3])
		}
		kernels[name] = append(kernels[name], i)
	}
	return kernels
}

func base(mnemonic string) string {
	b, _, _ := strings.Cut(mnemonic, ".")
	return b
}

// targets reads the targets that a testdata file names on its .target line.
func targets(text string) []string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, ".target "); ok {
			return strings.Fields(strings.ReplaceAll(rest, "//", " "))
		}
	}
	return nil
}

// baseOnly are opcodes of which the table decodes no modifiers, or not all:
// nothing of ours asks for them.
var baseOnly = map[string]bool{"F2FP": true, "UBLKRED": true, "BRA": true}

func TestMnemonicsAgreeWithNvdisasm(t *testing.T) {
	needTools(t)
	files, err := filepath.Glob("testdata/*.ptx")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, target := range targets(string(text)) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".ptx")+"/"+target, func(t *testing.T) {
				t.Parallel()
				cubin, err := ptxas.Assemble(context.Background(), string(text), target)
				require.NoError(t, err)
				listing, err := ptxas.Disassemble(context.Background(), cubin)
				require.NoError(t, err)
				kernels, err := Read(cubin)
				require.NoError(t, err)
				compare(t, disassembled(listing), kernels)
			})
		}
	}
}

func compare(t *testing.T, want map[string][]Instruction, kernels []*Kernel) {
	t.Helper()
	require.Equal(t, len(want), len(kernels))
	wrong := map[string]int{}
	for _, k := range kernels {
		require.Equal(t, len(want[k.Name]), len(k.Code), k.Name)
		for i, got := range k.Code {
			w := want[k.Name][i]
			if baseOnly[base(w.Mnemonic)] {
				w.Mnemonic, got.Mnemonic = base(w.Mnemonic), base(got.Mnemonic)
			}
			if w != got {
				wrong[fmt.Sprintf("%s %s: decoded as %s %s", w.Mnemonic, w.Special, got.Mnemonic, got.Special)]++
			}
		}
	}
	for text, n := range wrong {
		t.Errorf("%s (%d times)", text, n)
	}
}
