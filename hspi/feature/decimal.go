package feature

import (
	"fmt"
	"math"
	"strconv"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Decimals is how a server writes its numbers.
type Decimals struct {
	Count int `json:"count"`
	// Single is the share that is exactly a float32; Shortest the share that is the
	// shortest text of a float32.
	Single   float64 `json:"single"`
	Shortest float64 `json:"shortest"`
	// Most is the greatest number of decimals, At the share that has that many.
	Most int     `json:"most"`
	At   float64 `json:"at"`
}

// Writer classes how numbers are written.
type Writer string

// Writers.
const (
	// WriterSingle: all digits of a float32 as float64: Python's and nlohmann's JSON
	// (vLLM, SGLang, llama.cpp).
	WriterSingle Writer = "float32 in full digits"
	// WriterShortest: the shortest text of a float32: serde (TGI), OpenAI.
	WriterShortest Writer = "shortest float32"
	// WriterRounded: a fixed, small number of decimals: somebody rounds.
	WriterRounded Writer = "rounded"
	// WriterDouble: float64 values: calculated again on the way, or noise added.
	WriterDouble Writer = "float64"
)

// enoughNumbers is from how many numbers on the writer is told.
const enoughNumbers = 10

// ReadDecimals looks at the texts of logprobs.
func ReadDecimals(answers []*evidence.Response) Decimals {
	var d Decimals
	places := map[int]int{}
	look := func(n evidence.Number) {
		v, decimals, ok := parse(string(n))
		if !ok || v == 0 {
			return
		}
		d.Count++
		single := float32(v)
		if float64(single) == v {
			d.Single++
		}
		if text := strconv.FormatFloat(float64(single), 'g', -1, 32); text == string(n) || sameNumber(text, v) {
			d.Shortest++
		}
		if decimals >= 0 {
			places[decimals]++
			d.Most = max(d.Most, decimals)
		}
	}
	for _, r := range answers {
		for i := range r.Choices {
			for j := range r.Choices[i].Positions {
				p := &r.Choices[i].Positions[j]
				look(p.Logprob)
				for k := range p.Top {
					look(p.Top[k].Logprob)
				}
				if d.Count >= decimalsLooked {
					return d.shares(places)
				}
			}
		}
	}
	return d.shares(places)
}

// decimalsLooked is how many numbers are enough to know how they are written.
const decimalsLooked = 5000

func sameNumber(text string, v float64) bool {
	w, err := strconv.ParseFloat(text, 64)
	return err == nil && w == v
}

func (d Decimals) shares(places map[int]int) Decimals {
	if d.Count > 0 {
		n := float64(d.Count)
		d.Single, d.Shortest, d.At = d.Single/n, d.Shortest/n, float64(places[d.Most])/n
	}
	return d
}

// Writer classes them; ok is false where there are too few.
func (d Decimals) Writer() (Writer, bool) {
	switch {
	case d.Count < enoughNumbers:
		return "", false
	case d.Single > 0.99:
		return WriterSingle, true
	case d.Most <= 6:
		return WriterRounded, true
	case d.Shortest > 0.99:
		return WriterShortest, true
	}
	return WriterDouble, true
}

// Altered reports whether the numbers were changed after the engine wrote them, so
// much that the absence of a grid tells nothing, and how that is known.
func Altered(answers []*evidence.Response) (bool, string) {
	d := ReadDecimals(answers)
	switch w, ok := d.Writer(); {
	case ok && w == WriterDouble:
		return true, fmt.Sprintf("of %d numbers only %.0f %% are float32, as engines have them: they were calculated again or noise was added, which hides a grid", d.Count, 100*d.Single)
	case ok && w == WriterRounded && math.Pow(10, -float64(d.Most)) > coarsest/2:
		return true, fmt.Sprintf("all numbers are rounded to %d decimals, which hides the grid of float16", d.Most)
	}
	return false, ""
}
