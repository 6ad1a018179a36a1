package plot

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SVG draws a chart as a picture of lines, described by label for those who do not
// see it. It is light by itself; SVGStyle makes it dark where a reader's screen is,
// and stands in the picture if it is a file of its own, else once in the page.
func SVG(c Chart, label string, file bool) []byte {
	b := &strokes{}
	height := c.height()
	fmt.Fprintf(&b.out, `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		pictureWidth, height, pictureWidth, height, xmlText(label))
	b.out.WriteByte('\n')
	if file {
		fmt.Fprintf(&b.out, "<title>%s</title>\n<style>%s</style>\n", xmlText(label), SVGStyle())
	}
	fmt.Fprintf(&b.out, `<rect class="p" width="%d" height="%d" fill="%s"/>`+"\n", pictureWidth, height, hex(paper))
	drawOn(b, c, 0)
	b.out.WriteString("</svg>\n")
	return b.out.Bytes()
}

// dark are the colours for dark paper, by the class of what is drawn: brighter than
// those for white, and told apart by the same eyes.
func dark() map[string]string {
	return map[string]string{
		"p": "#14181c", "t": "#d5dbe1", "g": "#333b44", "l": "#ff7b72", "m": "#aab4bf", "b": "#6a7580",
		"i0": "#4aa8e8", "i1": "#ff8c42", "i2": "#2fcf9f", "i3": "#eba3cf", "i4": "#f5b942", "i5": "#a8dcfa", "i6": "#f4f4f4",
	}
}

// SVGStyle is the style sheet of charts for dark screens. On paper they stay light.
func SVGStyle() string {
	var b strings.Builder
	b.WriteString("@media screen and (prefers-color-scheme: dark){")
	for _, class := range []string{"p", "t", "g", "l", "m", "b", "i0", "i1", "i2", "i3", "i4", "i5", "i6"} {
		fmt.Fprintf(&b, ".chart .%s{fill:%s}.chart .s.%s{fill:none;stroke:%s}", class, dark()[class], class, dark()[class])
	}
	b.WriteString("}")
	return b.String()
}

// strokes is the brush of SVG.
type strokes struct{ out bytes.Buffer }

// classOf is the class of an ink, by which the style sheet knows it.
func classOf(ink color.RGBA) string {
	switch ink {
	case paper:
		return "p"
	case text:
		return "t"
	case grid:
		return "g"
	case limit:
		return "l"
	case mark:
		return "m"
	case behind:
		return "b"
	}
	for i, known := range inks() {
		if ink == known {
			return "i" + strconv.Itoa(i)
		}
	}
	return ""
}

// inkOf takes an ink that lets through what lies behind apart.
func inkOf(c color.Color) (ink color.RGBA, opacity float64) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return color.RGBA{n.R, n.G, n.B, 0xff}, float64(n.A) / 0xff
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func (b *strokes) points(points []point) {
	for i, p := range points {
		if i > 0 {
			b.out.WriteByte(' ')
		}
		b.out.WriteString(short(p.x))
		b.out.WriteByte(',')
		b.out.WriteString(short(p.y))
	}
}

// short is a tenth of a pixel exact.
func short(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

func (b *strokes) line(_ image.Rectangle, points []point, width float64, c color.Color) {
	ink, _ := inkOf(c)
	fmt.Fprintf(&b.out, `<polyline class="s %s" fill="none" stroke="%s" stroke-width="%s" stroke-linejoin="round" points="`, classOf(ink), hex(ink), short(width))
	b.points(points)
	b.out.WriteString("\"/>\n")
}

func (b *strokes) fill(_ image.Rectangle, points []point, c color.Color) {
	ink, opacity := inkOf(c)
	fmt.Fprintf(&b.out, `<polygon class="%s" fill="%s"`, classOf(ink), hex(ink))
	if opacity < 1 {
		fmt.Fprintf(&b.out, ` fill-opacity="%.2f"`, opacity)
	}
	b.out.WriteString(` points="`)
	b.points(points)
	b.out.WriteString("\"/>\n")
}

// write is in letters seven pixels wide, as those of the other pictures: what is laid
// out for one fits the other.
func (b *strokes) write(s string, x, y int, ink color.RGBA) {
	if s == "" {
		return
	}
	fmt.Fprintf(&b.out, `<text class="%s" fill="%s" x="%d" y="%d" font-family="ui-monospace,'DejaVu Sans Mono',monospace" font-size="11.6" xml:space="preserve">%s</text>`+"\n",
		classOf(ink), hex(ink), x, y, xmlText(s))
}

// point puts what draw draws under a title.
func (v canvas) point(title string, draw func()) {
	b, ok := v.brush.(*strokes)
	if !ok || title == "" {
		draw()
		return
	}
	fmt.Fprintf(&b.out, "<g><title>%s</title>\n", xmlText(title))
	draw()
	b.out.WriteString("</g>\n")
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// xmlText is text for XML, without what XML may not hold.
func xmlText(s string) string {
	return xmlEscapes.Replace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' || r == 0xfffe || r == 0xffff {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}
