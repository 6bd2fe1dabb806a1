// Package plan says what to ask an endpoint: a deterministic list of small
// requests, each with a key by which its answer is known again, so that a run
// that was interrupted asks nothing twice. The same options give the same plan.
package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Paths of the two APIs, below the endpoint's base.
const (
	ChatPath        = "/chat/completions"
	CompletionsPath = "/completions"
)

// Request is a request before it is written in the form of an API.
type Request struct {
	Purpose evidence.Purpose
	Chat    bool
	Prompt  string
	// MaxTokens is how many tokens to generate; 0 is possible with Echo only.
	MaxTokens int
	// MaxCompletionTokens gives MaxTokens under that newer name.
	MaxCompletionTokens bool
	Temperature         float64
	// Logprobs is the number of alternatives to each token; 0 asks for none and -1
	// for no logprobs at all.
	Logprobs int
	// Echo repeats the prompt with its logprobs (completions only).
	Echo bool
	// PromptLogprobs is vLLM's extension of that name; 0: not asked for.
	PromptLogprobs int
	// TokenIDs asks for the ids of tokens (vLLM, SGLang).
	TokenIDs bool
	// N is the number of choices; 0 leaves it to the server, which is 1.
	N         int
	Seed      *int64
	LogitBias map[string]int
	Stream    bool
}

// Item is a request as it is sent.
type Item struct {
	// Key names it within all plans: its purpose, and a hash of path and body.
	Key     string
	Purpose evidence.Purpose
	Path    string // below the endpoint's base; a GET where Body is nil
	Body    []byte
	// MaxTokens and PromptBytes bound what it can cost.
	MaxTokens   int // of all choices
	PromptBytes int
	// Filler only makes load: it leaves before the others of its step.
	Filler bool
	// Reconnect asks over a new connection, which may lead to another backend.
	Reconnect bool
}

// body has the fields in a fixed order, and only those that are asked for: a
// server may refuse what it does not know.
type body struct {
	Model          string         `json:"model"`
	Prompt         string         `json:"prompt,omitempty"`
	Messages       []message      `json:"messages,omitempty"`
	MaxTokens      *int           `json:"max_tokens,omitempty"`
	MaxCompletion  *int           `json:"max_completion_tokens,omitempty"`
	Temperature    float64        `json:"temperature"`
	Logprobs       any            `json:"logprobs,omitempty"` // a number for completions, true for chat
	TopLogprobs    *int           `json:"top_logprobs,omitempty"`
	Echo           bool           `json:"echo,omitempty"`
	PromptLogprobs int            `json:"prompt_logprobs,omitempty"`
	ReturnTokenIDs bool           `json:"return_token_ids,omitempty"`
	N              int            `json:"n,omitempty"`
	Seed           *int64         `json:"seed,omitempty"`
	LogitBias      map[string]int `json:"logit_bias,omitempty"`
	Stream         bool           `json:"stream,omitempty"`
	StreamOptions  *streamOptions `json:"stream_options,omitempty"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// Item writes the request for a model.
func (q Request) Item(model string) (Item, error) {
	b := body{Model: model, Temperature: q.Temperature, Echo: q.Echo, PromptLogprobs: q.PromptLogprobs,
		ReturnTokenIDs: q.TokenIDs, N: q.N, Seed: q.Seed, LogitBias: q.LogitBias, Stream: q.Stream}
	if q.MaxCompletionTokens {
		b.MaxCompletion = &q.MaxTokens
	} else {
		b.MaxTokens = &q.MaxTokens
	}
	path := CompletionsPath
	if q.Chat {
		path, b.Messages = ChatPath, []message{{"user", q.Prompt}}
	} else {
		b.Prompt = q.Prompt
	}
	switch {
	case q.Logprobs < 0:
	case q.Chat:
		b.Logprobs, b.TopLogprobs = true, &q.Logprobs
	default:
		b.Logprobs = q.Logprobs
	}
	if q.Stream {
		b.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return Item{}, fmt.Errorf("write request: %w", err)
	}
	text := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return Item{Key: key(q.Purpose, path, text), Purpose: q.Purpose, Path: path, Body: text,
		MaxTokens: q.MaxTokens * max(q.N, 1), PromptBytes: len(q.Prompt)}, nil
}

// Get is a request for a page such as the list of models.
func Get(name, path string) Item {
	p := evidence.Purpose{Series: SeriesDiscover, Variant: name}
	return Item{Key: key(p, path, nil), Purpose: p, Path: path}
}

// key is readable, and another for every other request.
func key(p evidence.Purpose, path string, body []byte) string {
	sum := sha256.Sum256(append([]byte(path+"\n"), body...))
	name := fmt.Sprintf("%s/%d", p.Series, p.Prompt)
	if p.Variant != "" {
		name += "/" + p.Variant
	}
	return fmt.Sprintf("%s/%d/%s", name, p.Repeat, hex.EncodeToString(sum[:6]))
}
