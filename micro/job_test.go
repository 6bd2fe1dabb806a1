package micro_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// newJob stores a number; change alters it before it is used.
func newJob(change func(*micro.Job)) *micro.Job {
	m := ptx.NewModule(isa.New(), isa.SM80)
	k := m.Kernel("k")
	out, x := k.Param("out", ptx.B64), k.Reg(ptx.B32)
	k.I("mov.u32", x, ptx.Int(7))
	k.I("st.global.u32", ptx.At(out, 0), x)
	k.I("ret")
	j := &micro.Job{
		Module:   m,
		Buffers:  []micro.Buffer{{Name: "out", Bytes: 64, Tag: "a"}},
		Launches: []micro.Launch{{Kernel: "k", Grid: micro.Dim(1), Block: micro.Dim(1), Args: []micro.Arg{micro.Ptr("out", 8)}}},
		Samples:  "out",
	}
	if change != nil {
		change(j)
	}
	return j
}

// fill is a transfer that fills bytes of "out" with ones.
func fill(bytes uint64) micro.Launch {
	return micro.Launch{Transfer: &micro.Transfer{To: micro.Ptr("out", 0), From: micro.Arg{Bits: 1}, Bytes: bytes}}
}

func TestHashCoversWhatIsMeasured(t *testing.T) {
	plain, err := newJob(nil).Hash()
	require.NoError(t, err)
	again, err := newJob(nil).Hash()
	require.NoError(t, err)
	assert.Equal(t, plain, again)

	seen := map[string]string{plain: "plain"}
	for name, change := range map[string]func(*micro.Job){
		"data":      func(j *micro.Job) { j.Buffers[0].Tag = "b" },
		"size":      func(j *micro.Job) { j.Buffers[0].Bytes = 128 },
		"grid":      func(j *micro.Job) { j.Launches[0].Grid = micro.Dim(2) },
		"shared":    func(j *micro.Job) { j.Launches[0].SharedBytes = 4 },
		"carve-out": func(j *micro.Job) { j.Launches[0].Carveout = 51 },
		"cluster":   func(j *micro.Job) { j.Launches[0].NonPortable = true },
		"offset":    func(j *micro.Job) { j.Launches[0].Args[0].Offset = 16 },
		"argument":  func(j *micro.Job) { j.Launches[0].Args[0] = micro.U64(8) },
		"width":     func(j *micro.Job) { j.Launches[0].Args[0] = micro.U32(8) },
		"setup":     func(j *micro.Job) { j.Setup = j.Launches },
		"verify":    func(j *micro.Job) { j.Verify, j.Result = j.Launches, "out" },
		"twice":     func(j *micro.Job) { j.Launches = append(j.Launches, j.Launches[0]) },
		"fill":      func(j *micro.Job) { j.Launches = append(j.Launches, fill(8)) },
		"more":      func(j *micro.Job) { j.Launches = append(j.Launches, fill(16)) },
	} {
		hash, err := newJob(change).Hash()
		require.NoError(t, err)
		assert.Empty(t, seen[hash], "%s makes no difference", name)
		seen[hash] = name
	}
}

func TestKernelHashIsThatOfTheText(t *testing.T) {
	j := newJob(func(j *micro.Job) { j.Buffers[0].Tag = "b" })
	text, err := j.Text()
	require.NoError(t, err)
	hash, err := j.KernelHash()
	require.NoError(t, err)
	assert.Equal(t, micro.HashText(text), hash)
	other, err := newJob(nil).KernelHash()
	require.NoError(t, err)
	assert.Equal(t, other, hash, "data is no part of the kernel")
}

func TestValid(t *testing.T) {
	require.NoError(t, newJob(nil).Valid())
	require.NoError(t, newJob(func(j *micro.Job) { j.Setup = []micro.Launch{fill(64)} }).Valid())
	for want, change := range map[string]func(*micro.Job){
		"no kernels or no launches": func(j *micro.Job) { j.Launches = nil },
		"for the samples":           func(j *micro.Job) { j.Samples = "none" },
		"for the result":            func(j *micro.Job) { j.Verify, j.Result = j.Launches, "none" },
		"no such kernel":            func(j *micro.Job) { j.Launches[0].Kernel = "none" },
		"none+8 lies in no buffer":  func(j *micro.Job) { j.Launches[0].Args[0].Buffer = "none" },
		"out+64 lies in no buffer":  func(j *micro.Job) { j.Launches[0].Args[0].Offset = 64 },
		"65 bytes":                  func(j *micro.Job) { j.Setup = []micro.Launch{fill(65)} },
		`"none"+0 lies in no buffer`: func(j *micro.Job) {
			j.Setup = []micro.Launch{{Transfer: &micro.Transfer{To: micro.Ptr("out", 0), From: micro.Ptr("none", 0), Bytes: 8}}}
		},
		"has no kernels or no launche": func(j *micro.Job) { j.Module = nil },
	} {
		assert.ErrorContains(t, newJob(change).Valid(), want)
	}
}

func TestNominal(t *testing.T) {
	for _, target := range isa.AllTargets() {
		gpu, err := micro.Nominal(target)
		require.NoError(t, err)
		assert.Equal(t, target, gpu.Arch)
		assert.NotZero(t, gpu.Spec.DRAMGBs+gpu.Spec.Rates["fp32"], "%s has no rates", target)
		assert.Positive(t, gpu.SMs)
	}
	_, err := micro.Nominal(isa.SM70)
	assert.ErrorContains(t, err, "use one of")
	_, err = micro.NewGPU(results.Device{Name: "x", Target: "gfx942"})
	assert.ErrorContains(t, err, "describe device x")
}

func TestUnsupportedReadsAsItsReason(t *testing.T) {
	err := micro.Unsupportedf("needs %s", "sm_90a")
	assert.ErrorIs(t, err, micro.ErrUnsupported)
	assert.EqualError(t, err, "needs sm_90a")
}
