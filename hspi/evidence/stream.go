package evidence

import (
	"sort"
	"strings"
	"time"
)

// isStream reports whether a body is a stream of server-sent events, by its
// type or, where a proxy lost that, by its start.
func isStream(reply *Reply, body string) bool {
	for name, values := range reply.Header {
		if strings.EqualFold(name, "Content-Type") && len(values) > 0 {
			if strings.HasPrefix(strings.ToLower(values[0]), "text/event-stream") {
				return true
			}
		}
	}
	return strings.HasPrefix(body, "data:") || strings.HasPrefix(body, "event:")
}

// stream reads server-sent events: lines of "field: value", an empty line ends
// an event. A message that the end of the body cuts off is read as far as it came.
func (d *decoder) stream(body string, arrivals []Arrival) {
	var data []string
	start, last := 0, 0
	flush := func() {
		if len(data) > 0 {
			d.eventData(strings.Join(data, "\n"), start, last, arrivals)
		}
		data = data[:0]
	}
	for at := 0; at < len(body); {
		end := len(body)
		next := end
		if i := strings.IndexByte(body[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		line := strings.TrimSuffix(body[at:end], "\r")
		if value, ok := strings.CutPrefix(line, "data:"); ok {
			if len(data) == 0 {
				start = at
			}
			data = append(data, strings.TrimPrefix(value, " "))
			last = at + len(line)
		} else if line == "" {
			flush()
		}
		at = next
	}
	flush()
	if !d.r.Done {
		d.unfinished()
	}
}

// unfinished notes a stream that ended without [DONE] and without all reasons to
// finish.
func (d *decoder) unfinished() {
	for _, c := range d.r.Choices {
		if c.Finish == "" {
			d.problem(ProblemTruncated, "the stream ended before choice %d was finished", c.Index)
			return
		}
	}
	if len(d.r.Choices) == 0 {
		d.problem(ProblemTruncated, "the stream ended before anything came")
	}
}

func (d *decoder) eventData(data string, start, end int, arrivals []Arrival) {
	if strings.TrimSpace(data) == "[DONE]" {
		d.r.Done = true
		return
	}
	d.event = len(d.r.Events)
	d.r.Events = append(d.r.Events, Event{Start: start, End: end, After: arrived(end, arrivals)})
	d.message(data)
}

// arrived is when the byte before end was read.
func arrived(end int, arrivals []Arrival) time.Duration {
	i := sort.Search(len(arrivals), func(i int) bool { return arrivals[i].End >= end })
	switch {
	case i < len(arrivals):
		return microseconds(arrivals[i].After)
	case len(arrivals) > 0:
		return microseconds(arrivals[len(arrivals)-1].After)
	}
	return 0
}
