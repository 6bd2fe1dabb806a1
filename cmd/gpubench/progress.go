package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gpubench/gpubench/micro/run"
)

// progress shows a bar with the time left on a terminal, and plain lines elsewhere.
type progress struct {
	w     io.Writer
	live  bool
	now   func() time.Time
	phase string
	begun time.Time
	last  time.Time
	named string
}

func newProgress(w world) *progress { return &progress{w: w.err, live: w.live, now: w.now} }

const barWidth = 24

func (p *progress) show(s run.Progress) {
	now := p.now()
	if s.Phase != p.phase {
		p.phase, p.begun = s.Phase, now
	}
	if p.live {
		if now.Sub(p.last) < 50*time.Millisecond && s.Done != s.Total {
			return
		}
		p.last = now
		fmt.Fprintf(p.w, "\r\033[K%s", p.bar(s, now))
		return
	}
	if label := s.Phase + " " + s.Benchmark; label != p.named && (s.Phase == "measure" || s.Done == 0) && s.Total > 0 {
		p.named = label
		fmt.Fprintf(p.w, "%-8s %5d/%-5d %s\n", s.Phase, s.Done, s.Total, s.Benchmark)
	}
}

func (p *progress) bar(s run.Progress, now time.Time) string {
	if s.Total == 0 {
		return fmt.Sprintf("%-8s %s", s.Phase, s.Benchmark)
	}
	full := barWidth * s.Done / s.Total
	left := ""
	if spent := now.Sub(p.begun); s.Done > 0 && spent > time.Second {
		rest := time.Duration(float64(spent) * float64(s.Total-s.Done) / float64(s.Done))
		left = rest.Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("%-8s %s%s %3d %% %-9s %s", s.Phase, strings.Repeat("█", full), strings.Repeat("░", barWidth-full),
		100*s.Done/s.Total, left, s.Benchmark)
}

// close clears the bar.
func (p *progress) close() {
	if p.live {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
