package probe

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// resume goes on with the last session of a file: what was answered is known,
// what was spent is spent, and requests whose answers were lost are noted.
func (s *Session) resume(path string) error {
	w, had, err := evidence.Resume(path, evidence.WriterOptions{Secrets: []string{s.o.Key.reveal()}})
	if err != nil {
		return err
	}
	s.writer = w
	if err := s.adopt(had); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), w.Close())
	}
	return nil
}

func (s *Session) adopt(had *evidence.File) error {
	open, resumes, err := s.last(had)
	if err != nil {
		return err
	}
	if open == nil { // nothing but a torn first line
		if s.id, err = newID(); err != nil {
			return err
		}
		return s.open(0)
	}
	s.id = open.Session
	lost := map[evidence.Sent]bool{}
	for _, rec := range had.Records {
		if rec.Session == s.id {
			s.replay(rec, lost)
		}
	}
	if err := s.open(resumes + 1); err != nil {
		return err
	}
	text := fmt.Sprintf("the session goes on: %d answers are known, %d requests were spent", len(s.answers), s.meter.total().Requests)
	err = s.note(&evidence.Note{Code: evidence.NoteResumed, Text: text})
	for sent := range lost {
		s.meter.lost()
		err = errors.Join(err, s.note(&evidence.Note{Code: evidence.NoteLost, Key: sent.Key,
			Text: fmt.Sprintf("attempt %d left before the interruption, and its answer was not recorded; it may have been paid for", sent.Attempt)}))
	}
	return err
}

// last finds the last session, which must be of the same endpoint, model and seed.
func (s *Session) last(had *evidence.File) (open *evidence.Record, resumes int, err error) {
	for _, rec := range had.Records {
		if rec.Kind != evidence.KindOpen {
			continue
		}
		if rec.Open.Resumes == 0 {
			open, resumes = rec, 0
		} else {
			resumes = rec.Open.Resumes
		}
	}
	if open == nil {
		return nil, 0, nil
	}
	o := open.Open
	switch {
	case o.Endpoint != s.o.Endpoint.String():
		err = fmt.Errorf("%w: its endpoint is %s", ErrOtherSession, o.Endpoint)
	case o.Model != s.o.Model:
		err = fmt.Errorf("%w: its model is %s", ErrOtherSession, o.Model)
	case o.Seed != s.o.Seed:
		err = fmt.Errorf("%w: its seed is %d", ErrOtherSession, o.Seed)
	case o.Label != s.o.Label:
		err = fmt.Errorf("%w: its label is %q", ErrOtherSession, o.Label)
	}
	return open, resumes, err
}

// replay takes over what a record of the earlier part tells.
func (s *Session) replay(rec *evidence.Record, lost map[evidence.Sent]bool) {
	switch rec.Kind {
	case evidence.KindSent:
		s.asked++
		s.attempts[rec.Sent.Key] = rec.Sent.Attempt
		lost[*rec.Sent] = true
	case evidence.KindNote:
		if rec.Note.Code == evidence.NoteLost {
			s.meter.lost()
			for sent := range lost {
				if sent.Key == rec.Note.Key {
					delete(lost, sent)
				}
			}
		}
	case evidence.KindExchange:
		x := rec.Exchange
		delete(lost, evidence.Sent{Key: x.Key, Attempt: x.Attempt})
		r, err := s.result(x)
		s.meter.replay(x, r)
		if final(x, err) {
			s.answers[x.Key] = x
		}
		if err == nil {
			s.answered++
		}
		if err == nil && x.Request.Method != http.MethodGet {
			s.watch.see(r) // what changed then was noted then
		}
	}
}
