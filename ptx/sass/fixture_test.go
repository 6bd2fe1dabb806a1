package sass

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
)

var update = flag.Bool("update", false, "make the committed cubins and listings again")

// fixtures are the cubins that are committed with nvdisasm's mnemonics: file.target.
func fixtures() []string {
	return []string{
		"clock.sm_80", "clock.sm_86", "clock.sm_89", "clock.sm_90", "clock.sm_90a",
		"dpx.sm_90a", "dpx32.sm_80", "dpx32.sm_89", "mma89.sm_89", "groups.sm_90a", "setmaxnreg.sm_90a",
	}
}

func TestFixturesDecode(t *testing.T) {
	for _, name := range fixtures() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "cubin", name)
			if *update {
				makeFixture(t, name, path)
			}
			listing, err := os.ReadFile(path + ".txt")
			require.NoError(t, err)
			kernels, err := Read(readFixture(t, name))
			require.NoError(t, err)
			compare(t, parseFixture(t, string(listing)), kernels)
			for _, k := range kernels {
				assert.Contains(t, name, fmt.Sprintf("sm_%d", k.SM))
				assert.Greater(t, k.Registers, 4)
			}
		})
	}
}

func readFixture(t testing.TB, name string) []byte {
	t.Helper()
	cubin, err := os.ReadFile(filepath.Join("testdata", "cubin", name+".cubin"))
	require.NoError(t, err)
	return cubin
}

// makeFixture assembles and disassembles with the real tools.
func makeFixture(t *testing.T, name, path string) {
	t.Helper()
	stem, target, _ := strings.Cut(name, ".")
	text, err := os.ReadFile(filepath.Join("testdata", stem+".ptx"))
	require.NoError(t, err)
	cubin, err := ptxas.Assemble(context.Background(), string(text), target)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".cubin", cubin, 0o644))
	listing, err := ptxas.Disassemble(context.Background(), cubin)
	require.NoError(t, err)
	var b strings.Builder
	for kernel, code := range disassembled(listing) {
		for _, i := range code {
			fmt.Fprintf(&b, "%s %d %s %s\n", kernel, i.Offset, i.Mnemonic, i.Special)
		}
	}
	require.NoError(t, os.WriteFile(path+".txt", []byte(b.String()), 0o644))
}

func parseFixture(t *testing.T, text string) map[string][]Instruction {
	t.Helper()
	kernels := map[string][]Instruction{}
	for line := range strings.Lines(text) {
		f := append(strings.Fields(line), "")
		require.GreaterOrEqual(t, len(f), 4)
		i := Instruction{Mnemonic: f[2], Special: f[3]}
		_, err := fmt.Sscan(f[1], &i.Offset)
		require.NoError(t, err)
		kernels[f[0]] = append(kernels[f[0]], i)
	}
	return kernels
}

func TestSectionsLieBetweenClockReads(t *testing.T) {
	for _, target := range []string{"sm_80", "sm_86", "sm_89", "sm_90", "sm_90a"} {
		kernels, err := Read(readFixture(t, "clock."+target))
		require.NoError(t, err)
		sections := kernels[0].Sections()
		require.Len(t, sections, 2, "three reads of the clock, and one of globaltimer that is none")
		assert.Equal(t, 3, Count(sections[0], "FFMA"))
		assert.Zero(t, Count(sections[0], "HMMA"))
		assert.Equal(t, 2, Count(sections[1], "HMMA.16816"))
		assert.Equal(t, 2, Count(sections[1], "HMMA.16816.F32"))
		assert.Contains(t, kernels[0].Listing(), "HMMA.16816.F32\n")
		assert.Contains(t, kernels[0].Listing(), "SR_CLOCKLO\n")
	}
}

func TestReadRefusesOtherFiles(t *testing.T) {
	good := readFixture(t, "clock.sm_90a")
	_, err := Read(nil)
	assert.ErrorIs(t, err, ErrNotCubin)
	_, err = Read([]byte("PTX, not machine code"))
	assert.ErrorIs(t, err, ErrNotCubin)

	host := append([]byte(nil), good...)
	binary.LittleEndian.PutUint16(host[18:], 62) // x86-64
	_, err = Read(host)
	assert.ErrorIs(t, err, ErrNotCubin)

	unknown := append([]byte(nil), good...)
	binary.LittleEndian.PutUint32(unknown[48:], 0)
	_, err = Read(unknown)
	assert.ErrorIs(t, err, ErrDamaged)
}

// A cubin cut at any length is an error or, past its last section header, whole; never a panic.
func TestReadSurvivesTruncation(t *testing.T) {
	good := readFixture(t, "clock.sm_90a")
	for n := range good {
		if _, err := Read(good[:n]); err != nil {
			continue
		}
		t.Fatalf("a cubin cut to %d of %d bytes was read without an error", n, len(good))
	}
}

// Flipped bytes may change what is read but must not panic.
func FuzzRead(f *testing.F) {
	for _, name := range fixtures() {
		cubin, err := os.ReadFile(filepath.Join("testdata", "cubin", name+".cubin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(cubin)
	}
	f.Fuzz(func(t *testing.T, cubin []byte) {
		kernels, err := Read(cubin)
		for _, k := range kernels {
			k.Sections()
		}
		if err == nil && !strings.HasPrefix(string(cubin), "\x7fELF") {
			t.Fatal("something that is no ELF file was read")
		}
	})
}

// The ABI before CUDA 13 has the SM number in the lowest byte of the flags, and
// the registers in the section header.
func TestReadOlderABI(t *testing.T) {
	cubin := readFixture(t, "clock.sm_89")
	cubin[8] = 7
	binary.LittleEndian.PutUint32(cubin[48:], 0x00590559)
	headers := binary.LittleEndian.Uint64(cubin[40:])
	count := int(binary.LittleEndian.Uint16(cubin[60:]))
	for i := range count {
		header := cubin[headers+uint64(64*i):]
		if kind, flags := binary.LittleEndian.Uint32(header[4:]), binary.LittleEndian.Uint64(header[8:]); kind == 1 && flags&4 != 0 {
			header[44+3] = 77 // the top byte of sh_info
		}
	}
	kernels, err := Read(cubin)
	require.NoError(t, err)
	require.Len(t, kernels, 1)
	assert.Equal(t, 89, kernels[0].SM)
	assert.Equal(t, 77, kernels[0].Registers)
	assert.Equal(t, 3, Count(kernels[0].Code, "FFMA"))
}
