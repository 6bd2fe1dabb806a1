package model

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// tree is a regression tree on binned features: nodes of nodeBytes, level by
// level, root first. It is used as it lies in the file, because a model has some
// 100,000 nodes.
//
// A node is two little-endian numbers of 16 bits. If the first is 0 it is a leaf,
// and the second is the upper half of its value as a float32. Otherwise the first
// is twice the feature's number, from 1 on, plus 1 if missing values go left; the
// low byte of the second is the last bin that goes left, the high byte how much
// further on the left child is. The right one is behind it.
type tree []byte

const (
	nodeBytes = 4
	// maxLeaves keeps a level, and so the way to a child, within a byte.
	maxLeaves = 255
	// maxFeatures is what a node can number.
	maxFeatures = 1<<15 - 1
)

func (t tree) node(i int) (first, second uint16) {
	both := binary.LittleEndian.Uint32(t[nodeBytes*i:])
	return uint16(both), uint16(both >> 16)
}

// at returns the value for a row of bins.
func (t tree) at(row []uint8) float64 {
	for i := 0; ; {
		first, second := t.node(i)
		if first == 0 {
			return float64(math.Float32frombits(uint32(second) << 16))
		}
		b := row[first/2-1]
		left := b <= uint8(second)
		if b == missing {
			left = first%2 == 1
		}
		if i += int(second >> 8); !left {
			i++
		}
	}
}

// firstTree cuts the first tree off the data. It returns nil where there is none
// on so many features.
func firstTree(data []byte, features int) (t tree, rest []byte) {
	known, broken := 1, false // nodes that a parent has, or that are the root
	for i := 0; i < known; i++ {
		if nodeBytes*known > len(data) {
			return nil, nil
		}
		switch first, second := tree(data).node(i); {
		case first == 0:
			broken = broken || second&infinite == infinite
		default:
			broken = broken || first == 1 || int(first/2) > features || int(second>>8) != known-i
			known += 2
		}
	}
	if broken {
		return nil, nil
	}
	return data[:nodeBytes*known], data[nodeBytes*known:]
}

// infinite is the exponent of a value that is no finite number.
const infinite = 0x7f80

// growing is a tree that is not finished: children may be anywhere.
type growing []growingNode

// growingNode is a leaf if it has no left child. The right one is behind it.
type growingNode struct {
	left  int
	split cut
	value float64
}

// leaf adds a leaf and returns its index.
func (t *growing) leaf() int {
	*t = append(*t, growingNode{})
	return len(*t) - 1
}

// finish puts the nodes in order. What a leaf loses in precision the trees that
// are grown behind it make up for.
func (t growing) finish() tree {
	var out tree
	order := []int{0}
	for i := 0; i < len(order); i++ {
		n := t[order[i]]
		first, second := 0, roundedHalf(float32(n.value))
		if n.left > 0 {
			first = 2 * (n.split.feature + 1)
			if n.split.missingLeft {
				first++
			}
			second = uint16(n.split.bin | (len(order)-i)<<8)
			order = append(order, n.left, n.left+1)
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(first))
		out = binary.LittleEndian.AppendUint16(out, second)
	}
	return out
}

// roundedHalf is the upper half of a float32, rounded to the nearest.
func roundedHalf(v float32) uint16 {
	bits := math.Float32bits(v)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
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
func (g *grower) grow(residual []float64, rows []int, features []int, gains []float64) tree {
	var t growing
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
		left, right := g.split(&t, &leaves[k], residual, features)
		gains[leaves[k].best.feature] += leaves[k].best.gain
		leaves[k] = left
		leaves = append(leaves, right)
	}
	for _, l := range leaves {
		t[l.node].value = g.rate * l.sum / (float64(len(l.rows)) + g.penalty)
		g.hists = append(g.hists, l.hist)
	}
	return t.finish()
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
func (g *grower) split(t *growing, l *open, residual []float64, features []int) (left, right open) {
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
	left.node, right.node = t.leaf(), t.leaf()
	(*t)[l.node] = growingNode{left: left.node, split: l.best}
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
