package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/probe"
)

// asking tells, line by line, what a person should know of a session: waits, and
// what was noticed. On a terminal it also counts requests.
type asking struct {
	w    world
	mu   sync.Mutex
	open bool // a count stands on the line
}

// show hears of every exchange and note.
func (a *asking) show(e probe.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case e.Note != nil && worthTelling(e.Note.Code):
		a.clear()
		a.w.tell("%s", e.Note.Text)
	case e.Wait >= time.Second:
		a.clear()
		a.w.tell("waiting %s before the next attempt", e.Wait.Round(time.Second))
	case a.w.live:
		fmt.Fprintf(a.w.err, "\r\033[K%s", count(e.Spent.Requests, "request"))
		a.open = true
	}
}

func worthTelling(code evidence.NoteCode) bool {
	switch code {
	case evidence.NotePlan, evidence.NoteCapability, evidence.NoteRefused:
		return false
	}
	return true
}

// clear takes the count away.
func (a *asking) clear() {
	if a.open {
		fmt.Fprint(a.w.err, "\r\033[K")
		a.open = false
	}
}

func (a *asking) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clear()
}
