package gateway

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
)

// position is a token with the logprobs of all tokens at its place; the first of
// a prompt has none.
type position struct {
	id       int
	logprobs []float32
}

// entry is an alternative in an answer.
type entry struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"` // a float32 in the digits of float64, as Python writes it
	Bytes   []int   `json:"bytes"`
	Top     []entry `json:"top_logprobs,omitempty"`
	id      int
}

// answer generates and writes the reply.
func (m *Model) answer(w http.ResponseWriter, a ask, chat bool, k int, prompt []int) {
	total := m.generated(a) * max(a.N, 1)
	envelope := map[string]any{"id": fmt.Sprintf("cmpl-%016x", rand.Uint64()), "object": "text_completion", "created": 1700000000, "model": m.o.Name,
		"system_fingerprint": "gateway-1", "usage": map[string]any{"prompt_tokens": len(prompt), "completion_tokens": total, "total_tokens": len(prompt) + total}}
	if chat {
		envelope["object"] = "chat.completion"
	}
	var choices []map[string]any
	var shown [][]position
	for n := range max(a.N, 1) {
		generated := m.generate(a, prompt, n)
		all := generated
		if a.Echo && !m.o.Plain {
			all = append(m.scored(prompt), generated...)
		}
		choice := m.choice(chat, k, n, all)
		m.extend(choice, a, prompt, generated)
		choices, shown = append(choices, choice), append(shown, all)
	}
	if a.Stream {
		m.stream(w, envelope, chat, k, shown)
		return
	}
	envelope["choices"] = choices
	reply(w, http.StatusOK, envelope)
}

// generate is greedy at temperature 0, else drawn by seed.
func (m *Model) generate(a ask, prompt []int, choice int) []position {
	context := slices.Clone(prompt)
	random := splitMix(a.Seed*1000 + uint64(choice))
	var all []position
	for range m.generated(a) {
		logits := m.logits(context, a)
		shown := logits
		t := 1.0
		if a.Temperature != nil {
			t = *a.Temperature
		}
		if t > 0 {
			scaled := make([]float32, len(logits))
			for i, v := range logits {
				scaled[i] = v / float32(t)
			}
			if m.o.Processed {
				shown = scaled
			}
			all = append(all, position{draw(logSoftmax(scaled), random.uniform()), logSoftmax(shown)})
		} else {
			all = append(all, position{slices.Index(logits, slices.Max(logits)), logSoftmax(logits)})
		}
		context = append(context, all[len(all)-1].id)
	}
	return all
}

// draw is the token at a place in the cumulated distribution.
func draw(logprobs []float32, at float64) int {
	for i, lp := range logprobs {
		if at -= math.Exp(float64(lp)); at < 0 {
			return i
		}
	}
	return len(logprobs) - 1
}

// scored are the positions of a prompt.
func (m *Model) scored(prompt []int) []position {
	var all []position
	for i, id := range prompt {
		p := position{id: id}
		if i > 0 {
			p.logprobs = logSoftmax(m.logits(prompt[:i], ask{}))
		}
		all = append(all, p)
	}
	return all
}

func (m *Model) text(positions []position) string {
	text := ""
	for _, p := range positions {
		text += m.language.Text(p.id)
	}
	return text
}

func (m *Model) choice(chat bool, k, index int, shown []position) map[string]any {
	c := map[string]any{"index": index, "finish_reason": "length", "logprobs": nil}
	if chat {
		c["message"] = map[string]any{"role": "assistant", "content": m.text(shown)}
	} else {
		c["text"] = m.text(shown)
	}
	if k >= 0 {
		c["logprobs"] = m.logprobs(chat, k, shown)
	}
	return c
}

// extend adds vLLM's extensions to a choice.
func (m *Model) extend(c map[string]any, a ask, prompt []int, generated []position) {
	if m.o.Plain {
		return
	}
	if a.ReturnTokenIDs {
		ids := []int{}
		for _, p := range generated {
			ids = append(ids, p.id)
		}
		c["token_ids"], c["prompt_token_ids"] = ids, prompt
	}
	if a.PromptLogprobs > 0 {
		c["prompt_logprobs"] = m.promptLogprobs(a, prompt)
	}
}

