package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func encoded(t *testing.T, d *Document, encode func(w *bytes.Buffer, d *Document) error) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, encode(&b, d))
	return b.Bytes()
}

func plain(w *bytes.Buffer, d *Document) error  { return Encode(w, d) }
func packed(w *bytes.Buffer, d *Document) error { return EncodeZstd(w, d) }

func TestRoundTrip(t *testing.T) {
	for name, encode := range map[string]func(*bytes.Buffer, *Document) error{"plain": plain, "zstd": packed} {
		for what, d := range map[string]*Document{"full": fullDocument(), "empty": {Schema: 1, State: Interrupted}} {
			t.Run(name+" "+what, func(t *testing.T) {
				text := encoded(t, d, encode)
				got, err := Decode(bytes.NewReader(text))
				require.NoError(t, err)
				assert.Equal(t, text, encoded(t, got, encode), "the text is the same again")
				if what == "full" {
					assert.Equal(t, d, got)
				}
				slow, err := Decode(iotest.OneByteReader(bytes.NewReader(text)))
				require.NoError(t, err)
				assert.Equal(t, got, slow)
			})
		}
	}
}

// TestEncodeIsWhatJSONWouldWrite: the layout by lines changes nothing else.
func TestEncodeIsWhatJSONWouldWrite(t *testing.T) {
	d := fullDocument()
	want, err := json.Marshal(d)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(encoded(t, d, plain)))
}

func TestEncodeLayout(t *testing.T) {
	d := fullDocument()
	lines := strings.Split(string(encoded(t, d, plain)), "\n")
	assert.Equal(t, "{", lines[0])
	rows := 0
	for _, l := range lines {
		if strings.HasPrefix(l, `{"benchmark"`) && strings.Contains(l, `"higher_is_better"`) {
			rows++
		}
	}
	assert.Equal(t, len(d.Rows), rows, "a row is a line")
	empty := string(encoded(t, &Document{}, plain))
	assert.Contains(t, empty, `"rows": []`, "a list without elements is a list")
	assert.NotContains(t, empty, `"raw"`)
	assert.NotContains(t, empty, "recording")
}

func TestEncodeReportsTheWriter(t *testing.T) {
	full := errors.New("disk full")
	for _, after := range []int{0, 1, 50, 2000} {
		assert.ErrorIs(t, Encode(&limitedWriter{left: after, err: full}, fullDocument()), full, "after %d bytes", after)
	}
	assert.ErrorIs(t, EncodeZstd(&limitedWriter{err: full}, fullDocument()), full)
	assert.Error(t, Encode(new(bytes.Buffer), nil))
	assert.Error(t, EncodeZstd(new(bytes.Buffer), nil))
}

// limitedWriter takes so many bytes and then fails.
type limitedWriter struct {
	left int
	err  error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, w.err
	}
	w.left -= len(p)
	return len(p), nil
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encoded(t, fullDocument(), plain))
	change := func(from, to string) string {
		require.Contains(t, good, from)
		return strings.Replace(good, from, to, 1)
	}
	row := `"rows":[{"benchmark":"b","metric":"m","status":"ok"}]`
	document := func(fields string) string { return `{"schema":1,"state":"complete",` + fields + `}` }
	for name, tt := range map[string]struct {
		text, what string
		offset     int64 // -2: any place
	}{
		"empty":              {"", "empty file", 0},
		"blank":              {" \n\t", "empty file", 0},
		"not JSON":           {"hello", "invalid character 'h'", 1},
		"cut off":            {good[:len(good)/2], "it is cut off", -2},
		"one byte short":     {strings.TrimSpace(good)[:len(good)-2], "it is cut off", -2},
		"text behind":        {good + "x", "after top-level value", -2},
		"a list":             {"[1]", "it holds a array, not an object", -2},
		"no schema":          {`{"state":"complete"}`, `no field "schema"`, -1},
		"null":               {"null", `no field "schema"`, -1},
		"schema 0":           {`{"schema":0}`, "schema 0 does not exist", -1},
		"schema is text":     {`{"schema":"1"}`, `field "schema" holds a string`, -2},
		"type of a field":    {change(`"suite": "`, `"suite": 5, "x": "`), `field "suite" holds a number`, -2},
		"state":              {change(`"complete"`, `"done"`), `field state: "done" is neither`, -1},
		"status":             {change(`"status":"ok"`, `"status":"fine"`), `field rows[0].status: "fine" is no status`, -1},
		"benchmark":          {document(strings.Replace(row, `"b"`, `""`, 1)), "field rows[0].benchmark: it is empty", -1},
		"metric":             {document(strings.Replace(row, `"m"`, `""`, 1)), "field rows[0].metric: it is empty", -1},
		"grid of other size": {document(row + `,"grids":[{"x_labels":["a"],"y_labels":["b"],"cells":[[1,2]]}]`), "field grids[0].cells[0]: its size", -1},
		"grid without lines": {document(row + `,"grids":[{"x_labels":["a"],"y_labels":["b"],"cells":[]}]`), "field grids[0].cells: its size", -1},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Decode(strings.NewReader(tt.text))
			assert.Nil(t, d)
			require.ErrorIs(t, err, ErrCorrupt)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Contains(t, corrupt.What, tt.what)
			if tt.offset != -2 {
				assert.Equal(t, tt.offset, corrupt.Offset)
			}
		})
	}
}

