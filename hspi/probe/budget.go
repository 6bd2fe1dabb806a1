package probe

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// ErrBudget: the next request could exceed the budget, and was not sent.
var ErrBudget = errors.New("the budget is spent")

// Budget bounds a run, all attempts and earlier parts of it included; a zero
// bounds nothing.
type Budget struct {
	Requests int
	Tokens   int     // of prompts and answers
	Cost     float64 // in the currency of Price
}

// Price is what a million tokens cost.
type Price struct{ Prompt, Completion float64 }

// Spent is what a run has used.
type Spent struct {
	Requests         int     `json:"requests"`
	PromptTokens     int     `json:"prompt_tokens"`
	CompletionTokens int     `json:"completion_tokens"`
	Cost             float64 `json:"cost"`
}

// Tokens are those of prompts and answers.
func (s Spent) Tokens() int { return s.PromptTokens + s.CompletionTokens }

func (s Spent) plus(t Spent) Spent {
	return Spent{s.Requests + t.Requests, s.PromptTokens + t.PromptTokens, s.CompletionTokens + t.CompletionTokens, s.Cost + t.Cost}
}

func (s Spent) minus(t Spent) Spent {
	return Spent{s.Requests - t.Requests, s.PromptTokens - t.PromptTokens, s.CompletionTokens - t.CompletionTokens, s.Cost - t.Cost}
}

// meter reserves the most that a request can cost before it leaves, and books
// what it did cost after.
type meter struct {
	budget Budget
	price  Price
	mu     sync.Mutex
	spent  Spent // reservations included
	// perByte is the greatest number of tokens for a byte of prompt seen so far,
	// and extra what a chat template adds.
	perByte float64
}

// A byte is a token at worst, for a vocabulary of bytes; common words take a
// quarter of that. Until an answer tells, one token for 2 bytes is assumed.
const (
	assumedPerByte = 0.5
	templateTokens = 64 // what a chat template or system prompt may add
)

func newMeter(b Budget, p Price) *meter { return &meter{budget: b, price: p, perByte: assumedPerByte} }

// most is the most that an item is expected to cost.
func (m *meter) most(item plan.Item) Spent {
	if item.Body == nil {
		return Spent{Requests: 1}
	}
	s := Spent{Requests: 1, PromptTokens: int(float64(item.PromptBytes)*m.perByte) + templateTokens, CompletionTokens: item.MaxTokens}
	s.Cost = m.cost(s)
	return s
}

func (m *meter) cost(s Spent) float64 {
	return (float64(s.PromptTokens)*m.price.Prompt + float64(s.CompletionTokens)*m.price.Completion) / 1e6
}

// reserve takes what an item may cost, or says what there is too little of.
func (m *meter) reserve(item plan.Item) (Spent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	most := m.most(item)
	total := m.spent.plus(most)
	switch b := m.budget; {
	case b.Requests > 0 && total.Requests > b.Requests:
		return Spent{}, fmt.Errorf("%w: %d of %d requests are used", ErrBudget, m.spent.Requests, b.Requests)
	case b.Tokens > 0 && total.Tokens() > b.Tokens:
		return Spent{}, fmt.Errorf("%w: %d of %d tokens are used, and the next request may take %d", ErrBudget, m.spent.Tokens(), b.Tokens, most.Tokens())
	case b.Cost > 0 && total.Cost > b.Cost:
		return Spent{}, fmt.Errorf("%w: %.4f of %.4f are spent, and the next request may cost %.4f", ErrBudget, m.spent.Cost, b.Cost, most.Cost)
	}
	m.spent = total
	return most, nil
}

// book replaces a reservation by what an exchange tells. A failed request that
// got no answer stays reserved: the server may count it.
func (m *meter) book(reserved Spent, x *evidence.Exchange, r *evidence.Response, promptBytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent = m.spent.minus(reserved).plus(m.actual(reserved, x, r, promptBytes))
}

func (m *meter) actual(reserved Spent, x *evidence.Exchange, r *evidence.Response, promptBytes int) Spent {
	if x.Reply != nil && x.Reply.Status >= 300 && x.Reply.Status < 500 {
		return Spent{Requests: 1} // refused: nothing was generated
	}
	if r == nil || r.Usage == nil {
		return reserved
	}
	prompt, err := strconv.Atoi(string(r.Usage.Prompt))
	if err != nil || prompt < 0 {
		return reserved
	}
	s := Spent{Requests: 1, PromptTokens: prompt}
	if s.CompletionTokens, err = strconv.Atoi(string(r.Usage.Completion)); err != nil || s.CompletionTokens < 0 {
		s.CompletionTokens = reserved.CompletionTokens
	}
	if promptBytes > 0 {
		m.perByte = max(m.perByte, float64(prompt-templateTokens)/float64(promptBytes))
	}
	s.Cost = m.cost(s)
	return s
}

func (m *meter) total() Spent {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.spent
	s.Cost = m.cost(s) // sums of costs depend on their order
	return s
}

// replay books an exchange of an earlier part of the session. What it had
// reserved is not known any more: without a usage it counts as a request only.
func (m *meter) replay(x *evidence.Exchange, r *evidence.Response) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent = m.spent.plus(m.actual(Spent{Requests: 1}, x, r, 0))
}

// lost books a request whose answer was lost.
func (m *meter) lost() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.Requests++
}
