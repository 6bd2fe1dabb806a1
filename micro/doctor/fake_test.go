package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// fakeMachine is a machine with one healthy H200, until a test breaks something.
type fakeMachine struct {
	notBuilt   bool
	noDriver   error
	version    int
	gpus       []cuda.Attributes
	gpusErr    error
	env        string
	files      []deviceFile
	otherOS    bool
	openErr    error
	sensorsErr error
	reading    nvml.Reading
	cacheErr   error
	dev        *fakeDevice
	opened     int
}

func healthy() *fakeMachine {
	n := 7.0
	files := []deviceFile{{controlFile, nil}, {memoryFile, nil}, {"/dev/nvidia0", nil}}
	return &fakeMachine{
		version: 13000, gpus: []cuda.Attributes{hopper()}, files: files, dev: newFakeDevice(),
		reading: nvml.Reading{SMClockMHz: &n, MemClockMHz: &n, PowerW: &n, TemperatureC: &n, EnergyJ: &n, Throttle: []string{}},
	}
}

func hopper() cuda.Attributes {
	return cuda.Attributes{Name: "H200", UUID: "GPU-1", Major: 9, SMs: 132, TotalMem: 141 << 30, TensorMap: true}
}

func (m *fakeMachine) built() bool                         { return !m.notBuilt }
func (m *fakeMachine) available() error                    { return m.noDriver }
func (m *fakeMachine) driverVersion() (int, error)         { return m.version, nil }
func (m *fakeMachine) devices() ([]cuda.Attributes, error) { return m.gpus, m.gpusErr }
func (m *fakeMachine) visible() string                     { return m.env }
func (m *fakeMachine) deviceFiles() ([]deviceFile, bool)   { return m.files, !m.otherOS }
func (m *fakeMachine) checkCache(string) error             { return m.cacheErr }

func (m *fakeMachine) open(int) (micro.Device, error) {
	m.opened++
	if m.openErr != nil {
		return nil, m.openErr
	}
	return m.dev, nil
}

func (m *fakeMachine) sensors(string, string) (nvml.Info, nvml.Reading, error) {
	return nvml.Info{Driver: "580.1"}, m.reading, m.sensorsErr
}

// fakeDevice answers each trial with the number that it should, or as told by trial name.
type fakeDevice struct {
	compileErr map[string]error // by the name that Compile is given
	runErr     map[string]error // by trial
	answers    map[string]uint32
	resetErr   error
	resets     int
	closed     int
	sessions   int // open ones
	lock       *sync.Mutex
	compile    time.Duration
}

func newFakeDevice() *fakeDevice {
	d := &fakeDevice{compileErr: map[string]error{}, runErr: map[string]error{}, answers: map[string]uint32{}}
	for _, t := range trials() {
		d.answers[t.name] = t.want
	}
	return d
}

func (d *fakeDevice) Describe() results.Device { return results.Device{} }
func (d *fakeDevice) Backend() string          { return "cuda" }
func (d *fakeDevice) Sensors() results.Sensors { return results.Sensors{} }
func (d *fakeDevice) Reset() error             { d.resets++; return d.resetErr }
func (d *fakeDevice) Close() error             { d.closed++; return nil }

func (d *fakeDevice) Compile(ctx context.Context, name, text string) (micro.Code, error) {
	if d.lock != nil {
		d.lock.Lock()
		defer d.lock.Unlock()
	}
	if strings.Count(text, "mad.lo") > 100 {
		time.Sleep(d.compile)
	}
	return micro.Code{Image: []byte("cubin")}, errors.Join(d.compileErr[name], ctx.Err())
}

func (d *fakeDevice) Open(_ context.Context, id micro.JobID, job *micro.Job, _ micro.Code) (micro.Session, error) {
	if len(job.Verify) != 1 || job.Result == "" {
		return nil, fmt.Errorf("a strange job %v", job)
	}
	d.sessions++
	return &fakeSession{d, id.Point}, nil
}

type fakeSession struct {
	dev  *fakeDevice
	name string
}

func (s *fakeSession) Verify(context.Context) ([]byte, error) {
	return binary.LittleEndian.AppendUint32(nil, s.dev.answers[s.name]), s.dev.runErr[s.name]
}

func (s *fakeSession) Run(context.Context) (results.Reading, error) { return results.Reading{}, nil }
func (s *fakeSession) Close() error                                 { s.dev.sessions--; return nil }
