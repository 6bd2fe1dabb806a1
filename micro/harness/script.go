package harness

import (
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/ptx"
)

// Script writes a chain as data. A step is one or more instructions separated
// by ";", each a PTX name and its operands separated by blanks; the steps are
// used in turn from the first on entry, so that two that differ keep the compiler from merging
// neighbours.
//
// Operands: x, and y where a step needs a second, are carried from step to step and start from the input
// buffer; a, b, c, d are constants of the same type and A, B, C, D of type b32,
// all loaded from the operand words (a and A are the same word); "#7" is an
// immediate; {h0,h1} a vector; "@p0" before a name guards the instruction. Temporaries are named by type and number: r0
// (b32), h0 (b16), l0 (b64), f0, d0 (float) and p0 (predicate).
type Script struct {
	// Type is that of x, y and a to d.
	Type  ptx.Type
	Steps []string
}

// Maker makes the chain. A mistake in the script becomes an error of the module's Build.
func (s Script) Maker() Maker {
	return func(k *ptx.Kernel, in ptx.Reg, i int) Chain {
		scope, values := s.load(k, in, i)
		n := 0
		return Chain{
			Enter: func(zero ptx.Reg) {
				n = 0
				for _, v := range values {
					v.enter(k, zero)
				}
			},
			Step: func() {
				scope.run(k, s.Steps[n%len(s.Steps)])
				n++
			},
			Leave: func() ptx.Reg {
				if len(values) == 0 {
					return ptx.Reg{} // the builder refuses it
				}
				w := Word(k, values[0].now)
				for _, v := range values[1:] {
					k.I("shf.l.wrap.b32", w, w, w, ptx.Int(1)) // or equal values would cancel
					k.I("xor.b32", w, w, Word(k, v.now))
				}
				return w
			},
		}
	}
}

type scope map[string]ptx.Reg

// load declares what the script mentions.
func (s Script) load(k *ptx.Kernel, in ptx.Reg, i int) (scope, []carried) {
	scope, values := scope{}, []carried(nil)
	all := strings.NewReplacer(";", " ", "@", " ", "{", " ", "}", " ", ",", " ").Replace(strings.Join(s.Steps, " "))
	lane := starts(k, in)
	for _, name := range strings.Fields(all) {
		if _, known := scope[name]; known {
			continue
		}
		switch {
		case name == "x" || name == "y":
			v := start(k, lane, s.Type, i%MaxChains+MaxChains*int(name[0]-'x'))
			scope[name], values = v.now, append(values, v)
		case len(name) == 1 && name >= "a" && name <= "d":
			scope[name] = k.Reg(s.Type)
			load(k, scope[name], in, 8*(StartWords+int(name[0]-'a')))
		case len(name) == 1 && name >= "A" && name <= "D":
			scope[name] = k.Reg(ptx.B32)
			load(k, scope[name], in, 8*(StartWords+int(name[0]-'A')))
		default:
			if t, ok := temporary(name); ok {
				scope[name] = k.Reg(t)
			}
		}
	}
	return scope, values
}

func temporary(name string) (ptx.Type, bool) {
	if len(name) != 2 || name[1] < '0' || name[1] > '9' {
		return "", false
	}
	t, ok := map[byte]ptx.Type{'r': ptx.B32, 'h': ptx.B16, 'l': ptx.B64, 'f': ptx.F32, 'd': ptx.F64, 'p': ptx.Pred}[name[0]]
	return t, ok
}

// run adds the instructions of one step.
func (s scope) run(k *ptx.Kernel, step string) {
	for text := range strings.SplitSeq(step, ";") {
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		add := k.I
		if guard, ok := strings.CutPrefix(fields[0], "@"); ok && len(fields) > 1 {
			add, fields = k.If(s[guard]).I, fields[1:]
		}
		operands := make([]ptx.Operand, len(fields)-1)
		for i, f := range fields[1:] {
			operands[i] = s.operand(f)
		}
		add(fields[0], operands...)
	}
}

// operand reads one operand; an unknown name becomes an undefined register,
// which the builder refuses.
func (s scope) operand(text string) ptx.Operand {
	if list, ok := strings.CutPrefix(text, "{"); ok {
		var v ptx.Vec
		for name := range strings.SplitSeq(strings.TrimSuffix(list, "}"), ",") {
			v = append(v, s[name])
		}
		return v
	}
	if number, ok := strings.CutPrefix(text, "#"); ok {
		if n, err := strconv.ParseInt(number, 0, 64); err == nil {
			return ptx.Int(n)
		}
	}
	return s[text]
}
