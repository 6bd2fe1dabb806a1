// Command gpubench measures GPUs and shows how each number was proven.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the run in good order, the second the program.
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Args[1:], system()))
}
