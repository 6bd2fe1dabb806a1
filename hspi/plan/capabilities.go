package plan

// Ability is whether an endpoint can do something, as far as asking shows.
type Ability string

// Abilities. The zero value is that nobody asked.
const (
	Unknown Ability = ""
	// Honoured: it was asked for, and seen in the answer.
	Honoured Ability = "honoured"
	// Ignored: it was accepted, and the answer is as if it had not been asked for.
	Ignored Ability = "ignored"
	// Refused: the endpoint said no.
	Refused Ability = "refused"
)

// Capabilities are what an endpoint was seen to do.
type Capabilities struct {
	// Chat and Completions tell which APIs answer.
	Chat        Ability `json:"chat"`
	Completions Ability `json:"completions"`
	// ChatLogprobs and CompletionsLogprobs are the most alternatives to a token
	// that were accepted, and Got how many came; -1 where logprobs do not come at all.
	ChatLogprobs           int `json:"chat_logprobs"`
	ChatLogprobsGot        int `json:"chat_logprobs_got"`
	CompletionsLogprobs    int `json:"completions_logprobs"`
	CompletionsLogprobsGot int `json:"completions_logprobs_got"`

	Echo           Ability `json:"echo"`
	PromptLogprobs Ability `json:"prompt_logprobs"`
	TokenIDs       Ability `json:"token_ids"`
	Seed           Ability `json:"seed"`
	N              Ability `json:"n"`
	LogitBias      Ability `json:"logit_bias"`
	Stream         Ability `json:"stream"`

	// MaxCompletionTokens tells that chat wants max_completion_tokens for max_tokens.
	MaxCompletionTokens bool `json:"max_completion_tokens,omitempty"`
	// MaxModelLen is the longest context that the list of models gives, in tokens;
	// 0 where it gives none.
	MaxModelLen int `json:"max_model_len,omitempty"`
	// Models are the names that the endpoint lists.
	Models []string `json:"models,omitempty"`
	// Declared is what the server says about itself: "owned_by", "version",
	// "system_fingerprint", "server", … Claims, no evidence.
	Declared map[string]string `json:"declared,omitempty"`
	// Refusals are the words in which parameters were refused, by parameter.
	Refusals map[string]string `json:"refusals,omitempty"`
}

// UseChat says which API a plan uses: the one with more alternatives, and of
// equals completions, whose prompts no template changes.
func (c Capabilities) UseChat() bool {
	if c.Completions != Honoured {
		return true
	}
	return c.Chat == Honoured && c.ChatLogprobsGot > c.CompletionsLogprobsGot
}

// Logprobs is how many alternatives a plan asks for; -1: there are no logprobs.
func (c Capabilities) Logprobs() int {
	if c.UseChat() {
		return c.ChatLogprobs
	}
	return c.CompletionsLogprobs
}

// Assumed are capabilities to plan with before anybody asked: all but the
// extensions, with 20 alternatives.
func Assumed() Capabilities {
	return Capabilities{Chat: Honoured, Completions: Honoured, ChatLogprobs: 20, ChatLogprobsGot: 20, CompletionsLogprobs: 20, CompletionsLogprobsGot: 20,
		Echo: Honoured, N: Honoured, LogitBias: Honoured, Seed: Honoured, Stream: Honoured}
}
