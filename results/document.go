// Package results holds what gpubench measured: the versioned document, its
// store, statistics, comparison, tables, plots and reports. Every table and
// picture is drawn from a Document, never from live state.
package results

import "time"

// SchemaVersion is the version of the document that this package writes. A
// reader refuses a newer one and says so.
const SchemaVersion = 1

// Document is one run of gpubench: where, how, and every row with its raw samples.
type Document struct {
	Schema    int       `json:"schema"`
	Tool      Tool      `json:"tool"`
	Command   []string  `json:"command"`
	Suite     string    `json:"suite"`
	Seed      uint64    `json:"seed"`
	Started   time.Time `json:"started"`
	Finished  time.Time `json:"finished"`
	State     State     `json:"state"`
	Backend   string    `json:"backend"` // cuda, replay, emulator, host
	Recording *Origin   `json:"recording,omitempty"`
	Device    Device    `json:"device"`
	Host      Host      `json:"host"`
	Phases    []Phase   `json:"phases"`
	Compile   Compile   `json:"compile"`
	Canary    []Canary  `json:"canary,omitempty"`
	Telemetry []Sensors `json:"telemetry,omitempty"`
	Rows      []Row     `json:"rows"`
	Series    []Series  `json:"series,omitempty"`
	Grids     []Grid    `json:"grids,omitempty"`
	Kernels   []Kernel  `json:"kernels,omitempty"`
	Raw       []Raw     `json:"raw,omitempty"`
	// Benchmarks says in words what each benchmark of the run asks and how.
	Benchmarks []BenchmarkInfo `json:"benchmarks,omitempty"`
}

// BenchmarkInfo is what a report says about a benchmark beside its numbers.
type BenchmarkInfo struct {
	Name       string   `json:"name"`
	Question   string   `json:"question,omitempty"`
	Method     string   `json:"method,omitempty"`
	Source     string   `json:"source,omitempty"`
	Experiment string   `json:"experiment,omitempty"` // "E8"
	Units      []string `json:"units,omitempty"`
}

// State says how a run ended.
type State string

// States of a document.
const (
	Complete    State = "complete"
	Interrupted State = "interrupted"
)

// Tool is the program that wrote the document.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// Origin tells that the samples were replayed, and from what.
type Origin struct {
	Name     string    `json:"name"`
	Recorded time.Time `json:"recorded"`
	Tool     Tool      `json:"tool"`
	// Stale counts the points whose kernel changed since the recording.
	Stale int `json:"stale"`
}

// Device is the GPU that was measured, as the driver and NVML describe it. Where only the
// host was measured, it has the processor's name and memory and nothing else.
type Device struct {
	Index             int     `json:"index"`
	Name              string  `json:"name"`
	UUID              string  `json:"uuid,omitempty"`
	ComputeCapability string  `json:"compute_capability"` // "9.0"
	Target            string  `json:"target"`             // "sm_90a"
	SMs               int     `json:"sms"`
	L2Bytes           int     `json:"l2_bytes"`
	SharedPerSM       int     `json:"shared_per_sm_bytes"`
	SharedPerBlock    int     `json:"shared_per_block_bytes"` // opt-in maximum
	MemoryBytes       uint64  `json:"memory_bytes"`
	FreeBytes         uint64  `json:"free_bytes"`
	MaxClockMHz       float64 `json:"max_sm_clock_mhz"`
	MemClockMHz       float64 `json:"max_memory_clock_mhz"`
	MemBusBits        int     `json:"memory_bus_bits"`
	Driver            string  `json:"driver,omitempty"` // "580.159.03"
	DriverAPI         string  `json:"driver_api"`       // "13.0"
	VBIOS             string  `json:"vbios,omitempty"`
	PowerLimitW       float64 `json:"power_limit_w,omitempty"`
	ECC               *bool   `json:"ecc,omitempty"`
}

