// Package hspitest is what the tests of HSPI share: the lab's recorded sessions,
// read once, and the evidence that a handler leaves.
package hspitest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Recorded is the folder of the lab's recordings as the tests of packages below
// hspi see it.
const Recorded = "../recorded"

// Recording is one recorded session.
type Recording struct {
	Machine  string // its folder: h200
	Platform string
	Labels   map[string]string
	Number   string // of the session within its platform: 1, 2, ...
	File     *evidence.File
	Answers  []*evidence.Response
}

// Lab is the recordings of some machines, each session read when it is first asked
// for. Tests that name no machine must not change when another is recorded, so
// there is no way to have them all.
type Lab struct {
	folders []string

	mu   sync.Mutex
	read map[string]Recording // by platform and number
}

// NewLab is the recordings of machines, which are folders in the folder recorded.
func NewLab(recorded string, machines ...string) *Lab {
	l := &Lab{read: map[string]Recording{}}
	for _, m := range machines {
		l.folders = append(l.folders, filepath.Join(recorded, m))
	}
	return l
}

const ending = ".tar.zst"

// Platforms are the names of all platforms of the machines.
func (l *Lab) Platforms(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, folder := range l.folders {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), ending); ok {
				all = append(all, name)
			}
		}
	}
	return all
}

// Sessions are the sessions of a platform with the given numbers, those of them
// that were recorded, in order; one at least.
func (l *Lab) Sessions(t testing.TB, platform string, numbers ...int) []Recording {
	t.Helper()
	all := l.Recorded(t, platform, numbers...)
	require.NotEmpty(t, all, "%s has no session of %v", platform, numbers)
	return all
}

// Recorded is Sessions where there may be none.
func (l *Lab) Recorded(t testing.TB, platform string, numbers ...int) []Recording {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lack []string
	for _, n := range numbers {
		if _, ok := l.read[key(platform, n)]; !ok {
			lack = append(lack, fmt.Sprintf("%02d", n))
		}
	}
	if len(lack) > 0 {
		for _, n := range numbers { // what is not there is not looked for again
			l.read[key(platform, n)] = l.read[key(platform, n)]
		}
		for _, r := range l.unpack(t, platform, lack) {
			l.read[r.Platform+" "+r.Number] = r
		}
	}
	var all []Recording
	for _, n := range numbers {
		if r := l.read[key(platform, n)]; r.File != nil {
			all = append(all, r)
		}
	}
	return all
}

func key(platform string, number int) string { return platform + " " + strconv.Itoa(number) }

// unpack reads sessions of an archive; numbers are those of its file names.
func (l *Lab) unpack(t testing.TB, platform string, numbers []string) []Recording {
	t.Helper()
	f, machine := l.open(t, platform)
	defer func() { require.NoError(t, f.Close()) }()
	z, err := zstd.NewReader(f)
	require.NoError(t, err)
	defer z.Close()
	var all []Recording
	labels := map[string]map[string]string{}
	for archive := tar.NewReader(z); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		number, kind, _ := strings.Cut(filepath.Base(header.Name), ".")
		if !slices.Contains(numbers, number) {
			continue
		}
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		switch kind {
		case "jsonl":
			file, err := evidence.Read(bytes.NewReader(text))
			require.NoError(t, err)
			all = append(all, Recording{Machine: machine, Platform: platform, Number: strings.TrimLeft(number, "0"), File: file, Answers: file.Responses()})
		case "meta.json":
			labels[strings.TrimLeft(number, "0")] = about(t, text)
		}
	}
	for i := range all {
		all[i].Labels = labels[all[i].Number]
		require.NotEmpty(t, all[i].Labels)
	}
	return all
}

func (l *Lab) open(t testing.TB, platform string) (*os.File, string) {
	t.Helper()
	for _, folder := range l.folders {
		if f, err := os.Open(filepath.Join(folder, platform+ending)); err == nil {
			return f, filepath.Base(folder)
		}
	}
	require.Failf(t, "not recorded", "%s in %v", platform, l.folders)
	return nil, ""
}

// about reads what a platform is made of.
func about(t testing.TB, text []byte) map[string]string {
	t.Helper()
	var meta struct{ Labels map[string]any }
	require.NoError(t, json.Unmarshal(text, &meta))
	labels := map[string]string{}
	for name, value := range meta.Labels {
		labels[name] = fmt.Sprint(value)
	}
	return labels
}

// First are the numbers 1 to n.
func First(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// Of are the sessions of several platforms.
func (l *Lab) Of(t testing.TB, platforms []string, numbers ...int) []Recording {
	t.Helper()
	var all []Recording
	for _, name := range platforms {
		all = append(all, l.Sessions(t, name, numbers...)...)
	}
	return all
}

// session has the fields of model.Session, which this package does not import, so
// that model's own tests can use it.
type session = struct {
	Platform string
	Labels   map[string]string
	Number   string
	Answers  []*evidence.Response
}

// As gives recordings as training takes them: As[model.Session](recordings).
func As[S ~session](recordings []Recording) []S {
	all := make([]S, len(recordings))
	for i, r := range recordings {
		all[i] = S{Platform: r.Platform, Labels: r.Labels, Number: r.Number, Answers: r.Answers}
	}
	return all
}
