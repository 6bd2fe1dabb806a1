// Package cell says how each field of a row reads as text. The terminal table,
// the report and the pictures all use it, so that a number looks the same everywhere.
package cell

import (
	"math"
	"strconv"
	"strings"
)

// maxDecimals is the most digits after the point that any number gets.
const maxDecimals = 6

// Number writes a value without an interval: integers in full, everything else
// with about four significant digits and never fewer than its integer part. A
// value that is exact with fewer digits, such as 17.7, gets no zeros behind them.
func Number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "not a number"
	case math.IsInf(v, 0):
		return "infinite"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	s := fixed(v, decimalsFor(math.Abs(v), 4))
	if exact := strconv.FormatFloat(v, 'f', -1, 64); len(exact) < len(s) && !strings.Contains(s, "e") {
		return exact
	}
	return s
}

// decimalsFor is how many decimals show v with the given significant digits.
func decimalsFor(v float64, digits int) int {
	if v == 0 {
		return 0
	}
	d := digits - 1 - int(math.Floor(math.Log10(v)))
	return max(d, 0)
}

// fixed writes v with d decimals; a negative d rounds to a power of ten.
// Very small values are written with an exponent rather than as zero.
func fixed(v float64, d int) string {
	if d > maxDecimals && v != 0 && math.Abs(v) < 1e-3 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	if d < 0 {
		p := math.Pow10(-d)
		return unsignZero(strconv.FormatFloat(math.Round(v/p)*p, 'f', 0, 64))
	}
	return unsignZero(strconv.FormatFloat(v, 'f', min(d, maxDecimals+3), 64))
}

// unsignZero turns "-0.00" into "0.00".
func unsignZero(s string) string {
	if strings.HasPrefix(s, "-") && strings.Trim(s, "-0.") == "" {
		return s[1:]
	}
	return s
}

// decimals is where a number with this half-width stops: two digits of the
// half-width where its leading digits are below 3.5, one digit above.
func decimals(half float64) int {
	if half <= 0 || math.IsInf(half, 0) || math.IsNaN(half) {
		return maxDecimals
	}
	e := int(math.Floor(math.Log10(half)))
	// An end of an interval is a rounded decimal: (10.6-9.9)/2 is a hair below 0.35.
	const rounding = 1e-9
	if half/math.Pow10(e) < 3.5-rounding {
		return 1 - e
	}
	return -e
}
