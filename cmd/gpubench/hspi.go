package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/probe"
)

func hspiCommand(w world) *cobra.Command {
	c := &cobra.Command{
		Use:   "hspi",
		Short: "Say what really serves an endpoint, from the numbers in its answers",
		Long: `Ask an OpenAI-compatible endpoint small questions, keep everything that it answers
as evidence, and say from the digits of the log-probabilities what serves it.

'demo' shows how that looks, without network or key. 'verify' judges a claim once,
'monitor' again and again. 'enroll' and 'train' make a profile of platforms that you
trust, to compare with; without one the built-in profile of the lab's is used.
'explain' shows what recorded answers tell. Keys come from environment variables
only (--key-env NAME), and are written nowhere.`,
		Example: `  gpubench hspi demo
  gpubench hspi verify --endpoint https://host/v1 --model llama --key-env API_KEY --claim bf16
  gpubench hspi verify --evidence out/evidence.jsonl --claim fp16`,
		Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(verifyCommand(w), monitorCommand(w), enrollCommand(w), trainCommand(w), hspiExplainCommand(w), borderCommand(w), demoCommand(w))
	return c
}

// endpointFlags are those of all commands that ask an endpoint.
type endpointFlags struct {
	endpoint string
	model    string
	keyEnv   string
	size     string
	seed     uint64
	out      string
	dryRun   bool
	quiet    bool
	budget   probe.Budget
	price    probe.Price
	rate     float64
	timeout  time.Duration
	attempts int
}

// add adds them, and those of a plan.
func (f *endpointFlags) add(c *cobra.Command) {
	f.addAsking(c)
	flags := c.Flags()
	if f.size == "" {
		f.size = string(enrol.Standard)
	}
	flags.StringVar(&f.size, "plan", f.size, "how much to ask: "+strings.Join(sizes(), ", "))
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the prompts; answers are compared between equal prompts only")
	complete(c, "plan", cobra.FixedCompletions(sizes(), cobra.ShellCompDirectiveNoFileComp))
}

// addAsking adds those that do not say what to ask.
func (f *endpointFlags) addAsking(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.endpoint, "endpoint", "", "address of the API, such as https://host/v1")
	flags.StringVar(&f.model, "model", "", "name of the model, as the endpoint knows it")
	flags.StringVar(&f.keyEnv, "key-env", "", "environment variable that holds the API key")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be asked and what it may cost, and ask nothing")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	flags.IntVar(&f.budget.Requests, "max-requests", 0, "most requests (default no limit)")
	flags.IntVar(&f.budget.Tokens, "max-tokens", 0, "most tokens, of prompts and answers (default no limit)")
	flags.Float64Var(&f.budget.Cost, "max-cost", 0, "most to spend, in the currency of the prices (default no limit)")
	flags.Float64Var(&f.price.Prompt, "price-prompt", 0, "price of a million prompt tokens")
	flags.Float64Var(&f.price.Completion, "price-completion", 0, "price of a million generated tokens")
	flags.Float64Var(&f.rate, "rate", 0, "most requests a second (default no limit)")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "longest wait for one answer")
	flags.IntVar(&f.attempts, "attempts", 5, "most attempts for one request")
}

func sizes() []string {
	var names []string
	for _, s := range enrol.Sizes() {
		names = append(names, string(s))
	}
	return names
}

// options checks the flags.
func (f *endpointFlags) options() (enrol.Options, error) {
	o := enrol.Options{Size: enrol.Size(f.size)}
	switch {
	case f.endpoint == "":
		return o, usagef("--endpoint is missing: the address of the API, such as https://host/v1")
	case f.model == "":
		return o, usagef("--model is missing: the name of the model, as the endpoint knows it")
	case !slices.Contains(enrol.Sizes(), o.Size):
		return o, usagef("--plan %q: it is one of %s", f.size, strings.Join(sizes(), ", "))
	case f.budget.Requests < 0 || f.budget.Tokens < 0 || f.budget.Cost < 0 || f.price.Prompt < 0 || f.price.Completion < 0 || f.rate < 0 || f.timeout <= 0 || f.attempts < 1:
		return o, usagef("budgets, prices, rates, times and attempts are positive")
	case f.budget.Cost > 0 && f.price == probe.Price{}:
		return o, usagef("--max-cost needs --price-prompt and --price-completion")
	}
	var err error
	if o.Endpoint, err = probe.ParseEndpoint(f.endpoint); err != nil {
		return o, usagef("--endpoint: %w", err)
	}
	if o.Key, err = probe.KeyFromEnv(f.keyEnv); err != nil {
		return o, usagef("--key-env: %w", err)
	}
	o.Model, o.Seed, o.Tool = f.model, f.seed, "gpubench "+version().Version
	o.Budget, o.Price, o.Rate, o.Timeout, o.Retry.Attempts = f.budget, f.price, f.rate, f.timeout, f.attempts
	return o, nil
}

// record records a session and shows how it goes.
func (f *endpointFlags) record(ctx context.Context, w world, path string, o enrol.Options) (*enrol.Recording, error) {
	progress := &asking{w: w}
	defer progress.close()
	if !f.quiet {
		o.Progress = progress.show
	}
	return enrol.Record(ctx, path, o)
}

// spent says in a line what a session used.
func spent(s probe.Spent, p probe.Price) string {
	text := fmt.Sprintf("%s, %s in prompts and %s generated", count(s.Requests, "request"), count(s.PromptTokens, "token"),
		count(s.CompletionTokens, "token"))
	if (p != probe.Price{}) {
		text += fmt.Sprintf(", cost %.6f", s.Cost)
	}
	return text
}

// probeError gives what the user has to change the exit code of usage.
func probeError(err error) error {
	for _, usage := range []error{probe.ErrKeyInClear, probe.ErrOtherSession, probe.ErrEndpoint} {
		if errors.Is(err, usage) {
			return usagef("%w", err)
		}
	}
	return err
}
