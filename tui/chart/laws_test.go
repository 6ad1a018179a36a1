package chart

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// column is the dots of one column of the canvas, from the top.
func (c *canvas) column(x int) string {
	var b strings.Builder
	for y := range c.rows() {
		dot := byte('.')
		if c.mask[y/c.dy*c.w+x/c.dx]&c.bit(x%c.dx, y%c.dy) != 0 {
			dot = '#'
		}
		b.WriteByte(dot)
	}
	return b.String()
}

// A window that moves on by one step moves the picture by whole cells or not at
// all, and changes nothing else: no shimmer, and few bytes on a slow line.
func TestTheNextStepMovesThePicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SampledFrom([]theme.Glyphs{theme.Braille, theme.Block, theme.ASCII}).Draw(t, "set")
		width := rapid.IntRange(12, 60).Draw(t, "width")
		dx, _ := dotsOf(set)
		n := rapid.OneOf(rapid.Just((width-gutter)*dx), rapid.IntRange(20, 400)).Draw(t, "n")
		series := rapid.SliceOfN(rapid.Float64Range(0, 100), n+1, n+1).Draw(t, "values")
		start := t0.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(t, "at")) * time.Second)
		th, err := theme.New(theme.Options{Glyphs: set})
		require.NoError(t, err)
		paint := func(at int) (*Painter, plot.Window) {
			s := &Spec{Start: start.Add(time.Duration(at) * time.Second), Step: time.Second, Y: YAxis{Max: 100, HasMin: true, HasMax: true}, Series: []Series{{Values: series[at : at+n]}}}
			p := new(Painter)
			p.Draw(frame.New(width+1, 10, th), s)
			return p, s.window(p.dots.columns(), p.dots.dx)
		}
		before, w1 := paint(0)
		after, w2 := paint(1)
		moved := w1.Column(n-1) - w2.Column(n-2)
		require.Zero(t, moved%dx)
		if n == before.dots.columns() {
			require.Contains(t, []int{0, dx}, moved)
		}
		// The oldest column has lost the line it was joined to, the newest has not got its next yet.
		stretch := w1.Columns/n + 2
		for x := moved + stretch; x < before.dots.columns()-stretch; x++ {
			require.Equal(t, before.dots.column(x), after.dots.column(x-moved), "column %d", x)
		}
	})
}

func TestAHoleIsAHole(t *testing.T) {
	values := make([]float64, 80)
	for i := range values {
		values[i] = 5
		if i >= 30 && i < 50 {
			values[i] = math.NaN()
		}
	}
	p := new(Painter)
	p.Draw(frame.New(48, 10, newTheme(t, theme.Braille)), &Spec{Start: t0, Step: time.Second, Series: []Series{{Values: values}}})
	require.Equal(t, 80, p.dots.columns())
	for x := range 80 {
		require.Equal(t, x < 30 || x >= 50, strings.Contains(p.dots.column(x), "#"), "column %d", x)
	}
}

func TestDipsAndSpikesAreDrawn(t *testing.T) {
	values := make([]float64, 4000)
	for i := range values {
		values[i] = 50
	}
	values[1500], values[3000] = 0, 100
	p := new(Painter)
	p.Draw(frame.New(48, 12, newTheme(t, theme.Braille)), &Spec{Start: t0, Step: time.Second, Y: YAxis{HasMin: true, HasMax: true, Max: 100}, Series: []Series{{Values: values}}})
	tops, bottoms := 0, 0
	for x := range p.dots.columns() {
		col := p.dots.column(x)
		tops += strings.Count(col[:1], "#")
		bottoms += strings.Count(col[len(col)-1:], "#")
	}
	require.Equal(t, []int{1, 1}, []int{tops, bottoms})
}

// A line is connected: every column has dots, and they reach the neighbour's.
func TestLinesAreContinuous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 300).Draw(t, "n")
		values := rapid.SliceOfN(rapid.Float64Range(0, 10), n, n).Draw(t, "values")
		p := new(Painter)
		th, _ := theme.New(theme.Options{})
		p.Draw(frame.New(48, 12, th), &Spec{Start: t0, Step: time.Second, Series: []Series{{Values: values}}})
		previous := ""
		for x := range p.dots.columns() {
			col := p.dots.column(x)
			if !strings.Contains(col, "#") && (previous == "" || x == p.dots.columns()-1) {
				continue // a line of few values begins where its first one is, and its last cell may be half full
			}
			require.Contains(t, col, "#")
			require.NotContains(t, strings.Trim(col, "."), ".", "one piece")
			if previous != "" {
				require.LessOrEqual(t, strings.Index(col, "#"), strings.LastIndex(previous, "#")+1)
				require.GreaterOrEqual(t, strings.LastIndex(col, "#")+1, strings.Index(previous, "#"))
			}
			previous = col
		}
	})
}