// Host is the machine around the GPU; it carries no name that identifies it.
type Host struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	CPUs   int    `json:"cpus"`
	Kernel string `json:"kernel,omitempty"`
	// CPU describes the processor, where its memory was measured.
	CPU *CPU `json:"cpu,omitempty"`
}

// CPU is the host's processor and memory, as the system describes them.
type CPU struct {
	Model string `json:"model"`
	// Allowed are the CPUs that this process may use (affinity mask), and Quota how many
	// of them at once (control group); a Quota of 0 is no limit.
	Allowed []int   `json:"allowed,omitempty"`
	Quota   float64 `json:"quota,omitempty"`
	// Features are the vector extensions that kernels are chosen by: "avx2", "avx512f".
	Features []string `json:"features,omitempty"`
	// L2Bytes and CacheBytes sum up the second-level and the last-level caches of the allowed CPUs.
	L2Bytes    uint64 `json:"l2_bytes,omitempty"`
	CacheBytes uint64 `json:"cache_bytes,omitempty"`
	// MemoryBytes is what the system or the control group has, whichever is less, and
	// FreeBytes what of it can be had.
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
	FreeBytes   uint64 `json:"free_bytes,omitempty"`
	// HugePages is the system's mode of transparent huge pages: "always", "madvise", "never".
	HugePages string `json:"huge_pages,omitempty"`
	Nodes     []Node `json:"numa_nodes,omitempty"`
}

// Node is a NUMA node.
type Node struct {
	ID          int    `json:"id"`
	CPUs        []int  `json:"cpus,omitempty"`
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
}

// Phase is the wall time of one part of the run.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Compile sums up what the driver's compiler did.
type Compile struct {
	Modules int `json:"modules"`
	// Cached modules came from gpubench's own cubin cache.
	Cached      int     `json:"cached"`
	WallSeconds float64 `json:"wall_seconds"`
	CPUSeconds  float64 `json:"cpu_seconds"` // sum over modules
	Slowest     string  `json:"slowest,omitempty"`
	SlowestSecs float64 `json:"slowest_seconds,omitempty"`
}

// Canary is one reading of the reference configuration that is measured at the
// start, in the middle and at the end of a run; its drift is the run's drift.
type Canary struct {
	When  time.Time `json:"when"`
	Name  string    `json:"name"`
	Value float64   `json:"value"`
	Unit  string    `json:"unit"`
}

// Sensors is one reading of the card's own sensors. A nil field is not known.
type Sensors struct {
	When         time.Time `json:"when"`
	SMClockMHz   *float64  `json:"sm_clock_mhz,omitempty"`
	MemClockMHz  *float64  `json:"memory_clock_mhz,omitempty"`
	PowerW       *float64  `json:"power_w,omitempty"`
	TemperatureC *float64  `json:"temperature_c,omitempty"`
	EnergyJ      *float64  `json:"energy_j,omitempty"`
	// Throttle lists the reasons in force, empty for none; nil is not known.
	Throttle []string `json:"throttle,omitempty"`
}

// Status is what became of a row.
type Status string

// Statuses of a row; all but OK come with a Reason.
const (
	OK          Status = "ok"
	Unsupported Status = "unsupported"
	Skipped     Status = "skipped"
	Throttled   Status = "throttled"
	Implausible Status = "implausible"
	Failed      Status = "error"
	// Flagged rows hold a number that passed the gates but is surprising
	// (not saturated, a latency off its integer); the reason says how.
	Flagged Status = "flagged"
)

// Point is a measured configuration: names and values in a fixed order.
type Point []Param

