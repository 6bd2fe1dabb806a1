package evidence

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
)

// forms are the ways in which a server may repeat a key: as it is, in an
// address, in base64.
func forms(secret string) [][]byte {
	all := [][]byte{[]byte(secret)}
	for _, s := range []string{url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
		if s != secret {
			all = append(all, []byte(s))
		}
	}
	return all
}

// Mask puts asterisks in place of the secrets in a text for people.
func Mask(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) < MinSecret {
			continue
		}
		for _, form := range forms(s) {
			text = strings.ReplaceAll(text, string(form), strings.Repeat("*", len(form)))
		}
	}
	return text
}

// mask cleans all of a record that comes from outside.
func (w *Writer) mask(rec *Record) {
	if x := rec.Exchange; x != nil {
		x.Request.Header, x.Request.URL = KeepHeaders(x.Request.Header), w.maskText(x.Request.URL)
		x.Request.Body, _ = w.maskBytes(x.Request.Body)
		if r := x.Reply; r != nil {
			r.Header = w.maskHeader(KeepHeaders(r.Header))
			var n int
			r.Body, n = w.maskBytes(r.Body)
			r.Masked += n
		}
		if x.Failure != nil {
			x.Failure.Text = w.maskText(x.Failure.Text)
		}
	}
	if n := rec.Note; n != nil {
		n.Text = w.maskText(n.Text)
		n.Data, _ = w.maskBytes(n.Data)
		for key, value := range n.Values {
			n.Values[key] = w.maskText(value)
		}
	}
	if o := rec.Open; o != nil {
		o.Endpoint = w.maskText(o.Endpoint)
	}
	if e := rec.End; e != nil {
		e.Reason = w.maskText(e.Reason)
	}
}

func (w *Writer) maskHeader(h map[string][]string) map[string][]string {
	for name, values := range h {
		clean := make([]string, len(values))
		for i, v := range values {
			clean[i] = w.maskText(v)
		}
		h[name] = clean
	}
	return h
}

func (w *Writer) maskText(s string) string {
	b, _ := w.maskBytes([]byte(s))
	return string(b)
}

// maskBytes keeps the length, so that offsets into a body stay right.
func (w *Writer) maskBytes(b []byte) ([]byte, int) {
	n := 0
	for _, s := range w.secrets {
		if found := bytes.Count(b, s); found > 0 {
			n += found * len(s)
			b = bytes.ReplaceAll(b, s, bytes.Repeat([]byte("*"), len(s)))
		}
	}
	return b, n
}
