// Package drawing holds what pictures of all kinds have in common: colours, letters,
// and the file.
package drawing

import (
	"bytes"
	"image/color"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Color is a colour as 0xRRGGBB, opaque.
type Color uint32

// Colours. Blue and Red are Okabe and Ito's, which stay apart for all common kinds of
// colour blindness.
const (
	Ink  Color = 0x1d2733
	Pale Color = 0xb8c2cc
	Blue Color = 0x0072b2
	Red  Color = 0xd55e00
)

// NRGBA is the colour's parts.
func (c Color) NRGBA() color.NRGBA {
	return color.NRGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 0xff}
}

// RGBA implements color.Color.
func (c Color) RGBA() (r, g, b, a uint32) { return c.NRGBA().RGBA() }

// Letters is a style of text of a size in points.
func Letters(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, Handler: text.Plain{Fonts: font.DefaultCache}}
}

// DPI is how many dots an inch has in pictures.
const DPI = 96

// PNG is what is drawn on a canvas of a size in points.
func PNG(width, height vg.Length, paint func(draw.Canvas)) ([]byte, error) {
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(DPI))
	paint(draw.New(img))
	var out bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(&out)
	return out.Bytes(), err
}