// TestDecodeAnyTruncation cuts both forms at every length: always an error,
// always the right one.
func TestDecodeAnyTruncation(t *testing.T) {
	for name, encode := range map[string]func(*bytes.Buffer, *Document) error{"plain": plain, "zstd": packed} {
		text := bytes.TrimSpace(encoded(t, fullDocument(), encode))
		for n := range text {
			_, err := Decode(bytes.NewReader(text[:n]))
			require.ErrorIs(t, err, ErrCorrupt, "%s cut after %d of %d bytes", name, n, len(text))
		}
	}
}

func TestDecodeDamagedZstd(t *testing.T) {
	text := encoded(t, fullDocument(), packed)
	for i := 4; i < len(text); i += 7 {
		damaged := bytes.Clone(text)
		damaged[i] ^= 0x55
		d, err := Decode(bytes.NewReader(damaged))
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt, "byte %d", i)
			continue
		}
		// A header bit that says nothing about the content may change.
		assert.Equal(t, fullDocument(), d, "byte %d", i)
	}
}

func TestDecodeNewerSchema(t *testing.T) {
	for _, text := range []string{`{"schema":2}`, `{"schema":2,"state":{"a":1},"rows":7}`} {
		var plainText, zipped bytes.Buffer
		plainText.WriteString(text)
		z, err := zstd.NewWriter(&zipped)
		require.NoError(t, err)
		_, err = z.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		for _, r := range []*bytes.Buffer{&plainText, &zipped} {
			_, err := Decode(r)
			var newer *SchemaError
			require.ErrorAs(t, err, &newer)
			assert.Equal(t, SchemaError{Schema: 2, Supported: 1}, *newer)
			assert.EqualError(t, err, "written by a newer gpubench (schema 2, this reads up to 1): update gpubench")
			assert.NotErrorIs(t, err, ErrCorrupt)
		}
	}
}

func TestDecodeIgnoresUnknownFields(t *testing.T) {
	d, err := Decode(strings.NewReader(`{"schema":1,"state":"complete","future":{"a":[1]},"rows":[]}`))
	require.NoError(t, err)
	assert.Empty(t, d.Rows)
}

func TestDecodePassesOnTheReader(t *testing.T) {
	broken := errors.New("network gone")
	_, err := Decode(iotest.ErrReader(broken))
	assert.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, ErrCorrupt)
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := Encode(&b, fullDocument()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(fmt.Sprintf(`{"schema":%d}`, SchemaVersion)))
	f.Add(zstdMagic)
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Encode(&again, d); err != nil {
			t.Fatalf("a document that was read cannot be written: %v", err)
		}
		if _, err := Decode(&again); err != nil {
			t.Fatalf("a document that was written cannot be read: %v", err)
		}
	})
}
