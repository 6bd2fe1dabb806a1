package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
)

// names are those of a machine with one GPU; without any, "gpu 0" is missing.
var names = []string{
	"gpu support in this program", "device files", "driver", "driver new enough", "gpus", "gpu 0", "chosen gpu", "nvml",
	"sensor: sm clock", "sensor: memory clock", "sensor: power", "sensor: temperature", "sensor: energy counter", "sensor: throttle reasons",
	"gpu opens", "compiler", "launch", "clusters", "bulk copies (TMA)", "fp8 mma", "wgmma", "tensor maps (TMA)",
	"compiler runs in parallel", "kernel cache",
}

func look(t *testing.T, m *fakeMachine) map[string]Finding {
	t.Helper()
	return byName(t, examine(t.Context(), Options{CacheDir: "/cache", Timeout: time.Second}, m))
}

func byName(t *testing.T, list []Finding) map[string]Finding {
	t.Helper()
	all := map[string]Finding{}
	for _, f := range list {
		assert.NotContains(t, all, f.Name, "asked twice")
		assert.NotEmpty(t, f.Reason, f.Name)
		assert.Contains(t, []Answer{Yes, No, Unknown}, f.Answer, f.Name)
		all[f.Name] = f
	}
	for _, n := range names {
		if n != "gpu 0" {
			assert.Contains(t, all, n)
		}
	}
	return all
}

func TestHealthy(t *testing.T) {
	m := healthy()
	list := examine(t.Context(), Options{CacheDir: "/cache"}, m)
	var got []string
	for _, f := range list {
		got = append(got, f.Name)
		if f.Name != "compiler runs in parallel" { // this fake's takes no time
			assert.Equal(t, Yes, f.Answer, "%v", f)
		}
	}
	assert.Equal(t, names, got)
	assert.Equal(t, 1, m.dev.closed)
	assert.Zero(t, m.dev.sessions)
	assert.Zero(t, m.dev.resets)
}

