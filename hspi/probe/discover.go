package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/loosejson"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/internal/spelling"
)

// ErrNoAPI: neither API of the endpoint gives an answer.
var ErrNoAPI = errors.New("the endpoint answers neither chat nor completions")

// discoverPrompt is asked again and again while abilities are tried.
const discoverPrompt = "Count: one two three"

// alternativesTried are the numbers of alternatives that are asked for, from the
// most: a number that one of the servers is known to allow, then what refusals name.
var alternativesTried = []int{128, 20, 10, 5, 1}

// pages are what servers of the known kinds tell about themselves. What they say
// is a claim; that they are there at all tells something too.
var pages = []struct{ name, path string }{
	{"models", "/models"},
	{"version", "//version"},             // vLLM
	{"server_info", "//get_server_info"}, // SGLang
	{"props", "//props"},                 // llama.cpp
	{"info", "//info"},                   // TGI
	{"ollama_version", "//api/version"},  // Ollama
}

// Discover finds out what the endpoint can do by asking small questions and
// reading the refusals, and keeps what it found as a note. Answers that the
// evidence has already are not asked for again. It fails where neither API
// answers; the error then tells why.
func (s *Session) Discover(ctx context.Context) (plan.Capabilities, error) {
	d := &discovery{s: s, base: map[bool]*evidence.Response{}, c: plan.Capabilities{ChatLogprobs: -1, CompletionsLogprobs: -1, Declared: map[string]string{}, Refusals: map[string]string{}}}
	steps := []func(context.Context) error{d.pages, d.completions, d.chat, d.either, d.abilities}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return d.c, fmt.Errorf("discover: %w", err)
		}
	}
	return d.c, s.note(d.note())
}

type discovery struct {
	s *Session
	c plan.Capabilities
	// base are the answers of the APIs that others are compared with; last is the
	// latest failure of either API.
	base map[bool]*evidence.Response // by chat
	last error
}

// ask asks, and tells refusals, which are findings (nil, nil), from errors that
// end the discovery.
func (d *discovery) ask(ctx context.Context, q plan.Request) (*evidence.Response, error) {
	q.Purpose.Series, q.Prompt, q.MaxCompletionTokens = plan.SeriesDiscover, discoverPrompt, q.Chat && d.c.MaxCompletionTokens
	item, err := q.Item(d.s.o.Model)
	if err != nil {
		return nil, err
	}
	r, err := d.s.Ask(ctx, item)
	if err == nil {
		return r, nil
	}
	d.last = err
	var status *StatusError
	switch {
	case errors.Is(err, ErrRefused) && q.Chat && !d.c.MaxCompletionTokens && strings.Contains(err.Error(), "max_completion_tokens"):
		d.c.MaxCompletionTokens = true
		return d.ask(ctx, q)
	case errors.As(err, &status) && (errors.Is(err, ErrRefused) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrServer)):
		d.c.Refusals[q.Purpose.Variant] = status.Message
		return nil, nil
	case errors.Is(err, ErrUnreadable):
		d.c.Refusals[q.Purpose.Variant] = err.Error()
		return nil, nil
	}
	return nil, err
}

// pages reads what is there. The APIs may answer where the pages do not, so only
// what would fail for every address is an error.
func (d *discovery) pages(ctx context.Context) error {
	for _, page := range pages {
		if strings.HasPrefix(page.path, "//") && d.s.o.Endpoint.base.Path != "/v1" {
			continue // a site with more than this API has other pages there
		}
		r, err := d.s.Ask(ctx, plan.Get(page.name, page.path))
		var status *StatusError
		var transport *TransportError
		switch {
		case err == nil:
			d.page(page.name, r)
		case errors.As(err, &status):
		case errors.As(err, &transport) && transport.Kind != evidence.FailureConnect && transport.Kind != evidence.FailureTLS:
		default:
			return err
		}
	}
	return nil
}

func (d *discovery) page(name string, r *evidence.Response) {
	if server := first(r.Header, "Server"); server != "" {
		d.c.Declared["server"] = server
	}
	v, err := loosejson.Parse(string(d.s.known(r.Key).Reply.Body))
	if err != nil || v.Kind() != loosejson.Object {
		return
	}
	if name != "models" {
		for key, item := range v.Members() {
			if slices.Contains(declaredFields, key) {
				d.c.Declared[name+"."+key] = strings.Trim(item.Raw(), `"`)
			}
		}
		return
	}
	for _, m := range v.Get("data").Items() {
		d.model(m)
	}
}

// declaredFields are the fields of pages that say what serves.
var declaredFields = []string{"version", "build_info", "dtype", "model_dtype", "kv_cache_dtype", "quantization", "tp_size", "dp_size", "attention_backend",
	"sampling_backend", "model_id", "model_sha", "docker_label", "sha", "speculative_algorithm", "enable_deterministic_inference"}

