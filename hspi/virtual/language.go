package virtual

import "fmt"

// Platform is a model on a virtual machine with its tokens, as package gateway serves
// it: gateway.Serve(platform, …).
type Platform struct {
	*Tokenizer
	*Model
}

// NewPlatform puts the two together.
func NewPlatform(t *Tokenizer, m *Model) (*Platform, error) {
	if len(t.texts) > m.cfg.Vocab {
		return nil, fmt.Errorf("%w: the tokeniser has %d tokens, and the model %d", ErrCheckpoint, len(t.texts), m.cfg.Vocab)
	}
	return &Platform{t, m}, nil
}

// Tokens are those of a prompt, or of chat messages of the user, in the lab's form.
func (p *Platform) Tokens(contents []string, chat bool) []int {
	ids := []int{tokenBegin}
	for _, text := range contents {
		if chat {
			ids = append(ids, tokenUser)
		}
		ids = append(ids, p.Encode(text)...)
	}
	if chat {
		ids = append(ids, tokenAssistant)
	}
	return ids
}
