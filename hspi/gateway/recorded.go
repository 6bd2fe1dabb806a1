package gateway

import (
	"embed"
	"fmt"

	"github.com/gpubench/gpubench/hspi/evidence"
)

//go:embed recorded/*.jsonl.zst
var recorded embed.FS

// Recorded are platforms of the lab on an H200 whose recorded sessions are built
// in, for demonstrations without a network. The sessions are the lab's sixth ones.
func Recorded() []string { return []string{"h200-bf16-flash", "h200-fp16-int4"} }

// LoadRecorded gives the built-in session of a platform.
func LoadRecorded(platform string) (*evidence.File, error) {
	file, err := recorded.Open("recorded/" + platform + ".jsonl.zst")
	if err != nil {
		return nil, fmt.Errorf("built-in recording: %w", err)
	}
	f, err := evidence.Read(file)
	if err != nil {
		return nil, fmt.Errorf("built-in recording of %s: %w", platform, err)
	}
	return f, file.Close()
}
