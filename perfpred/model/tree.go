package model

import (
	"math"
	"math/rand/v2"
	"slices"
)

// tree is a regression tree on binned features, in arrays, root first. A node
// with Feature < 0 is a leaf with Value; otherwise bins up to Bin go to Left,
// the rest to Left+1. Missing values go right but in the nodes of MissingLeft,
// which is sorted. Most of a model file are trees: their fields are short.
type tree struct {
	Feature     []int16   `json:"f"`
	Bin         []int16   `json:"b"`
	Left        []int16   `json:"l"`
	Value       []float32 `json:"v"`
	MissingLeft []int16   `json:"m,omitempty"`
}

// maxLeaves is what the small numbers of a tree can count.
const maxLeaves = 1 << 13

// at returns the value for a row of bins.
func (t *tree) at(row []uint8) float64 {
	n := int16(0)
	for t.Feature[n] >= 0 {
		b := int16(row[t.Feature[n]])
		left := b <= t.Bin[n]
		if b == missing {
			_, left = slices.BinarySearch(t.MissingLeft, n)
		}
		n = t.Left[n]
		if !left {
			n++
		}
	}
	return float64(t.Value[n])
}

func (t *tree) leaf() int {
	t.Feature, t.Bin, t.Left = append(t.Feature, -1), append(t.Bin, 0), append(t.Left, 0)
	t.Value = append(t.Value, 0)
	return len(t.Feature) - 1
}

// valid says whether every path ends in a leaf and reads a known feature.
func (t *tree) valid(features int) bool {
	n := len(t.Feature)
	if n == 0 || len(t.Bin) != n || len(t.Left) != n || len(t.Value) != n {
		return false
	}
	for i, f := range t.Feature {
		left := int(t.Left[i])
		if int(f) >= features || f >= 0 && (left <= i || left+1 >= n) {
			return false
		}
	}
	return true
}

// grower grows trees best leaf first on binned features, for squared error.
type grower struct {
	b       *binned
	leaves  int     // at most that many per tree
	least   int     // rows per leaf, at least
	penalty float64 // added to a leaf's number of rows
	rate    float64 // share of a leaf's mean that it gets
	// starts are, per feature looked at, where its bins start in a histogram;
	// one more entry is a histogram's length.
	starts []int
	// hists are histograms free for use again.
	hists [][]bin
	// drawn is room for the residuals of a leaf's rows.
	drawn []float64
	// right is room for the rows that go right in a split.
	right []int
}

// bin sums what falls into one bin of one feature.
type bin struct{ sum, n float64 }

// open is a leaf that may be split.
type open struct {
	node int
	rows []int
	hist []bin
	sum  float64
	best cut
}

// cut is the best split of a leaf; gain 0 is none.
type cut struct {
	gain        float64
	feature     int
	bin         int // up to this one goes left
	missingLeft bool
}

// grow fits a tree to the residuals of these rows, looking at these features.
// It reorders rows and adds each split's gain to the feature's in gains.
func (g *grower) grow(residual []float64, rows []int, features []int, gains []float64) *tree {
	t := &tree{}
	g.layOut(features)
	root := open{rows: rows, hist: g.histogram(residual, rows, features)}
	for _, i := range rows {
		root.sum += residual[i]
	}
	root.node = t.leaf()
	root.best = g.bestCut(&root, features)
	leaves := []open{root}
	for len(leaves) < g.leaves {
		k := widest(leaves)
		if leaves[k].best.gain <= 0 {
			break
		}
		left, right := g.split(t, &leaves[k], residual, features)
		gains[leaves[k].best.feature] += leaves[k].best.gain
		leaves[k] = left
		leaves = append(leaves, right)
	}
	for _, l := range leaves {
		t.Value[l.node] = float32(g.rate * l.sum / (float64(len(l.rows)) + g.penalty))
		g.hists = append(g.hists, l.hist)
	}
	slices.Sort(t.MissingLeft)
	return t
}

func widest(leaves []open) int {
	best := 0
	for k := range leaves {
		if leaves[k].best.gain > leaves[best].best.gain {
			best = k
		}
	}
	return best
}

// histogram sums residuals by feature and bin.
func (g *grower) histogram(residual []float64, rows []int, features []int) []bin {
	hist := g.take()
	g.drawn = g.drawn[:0]
	for _, i := range rows {
		g.drawn = append(g.drawn, residual[i])
	}
	for k, f := range features {
		column, h := g.b.columns[f], hist[g.starts[k]:g.starts[k+1]]
		if len(h) == flagBins {
			flagSums(column, rows, g.drawn, h)
			continue
		}
		for n, i := range rows {
			c := &h[column[i]]
			c.sum += g.drawn[n]
			c.n++
		}
	}
	return hist
}

// flagBins is the number of bins of a feature of two values: a name's column.
const flagBins = 3

