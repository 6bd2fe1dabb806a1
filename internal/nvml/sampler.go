package nvml

import (
	"sync"
	"time"
)

// maxHistory bounds what a sampler keeps: at twice that, every second reading goes.
const maxHistory = 1000

// Sampler reads sensors in the background, so that who wants to know need not wait for the
// library, which can take milliseconds.
type Sampler struct {
	read func() Reading
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	latest  Reading
	history []Reading
	stride  int // one reading in stride is kept
	skipped int // since the last that was kept
}

// NewSampler reads once at once, and then in every period until Close.
func NewSampler(read func() Reading, period time.Duration) *Sampler {
	s := &Sampler{read: read, stop: make(chan struct{}), done: make(chan struct{}), stride: 1}
	s.add(read())
	go s.loop(period)
	return s
}

func (s *Sampler) loop(period time.Duration) {
	defer close(s.done)
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.add(s.read())
		}
	}
}

func (s *Sampler) add(r Reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = r
	if s.skipped++; s.skipped < s.stride && len(s.history) > 0 {
		return
	}
	s.skipped = 0
	s.history = append(s.history, r)
	if len(s.history) == 2*maxHistory {
		s.thin()
	}
}

// thin drops every second reading and halves the rate from now on.
func (s *Sampler) thin() {
	kept := s.history[:0]
	for i := 0; i < len(s.history); i += 2 {
		kept = append(kept, s.history[i])
	}
	s.history = kept
	s.skipped = s.stride // the newest is among the dropped
	s.stride *= 2
}

// Latest is the newest reading, with the time when it was taken.
func (s *Sampler) Latest() Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// History is the readings so far, evenly thinned to 2000 at most.
func (s *Sampler) History() []Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Reading(nil), s.history...)
}

// Close stops the sampler, after the reading that it may be at.
func (s *Sampler) Close() {
	s.once.Do(func() { close(s.stop) })
	<-s.done
}
