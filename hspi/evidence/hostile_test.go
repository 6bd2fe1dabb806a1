package evidence

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Answers that are made to hurt: none makes Decode fail, and what it says of them is
// within what came.
func TestDecodeOfHostileAnswers(t *testing.T) {
	const asks = `{"prompt":"p","logprobs":2,"echo":true}`
	echo := func(usage string) string {
		return `{"choices":[{"index":0,"text":"x","logprobs":{"tokens":["a","b","c"],"token_logprobs":[null,-1,-2],"top_logprobs":[null,{"b":-1,"x":-2},{"c":-2,"x":-3}]}}],"usage":` + usage + `}`
	}
	for name, body := range map[string]string{
		"more prompt than there is":  echo(`{"prompt_tokens":7,"completion_tokens":-4}`),
		"less prompt than nothing":   echo(`{"prompt_tokens":-1,"completion_tokens":4}`),
		"counts that overflow":       echo(`{"prompt_tokens":9223372036854775807,"completion_tokens":-9223372036854775804}`),
		"counts beyond integers":     echo(`{"prompt_tokens":1e400,"completion_tokens":99999999999999999999}`),
		"counts of other types":      echo(`{"prompt_tokens":[3],"completion_tokens":{"a":1},"prompt_tokens_details":7}`),
		"an index beyond integers":   `{"choices":[{"index":99999999999999999999,"text":"x"},{"index":-5,"text":"y"}]}`,
		"an index again":             `{"choices":[{"index":3,"text":"x"},{"index":3,"text":"y"}]}`,
		"ids beyond integers":        `{"choices":[{"text":"x","token_ids":[99999999999999999999,-1,null,"7",{}],"logprobs":{"content":[{"token":99999999999999999999,"id":-3,"bytes":[300,-1,"x"],"logprob":-1}]}}]}`,
		"a text that names no id":    `{"choices":[{"text":"x","logprobs":{"tokens":["token_id:99999999999999999999"],"token_logprobs":[-1],"top_logprobs":[{"token_id:":-1,"token_id:-1":-2}]}}]}`,
		"prompt logprobs of strings": `{"choices":[{"text":"x"}],"prompt_logprobs":["a",7,[1],{"99999999999999999999":null,"1":{"logprob":"x","rank":-1}}],"prompt_token_ids":{"a":1}}`,
		"numbers of many digits":     `{"choices":[{"text":"x","logprobs":{"tokens":["x"],"token_logprobs":[-` + strings.Repeat("9", 5000) + `],"top_logprobs":[{"x":-0.` + strings.Repeat("1", 5000) + `,"y":1e-999999999}]}}]}`,
		"nested deeply":              `{"choices":` + strings.Repeat(`[`, 100_000),
		"another object inside":      `{"choices":{"a":{"index":0,"text":"x"}},"choices":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := decoded(asks, body)
			for _, c := range r.Choices {
				require.LessOrEqual(t, c.Echoed, len(c.Positions))
				require.GreaterOrEqual(t, c.Echoed, -1)
				require.GreaterOrEqual(t, c.Index, 0)
			}
		})
	}
	honest := decoded(asks, echo(`{"prompt_tokens":2,"completion_tokens":1}`))
	require.Equal(t, 2, honest.Choices[0].Echoed)
}

// A hundred thousand choices are read in order, each once, without looking for each
// among all others.
func TestDecodeOfManyChoices(t *testing.T) {
	const n = 100_000
	var body strings.Builder
	body.WriteString(`{"choices":[`)
	for i := range n {
		fmt.Fprintf(&body, `{"index":%d,"text":"x"},`, n-i)
	}
	body.WriteString(`{"index":1,"text":"y"}]}`)
	r := decoded(`{"prompt":"p"}`, body.String())
	require.Len(t, r.Choices, n)
	require.Equal(t, n, r.Choices[0].Index)
	require.Equal(t, "xy", r.Choices[n-1].Text)
	again := decoded(`{"prompt":"p"}`, `{"choices":[{"index":1,"text":"z"}]}`)
	require.Equal(t, "z", again.Choices[0].Text)
}

// One decoder reads answer after answer: nothing of one is in the next.
func TestResponsesDoNotMix(t *testing.T) {
	var records []*Record
	for i := range 50 {
		records = append(records, exchange(fmt.Sprint(i), fmt.Sprintf(`{"choices":[{"index":%d,"text":"%d"},{"index":0,"text":"-"}]}`, 1+i%3, i)))
	}
	f := &File{Records: records}
	for i, r := range f.Responses() {
		require.Len(t, r.Choices, 2)
		require.Equal(t, fmt.Sprint(i), r.Choices[0].Text)
		require.Equal(t, 1+i%3, r.Choices[0].Index)
	}
}
