package probe

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/plan"
)

// standard is a small plan with every series for a simulated model.
func standard(t *testing.T, s *Session) *plan.Plan {
	t.Helper()
	c, err := s.Discover(t.Context())
	require.NoError(t, err)
	o := plan.Standard("tiny", 1, s.ID())
	o.Prompts, o.Repeats, o.Loads, o.LoadRepeats, o.Lengths = 3, 2, []int{1, 3}, 1, []int{16, 64}
	p, err := plan.Build(o, c)
	require.NoError(t, err)
	return p
}

func TestRunAsksAllOfAPlan(t *testing.T) {
	s, path := run(t, quick(t, serve(t, behind())))
	p := standard(t, s)
	require.Empty(t, p.Skipped)
	res, err := s.Run(t.Context(), p)
	require.NoError(t, err)
	require.Empty(t, res.Failed)
	require.Equal(t, len(p.Items()), res.Answered)
	require.Len(t, res.Responses, res.Answered)
	f := closed(t, s, path)
	series := map[string]int{}
	for _, r := range f.Responses() {
		series[r.Purpose.Series]++
		require.Empty(t, r.Problems, r.Key)
	}
	require.Equal(t, map[string]int{plan.SeriesDiscover: series[plan.SeriesDiscover], plan.SeriesProbe: 4, plan.SeriesRepeat: 4, plan.SeriesTemperature: 6,
		plan.SeriesPrefix: 9, plan.SeriesContext: 4, plan.SeriesPrompt: 3, plan.SeriesLoad: 2, plan.SeriesFiller: 4}, series)
	require.Equal(t, []evidence.NoteCode{evidence.NoteCapability, evidence.NotePlan}, noteCodes(f))
}

// The measured request of a load step leaves when its fillers are out.
func TestLoadIsThere(t *testing.T) {
	var mu sync.Mutex
	inside, most := 0, 0
	model := gateway.NewModel(gateway.ModelOptions{})
	s, path := run(t, quick(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		if q.Method == http.MethodPost {
			time.Sleep(400 * time.Millisecond) // long enough that a busy machine brings all six here
		}
		model.ServeHTTP(w, q)
		mu.Lock()
		inside--
		mu.Unlock()
	}))))
	o := plan.Options{Model: "tiny", Seed: 1, Loads: []int{5}, LoadRepeats: 1}
	p, err := plan.Build(o, plan.Assumed())
	require.NoError(t, err)
	_, err = s.Run(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, 6, most)
	for _, x := range exchanges(closed(t, s, path)) {
		if x.Purpose.Series == plan.SeriesLoad {
			require.Equal(t, 5, x.Timing.InFlight)
		}
	}
}

