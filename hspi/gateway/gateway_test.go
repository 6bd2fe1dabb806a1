package gateway

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
)

const completion = `{"model":"tiny","prompt":"one two three","max_tokens":3,"temperature":0,"logprobs":20}`

// post asks a handler and decodes the answer as the probe does.
func post(t *testing.T, h http.Handler, path, body string) *evidence.Response {
	t.Helper()
	return decode(body, raw(t, h, path, body))
}

func raw(t *testing.T, h http.Handler, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w
}

func decode(body string, w *httptest.ResponseRecorder) *evidence.Response {
	return evidence.Decode(record(body, w))
}

func record(body string, w *httptest.ResponseRecorder) *evidence.Record {
	return &evidence.Record{Kind: evidence.KindExchange, Exchange: &evidence.Exchange{
		Request: evidence.Request{Method: http.MethodPost, URL: "http://host/v1/completions", Body: evidence.Blob(body)},
		Reply:   &evidence.Reply{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}}}
}

func numbers(r *evidence.Response) []evidence.Number {
	var all []evidence.Number
	for _, c := range r.Choices {
		for _, p := range c.Positions {
			all = append(all, p.Logprob)
			for _, a := range p.Top {
				all = append(all, a.Logprob)
			}
		}
	}
	return all
}

func floats(t *testing.T, r *evidence.Response) []float64 {
	t.Helper()
	var all []float64
	for _, n := range numbers(r) {
		v, err := n.Float()
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

// The gaps of the logprobs lie on the grid that the precision has, as on a real
// server: 2^-4 at least for bfloat16 logits of 8 to 16, 2^-7 for float16.
func TestPrecisionsShowAsGrids(t *testing.T) {
	share := func(p Precision, step float64) float64 {
		r := post(t, NewModel(ModelOptions{Precision: p}), "/v1/completions", completion)
		on, all := 0, 0
		for _, position := range r.Choices[0].Positions {
			top, err := position.Top[0].Logprob.Float()
			require.NoError(t, err)
			for _, a := range position.Top[1:] {
				v, err := a.Logprob.Float()
				require.NoError(t, err)
				gap := (top - v) / step
				all++
				if math.Abs(gap-math.Round(gap)) < 1e-4 {
					on++
				}
			}
		}
		return float64(on) / float64(all)
	}
	require.Equal(t, 1.0, share(BFloat16, 1./16))
	require.Less(t, share(Float16, 1./16), 0.5)
	require.Equal(t, 1.0, share(Float16, 1./128))
	require.Less(t, share(Float32, 1./128), 0.1)
}

func TestRoundingIsToNearestEven(t *testing.T) {
	for v, want := range map[float32]float32{1: 1, 1 + 1./128: 1 + 1./128, 1 + 1./256: 1, 1 + 3./256: 1 + 2./128, -1 - 1./200: -1 - 1./128} {
		require.Equal(t, want, round(v, BFloat16), v)
	}
	require.Equal(t, float32(1+1./1024), round(1+1./1000, Float16))
	require.Equal(t, float32(1.2345), round(1.2345, Float32))
}

func TestTheModelIsADistribution(t *testing.T) {
	body := strings.Replace(completion, `"logprobs":20`, `"logprobs":400`, 1)
	r := post(t, NewModel(ModelOptions{}), "/v1/completions", body)
	require.Empty(t, r.Problems)
	for _, p := range r.Choices[0].Positions {
		sum := 0.0
		for _, a := range p.Top {
			v, err := a.Logprob.Float()
			require.NoError(t, err)
			sum += math.Exp(v)
		}
		require.InDelta(t, 1, sum, 1e-5)
		require.Equal(t, p.Top[0].Token, p.Token, "greedy")
	}
}

// Echo, prompt logprobs, decoding and both APIs tell the same numbers.
func TestWaysToTheSameNumber(t *testing.T) {
	m := NewModel(ModelOptions{})
	plain := post(t, m, "/v1/completions", completion)
	text := "one two three" + plain.Choices[0].Text
	echo := post(t, m, "/v1/completions", `{"model":"tiny","prompt":"`+text+`","max_tokens":1,"temperature":0,"logprobs":20,"echo":true}`)
	require.Equal(t, 6, echo.Choices[0].Echoed)
	prompt := post(t, m, "/v1/completions", `{"model":"tiny","prompt":"`+text+`","max_tokens":1,"temperature":0,"prompt_logprobs":20,"return_token_ids":true}`)
	require.Len(t, prompt.Prompt, 6)
	for i, p := range plain.Choices[0].Positions {
		require.Equal(t, p.Logprob, echo.Choices[0].Positions[3+i].Logprob)
		require.Equal(t, p.Logprob, prompt.Prompt[3+i].Logprob)
	}
	require.Len(t, prompt.Choices[0].TokenIDs, 1)
	chat := post(t, m, "/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":"x"}],"max_tokens":2,"temperature":0,"logprobs":true,"top_logprobs":2}`)
	stream := post(t, m, "/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":"x"}],"max_tokens":2,"temperature":0,"logprobs":true,"top_logprobs":2,"stream":true}`)
	require.Equal(t, numbers(chat), numbers(stream))
	require.Equal(t, chat.Choices[0].Text, stream.Choices[0].Text)
}

