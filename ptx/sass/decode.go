package sass

import (
	"fmt"
	"strconv"
	"strings"
)

// word is an instruction: bits 0..63 and 64..127.
type word [2]uint64

func (w word) bit(n int) int { return int(w[n/64] >> (n % 64) & 1) }

func (w word) bits(low, n int) int {
	v := 0
	for i := n - 1; i >= 0; i-- {
		v = v<<1 | w.bit(low+i)
	}
	return v
}

// opcode is a row of the table.
type opcode struct {
	// code is bits 0..8 of the instruction, of every operand form; a code from
	// 0x200 on is bits 0..11 and means that operand form alone.
	code int
	name string
	// modifiers is a list of "bits:names" in the order in which the modifiers
	// are written. Bits are numbers and ranges ("75,78" or "76-79"), lowest
	// first; names are separated by slashes, entry n for value n; an empty name
	// is not written. ":LUT" is always written; "@alias" stands for IMAD's aliases.
	modifiers string
	// from and before bound the SM number; 0 is no bound.
	from, before int
}

// modifier is a parsed "bits:names".
type modifier struct {
	bits  []int
	names []string
	alias bool
}

type decoded struct {
	name      string
	modifiers []modifier
}

// decoder is the table for one architecture.
type decoder struct {
	byForm, byCode map[int]decoded
}

func newDecoder(sm int) (*decoder, error) {
	d := &decoder{byForm: map[int]decoded{}, byCode: map[int]decoded{}}
	for _, o := range opcodes() {
		if sm < o.from || o.before != 0 && sm >= o.before {
			continue
		}
		row := decoded{name: o.name}
		for _, text := range strings.Fields(o.modifiers) {
			m, err := parseModifier(text)
			if err != nil {
				return nil, fmt.Errorf("opcode table, %s: %w", o.name, err)
			}
			row.modifiers = append(row.modifiers, m)
		}
		if o.code < 0x200 {
			d.byCode[o.code] = row
		} else {
			d.byForm[o.code] = row
		}
	}
	return d, nil
}

func parseModifier(text string) (modifier, error) {
	if text == "@alias" {
		return modifier{alias: true}, nil
	}
	bits, names, ok := strings.Cut(text, ":")
	if !ok {
		return modifier{}, fmt.Errorf("modifier %q is not bits:names", text)
	}
	m := modifier{names: strings.Split(names, "/")}
	for _, part := range strings.FieldsFunc(bits, func(r rune) bool { return r == ',' }) {
		first, last, isRange := strings.Cut(part, "-")
		low, err := strconv.Atoi(first)
		if err != nil {
			return modifier{}, fmt.Errorf("modifier %q: %w", text, err)
		}
		high := low
		if isRange {
			if high, err = strconv.Atoi(last); err != nil {
				return modifier{}, fmt.Errorf("modifier %q: %w", text, err)
			}
		}
		for b := low; b <= high; b++ {
			m.bits = append(m.bits, b)
		}
	}
	if n := len(m.names); n > 1<<len(m.bits) {
		return modifier{}, fmt.Errorf("modifier %q names %d values of %d bits", text, n, len(m.bits))
	}
	return m, nil
}

func (m modifier) text(w word) string {
	if m.alias {
		return imadAlias(w)
	}
	v := 0
	for i, b := range m.bits {
		v |= w.bit(b) << i
	}
	if v >= len(m.names) {
		return fmt.Sprintf("?%d", v)
	}
	return m.names[v]
}

// imadAlias is the name that a multiply-add has when it is no multiplication:
// a move, an addition or a shift.
func imadAlias(w word) string {
	const zeroRegister = 255
	form, a, b, c := w.bits(9, 3), w.bits(24, 8), w.bits(32, 32), w.bits(64, 8)
	if w.bit(74) == 1 { // with carry
		return ""
	}
	switch {
	case form == 1 && a == zeroRegister && w.bits(32, 8) == zeroRegister:
		return "MOV"
	case (form == 2 || form == 3) && a == zeroRegister && c == zeroRegister:
		return "MOV" // the source stands at the place of operand c
	case form == 4 && b == 1:
		return "IADD"
	case form == 4 && c == zeroRegister && b > 1 && b&(b-1) == 0 && b != 1<<16 && b != 1<<31:
		return "SHL" // nvdisasm leaves these two as multiplications
	}
	return ""
}

func (d *decoder) decode(offset int, w word) Instruction {
	form := w.bits(0, 12)
	row, ok := d.byForm[form]
	if !ok {
		row, ok = d.byCode[form&0x1ff]
	}
	if !ok {
		return Instruction{Offset: offset, Mnemonic: fmt.Sprintf("?%#03x", form)}
	}
	var b strings.Builder
	b.WriteString(row.name)
	for _, m := range row.modifiers {
		if t := m.text(w); t != "" {
			b.WriteByte('.')
			b.WriteString(t)
		}
	}
	i := Instruction{Offset: offset, Mnemonic: b.String()}
	switch row.name {
	case "S2R", "S2UR", "CS2R":
		i.Special = specialRegister(w.bits(72, 8))
	}
	return i
}

// specialRegister names a special register.
func specialRegister(n int) string {
	if name, ok := specialNames()[n]; ok {
		return name
	}
	return fmt.Sprintf("SR%d", n)
}

// specialNames are the special registers that PTX can read.
func specialNames() map[int]string {
	return map[int]string{
		0: "SR_LANEID", 2: "SR_VIRTCFG", 3: "SR_VIRTID",
		0x20: "SR_TID", 0x21: "SR_TID.X", 0x22: "SR_TID.Y", 0x23: "SR_TID.Z",
		0x25: "SR_CTAID.X", 0x26: "SR_CTAID.Y", 0x27: "SR_CTAID.Z", 0x28: "SR_NTID",
		0x2f: "SR_SWINHI", 0x32: "SR_SMEMSZ",
		0x38: "SR_EQMASK", 0x39: "SR_LTMASK", 0x3a: "SR_LEMASK", 0x3b: "SR_GTMASK", 0x3c: "SR_GEMASK",
		0x43: "SR_VIRTUALSMID", 0x50: clockLow, 0x51: clockHigh, 0x52: "SR_GLOBALTIMERLO", 0x53: "SR_GLOBALTIMERHI",
		0x88: "SR_CgaCtaId", 0xff: "SRZ",
	}
}