// TestBroken breaks one thing each and says which answers that changes.
func TestBroken(t *testing.T) {
	fault := &faulty{"illegal address"}
	for _, c := range []struct {
		name string
		edit func(*fakeMachine)
		want map[string]Finding // answers and a part of their reasons
	}{
		{"not built", func(m *fakeMachine) { m.notBuilt = true }, map[string]Finding{
			"gpu support in this program": {Answer: No, Reason: "without the tag cuda"},
			"device files":                {Answer: Yes},
			"driver":                      {Answer: Unknown, Reason: `not tried: see "gpu support in this program"`},
			"wgmma":                       {Answer: Unknown, Reason: `not tried: see "gpu support in this program"`},
			"kernel cache":                {Answer: Yes},
		}},
		{"no driver", func(m *fakeMachine) { m.noDriver, m.files = cuda.ErrNoDriver, nil }, map[string]Finding{
			"device files":         {Answer: No, Reason: "no /dev/nvidiactl"},
			"driver":               {Answer: No, Reason: "no usable NVIDIA driver"},
			"gpus":                 {Answer: Unknown},
			"chosen gpu":           {Answer: Unknown},
			"sensor: power":        {Answer: Unknown},
			"bulk copies (TMA)":    {Answer: Unknown, Reason: `see "driver"`},
			"tensor maps (TMA)":    {Answer: Unknown},
			"sensor: memory clock": {Answer: Unknown},
		}},
		{"old driver", func(m *fakeMachine) { m.version = 11080 }, map[string]Finding{
			"driver":            {Answer: Yes},
			"driver new enough": {Answer: No, Reason: "11.8"},
			"launch":            {Answer: Unknown, Reason: `see "driver new enough"`},
		}},
		{"no gpu", func(m *fakeMachine) { m.gpus, m.env = nil, "-1" }, map[string]Finding{
			"gpus":       {Answer: No, Reason: "none (CUDA_VISIBLE_DEVICES=-1)"},
			"chosen gpu": {Answer: Unknown},
			"launch":     {Answer: Unknown},
		}},
		{"gpus cannot be listed", func(m *fakeMachine) { m.gpusErr = errors.New("broken") }, map[string]Finding{
			"gpus": {Answer: Unknown, Reason: "broken"},
		}},
		{"old gpu", func(m *fakeMachine) { m.gpus[0].Major, m.gpus[0].Minor = 7, 5 }, map[string]Finding{
			"gpu 0":  {Answer: No, Reason: "compute capability 7.5"},
			"launch": {Answer: No, Reason: "needs sm_80, and the GPU is sm_75"},
		}},
		{"prohibited", func(m *fakeMachine) { m.gpus[0].ComputeMode = 2 }, map[string]Finding{
			"gpu 0": {Answer: No, Reason: "prohibits"},
		}},
		{"ada", func(m *fakeMachine) { m.gpus[0].Major, m.gpus[0].Minor, m.gpus[0].TensorMap = 8, 9, false }, map[string]Finding{
			"fp8 mma":           {Answer: Yes},
			"clusters":          {Answer: No, Reason: "needs sm_90, and the GPU is sm_89"},
			"wgmma":             {Answer: No, Reason: "needs sm_90a"},
			"tensor maps (TMA)": {Answer: No},
		}},
		{"blackwell", func(m *fakeMachine) { m.gpus[0].Major = 10 }, map[string]Finding{
			"clusters": {Answer: Yes},
			"wgmma":    {Answer: No, Reason: "needs sm_90a, and the GPU is sm_100a"},
		}},
		{"no permission", func(m *fakeMachine) { m.files[2].err = os.ErrPermission }, map[string]Finding{
			"device files": {Answer: No, Reason: "/dev/nvidia0: permission denied"},
		}},
		{"no uvm file", func(m *fakeMachine) { m.files = m.files[:1] }, map[string]Finding{
			"device files": {Answer: Unknown, Reason: "no /dev/nvidia-uvm"},
		}},
		{"another system", func(m *fakeMachine) { m.otherOS = true }, map[string]Finding{
			"device files": {Answer: Unknown},
		}},
		{"no nvml", func(m *fakeMachine) { m.sensorsErr = nvml.ErrNotKnown }, map[string]Finding{
			"nvml":          {Answer: No},
			"sensor: power": {Answer: Unknown, Reason: "sensors not known"},
			"launch":        {Answer: Yes},
		}},
		{"few sensors", func(m *fakeMachine) { m.reading = nvml.Reading{Throttle: []string{"hw_thermal"}} }, map[string]Finding{
			"nvml":                     {Answer: Yes},
			"sensor: energy counter":   {Answer: No},
			"sensor: throttle reasons": {Answer: Yes, Reason: "hw_thermal"},
		}},
		{"throttle not known", func(m *fakeMachine) { m.reading.Throttle = nil }, map[string]Finding{
			"sensor: throttle reasons": {Answer: No},
		}},
		{"does not open", func(m *fakeMachine) { m.openErr = errors.New("exclusive") }, map[string]Finding{
			"gpu opens": {Answer: No, Reason: "exclusive"},
			"compiler":  {Answer: Unknown, Reason: `see "gpu opens"`},
			"wgmma":     {Answer: Unknown},
		}},
		{"no compiler", func(m *fakeMachine) { m.dev.compileErr["probe"] = errors.New("no JIT") }, map[string]Finding{
			"compiler": {Answer: No, Reason: "no JIT"},
			"launch":   {Answer: Unknown, Reason: `see "compiler"`},
		}},
		{"one kernel refused", func(m *fakeMachine) { m.dev.compileErr["fp8 mma"] = errors.New("PTX 8.4") }, map[string]Finding{
			"fp8 mma": {Answer: No, Reason: "PTX 8.4"},
			"wgmma":   {Answer: Yes},
		}},
		{"wrong number", func(m *fakeMachine) { m.dev.answers["wgmma"] = 3 }, map[string]Finding{
			"wgmma":    {Answer: No, Reason: "gave 3 instead of 16"},
			"clusters": {Answer: Yes},
		}},
		{"fault", func(m *fakeMachine) { m.dev.runErr["clusters"] = fault }, map[string]Finding{
			"clusters": {Answer: No, Reason: "illegal address"},
			"wgmma":    {Answer: Yes},
		}},
		{"fault for good", func(m *fakeMachine) {
			m.dev.runErr["clusters"], m.dev.resetErr = fault, errors.New("still running")
		}, map[string]Finding{
			"launch":   {Answer: Yes},
			"clusters": {Answer: No, Reason: "illegal address"},
			"wgmma":    {Answer: Unknown, Reason: "did not come back after a fault: still running"},
		}},
		{"slow compiler", func(m *fakeMachine) { m.dev.compileErr["wgmma"] = context.DeadlineExceeded }, map[string]Finding{
			"wgmma": {Answer: Unknown},
		}},
		{"cache", func(m *fakeMachine) { m.cacheErr = os.ErrPermission }, map[string]Finding{
			"kernel cache": {Answer: No, Reason: "permission"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := healthy()
			c.edit(m)
			all := look(t, m)
			for name, want := range c.want {
				assert.Equal(t, want.Answer, all[name].Answer, "%v", all[name])
				assert.Contains(t, all[name].Reason, want.Reason, name)
			}
			assert.Zero(t, m.dev.sessions, "sessions left open")
			if m.opened > 0 && m.openErr == nil {
				assert.Equal(t, 1, m.dev.closed)
			}
		})
	}
}

type faulty struct{ text string }

func (f *faulty) Error() string        { return f.text }
func (f *faulty) Is(target error) bool { return target == micro.ErrFault }

func TestChosenGPU(t *testing.T) {
	m := healthy()
	m.gpus = append(m.gpus, cuda.Attributes{Index: 1, Name: "L4", Major: 8, Minor: 9})
	all := byName(t, examine(t.Context(), Options{GPU: 1}, m))
	assert.Equal(t, Yes, all["gpu 0"].Answer)
	assert.Equal(t, "1, L4", all["chosen gpu"].Reason)
	assert.Equal(t, No, all["wgmma"].Answer)
	assert.Equal(t, No, all["kernel cache"].Answer, "no directory")
	for _, index := range []int{-1, 2} {
		all = byName(t, examine(t.Context(), Options{GPU: index}, m))
		assert.Equal(t, No, all["chosen gpu"].Answer)
		assert.Contains(t, all["chosen gpu"].Reason, "the indices are 0 to 1")
		assert.Equal(t, Unknown, all["wgmma"].Answer)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := healthy()
	all := byName(t, examine(ctx, Options{}, m))
	assert.Equal(t, Unknown, all["wgmma"].Answer)
	assert.Contains(t, all["wgmma"].Reason, "canceled")
	assert.Zero(t, m.opened)
}

func TestParallelCompiler(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one core")
	}
	m := healthy()
	m.dev.compile = 50 * time.Millisecond
	assert.Equal(t, Yes, look(t, m)["compiler runs in parallel"].Answer)
	m.dev.lock = &sync.Mutex{}
	assert.Equal(t, No, look(t, m)["compiler runs in parallel"].Answer)
}

// TestKernelsAssemble: the trials' kernels are right for every target that they claim.
func TestKernelsAssemble(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for _, c := range trials() {
		t.Run(c.name, func(t *testing.T) {
			assert.Contains(t, c.text, ".target "+c.target.String()+"\n")
			_, err := ptxas.Assemble(t.Context(), c.text, c.target.String())
			assert.NoError(t, err)
		})
	}
	_, err := ptxas.Assemble(t.Context(), longText(3), "sm_90")
	assert.NoError(t, err)
	assert.NotEqual(t, longText(1), longText(2))
}

// TestRun asks this machine, whatever it is.
func TestRun(t *testing.T) {
	list := Run(t.Context(), Options{CacheDir: t.TempDir()})
	byName(t, list)
	for _, f := range list {
		t.Logf("%-28s %-10s %s", f.Name, f.Answer, f.Reason)
	}
	text, err := json.Marshal(list[:1])
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), `[{"name":"gpu support in this program","answer":"`), "%s", text)
}
