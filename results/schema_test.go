package results

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const schemaFile = "../docs/schema.json"

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	s, err := c.Compile(schemaFile) // checks it against the draft's own schema
	require.NoError(t, err)
	return s
}

func validate(s *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// schemaDocument is a full document with words where the schema lists them.
func schemaDocument() *Document {
	d := fullDocument()
	d.Backend = "cuda"
	kinds := []ProofKind{ProofSASS, ProofScaling, ProofNone, ""}
	for i := range d.Rows {
		r := &d.Rows[i]
		r.Confidence, r.ClockFrom, r.Correct.By, r.Proof.Kind = 0.95, "nvml", "emulator", kinds[i%len(kinds)]
	}
	return d
}

func TestEncodedDocumentsAreValid(t *testing.T) {
	s := compiledSchema(t)
	empty := &Document{Schema: SchemaVersion, State: Interrupted, Backend: "emulator", Rows: []Row{{Benchmark: "b", Metric: "m", Status: Skipped}},
		Series: []Series{{}}, Grids: []Grid{{}}, Kernels: []Kernel{{Code: []MachineCode{{Sections: []Section{nil}}}}}, Raw: []Raw{{Rounds: []Reading{{}}}}}
	for name, d := range map[string]*Document{"full": schemaDocument(), "empty": empty} {
		assert.NoError(t, validate(s, encoded(t, d, plain)), name)
	}
}

func TestRecordedDocumentsAreValid(t *testing.T) {
	files, err := filepath.Glob("recorded/data/*.zst")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("no run is recorded yet")
	}
	s := compiledSchema(t)
	for _, path := range files {
		d, err := Read(path)
		require.NoError(t, err)
		assert.NoError(t, validate(s, encoded(t, d, plain)), path)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiledSchema(t)
	good := string(encoded(t, schemaDocument(), plain))
	require.NoError(t, validate(s, []byte(good)))
	for _, change := range [][2]string{
		{`"schema": 1`, `"schema": 2`},
		{`"state": "complete"`, `"state": "done"`},
		{`"backend": "cuda"`, `"backend": "metal"`},
		{`"status":"ok"`, `"status":"fine"`},
		{`"kind":"sass"`, `"kind":"trust"`},
		{`"seed": `, `"seed": -`},
		{`"suite": `, `"suites": `},
		{`"clock_from":"nvml"`, `"clock_from":"guess"`},
		{`"confidence":0.95`, `"confidence":95`},
		{`"interval":[`, `"interval":[1,`},
		{`"higher_is_better":true`, `"higher_is_better":"yes"`},
		{`"started": "2026-11-24T`, `"started": "24.11.2026 `},
	} {
		require.Contains(t, good, change[0])
		assert.Error(t, validate(s, []byte(strings.Replace(good, change[0], change[1], 1))), change)
	}
}

// schemaNode is what the comparison with the Go types looks at.
type schemaNode struct {
	Ref        string                 `json:"$ref"`
	Type       any                    `json:"type"`
	Format     string                 `json:"format"`
	Encoding   string                 `json:"contentEncoding"`
	Const      any                    `json:"const"`
	Enum       []any                  `json:"enum"`
	Items      *schemaNode            `json:"items"`
	MinItems   int                    `json:"minItems"`
	Properties map[string]*schemaNode `json:"properties"`
	Required   []string               `json:"required"`
	Defs       map[string]*schemaNode `json:"$defs"`
}

// TestSchemaIsTheStruct walks the Go types beside the schema: every field has a
// property of its type and the other way around, and is required exactly where
// it is always written.
func TestSchemaIsTheStruct(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	root := new(schemaNode)
	require.NoError(t, json.Unmarshal(text, root))
	w := &walker{T: t, root: root, used: map[string]bool{}}
	w.object("Document", reflect.TypeFor[Document](), root)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(root.Defs)), slices.Collect(maps.Keys(w.used)), "every definition is a type that is used")
}

type walker struct {
	*testing.T
	root *schemaNode
	used map[string]bool
}

func (w *walker) object(path string, typ reflect.Type, node *schemaNode) {
	assert.Equal(w, "object", node.Type, path)
	var names, required []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		require.NotEmpty(w, name, "%s.%s has no JSON name", path, f.Name)
		names = append(names, name)
		if options != "omitempty" {
			required = append(required, name)
		}
		property := node.Properties[name]
		if assert.NotNil(w, property, "%s.%s is not in the schema", path, name) {
			// Encode writes the document's own lists never as null.
			null := options != "omitempty" && path != "Document"
			w.value(path+"."+name, f.Type, property, null)
		}
	}
	assert.ElementsMatch(w, names, slices.Collect(maps.Keys(node.Properties)), path)
	assert.ElementsMatch(w, required, node.Required, "%s: required is what is always written", path)
}

// value compares one type; null says that a nil list is written as null here.
func (w *walker) value(path string, typ reflect.Type, node *schemaNode, null bool) {
	if name, ok := strings.CutPrefix(node.Ref, "#/$defs/"); ok {
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		assert.Equal(w, typ.Name(), name, path)
		seen := w.used[name]
		w.used[name] = true
		node = w.root.Defs[name]
		require.NotNil(w, node, "%s: no definition %s", path, name)
		if seen {
			return
		}
		path = name
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		assert.Equal(w, "date-time", node.Format, path)
	case typ == reflect.TypeFor[[]byte]():
		assert.Equal(w, "base64", node.Encoding, path)
	case typ == reflect.TypeFor[Status]():
		words(w, path, Statuses(), node)
	case typ == reflect.TypeFor[State]():
		words(w, path, []State{Complete, Interrupted}, node)
	case typ == reflect.TypeFor[ProofKind]():
		words(w, path, []ProofKind{ProofSASS, ProofScaling, ProofNone, ""}, node)
	case typ.Kind() == reflect.Struct:
		w.object(path, typ, node)
	case typ.Kind() == reflect.Pointer && typ.Elem().Kind() == reflect.Float64 && strings.HasSuffix(path, "[][]"):
		assert.Equal(w, []any{"number", "null"}, node.Type, path)
	case typ.Kind() == reflect.Pointer:
		w.value(path, typ.Elem(), node, false)
	case typ.Kind() == reflect.Slice, typ.Kind() == reflect.Array:
		w.list(path, typ, node, null)
	default:
		w.plain(path, typ, node)
	}
}

func (w *walker) list(path string, typ reflect.Type, node *schemaNode, null bool) {
	want := any("array")
	if null || typ == reflect.TypeFor[Section]() {
		want = []any{"array", "null"}
	}
	assert.Equal(w, want, node.Type, path)
	if typ.Kind() == reflect.Array {
		assert.Equal(w, typ.Len(), node.MinItems, path)
	}
	require.NotNil(w, node.Items, path)
	w.value(path+"[]", typ.Elem(), node.Items, typ.Elem().Kind() == reflect.Slice)
}

func (w *walker) plain(path string, typ reflect.Type, node *schemaNode) {
	if node.Const != nil || node.Enum != nil {
		return // narrower than the type
	}
	names := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number", reflect.Int: "integer", reflect.Uint64: "integer"}
	assert.Equal(w, names[typ.Kind()], node.Type, path)
}

// words compares the values that a type may have with those that are listed.
func words[S ~string](w *walker, path string, want []S, node *schemaNode) {
	var list []any
	for _, s := range want {
		list = append(list, string(s))
	}
	assert.ElementsMatch(w, list, node.Enum, path)
}
