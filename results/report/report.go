// Package report writes a results document as a report to read: one HTML file
// that holds everything, and a Markdown file with pictures beside it. Both are
// made from the document alone.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpubench/gpubench/internal/atomicfile"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot"
)

// Names of what Write makes in its folder.
const (
	HTMLName     = "report.html"
	MarkdownName = "report.md"
	PicturesName = "pictures"
)

// Write draws the pictures of a document and stores them with both reports in a
// folder, which is made where it is not there. Each file appears whole or not at
// all. It returns the paths of the files that it wrote, the reports first.
// Pictures that could not be drawn are left out and named in the error; the rest
// is written all the same.
func Write(dir string, doc *results.Document) (files []string, err error) {
	if doc == nil {
		return nil, fmt.Errorf("write report: no document")
	}
	pictures, undrawn := plot.All(doc)
	if err := os.MkdirAll(filepath.Join(dir, PicturesName), 0o777); err != nil {
		return nil, errors.Join(fmt.Errorf("write report: %w", err), undrawn)
	}
	contents, err := contents(doc, pictures)
	if err != nil {
		return nil, errors.Join(err, undrawn)
	}
	for _, c := range contents {
		path := filepath.Join(dir, c.name)
		if err := store(path, c.data); err != nil {
			return files, errors.Join(fmt.Errorf("write report: %w", err), undrawn)
		}
		files = append(files, path)
	}
	return files, undrawn
}

// content is a file to write.
type content struct {
	name string
	data []byte
}

// contents makes all files in memory, so that a report is not half written where
// making it fails.
func contents(doc *results.Document, pictures []plot.Picture) ([]content, error) {
	var page, text bytes.Buffer
	if err := HTML(&page, doc, pictures); err != nil {
		return nil, err
	}
	if err := Markdown(&text, doc, pictures, PicturesName); err != nil {
		return nil, err
	}
	list := []content{{HTMLName, page.Bytes()}, {MarkdownName, text.Bytes()}}
	for _, p := range pictures {
		list = append(list, content{filepath.Join(PicturesName, p.Name+".png"), p.PNG})
	}
	return list, nil
}

// store writes one file.
func store(path string, data []byte) error {
	return atomicfile.Write(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}
