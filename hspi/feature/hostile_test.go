package feature

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// answered is an answer to a probe whose logprobs are these texts.
func answered(series string, prompt int, logprobs ...string) *evidence.Response {
	var entries []string
	for i, text := range logprobs {
		entries = append(entries, fmt.Sprintf(`{"token":"t%d","logprob":%s}`, i, text))
	}
	top := strings.Join(entries, ",")
	body := fmt.Sprintf(`{"id":"x","choices":[{"index":0,"text":"x","logprobs":{"content":[{"token":"t0","logprob":%[1]s,"top_logprobs":[%[2]s]},{"token":"t0","logprob":%[1]s,"top_logprobs":[%[2]s]}]}}]}`, logprobs[0], top)
	return evidence.Decode(&evidence.Record{Kind: evidence.KindExchange, Exchange: &evidence.Exchange{Key: "k",
		Purpose: evidence.Purpose{Series: series, Prompt: prompt},
		Request: evidence.Request{Method: "POST", Body: []byte(`{"prompt":"p","logprobs":20}`)}, Reply: &evidence.Reply{Status: 200, Body: []byte(body)}}})
}

// Numbers that are no logprobs do not make features that are no numbers: those could
// not even be written as JSON, and there would be no verdict.
func TestFeaturesOfHostileNumbers(t *testing.T) {
	for name, texts := range map[string][]string{
		"huge":          {"1e308", "1e307", "9e306", "8e306", "7e306", "6e306"},
		"very negative": {"-1e308", "-1.1e308", "-1.2e308", "-1.3e308", "-1.4e308", "-1.5e308"},
		"both":          {"1e308", "-1e308", "0", "-1", "-2", "-3"},
		"just too much": {"710", "709", "708", "707", "706", "705"},
		"none":          {"NaN", "Infinity", "-Infinity", "null", `"x"`, "-9999.0"},
		"float minima":  {"-3.4028234663852886e+38", "-65504.0", "-3.3895313892515355e+38", "-1e999", "1e999", "-0.0"},
		"tiny":          {"-5e-324", "-1e-320", "-1e-310", "-2e-310", "-3e-310", "-4e-310"},
		"logits":        {"31.5", "30.25", "29.125", "28", "27.5", "20"},
		"zeros":         {"0", "0.0", "-0.0", "0e5", "-0", "0.000"},
	} {
		t.Run(name, func(t *testing.T) {
			var answers []*evidence.Response
			for i, series := range []string{plan.SeriesProbe, plan.SeriesRepeat, plan.SeriesRepeat, plan.SeriesLoad, plan.SeriesTemperature, plan.SeriesPrefix, plan.SeriesForced, "nobody's"} {
				answers = append(answers, answered(series, i%2, texts...))
			}
			read := Read(answers)
			_, err := json.Marshal(read.Extract())
			require.NoError(t, err)
			honest := Observe([]*evidence.Response{answered(plan.SeriesProbe, 0, "-0.5", "-1.5", "-2.5", "-3.5"), answered(plan.SeriesProbe, 1, "-0.5", "-1.5")})
			require.NotEmpty(t, honest)
			_, err = json.Marshal(Compare(read.Observations(), honest))
			require.NoError(t, err)
		})
	}
}

// A server that counts more tokens of the prompt than it sends.
func TestFeaturesOfHostileCounts(t *testing.T) {
	body := `{"choices":[{"index":0,"logprobs":{"tokens":["a","b","c"],"token_logprobs":[-1,-1,-1],"top_logprobs":[{"a":-1},{"b":-1},{"c":-1}]}}],"usage":{"prompt_tokens":7,"completion_tokens":-4}}`
	r := evidence.Decode(&evidence.Record{Kind: evidence.KindExchange, Exchange: &evidence.Exchange{Purpose: evidence.Purpose{Series: plan.SeriesForced},
		Request: evidence.Request{Body: []byte(`{"prompt":"p","echo":true,"logprobs":1}`)}, Reply: &evidence.Reply{Status: 200, Body: []byte(body)}}})
	require.Len(t, Read([]*evidence.Response{r}).lists(), 3)
	require.Empty(t, Read([]*evidence.Response{{}}).lists(), "no choice at all")
}