// flagSums does without the long chain of additions to one bin that columns of a
// name would be, which hold the same value nearly everywhere.
func flagSums(column []uint8, rows []int, residual []float64, h []bin) {
	var even, odd [4]bin
	for n := 0; n+1 < len(rows); n += 2 {
		a, b := &even[column[rows[n]]&3], &odd[column[rows[n+1]]&3]
		a.sum += residual[n]
		a.n++
		b.sum += residual[n+1]
		b.n++
	}
	if n := len(rows) - 1; n >= 0 && n%2 == 0 {
		a := &even[column[rows[n]]&3]
		a.sum += residual[n]
		a.n++
	}
	for k := range h {
		h[k].sum, h[k].n = even[k].sum+odd[k].sum, even[k].n+odd[k].n
	}
}

// layOut places the features' bins, of which most have few, one after another.
func (g *grower) layOut(features []int) {
	g.starts = append(g.starts[:0], 0)
	for _, f := range features {
		g.starts = append(g.starts, g.starts[len(g.starts)-1]+len(g.b.edges[f])+2)
	}
}

func (g *grower) take() []bin {
	size := g.starts[len(g.starts)-1]
	if n := len(g.hists); n > 0 && cap(g.hists[n-1]) >= size {
		h := g.hists[n-1][:size]
		g.hists = g.hists[:n-1]
		clear(h)
		return h
	}
	return make([]bin, size, len(g.b.edges)*maxBins)
}

// bestCut tries every bin of every feature, missing values on either side.
func (g *grower) bestCut(l *open, features []int) cut {
	var best cut
	if len(l.rows) < 2*g.least {
		return best
	}
	n := float64(len(l.rows))
	whole := l.sum * l.sum / (n + g.penalty)
	for k, f := range features {
		h := l.hist[g.starts[k]:g.starts[k+1]]
		top := len(g.b.edges[f]) + 1 // a cut there leaves the missing alone
		for _, missingLeft := range []bool{false, true} {
			if missingLeft && h[missing].n == 0 {
				continue
			}
			left := bin{}
			if missingLeft {
				left = h[missing]
			}
			for b := 1; b <= top; b++ {
				left.sum += h[b].sum
				left.n += h[b].n
				if h[b].n == 0 || left.n < float64(g.least) || n-left.n < float64(g.least) {
					continue
				}
				rest := l.sum - left.sum
				gain := left.sum*left.sum/(left.n+g.penalty) + rest*rest/(n-left.n+g.penalty) - whole
				if gain > best.gain {
					best = cut{gain, f, b, missingLeft}
				}
			}
		}
	}
	return best
}

// split turns a leaf into two; the smaller child's histogram is summed, the
// other's is the difference.
func (g *grower) split(t *tree, l *open, residual []float64, features []int) (left, right open) {
	column := g.b.columns[l.best.feature]
	at := g.partition(l.rows, func(i int) bool {
		if b := column[i]; b != missing {
			return int(b) <= l.best.bin
		}
		return l.best.missingLeft
	})
	left, right = open{rows: l.rows[:at]}, open{rows: l.rows[at:]}
	for _, i := range left.rows {
		left.sum += residual[i]
	}
	right.sum = l.sum - left.sum
	small, large := &left, &right
	if len(left.rows) > len(right.rows) {
		small, large = &right, &left
	}
	small.hist = g.histogram(residual, small.rows, features)
	large.hist = l.hist
	for k := range large.hist {
		large.hist[k].sum -= small.hist[k].sum
		large.hist[k].n -= small.hist[k].n
	}
	t.Feature[l.node], t.Bin[l.node] = int16(l.best.feature), int16(l.best.bin)
	if l.best.missingLeft {
		t.MissingLeft = append(t.MissingLeft, int16(l.node))
	}
	left.node, right.node = t.leaf(), t.leaf()
	t.Left[l.node] = int16(left.node)
	left.best, right.best = g.bestCut(&left, features), g.bestCut(&right, features)
	return left, right
}

// partition moves the rows that go left to the front, in a stable order, and
// returns their number.
func (g *grower) partition(rows []int, goesLeft func(int) bool) int {
	at := 0
	right := g.right[:0]
	for _, i := range rows {
		if goesLeft(i) {
			rows[at] = i
			at++
		} else {
			right = append(right, i)
		}
	}
	copy(rows[at:], right)
	g.right = right
	return at
}

// sample draws share of n indexes without replacement, in rising order (D. E.
// Knuth, The Art of Computer Programming, vol. 2, algorithm 3.4.2S).
func sample(rng *rand.Rand, n int, share float64) []int {
	k := min(n, max(1, int(math.Round(share*float64(n)))))
	out := make([]int, 0, k)
	for i := range n {
		if rng.IntN(n-i) < k-len(out) {
			out = append(out, i)
		}
	}
	return out
}
