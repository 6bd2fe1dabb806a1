package gateway

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Precision is how a simulated model rounds its logits.
type Precision string

// Precisions of the head's output.
const (
	Float32  Precision = "fp32"
	BFloat16 Precision = "bf16"
	Float16  Precision = "fp16"
)

// ModelOptions steers a simulated model; the zero value is a server that does all.
type ModelOptions struct {
	Name string // "tiny" where empty
	// Weights chooses the model: the same number gives the same logits.
	Weights uint64
	// Perturb adds, to each logit, a fixed error of that standard deviation, as
	// quantised weights do.
	Perturb   float64
	Precision Precision // Float32 where empty
	// MaxLogprobs is the most alternatives that are allowed; 0: no bound.
	MaxLogprobs int
	// RefuseLogprobs answers 400 to requests with logprobs, IgnoreLogprobs answers without.
	RefuseLogprobs, IgnoreLogprobs bool
	NoChat, NoCompletions          bool
	// Plain leaves vLLM's and SGLang's extensions out, echo and logit_bias.
	Plain bool
	// NewerName refuses max_tokens in chat and wants max_completion_tokens.
	NewerName bool
	// Processed gives logprobs after the temperature instead of before.
	Processed bool
	// MaxTokens is the longest context, 2048 where 0.
	MaxTokens int
}

// Language is what a simulated server serves: tokens, and a function of them. Its
// methods are called from several goroutines.
type Language interface {
	// Tokens are those of a prompt, or of the contents of chat messages in their
	// template.
	Tokens(contents []string, chat bool) []int
	// Text is what the server prints for a token.
	Text(token int) string
	// Logits are those of the token after a context, one for each of the vocabulary.
	// The caller does not change them.
	Logits(context []int) []float32
}

// Model is a simulated OpenAI-compatible server. It is deterministic but for the ids
// of its answers, and safe for use from several goroutines.
type Model struct {
	o        ModelOptions
	language Language
}

// NewModel makes a server over a function that stands for a language model: logits
// are drawn from a hash of the context.
func NewModel(o ModelOptions) *Model {
	o.Precision = cmp.Or(o.Precision, Float32)
	return Serve(newHashed(o), o)
}

// Serve makes a server over a language model; Weights, Perturb and Precision are not
// looked at.
func Serve(l Language, o ModelOptions) *Model {
	o.Name = cmp.Or(o.Name, "tiny")
	o.MaxTokens = cmp.Or(o.MaxTokens, 2048)
	return &Model{o: o, language: l}
}

// ask is the part of a request that the server understands.
type ask struct {
	Model          string
	Prompt         string
	Messages       []struct{ Role, Content string }
	MaxTokens      *int `json:"max_tokens"`
	MaxCompletion  *int `json:"max_completion_tokens"`
	Temperature    *float64
	Logprobs       json.RawMessage
	TopLogprobs    int `json:"top_logprobs"`
	Echo           bool
	PromptLogprobs int  `json:"prompt_logprobs"`
	ReturnTokenIDs bool `json:"return_token_ids"`
	N              int
	Seed           uint64
	LogitBias      map[string]float64 `json:"logit_bias"`
	Stream         bool
}

// ServeHTTP answers /v1/models, /v1/completions and /v1/chat/completions.
func (m *Model) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	switch {
	case strings.HasSuffix(q.URL.Path, "/models"):
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": []any{map[string]any{"id": m.o.Name, "object": "model", "owned_by": "gateway", "max_model_len": m.o.MaxTokens}}})
	case strings.HasSuffix(q.URL.Path, "/chat/completions") && !m.o.NoChat:
		m.complete(w, q, true)
	case strings.HasSuffix(q.URL.Path, "/completions") && !strings.HasSuffix(q.URL.Path, "/chat/completions") && !m.o.NoCompletions:
		m.complete(w, q, false)
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	reply(w, status, map[string]any{"error": map[string]any{"message": fmt.Sprintf(format, args...), "type": "invalid_request_error"}})
}

func (m *Model) complete(w http.ResponseWriter, q *http.Request, chat bool) {
	var a ask
	if err := json.NewDecoder(q.Body).Decode(&a); err != nil {
		refuse(w, http.StatusBadRequest, "the request cannot be read: %v", err)
		return
	}
	k, err := alternatives(a, chat)
	tokens := m.tokens(a, chat)
	switch most := m.o.MaxLogprobs; {
	case err != nil:
		refuse(w, http.StatusBadRequest, "logprobs: %v", err)
	case chat && m.o.NewerName && a.MaxTokens != nil:
		refuse(w, http.StatusBadRequest, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	case a.Model != m.o.Name:
		refuse(w, http.StatusNotFound, "The model `%s` does not exist.", a.Model)
	case k >= 0 && m.o.RefuseLogprobs:
		refuse(w, http.StatusBadRequest, "This model does not support logprobs.")
	case most > 0 && k > most:
		refuse(w, http.StatusBadRequest, "Requested sample logprobs of %d, which is greater than max allowed: %d", k, most)
	case len(tokens)+m.generated(a) > m.o.MaxTokens:
		refuse(w, http.StatusBadRequest, "This model's maximum context length is %d tokens, and %d were requested.", m.o.MaxTokens, len(tokens)+m.generated(a))
	default:
		if m.o.IgnoreLogprobs {
			k = -1
		}
		m.answer(w, a, chat, k, tokens)
	}
}

func (m *Model) generated(a ask) int {
	for _, n := range []*int{a.MaxTokens, a.MaxCompletion} {
		if n != nil {
			return *n
		}
	}
	return 16
}

// alternatives is how many logprobs were asked for; -1: none.
func alternatives(a ask, chat bool) (int, error) {
	text := string(a.Logprobs)
	switch {
	case text == "" || text == "null" || text == "false":
		return -1, nil
	case chat && text == "true":
		return a.TopLogprobs, nil
	case chat:
		return 0, fmt.Errorf("%s is no boolean", text)
	}
	return strconv.Atoi(text)
}

// tokens are those of the prompt.
func (m *Model) tokens(a ask, chat bool) []int {
	if !chat {
		return m.language.Tokens([]string{a.Prompt}, false)
	}
	var contents []string
	for _, part := range a.Messages {
		contents = append(contents, part.Content)
	}
	return m.language.Tokens(contents, true)
}

// logits are those of the token after a context, with the request's bias.
func (m *Model) logits(context []int, a ask) []float32 {
	logits := m.language.Logits(context)
	if m.o.Plain || len(a.LogitBias) == 0 {
		return logits
	}
	logits = slices.Clone(logits)
	for id, bias := range a.LogitBias {
		if i, err := strconv.Atoi(id); err == nil && i >= 0 && i < len(logits) {
			logits[i] += float32(bias)
		}
	}
	return logits
}

// logSoftmax is in float32, as servers do it.
func logSoftmax(logits []float32) []float32 {
	top := slices.Max(logits)
	sum := float32(0)
	for _, v := range logits {
		sum += float32(math.Exp(float64(v - top)))
	}
	log := float32(math.Log(float64(sum)))
	out := make([]float32, len(logits))
	for i, v := range logits {
		out[i] = v - top - log
	}
	return out
}
