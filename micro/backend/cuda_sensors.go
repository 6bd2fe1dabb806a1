package backend

import (
	"time"

	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/results"
)

// sensors are a card's, read in the background. A nil *sensors knows nothing.
type sensors struct {
	fixed   nvml.Info
	sampler *nvml.Sampler
	release func()
}

// openSensors is nil where there are none: that is never an error.
func openSensors(uuid, busID string) *sensors {
	card, err := nvml.Open(uuid, busID)
	if err != nil {
		return nil
	}
	return &sensors{fixed: card.Info(), sampler: nvml.NewSampler(card.Read, samplePeriod), release: card.Close}
}

func (s *sensors) info() nvml.Info {
	if s == nil {
		return nvml.Info{}
	}
	return s.fixed
}

func (s *sensors) latest() results.Sensors {
	if s == nil {
		return results.Sensors{When: time.Now()}
	}
	return reading(s.sampler.Latest())
}

func (s *sensors) history() []results.Sensors {
	if s == nil {
		return nil
	}
	var out []results.Sensors
	for _, r := range s.sampler.History() {
		out = append(out, reading(r))
	}
	return out
}

func (s *sensors) close() {
	if s == nil {
		return
	}
	s.sampler.Close()
	if s.release != nil {
		s.release()
		s.release = nil
	}
}

func reading(r nvml.Reading) results.Sensors { return results.Sensors(r) }
