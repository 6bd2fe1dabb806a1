package evidence

import (
	"time"
)

// Response is an exchange as features read it.
type Response struct {
	// Where it is in the evidence.
	Seq     int
	Session string
	Key     string
	Attempt int
	Purpose Purpose
	Timing  Timing
	// Asked is the request's body, decoded as far as features need it.
	Asked Asked
	// Status is the HTTP status; 0 where no headers came.
	Status int
	Header map[string][]string

	ID     string
	Object string // "chat.completion", "text_completion", "chat.completion.chunk", …
	// Model is the name that the server gave, empty where it gave none.
	Model string
	// Fingerprint is system_fingerprint: a claim of the operator, no evidence.
	Fingerprint    string
	HasFingerprint bool
	Created        Number // seconds since 1970
	Usage          *Usage
	Choices        []Choice
	// Prompt holds the positions of the prompt, where prompt_logprobs gave them;
	// the first has no logprob. With echo they are the first positions of Choices[0]
	// instead, and Choice.Echoed says how many.
	Prompt []Position
	// Events are the parts of a stream in order; nil for an answer in one piece.
	Events []Event
	// Done tells that a stream ended with [DONE].
	Done bool
	// Problems are what could not be read or should not be there.
	Problems []Problem
}

// Asked is what the request asked for.
type Asked struct {
	Model       string
	Chat        bool
	Stream      bool
	Echo        bool
	MaxTokens   Number
	Temperature Number
	Logprobs    Number // alternatives asked for, of either API; empty where none were
	N           Number
}

// Usage is the server's count of tokens.
type Usage struct {
	Prompt     Number
	Completion Number
	Total      Number
	Cached     Number // prompt_tokens_details.cached_tokens
}

// Choice is one of the answers to a request.
type Choice struct {
	Index int
	Text  string // all of it
	// Reasoning is what came in reasoning_content or reasoning.
	Reasoning string
	Finish    string // "stop", "length", …; empty where none came
	// TokenIDs are the ids of the generated tokens, where the server lists them
	// beside the logprobs; Position.Token.ID has them too where the numbers agree.
	TokenIDs  []int
	Positions []Position
	// Echoed is how many of Positions belong to the prompt, if the request had
	// echo and the server counts the prompt; -1 where that cannot be told.
	Echoed int
}

// Position is one token with what the server says of it.
type Position struct {
	Token   Token
	Logprob Number
	// Top are the alternatives in the order of arrival, which is the server's
	// order; whether the chosen token is among them depends on the server.
	Top []Alternative
	// Event is the part of the stream that it came in; -1 without a stream.
	Event int
	// TextOffset is text_offset, empty where none came.
	TextOffset Number
}

// Alternative is a token that could stand at a position.
type Alternative struct {
	Token   Token
	Logprob Number
	Rank    Number // as vLLM counts it in prompt_logprobs, from 1; empty elsewhere
}

// Token is a token as far as the server names it.
type Token struct {
	Text string
	// ID is the number in the vocabulary; -1 where the server does not tell.
	ID int
	// Bytes is nil where the server sent none.
	Bytes []byte
}

// Same reports whether two tokens are the same, by id where both have one, by
// bytes where both have them, else by text.
func (t Token) Same(other Token) bool {
	switch {
	case t.ID >= 0 && other.ID >= 0:
		return t.ID == other.ID
	case t.Bytes != nil && other.Bytes != nil:
		return string(t.Bytes) == string(other.Bytes)
	}
	return t.Text == other.Text
}

// Event is one message of a stream.
type Event struct {
	// After is when its last byte was read, since the request left.
	After time.Duration
	// Start and End are where its data are in the body.
	Start, End int
	// Tokens is how many positions it brought.
	Tokens int
}

// ProblemCode classes what is wrong with an answer.
type ProblemCode string

// Codes of problems.
const (
	ProblemNotJSON       ProblemCode = "not-json"       // HTML, plain text, damage within
	ProblemTruncated     ProblemCode = "truncated"      // JSON or stream cut off
	ProblemEmpty         ProblemCode = "empty"          // no body at all
	ProblemError         ProblemCode = "error"          // an error object, in the body or stream
	ProblemNoChoices     ProblemCode = "no-choices"     // empty or missing choices
	ProblemNoLogprobs    ProblemCode = "no-logprobs"    // asked for, none came
	ProblemFewer         ProblemCode = "fewer-logprobs" // some position has fewer alternatives than asked for
	ProblemNotANumber    ProblemCode = "not-a-number"   // NaN, infinity or text where a logprob belongs
	ProblemSentinel      ProblemCode = "sentinel"       // a logprob that stands for "not told"
	ProblemPositive      ProblemCode = "positive"       // a logprob above 0
	ProblemUnequalCounts ProblemCode = "unequal-counts" // lists of tokens and logprobs differ in length
)

// Problem is something wrong with an answer. Each code comes once, with the
// first place it was seen at and how often.
type Problem struct {
	Code  ProblemCode
	Text  string
	Count int
}

// Has reports whether the response has a problem of that code.
func (r *Response) Has(code ProblemCode) bool {
	for _, p := range r.Problems {
		if p.Code == code {
			return true
		}
	}
	return false
}

// Broken is the first problem for which a response is no answer: no JSON, cut
// off, empty, an error, without choices. It is nil for an answer; what is odd in
// that, such as missing logprobs, is an observation.
func (r *Response) Broken() *Problem {
	for i, p := range r.Problems {
		switch p.Code {
		case ProblemNotJSON, ProblemTruncated, ProblemEmpty, ProblemError, ProblemNoChoices:
			return &r.Problems[i]
		}
	}
	return nil
}