// Param is one coordinate of a point.
type Param struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// Row is one measured number with everything that is needed to trust it.
type Row struct {
	Benchmark string `json:"benchmark"` // "tensor/mma"
	Point     Point  `json:"point,omitempty"`
	// Metric is the quantity: "latency", "issue interval", "throughput", "bandwidth".
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"` // see docs: cycles, op/cycle/SM, Top/s, GB/s, B/cycle/SM, ns
	// Interval is the order-statistic interval at Confidence; nil where there is none.
	Interval   *[2]float64 `json:"interval,omitempty"`
	Confidence float64     `json:"confidence,omitempty"`
	Stats      *Stats      `json:"stats,omitempty"`
	// HigherIsBetter orients comparisons.
	HigherIsBetter bool   `json:"higher_is_better"`
	Status         Status `json:"status"`
	Reason         string `json:"reason,omitempty"`
	// ClockMHz is the SM clock measured inside the samples (cycles over
	// nanoseconds), or what the sensors said where the kernel is too short; see ClockFrom.
	ClockMHz     float64  `json:"clock_mhz,omitempty"`
	ClockFrom    string   `json:"clock_from,omitempty"` // "kernel" or "nvml"
	PowerW       *float64 `json:"power_w,omitempty"`
	TemperatureC *float64 `json:"temperature_c,omitempty"`
	Throttle     []string `json:"throttle,omitempty"`
	Proof        Proof    `json:"proof"`
	Correct      Check    `json:"correct"`
	Peak         *Peak    `json:"peak,omitempty"`
	// Band is where a plausible value lies; outside it the row is flagged.
	Band        *[2]float64 `json:"band,omitempty"`
	KernelHash  string      `json:"kernel,omitempty"`
	Published   []Published `json:"published,omitempty"`
	Annotations []string    `json:"annotations,omitempty"`
}

// ProofKind is how it was shown that the target instruction ran.
type ProofKind string

// Kinds of proof, best first.
const (
	ProofSASS    ProofKind = "sass"    // counted in the machine code between the clock reads
	ProofScaling ProofKind = "scaling" // doubling the work doubled the time
	ProofNone    ProofKind = "none"
)

// Proof says which machine instruction was measured and how that is known.
type Proof struct {
	Kind        ProofKind `json:"kind"`
	Instruction string    `json:"instruction,omitempty"` // "HGMMA.64x256x16.F32"
	// Count is the number of target instructions found between the clock reads.
	Count  int    `json:"count,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Emulated is set where the machine has no instruction for the whole work.
	Emulated bool `json:"emulated,omitempty"`
}

// Check says how the kernel's output was checked.
type Check struct {
	By     string `json:"by"` // "emulator", "analytic", "none"
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Peak is the theoretical peak at the measured clock.
type Peak struct {
	Value   float64 `json:"value"`
	Percent float64 `json:"percent"`
	From    string  `json:"from"` // how the peak was derived
}

// Published is a figure that other people published for the same thing.
type Published struct {
	GPU    string  `json:"gpu"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Source string  `json:"source"`
	// Secondary figures were read in somebody's transcription.
	Secondary bool   `json:"secondary,omitempty"`
	Note      string `json:"note,omitempty"`
}

// Stats summarises samples: order statistics, never a bare mean.
type Stats struct {
	N        int     `json:"n"`
	Min      float64 `json:"min"`
	Q1       float64 `json:"q1"`
	Median   float64 `json:"median"`
	Q3       float64 `json:"q3"`
	Max      float64 `json:"max"`
	MAD      float64 `json:"mad"` // median absolute deviation, unscaled
	Outliers int     `json:"outliers,omitempty"`
}

// Series is a curve for a plot: latency against footprint, throughput by N.
type Series struct {
	Benchmark string `json:"benchmark"`
	Name      string `json:"name"`  // legend, "SS, zeros"
	Group     string `json:"group"` // curves of one group share a picture
	X         Axis   `json:"x"`
	Y         Axis   `json:"y"`
	XY        []XY   `json:"xy"`
	// Marks are x positions to point out, such as knees.
	Marks []Mark `json:"marks,omitempty"`
}

// Axis is a plot's axis.
type Axis struct {
	Label string `json:"label"`
	Unit  string `json:"unit,omitempty"`
	Log   bool   `json:"log,omitempty"`
}

// XY is one point of a curve, with its interval in y where known.
type XY struct {
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	Low  float64 `json:"lo,omitempty"`
	High float64 `json:"hi,omitempty"`
}

