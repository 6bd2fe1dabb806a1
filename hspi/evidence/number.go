package evidence

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number is a number as it arrived, digit by digit: "-0.31725305", "NaN". It is
// empty where nothing came and "null" for a null; a number that came as a JSON
// string has its quotes.
type Number string

// NumberClass says what a Number is.
type NumberClass uint8

// Classes of numbers.
const (
	Absent    NumberClass = iota // nothing came, or null
	Finite                       // a number to calculate with
	NaN                          // not a number
	Infinite                     // of either sign
	Sentinel                     // stands for a value that the server does not tell: see IsSentinel
	Malformed                    // text that is no number
)

// ErrNoNumber is what Float gives for all but finite numbers.
var ErrNoNumber = errors.New("no finite number")

// Class says what the number is. A sentinel is a class of its own, though finite.
func (n Number) Class() NumberClass {
	if n == "" || n == "null" {
		return Absent
	}
	v, err := strconv.ParseFloat(n.digits(), 64)
	switch {
	case math.IsInf(v, 0): // also what ParseFloat gives for 1e999
		return Infinite
	case err != nil:
		return Malformed
	case math.IsNaN(v):
		return NaN
	case IsSentinel(v):
		return Sentinel
	}
	return Finite
}

// Float is the nearest float64 of a finite number that is no sentinel.
func (n Number) Float() (float64, error) {
	if n.Class() != Finite {
		return math.NaN(), fmt.Errorf("%w: %q", ErrNoNumber, string(n))
	}
	return strconv.ParseFloat(n.digits(), 64)
}

func (n Number) digits() string {
	s := string(n)
	if strings.HasPrefix(s, "-nan") || strings.HasPrefix(s, "-NaN") {
		s = s[1:] // printf's negative NaN
	}
	return strings.Trim(s, `"`)
}

// IsSentinel reports whether a logprob stands for one that the server does not
// tell: -9999 (OpenAI and vLLM, outside the top), and the least float32, float16
// or bfloat16 (llama.cpp where the probability underflows; SGLang's clamp).
func IsSentinel(logprob float64) bool {
	return logprob == -9999 || logprob == -65504 || logprob <= -3.38e38
}
