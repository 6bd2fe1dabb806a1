package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// restart goes on with a run in another process after a kernel faulted: the CUDA
// driver answers every call of a process that had a fault with that fault, in
// fresh contexts too. What was measured is in the document that the other
// process resumes from, and the point that faulted is not tried again there.
func (f *runFlags) restart(ctx context.Context, w world, dev micro.Device, dir string, args []string, doc *results.Document) error {
	_ = dev.Close() // it is lost, and the other process needs its memory
	path := filepath.Join(dir, documentName)
	if err := results.Write(path, doc); err != nil {
		return f.deliver(w, dir, args, doc)
	}
	words := append(f.againWords(args, path), "--out", dir, "--force", "--seed", fmt.Sprint(f.seed))
	for name, set := range map[string]bool{"--all": f.all, "--json": f.asJSON, "--quiet": f.quiet, "--no-report": f.noReport, "--no-cache": f.noCache} {
		if set {
			words = append(words, name)
		}
	}
	code, err := w.restart(ctx, words)
	if err != nil {
		w.tell("cannot go on in another process: %v", err)
		return f.deliver(w, dir, args, doc)
	}
	if code != exitOK {
		return &exitError{code, fmt.Errorf("the run that went on ended with exit code %d", code)}
	}
	return nil
}
