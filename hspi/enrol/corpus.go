package enrol

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
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

// Load reads and verifies recorded sessions: files, archives, and in folders all
// that end in .jsonl, .jsonl.zst or .tar.zst. What a platform is made of comes from
// the recording, and from a file of the same name that ends in .meta.json, such as
// the lab writes, where there is one. The order is that of platforms and paths.
func Load(paths ...string) ([]Session, error) {
	files, err := find(paths)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w in %s: there is no .jsonl, .jsonl.zst or .tar.zst", ErrNoSessions, strings.Join(paths, ", "))
	}
	found := make([][]Session, len(files))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, path := range files {
		g.Go(func() error {
			var err error
			if strings.HasSuffix(path, archive) {
				found[i], err = loadArchive(path)
				return err
			}
			found[i], err = loadFile(path)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	sessions := slices.Concat(found...)
	slices.SortStableFunc(sessions, func(a, b Session) int { return strings.Compare(a.Platform, b.Platform) })
	return sessions, nil
}

// Endings of files.
const (
	archive = ".tar.zst"
	meta    = ".meta.json"
)

// find gives each file once, in order.
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
			if err == nil && !d.IsDir() && (isEvidence(p) || strings.HasSuffix(p, archive)) {
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

func isEvidence(path string) bool { return stem(path) != strings.TrimSuffix(path, ".zst") }

// stem is the path of an evidence file without its ending.
func stem(path string) string { return strings.TrimSuffix(strings.TrimSuffix(path, ".zst"), ".jsonl") }

func loadFile(path string) ([]Session, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	about, err := os.ReadFile(stem(path) + meta)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s, err := load(file, about)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Path = path
	return []Session{s}, nil
}

// maxMember bounds a file in an archive: a damaged one must not fill memory.
const maxMember = 1 << 30

// loadArchive reads all sessions in an archive.
func loadArchive(path string) ([]Session, error) {
	members, err := readArchive(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all []Session
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !isEvidence(name) {
			continue
		}
		s, err := load(bytes.NewReader(members[name]), members[stem(name)+meta])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		s.Path = path + ":" + name
		all = append(all, s)
	}
	return all, nil
}

func readArchive(path string) (map[string][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	z, err := zstd.NewReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	members := map[string][]byte{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if err == io.EOF {
			return members, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if h.Size > maxMember {
			return nil, fmt.Errorf("%w: %s has %d bytes", ErrNoSessions, h.Name, h.Size)
		}
		if members[h.Name], err = io.ReadAll(t); err != nil {
			return nil, err
		}
	}
}

// load reads a recording, and what the file beside it says, if there is one.
func load(r io.Reader, about []byte) (Session, error) {
	f, err := evidence.Read(r)
	if err != nil && !errors.Is(err, evidence.ErrTorn) {
		return Session{}, err
	}
	opens := f.Sessions()
	if len(opens) != 1 {
		return Session{}, fmt.Errorf("%w: it holds %d sessions, not one", ErrNoSessions, len(opens))
	}
	open := opens[0].Open
	s := Session{Platform: open.Label, Evidence: f, Labels: maps.Clone(open.Labels)}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	if err := s.meta(about); err != nil {
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
func (s *Session) meta(text []byte) error {
	if text == nil {
		return nil
	}
	var m struct {
		Platform string         `json:"platform"`
		Labels   map[string]any `json:"labels"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("read what the platform is made of: %w", err)
	}
	if s.Platform == "" {
		s.Platform = m.Platform
	}
	for name, value := range m.Labels {
		s.Labels[name] = fmt.Sprint(value)
	}
	return nil
}
