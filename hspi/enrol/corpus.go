package enrol

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Session is a recorded session of a platform, as training takes it.
type Session struct {
	Path     string
	Platform string
	// Number is the session's within its platform, as it was recorded.
	Number string
	// Labels tell what the platform is made of.
	Labels   map[string]string
	Evidence *evidence.File
}

// ErrNoSessions: the paths hold no recorded session.
var ErrNoSessions = errors.New("no recorded sessions")

// ErrNoPlatform: a recording does not say of which platform it is.
var ErrNoPlatform = errors.New("the recording names no platform")

// parallel is how many files are read at the same time; each is decoded on all
// processors already.
const parallel = 4

// Load reads and verifies recorded sessions: files, and in folders all files that
// end in .jsonl or .jsonl.zst. What a platform is made of comes from the
// recording, and from a file of the same name that ends in .meta.json, such as the
// lab writes, where there is one. The order is that of platforms and paths.
func Load(paths ...string) ([]Session, error) {
	files, err := find(paths)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w in %s: there is no .jsonl or .jsonl.zst", ErrNoSessions, strings.Join(paths, ", "))
	}
	sessions := make([]Session, len(files))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, path := range files {
		g.Go(func() error {
			s, err := load(path)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			sessions[i] = s
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(sessions, func(a, b Session) int { return strings.Compare(a.Platform, b.Platform) })
	return sessions, nil
}

// find gives each evidence file once, in order.
func find(paths []string) ([]string, error) {
	found := map[string]bool{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			found[filepath.Clean(path)] = true
			continue
		}
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && stem(p) != p {
				found[filepath.Clean(p)] = true
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// stem is the path of an evidence file without its ending.
func stem(path string) string { return strings.TrimSuffix(strings.TrimSuffix(path, ".zst"), ".jsonl") }

func load(path string) (Session, error) {
	f, err := evidence.Load(path)
	if err != nil && !errors.Is(err, evidence.ErrTorn) {
		return Session{}, err
	}
	opens := f.Sessions()
	if len(opens) != 1 {
		return Session{}, fmt.Errorf("%w: it holds %d sessions, not one", ErrNoSessions, len(opens))
	}
	open := opens[0].Open
	s := Session{Path: path, Platform: open.Label, Evidence: f, Labels: maps.Clone(open.Labels)}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	if err := s.meta(stem(path) + ".meta.json"); err != nil {
		return Session{}, err
	}
	s.Number = s.Labels[labelSession]
	delete(s.Labels, labelSession)
	delete(s.Labels, labelNonce)
	if s.Platform == "" {
		return Session{}, ErrNoPlatform
	}
	return s, nil
}

// meta adds what the file beside the evidence says.
func (s *Session) meta(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var m struct {
		Platform string         `json:"platform"`
		Labels   map[string]any `json:"labels"`
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if s.Platform == "" {
		s.Platform = m.Platform
	}
	for name, value := range m.Labels {
		s.Labels[name] = fmt.Sprint(value)
	}
	return nil
}
