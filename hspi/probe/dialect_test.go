package probe

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/plan"
)

// refusing answers as the model does, but to more alternatives than most in the words
// of an engine; with status 200 and no body of the engine's, without logprobs.
func refusing(most, status int, body string) http.Handler {
	model := gateway.NewModel(gateway.ModelOptions{Plain: true})
	ignoring := gateway.NewModel(gateway.ModelOptions{Plain: true, IgnoreLogprobs: true})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		text, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		var a struct {
			Logprobs    json.RawMessage
			TopLogprobs int `json:"top_logprobs"`
		}
		_ = json.Unmarshal(text, &a) // pages have no body
		k := a.TopLogprobs
		_, _ = fmt.Sscan(string(a.Logprobs), &k) // true for chat
		q.Body = io.NopCloser(strings.NewReader(string(text)))
		switch {
		case k <= most:
			model.ServeHTTP(w, q)
		case body == "":
			ignoring.ServeHTTP(w, q)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, body, k) // the client may have gone
		}
	})
}

// The engines refuse in words of their own; all are understood, and the number in
// them is tried next.
func TestRefusalsOfTheEngines(t *testing.T) {
	for name, c := range map[string]struct {
		most, status int
		body, says   string
		asked        int // POSTs until the number is found
	}{
		"vLLM":      {20, 400, `{"object":"error","message":"Requested sample logprobs of %d, which is greater than max allowed: 20","type":"BadRequestError","param":null,"code":400}`, "max allowed: 20", 2},
		"vLLM 0.1x": {7, 400, `{"error":{"message":"Requested sample logprobs of %d, which is greater than max allowed: 7","type":"BadRequestError","param":null,"code":400}}`, "max allowed: 7", 2},
		"OpenAI":    {5, 400, `{"error":{"message":"Invalid value for 'logprobs': must be less than or equal to 5, not %d.","type":"invalid_request_error","param":"logprobs","code":null}}`, "equal to 5", 2},
		"SGLang":    {10, 400, `{"object":"error","message":"logprobs %d is too large","type":"BadRequest","param":null,"code":400}`, "is too large", 3},
		"llama.cpp": {20, 400, `{"error":{"code":400,"message":"n_probs %d exceeds 20","type":"invalid_request_error"}}`, "exceeds 20", 2},
		"TGI":       {5, 422, `{"error":"Input validation error: 'top_n_tokens' must be >= 0 and <= 5. Given: %d","error_type":"validation"}`, "<= 5", 2},
		"Ollama":    {20, 400, `{"error":{"message":"top_logprobs must be between 0 and 20, got %d","type":"invalid_request_error"}}`, "between 0 and 20", 2},
		"pydantic":  {20, 422, `{"detail":[{"type":"less_than_equal","loc":["body","logprobs"],"msg":"Input should be less than or equal to 20","input":%d}]}`, "equal to 20", 2},
		"silence":   {5, 200, "", "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := run(t, quick(t, serve(t, refusing(c.most, c.status, c.body))))
			got, err := s.Discover(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.most, got.CompletionsLogprobs)
			require.Equal(t, c.most, got.ChatLogprobs)
			require.Equal(t, plan.Honoured, got.Completions)
			require.Contains(t, got.Refusals["completions-logprobs=128"], c.says)
			asked := 0
			for _, x := range exchanges(closed(t, s, path)) {
				if strings.HasPrefix(x.Purpose.Variant, "completions-logprobs=") {
					asked++
				}
			}
			require.Equal(t, c.asked, asked)
		})
	}
}