func TestEventsOnOneCellAreCounted(t *testing.T) {
	s := checkout()
	s.Marks = nil
	for range 3 {
		s.Marks = append(s.Marks, Mark{At: t0.Add(30 * time.Minute), Kind: Note})
	}
	require.Contains(t, render(t, s, 80, 12, theme.Braille), " 3 ")
	for range 9 {
		s.Marks = append(s.Marks, Mark{At: t0.Add(30 * time.Minute), Kind: Note})
	}
	require.Contains(t, render(t, s, 80, 12, theme.Braille), " + ")
	s.Marks = append(s.Marks, Mark{At: t0.Add(30 * time.Minute), Kind: Alert})
	f := frame.New(81, 12, newTheme(t, theme.Braille))
	Draw(f, s)
	rows := strings.Split(f.Plain(), "\n")
	x := strings.IndexByte(rows[11], '!')
	require.Positive(t, x)
	require.Equal(t, theme.Crit, f.StyleAt(x, 11), "an alert is not hidden among notes, with colours or without")
}

func TestChaosIsShadedWhereColoursAllow(t *testing.T) {
	th, err := theme.New(theme.Options{Name: "dark", Profile: theme.TrueColour})
	require.NoError(t, err)
	f := frame.New(81, 16, th)
	Draw(f, checkout())
	require.Contains(t, f.String(), "48;2;46;40;44")
}

func TestTheFigureSaysWhatIsWrong(t *testing.T) {
	title := func(change func(*Spec), w int) string {
		s := checkout()
		change(s)
		first, _, _ := strings.Cut(render(t, s, w, 8, theme.Braille), "\n")
		return first
	}
	for _, c := range []struct {
		change func(*Spec)
		w      int
		want   string
	}{
		{func(*Spec) {}, 40, "5xx ratio                   8.18% > 5% ▲"},
		{func(*Spec) {}, 16, "5xx ratio  8.18%"},
		{func(*Spec) {}, 12, "5xx r… 8.18%"},
		{func(*Spec) {}, 5, "8.18%"},
		{func(*Spec) {}, 3, "8.…"},
		{func(s *Spec) { s.State.Age = 42 * time.Second }, 40, "5xx ratio 42 s old          8.18% > 5% ▲"},
		{func(s *Spec) { s.State.Error = safe.Const("timeout after 10s") }, 40, "5xx ratio error: timeout after 10s 8.18%"},
		{func(s *Spec) { s.State.Stale = 95 * time.Second }, 24, "5xx ratio no data… 8.18%"},
		{func(s *Spec) { s.Thresholds = []Threshold{{Value: 1, Below: true}} }, 40, "5xx ratio                 8.18% < 100% ▲"},
		{func(s *Spec) { s.Series = nil }, 40, "5xx ratio"},
		{func(s *Spec) { s.Crosshair = t0.Add(time.Hour * 9) }, 40, "5xx ratio                              -"},
	} {
		require.Equal(t, c.want, title(c.change, c.w))
	}
}

