package frame

import (
	"strings"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/tui/theme"
)

// String is the whole grid for the terminal: rows joined by line feeds, colour
// sequences only where the style changes, plain blanks at the end of a row left
// out, and every row ending in the plain style.
func (f *Frame) String() string {
	g := f.g
	g.out = g.out[:0]
	for y := range g.h {
		if y > 0 {
			g.out = append(g.out, '\n')
		}
		g.appendRow(y, g.cells[y*g.w:][:g.w])
	}
	return string(g.out)
}

func (g *grid) appendRow(y int, row []cell) {
	end := len(row)
	for end > 0 && row[end-1] == blank {
		end--
	}
	style, fold, link := theme.Plain, g.theme.Glyphs() == theme.ASCII, ""
	for i, c := range row[:end] {
		if c.width == 0 {
			continue
		}
		if len(g.links) > 0 {
			link = g.appendLink(link, g.linkAt(i, y))
		}
		if c.style != style && !(c == blank && style.IsSeries() && goesOn(row[i:end], style)) {
			style = c.style
			g.out = append(g.out, g.theme.Open(style)...)
		}
		g.appendCell(c, fold)
	}
	if style != theme.Plain {
		g.out = append(g.out, g.theme.Open(theme.Plain)...)
	}
	g.appendLink(link, "")
}

// linkAt is the address that a cell of the grid leads to; empty for none.
func (g *grid) linkAt(x, y int) string {
	for i := len(g.links) - 1; i >= 0; i-- {
		if g.links[i].rect.Contains(x, y) {
			return g.links[i].name
		}
	}
	return ""
}

// appendLink ends one hyperlink and begins another, where they differ.
func (g *grid) appendLink(was, now string) string {
	if was != now {
		g.out = append(append(append(g.out, "\x1b]8;;"...), now...), "\x1b\\"...)
	}
	return now
}

// goesOn says whether a line of a chart goes on in its style after some blanks:
// those are drawn in it too, which nobody sees and saves two changes of style.
// After more than a few they would change with the line more often than it saves.
func goesOn(row []cell, style theme.Style) bool {
	const few = 8
	for _, c := range row[:min(len(row), few)] {
		if c != blank {
			return c.style == style
		}
	}
	return false
}

func (g *grid) appendCell(c cell, fold bool) {
	switch {
	case c.r >= 0 && c.r < utf8.RuneSelf:
		g.out = append(g.out, byte(c.r))
	case fold:
		g.appendFolded(c)
	case c.r < 0:
		g.out = append(g.out, g.clusters[-c.r-1]...)
	default:
		g.out = utf8.AppendRune(g.out, c.r)
	}
}

// appendFolded draws for a terminal without glyphs; what is double-width there
// is not to be relied on.
func (g *grid) appendFolded(c cell) {
	switch {
	case c.width == 2:
		g.out = append(g.out, "??"...)
	case c.r < 0:
		r, _ := utf8.DecodeRuneInString(g.clusters[-c.r-1])
		g.out = utf8.AppendRune(g.out, theme.Fold(r))
	default:
		g.out = utf8.AppendRune(g.out, theme.Fold(c.r))
	}
}

// Plain is the whole grid without styles, for tests and for copying: trailing
// blanks cut, a line feed after every row.
func (f *Frame) Plain() string {
	g := f.g
	var b strings.Builder
	fold := g.theme.Glyphs() == theme.ASCII
	for y := range g.h {
		g.out = g.out[:0]
		for _, c := range g.cells[y*g.w:][:g.w] {
			if c.width > 0 {
				g.appendCell(c, fold)
			}
		}
		b.WriteString(strings.TrimRight(string(g.out), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// StyleAt is the style of a cell of the view, for tests.
func (f *Frame) StyleAt(x, y int) theme.Style {
	if !f.clip.Contains(f.x+x, f.y+y) {
		return theme.Plain
	}
	return f.g.cells[(f.y+y)*f.g.w+f.x+x].style
}
