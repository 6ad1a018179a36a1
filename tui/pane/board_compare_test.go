package pane

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// ordered is the comparison that an effect orders, as the poller would have it.
func ordered(t *testing.T, e Effect) query.Comparisons {
	t.Helper()
	require.Len(t, e.Orders, 1)
	return e.Orders[0].(CompareWith).Comparisons
}

// A key goes through a day, a week and nothing; what holds is behind the title.
func TestAPanelIsComparedByKey(t *testing.T) {
	const day = 24 * time.Hour
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	r.s.Filter = "Rate"
	r.sees()
	snap := *r.s.World.Board
	board := *snap.Board
	at := -1
	for i := range board.Panels {
		if board.Panels[i].Compares() {
			at = i
			break
		}
	}
	require.GreaterOrEqual(t, at, 0)
	r.s.Filter = board.Panels[at].Title
	r.sees()
	title := board.Panels[at].Title
	answer := func(c query.Comparisons) {
		panels := append([]query.Panel(nil), board.Panels...)
		panels[at].Compare = nil
		for _, ago := range c[title] {
			panels[at].Compare = append(panels[at].Compare, strictyaml.Duration(ago))
		}
		next, b := snap, board
		b.Panels = panels
		next.Board, next.Compared = &b, c
		w := *r.s.World
		w.Board = &next
		r.s.World = &w
	}
	answer(nil)
	r.seesNot("vs -")
	e := r.press(keys.Compare)
	require.Equal(t, query.Comparisons{title: {day}}, ordered(t, e))
	require.Equal(t, title+": compared with 1d before", e.Toast)
	answer(ordered(t, e))
	r.sees("vs -1d no data") // nothing is known of then
	e = r.press(keys.Compare)
	require.Equal(t, query.Comparisons{title: {7 * day}}, ordered(t, e))
	answer(ordered(t, e))
	r.sees("vs -1w")
	e = r.press(keys.Compare)
	require.Equal(t, query.Comparisons{title: nil}, ordered(t, e))
	answer(ordered(t, e))
	r.seesNot("vs -")
}

func TestAComparisonByCommand(t *testing.T) {
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	v := r.view.(*board)
	said := func(words string) string { return v.Compare(words, r.s).Toast }
	require.Equal(t, query.Comparisons{query.EveryPanel: {24 * time.Hour, 7 * 24 * time.Hour}}, ordered(t, v.Compare("board 1d -1w", r.s)))
	require.Equal(t, query.Comparisons{query.EveryPanel: nil}, ordered(t, v.Compare("board off", r.s)))
	require.Equal(t, "the board: compared with 1d and 1w before", said("board 1d 1w"))
	require.Contains(t, said("board"), "compare with what?")
	require.Contains(t, said("1s"), `compare "1s": write how long ago`)
	require.Contains(t, said("tomorrow"), `compare "tomorrow"`)
	require.Contains(t, said("1h 2h 3h 4h"), "at most 3 earlier times")
}

// What is copied of a panel may be the server's own page about it.
func TestAPanelIsCopiedAsALink(t *testing.T) {
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	w := *r.s.World
	w.Server = "http://prom.example:9090"
	r.s.World = &w
	e := r.press(keys.Down, keys.Yank)
	require.NotNil(t, e.Ask)
	link := ""
	for _, c := range e.Ask.Choices {
		if strings.HasPrefix(c.Text, "link ") {
			link = c.Value
		}
	}
	require.Contains(t, link, "http://prom.example:9090/graph?g0.expr=")
	require.Contains(t, link, "g0.range_input=5m")

	elsewhere := *w.Board // the board asks another source: that page would show something else
	of := *elsewhere.Board
	of.Source = "checks"
	elsewhere.Board = &of
	w.Board = &elsewhere
	for _, c := range r.press(keys.Yank).Ask.Choices {
		require.NotContains(t, c.Text, "link ")
	}
	require.Equal(t, "source checks", whoAnswered(w.Board).String())
}

// What is written behind the value that stands in a note is apart from it.
func TestAMomentIsNotedWithItsValue(t *testing.T) {
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	ask := r.press(keys.Down, keys.MarkInstant).Ask
	require.NotNil(t, ask)
	require.True(t, strings.HasSuffix(ask.Initial, ": "), ask.Initial)
	note := func(text string) string { return ask.Then(text).Orders[0].(Note).Text }
	require.True(t, strings.HasSuffix(note(ask.Initial+"here it rose"), ": here it rose"))
	require.True(t, strings.HasSuffix(note(ask.Initial), strings.TrimSuffix(ask.Initial, ": ")))
}

// L says which axis there is now, and that a table has none.
func TestTheAxisIsSaid(t *testing.T) {
	r := newReader(t, 1, tourWorld(t), "INC-204", 119, 34)
	r.s.Filter = "Requests by code"
	r.sees()
	require.Equal(t, "Requests by code: the axis is logarithmic", r.press(keys.LogAxis).Toast)
	require.Equal(t, "Requests by code: the axis is linear", r.press(keys.LogAxis).Toast)
	r.s.Filter = "Of every process"
	r.sees()
	require.Contains(t, r.press(keys.LogAxis).Toast, "only a chart of lines")
}
