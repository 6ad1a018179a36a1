package pane

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// answered is a board of which every query has an answer of some series.
func answered(b query.Board, at time.Time) *query.Snapshot {
	grid := query.Align(at, b.Range, 120)
	s := &query.Snapshot{Board: &b, At: at.Add(-time.Second), Grid: grid, Source: "http://127.0.0.1:9090", Panels: make([]query.PanelData, len(b.Panels))}
	jobs := []string{"checkout", "inventory", "payments", "storefront"}
	for i := range b.Panels {
		p, d := &b.Panels[i], &s.Panels[i]
		d.At, d.Took = at.Add(-2*time.Second), 12*time.Millisecond
		d.Frame = query.Frame{Grid: grid, At: d.At}
		for q := range p.Queries {
			for k, job := range jobs {
				d.Frame.Series = append(d.Frame.Series, answerOf(p, q, k, job, grid))
			}
		}
	}
	return s
}

// answerOf is one series: numbers as a query of that kind has them.
func answerOf(p *query.Panel, q, k int, job string, grid query.Grid) query.Series {
	les := []string{"0.005", "0.02", "0.1", "+Inf"}
	s := query.Series{Labels: query.Labels{"job": job, "instance": job + "-1", "le": les[k]}, Legend: job, Expr: p.Queries[q].Expr, Ref: p.Ref(q), Values: make([]float64, grid.N)}
	for j := range s.Values {
		x := float64(j) / float64(grid.N)
		switch {
		case strings.HasPrefix(p.Queries[q].Expr, "up") || strings.HasPrefix(p.Queries[q].Expr, "min by (job) (up"):
			s.Values[j] = 1
			if k == 2 && x > 0.4 && x < 0.6 || k == 3 && x > 0.9 {
				s.Values[j] = 0
			}
		case p.Queries[q].Format == query.AsHeatmap:
			s.Values[j] = float64(k) * 4 * (1 + 0.5*math.Sin(9*x+float64(k)))
		case strings.Contains(p.Queries[q].Expr, "memory"):
			s.Values[j] = float64(20+3*k) * (1 << 20)
		default:
			s.Values[j] = 0.05 * float64(k+1) * (1 + 0.3*math.Sin(11*x+float64(k+q)))
		}
	}
	return s
}

// tourWorld is a night on the lab's board of all kinds of panels.
func tourWorld(t testing.TB) *World {
	src, err := os.ReadFile("../../templates/lab/boards/tour.yaml")
	require.NoError(t, err)
	b, err := query.LoadBoard("tour.yaml", src)
	require.NoError(t, err)
	w := richWorld(t)
	w.Board, w.Boards = answered(b, night), []string{"shop", "tour"}
	return w
}

// wideBoard is one as people have them: forty panels in five rows of the usual
// shapes, from eight figures in a line to charts of the whole width.
func wideBoard(t testing.TB) query.Board {
	var y strings.Builder
	y.WriteString("title: Machine\nrange: 6h\nrows:\n")
	for row := range 5 {
		fmt.Fprintf(&y, "- title: Row %d\n  collapsed: %v\n  panels:\n", row, row == 4)
		for n := range 8 {
			kind, x, top, wide, tall := "timeseries", n%2*12, 4+n/2*8, 12, 8
			switch row {
			case 0:
				kind, x, top, wide, tall = "gauge", n*3, 0, 3, 4
			case 1:
				x, top, wide = n%3*8, n/3*8, 8
			case 2:
				kind, x, top, wide = "table", 0, n*10, 24
			}
			fmt.Fprintf(&y, "  - {title: 'Panel %d.%d', type: %s, place: {x: %d, y: %d, w: %d, h: %d}, promql: 'm%d'}\n", row, n, kind, x, top, wide, tall, n)
		}
	}
	b, err := query.LoadBoard("machine.yaml", []byte(y.String()))
	require.NoError(t, err)
	return b
}

// At any size every open panel has a place of its own, as wide and tall as it
// needs, and below the title of its row.
func TestEveryPanelHasItsPlace(t *testing.T) {
	w := richWorld(t)
	w.Board = answered(wideBoard(t), night)
	rapid.Check(t, func(t *rapid.T) {
		b, s := Views()[1].(*board), screenOf(w, "")
		b.Resize(rapid.IntRange(1, 260).Draw(t, "w"), rapid.IntRange(1, 90).Draw(t, "h"), s)
		seen := map[int]bool{}
		for n, p := range b.layout.all {
			require.True(t, p.at.X >= 0 && p.at.X+p.at.W <= b.w && p.at.Y >= 0 && p.at.Y+p.at.H <= b.layout.height, "%+v", p)
			for _, o := range b.layout.all[:n] {
				require.True(t, p.at.Intersect(o.at).Empty(), "%+v %+v", p, o)
			}
			if p.panel < 0 {
				continue
			}
			require.False(t, seen[p.panel])
			seen[p.panel] = true
			kind := b.panels.charts[p.panel].panel.Type
			require.GreaterOrEqual(t, p.at.H, leastHeight(kind))
			require.GreaterOrEqual(t, p.at.W, min(leastWidth(kind), b.w))
		}
		require.Len(t, seen, 32, "eight are folded away")
	})
}

