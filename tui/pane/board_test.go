package pane

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

func TestTheBoardAsksForWindowsThatFit(t *testing.T) {
	views, s := Views(), screenOf(richWorld(t), "INC-204")
	one := func(e Effect) Window {
		require.Len(t, e.Orders, 1)
		return e.Orders[0].(Window)
	}
	board := views[1]
	w := one(board.Resize(199, 54, s))
	require.Equal(t, Window{Columns: 164}, w, "live, the board's own range")
	require.Empty(t, board.Resize(198, 54, s).Orders, "windows come in steps: the answer would be the same")

	w = one(board.Press(keys.ZoomIn, s))
	require.Equal(t, 30*time.Minute, w.Span)
	w = one(board.Press(keys.PanLeft, s))
	require.Equal(t, night.Add(-15*time.Minute), w.End)
	require.True(t, one(board.Press(keys.PanRight, s)).End.IsZero(), "what reaches the present is live again")
	for _, want := range []time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour} {
		require.Equal(t, want, one(board.Press(keys.ZoomOut, s)).Span)
	}

	w = one(views[0].Resize(199, 54, s))
	require.True(t, w.Span == 0 && w.End.IsZero(), "the first view is always live")
	require.Equal(t, 6*time.Hour, one(board.Resize(199, 54, s)).Span, "and the board is where it was")
	board.Press(keys.PanLeft, s)
	w = one(board.Press(keys.Live, s))
	require.True(t, w.Span == 6*time.Hour && w.End.IsZero())
	require.Equal(t, time.Duration(0), one(board.Press(keys.Live, s)).Span, "once more: as it was in the beginning")
}

func TestRangesByName(t *testing.T) {
	s := screenOf(richWorld(t), "INC-204")
	board := Views()[1]
	ask := board.Press(keys.Range, s).Ask
	require.Equal(t, "1h", ask.Initial)
	require.Equal(t, 36*time.Hour, ask.Then("36h").Orders[0].(Window).Span, "typed by name it may be any")
	require.Contains(t, ask.Then("soon").Toast, `range "soon"`)
	w := ask.Then(aroundIncident).Orders[0].(Window)
	require.Equal(t, 29*time.Minute+32*time.Second, w.Span, "from a quarter of an hour before it began")
	require.True(t, w.End.IsZero())
	past := screenOf(s.World, "INC-202")
	w = Views()[1].Press(keys.Range, past).Ask.Then(aroundIncident).Orders[0].(Window)
	require.Equal(t, night.Add(-195*time.Minute), w.End)
}

func TestRangesBeforeNow(t *testing.T) {
	s := screenOf(richWorld(t), "INC-204")
	board := Views()[1]
	ask := board.Press(keys.Range, s).Ask
	for text, want := range map[string]Window{
		"now-40m to now-10m": {Span: 30 * time.Minute, End: s.Now.Add(-10 * time.Minute)},
		"-2h to -1h":         {Span: time.Hour, End: s.Now.Add(-time.Hour)},
		"-3h to now":         {Span: 3 * time.Hour},
		"now-45m":            {Span: 45 * time.Minute},
		"-45m":               {Span: 45 * time.Minute},
	} {
		got := ask.Then(text).Orders[0].(Window)
		require.Equal(t, want.Span, got.Span, text)
		require.True(t, want.End.Equal(got.End), text)
	}
	between := ask.Then(fromTo).Ask
	require.Equal(t, 45*time.Minute, between.Then("45m").Orders[0].(Window).Span)
	wrong := between.Then("-2h to soon")
	require.Contains(t, wrong.Toast, `range "-2h to soon"`)
	require.Equal(t, "-2h to soon", wrong.Ask.Initial, "what was typed is there to be mended")
	require.Contains(t, ask.Then("-1h to -2h").Toast, "10s to 366d")
}

func TestOneCrosshairForAllCharts(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 199, 54)
	r.press(keys.CrosshairLeft)
	r.sees("03:12:30  T+14m")
	r.press(keys.CrosshairFarLeft, keys.CrosshairRight)
	require.GreaterOrEqual(t, strings.Count(r.sees("03:08:00  T+9m"), "03:08:00"), 1+2*8, "in the title and on the axis of every chart with values there")
	ask := r.press(keys.MarkInstant).Ask
	require.Equal(t, "5xx ratio 7.9% (checkout): ", ask.Initial)
	require.Equal(t, []Order{Note{"INC-204", "03:08:00 here it turned"}}, ask.Then("here it turned").Orders)
	require.True(t, r.press(keys.Cancel).Handled)
	r.seesNot("03:08:00")
	require.False(t, r.press(keys.Cancel).Handled)
}

// Where the window moves on, the crosshair does not point at nothing.
func TestTheCrosshairStaysInTheWindow(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 119, 34)
	r.press(keys.CrosshairLeft)
	r.sees("03:12:30  T+14m")
	r.s.World = with(r.s.World, func(w *World) { w.Board = shopBoard(night.Add(2 * time.Hour)) })
	r.seesNot("03:12:30")
}

