package backend

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpubench/gpubench/internal/atomicfile"
)

// cubinCacheVersion is part of every key: raise it when the way of compiling changes.
const cubinCacheVersion = 1

const cubinMagic = "gpubench cubin 1\n"

// cubinCache keeps machine code on disk. The driver has a cache for PTX that it loads as a
// module, but none for what its linker makes. A nil cache holds nothing.
type cubinCache struct {
	dir  string
	salt string // what the machine code depends on beside the PTX: driver, target
}

// CheckCacheDir says whether machine code can be kept in dir, by writing a file.
func CheckCacheDir(dir string) error {
	if dir == "" {
		return errors.New("no cache directory")
	}
	c := &cubinCache{dir: dir, salt: "check"}
	if err := c.put("check", cachedCubin{image: []byte("check")}); err != nil {
		return err
	}
	defer os.Remove(c.path("check"))
	if _, ok := c.get("check"); !ok {
		return fmt.Errorf("%s does not give back what was written", dir)
	}
	return nil
}

type cachedCubin struct {
	image    []byte
	warnings []string
}

// cubinMeta is what an entry says of its image.
type cubinMeta struct {
	Warnings []string `json:"warnings,omitempty"`
}

func (c *cubinCache) path(text string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s\n%s", cubinCacheVersion, c.salt, text))
	key := hex.EncodeToString(sum[:])
	return filepath.Join(c.dir, "cubin", key[:2], key)
}

// get finds the machine code of a PTX text. An entry that is damaged is no entry.
func (c *cubinCache) get(text string) (cachedCubin, bool) {
	if c == nil {
		return cachedCubin{}, false
	}
	data, err := os.ReadFile(c.path(text))
	if err != nil {
		return cachedCubin{}, false
	}
	return decodeCubin(data)
}

// put writes an entry so that no reader meets half of it.
func (c *cubinCache) put(text string, e cachedCubin) error {
	if c == nil {
		return nil
	}
	data, err := encodeCubin(e)
	if err != nil {
		return err
	}
	path := c.path(text)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	err = atomicfile.Write(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("write to the cache: %w", err)
	}
	return nil
}

// An entry is the magic, the SHA-256 of the rest, the length of the description, the
// description, the image.
func encodeCubin(e cachedCubin) ([]byte, error) {
	meta, err := json.Marshal(cubinMeta{Warnings: e.warnings})
	if err != nil {
		return nil, fmt.Errorf("describe a cache entry: %w", err)
	}
	body := binary.LittleEndian.AppendUint32(nil, uint32(len(meta)))
	body = append(append(body, meta...), e.image...)
	sum := sha256.Sum256(body)
	return append(append([]byte(cubinMagic), sum[:]...), body...), nil
}

func decodeCubin(data []byte) (cachedCubin, bool) {
	rest, ok := bytes.CutPrefix(data, []byte(cubinMagic))
	if !ok || len(rest) < sha256.Size+4 {
		return cachedCubin{}, false
	}
	body := rest[sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return cachedCubin{}, false
	}
	n := uint64(binary.LittleEndian.Uint32(body))
	if body = body[4:]; n >= uint64(len(body)) {
		return cachedCubin{}, false
	}
	var meta cubinMeta
	if err := json.Unmarshal(body[:n], &meta); err != nil {
		return cachedCubin{}, false
	}
	return cachedCubin{image: body[n:], warnings: meta.Warnings}, true
}
