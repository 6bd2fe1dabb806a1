package backend

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// loadedModule is a module on the device, shared by the sessions of one image.
type loadedModule struct {
	key       [sha256.Size]byte
	users     int
	module    gpuModule
	functions map[string]*loadedFunction
}

// loadedFunction is a kernel with the attributes that it has now; they belong to the
// function, which sessions share, so each launch sets those that differ.
type loadedFunction struct {
	gpuFunction
	shared      int
	carveout    int // as micro.Launch has it
	nonPortable bool
}

// acquire loads an image, or counts one more user of it.
func (d *CUDA) acquire(image []byte) (*loadedModule, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := sha256.Sum256(image)
	if m := d.modules[key]; m != nil {
		m.users++
		return m, nil
	}
	module, err := d.gpu.Load(image)
	if err != nil {
		return nil, fmt.Errorf("load the machine code: %w", err)
	}
	m := &loadedModule{key: key, users: 1, module: module, functions: map[string]*loadedFunction{}}
	d.modules[key] = m
	return m, nil
}

// unload drops a module after its last user. A module from before a reset is gone already.
func (d *CUDA) unload(m *loadedModule) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.users--; m.users > 0 || d.modules[m.key] != m {
		return nil
	}
	delete(d.modules, m.key)
	return m.module.Unload()
}

// function finds a kernel once.
func (d *CUDA) function(m *loadedModule, name string) (*loadedFunction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := m.functions[name]; f != nil {
		return f, nil
	}
	f, err := m.module.Function(name)
	if err != nil {
		return nil, err
	}
	loaded := &loadedFunction{gpuFunction: f}
	m.functions[name] = loaded
	return loaded, nil
}

// session is one job on the device.
type session struct {
	dev     *CUDA
	module  *loadedModule
	buffers map[string]*deviceBuffer
	samples *deviceBuffer
	result  *deviceBuffer
	verify  []preparedLaunch
	round   []preparedLaunch
	closed  bool
}

// deviceBuffer has the address 0 while there is no memory behind it.
type deviceBuffer struct {
	addr  cuda.Ptr
	bytes uint64
}

// preparedLaunch has everything looked up, so that the launches of a round follow closely.
type preparedLaunch struct {
	function *loadedFunction
	kernel   string
	shape    cuda.Launch
	carveout int
	far      bool // clusters of more than 8
	args     [][]byte
	// transfer takes the place of a kernel.
	transfer func() error
}

// Open allocates and fills the job's buffers, loads its module and runs its Setup launches.
func (d *CUDA) Open(ctx context.Context, id micro.JobID, job *micro.Job, code micro.Code) (micro.Session, error) {
	s := &session{dev: d, buffers: map[string]*deviceBuffer{}}
	if err := s.open(ctx, job, code); err != nil {
		err = fmt.Errorf("open %s %s: %w", id.Benchmark, id.Point, err)
		return nil, deviceError(errors.Join(err, s.afterFailure(err)))
	}
	return s, nil
}

// afterFailure gives back what was taken; after a fault that fails too, which is no news.
func (s *session) afterFailure(cause error) error {
	err := s.Close()
	if errors.Is(deviceError(cause), micro.ErrFault) {
		return nil
	}
	return err
}

func (s *session) open(ctx context.Context, job *micro.Job, code micro.Code) error {
	module, err := s.dev.acquire(code.Image)
	if err != nil {
		return err
	}
	s.module = module
	for _, b := range job.Buffers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.addBuffer(b); err != nil {
			return fmt.Errorf("buffer %s: %w", b.Name, err)
		}
	}
	setup, err := s.prepareAll(job)
	if err != nil {
		return err
	}
	if err := s.named(job); err != nil {
		return err
	}
	if _, err := s.run(ctx, setup); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

func (s *session) prepareAll(job *micro.Job) (setup []preparedLaunch, err error) {
	if setup, err = s.prepare(job.Setup); err != nil {
		return nil, err
	}
	if s.verify, err = s.prepare(job.Verify); err != nil {
		return nil, err
	}
	s.round, err = s.prepare(job.Launches)
	return setup, err
}

// named finds the buffers that are read back.
func (s *session) named(job *micro.Job) error {
	var ok bool
	if s.samples, ok = s.buffers[job.Samples]; !ok && job.Samples != "" {
		return fmt.Errorf("the samples buffer %q is not one of the job's", job.Samples)
	}
	if s.samples != nil && s.samples.bytes%8 != 0 {
		return fmt.Errorf("the samples buffer %q has %d bytes, not whole 64-bit words", job.Samples, s.samples.bytes)
	}
	if s.result, ok = s.buffers[job.Result]; !ok && job.Result != "" {
		return fmt.Errorf("the result buffer %q is not one of the job's", job.Result)
	}
	return nil
}

