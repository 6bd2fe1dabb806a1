// Command generate writes the assembly kernels of package host, their Go
// declarations and the table that finds them, into the working directory.
package main

import (
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate writes files only when all of them could be made.
func generate() error {
	signature, err := kernelSignature("block.go")
	if err != nil {
		return err
	}
	c := build.NewContext()
	c.ConstraintExpr("amd64")
	var all entries
	for _, m := range machines(c, signature) {
		all = append(all, m.linear()...)
		all = append(all, m.softmax()...)
	}
	file, err := c.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	table, err := all.source()
	if err != nil {
		return err
	}
	return write(file, table)
}

func write(file *ir.File, table []byte) error {
	cfg := printer.Config{Name: "command generate", Pkg: "host"}
	text, err := printer.NewGoAsm(cfg).Print(file)
	if err != nil {
		return err
	}
	stubs, err := printer.NewStubs(cfg).Print(file)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"kernels_amd64.s": text, "stubs_amd64.go": stubs, "table_amd64.go": table} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