func (m *Model) logprobs(chat bool, k int, shown []position) any {
	if chat {
		content := []entry{}
		for _, p := range shown {
			e := m.entry(p, p.id)
			e.Top = m.top(p, k)
			content = append(content, e)
		}
		return map[string]any{"content": content}
	}
	tokens, values, tops, offsets := []string{}, []any{}, []any{}, []int{}
	offset := 0
	for _, p := range shown {
		tokens, offsets = append(tokens, m.language.Text(p.id)), append(offsets, offset)
		offset += len(m.language.Text(p.id))
		if p.logprobs == nil {
			values, tops = append(values, nil), append(tops, nil)
			continue
		}
		values, tops = append(values, float64(p.logprobs[p.id])), append(tops, ordered(m.top(p, k)))
	}
	return map[string]any{"tokens": tokens, "token_logprobs": values, "top_logprobs": tops, "text_offset": offsets}
}

// ordered is an object of text and logprob that keeps its order in JSON.
type ordered []entry

func (o ordered) MarshalJSON() ([]byte, error) {
	text := []byte("{")
	for i, e := range o {
		if i > 0 {
			text = append(text, ',')
		}
		key, err := json.Marshal(e.Token)
		if err != nil {
			return nil, err
		}
		text = append(append(text, key...), ':')
		text = strconv.AppendFloat(text, e.Logprob, 'g', -1, 64)
	}
	return append(text, '}'), nil
}

func (m *Model) entry(p position, id int) entry {
	e := entry{Token: m.language.Text(id), id: id}
	for _, b := range []byte(e.Token) {
		e.Bytes = append(e.Bytes, int(b))
	}
	if p.logprobs != nil {
		e.Logprob = float64(p.logprobs[id])
	}
	return e
}

// top are the k most likely tokens, ties by number.
func (m *Model) top(p position, k int) []entry {
	ids := make([]int, len(p.logprobs))
	for i := range ids {
		ids[i] = i
	}
	slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(p.logprobs[b], p.logprobs[a]) })
	var all []entry
	for _, id := range ids[:min(k, len(ids))] {
		all = append(all, m.entry(p, id))
	}
	return all
}

func (m *Model) promptLogprobs(a ask, prompt []int) []any {
	var all []any
	for _, p := range m.scored(prompt) {
		if p.logprobs == nil {
			all = append(all, nil)
			continue
		}
		one := map[string]any{}
		for rank, e := range m.top(p, a.PromptLogprobs) {
			one[strconv.Itoa(e.id)] = map[string]any{"logprob": e.Logprob, "rank": rank + 1, "decoded_token": e.Token}
		}
		own := m.entry(p, p.id)
		if one[strconv.Itoa(p.id)] == nil {
			rank := 1
			for _, lp := range p.logprobs {
				if lp > p.logprobs[p.id] {
					rank++
				}
			}
			one[strconv.Itoa(p.id)] = map[string]any{"logprob": own.Logprob, "rank": rank, "decoded_token": own.Token}
		}
		all = append(all, one)
	}
	return all
}

// stream writes an event for each token, one that ends each choice, and [DONE].
func (m *Model) stream(w http.ResponseWriter, envelope map[string]any, chat bool, k int, shown [][]position) {
	w.Header().Set("Content-Type", "text/event-stream")
	if chat {
		envelope["object"] = "chat.completion.chunk"
	}
	delete(envelope, "usage")
	send := func(choice map[string]any) {
		if chat {
			choice["delta"] = choice["message"]
			delete(choice, "message")
		}
		envelope["choices"] = []any{choice}
		text, err := json.Marshal(envelope)
		if err == nil {
			event(w, string(text))
		}
	}
	for n, positions := range shown {
		for i := range positions {
			part := m.choice(chat, k, n, positions[i:i+1])
			part["finish_reason"] = nil
			send(part)
		}
		send(m.choice(chat, -1, n, nil))
	}
	event(w, "[DONE]")
}

// event writes one message of a stream at once; the client may have gone.
func event(w http.ResponseWriter, data string) {
	_, _ = fmt.Fprintf(w, "data: %s\n\n", data)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