func TestTemperatureIsRawOrProcessed(t *testing.T) {
	gap := func(processed bool, temperature string) float64 {
		body := strings.Replace(completion, `"temperature":0`, `"temperature":`+temperature, 1)
		top := post(t, NewModel(ModelOptions{Processed: processed}), "/v1/completions", body).Choices[0].Positions[0].Top
		a, err := top[0].Logprob.Float()
		require.NoError(t, err)
		b, err := top[1].Logprob.Float()
		require.NoError(t, err)
		return a - b
	}
	require.InDelta(t, gap(false, "1"), gap(false, "0.5"), 1e-6)
	require.InDelta(t, 2*gap(true, "1"), gap(true, "0.5"), 1e-5)
}

func TestSwitches(t *testing.T) {
	m := NewModel(ModelOptions{})
	plain := post(t, m, "/v1/completions", completion)
	ask := func(o Options) *evidence.Response { return post(t, New(m, o), "/v1/completions", completion) }

	require.Equal(t, numbers(plain), numbers(ask(Options{})), "nothing is changed")
	for _, n := range numbers(ask(Options{Decimals: 4})) {
		require.Regexp(t, `^-?\d+\.\d{4}$`, string(n))
	}
	noisy := floats(t, ask(Options{Noise: 0.01, Seed: 1}))
	sum := 0.0
	for i, v := range floats(t, plain) {
		require.NotEqual(t, v, noisy[i])
		sum += (v - noisy[i]) * (v - noisy[i])
	}
	require.InDelta(t, 0.01, math.Sqrt(sum/float64(len(noisy))), 0.003)
	require.Equal(t, noisy, floats(t, ask(Options{Noise: 0.01, Seed: 1})), "the seed decides")

	stripped := ask(Options{Strip: []string{"usage", "system_fingerprint", "top_logprobs"}})
	require.Nil(t, stripped.Usage)
	require.False(t, stripped.HasFingerprint)
	require.Empty(t, stripped.Choices[0].Positions[0].Top)
	require.Equal(t, plain.Choices[0].Positions[0].Logprob, stripped.Choices[0].Positions[0].Logprob)
	require.Equal(t, "other", ask(Options{Model: "other"}).Model)

	chat := `{"model":"tiny","messages":[{"role":"user","content":"x"}],"max_tokens":2,"temperature":0,"logprobs":true,"top_logprobs":2,"stream":true}`
	rounded := post(t, New(m, Options{Decimals: 3}), "/v1/chat/completions", chat)
	require.Empty(t, rounded.Problems)
	require.Len(t, numbers(rounded), 6)
	for _, n := range numbers(rounded) {
		require.Regexp(t, `^-?\d+\.\d{3}$`, string(n))
	}
}

func TestCacheAndMixture(t *testing.T) {
	a, b := NewModel(ModelOptions{}), NewModel(ModelOptions{Perturb: 0.1})
	distinct := func(o Options) int {
		g, seen := New(a, o), map[string]bool{}
		for range 40 {
			seen[string(numbers(post(t, g, "/v1/completions", completion))[0])] = true
		}
		return len(seen)
	}
	require.Equal(t, 1, distinct(Options{}))
	require.Equal(t, 2, distinct(Options{Other: b, OtherShare: 0.5}))
	require.Equal(t, 40, distinct(Options{Noise: 0.1}))
	require.Equal(t, 1, distinct(Options{Noise: 0.1, Cache: true}))
	require.Equal(t, 1, distinct(Options{Other: b, OtherShare: 0.5, Sticky: true}), "one connection, one backend")
	g := New(a, Options{Other: b, OtherShare: 0.5})
	for range 100 {
		post(t, g, "/v1/completions", completion)
	}
	all, others := g.Requests()
	require.Equal(t, 100, all)
	require.InDelta(t, 50, others, 20)
}

func TestFaultsHitWhatTheySay(t *testing.T) {
	g := New(NewModel(ModelOptions{}), Options{Faults: []Fault{{Kind: Status, Value: "503", From: 1, Every: 2, Count: 2}, {Kind: EmptyChoices, From: 4, Count: 1}}})
	var got []int
	for range 6 {
		w := raw(t, g, "/v1/completions", completion)
		got = append(got, w.Code)
		if len(got) == 5 {
			require.Contains(t, w.Body.String(), `"choices":[]`)
		}
	}
	require.Equal(t, []int{200, 503, 200, 503, 200, 200}, got)
}

