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
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes files only when all of them could be made.
func run() error {
	files, err := generate("block.go")
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate gives the text of each file; block is where the layout of block stands.
func generate(block string) (map[string][]byte, error) {
	signature, err := kernelSignature(block)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	return texts(file, all)
}

func texts(file *ir.File, all entries) (map[string][]byte, error) {
	cfg := printer.Config{Name: "command generate", Pkg: "host"}
	kernels, err := printer.NewGoAsm(cfg).Print(file)
	if err != nil {
		return nil, err
	}
	stubs, err := printer.NewStubs(cfg).Print(file)
	if err != nil {
		return nil, err
	}
	table, err := all.source()
	return map[string][]byte{"kernels_amd64.s": kernels, "stubs_amd64.go": stubs, "table_amd64.go": table}, err
}
