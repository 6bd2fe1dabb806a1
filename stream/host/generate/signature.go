package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"

	"github.com/mmcloughlin/avo/gotypes"
)

// kernelSignature is the type of every kernel, func(b *block), with the layout of
// block read from its source. That file alone is enough, so that the package need
// not compile while its kernels are made.
func kernelSignature(path string) (*gotypes.Signature, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		return nil, err
	}
	pkg, err := (&types.Config{Sizes: gotypes.Sizes, Importer: importer.Default()}).Check("host", files, []*ast.File{file}, nil)
	if err != nil {
		return nil, err
	}
	return gotypes.ParseSignatureInPackage(pkg, "func(b *block)")
}