// Whatever a source answers, and however small the panel is, something is drawn
// and nothing breaks.
func TestAnySpecAtAnySize(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 5e-324, 1e15}))
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		return rapid.SampledFrom([]time.Time{{}, t0, t0.Add(time.Minute), t0.Add(-time.Hour), t0.AddDate(300, 0, 0), time.Unix(1<<55, 0)}).Draw(t, "time")
	})
	text := rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("ab 日é\x1b"))), func(s string) safe.Text { return safe.New(s, 200) })
	axis := rapid.Custom(func(t *rapid.T) YAxis {
		return YAxis{
			number.Draw(t, "min"), number.Draw(t, "max"), rapid.Bool().Draw(t, "hasMin"), rapid.Bool().Draw(t, "hasMax"), rapid.Bool().Draw(t, "tight"), rapid.Bool().Draw(t, "log"),
			rapid.SampledFrom([]int{0, 2, 10}).Draw(t, "base"), number.Draw(t, "softMin"), number.Draw(t, "softMax"), rapid.Bool().Draw(t, "hasSoftMin"), rapid.Bool().Draw(t, "hasSoftMax"),
			rapid.SampledFrom([]func(float64) float64{nil, func(float64) float64 { return 1024 }, func(v float64) float64 { return v }}).Draw(t, "unit"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := &Spec{
			Title: text.Draw(t, "title"), Start: instant.Draw(t, "start"),
			Step:   time.Duration(rapid.SampledFrom([]int64{0, -1, 1, 1e9, 15e9, 1e18}).Draw(t, "step")),
			Points: rapid.IntRange(-1, 300).Draw(t, "points"),
			Y:      axis.Draw(t, "left"), Right: axis.Draw(t, "right"), Calc: rapid.Bool().Draw(t, "calc"),
			Crosshair: instant.Draw(t, "crosshair"), Focus: rapid.IntRange(-2, 12).Draw(t, "focus"),
			State: State{rapid.Bool().Draw(t, "loading"), text.Draw(t, "error"), time.Duration(rapid.Int64().Draw(t, "age")), rapid.Bool().Draw(t, "partial"), rapid.Bool().Draw(t, "remarks"), text.Draw(t, "stands in"), time.Duration(rapid.Int64().Draw(t, "stale")), time.Second, Trend{text.Draw(t, "trend"), rapid.Bool().Draw(t, "worse")}},
		}
		for range rapid.IntRange(0, 11).Draw(t, "series") {
			s.Series = append(s.Series, Series{
				text.Draw(t, "name"), rapid.SliceOfN(number, 0, 60).Draw(t, "values"), rapid.Bool().Draw(t, "hidden"),
				Form(rapid.IntRange(0, 5).Draw(t, "form")), Nulls(rapid.IntRange(0, 2).Draw(t, "nulls")), Stack(rapid.IntRange(0, 2).Draw(t, "stack")),
				rapid.Bool().Draw(t, "negative"), rapid.Bool().Draw(t, "at the right"), rapid.Bool().Draw(t, "behind"),
				[]safe.Text{text.Draw(t, "figures")},
				Moment{instant.Draw(t, "now"), number.Draw(t, "of now")},
				nil,
			})
			s.Order = append(s.Order, len(s.Series)-1)
		}
		for range rapid.IntRange(0, 3).Draw(t, "marks") {
			s.Marks = append(s.Marks, Mark{instant.Draw(t, "at"), instant.Draw(t, "until"), MarkKind(rapid.IntRange(0, 7).Draw(t, "kind")), rapid.Bool().Draw(t, "running")})
			s.Thresholds = append(s.Thresholds, Threshold{Value: number.Draw(t, "threshold")})
		}
		th, err := theme.New(theme.Options{Glyphs: theme.Glyphs(rapid.IntRange(0, 2).Draw(t, "glyphs"))})
		require.NoError(t, err)
		f := frame.New(rapid.IntRange(0, 120).Draw(t, "w"), rapid.IntRange(0, 40).Draw(t, "h"), th)
		Draw(f, s)
		Stat{Title: s.Title, Value: s.Title, Values: []float64{number.Draw(t, "v"), 1}}.Draw(f.Sub(frame.Rect{X: 3, Y: 1, W: rapid.IntRange(-1, 30).Draw(t, "sw"), H: rapid.IntRange(-1, 9).Draw(t, "sh")}))
		Gauge(f, 1, 1, rapid.IntRange(-3, 50).Draw(t, "gw"), number.Draw(t, "ratio"), theme.OK)
		for _, series := range s.Series {
			width := rapid.IntRange(-1, 40).Draw(t, "sparkline")
			require.LessOrEqual(t, Sparkline(series.Values, width, th.Glyphs()).Width(), max(width, 0))
		}
	})
}

func TestEverySmallSize(t *testing.T) {
	for w := range 34 {
		for h := range 14 {
			for _, spec := range specs() {
				require.NotPanics(t, func() { render(t, spec(), w, h, theme.Braille) }, "%dx%d", w, h)
			}
		}
	}
}

// twelve draws a board of 12 charts of 50x19 with two series of 240 values each.
func twelve(b *testing.B) (draw func() string) {
	f := frame.New(203, 58, newTheme(b, theme.Braille))
	var panels []*frame.Frame
	for _, r := range f.Bounds().Grid(3, 4, 0) {
		panels = append(panels, f.Sub(r))
	}
	s := checkout()
	s.Series = append(s.Series, Series{Name: safe.Const("p99"), Values: wave(240, 100, 0.02, 0.05, 1)})
	p := new(Painter)
	return func() string {
		f.Clear()
		for _, panel := range panels {
			p.Draw(panel, s)
		}
		return f.String()
	}
}

func BenchmarkTwelveCharts(b *testing.B) {
	draw := twelve(b)
	b.ReportAllocs()
	for b.Loop() {
		draw()
	}
}

func TestATypewriterCanDrawIt(t *testing.T) {
	for name, spec := range specs() {
		for _, r := range render(t, spec(), 80, 16, theme.ASCII) {
			require.True(t, r == '\n' || r >= 0x20 && r < 0x7f, "%s: %q", name, r)
		}
	}
}

// The other panels, too, are drawn at any size, whatever they show.
func TestAnyPanelAtAnySize(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, math.NaN(), math.Inf(1), math.MaxFloat64}))
	text := rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("ab 日é\x1b"))), func(s string) safe.Text { return safe.New(s, 200) })
	style := rapid.SampledFrom([]theme.Style{theme.Plain, theme.OK, theme.Warn, theme.Crit, theme.Series(3)})
	count := rapid.IntRange(0, 9)
	rapid.Check(t, func(t *rapid.T) {
		th, err := theme.New(theme.Options{Glyphs: theme.Glyphs(rapid.IntRange(0, 2).Draw(t, "glyphs")), Profile: theme.Profile(rapid.IntRange(0, 3).Draw(t, "profile"))})
		require.NoError(t, err)
		f := frame.New(rapid.IntRange(0, 90).Draw(t, "w"), rapid.IntRange(0, 30).Draw(t, "h"), th)
		head := Head{Title: text.Draw(t, "title"), State: State{Error: text.Draw(t, "error"), Loading: rapid.Bool().Draw(t, "loading")}, Note: text.Draw(t, "note")}
		stats, meters := Stats{Head: head, Names: rapid.Bool().Draw(t, "names")}, Meters{Head: head, Top: rapid.IntRange(-1, 12).Draw(t, "top"), Rest: text.Draw(t, "rest")}
		for range count.Draw(t, "figures") {
			stats.Figures = append(stats.Figures, Figure{text.Draw(t, "name"), text.Draw(t, "value"), text.Draw(t, "note"), style.Draw(t, "style"), rapid.SliceOfN(number, 0, 40).Draw(t, "past")})
			meters.Meters = append(meters.Meters, Meter{text.Draw(t, "name"), text.Draw(t, "value"), number.Draw(t, "ratio"), style.Draw(t, "style"), []Tick{{number.Draw(t, "line"), Crit}}})
		}
		sheet := Sheet{Head: head, Top: meters.Top, Sorted: rapid.IntRange(-1, 3).Draw(t, "sorted"), Rows: rapid.SliceOfN(rapid.IntRange(-1, 9), 0, 9).Draw(t, "rows")}
		for range count.Draw(t, "columns") {
			c := SheetColumn{Name: text.Draw(t, "column"), Right: rapid.Bool().Draw(t, "right"), Want: rapid.IntRange(-1, 60).Draw(t, "want")}
			for range count.Draw(t, "cells") {
				c.Cells = append(c.Cells, Cell{text.Draw(t, "cell"), style.Draw(t, "style"), rapid.Bool().Draw(t, "filled"), number.Draw(t, "ratio")})
			}
			sheet.Columns = append(sheet.Columns, c)
		}
		points := rapid.IntRange(-1, 50).Draw(t, "points")
		heat := &Heatmap{Head: head, Max: number.Draw(t, "max"), Start: t0, Step: time.Second, Points: points, Marks: []Mark{{At: t0, Kind: Alert}}, Crosshair: t0.Add(time.Second)}
		states := &States{Head: head, Top: meters.Top, Start: t0, Step: time.Second, Points: points, Crosshair: t0}
		for range rapid.IntRange(0, 40).Draw(t, "rows") {
			heat.Rows = append(heat.Rows, HeatRow{text.Draw(t, "label"), rapid.SliceOfN(number, 0, 50).Draw(t, "values")})
			from := rapid.IntRange(-2, 50).Draw(t, "from")
			states.Rows = append(states.Rows, StateRow{text.Draw(t, "thing"), []StateRun{{from, from + rapid.IntRange(-2, 30).Draw(t, "length"), text.Draw(t, "state"), style.Draw(t, "style")}}})
		}
		p := new(Painter)
		for _, draw := range []func(){func() { stats.Draw(f) }, func() { meters.Draw(f) }, func() { sheet.Draw(f) }, func() { p.Heatmap(f, heat) }, func() { p.States(f, states) }} {
			f.Clear()
			draw()
			require.NotContains(t, f.Plain(), "\x1b")
		}
	})
}