// sideBySide is how many panels stand in the line of the nth one.
func (b *board) sideBySide(panel int) (n int) {
	for _, p := range b.layout.all {
		if p.panel == panel {
			for _, o := range b.layout.all {
				n += truthOf(o.panel >= 0 && o.at.Y == p.at.Y)
			}
		}
	}
	return n
}

func truthOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestABoardCollapsesByWidth(t *testing.T) {
	w := richWorld(t)
	w.Board = answered(wideBoard(t), night)
	for width, want := range map[int][]int{79: {4, 2, 1, 2}, 119: {6, 3, 1, 2}, 199: {8, 3, 1, 2}} {
		b, s := Views()[1].(*board), screenOf(w, "")
		b.Resize(width, 34, s)
		require.Equal(t, want, []int{b.sideBySide(0), b.sideBySide(8), b.sideBySide(16), b.sideBySide(24)}, "at %d", width)
	}
}

func TestRowsOpenAndClose(t *testing.T) {
	w := richWorld(t)
	w.Board = answered(wideBoard(t), night)
	r := newReader(t, 1, w, "", 119, 34)
	r.sees("▼ Row 0", "Panel 0.0", "panels 1-")
	r.press(keys.Bottom)
	r.sees("▶ Row 4", "8 panels")
	r.seesNot("Panel 4.0", "Panel 0.0")
	e := r.press(keys.Fullscreen)
	require.Len(t, e.Orders[len(e.Orders)-1].(AskPanels).Panels, 40, "what is opened is asked for")
	r.press(keys.Down)
	r.sees("▼ Row 4", "Panel 4.0")
	r.press(keys.Top)
	e = r.press(keys.Fullscreen)
	require.Len(t, e.Orders[len(e.Orders)-1].(AskPanels).Panels, 32)
	r.sees("▶ Row 0", "8 panels")
	r.seesNot("Panel 0.0")
	r.press(keys.PageDown, keys.PageDown, keys.PageUp)
	r.s.Filter = "Panel 3"
	r.sees("Panel 3.0")
	r.seesNot("Row 0")
}

func TestPresetsAndBoards(t *testing.T) {
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	ask := r.press(keys.Preset).Ask
	require.Equal(t, "preset latency", ask.Choices[0].Value)
	e := ask.Then("preset latency")
	r.sees("Latency of all", "Latency as heat", "p95 by service")
	r.seesNot("Requests by code", "▼ Latency")
	require.Contains(t, e.Orders, Order(Window{Span: 15 * time.Minute, Columns: e.Orders[len(e.Orders)-1].(Window).Columns}))
	ask.Then("preset ")
	r.sees("Requests by code")
	require.Equal(t, []Order{ShowBoard{Name: "shop"}}, ask.Then("board shop").Orders)
	require.Contains(t, ask.Then("board moon").Toast, "there is no board moon")
	require.Contains(t, ask.Then("preset moon").Toast, "no preset moon")
}

func TestATableIsSortedAndScrolled(t *testing.T) {
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	r.s.Filter = "Of every process"
	order := func() string {
		at := map[string]int{}
		text := r.sees("memory")
		for _, job := range []string{"checkout", "storefront"} {
			at[job] = strings.Index(text, job)
		}
		if at["checkout"] < at["storefront"] {
			return "checkout first"
		}
		return "storefront first"
	}
	require.Equal(t, "storefront first", order(), "by memory, as the board says")
	r.press(keys.SortNext, keys.SortOther)
	require.Equal(t, "checkout first", order(), "by job, the smallest first")
	r.press(keys.SortOther)
	require.Equal(t, "storefront first", order())
	r.press(keys.Fullscreen, keys.PageDown, keys.Bottom, keys.Top)
	r.sees("4 rows")
}

// BenchmarkTour is a full redraw of the board of all kinds.
func BenchmarkTour(b *testing.B) {
	v, s := Views()[1], screenOf(tourWorld(b), "INC-204")
	f := frame.New(200, 54, theme.Default())
	v.Resize(199, 54, s)
	b.ReportAllocs()
	for b.Loop() {
		f.Clear()
		v.Draw(f, s)
	}
}
