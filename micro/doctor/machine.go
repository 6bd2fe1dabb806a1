package doctor

import (
	"os"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
)

// machine is the system for real.
type machine struct{}

func (machine) built() bool                         { return cuda.Built() }
func (machine) available() error                    { return cuda.Available() }
func (machine) driverVersion() (int, error)         { return cuda.DriverVersion() }
func (machine) devices() ([]cuda.Attributes, error) { return cuda.Devices() }
func (machine) visible() string                     { return os.Getenv("CUDA_VISIBLE_DEVICES") }
func (machine) checkCache(dir string) error         { return backend.CheckCacheDir(dir) }

// open keeps no machine code: the trials are to see the compiler at work.
func (machine) open(index int) (micro.Device, error) {
	d, err := backend.OpenCUDA(index, "")
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (machine) sensors(uuid, busID string) (nvml.Info, nvml.Reading, error) {
	c, err := nvml.Open(uuid, busID)
	if err != nil {
		return nvml.Info{}, nvml.Reading{}, err
	}
	defer c.Close()
	return c.Info(), c.Read(), nil
}
