package ptx

import (
	"fmt"
	"strings"
)

// render writes the kernel's text; registers are declared in a fixed order of
// types, so that the same calls give the same text.
func (k *Kernel) render(b *strings.Builder) {
	if k.dynamic != "" {
		fmt.Fprintf(b, "\n.extern .shared .align 1024 .b8 %s[];\n", k.dynamic)
	}
	fmt.Fprintf(b, "\n.visible .entry %s(", k.Name)
	for i, p := range k.params {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n\t" + k.paramText(p))
	}
	b.WriteString("\n)\n")
	if k.Cluster[0] > 0 {
		fmt.Fprintf(b, ".explicitcluster\n.reqnctapercluster %d, %d, %d\n", k.Cluster[0], max(k.Cluster[1], 1), max(k.Cluster[2], 1))
	}
	if k.MaxThreads > 0 {
		fmt.Fprintf(b, ".maxntid %d, 1, 1\n", k.MaxThreads)
	}
	if k.MinCTAs > 0 {
		fmt.Fprintf(b, ".minnctapersm %d\n", k.MinCTAs)
	}
	if k.MaxRegisters > 0 {
		fmt.Fprintf(b, ".maxnreg %d\n", k.MaxRegisters)
	}
	b.WriteString("{\n")
	for _, t := range []Type{Pred, B16, B32, B64, F32, F64} {
		if n := k.registers[t]; n > 0 {
			fmt.Fprintf(b, "\t.reg .%s %s<%d>;\n", t, registerPrefix[t], n+1)
		}
	}
	for _, s := range k.shared {
		fmt.Fprintf(b, "\t.shared .align %d .b8 %s[%d];\n", s.Align, s.Name, s.Bytes)
	}
	for _, s := range k.body {
		b.WriteString(s.text())
	}
	b.WriteString("}\n")
}

func (k *Kernel) paramText(p Param) string {
	if p.Type == "" {
		return fmt.Sprintf(".param .align %d .b8 %s[%d]", p.Align, k.paramSymbol(p.Name), p.Bytes)
	}
	return fmt.Sprintf(".param .%s %s", paramType(p.Type), k.paramSymbol(p.Name))
}

func (s Statement) text() string {
	switch {
	case s.Label != "":
		return string(s.Label) + ":\n"
	case s.Pragma != "":
		return fmt.Sprintf("\t.pragma %q;\n", s.Pragma)
	}
	line := "\t"
	if s.Guard.kernel != nil {
		line += "@"
		if s.GuardNegate {
			line += "!"
		}
		line += s.Guard.text() + " "
	}
	spec, _ := s.Form.Parse() // the form was parsed when the statement was made
	parts := make([]string, len(s.Operands))
	for i, o := range s.Operands {
		if f, ok := o.(Float); ok {
			parts[i] = f.textFor(spec[i].Class)
			continue
		}
		parts[i] = o.text()
	}
	line += s.Form.Name
	if len(parts) > 0 {
		line += " " + strings.Join(parts, ", ")
	}
	return line + ";\n"
}
