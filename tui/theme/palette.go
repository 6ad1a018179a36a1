package theme

import (
	"strconv"
	"strings"
)

// ink is one style's look: the parameters of SGR for sixteen colours, and a
// colour of 24 bits with weights for terminals that show more. Where rgb is
// negative the sixteen-colour parameters serve every profile.
type ink struct {
	sgr16  string
	rgb    int    // 0xRRGGBB, or own (see above)
	weight string // SGR weights to go with rgb: "1" bold, "7" reverse
}

const own = -1

// mono is how the styles differ where there is no colour: by weight only.
func mono(s Style) string {
	switch s {
	case Bright, Accent, Title, Key, Crit, Sev1, Warn:
		return "1"
	case Selected, Danger, Tag1, Tag2, Tag3, Tag4:
		return "7"
	case Dim, Faint, Border, Sev4:
		return "2"
	case Link, Wrong:
		return "4"
	}
	if s == Heat(HeatLevels-1) {
		return "1"
	}
	return ""
}

type palette struct {
	inks  [numStyles]ink
	shade [4]string // background parameters by profile
}

// opener is the full sequence for s; it starts from a reset.
func (p *palette) opener(s Style, profile Profile, shaded bool) string {
	k := p.inks[s]
	params := k.sgr16
	switch {
	case profile == NoColour:
		params = mono(s)
	case profile >= Colour256 && k.rgb != own:
		params = join(k.weight, foreground(k.rgb, profile))
	}
	if shaded {
		params = join(params, p.shade[profile])
	}
	if params == "" {
		return "\x1b[m"
	}
	return "\x1b[0;" + params + "m"
}

func join(a, b string) string {
	return strings.Trim(a+";"+b, ";")
}

func foreground(rgb int, profile Profile) string {
	if profile == Colour256 {
		return "38;5;" + strconv.Itoa(cube(rgb))
	}
	return "38;2;" + strconv.Itoa(rgb>>16&255) + ";" + strconv.Itoa(rgb>>8&255) + ";" + strconv.Itoa(rgb&255)
}

// cube is the nearest of xterm's 256 colours: the 6x6x6 cube or the grey ramp.
// The first sixteen are left out, because users repaint them.
func cube(rgb int) int {
	levels := [6]int{0, 95, 135, 175, 215, 255}
	nearest := func(v int) int {
		best := 0
		for i, l := range levels {
			if abs(l-v) < abs(levels[best]-v) {
				best = i
			}
		}
		return best
	}
	r, g, b := rgb>>16&255, rgb>>8&255, rgb&255
	ri, gi, bi := nearest(r), nearest(g), nearest(b)
	grey := min(max(((r+g+b)/3-3)/10, 0), 23)
	gv := 8 + 10*grey
	distance := func(x, y, z int) int { return (x-r)*(x-r) + (y-g)*(y-g) + (z-b)*(z-b) }
	if distance(gv, gv, gv) < distance(levels[ri], levels[gi], levels[bi]) {
		return 232 + grey
	}
	return 16 + 36*ri + 6*gi + bi
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}

func paletteOf(o Options) *palette {
	switch o.Name {
	case "dark":
		return rgbPalette(darkTones(), true)
	case "light":
		return rgbPalette(lightTones(), false)
	case "high-contrast":
		return contrast(o.Dark)
	case "colour-blind":
		return rgbPalette(okabeIto(o.Dark), o.Dark)
	}
	return sixteen(o.Dark)
}

// sixteen uses the terminal's own palette, so the user's choice of colours is
// respected on every profile. Dim is the faint weight, not bright black, which
// is the background colour in Solarized.
func sixteen(dark bool) *palette {
	series := [MaxSeries]string{"34", "35", "36", "32", "33", "31", "95", "90"}
	accent, warn := "1;36", "33"
	if dark {
		series = [MaxSeries]string{"94", "95", "36", "32", "33", "31", "96", "37"}
		accent, warn = "1;96", "93"
	}
	sgr := map[Style]string{
		Bright: "1", Dim: "2", Faint: "90", Accent: accent, Title: "1", Key: "1;36",
		Selected: "7", Border: "90", Danger: "1;31", OK: "32", Warn: warn, Crit: "1;31",
		Sev1: "1;31", Sev2: warn, Sev3: "35", Sev4: "2",
		Tag1: "1;97;41", Tag2: "30;43", Tag3: "97;45", Tag4: "7;2",
		Link: "4", Input: "1", Crosshair: accent, Threshold: warn, Wrong: "4;1;31",
	}
	var p palette
	for i := range p.inks {
		p.inks[i] = ink{sgr16: sgr[Style(i)], rgb: own}
	}
	for i, s := range series {
		p.inks[int(firstSeries)+i] = ink{sgr16: s, rgb: own}
	}
	for i, rgb := range heatTones(dark) {
		p.inks[int(firstHeat)+i] = ink{sgr16: [HeatLevels]string{"34", "34", "36", "36", "33", "33", "1;33"}[i], rgb: rgb}
	}
	p.shade = shades(dark)
	return &p
}

