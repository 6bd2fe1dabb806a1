package model

import (
	"context"
	"maps"
	"slices"
)

// Folds hands over, for each number of sessions, those of that number and a profile
// that was trained on the others, until there is an error.
func Folds(ctx context.Context, sessions []Session, do func(p *Profile, unseen []Session) error) error {
	t, err := newTraining(ctx, sessions)
	if err != nil {
		return err
	}
	byNumber := map[string][]Session{}
	for _, s := range t.sessions {
		byNumber[s.Number] = append(byNumber[s.Number], s)
	}
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		p, err := t.profile(ctx, number, nil)
		if err != nil {
			return err
		}
		if err := do(p, byNumber[number]); err != nil {
			return err
		}
	}
	return nil
}
