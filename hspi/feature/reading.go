package feature

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Reading is answers whose numbers were read once, for all features. It may be used
// from several goroutines.
type Reading struct {
	answers []*evidence.Response
	items   []item

	grid     func() found
	observed func() []Observation
}

// item is a position with logprobs.
type item struct {
	of *evidence.Response
	at place
	l  *list
}

// Read reads answers, on all processors.
func Read(answers []*evidence.Response) *Reading {
	parts := make([][]item, len(answers))
	parallel(len(answers), func(i int) { parts[i] = items(answers[i]) })
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	r := &Reading{answers: answers, items: make([]item, 0, n)}
	for _, p := range parts {
		r.items = append(r.items, p...)
	}
	r.grid = sync.OnceValue(r.findGrid)
	r.observed = sync.OnceValue(r.observe)
	return r
}

// few is how many positions or answers are not worth another goroutine.
const few = 16

// parallel does all of 0 to n-1 on all processors.
func parallel(n int, do func(int)) {
	if n < few {
		for i := range n {
			do(i)
		}
		return
	}
	workers := runtime.GOMAXPROCS(0)
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := int(next.Add(few)) - few; i < n; i = int(next.Add(few)) - few {
				for k := i; k < min(i+few, n); k++ {
					do(k)
				}
			}
		})
	}
	all.Wait()
}

// Answers are what was read.
func (r *Reading) Answers() []*evidence.Response { return r.answers }

// Grid looks for the grid of the logits: see FindGrid.
func (r *Reading) Grid() (g Grid, why string, ok bool) {
	f := r.grid()
	return f.grid, f.why, f.ok
}

type found struct {
	grid Grid
	why  string
	ok   bool
}

// Observations are the positions that can be compared: see Observe.
func (r *Reading) Observations() []Observation { return r.observed() }

// lists are all positions with logprobs.
func (r *Reading) lists() []*list {
	all := make([]*list, len(r.items))
	for i := range r.items {
		all[i] = r.items[i].l
	}
	return all
}

func (r *Reading) findGrid() found {
	g, why, ok := findGrid(r.lists())
	return found{g, why, ok}
}
