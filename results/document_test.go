package results

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fullDocument has something in every field.
func fullDocument() *Document {
	n := 0
	d := new(Document)
	fillValue(reflect.ValueOf(d).Elem(), &n)
	d.Schema = SchemaVersion
	d.State = Complete
	for i := range d.Rows {
		d.Rows[i].Status = Statuses()[i%len(Statuses())]
	}
	for i := range d.Grids {
		g := &d.Grids[i]
		one := 1.5
		g.XLabels, g.YLabels = []string{"0", "1"}, []string{"0"}
		g.Cells = [][]*float64{{&one, nil}}
	}
	return d
}

// fillValue gives every field another value that is not zero.
func fillValue(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 11, 24, 12, 0, 0, *n, time.UTC)))
	case v.Kind() == reflect.String:
		v.SetString("text <&> " + string(rune('a'+*n%26)))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(*n))
	case v.CanUint():
		v.SetUint(uint64(*n % 250))
	case v.CanFloat():
		v.SetFloat(float64(*n) + 0.25)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), n)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			fillValue(v.Index(i), n)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), n)
		}
	}
}

func TestFullDocumentIsFull(t *testing.T) {
	d := fullDocument()
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		assert.False(t, v.Field(i).IsZero(), v.Type().Field(i).Name)
	}
	require.NoError(t, d.check())
}

func TestPoint(t *testing.T) {
	p := P("shape", "m16n8k16", "type", "f16", "odd")
	assert.Equal(t, "shape=m16n8k16 type=f16", p.Key())
	assert.Equal(t, "f16", p.Get("type"))
	assert.Empty(t, p.Get("none"))
	assert.Empty(t, Point(nil).Key())
	assert.Equal(t, "tensor/mma{type=f16} latency", Row{Benchmark: "tensor/mma", Point: P("type", "f16"), Metric: "latency"}.ID())
}

func TestStatuses(t *testing.T) {
	assert.Len(t, Statuses(), 7)
	for _, s := range Statuses() {
		assert.Equal(t, s == OK || s == Flagged || s == Throttled, s.HasNumber(), s)
	}
}
