package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/recorded"
)

// machine is an opener whose GPU and built-in recording are there or not.
func machine(gpu error, recording bool) opener {
	return opener{
		gpu: func(index int, _ string) (micro.Device, error) {
			if gpu != nil {
				return nil, fmt.Errorf("open GPU %d: %w", index, gpu)
			}
			return NewEmulator(results.Device{Name: "the GPU", Index: index}), nil
		},
		builtIn: func() (string, *results.Document, error) {
			if !recording {
				return "none", nil, fmt.Errorf("recording: %w", recorded.ErrNone)
			}
			return "built-in", &results.Document{Device: results.Device{Name: "the recorded GPU"}, Raw: []results.Raw{{Benchmark: "a/b"}}}, nil
		},
	}
}

func TestOpenChoosesTheDevice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, results.Write(path, &results.Document{Schema: 1, State: results.Complete,
		Device: results.Device{Name: "my GPU"}, Raw: []results.Raw{{Benchmark: "a/b"}}}))
	for name, tt := range map[string]struct {
		machine  opener
		options  Options
		device   string
		fallback error
	}{
		"auto with a GPU":          {machine(nil, true), Options{Kind: KindAuto}, "the GPU", nil},
		"auto is the default":      {machine(nil, true), Options{}, "the GPU", nil},
		"another GPU":              {machine(nil, true), Options{GPU: 3}, "the GPU", nil},
		"cuda":                     {machine(nil, false), Options{Kind: KindCUDA}, "the GPU", nil},
		"auto without a driver":    {machine(cuda.ErrNoDriver, true), Options{Kind: KindAuto}, "the recorded GPU", cuda.ErrNoDriver},
		"auto with an old driver":  {machine(cuda.ErrDriverTooOld, true), Options{Kind: KindAuto}, "the recorded GPU", cuda.ErrDriverTooOld},
		"auto without any GPU":     {machine(cuda.ErrNoDevice, true), Options{Kind: KindAuto}, "the recorded GPU", cuda.ErrNoDevice},
		"auto with a recording":    {machine(nil, true), Options{Kind: KindAuto, Recording: path}, "my GPU", nil},
		"replay":                   {machine(nil, true), Options{Kind: KindReplay}, "the recorded GPU", nil},
		"replay of a document":     {machine(nil, false), Options{Kind: KindReplay, Recording: path}, "my GPU", nil},
		"emulator":                 {machine(nil, true), Options{Kind: KindEmulator}, "the recorded GPU", nil},
		"emulator without a model": {machine(nil, false), Options{Kind: KindEmulator}, "NVIDIA H200", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dev, fallback, err := tt.machine.open(tt.options)
			require.NoError(t, err)
			assert.Equal(t, tt.device, dev.Describe().Name)
			assert.ErrorIs(t, fallback, tt.fallback)
			assert.NoError(t, dev.Close())
		})
	}
}

func TestOpenErrors(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(empty, []byte(`{"schema":1,"state":"complete"}`), 0o600))
	for name, tt := range map[string]struct {
		machine     opener
		options     Options
		is          error
		unavailable bool
		says        []string
	}{
		"no GPU for cuda":     {machine(cuda.ErrNoDriver, true), Options{Kind: KindCUDA}, cuda.ErrNoDriver, true, []string{"no usable GPU: open GPU 0", "gpubench doctor"}},
		"no such GPU":         {machine(cuda.ErrNoDevice, true), Options{GPU: 7}, cuda.ErrNoDevice, true, []string{"open GPU 7"}},
		"GPU 1 and no driver": {machine(cuda.ErrNoDriver, true), Options{GPU: 1}, cuda.ErrNoDriver, true, []string{"open GPU 1"}},
		"nothing at all":      {machine(cuda.ErrNotBuilt, false), Options{}, cuda.ErrNotBuilt, true, []string{"no usable GPU", "carries no recorded run", "--recording"}},
		"nothing to replay":   {machine(nil, false), Options{Kind: KindReplay}, ErrNoRecording, false, []string{"this program carries no recorded run: name one with --recording"}},
		"no raw samples":      {machine(nil, true), Options{Recording: empty}, ErrNoSamples, false, []string{empty, "'gpubench run'"}},
		"no such recording":   {machine(nil, true), Options{Recording: empty + "x"}, os.ErrNotExist, false, []string{empty + "x"}},
		"no such backend":     {machine(nil, true), Options{Kind: "opencl"}, ErrUnknown, false, []string{`"opencl"`, "auto, cuda, replay, emulator"}},
	} {
		t.Run(name, func(t *testing.T) {
			dev, fallback, err := tt.machine.open(tt.options)
			assert.Nil(t, dev, "not even an interface around nil")
			assert.NoError(t, fallback)
			assert.ErrorIs(t, err, tt.is)
			_, unavailable := errors.AsType[*UnavailableError](err)
			assert.Equal(t, tt.unavailable, unavailable)
			for _, want := range tt.says {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestTheProgramCarriesARecording(t *testing.T) {
	dev, _, err := Open(Options{Kind: KindReplay})
	require.NoError(t, err)
	assert.Equal(t, KindReplay, dev.Backend())
	assert.NotEmpty(t, dev.Describe().Name)
}
