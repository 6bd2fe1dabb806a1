package sass

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, mnemonic string
		want              bool
	}{
		{"HMMA.16816", "HMMA.16816.F32.BF16", true},
		{"HMMA.16816.BF16", "HMMA.16816.F32.BF16", true},
		{"HMMA.BF16.16816", "HMMA.16816.F32.BF16", false},
		{"HMMA.16816", "HMMA.1688.F32", false},
		{"HMMA.SP", "HMMA.SP.16832.F16", true},
		{"IADD3|IADD", "IADD3.X", true},
		{"IADD3|IADD", "UIADD3", false},
		{"IMAD", "IMAD.WIDE.U32", true},
		{"IMAD", "UIMAD", false},
		{"HGMMA.64x128x16", "HGMMA.64x128x16.F32", true},
		{"IMMA.S8.S8", "IMMA.16832.S8.U8", false},
		{"IMMA.S8.S8", "IMMA.16832.S8.S8", true},
		{"VIADDMNMX", "VIMNMX", false},
		{"", "NOP", false},
		{"", "", false},
	} {
		assert.Equal(t, c.want, Match(c.pattern, c.mnemonic), "%s against %s", c.pattern, c.mnemonic)
	}
}

// codeOf makes a kernel of mnemonics; "clock" is a read of the clock.
func codeOf(parts ...any) *Kernel {
	k := &Kernel{Name: "k", SM: 90}
	add := func(i Instruction) {
		i.Offset = wordBytes * len(k.Code)
		k.Code = append(k.Code, i)
	}
	for at := 0; at < len(parts); at++ {
		name := parts[at].(string)
		if name == "clock" {
			add(Instruction{Mnemonic: "CS2R", Special: clockLow})
			continue
		}
		at++
		for range parts[at].(int) {
			add(Instruction{Mnemonic: name})
		}
	}
	return k
}

// counted is how often the pattern stands in each section that has it.
func counted(k *Kernel, pattern string) []int {
	var found []int
	for _, s := range k.Sections() {
		if n := Count(s, pattern); n > 0 {
			found = append(found, n)
		}
	}
	return found
}

func TestAgree(t *testing.T) {
	for name, c := range map[string]struct {
		code    *Kernel
		pattern string
		want    []int
		perStep int
		found   []int
		ok      bool
	}{
		"pairs with untimed code between": {
			codeOf("FFMA", 9, "clock", "FFMA", 4, "clock", "STG.E.64", 1, "clock", "FFMA", 8, "clock", "FFMA", 3),
			"FFMA", []int{4, 8}, 1, []int{4, 8}, true,
		},
		"a folded chain": {
			codeOf("clock", "FFMA", 4, "clock", "FFMA", 4, "clock"), "FFMA", []int{4, 8}, 1, []int{4, 4}, false,
		},
		"an unrolled loop": {
			codeOf("clock", "FFMA", 64, "clock"), "FFMA", []int{16}, 1, []int{64}, false,
		},
		"wrong order": {
			codeOf("clock", "FFMA", 8, "clock", "FFMA", 4, "clock"), "FFMA", []int{4, 8}, 1, []int{8, 4}, false,
		},
		"two per step": {
			codeOf("clock", "IADD3", 16, "IADD3.X", 16, "UIADD3", 1, "clock"), "IADD3", []int{16}, 2, []int{32}, true,
		},
		"half of two per step": {
			codeOf("clock", "IADD3", 8, "IADD3.X", 8, "clock"), "IADD3", []int{16}, 2, []int{16}, false,
		},
		"a loop counter": {
			codeOf("clock", "IADD3", 65, "clock"), "IADD3", []int{64}, 1, []int{65}, true,
		},
		"an entry that asks for nothing": {
			codeOf("clock", "FFMA", 8, "clock"), "FFMA", []int{0, 8}, 0, []int{8}, true,
		},
		"no clock reads": {codeOf("FFMA", 8), "FFMA", []int{8}, 1, nil, false},
		"another instruction": {
			codeOf("clock", "FFMA", 8, "clock"), "HMMA", []int{8}, 1, nil, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := counted(c.code, c.pattern)
			assert.Equal(t, c.found, found)
			assert.Equal(t, c.ok, Agree(found, c.pattern, c.want, c.perStep))
		})
	}
}

// Every row of the table must parse, and no architecture may have two rows for one code.
func TestTable(t *testing.T) {
	for _, sm := range []int{80, 86, 89, 90} {
		_, err := newDecoder(sm)
		require.NoError(t, err)
		seen := map[string]string{}
		for _, o := range opcodes() {
			if sm < o.from || o.before != 0 && sm >= o.before {
				continue
			}
			key := fmt.Sprintf("%#x", o.code)
			assert.Empty(t, seen[key], "%s for both %s and %s on sm_%d", key, seen[key], o.name, sm)
			seen[key] = o.name
		}
	}
}

func TestUnknownOpcode(t *testing.T) {
	d, err := newDecoder(90)
	require.NoError(t, err)
	assert.Equal(t, Instruction{Offset: 16, Mnemonic: "?0xfff"}, d.decode(16, word{0xfff, 0}))
}
