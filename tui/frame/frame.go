// Package frame is the screen as a grid of cells. Panes draw into it by
// coordinates, with text that is safe and styles that have a meaning; nothing
// is ever joined from strings, so nothing can wrap, overlap or push its
// neighbours. Whatever is drawn where, the frame has the terminal's size:
// everything outside is clipped, and no double-width character is cut in half.
package frame

import (
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// maxSide bounds what a terminal may claim about its size.
const maxSide = 4096

// cell is one place on the screen. A width of 0 is the right half of the
// double-width character before it. A negative r is an index into the grid's
// clusters: a character with combining marks.
type cell struct {
	r     rune
	style theme.Style
	width uint8
}

var blank = cell{r: ' ', width: 1}

// Frame is a view on the grid: all coordinates are relative to it, and nothing
// drawn through it leaves it. New makes the view on everything. A Frame is not
// safe for concurrent use.
type Frame struct {
	g    *grid
	x, y int  // where the view's origin is on the grid
	w, h int  // its size, as asked for (never negative)
	clip Rect // the part of it that may be drawn, in grid coordinates
}

// grid holds the cells that all views share.
type grid struct {
	w, h     int // of the terminal
	cells    []cell
	clusters []string
	zones    []zone
	links    []zone // their names are addresses
	theme    *theme.Theme
	out      []byte
}

type zone struct {
	rect Rect
	name string
}

// New makes a blank frame for a terminal of that size. The last column stays
// empty, so that a character that turns out wider than thought cannot wrap:
// the frame's own width is one less.
func New(width, height int, th *theme.Theme) *Frame {
	f := &Frame{g: &grid{theme: th}}
	f.Resize(width, height)
	return f
}

// Resize gives the frame another size and clears it. Views made by Sub before
// are void.
func (f *Frame) Resize(width, height int) {
	g := f.g
	g.w, g.h = min(max(width, 0), maxSide), min(max(height, 0), maxSide)
	if n := g.w * g.h; cap(g.cells) < n {
		g.cells = make([]cell, n)
	} else {
		g.cells = g.cells[:n]
	}
	f.x, f.y, f.w, f.h = 0, 0, max(g.w-1, 0), g.h
	f.clip = Rect{0, 0, f.w, f.h}
	f.Clear()
}

// SetTheme changes how styles and glyphs are put out from now on.
func (f *Frame) SetTheme(th *theme.Theme) { f.g.theme = th }

// Theme is what styles and glyphs are put out by.
func (f *Frame) Theme() *theme.Theme { return f.g.theme }

// Clear blanks the whole grid and forgets its zones, whichever view it is called on.
func (f *Frame) Clear() {
	g := f.g
	if len(g.cells) > 0 {
		g.cells[0] = blank
		for n := 1; n < len(g.cells); n *= 2 {
			copy(g.cells[n:], g.cells[:n])
		}
	}
	g.clusters, g.zones, g.links = g.clusters[:0], g.zones[:0], g.links[:0]
}

// Width is the number of columns that can be drawn in.
func (f *Frame) Width() int { return f.w }

// Height is the number of rows that can be drawn in.
func (f *Frame) Height() int { return f.h }

// Bounds is the whole view in its own coordinates.
func (f *Frame) Bounds() Rect { return Rect{0, 0, f.w, f.h} }

// Sub is a view on the part r: its 0,0 is r's corner, and it draws nothing
// outside of r, nor outside of f.
func (f *Frame) Sub(r Rect) *Frame {
	r.W, r.H = max(r.W, 0), max(r.H, 0)
	at := Rect{f.x + r.X, f.y + r.Y, r.W, r.H}
	return &Frame{g: f.g, x: at.X, y: at.Y, w: r.W, h: r.H, clip: f.clip.Intersect(at)}
}

// Put draws t from column x on row y and returns the column after it. What
// does not fit is cut off; a double-width character that would be cut is left out.
func (f *Frame) Put(x, y int, style theme.Style, t safe.Text) int {
	end := x + t.Width()
	gx, gy := f.x+x, f.y+y
	if gy < f.clip.Y || gy >= f.clip.Y+f.clip.H {
		return end
	}
	left, right := f.clip.X, f.clip.X+f.clip.W
	if t.ASCII() {
		s := t.String()
		from, to := max(left-gx, 0), min(right-gx, len(s))
		for i := from; i < to; i++ {
			f.g.set(gx+i, gy, cell{r: rune(s[i]), style: style, width: 1})
		}
		return end
	}
	for t.Width() > 0 && gx < right {
		var first string
		var width int
		first, width, t = t.Next()
		if gx >= left && gx+width <= right {
			f.g.setCluster(gx, gy, style, first, width)
		}
		gx += width
	}
	return end
}

// PutFit is Put of at most width cells, ended by … when t is longer.
func (f *Frame) PutFit(x, y, width int, style theme.Style, t safe.Text) int {
	return f.Put(x, y, style, t.Fit(width))
}

// PutRight draws t so that it ends just before column right, and returns the
// column where it starts. What does not fit is cut off on the left.
func (f *Frame) PutRight(right, y int, style theme.Style, t safe.Text) int {
	f.Put(right-t.Width(), y, style, t)
	return right - t.Width()
}

// Rune draws one glyph of the program's own. One that is not exactly a cell
// wide and printable is drawn as ?.
func (f *Frame) Rune(x, y int, style theme.Style, r rune) {
	gx, gy := f.x+x, f.y+y
	if !f.clip.Contains(gx, gy) {
		return
	}
	f.g.set(gx, gy, cell{r: glyph(r), style: style, width: 1})
}

// glyph lets printable ASCII and the ranges pass that are known to be one cell
// of ink everywhere; anything else has to prove it.
func glyph(r rune) rune {
	if r >= 0x20 && r < 0x7f || r >= 0x2500 && r < 0x25fd || r >= 0x2800 && r < 0x2900 {
		return r
	}
	var b [utf8.UTFMax]byte
	t := safe.New(string(b[:utf8.EncodeRune(b[:], r)]), 2)
	if t.Width() != 1 {
		return '?'
	}
	clean, _ := utf8.DecodeRuneInString(t.String())
	return clean
}

// Fill covers r with a glyph.
func (f *Frame) Fill(r Rect, style theme.Style, with rune) {
	with = glyph(with)
	r = f.clip.Intersect(Rect{f.x + r.X, f.y + r.Y, r.W, r.H})
	for y := r.Y; y < r.Y+r.H; y++ {
		for x := r.X; x < r.X+r.W; x++ {
			f.g.set(x, y, cell{r: with, style: style, width: 1})
		}
	}
}

// HLine draws ─ over w cells.
func (f *Frame) HLine(x, y, w int, style theme.Style) { f.Fill(Rect{x, y, w, 1}, style, '─') }

// VLine draws │ over h cells.
func (f *Frame) VLine(x, y, h int, style theme.Style) { f.Fill(Rect{x, y, 1, h}, style, '│') }

// Rule draws a heading on a line: "─ title ─────". An empty title gives the line alone.
func (f *Frame) Rule(y int, line, title theme.Style, t safe.Text) {
	f.HLine(0, y, f.w, line)
	if t.Width() > 0 && f.w > 4 {
		t = t.Fit(f.w - 4)
		f.Fill(Rect{1, y, t.Width() + 2, 1}, theme.Plain, ' ')
		f.Put(2, y, title, t)
	}
}

// Box draws a border along the inside of r.
func (f *Frame) Box(r Rect, style theme.Style) {
	if r.W < 2 || r.H < 2 {
		f.Fill(r, style, '│')
		return
	}
	right, bottom := r.X+r.W-1, r.Y+r.H-1
	f.HLine(r.X, r.Y, r.W, style)
	f.HLine(r.X, bottom, r.W, style)
	f.VLine(r.X, r.Y, r.H, style)
	f.VLine(right, r.Y, r.H, style)
	f.Rune(r.X, r.Y, style, '┌')
	f.Rune(right, r.Y, style, '┐')
	f.Rune(r.X, bottom, style, '└')
	f.Rune(right, bottom, style, '┘')
}

// Restyle changes the style of what is drawn in r, for example to Selected.
func (f *Frame) Restyle(r Rect, style theme.Style) {
	r = f.clip.Intersect(Rect{f.x + r.X, f.y + r.Y, r.W, r.H})
	for y := r.Y; y < r.Y+r.H; y++ {
		row := f.g.cells[y*f.g.w+r.X:][:r.W]
		for i := range row {
			row[i].style = style
		}
	}
}

// Blit copies what src shows to x,y.
func (f *Frame) Blit(x, y int, src *Frame) {
	for sy := src.clip.Y; sy < src.clip.Y+src.clip.H; sy++ {
		for sx := src.clip.X; sx < src.clip.X+src.clip.W; sx++ {
			f.blitCell(x+sx-src.x, y+sy-src.y, src, sx, sy)
		}
	}
}

// blitCell copies one cell, halves of double-width characters only together.
func (f *Frame) blitCell(x, y int, src *Frame, sx, sy int) {
	c := src.g.cells[sy*src.g.w+sx]
	gx, gy := f.x+x, f.y+y
	if c.width == 0 || !f.clip.Contains(gx, gy) {
		return
	}
	if c.width == 2 && (!f.clip.Contains(gx+1, gy) || !src.clip.Contains(sx+1, sy)) {
		c = cell{r: ' ', style: c.style, width: 1}
	}
	if c.r < 0 {
		f.g.setCluster(gx, gy, c.style, src.g.clusters[-c.r-1], int(c.width))
		return
	}
	f.g.set(gx, gy, c)
}

// set writes one cell (and its right half); the caller has clipped. A
// double-width character that loses a half becomes a blank.
func (g *grid) set(x, y int, c cell) {
	i := y*g.w + x
	if old := g.cells[i]; old.width != 1 {
		g.release(i)
	}
	g.cells[i] = c
	if c.width == 2 {
		if g.cells[i+1].width != 1 {
			g.release(i + 1)
		}
		g.cells[i] = c
		g.cells[i+1] = cell{style: c.style}
	}
}

// release blanks the double-width character that covers cell i.
func (g *grid) release(i int) {
	if g.cells[i].width == 0 {
		i--
	}
	style := g.cells[i].style
	g.cells[i] = cell{r: ' ', style: style, width: 1}
	if i+1 < len(g.cells) && g.cells[i+1].width == 0 {
		g.cells[i+1] = cell{r: ' ', style: style, width: 1}
	}
}

func (g *grid) setCluster(x, y int, style theme.Style, s string, width int) {
	r, size := utf8.DecodeRuneInString(s)
	if size < len(s) {
		g.clusters = append(g.clusters, s)
		r = -rune(len(g.clusters))
	}
	g.set(x, y, cell{r: r, style: style, width: uint8(width)})
}

// Zone names a part of the view for the mouse; later zones lie on top.
func (f *Frame) Zone(r Rect, name string) {
	r = f.clip.Intersect(Rect{f.x + r.X, f.y + r.Y, r.W, r.H})
	if !r.Empty() {
		f.g.zones = append(f.g.zones, zone{r, name})
	}
}

// ZoneAt is the topmost zone at that place of the terminal, or "".
func (f *Frame) ZoneAt(x, y int) string {
	for i := len(f.g.zones) - 1; i >= 0; i-- {
		if f.g.zones[i].rect.Contains(x, y) {
			return f.g.zones[i].name
		}
	}
	return ""
}

// Link makes a part of the view a hyperlink (OSC 8), which terminals that know of it
// open by a click; later ones lie on top. What is not plain printable ASCII is none.
func (f *Frame) Link(r Rect, address string) {
	for i := range len(address) {
		if address[i] <= ' ' || address[i] > '~' {
			return
		}
	}
	r = f.clip.Intersect(Rect{f.x + r.X, f.y + r.Y, r.W, r.H})
	if !r.Empty() && address != "" {
		f.g.links = append(f.g.links, zone{r, address})
	}
}