// Over a real connection: what hangs ends with the client, what is dropped breaks.
func TestConnectionsHangAndBreak(t *testing.T) {
	server := httptest.NewServer(New(NewModel(ModelOptions{}), Options{Faults: []Fault{{Kind: DropConnection, Count: 1}, {Kind: HangInBody, From: 1, Count: 1}, {Kind: Hang, From: 2}}}))
	defer server.Close()
	client := &http.Client{Timeout: 200 * time.Millisecond}
	reply, err := client.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(completion))
	require.NoError(t, err)
	text, err := io.ReadAll(reply.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotEmpty(t, text)
	require.NoError(t, reply.Body.Close())
	reply, err = client.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(completion))
	require.NoError(t, err)
	text, err = io.ReadAll(reply.Body)
	require.ErrorContains(t, err, "Client.Timeout")
	require.NotEmpty(t, text)
	require.NoError(t, reply.Body.Close())
	_, err = client.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(completion))
	require.ErrorContains(t, err, "Client.Timeout")
}

func TestReplayGivesAnswersInOrder(t *testing.T) {
	noisy := New(NewModel(ModelOptions{}), Options{Noise: 0.1, Faults: []Fault{{Kind: RateLimit, Value: "1", From: 1, Count: 1}}})
	f := &evidence.File{}
	var want []string
	for range 3 {
		w := raw(t, noisy, "/v1/completions", completion)
		want = append(want, w.Body.String())
		f.Records = append(f.Records, record(completion, w))
	}
	f.Records = append(f.Records, &evidence.Record{Kind: evidence.KindExchange, Exchange: &evidence.Exchange{Failure: &evidence.Failure{}}})
	replay, err := NewReplay(f)
	require.NoError(t, err)
	for i := range 4 {
		w := raw(t, replay, "/other/v1/completions", completion)
		require.Equal(t, want[min(i, 2)], w.Body.String())
		require.Equal(t, []int{200, 429, 200, 200}[i], w.Code)
		if i == 1 {
			require.Equal(t, "1", w.Header().Get("Retry-After"))
		}
	}
	require.Equal(t, http.StatusNotFound, raw(t, replay, "/v1/completions", `{}`).Code)
	require.Equal(t, http.StatusNotFound, raw(t, replay, "/v1/chat/completions", completion).Code)
	_, err = NewReplay(&evidence.File{})
	require.ErrorIs(t, err, ErrNothing)
}

func TestTheModelRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		o      ModelOptions
		path   string
		body   string
		status int
		says   string
	}{
		"too many":      {ModelOptions{MaxLogprobs: 5}, "/v1/completions", completion, 400, "greater than max allowed: 5"},
		"none":          {ModelOptions{RefuseLogprobs: true}, "/v1/completions", completion, 400, "does not support logprobs"},
		"another model": {ModelOptions{Name: "x"}, "/v1/completions", completion, 404, "`tiny` does not exist"},
		"too long":      {ModelOptions{MaxTokens: 4}, "/v1/completions", completion, 400, "maximum context length is 4"},
		"no JSON":       {ModelOptions{}, "/v1/completions", "{", 400, "cannot be read"},
		"no such path":  {ModelOptions{}, "/v1/embeddings", completion, 404, "Not Found"},
		"bad logprobs":  {ModelOptions{}, "/v1/completions", strings.Replace(completion, "20", `"x"`, 1), 400, "logprobs"},
		"chat number":   {ModelOptions{}, "/v1/chat/completions", completion, 400, "no boolean"},
	} {
		w := raw(t, NewModel(c.o), c.path, c.body)
		require.Equal(t, c.status, w.Code, name)
		var e struct{ Error struct{ Message string } }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &e), name)
		require.Contains(t, e.Error.Message, c.says, name)
	}
}

func TestTheEditorLeavesAllElse(t *testing.T) {
	e := editor{number: func(s string) string { return "[" + s + "]" }, strip: []string{"gone"}}
	for text, want := range map[string]string{
		`{"a":1.50,"gone":{"x":1},"logprob":-1.50}`:                                              `{"a":1.50,"logprob":[-1.50]}`,
		`{"token_logprobs":[null,-1],"top_logprobs":[null,{" é\u0000":-2}],"text_offset":[0,1]}`: `{"token_logprobs":[null,[-1]],"top_logprobs":[null,{" é\u0000":[-2]}],"text_offset":[0,1]}`,
		`{"top_logprobs":[{"id":5,"token":"x","logprob":-2,"bytes":[1]}]}`:                       `{"top_logprobs":[{"id":5,"token":"x","logprob":[-2],"bytes":[1]}]}`,
		`no JSON`: `no JSON`,
	} {
		require.Equal(t, want, e.text(text))
	}
	require.Equal(t, "data: {\"logprob\":[1]}\n\ndata: [DONE]\n\n", string(e.body([]byte("data: {\"logprob\":1}\n\ndata: [DONE]\n\n"))))
}
