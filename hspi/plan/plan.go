package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Series of requests.
const (
	// SeriesDiscover: what the endpoint can do.
	SeriesDiscover = "discover"
	// SeriesProbe: short prompts of random words, a few tokens each, temperature 0.
	SeriesProbe = "probe"
	// SeriesRepeat: one request many times: the endpoint's own variation.
	SeriesRepeat = "repeat"
	// SeriesTemperature: one prompt at temperatures 0, 0.5 and 1: are values raw?
	SeriesTemperature = "temperature"
	// SeriesPrefix: a prompt never seen before ("cold") and again at once ("warm").
	SeriesPrefix = "prefix"
	// SeriesLoad: one request while others of ours are in flight.
	SeriesLoad = "load"
	// SeriesFiller: the others.
	SeriesFiller = "filler"
	// SeriesContext: prompts of growing length.
	SeriesContext = "context"
	// SeriesPrompt: logprobs of the prompt's own tokens, by echo or prompt_logprobs.
	SeriesPrompt = "prompt"
)

// VariantFresh marks prompts that sessions do not share.
const VariantFresh = "fresh"

// Options steers Build. A size of 0 leaves a series out.
type Options struct {
	Model string
	// Seed chooses the words. Prompts depend on it and on nothing else, so that
	// answers of two platforms to one plan can be compared position by position;
	// only those of SeriesPrefix have Nonce in them.
	Seed uint64
	// Nonce makes the cold prompts new to the server's cache: one for each session.
	Nonce string

	// Alternatives is the most logprobs to ask for at a position; 0 means 20.
	Alternatives int

	Prompts      int   // of SeriesProbe
	ProbeTokens  int   // that each generates
	Repeats      int   // of each of RepeatPrompts
	RepeatOf     int   // how many prompts are repeated
	Temperatures int   // prompts
	Prefixes     int   // prompts, asked cold and warm
	Loads        []int // other requests in flight
	LoadRepeats  int
	Lengths      []int // words
	LengthOf     int   // prompts of each length
	Echoes       int   // prompts with logprobs of their own tokens
	Stream       bool  // one prompt more of SeriesProbe, as a stream
	// Fresh is how many prompts more SeriesProbe has, of variant "fresh", whose
	// words FreshSeed chooses: what is learned from prompts that all sessions share
	// can be tried on others.
	Fresh     int
	FreshSeed uint64
}

// Standard is the plan of a verification: 89 requests where all is possible.
func Standard(model string, seed uint64, nonce string) Options {
	return Options{Model: model, Seed: seed, Nonce: nonce, Prompts: 12, ProbeTokens: 8, Repeats: 10, RepeatOf: 2, Temperatures: 2,
		Prefixes: 3, Loads: []int{1, 3, 7}, LoadRepeats: 2, Lengths: []int{32, 96, 160, 288, 544}, LengthOf: 2, Echoes: 3, Stream: true}
}

// Small is the plan of a first look: 5 requests.
func Small(model string, seed uint64, nonce string) Options {
	return Options{Model: model, Seed: seed, Nonce: nonce, Prompts: 3, ProbeTokens: 8, Repeats: 2, RepeatOf: 1}
}

// Step is items that are out at the same time.
type Step []Item

// Plan is steps, to be done one after the other.
type Plan struct {
	Options Options
	Steps   []Step
	// Skipped says which series are left out because the endpoint cannot do them.
	Skipped []string
}

// Items are all items in order.
func (p *Plan) Items() []Item {
	var all []Item
	for _, s := range p.Steps {
		all = append(all, s...)
	}
	return all
}

