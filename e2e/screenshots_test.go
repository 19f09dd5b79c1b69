package e2e_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// screenshots is where pictures of every page are kept. They are written only
// on request, so that the ordinary test leaves the tree alone.
const screenshots = "../docs/screenshots"

// look checks how a page stands on a desk and on a phone, and keeps its
// pictures when VIGIE_SCREENSHOTS is 1.
func (b *window) look(name, path string) {
	b.t.Helper()
	if path != "" {
		b.open(path)
		b.seen[path] = true
	}
	keep := keepPictures()
	b.fits(name, desk)
	b.accessible(name)
	if keep {
		b.do(chromedp.MouseEvent("mouseMoved", 0, 0))
		b.keep(name + "-light")
	}
	b.theme("dark")
	b.accessible(name + " in the dark")
	if keep {
		b.keep(name + "-dark")
	}
	b.theme("light")
	b.width(phone)
	b.fits(name+" on a phone", phone)
	if keep {
		b.keep(name + "-360")
	}
	b.width(desk)
}

func (b *window) keep(name string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`scrollTo({ top: 0, behavior: "instant" })`))
	raw, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	small, err := smaller(raw)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(screenshots, name+".png"), small, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// tallest is how much of a long page a picture shows.
const tallest = 2600

// smaller writes a picture with 256 colours: the frequent ones first, and none
// beside one that looks the same. A page of few inks loses nothing.
func smaller(raw []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	size := image.Rect(0, 0, full.Bounds().Dx(), min(full.Bounds().Dy(), tallest))
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := range size.Dy() {
		for x := range size.Dx() {
			count[at(x, y)]++
		}
	}
	colours := make([]color.RGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		if n := count[b] - count[a]; n != 0 {
			return n
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	palette := color.Palette{}
	for _, c := range colours {
		if len(palette) == 256 {
			break
		}
		if !slices.ContainsFunc(palette, func(p color.Color) bool { return near(p.(color.RGBA), c) }) {
			palette = append(palette, c)
		}
	}
	index := map[color.RGBA]uint8{}
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(size, palette)
	for y := range size.Dy() {
		for x := range size.Dx() {
			out.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out)
	return b.Bytes(), err
}

// near says that nobody tells two colours apart in the edge of a letter.
func near(a, b color.RGBA) bool {
	d := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return d(a.R, b.R)+d(a.G, b.G)+d(a.B, b.B) < 16
}

// TestSmallerKeepsTheColours guards the pictures against a palette that leaves
// out what a page is made of.
func TestSmallerKeepsTheColours(t *testing.T) {
	in := image.NewRGBA(image.Rect(0, 0, 40, 40))
	for y := range 40 {
		for x := range 40 {
			in.Set(x, y, color.RGBA{R: uint8(x / 20 * 200), G: uint8(y / 20 * 100), B: 7, A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, in); err != nil {
		t.Fatal(err)
	}
	small, err := smaller(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	out, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []image.Point{{1, 1}, {30, 1}, {1, 30}, {30, 30}} {
		if got, want := color.RGBAModel.Convert(out.At(p.X, p.Y)), in.At(p.X, p.Y); got != want {
			t.Errorf("the colour at %v is %v, want %v", p, got, want)
		}
	}
}

// keepPictures says whether the pictures of docs/screenshots are made anew.
func keepPictures() bool { return os.Getenv("VIGIE_SCREENSHOTS") == "1" }
