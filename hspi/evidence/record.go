package evidence

import "time"

// SchemaVersion is the version of the records that this package writes. A
// reader refuses a newer one and says so.
const SchemaVersion = 1

// Kind says which part of a record is there.
type Kind string

// Kinds of records.
const (
	KindOpen     Kind = "open"
	KindSent     Kind = "sent"
	KindExchange Kind = "exchange"
	KindNote     Kind = "note"
	KindEnd      Kind = "end"
)

// Record is one line of the file. Exactly the part that Kind names is set.
type Record struct {
	Schema int  `json:"schema"`
	Seq    int  `json:"seq"` // 0, 1, 2, … in the file
	Kind   Kind `json:"kind"`
	// Time is when the record was made; an exchange has its own times beside.
	Time time.Time `json:"time"`
	// Session names the session; records of several may alternate in a file.
	Session  string    `json:"session"`
	Open     *Open     `json:"open,omitempty"`
	Sent     *Sent     `json:"sent,omitempty"`
	Exchange *Exchange `json:"exchange,omitempty"`
	Note     *Note     `json:"note,omitempty"`
	End      *End      `json:"end,omitempty"`
	Prev     string    `json:"prev"`
	// Hash is the record's own; the writer sets it, the reader checks it.
	Hash string `json:"-"`
}

