package loosejson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumbersKeepTheirText(t *testing.T) {
	v, err := Parse(`{"a": -0.31725305, "b":[-1.6017862558364868, -0.0, 1E-7, NaN, -Infinity, -9999.0], "c": 007}`)
	require.NoError(t, err)
	require.Equal(t, "-0.31725305", v.Get("a").Raw())
	var texts []string
	for _, n := range v.Get("b").Items() {
		require.Equal(t, Number, n.Kind())
		texts = append(texts, n.Raw())
	}
	require.Equal(t, []string{"-1.6017862558364868", "-0.0", "1E-7", "NaN", "-Infinity", "-9999.0"}, texts)
	require.Equal(t, "007", v.Get("c").Raw())
}

func TestMembersKeepOrderAndRepeat(t *testing.T) {
	v, err := Parse(`{" z":1,"a":2," z":3}`)
	require.NoError(t, err)
	var got []string
	for key, item := range v.Members() {
		got = append(got, key+"="+item.Raw())
	}
	require.Equal(t, []string{" z=1", "a=2", " z=3"}, got)
	require.Equal(t, "1", v.Get(" z").Raw())
	require.Equal(t, Missing, v.Get("b").Kind())
}

func TestStringsAreUnescapedAsEncodingJSONDoes(t *testing.T) {
	for _, raw := range []string{`""`, `"plain"`, `"a\"b\\c\/d\b\f\n\r\t"`, `"\u00e9\u20ac"`, `"\ud83d\ude00!"`, `"\ud83d lone"`, `"\ud83dA"`, `"é\u0000"`, `"\ude00\ud83d"`} {
		var want string
		require.NoError(t, json.Unmarshal([]byte(raw), &want))
		v, err := Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want, v.Text(), raw)
	}
	v, err := Parse(`"\q\u12"`)
	require.NoError(t, err)
	require.Equal(t, `\q\u12`, v.Text(), "unknown escapes stay")
}

func TestACutTextKeepsWhatWasComplete(t *testing.T) {
	whole := `{"id":"x","choices":[{"lp":[-0.5,-1.25]},{"lp":[-2.125]}],"n":12}`
	v, err := Parse(whole[:strings.Index(whole, "125]}]")+2])
	var syntax *SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.True(t, syntax.Truncated)
	require.Equal(t, "x", v.Get("id").Text())
	choices := v.Get("choices").Items()
	require.Len(t, choices, 2)
	require.Len(t, choices[0].Get("lp").Items(), 2)
	require.Empty(t, choices[1].Get("lp").Items(), "a number that may be cut off is no number")
}

// Every prefix must end in a truncation error and no panic.
func TestEveryPrefixIsTruncated(t *testing.T) {
	whole := `{"a":[1.5,{"b":"x\u00e9\"y"},null,true,NaN],"c":{}}`
	for n := range whole {
		_, err := Parse(whole[:n])
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, whole[:n])
		require.True(t, syntax.Truncated, whole[:n])
		require.Equal(t, n, syntax.Offset)
	}
	_, err := Parse(whole)
	require.NoError(t, err)
}

func TestDamageIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1} x`:                          "byte 8: more text after the value",
		`<html>`:                             `byte 0: "<html>" is no value`,
		`{a:1}`:                              `byte 1: a name was expected, not 'a'`,
		`{"a" 1}`:                            `byte 5: a colon was expected, not '1'`,
		`[1;2]`:                              `byte 1: "1;2" is no value`,
		`[1 2]`:                              `byte 3: a comma or ']' was expected, not '2'`,
		`[.]`:                                `byte 1: "." is no value`,
		strings.Repeat("[", 1000):            "byte 257: nested deeper than 256",
		`{"a":` + "\x00" + `}`:               `no value`,
		`[--1e, 5]`:                          "no value",
		strings.Repeat(`{"a":`, 300) + "1}":  "nested deeper",
		"event: error\ndata: {\"error\":{}}": `"event" is no value`,
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a":[1,2,{"b":null}],"c":"\u00e9"}`)
	f.Add(`[NaN,-Infinity,1e5`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if json.Valid([]byte(text)) && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth {
			require.NoError(t, err)
			require.Equal(t, strings.Trim(text, " \t\r\n"), v.Raw())
		}
	})
}

func BenchmarkParse(b *testing.B) {
	entry := `{"token":" word","logprob":-1.6017862558364868,"bytes":[32,119,111,114,100]}`
	text := `[` + strings.Repeat(entry+",", 159) + entry + `]`
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