// Hash names the plan: the SHA-256 of all keys, hexadecimal.
func (p *Plan) Hash() string {
	h := sha256.New()
	for _, s := range p.Steps {
		for _, item := range s {
			_, _ = fmt.Fprintln(h, item.Key) // a hash never fails
		}
		_, _ = fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Build makes the plan for an endpoint that can do c.
func Build(o Options, c Capabilities) (*Plan, error) {
	b := &builder{o: o, c: c, plan: &Plan{Options: o}}
	b.probe()
	b.repeats()
	b.temperatures()
	b.prefixes()
	b.contexts()
	b.echoes()
	b.loads() // last: it disturbs the server most
	if b.err != nil {
		return nil, fmt.Errorf("build plan: %w", b.err)
	}
	return b.plan, nil
}

type builder struct {
	o    Options
	c    Capabilities
	plan *Plan
	err  error
}

// request has what all requests of a plan share.
func (b *builder) request(p evidence.Purpose, prompt string, tokens int) Request {
	return Request{Purpose: p, Chat: b.c.UseChat(), Prompt: prompt, MaxTokens: tokens, MaxCompletionTokens: b.c.UseChat() && b.c.MaxCompletionTokens,
		Logprobs: min(b.c.Logprobs(), b.alternatives()), TokenIDs: b.c.TokenIDs == Honoured}
}

func (b *builder) alternatives() int {
	if b.o.Alternatives > 0 {
		return b.o.Alternatives
	}
	return 20
}

func (b *builder) item(q Request) Item {
	item, err := q.Item(b.o.Model)
	if err != nil && b.err == nil {
		b.err = err
	}
	return item
}

func (b *builder) alone(q Request) { b.plan.Steps = append(b.plan.Steps, Step{b.item(q)}) }

func (b *builder) skip(series, why string) {
	b.plan.Skipped = append(b.plan.Skipped, series+": "+why)
}

func (b *builder) probe() {
	for i := range b.o.Prompts {
		b.alone(b.request(evidence.Purpose{Series: SeriesProbe, Prompt: i}, ShortPrompt(b.o.Seed, i), b.o.ProbeTokens))
	}
	for i := range b.o.Fresh {
		b.alone(b.request(evidence.Purpose{Series: SeriesProbe, Prompt: i, Variant: VariantFresh}, ShortPrompt(b.o.FreshSeed, i), b.o.ProbeTokens))
	}
	if b.o.Stream && b.o.Prompts > 0 {
		if b.c.Stream != Honoured {
			b.skip(SeriesProbe+" as a stream", "the endpoint does not stream")
			return
		}
		q := b.request(evidence.Purpose{Series: SeriesProbe, Variant: "stream"}, ShortPrompt(b.o.Seed, 0), b.o.ProbeTokens)
		q.Stream = true
		b.alone(q)
	}
}

// repeats alternate the prompts, so that drift hits all of them. The second half has
// a new connection each time: behind a balancer that keeps connections together,
// only then do other backends answer.
func (b *builder) repeats() {
	for r := range b.o.Repeats {
		for i := range b.o.RepeatOf {
			item := b.item(b.request(evidence.Purpose{Series: SeriesRepeat, Prompt: i, Repeat: r}, ShortPrompt(b.o.Seed, i), 1))
			item.Reconnect = r >= (b.o.Repeats+1)/2
			b.plan.Steps = append(b.plan.Steps, Step{item})
		}
	}
}

func (b *builder) temperatures() {
	for i := range b.o.Temperatures {
		for _, t := range []float64{0, 0.5, 1} {
			q := b.request(evidence.Purpose{Series: SeriesTemperature, Prompt: i, Variant: fmt.Sprintf("t=%g", t)}, ShortPrompt(b.o.Seed, i), 1)
			q.Temperature = t
			b.alone(q)
		}
	}
}

func (b *builder) prefixes() {
	for i := range b.o.Prefixes {
		prompt := b.o.Nonce + " " + Words(b.o.Seed, SeriesPrefix, i, 80)
		for r, variant := range []string{"cold", "warm", "warm"} {
			b.alone(b.request(evidence.Purpose{Series: SeriesPrefix, Prompt: i, Variant: variant, Repeat: max(r-1, 0)}, prompt, 1))
		}
	}
}

// contexts grow up to what the model takes; a word is at most about 4 tokens
// for vocabularies of words, and the count of bytes is the bound of all.
func (b *builder) contexts() {
	for _, n := range b.o.Lengths {
		for i := range b.o.LengthOf {
			prompt := Words(b.o.Seed, SeriesContext, n*1000+i, n)
			if limit := b.c.MaxModelLen; limit > 0 && len(prompt)+16 > limit {
				b.skip(fmt.Sprintf("%s of %d words", SeriesContext, n), fmt.Sprintf("the model takes %d tokens", limit))
				break
			}
			b.alone(b.request(evidence.Purpose{Series: SeriesContext, Prompt: i, Variant: fmt.Sprintf("len=%d", n), Length: n}, prompt, 1))
		}
	}
}

func (b *builder) echoes() {
	if b.o.Echoes == 0 {
		return
	}
	if b.c.Echo != Honoured && b.c.PromptLogprobs != Honoured {
		b.skip(SeriesPrompt, "the endpoint tells no logprobs of prompts")
		return
	}
	for i := range b.o.Echoes {
		b.scored(evidence.Purpose{Series: SeriesPrompt, Prompt: i}, Words(b.o.Seed, SeriesPrompt, i, 40))
	}
}

// loads ask one prompt again and again while fillers generate.
func (b *builder) loads() {
	for _, load := range b.o.Loads {
		for r := range b.o.LoadRepeats {
			variant := fmt.Sprintf("load=%d", load)
			var step Step
			for f := range load {
				q := b.request(evidence.Purpose{Series: SeriesFiller, Prompt: f, Variant: variant, Repeat: r, Load: load}, Words(b.o.Seed, SeriesFiller, load*1000+f, 24), 48)
				q.Logprobs = -1
				filler := b.item(q)
				filler.Filler = true
				step = append(step, filler)
			}
			step = append(step, b.item(b.request(evidence.Purpose{Series: SeriesLoad, Variant: variant, Repeat: r, Load: load}, ShortPrompt(b.o.Seed, 0), 1)))
			b.plan.Steps = append(b.plan.Steps, step)
		}
	}
}
