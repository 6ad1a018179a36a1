package slo

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What an incident cost is what a count over the minutes gives: those that were worse
// than the budget up to when it was noticed, and all up to its end, less what usually
// goes wrong.
func TestCostIsACount(t *testing.T) {
	t.Parallel()
	o := load(t, "name: shop\nobjective: 99\nwindow: 7d\nsli: {events: {bad: bad_total, total: all_total}}\n")
	rapid.Check(t, func(t *rapid.T) {
		var tally Tally
		const n = 600
		begun := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		bad, total := make([]float64, n), make([]float64, n)
		fails := rapid.IntRange(250, 350).Draw(t, "fails at")
		noticed := fails + rapid.IntRange(0, 60).Draw(t, "noticed after")
		end := noticed + rapid.IntRange(1, 100).Draw(t, "lasts")
		for i := range n {
			total[i] = float64(rapid.IntRange(1, 1000).Draw(t, "total"))
			if bad[i] = math.Floor(total[i] * 0.005); i >= fails && i < end {
				bad[i] = math.Ceil(total[i] * 0.2)
			}
			tally.Put(Slot{Start: begun.Unix() + int64(i)*60, Width: 60, Bad: bad[i], Total: total[i]})
		}
		at := func(minute int) time.Time { return begun.Add(time.Duration(minute) * time.Minute) }
		onset := o.Onset(&tally, at(noticed))
		if !onset.Equal(at(fails)) {
			t.Fatalf("it began at %s, not %s", at(fails), onset)
		}
		sum := func(list []float64, from, to int) (s float64) {
			for i := max(0, from); i < to; i++ {
				s += list[i]
			}
			return s
		}
		length := end - fails
		usual := sum(bad, fails-length, fails) / sum(total, fails-length, fails)
		want := max(0, sum(bad, fails, end)-usual*sum(total, fails, end))
		share, events := o.Cost(&tally, onset, at(end))
		if math.Abs(events-want) > 1e-9*(1+want) {
			t.Fatalf("%v events, not %v", events, want)
		}
		all := sum(total, 0, end) * (7 * 24 * 60) / float64(end) // as many more as this pace would have brought
		if allowed := o.Budget() * all; math.Abs(share-want/allowed) > 1e-9*(1+share) {
			t.Fatalf("%v of the budget, not %v", share, want/allowed)
		}
	})
}

// A failure that began late in a minute began then, and what it cost is whole: what is
// missed of it would be taken for what is usual as well.
func TestOnsetWithinAMinute(t *testing.T) {
	noticed := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for late := range 12 {
		fails := noticed.Add(-5*time.Minute + time.Duration(late)*5*time.Second)
		var tally Tally
		for at := noticed.Add(-time.Hour); at.Before(noticed); at = at.Add(5 * time.Second) {
			s := Slot{Start: at.Unix(), Width: 5, Total: 50}
			if !at.Before(fails) {
				s.Bad = 20
			}
			tally.Put(s)
		}
		o := Objective{Target: 0.9, Window: Window{Length: time.Hour}}
		_, events := o.Cost(&tally, o.Onset(&tally, noticed), noticed)
		if want := 4 * noticed.Sub(fails).Seconds(); math.Abs(events-want) > 1e-9*want {
			t.Errorf("%d slots into a minute: %v events, not %v", late, events, want)
		}
	}
}
