package slo

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const origin = int64(1772323200) // 2026-03-01T00:00:00Z

// event is one request: when, and whether it failed.
type event struct {
	at  int64
	bad bool
}

// TestBudgetIsACount holds the arithmetic of every figure against a count of the
// events themselves, in rational numbers.
func TestBudgetIsACount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.IntRange(1, 3000).Draw(t, "minutes")
		dark := rapid.IntRange(0, 20).Draw(t, "a minute in so many is dark")
		var tally Tally
		var slots []Slot
		var raw []event
		known := map[int64]bool{}
		weight := rapid.SampledFrom([]float64{1, 1, 1e3, 1e9}).Draw(t, "weight") // of each event
		gen := rapid.Uint64().Draw(t, "seed")
		next := func(n uint64) uint64 { gen = gen*6364136223846793005 + 1442695040888963407; return (gen >> 33) % n }
		for m := range int64(minutes) {
			if dark > 0 && next(uint64(dark)) == 0 {
				continue
			}
			s := Slot{Start: origin + m*60, Width: 60}
			known[s.Start] = true
			for range next(6) {
				e := event{s.Start + int64(next(60)), next(10) == 0}
				raw = append(raw, e)
				s.Total += weight
				if e.bad {
					s.Bad += weight
				}
			}
			slots = append(slots, s)
		}
		for len(slots) > 0 { // in pieces, some of them twice
			n := min(len(slots), 1+int(next(50)))
			tally.Put(slots[:n]...)
			if next(3) == 0 {
				tally.Put(slots[:n]...)
			}
			slots = slots[n:]
		}
		from := origin + 60*int64(next(uint64(minutes+10)))
		to := from + 60*int64(1+next(uint64(minutes+10)))
		bad, total, seconds := new(big.Rat), new(big.Rat), int64(0)
		w := new(big.Rat).SetFloat64(weight)
		for _, e := range raw {
			if e.at >= from && e.at < to {
				total.Add(total, w)
				if e.bad {
					bad.Add(bad, w)
				}
			}
		}
		for start := range known {
			if start >= from && start < to {
				seconds += 60
			}
		}
		got := tally.Sum(time.Unix(from, 0), time.Unix(to, 0))
		same(t, bad, got.Bad)
		same(t, total, got.Total)
		require.Equal(t, time.Duration(seconds)*time.Second, got.Known)
		o := Objective{Target: 0.999, Window: Window{Length: time.Duration(to-from) * time.Second}}
		s := o.Stand(&tally, nil, time.Unix(to, 0))
		if total.Sign() > 0 {
			ratio, _ := new(big.Rat).Quo(bad, total).Float64()
			require.InDelta(t, 1-ratio, s.SLI, 1e-12)
			span := to - max(from, tally.First().Unix())
			allowed := new(big.Rat).Mul(total, big.NewRat(to-from, span))
			left := new(big.Rat).Quo(bad, allowed)
			want, _ := left.Float64()
			require.InEpsilon(t, 1-want/o.Budget()+1e3, s.Left+1e3, 1e-9)
		}
	})
}

// same holds that they agree to a billionth.
func same(t *rapid.T, want *big.Rat, got float64) {
	w, _ := want.Float64()
	if math.Abs(w-got) > 1e-9*math.Max(1, math.Abs(w)) {
		t.Fatalf("counted %v, added up %v", w, got)
	}
}

// A few bad events after a year of very many are not lost in the sums.
func TestAFewAmongVeryMany(t *testing.T) {
	var tally Tally
	for m := range int64(500_000) {
		tally.Put(Slot{Start: origin + m*60, Width: 60, Bad: 1e6 / 3.0, Total: 1e9 / 3.0})
	}
	end := origin + 500_000*60
	tally.Put(Slot{Start: end, Width: 60, Bad: 0.001, Total: 1})
	got := tally.Sum(time.Unix(end, 0), time.Unix(end+60, 0))
	require.InEpsilon(t, 0.001, got.Bad, 1e-9)
	require.InEpsilon(t, 1, got.Total, 1e-9)
}

func TestSlotsOfSeveralWidths(t *testing.T) {
	var tally Tally
	tally.Put(Slot{origin + 600, 60, 1, 10}, Slot{origin + 660, 60, 2, 10})
	tally.Put(Slot{origin, 300, 5, 100}, Slot{origin + 300, 300, 0, 100}, Slot{origin + 600, 300, 99, 999}) // the last one overlaps
	require.Equal(t, Count{Bad: 8, Total: 220, Known: 12 * time.Minute}, tally.Sum(time.Unix(origin, 0), time.Unix(origin+720, 0)))
	require.Equal(t, Count{Bad: 1, Total: 20, Known: time.Minute}, tally.Sum(time.Unix(origin+60, 0), time.Unix(origin+120, 0)), "its share of a slot that is cut")
	tally.Put(Slot{origin + 660, 60, 7, 10}) // read anew
	require.Equal(t, 8.0, tally.Sum(time.Unix(origin+600, 0), time.Unix(origin+720, 0)).Bad)
	require.Len(t, tally.Slots(time.Unix(origin+300, 0), time.Unix(origin+720, 0)), 3)
	tally.Forget(time.Unix(origin+300, 0))
	require.Equal(t, time.Unix(origin+300, 0).UTC(), tally.First())
	require.Equal(t, 8.0, tally.Sum(time.Unix(origin, 0), time.Unix(origin+720, 0)).Bad)
	var empty Tally
	require.Zero(t, empty.Sum(time.Unix(0, 0), time.Unix(1e9, 0)))
	require.True(t, empty.First().IsZero() && empty.Last().IsZero())
}