func (d *discovery) model(m loosejson.Value) {
	id := m.Get("id").Text()
	d.c.Models = append(d.c.Models, id)
	if id != d.s.o.Model {
		return
	}
	if owner := m.Get("owned_by").Text(); owner != "" {
		d.c.Declared["owned_by"] = owner
	}
	for _, length := range []loosejson.Value{m.Get("max_model_len"), m.Get("context_length"), m.Get("meta").Get("n_ctx_train")} {
		if n, err := strconv.Atoi(length.Raw()); err == nil && n > 0 {
			d.c.MaxModelLen = n
			return
		}
	}
}

func (d *discovery) completions(ctx context.Context) error {
	var err error
	d.c.Completions, d.c.CompletionsLogprobs, d.c.CompletionsLogprobsGot, err = d.api(ctx, false)
	return err
}

func (d *discovery) chat(ctx context.Context) error {
	var err error
	d.c.Chat, d.c.ChatLogprobs, d.c.ChatLogprobsGot, err = d.api(ctx, true)
	return err
}

// either fails where no API answered, with the reason of the last.
func (d *discovery) either(context.Context) error {
	if d.c.Chat != plan.Honoured && d.c.Completions != plan.Honoured {
		return fmt.Errorf("%w: %w%s", ErrNoAPI, d.last, d.otherModels())
	}
	for _, chat := range []bool{true, false} {
		if r := d.base[chat]; r != nil && r.Fingerprint != "" {
			d.c.Declared["system_fingerprint"] = r.Fingerprint
		}
	}
	return nil
}

// otherModels names the models that the endpoint lists, those that are spelt like
// the missing one first; empty where it lists none, or this one.
func (d *discovery) otherModels() string {
	const most = 5
	if !errors.Is(d.last, ErrNotFound) || len(d.c.Models) == 0 || slices.Contains(d.c.Models, d.s.o.Model) {
		return ""
	}
	names := slices.Clone(d.c.Models)
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(spelling.Distance(a, d.s.o.Model), spelling.Distance(b, d.s.o.Model))
	})
	text := fmt.Sprintf("%q", names[:min(most, len(names))])
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return "; the endpoint lists " + strings.Trim(text, "[]")
}

// api finds the most alternatives that one API gives, by going down from the most.
func (d *discovery) api(ctx context.Context, chat bool) (a plan.Ability, accepted, got int, err error) {
	for tried := alternativesTried; len(tried) > 0; {
		k := tried[0]
		tried = tried[1:]
		q := plan.Request{Chat: chat, MaxTokens: 1, Logprobs: k}
		q.Purpose.Variant = fmt.Sprintf("%s-logprobs=%d", apiName(chat), k)
		r, err := d.ask(ctx, q)
		if err != nil {
			return plan.Refused, -1, -1, err
		}
		if r != nil {
			n := alternatives(r)
			if n < 0 {
				continue // accepted and ignored; perhaps less is honoured
			}
			d.base[chat] = r
			return plan.Honoured, k, n, nil
		}
		if errors.Is(d.last, ErrNotFound) {
			return plan.Refused, -1, -1, nil
		}
		tried = hinted(d.c.Refusals[q.Purpose.Variant], k, tried)
	}
	return d.plain(ctx, chat)
}

// plain asks without logprobs at all.
func (d *discovery) plain(ctx context.Context, chat bool) (plan.Ability, int, int, error) {
	q := plan.Request{Chat: chat, MaxTokens: 1, Logprobs: -1}
	q.Purpose.Variant = apiName(chat) + "-plain"
	r, err := d.ask(ctx, q)
	if r == nil || err != nil {
		return plan.Refused, -1, -1, err
	}
	d.base[chat] = r
	return plan.Honoured, -1, -1, nil
}

func apiName(chat bool) string {
	if chat {
		return "chat"
	}
	return "completions"
}

// alternatives is how many came; 0 for a logprob alone, -1 for none.
func alternatives(r *evidence.Response) int {
	n := -1
	for _, c := range r.Choices {
		for _, p := range c.Positions {
			if p.Logprob.Class() != evidence.Absent || len(p.Top) > 0 {
				n = max(n, len(p.Top))
			}
		}
	}
	return n
}

// hinted is what to try after a refusal of k: first the greatest number below k
// that the refusal names, such as the 20 of "must be at most 20".
func hinted(refusal string, k int, rest []int) []int {
	best := 0
	for _, word := range strings.FieldsFunc(refusal, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(word); err == nil && n < k {
			best = max(best, n)
		}
	}
	if best == 0 || best == 1 && !slices.Contains(rest, 1) {
		return rest
	}
	return append([]int{best}, slices.DeleteFunc(slices.Clone(rest), func(n int) bool { return n >= best })...)
}

