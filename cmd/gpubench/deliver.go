package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/report"
	"github.com/gpubench/gpubench/results/table"
	"github.com/gpubench/gpubench/results/table/cell"
)

// delivery is where a document goes, and how it is shown.
type delivery struct {
	dir              string
	asJSON, noReport bool
	// again says how to go on with an interrupted run whose document is at path.
	again func(path string) string
	// tables prints the tables.
	tables func(w world, doc *results.Document) error
}

// deliver writes the document of a run.
func (f *runFlags) deliver(w world, dir string, args []string, doc *results.Document) error {
	d := delivery{dir, f.asJSON, f.noReport, func(path string) string { return "go on with: " + f.again(args, path) }, nil}
	d.tables = func(w world, doc *results.Document) error {
		return table.Write(w.out, doc, table.Options{Width: w.width, All: f.all})
	}
	return d.deliver(w, doc)
}

// deliver writes the document before anything else, then prints it and writes the report.
func (d delivery) deliver(w world, doc *results.Document) error {
	path, writeErr := store(w, d.dir, doc)
	if err := d.print(w, doc); err != nil {
		return fmt.Errorf("print the results (the document is %s): %w", path, err)
	}
	say := w.out
	if d.asJSON {
		say = w.err
	}
	if writeErr != nil {
		if doc.State == results.Interrupted {
			w.tell("interrupted; %s", d.again(path))
		}
		return &exitError{exitUnwritten, writeErr}
	}
	fmt.Fprintf(say, "\ndocument  %s\n", path)
	if !d.noReport {
		if _, err := report.Write(d.dir, doc); err != nil {
			return &exitError{exitUnwritten, fmt.Errorf("the document is safe, the report is not: %w; "+
				"once there is room: gpubench report %s", err, quote(path))}
		}
		fmt.Fprintf(say, "report    %s\n", filepath.Join(d.dir, "report.html"))
	}
	fmt.Fprintf(say, "rows      %s in %s\n", cell.CountLine(doc.Rows), doc.Finished.Sub(doc.Started).Round(100*time.Millisecond))
	if doc.State == results.Interrupted {
		return &exitError{exitInterrupted, fmt.Errorf("interrupted; %s", d.again(path))}
	}
	return nil
}

func (d delivery) print(w world, doc *results.Document) error {
	if d.asJSON {
		return results.Encode(w.out, doc)
	}
	return d.tables(w, doc)
}

// store writes the document. Where it should go and cannot, it goes to the first
// of some other folders that takes it; path is where it is in the end.
func store(w world, dir string, doc *results.Document) (path string, err error) {
	path = filepath.Join(dir, documentName)
	if err = results.Write(path, doc); err == nil {
		return path, nil
	}
	name := "gpubench-" + w.now().Format("20060102-150405") + ".json.zst"
	folders := []string{os.TempDir(), "."}
	if home, e := os.UserHomeDir(); e == nil {
		folders = append(folders, home)
	}
	for _, folder := range folders {
		rescue := filepath.Join(folder, name)
		if e := results.Write(rescue, doc); e != nil {
			w.tell("%v", e)
			continue
		}
		w.tell("the document is saved as %s instead", rescue)
		return rescue, err
	}
	return "lost: no folder takes it", err
}

// again is the command line that goes on with an interrupted run.
func (f *runFlags) again(args []string, path string) string {
	words := append([]string{"gpubench"}, f.againWords(args, path)...)
	for i := range words {
		words[i] = quote(words[i])
	}
	return strings.Join(words, " ")
}

func (f *runFlags) againWords(args []string, path string) []string {
	words := append([]string{"run"}, args...)
	words = append(words, "--resume", path)
	if f.Kind != backend.KindAuto && f.Kind != "" {
		words = append(words, "--backend", f.Kind)
	}
	if f.Recording != "" {
		words = append(words, "--recording", f.Recording)
	}
	if f.GPU != 0 {
		words = append(words, "--gpu", fmt.Sprint(f.GPU))
	}
	if f.rounds != 0 {
		words = append(words, "--rounds", fmt.Sprint(f.rounds))
	}
	return words
}

// quote protects a word from the shell where it has to.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=,:+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
