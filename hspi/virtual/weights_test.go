package virtual

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkpoint is a file of the lab's checkpoint, which is read from the repository and
// is in no binary.
func checkpoint(name string) string { return filepath.Join("..", "lab", "checkpoint", name) }

// The lab's model is remade bit for bit.
func TestWeightsAreThoseOfTheLab(t *testing.T) {
	text, err := os.ReadFile(checkpoint("about.json"))
	require.NoError(t, err)
	var about struct {
		SHA256 string `json:"weights_sha256"`
	}
	require.NoError(t, json.Unmarshal(text, &about))
	require.Equal(t, about.SHA256, trained(t).Digest())
}

// The digest notices one bit, another seed and another shape.
func TestTheDigestSeesEverything(t *testing.T) {
	w, err := Random(Tiny())
	require.NoError(t, err)
	same, err := Random(Tiny())
	require.NoError(t, err)
	require.Equal(t, w.Digest(), same.Digest())
	same.tensors["1.down"][7] ^= 1
	require.NotEqual(t, w.Digest(), same.Digest())
	c := Tiny()
	c.Seed++
	other, err := Random(c)
	require.NoError(t, err)
	require.NotEqual(t, w.Digest(), other.Digest())
}

// Files that are no checkpoint of the model are refused with what is wrong.
func TestBadCheckpoints(t *testing.T) {
	file := func(header string, data int) string {
		text := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		path := filepath.Join(t.TempDir(), "a.safetensors")
		require.NoError(t, os.WriteFile(path, append(append(text, header...), make([]byte, data)...), 0o600))
		return path
	}
	for says, path := range map[string]string{
		"header of":           file("{", 0),
		`no tensor "9.q"`:     file(`{"9.q":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}`, 2),
		"F32 [1]":             file(`{"norm":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"BF16 [2] in 6 bytes": file(`{"norm":{"dtype":"BF16","shape":[2],"data_offsets":[0,6]}}`, 6),
		"is [2], not [128]":   file(`{"norm":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`, 4),
		"0.q.A and .B are":    file(`{"0.q.A":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}`, 2),
		"no such file":        filepath.Join(t.TempDir(), "nothing"),
	} {
		_, err := Trained(Tiny(), path)
		require.ErrorContains(t, err, says)
	}
	short := filepath.Join(t.TempDir(), "short")
	require.NoError(t, os.WriteFile(short, []byte("12345678"), 0o600))
	_, err := Trained(Tiny(), short)
	require.ErrorIs(t, err, ErrCheckpoint)
}

// theLabs are the lab's weights, which take a second to make.
var theLabs = sync.OnceValues(func() (*Weights, error) { return Trained(Small(), checkpoint("adapter.safetensors")) })

func trained(t *testing.T) *Weights {
	t.Helper()
	w, err := theLabs()
	require.NoError(t, err)
	return w
}
