package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// figureColumns is the header of figures.csv.
var figureColumns = []string{"benchmark", "instruction", "shape", "dtype_in", "dtype_acc", "operand_src", "sparsity",
	"parameter", "metric", "gpu", "value", "unit", "secondary", "source", "note"}

func convertFigures(records []record) ([][]string, error) {
	lines := [][]string{figureColumns}
	for i, r := range records {
		l, err := convertFigure(r)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func convertFigure(r record) ([]string, error) {
	value, valueNote, err := number(r["value"])
	if err != nil {
		return nil, err
	}
	unit, unitNote := unit(r)
	notes := nonempty(append([]string{valueNote, unitNote}, knownErrors(r, value)...))
	var line []string
	for _, c := range figureColumns[:10] {
		line = append(line, r[c])
	}
	return append(line, strconv.FormatFloat(value, 'f', -1, 64), unit,
		strconv.FormatBool(secondary(r["source"])), source(r), strings.Join(notes, "; ")), nil
}

var firstNumber = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)

// number reads a value. Of a range, a bound or an estimate the first number
// stands for it, and the note gives what was published.
func number(s string) (value float64, note string, err error) {
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		return v, "", nil
	}
	first := firstNumber.FindString(s)
	if first == "" {
		return 0, "", fmt.Errorf("no number in %q", s)
	}
	v, err := strconv.ParseFloat(first, 64)
	return v, fmt.Sprintf("published as %q; its first number stands here", s), err
}

// unit spells a unit as the rows of results do and turns remarks into a note.
func unit(r record) (unit, note string) {
	published, remark, _ := strings.Cut(r["unit"], " (")
	note = strings.TrimSuffix(remark, ")")
	if note == "approx" {
		note = "approximate"
	}
	spelling := map[string]string{
		"clk": "cycles", "byte/clk/SM": "B/cycle/SM", "byte/clk": "B/cycle", "B/clk": "B/cycle",
		"instr/clk/SM": "instr/cycle/SM", "instr/clk": "instr/cycle", "FMA/clk/SM": "FMA/cycle/SM",
		"TFLOPS": "TFLOP/s", "TOPS": "Top/s", "TFLOPS/W": "TFLOP/s/W",
	}
	switch {
	case published == "clk incl loop overhead":
		return "cycles", "includes loop overhead"
	case published == "TFLOPS/TOPS" && integer(r["dtype_in"]):
		return "Top/s", note
	case published == "TFLOPS/TOPS":
		return "TFLOP/s", note
	case spelling[published] != "":
		return spelling[published], note
	}
	return published, note
}

// integer reports whether a type is one of integers: s8, u4.
func integer(dtype string) bool {
	return strings.HasPrefix(dtype, "s") || strings.HasPrefix(dtype, "u")
}

// secondary reports whether a figure was read in somebody's transcription.
func secondary(source string) bool {
	return strings.Contains(source, "(secondary)") || strings.Contains(source, "notes citing")
}

// source joins work and place in it.
func source(r record) string {
	work := strings.TrimSpace(strings.ReplaceAll(r["source"], "(secondary)", ""))
	if place := r["table"]; place != "" && !strings.Contains(work, place) {
		return work + ", " + place
	}
	return work
}

func nonempty(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
