package plot

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"slices"
)

// maxPalette is the most colours of a PNG with a palette.
const maxPalette = 256

// maxColors is from how many colours on a search for near ones takes too long.
const maxColors = 20000

// compact gives an image a palette of 256 colours: a third of the size, and
// quicker to compress. The rare shades at the edges of letters and lines become
// the nearest of the frequent ones; the scale of heat maps is kept. An image of very many colours comes back as it is.
func compact(img *image.RGBA) image.Image {
	colors := scaleFirst(frequent(img))
	if len(colors) > maxColors {
		return img
	}
	palette := make(color.Palette, 0, maxPalette)
	index := make(map[pixel]uint8, len(colors))
	for i, p := range colors {
		if i < maxPalette {
			palette = append(palette, color.RGBA{R: p[0], G: p[1], B: p[2], A: p[3]})
			index[p] = uint8(i)
			continue
		}
		index[p] = nearest(colors[:maxPalette], p)
	}
	return indexed(img, palette, index)
}

// scaleFirst moves the colours that stand for values to the front.
func scaleFirst(colors []pixel) []pixel {
	scale := map[pixel]bool{}
	for i := range shades {
		c := shade(i)
		scale[pixel{c.R, c.G, c.B, c.A}] = true
	}
	slices.SortStableFunc(colors, func(a, b pixel) int {
		switch {
		case scale[a] && !scale[b]:
			return -1
		case scale[b] && !scale[a]:
			return 1
		}
		return 0
	})
	return colors
}

func nearest(list []pixel, p pixel) uint8 {
	best, least := 0, math.MaxInt
	for i, q := range list {
		d := 0
		for k := range q {
			d += (int(q[k]) - int(p[k])) * (int(q[k]) - int(p[k]))
		}
		if d < least {
			best, least = i, d
		}
	}
	return uint8(best)
}

// pixel is red, green, blue and alpha.
type pixel [4]uint8

// frequent lists the colours of an image, the most frequent first.
func frequent(img *image.RGBA) []pixel {
	counts := map[pixel]int{}
	last, run := pixel{}, 0
	for i := 0; i < len(img.Pix); i += 4 {
		p := pixel(img.Pix[i : i+4])
		if p != last {
			counts[last] += run
			last, run = p, 0
		}
		run++
	}
	counts[last] += run
	var list []pixel
	for p, n := range counts {
		if n > 0 {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b pixel) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), slices.Compare(a[:], b[:]))
	})
	return list
}

func indexed(img *image.RGBA, palette color.Palette, index map[pixel]uint8) *image.Paletted {
	small := image.NewPaletted(img.Rect, palette)
	last := pixel(img.Pix[:4])
	at := index[last]
	for i := range small.Pix {
		if p := pixel(img.Pix[4*i : 4*i+4]); p != last {
			last, at = p, index[p]
		}
		small.Pix[i] = at
	}
	return small
}