func TestSlotOfAnAnswer(t *testing.T) {
	n, inf := Nothing(), math.Inf(1)
	events, good, ratio, weighed, rate := Questions{Bad: "b", Total: "t"}, Questions{Good: "g", Total: "t"}, Questions{Ratio: "r"}, Questions{Ratio: "r", Total: "t"}, Questions{Rate: "r", Least: 10}
	for _, c := range []struct {
		q     Questions
		a     Answer
		bad   float64
		total float64
		known bool
	}{
		{events, Answer{Bad: 1, Total: 10}, 1, 10, true},
		{events, Answer{Bad: n, Total: 10}, 0, 10, true}, // no series of errors yet
		{events, Answer{Bad: n, Total: n}, 0, 0, false},
		{events, Answer{Bad: 3, Total: n}, 0, 0, false},
		{events, Answer{Bad: 12, Total: 10}, 10, 10, true}, // extrapolated apart
		{events, Answer{Bad: -1, Total: 10}, 0, 10, true},
		{events, Answer{Bad: inf, Total: 10}, 10, 10, false},
		{events, Answer{Bad: 0, Total: inf}, 0, 0, false},
		{events, Answer{Bad: 0, Total: 0}, 0, 0, true},
		{good, Answer{Good: 8, Total: 10}, 2, 10, true},
		{good, Answer{Good: 11, Total: 10}, 0, 10, true},
		{good, Answer{Good: n, Total: 10}, 10, 10, true},
		{ratio, Answer{Ratio: 0.25}, 0.25, 1, true},
		{ratio, Answer{Ratio: 7}, 1, 1, true},
		{ratio, Answer{Ratio: n}, 0, 1, false}, // 0/0 of a quiet service
		{weighed, Answer{Ratio: 0.5, Total: 8}, 4, 8, true},
		{weighed, Answer{Ratio: n, Total: 0}, 0, 0, true},
		{weighed, Answer{Ratio: n, Total: 8}, 0, 8, false},
		{rate, Answer{Rate: 12}, 0, 1, true},
		{rate, Answer{Rate: 9}, 1, 1, true},
		{rate, Answer{Rate: n}, 0, 1, false}, // no data is no low throughput
	} {
		s, known := c.q.Slot(c.a, time.Unix(origin, 0), time.Minute)
		require.Equal(t, c.known, known, "%+v of %+v", c.a, c.q)
		if known {
			require.Equal(t, Slot{origin, 60, c.bad, c.total}, s, "%+v of %+v", c.a, c.q)
		}
	}
}

// fill is a tally of a number of minutes of 100 requests, of which fail says how many
// are bad.
func fill(minutes int, fail func(m int) float64) *Tally {
	var t Tally
	list := make([]Slot, 0, minutes)
	for m := range minutes {
		if bad := fail(m); bad >= 0 {
			list = append(list, Slot{origin + int64(m)*60, 60, bad, 100})
		}
	}
	t.Put(list...)
	return &t
}

func at(minute int) time.Time { return time.Unix(origin+int64(minute)*60, 0).UTC() }

func TestFastBurnBeginsAndEnds(t *testing.T) {
	o := Objective{Name: "checkout", Target: 0.999, Window: Window{Length: 30 * day}, MinBad: 5}
	o.Rules = Profile("default", o.Window)
	tally := fill(3000, func(m int) float64 {
		if m >= 2000 && m < 2060 {
			return 10 // 100 times the budget's rate
		}
		return 0
	})
	var burns []Burn
	var said []string
	for m := 1990; m < 3000; m++ {
		var told []string
		for _, b := range burns {
			if b.Firing {
				told = append(told, b.Rule.Name)
			}
		}
		burns = o.Judge(tally, burns, at(m))
		for _, c := range o.Changes(burns, told) {
			said = append(said, at(m).Format("15:04 ")+c.String())
		}
	}
	require.Equal(t, []string{
		"09:29 checkout: fast burn: 15.0 times the budget's rate in 1h, 100 in 5m (threshold 14.4)",
		"09:42 checkout: slow burn: 6.11 times the budget's rate in 6h, 73.3 in 30m (threshold 6.00)",
		"10:25 checkout: the fast burn is over: 0.00 times the budget's rate in 5m",
		"10:49 checkout: the slow burn is over: 3.33 times the budget's rate in 30m",
	}, said)
}

