package virtual

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Special tokens, by id.
const (
	tokenBegin = iota
	tokenEnd
	tokenUser
	tokenAssistant
	tokenByte // that of byte 0
)

// words cuts a text; a word keeps the space before it. The lab's tokeniser counts
// Unicode's spaces and digits as such.
var words = regexp.MustCompile(` ?[A-Za-z_]+| ?\p{Nd}| ?[^\s\v\x1c-\x1f\x{85}\p{Z}A-Za-z_\p{Nd}]+|\n+|[\t\v\f\r\x1c-\x1f\x{85}\p{Z}]+`)

// Tokenizer is a byte-level BPE.
type Tokenizer struct {
	texts []string // of all tokens
	rank  map[[2]int]int
}

// LoadTokenizer reads the merges of a tokeniser, of which the n-th makes token 260+n,
// up to as many tokens as a model has.
func LoadTokenizer(path string, vocab int) (*Tokenizer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Merges [][2]int `json:"merges"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCheckpoint, path, err)
	}
	t := Bytes()
	for n, m := range file.Merges {
		if len(t.texts) >= vocab {
			break
		}
		if max(m[0], m[1]) >= len(t.texts) || min(m[0], m[1]) < tokenByte {
			return nil, fmt.Errorf("%w: %s: merge %d is of tokens that do not exist yet", ErrCheckpoint, path, n)
		}
		t.rank[m] = n
		t.texts = append(t.texts, t.texts[m[0]]+t.texts[m[1]])
	}
	return t, nil
}

// Bytes is the tokeniser without merges: a token for each byte.
func Bytes() *Tokenizer {
	t := &Tokenizer{texts: []string{"<bos>", "<eos>", "<user>", "<assistant>"}, rank: map[[2]int]int{}}
	for b := range 256 {
		t.texts = append(t.texts, string([]byte{byte(b)}))
	}
	return t
}

// Encode gives the tokens of a text, without special ones.
func (t *Tokenizer) Encode(text string) []int {
	var all []int
	for _, word := range words.FindAllString(text, -1) {
		ids := make([]int, len(word))
		for i := range len(word) {
			ids[i] = tokenByte + int(word[i])
		}
		all = append(all, t.merge(ids)...)
	}
	return all
}

// merge does the merges of a word, the earliest first.
func (t *Tokenizer) merge(ids []int) []int {
	for {
		best, pair := len(t.rank), [2]int{}
		for i := 1; i < len(ids); i++ {
			p := [2]int{ids[i-1], ids[i]}
			if rank, ok := t.rank[p]; ok && rank < best {
				best, pair = rank, p
			}
		}
		if best == len(t.rank) {
			return ids
		}
		var merged []int
		for i := 0; i < len(ids); i++ {
			if i+1 < len(ids) && ids[i] == pair[0] && ids[i+1] == pair[1] {
				merged = append(merged, tokenByte+256+best)
				i++
				continue
			}
			merged = append(merged, ids[i])
		}
		ids = merged
	}
}

// Text is what a server prints for a token; broken UTF-8 becomes U+FFFD.
func (t *Tokenizer) Text(id int) string {
	if id < 0 || id >= len(t.texts) {
		return fmt.Sprintf("<%d>", id)
	}
	return strings.ToValidUTF8(t.texts[id], "\ufffd")
}
