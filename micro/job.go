package micro

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/gpubench/gpubench/ptx"
)

// Job is everything that a device needs to measure one point: pure data.
type Job struct {
	// Module holds the kernels.
	Module *ptx.Module
	// Buffers are the device allocations. The launches' arguments name them.
	Buffers []Buffer
	// Setup is launched once, untimed, after the buffers are filled.
	Setup []Launch
	// Verify, if set, is launched once after Setup; the buffer named by Result is
	// then read and given to Check.
	Verify []Launch
	// Launches is one round; after it the buffer named by Samples is read.
	Launches []Launch
	// Samples names the buffer of 64-bit words that each round fills.
	Samples string
	// Result names the buffer that Verify fills; keep it at 64 KiB at most.
	Result string
	// Check compares Result with the truth; nil means that nothing is checked.
	Check func(result []byte) error
	// CheckedBy says where Check's truth is from: "emulator" or "analytic".
	CheckedBy string
	// Expect is the proof to look for in the machine code.
	Expect Expect

	text string
}

// Judges of a result, for Job.CheckedBy.
const (
	ByEmulator = "emulator" // Job.Check may be nil: the runner runs Verify on the emulator
	ByAnalytic = "analytic"
)

// Buffer is one device allocation.
type Buffer struct {
	Name  string
	Bytes uint64
	// Data makes the initial content; nil means zeros. It must be deterministic.
	Data func() []byte
	// Tag names the content of Data for the job's hash ("permutation seed=1 n=4096").
	Tag string
}

// Launch is one kernel launch, or a transfer by the driver.
type Launch struct {
	// Transfer, if set, is done in place of a kernel; all other fields are then unused.
	Transfer    *Transfer
	Kernel      string
	Grid, Block [3]int
	// SharedBytes is the dynamic shared memory.
	SharedBytes int
	// Carveout is the preferred shared-memory carve-out in percent, plus one; 0 leaves the default.
	Carveout int
	// NonPortable allows clusters of more than 8 CTAs.
	NonPortable bool
	Args        []Arg
}

// Transfer is a copy or a fill of device memory by the driver's own means, in
// order with the launches.
type Transfer struct {
	To Arg
	// From is a buffer's address, or, without a buffer, the byte to fill with.
	From  Arg
	Bytes uint64
}

// Arg is one kernel argument: the address of a buffer, or plain bits.
type Arg struct {
	Buffer string
	Offset uint64
	Bits   uint64
	Size   int // bytes: 4 or 8
}

// Ptr is the address of a buffer plus an offset in bytes.
func Ptr(buffer string, offset uint64) Arg { return Arg{Buffer: buffer, Offset: offset, Size: 8} }

// U32 is a 32-bit argument.
func U32(v uint32) Arg { return Arg{Bits: uint64(v), Size: 4} }

// U64 is a 64-bit argument.
func U64(v uint64) Arg { return Arg{Bits: v, Size: 8} }

// Dim is a one-dimensional launch shape.
func Dim(x int) [3]int { return [3]int{x, 1, 1} }

// Expect describes what the machine code must show between the clock reads.
type Expect struct {
	// Kernel is the timed kernel's name.
	Kernel string
	// Instruction is a pattern of package sass ("HMMA.16816"); empty asks for no
	// proof by machine code.
	Instruction string
	// Emulated is the pattern to look for where Instruction is absent because the
	// GPU has no such instruction; it marks the row emulated.
	Emulated string
	// Sections lists how many target instructions stand between each pair of
	// clock reads, in order: the chain lengths of a latency kernel, or the loop
	// body's count of a throughput kernel. A zero entry is not checked.
	Sections []int
	// PerStep is how many machine instructions one PTX instruction may become
	// (two for a 64-bit add); 0 means 1.
	PerStep int
}

// Text is the module's PTX, built once.
func (j *Job) Text() (string, error) {
	if j.text == "" {
		text, err := j.Module.Build()
		if err != nil {
			return "", err
		}
		j.text = text
	}
	return j.text, nil
}

