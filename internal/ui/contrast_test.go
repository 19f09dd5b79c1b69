package ui

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// colour is linear light, red, green and blue.
type colour [3]float64

// luminance is the brightness WCAG compares.
func (c colour) luminance() float64 { return .2126*c[0] + .7152*c[1] + .0722*c[2] }

func contrast(a, b colour) float64 {
	x, y := a.luminance()+.05, b.luminance()+.05
	return math.Max(x, y) / math.Min(x, y)
}

// oklch turns lightness, chroma and hue into linear light, cut to what a
// screen can show.
func oklch(l, c, h float64) colour {
	a, b := c*math.Cos(h*math.Pi/180), c*math.Sin(h*math.Pi/180)
	cube := func(x float64) float64 { return x * x * x }
	l1 := cube(l + .3963377774*a + .2158037573*b)
	m1 := cube(l - .1055613458*a - .0638541728*b)
	s1 := cube(l - .0894841775*a - 1.2914855480*b)
	cut := func(x float64) float64 { return math.Min(1, math.Max(0, x)) }
	return colour{
		cut(4.0767416621*l1 - 3.3077115913*m1 + .2309699292*s1),
		cut(-1.2684380046*l1 + 2.6097574011*m1 - .3413193965*s1),
		cut(-.0041960863*l1 - .7034186147*m1 + 1.7076147010*s1),
	}
}

var (
	pair_    = regexp.MustCompile(`(--[a-z0-9-]+): light-dark\(oklch\(([^)]*)\), oklch\(([^)]*)\)\)`)
	alias    = regexp.MustCompile(`(--[a-z0-9-]+): var\((--[a-z0-9-]+)\)`)
	spaces   = regexp.MustCompile(`\s+`)
	nameless = colour{}
)

func tokens(t *testing.T, theme int) map[string]colour {
	t.Helper()
	css := string(mustRead("css/00-tokens.css"))
	out := map[string]colour{}
	for _, m := range pair_.FindAllStringSubmatch(css, -1) {
		var v [3]float64
		for i, s := range spaces.Split(strings.TrimSpace(m[2+theme]), 3) {
			n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
			if err != nil {
				t.Fatalf("%s: %v", m[0], err)
			}
			if strings.HasSuffix(s, "%") {
				n /= 100
			}
			v[i] = n
		}
		out[m[1]] = oklch(v[0], v[1], v[2])
	}
	for _, m := range alias.FindAllStringSubmatch(css, -1) {
		c, ok := out[m[2]]
		if !ok {
			t.Fatalf("%s names %s, which is no colour", m[1], m[2])
		}
		out[m[1]] = c
	}
	return out
}

func TestTextCanBeReadInBothThemes(t *testing.T) {
	for theme, name := range []string{"light", "dark"} {
		colours := tokens(t, theme)
		for _, text := range []string{"--text", "--text-soft", "--text-faint", "--link", "--ok", "--warn", "--bad", "--info", "--quiet", "--planned"} {
			for _, ground := range []string{"--page", "--card", "--rail", "--hover"} {
				if colours[text] == nameless || colours[ground] == nameless {
					t.Fatalf("%s or %s is not in the tokens", text, ground)
				}
				if got := contrast(colours[text], colours[ground]); got < 4.5 {
					t.Errorf("%s: %s on %s has contrast %.2f, want 4.5", name, text, ground, got)
				}
			}
		}
		if got := contrast(colours["--page"], colours["--text"]); got < 4.5 {
			t.Errorf("%s: the dark button has contrast %.2f", name, got)
		}
	}
}
