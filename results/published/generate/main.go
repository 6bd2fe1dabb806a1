// Command generate makes the embedded tables of package published from the
// collected ones. The environment variable GPUBENCH_PUBLISHED_CSV names the
// table of figures; the two tables of raw series lie beside it. It is run in
// the folder of package published, by go generate.
package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// sourceVariable names the environment variable with the path of the figures.
const sourceVariable = "GPUBENCH_PUBLISHED_CSV"

// table is one file to make.
type table struct {
	from, to string
	convert  func([]record) ([][]string, error)
}

// tables lists all; an empty from is the file that the variable names.
func tables() []table {
	return []table{
		{"", "figures.csv", convertFigures},
		{"published-random-latency.csv", "random-latency.csv", convertCurves},
		{"published-dsm-pairs.csv", "dsm-pairs.csv", convertPairs},
	}
}

func main() {
	figures := os.Getenv(sourceVariable)
	if figures == "" {
		// The collected tables are not part of the repository: what was made of them stays.
		fmt.Fprintf(os.Stderr, "generate: nothing made: %s does not name the table of figures\n", sourceVariable)
		return
	}
	if err := run(figures, "."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(figures, folder string) error {
	for _, t := range tables() {
		text, err := t.make(figures)
		if err != nil {
			return fmt.Errorf("make %s: %w", t.to, err)
		}
		if err := os.WriteFile(filepath.Join(folder, t.to), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// make converts one table.
func (t table) make(figures string) (string, error) {
	path := figures
	if t.from != "" {
		path = filepath.Join(filepath.Dir(figures), t.from)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	records, err := readRecords(f)
	if err != nil {
		return "", err
	}
	lines, err := t.convert(records)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	err = w.WriteAll(lines)
	return b.String(), err
}

// record is a line of a collected table by column name.
type record map[string]string

func readRecords(r io.Reader) ([]record, error) {
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("no lines")
	}
	records := make([]record, 0, len(lines)-1)
	for _, l := range lines[1:] {
		c := record{}
		for i, name := range lines[0] {
			c[name] = strings.TrimSpace(l[i])
		}
		records = append(records, c)
	}
	return records, nil
}
