package published

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/gpubench/gpubench/results"
)

//go:embed figures.csv
var figuresText string

// columns are those that a Query can match, in the order of its fields.
type columns [9]string

// match reports whether every column that is asked for is the same.
func (want columns) match(have columns) bool {
	for i, w := range want {
		if w != "" && w != have[i] {
			return false
		}
	}
	return true
}

// figure is one line of figures.csv.
type figure struct {
	columns
	results.Published
}

// figures is read on first use. The text is part of the program and a test
// reads all of it, so there is no error left to report here.
var figures = sync.OnceValue(func() []figure {
	list, _ := parseFigures(figuresText)
	return list
})

// header is the first line of figures.csv.
const header = "benchmark,instruction,shape,dtype_in,dtype_acc,operand_src,sparsity,parameter,metric," +
	"gpu,value,unit,secondary,source,note"

func parseFigures(text string) ([]figure, error) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || strings.Join(lines[0], ",") != header {
		return nil, fmt.Errorf("figures: the first line is not %q", header)
	}
	list := make([]figure, 0, len(lines)-1)
	for i, l := range lines[1:] {
		f, err := parseFigure(l)
		if err != nil {
			return nil, fmt.Errorf("figures, line %d: %w", i+2, err)
		}
		list = append(list, f)
	}
	return list, nil
}

func parseFigure(l []string) (figure, error) {
	value, err := strconv.ParseFloat(l[10], 64)
	if err != nil {
		return figure{}, fmt.Errorf("value: %w", err)
	}
	secondary, err := strconv.ParseBool(l[12])
	if err != nil {
		return figure{}, fmt.Errorf("secondary: %w", err)
	}
	return figure{columns(l[:9]), results.Published{
		GPU: l[9], Value: value, Unit: l[11], Secondary: secondary, Source: l[13], Note: l[14],
	}}, nil
}