// Mark is a position on a curve with a bracket.
type Mark struct {
	X     float64 `json:"x"`
	Low   float64 `json:"lo,omitempty"`
	High  float64 `json:"hi,omitempty"`
	Label string  `json:"label"`
}

// Grid is a matrix for a heat map: SM pairs, warps by chains. Missing cells are null.
type Grid struct {
	Benchmark string       `json:"benchmark"`
	Name      string       `json:"name"`
	X         Axis         `json:"x"`
	Y         Axis         `json:"y"`
	Z         Axis         `json:"z"`
	XLabels   []string     `json:"x_labels"`
	YLabels   []string     `json:"y_labels"`
	Cells     [][]*float64 `json:"cells"` // [y][x]
}

// Kernel is one compiled module of the run.
type Kernel struct {
	Hash      string  `json:"hash"` // of the PTX text
	Benchmark string  `json:"benchmark"`
	Target    string  `json:"target"`
	PTXBytes  int     `json:"ptx_bytes"`
	CubinHash string  `json:"cubin_hash,omitempty"`
	Registers int     `json:"registers,omitempty"`
	Seconds   float64 `json:"compile_seconds"`
	Cached    bool    `json:"cached,omitempty"`
	// Warnings are the compiler's, such as a wgmma that was serialised.
	Warnings []string `json:"warnings,omitempty"`
	// Code is what the PTX became, one entry a kernel; empty if it could not be read.
	Code []MachineCode `json:"code,omitempty"`
}

// MachineCode is what one kernel became.
type MachineCode struct {
	Kernel    string `json:"kernel"`
	Registers int    `json:"registers,omitempty"`
	// Sections are the stretches between one clock read and the next, in order.
	Sections []Section `json:"sections,omitempty"`
}

// Section counts the machine instructions of a stretch of code, in the order of
// their first appearance.
type Section []InstructionCount

// InstructionCount is how often one instruction stands in a stretch of code.
type InstructionCount struct {
	Mnemonic string `json:"m"`
	Count    int    `json:"n"`
}

// Raw holds the samples of one point as the device returned them, one entry a round.
type Raw struct {
	Benchmark string    `json:"benchmark"`
	Point     Point     `json:"point,omitempty"`
	Job       string    `json:"job"`    // hash of kernel, data and launches: the key of a replay
	Kernel    string    `json:"kernel"` // hash of the PTX text
	Rounds    []Reading `json:"rounds,omitempty"`
	Error     string    `json:"error,omitempty"`
	// Fault says that the error took the device with it: a run that goes on does
	// not try the point again.
	Fault bool `json:"fault,omitempty"`
}

// Reading is one round of one point.
type Reading struct {
	// Samples are the kernel's own 64-bit words: clock differences, or start
	// and stop times; the benchmark knows their layout.
	Samples []uint64 `json:"samples"`
	// Result is the output that is checked; kept for the first round only.
	Result    []byte  `json:"result,omitempty"`
	ElapsedNS float64 `json:"elapsed_ns,omitempty"` // device events around the launches
	Sensors   Sensors `json:"sensors"`
}

// Key is the point as one string, "shape=m16n8k16 type=f16".
func (p Point) Key() string {
	var b []byte
	for i, kv := range p {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(append(append(b, kv.Key...), '='), kv.Value...)
	}
	return string(b)
}

// Get returns the value of a key, empty if absent.
func (p Point) Get(key string) string {
	for _, kv := range p {
		if kv.Key == key {
			return kv.Value
		}
	}
	return ""
}

// P makes a point from alternating keys and values.
func P(kv ...string) Point {
	p := make(Point, 0, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		p = append(p, Param{kv[i], kv[i+1]})
	}
	return p
}

// ID names the row within its document: benchmark, point and metric.
func (r Row) ID() string { return r.Benchmark + "{" + r.Point.Key() + "} " + r.Metric }
