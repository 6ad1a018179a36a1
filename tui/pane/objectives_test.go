package pane

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// budget is an objective that has been known for so long and failed at this share since.
func budget(t testing.TB, name, service, rest string, now time.Time, usual, share float64, since time.Duration) slo.Status {
	t.Helper()
	o, err := slo.Load(name+".yaml", []byte(fmt.Sprintf("name: %s\nservice: %s\n%s\nsli: {events: {bad: bad_total, total: all_total}}\n", name, service, rest)))
	require.NoError(t, err)
	var tally slo.Tally
	var slots []slo.Slot
	for at := now.Add(-20 * 24 * time.Hour).Truncate(5 * time.Minute); at.Before(now); at = at.Add(5 * time.Minute) {
		ratio := usual
		if !at.Before(now.Add(-since)) {
			ratio = share
		}
		slots = append(slots, slo.Slot{Start: at.Unix(), Width: 300, Total: 5000, Bad: 5000 * ratio})
	}
	tally.Put(slots...)
	return slo.Status{Objective: o, Tally: &tally, Standing: o.Stand(&tally, o.Judge(&tally, nil, now), now), Looked: now}
}

// budgets are objectives of the shop in all the states that there are.
func budgets(t testing.TB, now time.Time) []slo.Status {
	t.Helper()
	dark := budget(t, "search-latency", "search", "objective: 95", now, 0, 0, 0)
	dark.Tally, dark.Standing = &slo.Tally{}, slo.Standing{Exhaustion: slo.Dark}
	dark.Err = errors.New("search-latency: prometheus http://127.0.0.1:9090: connection refused; is it running?\x1b[2J")
	return []slo.Status{
		budget(t, "checkout-availability", "checkout", "title: Checkouts that work\nobjective: 99.9", now, 0.0003, 0.04, 25*time.Minute),
		budget(t, "checkout-latency", "checkout", "objective: 99", now, 0.004, 0.005, time.Hour),
		budget(t, "payments", "payments", "objective: 99.95", now, 0.0008, 0.0008, 0),
		budget(t, "inventory", "inventory", "objective: 99\ncalendar: month", now, 0, 0, 0),
		dark,
	}
}

func sloScreen(t testing.TB) *Screen {
	t.Helper()
	now := time.Date(2026, 11, 25, 3, 10, 0, 0, time.UTC)
	return &Screen{World: &World{SLOs: budgets(t, now)}, Now: now, Zone: time.UTC, Keys: keys.Default()}
}

func TestObjectivesPictures(t *testing.T) {
	t.Parallel()
	for _, size := range sizes() {
		s := sloScreen(t)
		golden(t, fmt.Sprintf("slo_%dx%d", size[0], size[1]), picture(&objectives{}, s, size[0], size[1]).Plain())
		v := &objectives{}
		picture(v, s, size[0], size[1])
		v.Press(keys.Bottom, s)
		golden(t, fmt.Sprintf("slo_dark_%dx%d", size[0], size[1]), picture(v, s, size[0], size[1]).Plain())
		s.World = &World{}
		golden(t, fmt.Sprintf("slo_empty_%dx%d", size[0], size[1]), picture(&objectives{}, s, size[0], size[1]).Plain())
	}
}

// The view fits whatever there is, and what an error says reaches no terminal as it is.
func TestObjectivesFit(t *testing.T) {
	t.Parallel()
	s := sloScreen(t)
	rapid.Check(t, func(t *rapid.T) {
		v := &objectives{}
		w, h := rapid.IntRange(0, 220).Draw(t, "w"), rapid.IntRange(0, 60).Draw(t, "h")
		for _, a := range rapid.SliceOfN(rapid.SampledFrom([]keys.Action{keys.Down, keys.Bottom, keys.Detail, keys.Yank, keys.NextPane, keys.Top}), 0, 6).Draw(t, "keys") {
			v.Resize(w, h, s)
			v.Press(a, s)
		}
		if got := picture(v, s, w, h).String(); containsRaw(got) {
			t.Fatalf("%q", got)
		}
	})
}

func containsRaw(text string) bool {
	for i := range len(text) - 3 {
		if text[i:i+4] == "\x1b[2J" {
			return true
		}
	}
	return false
}

func TestBudgetOf(t *testing.T) {
	t.Parallel()
	s := sloScreen(t)
	full, brief, _, ok := BudgetOf(s.World, "checkout")
	require.True(t, ok)
	require.Regexp(t, `^budget \d+% · gone in \d+h\d\dm$`, full)
	require.Regexp(t, `^budget \d+%$`, brief)
	full, _, _, ok = BudgetOf(s.World, "payments")
	require.True(t, ok)
	require.Equal(t, "budget spent", full)
	_, _, _, ok = BudgetOf(s.World, "search")
	require.False(t, ok, "nothing is known of it")
	_, _, _, ok = BudgetOf(s.World, "")
	require.False(t, ok)
}

// The line ends where the figure beside it stands.
func TestBurnDownEndsAtWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, o := range budgets(t, time.Date(2026, 11, 25, 3, 10, 0, 0, time.UTC))[:4] {
		values := o.Standing.BurnDown(o.Tally, 100)
		require.InDelta(t, o.Standing.Left, values[99], 1e-9)
		before := math.Inf(1)
		for _, v := range values {
			if v == v {
				require.LessOrEqual(t, v, before+1e-12, "a budget only goes down")
				before = v
			}
		}
	}
}
