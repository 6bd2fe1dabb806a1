package evidence

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart.
var (
	// ErrTorn: the last line has no end; what came before is whole. Resume cuts it.
	ErrTorn = errors.New("the last line is torn")
	// ErrBroken: a record was changed, removed or inserted.
	ErrBroken = errors.New("the evidence is broken")
	// ErrExists: Create found a file at the path.
	ErrExists = errors.New("the evidence file exists")
	// ErrLocked: another process writes the file.
	ErrLocked = errors.New("another process writes the evidence file")
	// ErrSecret: a record would have held the API key; it was not written.
	ErrSecret = errors.New("the record would hold the API key")
)

// BrokenError names the first record that is not as it was written. It is
// ErrBroken, or ErrTorn where only the last line is incomplete.
type BrokenError struct {
	Line   int   // from 1
	Offset int64 // of the line in the decompressed file, bytes
	Seq    int   // of the record that was expected there
	What   string
	Torn   bool
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("evidence line %d (record %d, byte %d): %s", e.Line, e.Seq, e.Offset, e.What)
}

// Is makes the error ErrTorn or ErrBroken.
func (e *BrokenError) Is(target error) bool {
	return (e.Torn && target == ErrTorn) || (!e.Torn && target == ErrBroken)
}

// SchemaError tells that a newer program wrote the record.
type SchemaError struct {
	Schema, Supported int
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("evidence of schema %d; this program reads up to %d: use a newer gpubench", e.Schema, e.Supported)
}
