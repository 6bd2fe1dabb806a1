package results

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Encode writes the document as JSON: each field, and each row, curve or raw
// point, on a line of its own, so that documents can be compared line by line.
// Numbers that JSON cannot hold (NaN, Inf) are replaced as Finite describes; the
// document given is not changed.
func Encode(w io.Writer, d *Document) error {
	if d == nil {
		return fmt.Errorf("no document to encode")
	}
	e := encoder{w: w}
	v := reflect.ValueOf(Finite(d)).Elem()
	separator := "{\n"
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := v.Field(i)
		if options == "omitempty" && empty(field) {
			continue
		}
		e.text(separator + `"` + name + `": `)
		e.field(field)
		separator = ",\n"
	}
	e.text("\n}\n")
	return e.err
}

// EncodeZstd writes the document as JSON compressed by zstd.
func EncodeZstd(w io.Writer, d *Document) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("compress document: %w", err)
	}
	if err := Encode(z, d); err != nil {
		_ = z.Close()
		return err
	}
	return z.Close()
}

// encoder writes until the first error.
type encoder struct {
	w   io.Writer
	err error
}

func (e *encoder) text(s string) {
	if e.err == nil {
		_, e.err = io.WriteString(e.w, s)
	}
}

// field writes lists of structures one element a line, all else on one line.
func (e *encoder) field(v reflect.Value) {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Struct || v.Len() == 0 {
		e.value(v)
		return
	}
	separator := "[\n"
	for i := range v.Len() {
		e.text(separator)
		e.value(v.Index(i))
		separator = ",\n"
	}
	e.text("\n]")
}

func (e *encoder) value(v reflect.Value) {
	if e.err != nil {
		return
	}
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.text("[]") // a list without elements is a list
		return
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		e.err = fmt.Errorf("encode document: %w", err)
		return
	}
	e.text(string(b))
}

// empty is what omitempty leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() == 0
	}
	return v.IsZero()
}
