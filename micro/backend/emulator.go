package backend

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/emu"
	"github.com/gpubench/gpubench/results"
)

// Emulator is a device that interprets PTX on the CPU. Its results are right,
// its times are counts of operations and say nothing about any GPU.
type Emulator struct{ describe results.Device }

// NewEmulator makes an emulator that calls itself by a device's description.
func NewEmulator(dev results.Device) *Emulator { return &Emulator{dev} }

// Describe is the device that is imitated.
func (e *Emulator) Describe() results.Device { return e.describe }

// Backend is "emulator".
func (e *Emulator) Backend() string { return KindEmulator }

// Compile does nothing: the emulator runs the module itself.
func (e *Emulator) Compile(context.Context, string, string) (micro.Code, error) {
	return micro.Code{}, nil
}

// Open makes the job's buffers and runs its Setup.
func (e *Emulator) Open(ctx context.Context, _ micro.JobID, job *micro.Job, _ micro.Code) (micro.Session, error) {
	return openEmulation(ctx, job, 0)
}

// Reset does nothing: every session has a memory of its own.
func (e *Emulator) Reset() error { return nil }

// Sensors knows nothing.
func (e *Emulator) Sensors() results.Sensors { return results.Sensors{} }

// Close does nothing.
func (e *Emulator) Close() error { return nil }

// judgeSteps bounds what Expected emulates, so that a job with a long Setup
// costs seconds and not minutes.
const judgeSteps = 20_000_000

// Expected runs a job's Setup and Verify on the emulator and returns the Result
// buffer: the truth for what a GPU computed.
func Expected(ctx context.Context, job *micro.Job) ([]byte, error) {
	s, err := openEmulation(ctx, job, judgeSteps)
	if err != nil {
		return nil, err
	}
	return s.Verify(ctx)
}

// Approximate reports whether a job's Setup or Verify uses special functions,
// which the hardware rounds in its own way.
func Approximate(job *micro.Job) bool {
	for _, list := range [][]micro.Launch{job.Setup, job.Verify} {
		for _, l := range list {
			if l.Transfer == nil && emu.Approximate(job.Module, l.Kernel) {
				return true
			}
		}
	}
	return false
}

// emulation is a job on the emulator.
type emulation struct {
	job     *micro.Job
	mem     *emu.Memory
	address map[string]uint64
	bytes   map[string]uint64
	steps   int64
}

func openEmulation(ctx context.Context, job *micro.Job, steps int64) (*emulation, error) {
	s := &emulation{job: job, mem: emu.NewMemory(), address: map[string]uint64{}, bytes: map[string]uint64{}, steps: steps}
	for _, b := range job.Buffers {
		if err := s.allocate(b); err != nil {
			return nil, fmt.Errorf("emulator: buffer %s: %w", b.Name, err)
		}
	}
	return s, s.launch(ctx, job.Setup)
}

func (s *emulation) allocate(b micro.Buffer) error {
	address, err := s.mem.Alloc(b.Name, max(b.Bytes, 1))
	if err != nil {
		return err
	}
	s.address[b.Name], s.bytes[b.Name] = address, b.Bytes
	if b.Data == nil {
		return nil
	}
	data := b.Data()
	if uint64(len(data)) > b.Bytes {
		return fmt.Errorf("%d bytes of data for %d: %w", len(data), b.Bytes, emu.ErrBounds)
	}
	return s.mem.Write(address, data)
}

// Verify runs the Verify launches and returns the result.
func (s *emulation) Verify(ctx context.Context) ([]byte, error) {
	if err := s.launch(ctx, s.job.Verify); err != nil {
		return nil, err
	}
	return s.read(s.job.Result)
}

// Run runs one round.
func (s *emulation) Run(ctx context.Context) (results.Reading, error) {
	if err := s.launch(ctx, s.job.Launches); err != nil {
		return results.Reading{}, err
	}
	data, err := s.read(s.job.Samples)
	if err != nil {
		return results.Reading{}, err
	}
	reading := results.Reading{Samples: make([]uint64, len(data)/8)}
	for i := range reading.Samples {
		reading.Samples[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	return reading, nil
}

// Close drops the memory.
func (s *emulation) Close() error { return nil }

func (s *emulation) read(buffer string) ([]byte, error) {
	n, ok := s.bytes[buffer]
	if !ok {
		return nil, fmt.Errorf("emulator: no buffer %q", buffer)
	}
	data := make([]byte, n)
	return data, s.mem.Read(s.address[buffer], data)
}

func (s *emulation) launch(ctx context.Context, list []micro.Launch) error {
	for _, l := range list {
		if l.Transfer != nil {
			if err := s.transfer(*l.Transfer); err != nil {
				return err
			}
			continue
		}
		args, err := s.arguments(l)
		if err != nil {
			return err
		}
		err = emu.Run(ctx, s.job.Module, s.mem, emu.Launch{
			Kernel: l.Kernel, Grid: l.Grid, Block: l.Block, SharedBytes: l.SharedBytes, Args: args, Steps: s.steps})
		if _, fault := errors.AsType[*emu.Fault](err); fault && !errors.Is(err, emu.ErrUnsupported) {
			return fmt.Errorf("%w: %w", micro.ErrFault, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// transfer copies or fills memory.
func (s *emulation) transfer(t micro.Transfer) error {
	data := bytes.Repeat([]byte{byte(t.From.Bits)}, int(t.Bytes))
	if t.From.Buffer != "" {
		if err := s.mem.Read(s.address[t.From.Buffer]+t.From.Offset, data); err != nil {
			return fmt.Errorf("emulator: copy: %w", err)
		}
	}
	if err := s.mem.Write(s.address[t.To.Buffer]+t.To.Offset, data); err != nil {
		return fmt.Errorf("emulator: transfer: %w", err)
	}
	return nil
}

func (s *emulation) arguments(l micro.Launch) ([][]byte, error) {
	args := make([][]byte, len(l.Args))
	for i, a := range l.Args {
		v := a.Bits
		if a.Buffer != "" {
			base, ok := s.address[a.Buffer]
			if !ok {
				return nil, fmt.Errorf("emulator: launch of %s: no buffer %q", l.Kernel, a.Buffer)
			}
			v = base + a.Offset
		}
		if a.Size == 4 {
			args[i] = emu.U32(uint32(v))
		} else {
			args[i] = emu.U64(v)
		}
	}
	return args, nil
}

var _ micro.Device = (*Emulator)(nil)