// Open describes a session: one stretch of time in which one client asked one
// endpoint. Data are split by session in training, because answers of one
// server process are not independent.
type Open struct {
	Tool     string `json:"tool"`     // "gpubench 0.3.0"
	Endpoint string `json:"endpoint"` // without user, password, query
	Model    string `json:"model"`    // as asked for
	Seed     uint64 `json:"seed"`     // of the plan
	// Label names a platform that is trusted, where one is enrolled; Labels tell
	// what it is made of: "gpu", "precision", "quantisation", "attention", "engine", …
	Label  string            `json:"label,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Resumes counts how often the session went on after an interruption.
	Resumes int `json:"resumes,omitempty"`
}

// Sent is written and synced before a request leaves: where no exchange of the
// same key and attempt follows, the request may have been served and paid for
// and its answer is lost.
type Sent struct {
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
}

// Exchange is one request and what came back. Requests that are tried again
// have one exchange for each attempt.
type Exchange struct {
	// Key names the request within its plan; it is answered at most once.
	Key     string  `json:"key"`
	Attempt int     `json:"attempt"` // from 1
	Purpose Purpose `json:"purpose"`
	Request Request `json:"request"`
	// Reply is nil where no response headers arrived.
	Reply *Reply `json:"reply,omitempty"`
	// Failure tells what went wrong below HTTP; a status of 500 is no failure, a
	// body that ends too early is one, beside the Reply with what did arrive.
	Failure *Failure `json:"failure,omitempty"`
	Timing  Timing   `json:"timing"`
}

// Purpose says what a request was for, so that features find their data.
// Requests of one Series, Prompt and Variant are the same request but for Repeat.
type Purpose struct {
	// Series is one of package plan: "probe", "repeat", "load", …
	Series string `json:"series"`
	Prompt int    `json:"prompt"`
	Repeat int    `json:"repeat,omitempty"`
	// Variant tells requests of one prompt apart: "t=0.5", "cold", "warm", "load=8", "len=512".
	Variant string `json:"variant,omitempty"`
	// Load is how many other requests of ours were meant to be in flight, where
	// that is what is measured.
	Load int `json:"load,omitempty"`
	// Length is the number of words of the prompt, where that is what is varied.
	Length int `json:"length,omitempty"`
}

// Request is what was sent, without key and Authorization header.
type Request struct {
	Method string              `json:"method"`
	URL    string              `json:"url"` // without user, password, query
	Header map[string][]string `json:"header,omitempty"`
	Body   Blob                `json:"body,omitempty"`
}

// Reply is what arrived.
type Reply struct {
	Status int                 `json:"status"`
	Proto  string              `json:"proto"` // "HTTP/1.1"
	Header map[string][]string `json:"header,omitempty"`
	// Body holds the bytes as they arrived, before any decompression.
	Body Blob `json:"body"`
	// Arrivals tell, for a stream, when which part of Body was read.
	Arrivals []Arrival `json:"arrivals,omitempty"`
	// Masked counts the bytes of Body that were the API key, and are asterisks now.
	Masked int `json:"masked,omitempty"`
}

// Arrival is one read of a stream: Body up to End was there After microseconds.
type Arrival struct {
	End   int   `json:"end"`
	After int64 `json:"us"`
}

// Timing holds microseconds since the request left, by the client's monotonic clock.
type Timing struct {
	Start time.Time `json:"start"`
	// FirstByte is when the first byte of the response headers came; 0: never.
	FirstByte int64 `json:"first_byte_us,omitempty"`
	// Done is when the last byte came, or the failure.
	Done int64 `json:"done_us"`
	// Connection numbers the client's connections from 1, so that answers over
	// one connection, which one backend gave, are known; 0: there was none.
	Connection int  `json:"connection,omitempty"`
	Reused     bool `json:"reused,omitempty"`
	// InFlight is how many other requests of this client were out at the start.
	InFlight int `json:"in_flight,omitempty"`
}

// FailureKind classes what goes wrong below HTTP.
type FailureKind string

// Kinds of failures.
const (
	FailureTLS       FailureKind = "tls"       // certificate or handshake
	FailureConnect   FailureKind = "connect"   // name, refused, unreachable
	FailureTimeout   FailureKind = "timeout"   // no answer, or no more of it, in time
	FailureTruncated FailureKind = "truncated" // the body ended too early
	FailureRedirect  FailureKind = "redirect"  // to another host: not followed
	FailureTooLarge  FailureKind = "too-large" // more bytes than are kept
	FailureCancelled FailureKind = "cancelled" // by the user
	FailureOther     FailureKind = "other"
)

// Failure is what went wrong below HTTP.
type Failure struct {
	Kind FailureKind `json:"kind"`
	Text string      `json:"text"`
}

// Note is an observation that is no exchange.
type Note struct {
	Code NoteCode `json:"code"`
	// Key is the request that it was seen at, where there is one.
	Key  string `json:"key,omitempty"`
	Text string `json:"text"`
	// Data holds bytes that belong to it, such as a torn line.
	Data Blob `json:"data,omitempty"`
	// Values are its details.
	Values map[string]string `json:"values,omitempty"`
}

// NoteCode classes observations.
type NoteCode string

// Codes of notes.
const (
	NoteTorn               NoteCode = "torn"                // a torn last line was cut; Data holds it
	NoteResumed            NoteCode = "resumed"             // the session goes on after an interruption
	NotePlan               NoteCode = "plan"                // a plan begins; Values hold its hash and size
	NoteLost               NoteCode = "lost"                // a request of an earlier run left, its answer was never recorded
	NoteCapability         NoteCode = "capability"          // what discovery found; Values hold it
	NoteModelChanged       NoteCode = "model-changed"       // another model name than before
	NoteFingerprintChanged NoteCode = "fingerprint-changed" // another system_fingerprint than before
	NoteStripped           NoteCode = "stripped"            // a field that came before, or was asked for, is missing
	NoteRateLimited        NoteCode = "rate-limited"        // the server asked to wait
	NoteGaveUp             NoteCode = "gave-up"             // a request was not answered in all its attempts
	NoteBudget             NoteCode = "budget"              // the budget does not allow the rest of the plan
	NoteRefused            NoteCode = "refused"             // the endpoint refused a parameter
)

// End closes a session in good order.
type End struct {
	Reason   string `json:"reason"` // "complete", "budget", "interrupted", "failed: …"
	Answered int    `json:"answered"`
	Asked    int    `json:"asked"` // requests that left, all attempts
}
