package cuda

import (
	"runtime"
	"sync"
)

// executor runs closures one after another on one OS thread that it keeps for itself.
type executor struct {
	work   chan func()
	closed chan struct{}
	once   sync.Once
	tid    int // the thread's id; 0 where ids are not known
}

func newExecutor() *executor {
	e := &executor{work: make(chan func()), closed: make(chan struct{})}
	started := make(chan int)
	go e.loop(started)
	e.tid = <-started
	return e
}

// loop never unlocks its thread: the runtime then ends the thread with the goroutine, and
// no other goroutine inherits a thread that has a context.
func (e *executor) loop(started chan<- int) {
	runtime.LockOSThread()
	started <- threadID()
	for {
		select {
		case f := <-e.work:
			f()
		case <-e.closed:
			return
		}
	}
}

// do runs f on the thread and waits for it. Called on that thread, by a closure that is
// itself running there, it runs f at once.
func (e *executor) do(f func() error) error {
	if e.tid != 0 && threadID() == e.tid {
		return f()
	}
	result := make(chan error, 1)
	select {
	case <-e.closed:
		return ErrClosed
	default:
	}
	select {
	case e.work <- func() { result <- f() }:
		return <-result
	case <-e.closed:
		return ErrClosed
	}
}

// close ends the thread after the closure that is running.
func (e *executor) close() { e.once.Do(func() { close(e.closed) }) }
