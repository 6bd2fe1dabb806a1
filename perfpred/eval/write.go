package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/gpubench/gpubench/internal/atomicfile"
)

// mostFeatures is the number of features that WriteImportances names per model.
const mostFeatures = 12

// WriteImportances writes which features each model goes by, the most important
// first.
func WriteImportances(w io.Writer, reports ...*Report) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range reports {
		for _, i := range r.Importances {
			fmt.Fprintf(tw, "%s, %s: what %s goes by\n", r.Table, i.Target, i.Model)
			for _, share := range i.Shares[:min(mostFeatures, len(i.Shares))] {
				fmt.Fprintf(tw, "  %s\t%5.1f %%\n", share.Feature, 100*share.Share)
			}
			fmt.Fprintln(tw)
		}
	}
	return tw.Flush()
}

// Write writes the reports to a file if the path ends in .json, else to a folder,
// which is made: evaluation.json with every prediction, evaluation.txt with the
// table and the importances, and a picture of each report.
func Write(path string, reports ...*Report) error {
	data, err := json.MarshalIndent(reports, "", " ")
	if err != nil {
		return fmt.Errorf("encode the evaluation: %w", err)
	}
	if filepath.Ext(path) == ".json" {
		return writeFile(path, data)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return fmt.Errorf("write the evaluation: %w", err)
	}
	var text bytes.Buffer
	if err := WriteTable(&text, reports...); err != nil {
		return err
	}
	if err := WriteImportances(&text, reports...); err != nil {
		return err
	}
	files := map[string][]byte{"evaluation.json": data, "evaluation.txt": text.Bytes()}
	for _, r := range reports {
		if files[fileName(r.Table)+".png"], err = Picture(r); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := writeFile(filepath.Join(path, name), content); err != nil {
			return err
		}
	}
	return nil
}

// fileName is a table's name without what file systems dislike.
func fileName(table string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(` /\:`, c) {
			return '-'
		}
		return c
	}, table)
}

func writeFile(path string, content []byte) error {
	err := atomicfile.Write(path, func(f *os.File) error {
		_, err := f.Write(content)
		return err
	})
	if err != nil {
		return fmt.Errorf("write the evaluation: %w", err)
	}
	return nil
}
