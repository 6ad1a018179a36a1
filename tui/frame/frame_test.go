package frame

import (
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

func TestRowsEndPlainAndColourOnlyWhereItChanges(t *testing.T) {
	f := New(20, 2, theme.Default())
	x := f.Put(0, 0, theme.OK, safe.Const("all"))
	f.Put(x, 0, theme.OK, safe.Const(" well"))
	f.PutRight(f.Width(), 0, theme.Plain, safe.Const("03:12"))
	require.Equal(t, "\x1b[0;32mall well\x1b[m      03:12\n", f.String())
	require.Equal(t, "all well      03:12\n\n", f.Plain())
}

func TestDoubleWidthIsNeverCut(t *testing.T) {
	f := New(7, 1, theme.Default())
	f.Put(0, 0, theme.Plain, safe.Const("日本語"))
	require.Equal(t, "日本語\n", f.Plain())
	f.Put(1, 0, theme.Plain, safe.Const("x")) // the right half of 日
	require.Equal(t, " x本語\n", f.Plain())
	f.Put(1, 0, theme.Plain, safe.Const("語")) // over x and the left half of 本
	require.Equal(t, " 語 語\n", f.Plain())
	f.Put(5, 0, theme.Plain, safe.Const("界")) // does not fit
	require.Equal(t, " 語 語\n", f.Plain())
	f.Sub(Rect{0, 0, 2, 1}).Put(0, 0, theme.Plain, safe.Const("a日"))
	require.Equal(t, "a語 語\n", f.Plain())
}

func TestViewsClip(t *testing.T) {
	f := New(11, 3, theme.Default())
	v := f.Sub(Rect{2, 1, 5, 1})
	v.Put(-2, 0, theme.Plain, safe.Const("0123456789"))
	v.Put(0, 1, theme.Plain, safe.Const("below"))
	require.Equal(t, "\n  23456\n\n", f.Plain())
	inner := v.Sub(Rect{3, 0, 9, 9})
	require.Equal(t, Rect{0, 0, 9, 9}, inner.Bounds())
	inner.Put(0, 0, theme.Plain, safe.Const("abc"))
	require.Equal(t, "\n  234ab\n\n", f.Plain())
}

func TestMarksTravelWithTheirCharacter(t *testing.T) {
	src := New(6, 1, theme.Default())
	src.Put(0, 0, theme.OK, safe.Const("e\u0301日"))
	f := New(9, 2, theme.Default())
	f.Blit(1, 1, src)
	require.Equal(t, "\n e\u0301日\n", f.Plain())
	require.Equal(t, theme.OK, f.StyleAt(1, 1))
}

func TestASCIITerminal(t *testing.T) {
	th, err := theme.New(theme.Options{Glyphs: theme.ASCII})
	require.NoError(t, err)
	f := New(24, 2, th)
	f.Rule(0, theme.Border, theme.Title, safe.Const("now · 3▲ …"))
	f.Put(0, 1, theme.Plain, safe.Const("日 é ✓⣿"))
	require.Equal(t, "- now * 3^ ~ ----------\n?? é +*\n", f.Plain())
}

func TestBoxRuleZone(t *testing.T) {
	f := New(13, 4, theme.Default())
	f.Box(Rect{0, 0, 12, 4}, theme.Border)
	f.Sub(Rect{1, 1, 10, 2}).Rule(0, theme.Border, theme.Title, safe.Const("a long heading"))
	require.Equal(t, "┌──────────┐\n│─ a lon… ─│\n│          │\n└──────────┘\n", f.Plain())
	f.Zone(Rect{0, 0, 12, 4}, "pane")
	f.Sub(Rect{1, 1, 10, 2}).Zone(Rect{0, 0, 3, 1}, "button")
	require.Equal(t, "button", f.ZoneAt(2, 1))
	require.Equal(t, "pane", f.ZoneAt(5, 1))
	require.Empty(t, f.ZoneAt(40, 1))
}

var allowed = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Whatever is drawn wherever, the frame has the terminal's size, its last
// column is empty, and nothing but colours and printable text comes out.
func TestAlwaysFitsTheTerminal(t *testing.T) {
	side := rapid.IntRange(-5, 320)
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(-1, 300).Draw(t, "w"), rapid.IntRange(-1, 100).Draw(t, "h")
		f := New(w, h, theme.Default())
		views := []*Frame{f}
		rect := rapid.Custom(func(t *rapid.T) Rect {
			return Rect{side.Draw(t, "x"), side.Draw(t, "y"), side.Draw(t, "w"), side.Draw(t, "h")}
		})
		for range rapid.IntRange(1, 30).Draw(t, "acts") {
			v := rapid.SampledFrom(views).Draw(t, "view")
			r, style := rect.Draw(t, "rect"), theme.Style(rapid.Byte().Draw(t, "style"))
			text := safe.New(rapid.StringOf(rapid.RuneFrom([]rune("ab 日語é\u0301\x1b\n▲👍"))).Draw(t, "text"), 400)
			switch rapid.IntRange(0, 9).Draw(t, "act") {
			case 0, 1:
				v.Put(r.X, r.Y, style, text)
			case 2:
				v.PutRight(r.X, r.Y, style, text)
			case 3:
				v.Fill(r, style, rapid.Rune().Draw(t, "rune"))
			case 4:
				v.Box(r, style)
			case 5:
				v.Restyle(r, style)
			case 6:
				v.Rule(r.Y, style, style, text)
			case 7:
				views = append(views, v.Sub(r))
			case 8:
				src := New(rapid.IntRange(0, 40).Draw(t, "sw"), 3, theme.Default())
				src.Put(r.X%9, 1, style, text)
				v.Blit(r.X, r.Y, src)
			case 9:
				v.PutFit(r.X, r.Y, r.W, style, text)
				v.Zone(r, "z")
			}
		}
		w, h = max(w, 0), max(h, 0)
		plain := allowed.ReplaceAllString(f.String(), "")
		rows := strings.Split(plain, "\n")
		require.Len(t, rows, max(h, 1))
		for _, row := range rows {
			require.LessOrEqual(t, ansi.StringWidthWc(row), max(w-1, 0), "%q", row)
			require.NotContains(t, row, "\x1b")
		}
		for y := range f.g.h {
			total := 0
			for x, c := range f.g.cells[y*f.g.w:][:f.g.w] {
				total += int(c.width)
				if c.width == 2 {
					require.Zero(t, f.g.cells[y*f.g.w+x+1].width, "right half")
				}
			}
			require.Equal(t, f.g.w, total, "row %d", y)
		}
	})
}

func TestDivisionsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rect{rapid.IntRange(-9, 9).Draw(t, "x"), 3, rapid.IntRange(-3, 300).Draw(t, "w"), rapid.IntRange(-3, 90).Draw(t, "h")}
		weights := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 9).Draw(t, "weights")
		gap := rapid.IntRange(-1, 3).Draw(t, "gap")
		at := r.X
		for _, c := range r.Columns(gap, weights...) {
			require.GreaterOrEqual(t, c.X, at)
			require.GreaterOrEqual(t, c.W, 0)
			at = c.X + c.W
		}
		require.LessOrEqual(t, at, r.X+max(r.W, 0))
		top, rest := r.Top(rapid.IntRange(-2, 100).Draw(t, "n"))
		require.Equal(t, r.H, top.H+rest.H)
	})
	require.Equal(t, []Rect{{0, 0, 5, 2}, {6, 0, 5, 2}}, Rect{0, 0, 11, 2}.Columns(1, 1, 1))
	require.Equal(t, []Rect{{0, 0, 8, 2}, {8, 0, 4, 2}}, Rect{0, 0, 12, 2}.Columns(0, 2, 1))
	require.Len(t, Rect{0, 0, 80, 24}.Grid(3, 4, 1), 12)
}

func screenful(f *Frame, text safe.Text) string {
	f.Clear()
	for y := range f.Height() {
		x := 0
		for x < f.Width() {
			x = f.Put(x, y, theme.Series(x/20), text) + 1
		}
	}
	return f.String()
}

func TestAFrameIsOneAllocation(t *testing.T) {
	f, text := New(200, 60, theme.Default()), safe.Const("checkout 5xx ratio")
	screenful(f, text)
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() { screenful(f, text) }), 2.0)
}

func BenchmarkClearDrawString200x60(b *testing.B) {
	f, text := New(200, 60, theme.Default()), safe.Const("checkout 5xx ratio")
	b.ReportAllocs()
	for b.Loop() {
		screenful(f, text)
	}
}

// A link opens and closes in its row, and what could be more than an address is none.
func TestLinks(t *testing.T) {
	f := New(12, 2, theme.Default())
	f.Put(1, 0, theme.Plain, safe.Const("here"))
	f.Link(Rect{X: 1, W: 4, H: 1}, "https://x/?a=b")
	f.Link(Rect{X: 1, Y: 1, W: 4, H: 1}, "https://x/\x1b[2J")
	require.Equal(t, " \x1b]8;;https://x/?a=b\x1b\\here\x1b]8;;\x1b\\\n", f.String())
	f.Clear()
	f.Put(1, 0, theme.Plain, safe.Const("here"))
	require.Equal(t, " here\n", f.String())
}
