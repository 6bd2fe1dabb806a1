package cuda

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestExecutorKeepsOneThread(t *testing.T) {
	if threadID() == 0 {
		t.Skip("this system does not number its threads")
	}
	e := newExecutor()
	defer e.close()
	var wg sync.WaitGroup
	running := 0 // the executor's order is what guards it: the race detector checks
	for range 64 {
		wg.Go(func() {
			err := e.do(func() error {
				running++
				defer func() { running-- }()
				assert.Equal(t, e.tid, threadID())
				assert.Equal(t, 1, running)
				return nil
			})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}

func TestExecutorNests(t *testing.T) {
	if threadID() == 0 {
		t.Skip("this system does not number its threads")
	}
	e := newExecutor()
	defer e.close()
	boom := errors.New("boom")
	assert.Equal(t, boom, e.do(func() error { return e.do(func() error { return boom }) }))
}

func TestExecutorClosed(t *testing.T) {
	e := newExecutor()
	busy, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- e.do(func() error { close(busy); <-release; return nil })
	}()
	<-busy
	waiting := make(chan error, 1)
	go func() { waiting <- e.do(func() error { return nil }) }()
	time.Sleep(time.Millisecond)
	e.close()
	e.close()
	assert.Equal(t, ErrClosed, <-waiting)
	close(release)
	assert.NoError(t, <-first)
	assert.Equal(t, ErrClosed, e.do(func() error { return nil }))
}
