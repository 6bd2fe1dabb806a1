package report

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"

	"github.com/gpubench/gpubench/internal/atomicfile"
)

// Page is a report to read.
type Page struct {
	Title string
	// Verdict is the answer in large letters; Tone is its colour: "good", "bad" or
	// "open".
	Verdict, Tone string
	Intro         []string
	Sections      []Section
}

// Section is a part of a page.
type Section struct {
	Title    string
	Text     []string
	Tables   []Table
	Pictures []Picture
}

// Table is a table; cells are text.
type Table struct {
	Caption string
	Header  []string
	Rows    [][]string
}

//go:embed page.html.tmpl
var pageTemplate string

// HTML writes the page as one file that needs no other.
func (p *Page) HTML(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{"data": func(png []byte) template.URL {
		return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)) //nolint:gosec // base64 has nothing to escape
	}}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write report %q: %w", p.Title, err)
	}
	return nil
}

// HTMLName is the page's file in its folder.
const HTMLName = "report.html"

// Write stores the page and its pictures in a folder, which is made where it is
// not there, and gives their paths, the page's first. Each file appears whole or
// not at all.
func (p *Page) Write(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	var files []string
	store := func(name string, write func(io.Writer) error) error {
		path := filepath.Join(dir, name)
		if err := atomicfile.Write(path, func(f *os.File) error { return write(f) }); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		files = append(files, path)
		return nil
	}
	err := store(HTMLName, p.HTML)
	for _, s := range p.Sections {
		for _, pic := range s.Pictures {
			err = errors.Join(err, store(pic.Name+".png", func(w io.Writer) error {
				_, err := w.Write(pic.PNG)
				return err
			}))
		}
	}
	return files, err
}

// Evaluation is a section on how well a classifier tells classes apart, with its
// pictures; their names begin with stem.
func Evaluation(title, stem string, predictions []Prediction, seed uint64) (Section, error) {
	s := Section{Title: title}
	pictures, err := Pictures(title, predictions)
	if err != nil {
		return s, err
	}
	for i := range pictures {
		pictures[i].Name = stem + "-" + pictures[i].Name
	}
	s.Pictures = pictures
	accuracy := OverSessions(predictions, func(p []Prediction) float64 { return Confuse(p).BalancedAccuracy() }, seed)
	f1 := OverSessions(predictions, func(p []Prediction) float64 { return Confuse(p).MacroF1() }, seed)
	classes := Confuse(predictions).Classes
	unknown := Unknown(predictions)
	rows := [][]string{
		{"balanced accuracy", accuracy.String(), fmt.Sprintf("chance %.3f", 1/float64(len(classes)))},
		{"macro F1", f1.String(), ""},
		{"calibration error", fmt.Sprintf("%.3f", CalibrationError(Reliability(predictions))), "0 is perfect"},
	}
	if len(unknown.Points) > 0 {
		rows = append(rows, []string{"unknown platforms told, AUROC", fmt.Sprintf("%.3f", unknown.Area),
			fmt.Sprintf("%d data of platforms that were left out of training", unknown.Positives)})
	}
	s.Tables = []Table{{fmt.Sprintf("%d classes, %d predictions on sessions that were not trained on; 95 %% intervals over sessions", len(classes), len(predictions)),
		[]string{"figure", "value", ""}, rows}}
	return s, nil
}

// String is the figure with its interval.
func (i Interval) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", i.Value, i.Low, i.High) }
