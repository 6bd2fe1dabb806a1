package cuda

import "syscall"

// threadID is the id of the calling OS thread.
func threadID() int { return syscall.Gettid() }
