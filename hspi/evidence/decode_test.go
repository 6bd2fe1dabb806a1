package evidence

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func decoded(request, body string, header ...string) *Response {
	x := &Exchange{Key: "k", Attempt: 1, Request: Request{Body: Blob(request)}, Reply: &Reply{Status: 200, Body: Blob(body)}}
	if len(header) > 0 {
		x.Reply.Header = map[string][]string{"Content-Type": header}
	}
	return Decode(&Record{Kind: KindExchange, Session: "s", Exchange: x})
}

func codes(r *Response) []ProblemCode {
	var all []ProblemCode
	for _, p := range r.Problems {
		all = append(all, p.Code)
	}
	return all
}

func TestDecodeChat(t *testing.T) {
	r := decoded(`{"model":"m","messages":[],"logprobs":true,"top_logprobs":2,"max_tokens":1,"temperature":0.5}`,
		`{"id":"c1","object":"chat.completion","created":1700000000,"model":"m-served","system_fingerprint":"b4501-667d7284",
		"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_content":"hm"},"finish_reason":"length","logprobs":{"content":[
		{"token":"Hi","logprob":-0.31725305,"bytes":[72,105],"id":13347,"top_logprobs":[
			{"token":"Hi","logprob":-0.31725305,"bytes":[72,105]},{"token":"\ufffd","logprob":-1.3190403,"bytes":[195]}]}]}}],
		"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":4}}}`)
	require.Empty(t, r.Problems)
	require.Equal(t, Asked{Model: "m", Chat: true, MaxTokens: "1", Temperature: "0.5", Logprobs: "2"}, r.Asked)
	require.Equal(t, "m-served", r.Model)
	require.True(t, r.HasFingerprint)
	require.Equal(t, "b4501-667d7284", r.Fingerprint)
	require.Equal(t, Number("1700000000"), r.Created)
	require.Equal(t, &Usage{Prompt: "5", Completion: "1", Total: "6", Cached: "4"}, r.Usage)
	c := r.Choices[0]
	require.Equal(t, "Hi", c.Text)
	require.Equal(t, "hm", c.Reasoning)
	require.Equal(t, "length", c.Finish)
	require.Equal(t, Position{Token: Token{Text: "Hi", ID: 13347, Bytes: []byte("Hi")}, Logprob: "-0.31725305", Event: -1, Top: []Alternative{
		{Token: Token{Text: "Hi", ID: -1, Bytes: []byte("Hi")}, Logprob: "-0.31725305"},
		{Token: Token{Text: "\ufffd", ID: -1, Bytes: []byte{195}}, Logprob: "-1.3190403"}}}, c.Positions[0])
}

func TestDecodeCompletions(t *testing.T) {
	r := decoded(`{"prompt":"a b","logprobs":2,"echo":true}`,
		`{"choices":[{"text":"a b c","index":0,"logprobs":{"tokens":["a"," b"," c"],"token_logprobs":[null,-1.5,-0.25],
		"top_logprobs":[null,{" b":-1.5," x":-2.0},{" c":-0.25," x":-2.0," c":-3.0}],"text_offset":[0,1,3]},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":2,"completion_tokens":1}}`)
	require.Empty(t, r.Problems)
	c := r.Choices[0]
	require.Equal(t, 2, c.Echoed)
	require.Equal(t, Number("null"), c.Positions[0].Logprob)
	require.Equal(t, Absent, c.Positions[0].Logprob.Class())
	require.Len(t, c.Positions[2].Top, 3, "a text that comes twice stays twice")
	require.Equal(t, Number("3"), c.Positions[2].TextOffset)
}