// However often a run is killed, and wherever, no request that was answered is
// asked again.
func TestResumeAsksNothingTwice(t *testing.T) {
	g := behind()
	var mu sync.Mutex
	asked := map[string]int{}
	o := quick(t, serve(t, g))
	stop := 0
	var cancel context.CancelFunc
	o.Progress = func(e Event) {
		if e.Exchange == nil || e.Exchange.Failure != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		asked[e.Key]++
		if stop--; stop == 0 {
			cancel()
		}
	}
	s, path := run(t, o)
	id := s.ID()
	var p *plan.Plan
	for part := 0; ; part++ {
		ctx, stopNow := context.WithCancel(t.Context())
		mu.Lock()
		stop, cancel = 7, stopNow
		mu.Unlock()
		c, err := s.Discover(ctx)
		if err == nil {
			p, err = plan.Build(plan.Small("tiny", 1, s.ID()), c)
			require.NoError(t, err)
			_, err = s.Run(ctx, p)
		}
		stopNow()
		if err == nil {
			require.Greater(t, part, 2, "it was interrupted")
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		crash(t, s, path, part)
		s, err = Open(path, o)
		require.NoError(t, err)
		require.Equal(t, id, s.ID())
	}
	f := closed(t, s, path)
	for _, item := range p.Items() {
		require.Equal(t, 1, asked[item.Key], item.Key)
	}
	for key, n := range asked {
		require.Equal(t, 1, n, key)
	}
	require.Contains(t, noteCodes(f), evidence.NoteResumed)
	require.Contains(t, noteCodes(f), evidence.NoteTorn)
	require.Len(t, f.Sessions(), 1)
	all, _ := g.Requests()
	require.GreaterOrEqual(t, s.Spent().Requests, all, "what is lost is counted too")
}

// crash ends a session as a power cut does: no end record, and, every other
// time, a torn line.
func crash(t *testing.T, s *Session, path string, part int) {
	t.Helper()
	require.NoError(t, s.writer.Close())
	s.client.close()
	if part%2 == 0 {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"schema":1,"seq":`)
	require.NoError(t, errors.Join(err, f.Close()))
}

// A request that left before a crash, and whose answer was never recorded, is
// noted and counted, and asked again.
func TestResumeNotesALostAnswer(t *testing.T) {
	o := quick(t, serve(t, behind()))
	s, path := run(t, o)
	item := one(t, plan.Request{})
	require.NoError(t, s.append(&evidence.Record{Kind: evidence.KindSent, Sent: &evidence.Sent{Key: item.Key, Attempt: 1}}))
	for range 2 { // resumed twice, it is noted once
		require.NoError(t, s.writer.Close())
		var err error
		s, err = Open(path, o)
		require.NoError(t, err)
		require.Equal(t, 1, s.Spent().Requests)
	}
	_, err := s.Ask(t.Context(), item)
	require.NoError(t, err)
	f := closed(t, s, path)
	require.Equal(t, 2, exchanges(f)[0].Attempt)
	require.Equal(t, 1, strings.Count(strings.Join(codeStrings(f), " "), string(evidence.NoteLost)))
}

func codeStrings(f *evidence.File) []string {
	var all []string
	for _, c := range noteCodes(f) {
		all = append(all, string(c))
	}
	return all
}

func TestBudgetsAreKept(t *testing.T) {
	item := func(i int) plan.Item {
		return one(t, plan.Request{MaxTokens: 10, Purpose: evidence.Purpose{Series: "probe", Prompt: i}})
	}
	for name, c := range map[string]struct {
		budget Budget
		says   string
		asked  int
	}{
		"requests": {Budget{Requests: 3}, "3 of 3 requests", 3},
		"tokens":   {Budget{Tokens: 100}, "26 of 100 tokens", 2},
		"cost":     {Budget{Cost: 0.000400}, "may cost", 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := behind()
			o := quick(t, serve(t, g))
			o.Budget, o.Price = c.budget, Price{Prompt: 2, Completion: 5}
			s, path := run(t, o)
			p := &plan.Plan{}
			for i := range 10 {
				p.Steps = append(p.Steps, plan.Step{item(i)})
			}
			res, err := s.Run(t.Context(), p)
			require.ErrorIs(t, err, ErrBudget)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.asked, res.Answered)
			all, _ := g.Requests()
			require.Equal(t, c.asked, all, "checked before asking")
			require.Contains(t, noteCodes(closed(t, s, path)), evidence.NoteBudget)

			again, err := Open(path, o)
			require.NoError(t, err)
			require.Equal(t, res.Spent, again.Spent(), "the budget is that of all parts")
			_, err = again.Run(t.Context(), p)
			require.ErrorIs(t, err, ErrBudget)
			closed(t, again, path)
		})
	}
}

func TestFailedAttemptsCount(t *testing.T) {
	o := quick(t, serve(t, behind(gateway.Fault{Kind: gateway.Status, Value: "500"})))
	o.Budget.Requests = 3
	s, _ := run(t, o)
	_, err := s.Ask(t.Context(), one(t, plan.Request{}))
	require.ErrorIs(t, err, ErrBudget)
	require.Equal(t, 3, s.Spent().Requests)
}

func TestARunStopsWhereGoingOnIsNoUse(t *testing.T) {
	p := &plan.Plan{}
	for i := range 8 {
		p.Steps = append(p.Steps, plan.Step{one(t, plan.Request{Logprobs: 2, Purpose: evidence.Purpose{Series: "probe", Prompt: i}})})
	}
	for name, c := range map[string]struct {
		fault    gateway.Fault
		is       error
		answered int
		failed   int
	}{
		"the key is refused":  {gateway.Fault{Kind: gateway.Status, Value: "401", From: 2}, ErrUnauthorized, 2, 0},
		"the model went away": {gateway.Fault{Kind: gateway.Status, Value: "404", From: 2}, ErrNotFound, 2, 0},
		"the server is dead":  {gateway.Fault{Kind: gateway.Status, Value: "500", From: 2}, ErrStopped, 2, 3},
		"a wait too long":     {gateway.Fault{Kind: gateway.RateLimit, Value: "9999", From: 2}, ErrRateLimited, 2, 0},
		"one broken answer":   {gateway.Fault{Kind: gateway.BrokenJSON, From: 2, Count: 2}, nil, 7, 1},
		"refusals":            {gateway.Fault{Kind: gateway.Status, Value: "400", From: 2, Count: 4}, nil, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			o := quick(t, serve(t, behind(c.fault)))
			o.Retry.Attempts = 2
			s, path := run(t, o)
			res, err := s.Run(t.Context(), p)
			if c.is == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.is)
			}
			require.Equal(t, c.answered, res.Answered)
			require.Len(t, res.Failed, c.failed)
			require.Len(t, closed(t, s, path).Responses(), c.answered)
		})
	}
}

// A run that was refused by its key goes on with another one.
func TestAnotherKeyMayDo(t *testing.T) {
	o := quick(t, serve(t, behind(gateway.Fault{Kind: gateway.Status, Value: "401", Count: 1})))
	s, path := run(t, o)
	item := one(t, plan.Request{})
	_, err := s.Ask(t.Context(), item)
	require.ErrorIs(t, err, ErrUnauthorized)
	closed(t, s, path)
	s, err = Open(path, o)
	require.NoError(t, err)
	_, err = s.Ask(t.Context(), item)
	require.NoError(t, err)
	closed(t, s, path)
}

func TestWhatChangesIsNoticed(t *testing.T) {
	ask := func(o gateway.Options) []evidence.Note {
		s, path := run(t, quick(t, serve(t, gateway.New(gateway.NewModel(gateway.ModelOptions{}), o))))
		for i := range 6 {
			_, err := s.Ask(t.Context(), one(t, plan.Request{Logprobs: 2, Purpose: evidence.Purpose{Series: "probe", Prompt: i}}))
			require.NoError(t, err)
		}
		var all []evidence.Note
		for _, rec := range closed(t, s, path).Notes() {
			all = append(all, *rec.Note)
		}
		return all
	}
	require.Empty(t, ask(gateway.Options{}))
	model := ask(gateway.Options{Model: "tiny-turbo", ModelAfter: 3})
	require.Len(t, model, 1, "once, not for every answer")
	require.Equal(t, evidence.NoteModelChanged, model[0].Code)
	require.Equal(t, "tiny-turbo", model[0].Values["model"])
	stripped := ask(gateway.Options{Strip: []string{"logprobs"}})
	require.Equal(t, evidence.NoteStripped, stripped[0].Code)
	require.Len(t, stripped, 2)
	require.Contains(t, stripped[0].Text, "asked for and is missing")

	b := gateway.New(gateway.NewModel(gateway.ModelOptions{}), gateway.Options{Strip: []string{"usage", "id"}})
	mixed := ask(gateway.Options{Other: b, OtherShare: 0.5, Seed: 3})
	require.NotEmpty(t, mixed)
	for _, n := range mixed {
		require.Equal(t, evidence.NoteStripped, n.Code)
		require.Contains(t, n.Text, "earlier answers had it")
	}
}

func TestRateIsKept(t *testing.T) {
	l := &limiter{interval: time.Second}
	var waits []time.Duration
	l.wait = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d.Round(100*time.Millisecond))
		return nil
	}
	for range 4 {
		require.NoError(t, l.take(t.Context()))
	}
	require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, waits)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sleep(ctx, time.Hour), context.Canceled)
	require.ErrorIs(t, (&limiter{}).take(ctx), context.Canceled)
}

func TestDryRunTellsAllAndSendsNothing(t *testing.T) {
	g := behind()
	o := quick(t, serve(t, g))
	o.Price, o.Budget = Price{Prompt: 1, Completion: 2}, Budget{Requests: 20}
	p, err := plan.Build(plan.Standard("tiny", 1, "nonce"), plan.Assumed())
	require.NoError(t, err)
	later, err := plan.ForcedMost(p.Options, plan.Assumed())
	require.NoError(t, err)
	f := DryRun(o, p, later)
	var out strings.Builder
	require.NoError(t, f.Text(&out))
	for _, want := range []string{"nothing is sent", "discover", "probe", "13 requests", "repeat", "load", "filler", "forced       12 requests", "cost up to 0.",
		"may end the run early", `"model":"tiny"`} {
		require.Contains(t, out.String(), want)
	}
	all, _ := g.Requests()
	require.Zero(t, all)
	sum := Spent{}
	for _, s := range f.Series {
		sum = sum.plus(s.Most)
	}
	require.Equal(t, sum, f.All)

	o.Price = Price{}
	out.Reset()
	require.NoError(t, DryRun(o, p, later).Text(&out))
	require.NotContains(t, out.String(), "cost up to 0.", "without prices there is no cost to tell")
	require.Contains(t, out.String(), "--price-prompt")
}

// What the dry run says is not less than what is then used.
func TestTheEstimateIsABound(t *testing.T) {
	o := quick(t, serve(t, behind()))
	o.Price = Price{Prompt: 1, Completion: 2}
	s, _ := run(t, o)
	p := standard(t, s)
	before := s.Spent()
	_, err := s.Run(t.Context(), p)
	require.NoError(t, err)
	used, most := s.Spent().minus(before), Estimate(p.Items(), o.Price)
	require.Equal(t, most.Requests, used.Requests)
	require.LessOrEqual(t, used.PromptTokens, most.PromptTokens)
	require.LessOrEqual(t, used.CompletionTokens, most.CompletionTokens)
	require.LessOrEqual(t, used.Cost, most.Cost)
	require.LessOrEqual(t, before.Requests, discoverMost)
}

func TestDiscover(t *testing.T) {
	cases := map[string]struct {
		o    gateway.ModelOptions
		want func(*plan.Capabilities)
	}{
		"all": {gateway.ModelOptions{}, func(*plan.Capabilities) {}},
		"vLLM's cap": {gateway.ModelOptions{MaxLogprobs: 20}, func(c *plan.Capabilities) {
			c.ChatLogprobs, c.ChatLogprobsGot, c.CompletionsLogprobs, c.CompletionsLogprobsGot = 20, 20, 20, 20
		}},
		"an odd cap": {gateway.ModelOptions{MaxLogprobs: 13}, func(c *plan.Capabilities) {
			c.ChatLogprobs, c.ChatLogprobsGot, c.CompletionsLogprobs, c.CompletionsLogprobsGot = 13, 13, 13, 13
		}},
		"plain": {gateway.ModelOptions{Plain: true}, func(c *plan.Capabilities) {
			c.Echo, c.PromptLogprobs, c.TokenIDs, c.LogitBias = plan.Ignored, plan.Ignored, plan.Ignored, plan.Ignored
		}},
		"chat only": {gateway.ModelOptions{NoCompletions: true}, func(c *plan.Capabilities) {
			c.Completions, c.CompletionsLogprobs, c.CompletionsLogprobsGot, c.Echo = plan.Refused, -1, -1, plan.Refused
		}},
		"a newer name": {gateway.ModelOptions{NoCompletions: true, NewerName: true}, func(c *plan.Capabilities) {
			c.Completions, c.CompletionsLogprobs, c.CompletionsLogprobsGot, c.Echo = plan.Refused, -1, -1, plan.Refused
			c.MaxCompletionTokens = true
		}},
		"completions only": {gateway.ModelOptions{NoChat: true}, func(c *plan.Capabilities) {
			c.Chat, c.ChatLogprobs, c.ChatLogprobsGot = plan.Refused, -1, -1
		}},
		"logprobs ignored": {gateway.ModelOptions{IgnoreLogprobs: true}, func(c *plan.Capabilities) {
			c.ChatLogprobs, c.ChatLogprobsGot, c.CompletionsLogprobs, c.CompletionsLogprobsGot = -1, -1, -1, -1
			c.Echo = plan.Refused
		}},
		"logprobs refused": {gateway.ModelOptions{RefuseLogprobs: true}, func(c *plan.Capabilities) {
			c.ChatLogprobs, c.ChatLogprobsGot, c.CompletionsLogprobs, c.CompletionsLogprobsGot = -1, -1, -1, -1
			c.Echo = plan.Refused
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, path := run(t, quick(t, serve(t, gateway.NewModel(c.o))))
			got, err := s.Discover(t.Context())
			require.NoError(t, err)
			if name == "logprobs refused" {
				require.Contains(t, got.Refusals["chat-logprobs=20"], "does not support logprobs")
			}
			want := plan.Capabilities{Chat: plan.Honoured, Completions: plan.Honoured, ChatLogprobs: 128, ChatLogprobsGot: 128, CompletionsLogprobs: 128, CompletionsLogprobsGot: 128,
				Echo: plan.Honoured, PromptLogprobs: plan.Honoured, TokenIDs: plan.Honoured, Seed: plan.Honoured, N: plan.Honoured, LogitBias: plan.Honoured, Stream: plan.Honoured,
				MaxModelLen: 2048, Models: []string{"tiny"}, Declared: got.Declared, Refusals: got.Refusals}
			c.want(&want)
			require.Equal(t, want, got)
			require.Equal(t, "gateway", got.Declared["owned_by"])
			before := s.Spent()
			again, err := s.Discover(t.Context())
			require.NoError(t, err)
			require.Equal(t, got, again)
			require.Equal(t, before, s.Spent(), "nothing is asked twice")
			f := closed(t, s, path)
			require.True(t, slices.Contains(noteCodes(f), evidence.NoteCapability))
		})
	}
}

func TestDiscoverTellsWhyThereIsNothing(t *testing.T) {
	s, _ := run(t, quick(t, serve(t, gateway.NewModel(gateway.ModelOptions{NoChat: true, NoCompletions: true}))))
	_, err := s.Discover(t.Context())
	require.ErrorIs(t, err, ErrNoAPI)
	require.ErrorIs(t, err, ErrNotFound)

	s, _ = run(t, quick(t, serve(t, gateway.NewModel(gateway.ModelOptions{Name: "other"}))))
	_, err = s.Discover(t.Context())
	require.ErrorContains(t, err, "`tiny` does not exist")
	require.ErrorContains(t, err, `the endpoint lists "other"`)

	s, _ = run(t, quick(t, serve(t, behind(gateway.Fault{Kind: gateway.Status, Value: "401"}))))
	_, err = s.Discover(t.Context())
	require.ErrorIs(t, err, ErrUnauthorized)
}

// Answers that are given back as prompts are scored as they were generated, for
// a model whose prefill and decode are one.
func TestForcedAnswersScoreTheSame(t *testing.T) {
	for _, plain := range []bool{false, true} {
		s, _ := run(t, quick(t, serve(t, gateway.New(gateway.NewModel(gateway.ModelOptions{}), gateway.Options{}))))
		c, err := s.Discover(t.Context())
		require.NoError(t, err)
		if plain {
			c.PromptLogprobs = plan.Refused // by echo instead
		}
		o := plan.Small("tiny", 1, s.ID())
		p, err := plan.Build(o, c)
		require.NoError(t, err)
		res, err := s.Run(t.Context(), p)
		require.NoError(t, err)
		forced, err := plan.Forced(o, c, res.Responses)
		require.NoError(t, err)
		again, err := s.Run(t.Context(), forced)
		require.NoError(t, err)
		require.Len(t, again.Responses, o.Prompts)
		for i, r := range again.Responses {
			scored := r.Prompt
			if plain {
				scored = r.Choices[0].Positions[:r.Choices[0].Echoed]
			}
			decoded := res.Responses[i].Choices[0].Positions
			for j, p := range decoded {
				require.Equal(t, p.Logprob, scored[len(scored)-len(decoded)+j].Logprob)
			}
		}
	}
}

// Pages that hang or lead away do not keep the APIs from being found.
func TestStrangePagesDoNoHarm(t *testing.T) {
	model := gateway.NewModel(gateway.ModelOptions{})
	o := quick(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/version":
			http.Redirect(w, q, "http://other.invalid/", http.StatusFound)
		case "/props":
			<-q.Context().Done()
		case "/info":
			_, _ = w.Write([]byte("<html>"))
		case "/get_server_info":
			_, _ = w.Write([]byte(`{"dtype":"bfloat16","secret":"x"}`))
		default:
			model.ServeHTTP(w, q)
		}
	})))
	o.Timeout = 300 * time.Millisecond
	s, path := run(t, o)
	c, err := s.Discover(t.Context())
	require.NoError(t, err)
	require.Equal(t, plan.Honoured, c.Completions)
	require.Equal(t, "bfloat16", c.Declared["server_info.dtype"])
	require.NotContains(t, c.Declared, "server_info.secret")
	var kinds []evidence.FailureKind
	for _, x := range exchanges(closed(t, s, path)) {
		if x.Failure != nil {
			kinds = append(kinds, x.Failure.Kind)
		}
	}
	require.Equal(t, []evidence.FailureKind{evidence.FailureRedirect, evidence.FailureTimeout}, kinds)
}
