package probe

import (
	"fmt"
	"sync"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// watch sees all answers and notices what changes from one to the next: another
// model, another fingerprint, fields that are gone.
type watch struct {
	mu     sync.Mutex
	models map[string]bool
	prints map[string]bool
	seen   map[string]bool // fields, by API
	gone   map[string]bool
}

func newWatch() *watch {
	return &watch{models: map[string]bool{}, prints: map[string]bool{}, seen: map[string]bool{}, gone: map[string]bool{}}
}

// see gives a note for each thing that is new.
func (w *watch) see(r *evidence.Response) []*evidence.Note {
	w.mu.Lock()
	defer w.mu.Unlock()
	var notes []*evidence.Note
	add := func(n *evidence.Note) {
		if n != nil {
			n.Key = r.Key
			notes = append(notes, n)
		}
	}
	add(changed(w.models, r.Model, evidence.NoteModelChanged, "model"))
	add(changed(w.prints, r.Fingerprint, evidence.NoteFingerprintChanged, "system_fingerprint"))
	for _, f := range fields(r) {
		add(w.field(f))
	}
	return notes
}

// changed notices a value that is not the first one; each once.
func changed(known map[string]bool, value string, code evidence.NoteCode, name string) *evidence.Note {
	if value == "" || known[value] {
		return nil
	}
	known[value] = true
	if len(known) == 1 {
		return nil
	}
	return &evidence.Note{Code: code, Values: map[string]string{name: value},
		Text: fmt.Sprintf("%s is %q now, which it was not before: more than one server answers, or it was changed", name, value)}
}

// field is a part of an answer that a server of a kind has always or never.
type field struct {
	name    string
	present bool
	asked   bool // it should be there whatever was before
}

func fields(r *evidence.Response) []field {
	logprobs, alternatives := false, false
	for _, c := range r.Choices {
		for _, p := range c.Positions {
			logprobs = logprobs || p.Logprob.Class() != evidence.Absent
			alternatives = alternatives || len(p.Top) > 0
		}
	}
	all := []field{{"id", r.ID != "", false}, {"model", r.Model != "", false}, {"created", r.Created != "", false}}
	if !r.Asked.Stream { // streams have these in some parts only, and usage on demand
		all = append(all, field{"usage", r.Usage != nil, false}, field{"system_fingerprint", r.HasFingerprint, false})
	}
	if r.Asked.Logprobs != "" {
		all = append(all, field{"logprobs", logprobs, true})
	}
	if n := r.Asked.Logprobs; n != "" && n != "0" {
		all = append(all, field{"alternatives", alternatives, true})
	}
	for i := range all {
		if r.Asked.Chat {
			all[i].name = "chat " + all[i].name
		}
	}
	return all
}

// field notices a field that is missing and was there before, or was asked for.
func (w *watch) field(f field) *evidence.Note {
	if f.present {
		w.seen[f.name] = true
		return nil
	}
	if w.gone[f.name] || !(w.seen[f.name] || f.asked) {
		return nil
	}
	w.gone[f.name] = true
	text := fmt.Sprintf("the field %s was asked for and is missing", f.name)
	if w.seen[f.name] {
		text = fmt.Sprintf("the field %s is missing now; earlier answers had it: a proxy strips it, or another server answers", f.name)
	}
	return &evidence.Note{Code: evidence.NoteStripped, Values: map[string]string{"field": f.name}, Text: text}
}
