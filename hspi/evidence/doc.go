// Package evidence keeps what an endpoint answered, so that anybody can analyse
// it again without asking: an append-only file of JSON lines in which every
// record carries the hash of the one before.
//
// # The file
//
// One record a line ([Record]): when and in which session, and one of
//
//   - open: a session begins (endpoint, model, label); the first record of a session
//   - sent: a request is about to leave; written before it does
//   - exchange: the request as sent and all bytes that came back, with times; or how it failed
//   - note: an observation, such as a torn line that was cut, or a changed model name
//   - end: the session ended in good order
//
// A line ends in ,"hash":"<64 hex digits>"}: the SHA-256 of the line up to
// there, closed by a brace, which is how the record looks without its hash. Its
// field prev is the hash of the line before, empty in the first. So a file
// is checked with a few lines of any language:
//
//	body = line[:-75] + "}"       # without the line feed
//	assert sha256(body) == line[-66:-2] and json(body)["prev"] == previous
//
// A chain proves that nothing was changed, inserted or removed within; what is
// missing at the end is known by comparing the hash of the last record ([Summary])
// with one that was kept elsewhere. The file holds no API key and no headers but
// those of an allow-list ([KeepHeaders]). In the repository the same lines are
// kept compressed by zstd; readers take both.
//
// # The decoded view
//
// [Decode] turns an exchange into a [Response]: choices, positions, alternatives,
// in the order of arrival. Every number stays the decimal text that came
// ([Number]); [Number.Float] converts it. Decode is the same for chat and
// completions and all dialects: it goes by the shape of the answer. It never
// fails: what could not be read is in Response.Problems, and what could be read
// before the damage is there.
//
//	f, err := evidence.Load("run.jsonl.zst")    // verified; err names the first broken record
//	for _, r := range f.Responses() {           // all that are answers, in order
//		for _, p := range r.Choices[0].Positions {
//			for _, alternative := range p.Top { lp, err := alternative.Logprob.Float() … }
//		}
//	}
package evidence
