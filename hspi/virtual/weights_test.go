package virtual

import (
	"encoding/json"
	"os"
	"path/filepath"
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

func trained(t *testing.T) *Weights {
	t.Helper()
	w, err := Trained(Small(), checkpoint("adapter.safetensors"))
	require.NoError(t, err)
	return w
}