func (s *session) addBuffer(b micro.Buffer) error {
	if _, twice := s.buffers[b.Name]; twice {
		return errors.New("the job has two of that name")
	}
	buffer := &deviceBuffer{bytes: b.Bytes}
	s.buffers[b.Name] = buffer
	if b.Bytes == 0 {
		return nil
	}
	addr, err := s.dev.alloc(b.Bytes)
	if err != nil {
		return s.dev.memoryError(err, b.Bytes)
	}
	buffer.addr = addr
	var data []byte
	if b.Data != nil {
		data = b.Data()
	}
	if uint64(len(data)) > b.Bytes {
		return fmt.Errorf("%d bytes of data for %d bytes", len(data), b.Bytes)
	}
	if rest := b.Bytes - uint64(len(data)); rest > 0 {
		if err := s.dev.gpu.Fill(addr+cuda.Ptr(len(data)), 0, rest); err != nil {
			return err
		}
	}
	return s.dev.gpu.Write(addr, data)
}

// memoryError says how much was asked and how much there is.
func (d *CUDA) memoryError(err error, asked uint64) error {
	if !errors.Is(err, cuda.ErrOutOfMemory) {
		return err
	}
	free, total, infoErr := d.gpu.MemInfo()
	if infoErr != nil {
		return err
	}
	const mib = 1 << 20
	return fmt.Errorf("%.1f MiB asked, %.1f MiB free of %.1f MiB: %w",
		float64(asked)/mib, float64(free)/mib, float64(total)/mib, err)
}

func (s *session) prepare(list []micro.Launch) ([]preparedLaunch, error) {
	out := make([]preparedLaunch, len(list))
	for i, l := range list {
		p, err := s.prepareOne(l)
		if err != nil {
			return nil, fmt.Errorf("launch of %s: %w", l.Kernel, err)
		}
		out[i] = p
	}
	return out, nil
}

func (s *session) prepareOne(l micro.Launch) (preparedLaunch, error) {
	if l.Transfer != nil {
		return s.prepareTransfer(*l.Transfer)
	}
	p := preparedLaunch{kernel: l.Kernel, carveout: l.Carveout, far: l.NonPortable}
	var err error
	if p.function, err = s.dev.function(s.module, l.Kernel); err != nil {
		return p, err
	}
	if p.shape.Grid, err = dimensions(l.Grid); err != nil {
		return p, fmt.Errorf("grid: %w", err)
	}
	if p.shape.Block, err = dimensions(l.Block); err != nil {
		return p, fmt.Errorf("block: %w", err)
	}
	if l.SharedBytes < 0 || l.SharedBytes > math.MaxInt32 {
		return p, fmt.Errorf("%d bytes of shared memory", l.SharedBytes)
	}
	p.shape.SharedBytes = uint32(l.SharedBytes)
	for i, a := range l.Args {
		raw, err := s.argument(a)
		if err != nil {
			return p, fmt.Errorf("argument %d: %w", i, err)
		}
		p.args = append(p.args, raw)
	}
	return p, nil
}

// prepareTransfer looks up the addresses of a copy or fill; the job is valid.
func (s *session) prepareTransfer(t micro.Transfer) (preparedLaunch, error) {
	to, from := s.buffers[t.To.Buffer], s.buffers[t.From.Buffer]
	if to == nil || from == nil && t.From.Buffer != "" {
		return preparedLaunch{}, fmt.Errorf("transfer from buffer %q to %q: it is not one of the job's", t.From.Buffer, t.To.Buffer)
	}
	dst := to.addr + cuda.Ptr(t.To.Offset)
	if from == nil {
		return preparedLaunch{kernel: "fill", transfer: func() error { return s.dev.gpu.Fill(dst, byte(t.From.Bits), t.Bytes) }}, nil
	}
	src := from.addr + cuda.Ptr(t.From.Offset)
	return preparedLaunch{kernel: "copy", transfer: func() error { return s.dev.gpu.Copy(dst, src, t.Bytes) }}, nil
}

// dimensions takes 0 for 1, as in an unset y and z.
func dimensions(v [3]int) (out [3]uint32, err error) {
	for i, n := range v {
		if n < 0 || n > math.MaxInt32 {
			return out, fmt.Errorf("%v is out of range", v)
		}
		out[i] = uint32(max(n, 1))
	}
	return out, nil
}