// vLLM: ids as token text, ids beside, prompt logprobs at the choice or at the top.
func TestDecodeVLLM(t *testing.T) {
	prompt := `[null,{"7":{"logprob":-3.5,"rank":9,"decoded_token":" b"},"4":{"logprob":-0.5,"rank":1,"decoded_token":" a"}}]`
	for name, body := range map[string]string{
		"choice": `{"choices":[{"index":0,"text":"x","token_ids":[12],"prompt_token_ids":[1,7],"prompt_logprobs":` + prompt + `,
			"logprobs":{"tokens":["token_id:12"],"token_logprobs":[-9999.0],"top_logprobs":[{"token_id:12":-0.5}]}}]}`,
		"top": `{"prompt_logprobs":` + prompt + `,"prompt_token_ids":[1,7],"choices":[{"index":0,"message":{"content":"x"},"token_ids":[12],
			"logprobs":{"content":[{"token":"token_id:12","logprob":-9999.0,"bytes":null,"top_logprobs":[{"token":"token_id:12","logprob":-0.5,"bytes":null}]}]}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := decoded(`{"prompt":"p","logprobs":1}`, body)
			require.Equal(t, []ProblemCode{ProblemSentinel}, codes(r))
			require.Len(t, r.Prompt, 2)
			require.Empty(t, r.Prompt[0].Top)
			require.Equal(t, 1, r.Prompt[0].Token.ID)
			require.Equal(t, Token{Text: " b", ID: 7}, r.Prompt[1].Token)
			require.Equal(t, Number("-3.5"), r.Prompt[1].Logprob)
			require.Equal(t, Number("1"), r.Prompt[1].Top[1].Rank)
			p := r.Choices[0].Positions[0]
			require.Equal(t, 12, p.Token.ID)
			require.Equal(t, Sentinel, p.Logprob.Class())
			require.Equal(t, 12, p.Top[0].Token.ID)
			require.Equal(t, []int{12}, r.Choices[0].TokenIDs)
		})
	}
}

func TestDecodeNativeAnswers(t *testing.T) {
	ollama := decoded(`{"prompt":"p","logprobs":true,"top_logprobs":1}`,
		`{"model":"m","response":"x","done_reason":"length","logprobs":[{"token":"x","logprob":-0.25,"bytes":[120],"top_logprobs":[{"token":"x","logprob":-0.25}]}]}`)
	require.Empty(t, ollama.Problems)
	require.Equal(t, "length", ollama.Choices[0].Finish)
	require.Equal(t, Number("-0.25"), ollama.Choices[0].Positions[0].Top[0].Logprob)
	llama := decoded(`{"prompt":"p","n_probs":1}`,
		`{"content":"x","completion_probabilities":[{"id":3,"token":"x","logprob":-3.4028234663852886e+38,"top_logprobs":[{"id":3,"token":"x","logprob":-0.0}]}]}`)
	require.Equal(t, 3, llama.Choices[0].Positions[0].Token.ID)
	require.Equal(t, []ProblemCode{ProblemSentinel}, codes(llama))
}

const event = `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"%"},"logprobs":{"content":[{"token":"%","logprob":-0.5,"top_logprobs":[]}]},"finish_reason":null}]}` + "\n\n"

func TestDecodeStream(t *testing.T) {
	a, b := strings.ReplaceAll(event, "%", "A"), strings.ReplaceAll(event, "%", "B")
	end := `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"system_fingerprint":"fp"}` + "\r\n\r\ndata: [DONE]\n\n"
	comment := ": keep alive\n\n"
	body := a + comment + b + end
	x := &Exchange{Request: Request{Body: Blob(`{"stream":true,"messages":[],"logprobs":true,"top_logprobs":0}`)}, Reply: &Reply{Status: 200, Body: Blob(body),
		Header:   map[string][]string{"Content-Type": {"text/event-stream; charset=utf-8"}},
		Arrivals: []Arrival{{len(a), 1000}, {len(a) + len(comment) + 5, 2000}, {len(body), 3000}}}}
	r := Decode(&Record{Kind: KindExchange, Exchange: x})
	require.Empty(t, r.Problems)
	require.True(t, r.Done)
	require.Equal(t, "AB", r.Choices[0].Text)
	require.Equal(t, "stop", r.Choices[0].Finish)
	require.Equal(t, "fp", r.Fingerprint)
	require.Len(t, r.Events, 3)
	require.Equal(t, time.Millisecond, r.Events[0].After)
	require.Equal(t, 3*time.Millisecond, r.Events[1].After)
	require.Equal(t, 1, r.Events[1].Tokens)
	require.Equal(t, 0, r.Events[2].Tokens)
	require.Equal(t, 1, r.Choices[0].Positions[1].Event)
	require.Equal(t, strings.TrimRight(b, "\n"), body[r.Events[1].Start:r.Events[1].End])
}

// A stream that is cut at any byte ends in a truncation, and what came whole is there.
func TestDecodeAStreamCutAnywhere(t *testing.T) {
	a, b := strings.ReplaceAll(event, "%", "A"), strings.ReplaceAll(event, "%", "B")
	whole := a + b
	for cut := 0; cut <= len(whole); cut++ {
		r := decoded(`{"stream":true,"logprobs":true}`, whole[:cut], "text/event-stream")
		require.True(t, r.Has(ProblemTruncated), cut)
		want := 0
		switch {
		case cut >= len(whole)-2:
			want = 2
		case cut >= len(a)-2:
			want = 1
		}
		n := 0
		for _, c := range r.Choices {
			for _, p := range c.Positions {
				if p.Logprob != "" {
					n++
				}
			}
		}
		require.GreaterOrEqual(t, n, want, cut)
		require.LessOrEqual(t, n, want+1, cut)
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	const asks = `{"prompt":"p","logprobs":2}`
	one := func(lp string) string {
		return `{"choices":[{"index":0,"text":"x","logprobs":{"tokens":["x"],"token_logprobs":[` + lp + `],"top_logprobs":[{"x":` + lp + `,"y":-7.5}]}}]}`
	}
	for name, c := range map[string]struct {
		body string
		want []ProblemCode
	}{
		"fine":             {one("-0.5"), nil},
		"NaN":              {one("NaN"), []ProblemCode{ProblemNotANumber}},
		"quoted NaN":       {one(`"nan"`), []ProblemCode{ProblemNotANumber}},
		"-Infinity":        {one("-Infinity"), []ProblemCode{ProblemNotANumber}},
		"overflow":         {one("-1e999"), []ProblemCode{ProblemNotANumber}},
		"sentinel":         {one("-9999.0"), []ProblemCode{ProblemSentinel}},
		"float32 minimum":  {one("-340282346638528859811704183484516925440.0"), []ProblemCode{ProblemSentinel}},
		"positive":         {one("0.25"), []ProblemCode{ProblemPositive}},
		"zero":             {one("-0.0"), nil},
		"empty body":       {"", []ProblemCode{ProblemEmpty, ProblemNoChoices}},
		"HTML":             {"<html>502</html>", []ProblemCode{ProblemNotJSON, ProblemNoChoices}},
		"a list":           {"[1]", []ProblemCode{ProblemNotJSON, ProblemNoChoices}},
		"empty choices":    {`{"choices":[]}`, []ProblemCode{ProblemNoChoices}},
		"null choices":     {`{"choices":null}`, []ProblemCode{ProblemNoChoices}},
		"error in a 200":   {`{"error":{"message":"overloaded"}}`, []ProblemCode{ProblemError, ProblemNoChoices}},
		"no logprobs":      {`{"choices":[{"text":"x","logprobs":null}]}`, []ProblemCode{ProblemNoLogprobs}},
		"fewer":            {`{"choices":[{"text":"x","logprobs":{"tokens":["x"],"token_logprobs":[-1.5],"top_logprobs":[{"x":-1.5}]}}]}`, []ProblemCode{ProblemFewer}},
		"unequal":          {`{"choices":[{"text":"x","logprobs":{"tokens":["x","y"],"token_logprobs":[-1.5],"top_logprobs":[{"x":-1.5,"y":-2.5}]}}]}`, []ProblemCode{ProblemUnequalCounts}},
		"cut in a number":  {`{"choices":[{"text":"x","logprobs":{"tokens":["x"],"token_logprobs":[-1.`, []ProblemCode{ProblemTruncated, ProblemUnequalCounts, ProblemNoLogprobs}},
		"wrong types":      {`{"choices":[{"index":"a","text":5,"logprobs":{"content":"no","tokens":3}}]}`, []ProblemCode{ProblemNoLogprobs}},
		"choices a string": {`{"choices":"x"}`, []ProblemCode{ProblemNoChoices}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, codes(decoded(asks, c.body)))
		})
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[Number]NumberClass{"": Absent, "null": Absent, "-0.5": Finite, "1e-7": Finite, "0": Finite, "NaN": NaN, "-NaN": NaN,
		"-nan": NaN, "Infinity": Infinite, "-inf": Infinite, "1e999": Infinite, `"-0.5"`: Finite, `"x"`: Malformed, "-9999.0": Sentinel, "-9999": Sentinel,
		"-3.4028234663852886e+38": Sentinel, "-3.3895313892515355e+38": Sentinel, "-65504.0": Sentinel, "-9998.9": Finite} {
		require.Equal(t, want, text.Class(), text)
		_, err := text.Float()
		require.Equal(t, want == Finite, err == nil, text)
	}
	v, err := Number("-1.6017862558364868").Float()
	require.NoError(t, err)
	require.Equal(t, -1.6017862558364868, v)
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"choices":[{"logprobs":{"tokens":["x"],"token_logprobs":[-1.5],"top_logprobs":[{"x":-1.5}]}}]}`, "application/json")
	f.Add(event, "text/event-stream")
	f.Add(`{"prompt_logprobs":[null,{"1":{"logprob":1}}],"prompt_token_ids":[1]}`, "")
	f.Fuzz(func(t *testing.T, body, kind string) {
		if decoded(`{"logprobs":3,"echo":true}`, body, kind) == nil {
			t.Fatal("no response")
		}
	})
}
