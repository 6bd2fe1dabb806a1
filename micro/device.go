package micro

import (
	"context"
	"errors"
	"time"

	"github.com/gpubench/gpubench/results"
)

// Errors of a device that the runner tells apart.
var (
	// ErrFault means that a kernel faulted: the session's device state is lost,
	// and Reset makes a fresh one.
	ErrFault = errors.New("kernel fault")
	// ErrFaulted means that a job faulted in an earlier process of this run and is
	// not tried again.
	ErrFaulted = errors.New("not tried again")
	// ErrNotRecorded means that a replay has no samples for a job.
	ErrNotRecorded = errors.New("not in the recording")
	// ErrStale means that a replay has samples for the point, but of another kernel.
	ErrStale = errors.New("kernel changed since the recording")
)

// Device runs jobs: a real GPU, a recorded run or the emulator.
type Device interface {
	// Describe says what the device is. Fixed for the device's life.
	Describe() results.Device
	// Backend is "cuda", "replay" or "emulator".
	Backend() string
	// Compile makes machine code of PTX text; safe for many goroutines at once.
	// A device without machine code returns Code with a nil Image.
	Compile(ctx context.Context, name, text string) (Code, error)
	// Open allocates and fills the job's buffers and runs its Setup launches.
	Open(ctx context.Context, id JobID, job *Job, code Code) (Session, error)
	// Reset makes the device usable after an error that matches ErrFault; every
	// open session is lost. Where a driver has no way back in the same process,
	// it fails, and the run goes on in another.
	Reset() error
	// Sensors reads the card's sensors; fields that are not known are nil.
	Sensors() results.Sensors
	Close() error
}

// JobID is how a replay finds a job's samples.
type JobID struct {
	Benchmark string
	Point     string // results.Point.Key
	Job       string // Job.Hash
}

// CanaryName is the name under which the runner records its reference configuration,
// which belongs to no benchmark and has no point.
const CanaryName = "canary"

// Session is one job, ready on the device.
type Session interface {
	// Verify runs the job's Verify launches and returns the result buffer.
	Verify(ctx context.Context) ([]byte, error)
	// Run runs one round and returns its samples. A replay answers recorded
	// rounds in order and starts again when they are used up.
	Run(ctx context.Context) (results.Reading, error)
	Close() error
}

// Code is a compiled module.
type Code struct {
	// Image is the cubin; nil where there is no machine code.
	Image []byte
	// Recorded is what a replay knows of the machine code in place of an image.
	Recorded []results.MachineCode
	// Warnings are the compiler's notes that cast doubt on a measurement: wgmma
	// serialised, a fence injected, registers spilled.
	Warnings []string
	Elapsed  time.Duration
	Cached   bool
}
