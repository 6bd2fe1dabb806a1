package backend

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// live is a device whose readings count up from 100.
type live struct {
	*Emulator
	opened, closed, resets int
	fail                   error
}

func newLive() *live {
	return &live{Emulator: NewEmulator(results.Device{Name: "a GPU", UUID: "GPU-1", Driver: "580"})}
}

func (l *live) Open(context.Context, micro.JobID, *micro.Job, micro.Code) (micro.Session, error) {
	if l.fail != nil {
		return nil, l.fail
	}
	l.opened++
	return &liveSession{l, 99}, nil
}

func (l *live) Reset() error                 { l.resets++; return nil }
func (l *live) Telemetry() []results.Sensors { return []results.Sensors{{Throttle: []string{"now"}}} }

type liveSession struct {
	l *live
	n uint64
}

func (s *liveSession) Verify(context.Context) ([]byte, error) { return []byte{8}, nil }
func (s *liveSession) Run(context.Context) (results.Reading, error) {
	s.n++
	return sample(s.n), nil
}
func (s *liveSession) Close() error { s.l.closed++; return nil }

func resumeOn(t *testing.T, dev micro.Device) micro.Device {
	t.Helper()
	r, err := Resume(dev, "before.json", recordedRun())
	require.NoError(t, err)
	return r
}

// run opens a job, verifies it and takes n readings.
func run(t *testing.T, dev micro.Device, id micro.JobID, n int) (result []byte, samples []uint64) {
	t.Helper()
	s, err := dev.Open(t.Context(), id, nil, micro.Code{})
	require.NoError(t, err)
	result, err = s.Verify(t.Context())
	require.NoError(t, err)
	for range n {
		x, err := s.Run(t.Context())
		require.NoError(t, err)
		samples = append(samples, x.Samples[0])
	}
	require.NoError(t, s.Close())
	return result, samples
}

func TestResumeMeasuresWhatIsMissing(t *testing.T) {
	changed := id("whole")
	changed.Job = "changed"
	for name, tt := range map[string]struct {
		id      micro.JobID
		result  byte
		samples []uint64
		opened  int
	}{
		"measured to its end":  {id("whole"), 7, []uint64{1, 2, 3}, 0},
		"measured in part":     {id("half"), 7, []uint64{1, 100, 101}, 1},
		"failed":               {id("failed"), 8, []uint64{100, 101, 102}, 1},
		"failed after a round": {id("faulted"), 8, []uint64{100, 101, 102}, 1},
		"never measured":       {id("new"), 8, []uint64{100, 101, 102}, 1},
		"kernel changed":       {changed, 8, []uint64{100, 101, 102}, 1},
		"result not recorded":  {id("unchecked"), 8, []uint64{1, 100, 101}, 1},
		"the canary":           {micro.JobID{Benchmark: "canary", Job: "job"}, 8, []uint64{100, 101, 102}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive()
			result, samples := run(t, resumeOn(t, l), tt.id, 3)
			assert.Equal(t, []byte{tt.result}, result)
			assert.Equal(t, tt.samples, samples)
			assert.Equal(t, tt.opened, l.opened)
			assert.Equal(t, l.opened, l.closed)
		})
	}
}

func TestResumedSessionOpenedAgainGoesOn(t *testing.T) {
	l := newLive()
	r := resumeOn(t, l)
	_, before := run(t, r, id("whole"), 2)
	require.NoError(t, r.Reset()) // another point faulted
	_, after := run(t, r, id("whole"), 2)
	assert.Equal(t, []uint64{1, 2, 3, 100}, append(before, after...), "no sample is given out twice")
	assert.Equal(t, 1, l.resets)
}

func TestResumedSessionTellsWhyTheDeviceRefuses(t *testing.T) {
	l := newLive()
	l.fail = errors.New("out of memory")
	r := resumeOn(t, l)
	s, err := r.Open(t.Context(), id("half"), nil, micro.Code{})
	require.NoError(t, err)
	_, err = s.Run(t.Context())
	require.NoError(t, err)
	_, err = s.Run(t.Context())
	assert.ErrorIs(t, err, l.fail)
	assert.NoError(t, s.Close())
}

func TestResumeKeepsTelemetryOfBoth(t *testing.T) {
	r := resumeOn(t, newLive()).(interface{ Telemetry() []results.Sensors })
	assert.Equal(t, []results.Sensors{{Throttle: []string{"then"}}, {Throttle: []string{"now"}}}, r.Telemetry())
	assert.Len(t, r.Telemetry(), 2, "the earlier list is not written to")
}

func TestResumeRefusesAnotherDevice(t *testing.T) {
	for name, change := range map[string]func(*results.Document){
		"name":    func(d *results.Document) { d.Device.Name = "another GPU" },
		"card":    func(d *results.Document) { d.Device.UUID = "GPU-2" },
		"driver":  func(d *results.Document) { d.Device.Driver = "590" },
		"backend": func(d *results.Document) { d.Backend = "cuda" },
	} {
		before := recordedRun()
		change(before)
		_, err := Resume(newLive(), "before.json", before)
		assert.ErrorContains(t, err, "cannot resume before.json: it was ", name)
	}
}

func TestResumeOfAReplayIsTheReplay(t *testing.T) {
	replay, err := NewReplay("mine", recordedRun())
	require.NoError(t, err)
	before := recordedRun()
	before.Backend = KindReplay
	dev, err := Resume(replay, "before.json", before)
	require.NoError(t, err)
	assert.Same(t, replay, dev, "so that its origin is still told")
}

func TestCarryKeepsSamplesThatTheResumedRunDidNotReach(t *testing.T) {
	raw := func(point, problem string, samples ...uint64) results.Raw {
		x := results.Raw{Benchmark: "a/b", Point: results.P("p", point), Error: problem}
		for _, v := range samples {
			x.Rounds = append(x.Rounds, sample(v))
		}
		return x
	}
	before := &results.Document{Raw: []results.Raw{raw("again", "", 1), raw("interrupted", "", 2), raw("left out", "", 3), raw("never", "too early")}}
	doc := &results.Document{Raw: []results.Raw{raw("again", "", 1, 10), raw("interrupted", "too early"), raw("never", "still too early"), raw("new", "", 11)}}
	Carry(doc, before)
	assert.Equal(t, []results.Raw{
		raw("again", "", 1, 10), raw("never", "still too early"), raw("new", "", 11), raw("interrupted", "", 2), raw("left out", "", 3),
	}, doc.Raw)
}
