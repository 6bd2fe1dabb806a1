package nvml

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is the library and its one card, found by the UUID "GPU-1" and at "0000:19:00.0".
type fake struct {
	startErr error
	known    bool
	bits     uint64
	open     int
	asked    []string
}

var errNotFound = errors.New("not found")

func (f *fake) start() error {
	if f.startErr == nil {
		f.open++
	}
	return f.startErr
}

func (f *fake) stop()                  { f.open-- }
func (f *fake) driver() (string, bool) { return f.text("580.159.03") }

func (f *fake) byUUID(uuid string) (card, error) { return f.find(uuid, "GPU-1") }
func (f *fake) byBusID(id string) (card, error)  { return f.find(id, "0000:19:00.0") }

func (f *fake) find(key, mine string) (card, error) {
	f.asked = append(f.asked, key)
	if key != mine {
		return nil, errNotFound
	}
	return f, nil
}

func (f *fake) number(n uint32) (uint32, bool) { return n, f.known }

func (f *fake) text(s string) (string, bool) {
	if !f.known {
		return "", false
	}
	return s, true
}

func (f *fake) smClock() (uint32, bool)     { return f.number(1755) }
func (f *fake) memClock() (uint32, bool)    { return f.number(3201) }
func (f *fake) maxSMClock() (uint32, bool)  { return f.number(1980) }
func (f *fake) maxMemClock() (uint32, bool) { return f.number(3202) }
func (f *fake) power() (uint32, bool)       { return f.number(123456) }
func (f *fake) powerLimit() (uint32, bool)  { return f.number(700000) }
func (f *fake) temperature() (uint32, bool) { return f.number(35) }
func (f *fake) energy() (uint64, bool)      { return 5_000_000_500, f.known }
func (f *fake) reasons() (uint64, bool)     { return f.bits, f.known }
func (f *fake) vbios() (string, bool)       { return f.text("96.00") }
func (f *fake) ecc() (on, ok bool)          { return true, f.known }

func TestOpenFindsTheCard(t *testing.T) {
	for _, c := range []struct {
		name, uuid, bus string
		start           error
		want            string // "" for found
		asked           []string
	}{
		{"by UUID", "GPU-1", "x", nil, "", []string{"GPU-1"}},
		{"by bus, as for a MIG slice", "MIG-7", "0000:19:00.0", nil, "", []string{"MIG-7", "0000:19:00.0"}},
		{"not there", "GPU-2", "x", nil, "sensors not known: GPU GPU-2 at x: not found", []string{"GPU-2", "x"}},
		{"no library", "GPU-1", "x", errors.New("cannot be opened"), "sensors not known: cannot be opened", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{startErr: c.start}
			got, err := openWith(f, c.uuid, c.bus)
			assert.Equal(t, c.asked, f.asked)
			if c.want != "" {
				assert.EqualError(t, err, c.want)
				assert.ErrorIs(t, err, ErrNotKnown)
				assert.Zero(t, f.open, "the library is given back")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 1, f.open)
			got.Close()
			assert.Zero(t, f.open)
		})
	}
	_, err := openWith(nil, "GPU-1", "")
	assert.ErrorIs(t, err, ErrNotKnown)
}

// TestOpen holds in every build, with and without the library.
func TestOpen(t *testing.T) {
	_, err := Open("GPU-none", "ffff:00:00.0")
	t.Log(err)
	assert.ErrorIs(t, err, ErrNotKnown)
}

func TestReadUnits(t *testing.T) {
	c := &Card{lib: &fake{known: true}, card: &fake{known: true, bits: 1}}
	r := c.Read()
	assert.Equal(t, []float64{1755, 3201, 123.456, 35, 5_000_000.5},
		[]float64{*r.SMClockMHz, *r.MemClockMHz, *r.PowerW, *r.TemperatureC, *r.EnergyJ})
	assert.NotNil(t, r.Throttle)
	assert.Empty(t, r.Throttle, "idle is no reason")
	assert.WithinDuration(t, time.Now(), r.When, time.Minute)

	i := c.Info()
	assert.Equal(t, "580.159.03", i.Driver)
	assert.Equal(t, "96.00", i.VBIOS)
	assert.Equal(t, []float64{700, 1980, 3202}, []float64{*i.PowerLimitW, *i.MaxSMClockMHz, *i.MaxMemClockMHz})
	assert.True(t, *i.ECC)
}

func TestNothingKnown(t *testing.T) {
	c := &Card{lib: &fake{}, card: &fake{bits: 0xff}}
	r := c.Read()
	r.When = time.Time{}
	assert.Equal(t, Reading{}, r)
	assert.Equal(t, Info{}, c.Info())
}

func TestReasonNames(t *testing.T) {
	assert.Equal(t, []string{}, reasonNames(0))
	assert.Equal(t, []string{"sw_power_cap", "hw_thermal"}, reasonNames(1|4|64))
	assert.Equal(t, []string{"reason_0x8000"}, reasonNames(0x8001))
}

func TestSampler(t *testing.T) {
	var n atomic.Int32
	s := NewSampler(func() Reading {
		v := float64(n.Add(1))
		return Reading{PowerW: &v}
	}, time.Millisecond)
	assert.NotNil(t, s.Latest().PowerW, "there is one from the start")
	require.Eventually(t, func() bool { return *s.Latest().PowerW > 3 }, 5*time.Second, time.Millisecond)
	s.Close()
	s.Close()
	reads := n.Load()
	time.Sleep(5 * time.Millisecond)
	assert.Equal(t, reads, n.Load(), "closed is closed")
	assert.Len(t, s.History(), int(reads))
}

func TestSamplerThinsEvenly(t *testing.T) {
	s := &Sampler{stride: 1}
	const reads = 50_000
	for i := range reads {
		s.add(Reading{When: time.UnixMilli(int64(i))})
	}
	h := s.History()
	assert.LessOrEqual(t, len(h), 2000)
	assert.Greater(t, len(h), 900)
	step := h[1].When.Sub(h[0].When)
	for i := 1; i < len(h); i++ {
		require.Equal(t, step, h[i].When.Sub(h[i-1].When), "at %d of %d", i, len(h))
	}
	assert.Equal(t, time.UnixMilli(0), h[0].When)
	assert.Equal(t, time.UnixMilli(reads-1), s.Latest().When)
}
