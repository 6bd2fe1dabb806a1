// Package recorded carries our own recorded runs on real GPUs: whole documents
// with raw samples, from which a replay runs without a GPU.
package recorded

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/results"
)

//go:embed all:data
var files embed.FS

const (
	folder = "data"
	suffix = ".json.zst"
)

// ErrNone means that the program carries no recording of that name.
var ErrNone = errors.New("no such recording")

// Names lists the recordings in order.
func Names() []string {
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Open reads a recording by name.
func Open(name string) (*results.Document, error) {
	b, err := files.ReadFile(path.Join(folder, name+suffix))
	if err != nil {
		return nil, fmt.Errorf("recording %q: %w (this program carries %s)", name, ErrNone, strings.Join(Names(), ", "))
	}
	doc, err := results.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("recording %q: %w", name, err)
	}
	return doc, nil
}

// preferred is the recording of the main job.
const preferred = "h200-hopper"

// Default reads the recording that a replay uses unless told otherwise.
func Default() (string, *results.Document, error) {
	doc, err := Open(preferred)
	return preferred, doc, err
}
