package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answers is a source by the text of the query; what is not in it is an error that
// the server has with this query alone.
type answers map[string]func(Grid) (Frame, error)

func (a answers) Range(_ context.Context, expr string, g Grid) (Frame, error) {
	if f, ok := a[expr]; ok {
		return f(g)
	}
	return Frame{}, &Error{Kind: ErrQuery, Msg: "parse error"}
}

func line(values ...float64) func(Grid) (Frame, error) {
	return func(g Grid) (Frame, error) {
		all := make([]float64, g.N)
		for i := range all {
			all[i] = values[i*len(values)/g.N]
		}
		return Frame{Grid: g, Series: []Series{{Labels: Labels{"job": "a"}, Legend: "a", Values: all, Expr: "sent"}}}, nil
	}
}

func boardOf(exprs ...string) *Board {
	b := &Board{Name: "shop", Range: time.Minute, Refresh: time.Second}
	for _, e := range exprs {
		b.Panels = append(b.Panels, Panel{Title: "panel " + e, Queries: []Query{{Expr: e}}, Field: Field{Thresholds: []Threshold{{3, Warn}, {5, Crit}}}, Signal: e == "x"})
	}
	return b
}

func TestLookAsksAboutThePast(t *testing.T) {
	end := time.Unix(1764000000, 0).UTC()
	past := Past{Span: time.Minute, Columns: 60, End: end}
	s := Look(t.Context(), answers{"x": line(1, 2)}, boardOf("x", "broken"), past, end.Add(time.Hour))
	require.Equal(t, end, s.Grid.End())
	require.Equal(t, time.Minute, s.Grid.Span())
	got := s.Reading()
	require.NoError(t, got.Down)
	require.False(t, got.Later, "the server will mind that query again")
	require.Equal(t, 1, got.Series)
	require.Len(t, got.Unread, 1)
	require.Contains(t, got.Unread[0], "panel broken: ")

	down := func(Grid) (Frame, error) { return Frame{}, &Error{Kind: ErrUnreachable, Msg: "no route"} }
	got = Look(t.Context(), answers{"x": down, "y": down}, boardOf("x", "y"), past, end).Reading()
	require.ErrorIs(t, got.Down, ErrUnreachable)
	got = Look(t.Context(), answers{"x": down, "y": line(1)}, boardOf("x", "y"), past, end).Reading()
	require.NoError(t, got.Down)
	require.True(t, got.Later)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	got = Look(over, answers{}, boardOf("x"), past, end).Reading()
	require.Error(t, got.Down)
	require.True(t, got.Later)
}

func TestPackFitsWhatMattersMost(t *testing.T) {
	s := shopLike(8, 12, 121, true) // the first two are signals
	whole, left, err := s.Pack(1 << 20)
	require.NoError(t, err)
	require.Empty(t, left)
	for _, share := range []int{2, 4, 20} {
		body, left, err := s.Pack(len(whole) / share)
		require.NoError(t, err)
		require.LessOrEqual(t, len(body), len(whole)/share)
		require.NotEmpty(t, left)
		got, err := Decode(body)
		require.NoError(t, err)
		require.Len(t, got.Panels, 8, "the board keeps its shape")
		missing := 0
		for i, p := range got.Panels {
			if len(p.Frame.Series) == 0 {
				missing++
			} else if !s.Board.Panels[i].Signal {
				require.NotEmpty(t, got.Panels[0].Frame.Series, "signals go last")
			}
		}
		require.Equal(t, len(left), missing, "what is left out is said: %s", left)
	}
	body, _, err := s.Pack(10)
	require.NoError(t, err)
	require.Nil(t, body)

	many := shopLike(1, mostKept+50, 10, true)
	many.Panels[0].Frame.Series[7].Values[3] = 1e9
	many.Panels[0].Frame.Series[8].Values = []float64{Absent(), Absent(), Absent(), Absent(), Absent(), Absent(), Absent(), Absent(), Absent(), math.NaN()}
	body, left, err = many.Pack(1 << 20)
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprintf("panel 0: the worst %d of %d series", mostKept, mostKept+50)}, left)
	got, err := Decode(body)
	require.NoError(t, err)
	require.Len(t, got.Panels[0].Frame.Series, mostKept)
	legends := map[string]bool{}
	for _, one := range got.Panels[0].Frame.Series {
		legends[one.Legend] = true
	}
	require.True(t, legends["service-7"])
	require.False(t, legends["service-8"], "a series without a value goes first")
	require.Len(t, many.Panels[0].Frame.Series, mostKept+50, "what was given stays as it is")
}

func TestCoursesTellThePeakAndTheBand(t *testing.T) {
	g := Grid{Start: time.Unix(1764000000, 0).UTC(), Step: time.Second, N: 6}
	of := func(p Panel, values ...[]float64) Course {
		p.Title, p.Signal, p.Queries = "p", true, []Query{{Expr: "asked"}}
		d := PanelData{Frame: Frame{Grid: g}}
		for i, v := range values {
			d.Frame.Series = append(d.Frame.Series, Series{Legend: fmt.Sprint("s", i), Values: v})
		}
		all := Courses(&Snapshot{Board: &Board{Panels: []Panel{p, {Title: "no signal"}}}, Panels: []PanelData{d, {}}})
		require.Len(t, all, 1)
		return all[0]
	}
	none := Absent()
	c := of(Panel{Field: Field{Thresholds: []Threshold{{3, Warn}, {5, Crit}}}}, []float64{1, none, 6, 4, 1, 1}, []float64{1, 5, math.Inf(1), 9, 2, none})
	require.Equal(t, Crit, c.State)
	require.Equal(t, 9.0, c.Peak, "an infinite value is no peak")
	require.Equal(t, "s1", c.Series)
	require.Equal(t, 5.0, *c.Threshold)
	require.Equal(t, []time.Time{g.Time(3), g.Time(1), g.Time(3)}, []time.Time{c.PeakAt, c.FirstOut, c.LastOut})

	c = of(Panel{Better: Higher, Field: Field{Thresholds: []Threshold{{0.99, Warn}}}}, []float64{1, 0.98, 0.7, 0.98, 1, 1})
	require.Equal(t, Warn, c.State)
	require.Equal(t, 0.7, c.Peak)
	require.True(t, c.Higher)
	require.Equal(t, []time.Time{g.Time(2), g.Time(1), g.Time(3)}, []time.Time{c.PeakAt, c.FirstOut, c.LastOut})

	c = of(Panel{Field: Field{Thresholds: []Threshold{{3, Warn}}}}, []float64{1, 2, 2, 1, 1, 1})
	require.Equal(t, OK, c.State)
	require.Equal(t, 3.0, *c.Threshold, "the next one")
	require.True(t, c.FirstOut.IsZero() && c.LastOut.IsZero())
	c = of(Panel{}, []float64{1, 2, 2, 1, 1, 1})
	require.Nil(t, c.Threshold)
	c = of(Panel{Field: Field{Thresholds: []Threshold{{3, Warn}}}})
	require.Equal(t, NoData, c.State)
	require.True(t, IsAbsent(c.Peak))
}

func TestDecodeSaysWhatIsNewer(t *testing.T) {
	_, err := Decode([]byte("SRS\x03..."))
	require.ErrorContains(t, err, "written by a newer sitrep")
	require.True(t, errors.Is(err, ErrCodec))
}
