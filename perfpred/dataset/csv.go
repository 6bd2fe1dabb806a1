package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sheet is a CSV file in memory.
type sheet struct {
	name   string
	header []string
	index  map[string]int
	rows   [][]string
}

// openSheet reads a CSV file, gzipped or not, and returns ErrSchema if it lacks
// one of the columns.
func openSheet(path string, columns ...string) (*sheet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open data: %w", err)
	}
	defer f.Close()
	s, err := readSheet(filepath.Base(path), f)
	if err != nil {
		return nil, err
	}
	return s, s.require(columns)
}

// readSheet reads CSV with a header line, unzipping it if it is zipped.
func readSheet(name string, r io.Reader) (*sheet, error) {
	buffered := bufio.NewReader(r)
	r = buffered
	if magic, err := buffered.Peek(2); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unzip %s: %w", name, err)
		}
		defer z.Close()
		r = z
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("read %s: %d lines, a header and a row are the least: %w", name, len(rows), ErrShape)
	}
	s := &sheet{name: name, header: rows[0], rows: rows[1:], index: make(map[string]int, len(rows[0]))}
	s.header[0] = strings.TrimPrefix(s.header[0], "\ufeff")
	for i, h := range s.header {
		s.index[h] = i
	}
	return s, nil
}

func (s *sheet) require(columns []string) error {
	missing := slices.DeleteFunc(slices.Clone(columns), s.has)
	if len(missing) > 0 {
		return fmt.Errorf("%s lacks the columns %s: %w", s.name, strings.Join(missing, ", "), ErrSchema)
	}
	return nil
}

func (s *sheet) has(column string) bool { _, ok := s.index[column]; return ok }

// text returns a column as trimmed text, "" where the file has no such column.
func (s *sheet) text(column string) []string {
	out := make([]string, len(s.rows))
	if i, ok := s.index[column]; ok {
		for r, row := range s.rows {
			out[r] = strings.TrimSpace(row[i])
		}
	}
	return out
}

// numbers returns a column as numbers, NaN where it is empty, and the rows
// whose text is not a finite number.
func (s *sheet) numbers(column string) (values []float64, bad []int) {
	values = make([]float64, len(s.rows))
	for r, text := range s.text(column) {
		values[r] = math.NaN()
		if text == "" || strings.EqualFold(text, "nan") {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			bad = append(bad, r)
			continue
		}
		values[r] = v
	}
	return values, bad
}
