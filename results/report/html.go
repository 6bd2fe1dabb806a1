package report

import (
	"bufio"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot"
)

//go:embed report.html.tmpl
var pageText string

//go:embed style.css
var styleText string

//go:embed script.js
var scriptText string

// HTML writes the report as one file that needs nothing else: styles, script and
// pictures are inside, and it asks for nothing from the network. Without scripts
// it only loses sorting and filtering.
func HTML(w io.Writer, doc *results.Document, pictures []plot.Picture) error {
	if doc == nil {
		return fmt.Errorf("write HTML report: no document")
	}
	t, err := template.New("report").Funcs(template.FuncMap{
		"style":  func() template.CSS { return template.CSS(styleText) },
		"script": func() template.JS { return template.JS(scriptText) },
		"data":   dataURI,
		"secs":   seconds,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	b := bufio.NewWriterSize(w, 1<<16)
	if err := t.Execute(b, newPage(results.Finite(doc), pictures)); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

// dataURI is a picture as an address; its bytes are our own PNG encoder's.
func dataURI(p picture) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.PNG))
}
