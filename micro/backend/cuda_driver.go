package backend

import (
	"context"
	"time"

	"github.com/gpubench/gpubench/internal/cuda"
)

// gpu is what the backend uses of a cuda.Device; tests have a fake.
type gpu interface {
	Attributes() cuda.Attributes
	Compile(ctx context.Context, name, ptx, target string) (cuda.Cubin, error)
	Load(image []byte) (gpuModule, error)
	Do(f func() error) error
	Elapsed(ctx context.Context, run func() error) (time.Duration, error)
	Synchronize(ctx context.Context) error
	Alloc(bytes uint64) (cuda.Ptr, error)
	Free(p cuda.Ptr) error
	Write(dst cuda.Ptr, src []byte) error
	Read(dst []byte, src cuda.Ptr) error
	Fill(dst cuda.Ptr, value byte, bytes uint64) error
	Copy(dst, src cuda.Ptr, bytes uint64) error
	MemInfo() (free, total uint64, err error)
	Reset() error
	Close() error
}

type gpuModule interface {
	Function(name string) (gpuFunction, error)
	Unload() error
}

type gpuFunction interface {
	AllowShared(bytes int) error
	AllowNonPortableCluster() error
	PreferSharedCarveout(percent int) error
	Launch(l cuda.Launch, args [][]byte) error
}

// realGPU turns internal/cuda's types into the interfaces.
type realGPU struct{ *cuda.Device }

func (g realGPU) Load(image []byte) (gpuModule, error) {
	m, err := g.Device.Load(image)
	return realModule{g.Device, m}, err
}

type realModule struct {
	dev *cuda.Device
	*cuda.Module
}

func (m realModule) Function(name string) (gpuFunction, error) {
	f, err := m.Module.Function(name)
	return realFunction{m.dev, f}, err
}

type realFunction struct {
	dev *cuda.Device
	*cuda.Function
}

func (f realFunction) Launch(l cuda.Launch, args [][]byte) error {
	return f.dev.Launch(f.Function, l, args)
}
