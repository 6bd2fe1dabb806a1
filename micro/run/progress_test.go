package run

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// TestProgressComesToItsEnd: points that fail take their rounds out of the total,
// so that the bar is full when the work is done.
func TestProgressComesToItsEnd(t *testing.T) {
	for name, d := range map[string]*fakeDevice{
		"all well": {code: good()},
		"one cannot be opened": {code: good(), open: func(point string) error {
			if point == "i=1" {
				return micro.ErrStale
			}
			return nil
		}},
		"one fails in its second round": {code: good(), run: func(point string, round int) (results.Reading, error) {
			if point == "i=2" && round == 2 {
				return results.Reading{}, errors.New("gone")
			}
			return results.Reading{Samples: []uint64{10}}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var last Progress
			_, err := Run(context.Background(), d, []micro.Benchmark{toy(4)}, Options{Progress: func(p Progress) {
				if p.Phase == "measure" {
					last = p
				}
			}})
			require.NoError(t, err)
			assert.NotZero(t, last.Done)
			assert.Equal(t, last.Total, last.Done)
		})
	}
}