// abilities tries the parameters one by one over the API that a plan would use.
func (d *discovery) abilities(ctx context.Context) error {
	tries := []struct {
		to   *plan.Ability
		name string
		do   func(context.Context, plan.Request) (plan.Ability, error)
	}{
		{&d.c.TokenIDs, "token_ids", d.tokenIDs},
		{&d.c.Echo, "echo", d.echo},
		{&d.c.PromptLogprobs, "prompt_logprobs", d.promptLogprobs},
		{&d.c.N, "n", d.choices},
		{&d.c.LogitBias, "logit_bias", d.logitBias},
		{&d.c.Seed, "seed", d.seed},
		{&d.c.Stream, "stream", d.stream},
	}
	for _, t := range tries {
		q := plan.Request{Chat: d.c.UseChat(), MaxTokens: 1, Logprobs: min(d.c.Logprobs(), 1)}
		q.Purpose.Variant = t.name
		a, err := t.do(ctx, q)
		if err != nil {
			return err
		}
		*t.to = a
	}
	return nil
}

// try asks and judges the answer.
func (d *discovery) try(ctx context.Context, q plan.Request, honoured func(*evidence.Response) bool) (plan.Ability, error) {
	r, err := d.ask(ctx, q)
	switch {
	case err != nil:
		return plan.Unknown, err
	case r == nil:
		return plan.Refused, nil
	case honoured(r):
		return plan.Honoured, nil
	}
	return plan.Ignored, nil
}

func (d *discovery) tokenIDs(ctx context.Context, q plan.Request) (plan.Ability, error) {
	q.TokenIDs = true
	return d.try(ctx, q, func(r *evidence.Response) bool { return len(r.Choices[0].TokenIDs) > 0 })
}

func (d *discovery) echo(ctx context.Context, q plan.Request) (plan.Ability, error) {
	if d.c.Completions != plan.Honoured || d.c.CompletionsLogprobs < 0 {
		return plan.Refused, nil
	}
	q.Chat, q.Echo, q.Logprobs = false, true, min(d.c.CompletionsLogprobs, 1)
	return d.try(ctx, q, func(r *evidence.Response) bool { return len(r.Choices[0].Positions) > q.MaxTokens })
}

func (d *discovery) promptLogprobs(ctx context.Context, q plan.Request) (plan.Ability, error) {
	q.PromptLogprobs = 1
	return d.try(ctx, q, func(r *evidence.Response) bool { return len(r.Prompt) > 1 })
}

func (d *discovery) choices(ctx context.Context, q plan.Request) (plan.Ability, error) {
	q.N, q.Temperature = 2, 1
	return d.try(ctx, q, func(r *evidence.Response) bool { return len(r.Choices) == 2 })
}

// logitBias forces a token: if the first one changes, the bias is honoured.
func (d *discovery) logitBias(ctx context.Context, q plan.Request) (plan.Ability, error) {
	const forced = 100 // an id that every vocabulary has
	q.LogitBias = map[string]int{strconv.Itoa(forced): 100}
	before := d.base[q.Chat].Choices[0].Text
	return d.try(ctx, q, func(r *evidence.Response) bool { return r.Choices[0].Text != before })
}

// seed asks twice at temperature 1: with a seed that is honoured, the two agree.
// A model whose next tokens are certain agrees without; then it is not known.
func (d *discovery) seed(ctx context.Context, q plan.Request) (plan.Ability, error) {
	texts := map[string]bool{}
	for i, seed := range []int64{1, 1, 2, 3} {
		q.Seed, q.Temperature, q.MaxTokens = &seed, 1, 8
		q.Purpose.Repeat = i
		r, err := d.ask(ctx, q)
		switch {
		case err != nil:
			return plan.Unknown, err
		case r == nil:
			return plan.Refused, nil
		}
		texts[r.Choices[0].Text] = true
		if i == 1 && len(texts) == 2 {
			return plan.Ignored, nil
		}
	}
	if len(texts) == 1 {
		return plan.Unknown, nil
	}
	return plan.Honoured, nil
}

func (d *discovery) stream(ctx context.Context, q plan.Request) (plan.Ability, error) {
	q.Stream = true
	return d.try(ctx, q, func(r *evidence.Response) bool { return len(r.Events) > 0 })
}

// note keeps the findings.
func (d *discovery) note() *evidence.Note {
	c := d.c
	values := map[string]string{
		"chat": string(c.Chat), "chat_logprobs": strconv.Itoa(c.ChatLogprobs), "chat_logprobs_got": strconv.Itoa(c.ChatLogprobsGot),
		"completions": string(c.Completions), "completions_logprobs": strconv.Itoa(c.CompletionsLogprobs),
		"completions_logprobs_got": strconv.Itoa(c.CompletionsLogprobsGot),
		"echo":                     string(c.Echo), "prompt_logprobs": string(c.PromptLogprobs), "token_ids": string(c.TokenIDs), "seed": string(c.Seed), "n": string(c.N),
		"logit_bias": string(c.LogitBias), "stream": string(c.Stream),
	}
	for _, key := range slices.Sorted(maps.Keys(c.Declared)) {
		values["declared."+key] = c.Declared[key]
	}
	for _, key := range slices.Sorted(maps.Keys(c.Refusals)) {
		values["refusal."+key] = c.Refusals[key]
	}
	return &evidence.Note{Code: evidence.NoteCapability, Text: "what the endpoint can do, as far as asking shows", Values: values}
}