// KernelHash identifies the PTX text.
func (j *Job) KernelHash() (string, error) {
	text, err := j.Text()
	if err != nil {
		return "", err
	}
	return HashText(text), nil
}

// HashText is the content hash of a PTX text: the first 16 hex digits of its SHA-256.
func HashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Hash identifies kernel, data and launches: the key of a recorded run.
func (j *Job) Hash() (string, error) {
	text, err := j.Text()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", text, j.Samples, j.Result)
	for _, b := range j.Buffers {
		fmt.Fprintf(h, "buffer %s %d %q\n", b.Name, b.Bytes, b.Tag)
	}
	for _, list := range [][]Launch{j.Setup, j.Verify, j.Launches} {
		hashLaunches(h, list)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

func hashLaunches(h hash.Hash, list []Launch) {
	fmt.Fprintf(h, "launches %d\n", len(list))
	for _, l := range list {
		if t := l.Transfer; t != nil {
			fmt.Fprintf(h, "transfer %v %v %d\n", t.To, t.From, t.Bytes)
			continue
		}
		fmt.Fprintf(h, "%s %v %v %d %d %t\n", l.Kernel, l.Grid, l.Block, l.SharedBytes, l.Carveout, l.NonPortable)
		for _, a := range l.Args {
			fmt.Fprintf(h, "%s %d %d\n", a.Buffer, a.Offset, a.Size)
			_ = binary.Write(h, binary.LittleEndian, a.Bits) // a hash never fails
		}
	}
}

// Valid finds what no device could run: a kernel, buffer or size that is not there.
func (j *Job) Valid() error {
	if j.Module == nil || len(j.Launches) == 0 {
		return errors.New("it has no kernels or no launches")
	}
	if _, ok := j.buffer(j.Samples); !ok {
		return fmt.Errorf("no buffer is named %q, for the samples", j.Samples)
	}
	if _, ok := j.buffer(j.Result); !ok && len(j.Verify) > 0 {
		return fmt.Errorf("no buffer is named %q, for the result", j.Result)
	}
	for _, l := range slices.Concat(j.Setup, j.Verify, j.Launches) {
		if l.Transfer != nil {
			if err := j.validTransfer(*l.Transfer); err != nil {
				return err
			}
			continue
		}
		if err := j.validLaunch(l); err != nil {
			return fmt.Errorf("launch of %s: %w", l.Kernel, err)
		}
	}
	return nil
}

func (j *Job) validLaunch(l Launch) error {
	if !slices.ContainsFunc(j.Module.Kernels(), func(k *ptx.Kernel) bool { return k.Name == l.Kernel }) {
		return errors.New("the module has no such kernel")
	}
	for _, a := range l.Args {
		if a.Buffer == "" {
			continue
		}
		if b, ok := j.buffer(a.Buffer); !ok || a.Offset >= b.Bytes {
			return fmt.Errorf("argument %s+%d lies in no buffer", a.Buffer, a.Offset)
		}
	}
	return nil
}

func (j *Job) validTransfer(t Transfer) error {
	for _, a := range []Arg{t.To, t.From} {
		b, ok := j.buffer(a.Buffer)
		if filling := a == t.From && a.Buffer == ""; !filling && (!ok || a.Offset+t.Bytes > b.Bytes) {
			return fmt.Errorf("transfer of %d bytes: %q+%d lies in no buffer", t.Bytes, a.Buffer, a.Offset)
		}
	}
	return nil
}

// buffer finds a buffer by name.
func (j *Job) buffer(name string) (Buffer, bool) {
	for _, b := range j.Buffers {
		if b.Name == name {
			return b, true
		}
	}
	return Buffer{}, false
}

// Footprint is the device memory that the job allocates, in bytes.
func (j *Job) Footprint() uint64 {
	var n uint64
	for _, b := range j.Buffers {
		n += b.Bytes
	}
	return n
}