func TestNoBurnOfAHandful(t *testing.T) {
	o := Objective{Target: 0.999, Window: Window{Length: 30 * day}, MinBad: 5}
	o.Rules = Profile("default", o.Window)
	var tally Tally
	for m := range int64(600) { // four requests an hour at night, one of which fails
		s := Slot{Start: origin + m*60, Width: 60}
		if m%15 == 0 {
			s.Total = 1
		}
		if m == 570 {
			s.Bad = 1
		}
		tally.Put(s)
	}
	b := o.Judge(&tally, nil, at(574))[0]
	require.Greater(t, b.Long, b.Threshold)
	require.False(t, b.Firing, "one request of four")
	o.MinBad = 0
	require.True(t, o.Judge(&tally, nil, at(574))[0].Firing)
}

// A server that is away is no recovery, and its return shows how things are.
func TestDarknessEndsNoBurn(t *testing.T) {
	o := Objective{Target: 0.999, Window: Window{Length: 30 * day}}
	o.Rules = Profile("default", o.Window)[:1]
	tally := fill(200, func(m int) float64 {
		switch {
		case m >= 100 && m < 160:
			return -1
		case m > 40 && m < 100:
			return 20
		}
		return 0
	})
	burns := o.Judge(tally, nil, at(100))
	require.True(t, burns[0].Firing)
	for m := 101; m < 160; m++ {
		burns = o.Judge(tally, burns, at(m))
		require.True(t, burns[0].Firing, "minute %d", m)
		require.Equal(t, m < 103, burns[0].Known, "minute %d", m)
	}
	burns = o.Judge(tally, burns, at(165))
	require.False(t, burns[0].Firing)
}

func TestStanding(t *testing.T) {
	o := Objective{Target: 0.99, Window: Window{Length: 10 * time.Hour}}
	tally := fill(600, func(m int) float64 {
		if m >= 540 {
			return 4 // 240 of the 600 that 60 000 requests allow
		}
		return 0
	})
	s := o.Stand(tally, nil, at(600))
	require.InDelta(t, 0.996, s.SLI, 1e-12)
	require.InDelta(t, 0.6, s.Left, 1e-9)
	require.InDelta(t, 360, s.LeftEvents, 1e-6)
	require.InDelta(t, float64(216*time.Second), float64(s.LeftTime), 1e6, "0.6 of the 6 minutes of 10 hours")
	require.InDelta(t, 4, s.Rate, 1e-9)
	require.Equal(t, Ahead, s.Exhaustion)
	require.InDelta(t, float64(90*time.Minute), float64(s.Gone), 1e9, "0.6 of 10 h at 4 times the rate")
	require.Equal(t, at(540), s.WorstHour)
	require.InDelta(t, 0.4, s.WorstSpent, 1e-9)
	require.InDelta(t, 1, s.Known, 1e-9)
	share, events := o.Cost(tally, at(540), at(600))
	require.InDelta(t, 0.4, share, 1e-9)
	require.InDelta(t, 240, events, 1e-6)
	idle := o.Stand(&Tally{}, nil, at(0))
	require.Equal(t, Dark, idle.Exhaustion)
	require.Equal(t, 1.0, idle.Left)
	require.Zero(t, idle.Known)
}

// Of a month that has just begun the budget is that of the whole month.
func TestBudgetOfACalendarMonth(t *testing.T) {
	o := Objective{Target: 0.99, Window: Window{Calendar: Month, Length: 30 * day}}
	tally := fill(24*60, func(int) float64 { return 31 })
	s := o.Stand(tally, nil, at(24*60)) // one day of 31 at 31 %
	require.InDelta(t, 0, s.Left, 1e-9)
	require.Equal(t, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), s.End)
}

func TestProfiles(t *testing.T) {
	require.Empty(t, Profile("none", Window{Length: 30 * day}), "none tells nothing")
	for _, name := range Profiles() {
		if name == "none" {
			continue
		}
		for _, w := range []time.Duration{7 * day, 28 * day, 30 * day} {
			list := Profile(name, Window{Length: w})
			require.NotEmpty(t, list)
			for _, r := range list {
				require.LessOrEqual(t, r.Short, r.Long)
				require.Greater(t, r.Factor(Window{Length: w}), 0.0)
			}
			names := make([]string, len(list))
			for i, r := range list {
				names[i] = r.Name
			}
			slices.Sort(names)
			require.Len(t, slices.Compact(names), len(list))
		}
	}
	require.InDelta(t, 14, Profile("pyrra", Window{Length: 28 * day})[0].Factor(Window{Length: 28 * day}), 1e-9)
	require.Nil(t, Profile("nobody", Window{Length: day}))
}