func TestMarkNeedsAnIncident(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "", 119, 34)
	require.Contains(t, r.press(keys.MarkInstant).Toast, "D declares one")
}

func TestSeriesAreToggledAndIsolated(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 119, 34)
	r.press(keys.Down, keys.Down, keys.Fullscreen, keys.Down)
	r.sees("› ● checkout", "427 req/s", "mean")
	r.press(keys.ToggleSeries)
	r.sees("› ○ checkout", "  ● payments")
	r.press(keys.ToggleSeries, keys.IsolateSeries)
	require.Equal(t, 4, strings.Count(r.sees("› ● checkout"), "○"))
	r.press(keys.IsolateSeries)
	require.Equal(t, 0, strings.Count(r.sees(), "○"))
	r.press(keys.LogAxis, keys.Fullscreen)
	r.sees("5xx ratio")
	ask := r.press(keys.Yank).Ask
	require.Equal(t, "sum(reqps)", ask.Then(ask.Choices[0].Value).Copy)
	require.Equal(t, "requests 427 req/s", ask.Then(ask.Choices[1].Value).Copy)
}

func TestTheBoardScrollsToTheFocus(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 79, 18)
	r.sees("panels 1-4 of 12", "5xx ratio")
	r.press(keys.Up) // around the end
	r.sees("panels 9-12 of 12", "processes up", "bad below 5")
	r.seesNot("5xx ratio")
	r.press(keys.Grid, keys.Grid)
	r.sees("of 12")
	r.s.Filter = "cpu|memory"
	r.sees("cpu", "error: prometheus")
	r.seesNot("panels")
}

func TestChartsSayWhatIsWrongWithThem(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 199, 54)
	r.sees("error: prometheus http://", "restarts loading", "threads partial", "kafka lag no data 4 min")
	r.seesNot("cache hits 1") // nothing is said of what is fine
	r.s.Now = night.Add(40 * time.Second)
	r.sees("43 s old")
}

// Marks stand for what happened: an interval lasts until its run is over, an
// alert's incident has one mark, and other incidents explain nothing here.
func TestMarks(t *testing.T) {
	w := richWorld(t)
	var m marks
	var got []string
	for _, one := range m.of(screenOf(w, "INC-204")) {
		line := one.At.Format("15:04:05 ") + string(one.Kind.Glyph())
		if !one.Until.IsZero() {
			line += one.Until.Format(" 15:04:05")
		}
		if one.Running {
			line += " runs"
		}
		got = append(got, line)
	}
	require.Equal(t, []string{
		"02:41:44 ≈ 02:42:44", "02:46:44 ✗ 02:50:44", "02:47:44 ▲", "02:55:44 ▲", "02:57:14 !", "03:03:44 •", "03:12:04 ✗ runs",
	}, got)
	others := m.of(screenOf(w, ""))
	require.Len(t, others, 10, "with the acknowledgements and ends of the others")
	require.Equal(t, chart.End, others[1].Kind)
}

// A call that a climbing ladder makes has a mark, that of the declaration none beside
// it; and the crosshair says what happened there.
func TestTheCrosshairSaysWhatHappened(t *testing.T) {
	w := richWorld(t)
	call := func(at time.Duration, reason string) incident.Event {
		return incident.Event{
			ID: reason, Incident: "INC-204", At: night.Add(-at), Kind: incident.EscalationEntered, Actor: incident.Sitrep, Text: "L2 is called: \x1b[2J" + reason,
			Data: incident.Payload(incident.Escalation{Level: "L2", Reason: reason}),
		}
	}
	w.Events["INC-204"] = append(w.Events["INC-204"], call(5*time.Minute, "declared"), call(4*time.Minute, "climbed"))
	var m marks
	s := screenOf(w, "INC-204")
	var pages int
	for _, one := range m.of(s) {
		if one.Kind == chart.Page {
			pages++
		}
	}
	require.Equal(t, 1, pages)
	one, n := m.near(s, night.Add(-4*time.Minute), 10*time.Second)
	require.Equal(t, 1, n)
	require.Equal(t, "climbed", one.event.ID)
	one, _ = m.near(s, night.Add(-24*time.Minute), 10*time.Second)
	require.NotNil(t, one, "it lasted then")
	require.Equal(t, chart.Chaos, one.Kind)
	one, _ = m.near(s, night.Add(-20*time.Minute), 10*time.Second)
	require.Nil(t, one)

	r := newReader(t, 1, w, "INC-204", 119, 34)
	r.press(keys.CrosshairLeft)
	for range 8 {
		r.press(keys.CrosshairLeft)
	}
	r.sees("P L2 is called")
}

// A figure in a title is that of the worst series, whichever comes first.
func TestATitleSaysTheWorst(t *testing.T) {
	got := newReader(t, 0, richWorld(t), "INC-204", 119, 34).sees()
	require.Regexp(t, `cpu +22\.4%`, got)
	require.Contains(t, newReader(t, 1, richWorld(t), "INC-204", 199, 54).sees(), "● payments-1 9.63%  ● payments-2 22.4%")
}