// argument is the little-endian bytes of one parameter.
func (s *session) argument(a micro.Arg) ([]byte, error) {
	bits := a.Bits
	if a.Buffer != "" {
		b, ok := s.buffers[a.Buffer]
		if !ok {
			return nil, fmt.Errorf("buffer %q is not one of the job's", a.Buffer)
		}
		if a.Offset > b.bytes {
			return nil, fmt.Errorf("offset %d is outside of buffer %q of %d bytes", a.Offset, a.Buffer, b.bytes)
		}
		bits = uint64(b.addr) + a.Offset
	}
	switch a.Size {
	case 4:
		if a.Buffer != "" || bits > math.MaxUint32 {
			return nil, fmt.Errorf("%#x does not fit into 4 bytes", bits)
		}
		return binary.LittleEndian.AppendUint32(nil, uint32(bits)), nil
	case 8:
		return binary.LittleEndian.AppendUint64(nil, bits), nil
	}
	return nil, fmt.Errorf("size %d is neither 4 nor 8", a.Size)
}

// launch starts the kernel, after setting the attributes that the last launch had otherwise.
func (p *preparedLaunch) launch() error {
	if p.transfer != nil {
		return p.transfer()
	}
	f := p.function
	if n := int(p.shape.SharedBytes); n > f.shared {
		if err := f.AllowShared(n); err != nil {
			return fmt.Errorf("allow %d bytes of shared memory: %w", n, err)
		}
		f.shared = n
	}
	if p.carveout != f.carveout {
		if err := f.PreferSharedCarveout(p.carveout - 1); err != nil {
			return fmt.Errorf("prefer a carve-out of %d %%: %w", p.carveout-1, err)
		}
		f.carveout = p.carveout
	}
	if p.far && !f.nonPortable {
		if err := f.AllowNonPortableCluster(); err != nil {
			return fmt.Errorf("allow clusters of more than 8: %w", err)
		}
		f.nonPortable = true
	}
	return f.Launch(p.shape, p.args)
}

// run launches all on the device's thread at once, and waits for them. It returns the
// device's time in nanoseconds.
func (s *session) run(ctx context.Context, list []preparedLaunch) (float64, error) {
	if s.closed {
		return 0, errors.New("the session is closed")
	}
	if err := ctx.Err(); err != nil || len(list) == 0 {
		return 0, err
	}
	took, err := s.dev.gpu.Elapsed(ctx, func() error {
		for i := range list {
			if err := list[i].launch(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", kernels(list), err)
	}
	return float64(took.Nanoseconds()), nil
}

// kernels names the kernels of the launches, for an error.
func kernels(list []preparedLaunch) string {
	if len(list) == 1 {
		return list[0].kernel
	}
	return fmt.Sprintf("%s and %d more launches", list[0].kernel, len(list)-1)
}

// Verify runs the job's Verify launches and returns the result buffer.
func (s *session) Verify(ctx context.Context) ([]byte, error) {
	if s.result == nil {
		return nil, errors.New("verify: the job names no result buffer")
	}
	if _, err := s.run(ctx, s.verify); err != nil {
		return nil, deviceError(fmt.Errorf("verify: %w", err))
	}
	out := make([]byte, s.result.bytes)
	if err := s.dev.gpu.Read(out, s.result.addr); err != nil {
		return nil, deviceError(fmt.Errorf("verify: read the result: %w", err))
	}
	return out, nil
}

// Run runs one round.
func (s *session) Run(ctx context.Context) (results.Reading, error) {
	if s.samples == nil {
		return results.Reading{}, errors.New("run: the job names no samples buffer")
	}
	elapsed, err := s.run(ctx, s.round)
	if err != nil {
		return results.Reading{}, deviceError(err)
	}
	sensors := s.dev.Sensors()
	raw := make([]byte, s.samples.bytes)
	if err := s.dev.gpu.Read(raw, s.samples.addr); err != nil {
		return results.Reading{}, deviceError(fmt.Errorf("read the samples: %w", err))
	}
	words := make([]uint64, len(raw)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return results.Reading{Samples: words, ElapsedNS: elapsed, Sensors: sensors}, nil
}

// Close frees the buffers and lets the module go. After a reset there is nothing to free.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.module == nil || s.lost() {
		return nil
	}
	var errs []error
	for _, b := range s.buffers {
		errs = append(errs, s.dev.release(b.addr, b.bytes))
	}
	errs = append(errs, s.dev.unload(s.module))
	return deviceError(errors.Join(errs...))
}

// lost says whether a reset has taken the session's memory: its addresses may be others' now.
func (s *session) lost() bool {
	s.dev.mu.Lock()
	defer s.dev.mu.Unlock()
	return s.dev.modules[s.module.key] != s.module
}
