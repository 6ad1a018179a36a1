package query_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// What a person wants charts to be compared with is asked beside them, for one panel
// or for all, and no longer when it is off; what the board says holds without it.
func TestComparisonsOfAPerson(t *testing.T) {
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		board := load(t, `range: 1h
variables: [{name: v, type: custom, options: [{value: x}]}]
panels:
  - {title: lines, promql: 'lines{v="$v"}'}
  - {title: own, promql: own, compare: [1d]}
  - {title: own, promql: other}
  - {title: stat, type: stat, promql: stat}
`)
		p := &query.Poller{Source: &shop{}, Board: board}
		ago := func(snap *query.Snapshot, i int) (out []time.Duration) {
			for _, s := range snap.Panels[i].Frame.Series {
				out = append(out, s.Ago)
			}
			return out
		}
		polled(t, p, func(r *reports) {
			compare := func(c query.Comparisons) *query.Snapshot {
				p.SetComparisons(c)
				time.Sleep(2 * time.Second)
				return r.now()
			}
			snap := r.now()
			require.Equal(t, []time.Duration{0}, ago(snap, 0))
			require.Equal(t, []time.Duration{0, day}, ago(snap, 1))
			every := query.Comparisons(nil).With(query.EveryPanel, []time.Duration{7 * day})
			snap = compare(every)
			require.Equal(t, every, snap.Compared)
			require.Equal(t, []time.Duration{0, 7 * day}, ago(snap, 0))
			require.Equal(t, []time.Duration{0, 7 * day}, ago(snap, 1))
			require.Equal(t, []time.Duration{0}, ago(snap, 3), "a figure is not compared")
			snap = compare(every.With("own", nil))
			require.Equal(t, []time.Duration{0, 7 * day}, ago(snap, 0))
			require.Equal(t, []time.Duration{0}, ago(snap, 1))
			require.Equal(t, []time.Duration{0, 7 * day}, ago(snap, 2), "the second of that title is another panel")
			snap = compare(nil)
			require.Equal(t, []time.Duration{0}, ago(snap, 0))
			require.Equal(t, []time.Duration{0, day}, ago(snap, 1))
		})
	})
}

// The past of a series looks as the series does, whatever name an override matches.
func TestThePastLooksLikeThePresent(t *testing.T) {
	board := load(t, `panels:
  - title: net
    promql: net
    unit: bps
    compare: [1d]
    overrides: [{match: {name: out}, set: {negative: true, name: sent}}]
`)
	f := query.Frame{Grid: query.Grid{Step: time.Second, N: 1}, Series: []query.Series{
		{Legend: "out", Values: []float64{1}}, {Legend: "out (1d ago)", Ago: 24 * time.Hour, Values: []float64{2}},
	}}
	lines := board.Panels[0].Shape(&f).Lines
	require.True(t, lines[0].Field.Negative)
	require.True(t, lines[1].Field.Negative)
	require.Equal(t, "sent", lines[0].Legend)
	require.Equal(t, "sent (1d ago)", lines[1].Legend)
}