// heatTones go from near the background to far from it, and are in this order for
// eyes that see few colours too. Source: viridis, by van der Walt and Smith.
func heatTones(dark bool) [HeatLevels]int {
	if dark {
		return [HeatLevels]int{0x443983, 0x31688e, 0x21918c, 0x35b779, 0x90d743, 0xc8e020, 0xfde725}
	}
	return [HeatLevels]int{0xc8d8a0, 0x90d743, 0x35b779, 0x21918c, 0x31688e, 0x443983, 0x440154}
}

func shades(dark bool) [4]string {
	if dark {
		return [4]string{"", "", "48;5;236", "48;2;46;40;44"}
	}
	return [4]string{"", "", "48;5;255", "48;2;240;232;232"}
}

// tones are the few colours a 24-bit theme is made of.
type tones struct {
	text, dim, faint, accent, key, ok, warn, crit, sev3, crosshair int
	series                                                         [MaxSeries]int
}

func darkTones() tones {
	return tones{
		text: 0xd7dae0, dim: 0x9aa2ae, faint: 0x5c6370, accent: 0x5fd7ff, key: 0x7fb4ca,
		ok: 0x8fbf7f, warn: 0xe5b567, crit: 0xf2666f, sev3: 0xc58fe0, crosshair: 0x5fd7ff,
		series: [MaxSeries]int{0x6fb3ff, 0xd39bf0, 0x5ec4b6, 0xb5c86f, 0xe8a06a, 0xf09ab5, 0xa5b4d4, 0xc9c4b5},
	}
}

func lightTones() tones {
	return tones{
		text: 0x22262e, dim: 0x5b6270, faint: 0xa3a9b4, accent: 0x005f9e, key: 0x20647d,
		ok: 0x2f7d32, warn: 0x9a6100, crit: 0xc0202c, sev3: 0x7d3fa0, crosshair: 0x005f9e,
		series: [MaxSeries]int{0x1f6fc4, 0x8a3fb5, 0x0f7f74, 0x5f7313, 0xa85a12, 0xb03a6a, 0x4d5d85, 0x6b6657},
	}
}

// okabeIto are colours that people with any of the common colour vision
// deficiencies tell apart. Source: Okabe and Ito, Color Universal Design, 2002.
func okabeIto(dark bool) tones {
	t := lightTones()
	if dark {
		t = darkTones()
	}
	const orange, sky, green, yellow, blue, vermilion, purple = 0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2, 0xd55e00, 0xcc79a7
	t.ok, t.warn, t.crit, t.sev3 = green, orange, vermilion, purple
	t.accent, t.crosshair = blue, blue
	t.series = [MaxSeries]int{blue, orange, green, purple, vermilion, sky, 0x8a8000, t.dim}
	if dark {
		t.accent, t.crosshair = sky, sky
		t.series = [MaxSeries]int{sky, orange, green, yellow, purple, vermilion, blue, t.dim}
	}
	return t
}

// rgbPalette gives every style a tone; in sixteen colours it falls back to the
// nearest entry of the terminal's own palette.
func rgbPalette(t tones, dark bool) *palette {
	p := sixteen(dark)
	set := func(s Style, rgb int, weight string) { p.inks[s].rgb, p.inks[s].weight = rgb, weight }
	set(Plain, t.text, "")
	set(Bright, t.text, "1")
	set(Dim, t.dim, "")
	set(Faint, t.faint, "")
	set(Border, t.faint, "")
	set(Accent, t.accent, "1")
	set(Title, t.text, "1")
	set(Key, t.key, "1")
	set(Selected, t.text, "7")
	set(Danger, t.crit, "1")
	set(OK, t.ok, "")
	set(Warn, t.warn, "")
	set(Crit, t.crit, "1")
	set(Sev1, t.crit, "1")
	set(Sev2, t.warn, "")
	set(Sev3, t.sev3, "")
	set(Sev4, t.dim, "")
	set(Tag1, t.crit, "1;7")
	set(Tag2, t.warn, "7")
	set(Tag3, t.sev3, "7")
	set(Tag4, t.dim, "7")
	set(Link, t.key, "4")
	set(Input, t.text, "1")
	set(Crosshair, t.crosshair, "1")
	set(Threshold, t.warn, "")
	set(Wrong, t.crit, "1;4")
	for i, rgb := range t.series {
		set(Series(i), rgb, "")
	}
	return p
}

// contrast has no grey at all: everything is the full foreground, and weight
// and reverse video do what grey does elsewhere.
func contrast(dark bool) *palette {
	p := sixteen(dark)
	for _, s := range []Style{Dim, Faint, Border, Sev4} {
		p.inks[s].sgr16 = ""
	}
	p.inks[Tag4].sgr16 = "7"
	for _, s := range []Style{OK, Warn, Threshold, Sev2, Sev3} {
		p.inks[s].sgr16 = join("1", p.inks[s].sgr16)
	}
	return p
}
