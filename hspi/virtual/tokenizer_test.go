package virtual

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every text comes back from its tokens.
func TestTokensAreTheText(t *testing.T) {
	lab, err := LoadTokenizer(checkpoint("tokenizer.json"), Small().Vocab)
	require.NoError(t, err)
	require.Len(t, lab.texts, Small().Vocab)
	for _, text := range []string{"Random words: clean duck swan", "a  b\n\n\tc 12 3.4 ö€\u2003x", "", "def f(x):\n    return x_1", "\u00a0\u0663"} {
		for _, tokens := range []*Tokenizer{lab, Bytes()} {
			var back strings.Builder
			for _, id := range tokens.Encode(text) {
				back.WriteString(tokens.texts[id])
			}
			assert.Equal(t, text, back.String())
		}
		assert.LessOrEqual(t, len(lab.Encode(text)), len(Bytes().Encode(text)))
	}
	assert.Equal(t, "<bos>", lab.Text(0))
	assert.Equal(t, "<9999>", lab.Text(9999))
	assert.Equal(t, "\ufffd", lab.Text(tokenByte+0xff))
}

func TestBadTokenizers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.json")
	for _, text := range []string{"{", `{"merges":[[4,260]]}`, `{"merges":[[0,5]]}`} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := LoadTokenizer(path, 1000)
		require.ErrorIs(t, err, ErrCheckpoint, text)
	}
	_, err := LoadTokenizer(path+"x", 1000)
	require.ErrorIs(t, err, os.ErrNotExist)
	w, err := Random(Tiny())
	require.NoError(t, err)
	lab, err := LoadTokenizer(checkpoint("tokenizer.json"), Small().Vocab)
	require.NoError(t, err)
	_, err = NewPlatform(lab, NewModel(w, FP32()))
	require.ErrorIs(t, err, ErrCheckpoint)
}

// What was asked before changes nothing, whatever prefixes are shared.
func TestAnswersDependOnTheTokensAlone(t *testing.T) {
	w, err := Random(Tiny())
	require.NoError(t, err)
	for _, how := range []Arithmetic{FP32(), BF16(8)} {
		warm := NewModel(w, how)
		for _, tokens := range [][]int{{0, 5, 6, 7}, {0, 5}, {0, 5, 6, 9, 10}, {0, 5, 6, 7}, {1}} {
			assert.Equal(t, NewModel(w, how).Logits(tokens), warm.Logits(tokens), "%s %v", how.Name, tokens)
		}
	}
}
