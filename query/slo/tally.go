package slo

import (
	"cmp"
	"slices"
	"time"
)

// Tally adds slots up: any window of them costs two look-ups. The zero Tally is
// empty; it is not for use by several goroutines while Put runs.
type Tally struct {
	slots  []Slot
	sums   []sum // sums[i] is everything before slots[i]; one longer than slots
	shared bool  // a copy has the same memory: it is not written to any more
}

// sum is compensated (Neumaier): a window's few bad events are the difference of two
// sums that may be a billion times as large.
type sum struct{ bad, badLow, total, totalLow, seconds float64 }

// Count is the events of a window.
type Count struct {
	Bad, Total float64
	Known      time.Duration // how much of the window anything is known of
}

// Bad share of all events; 0 without any.
func (c Count) Ratio() float64 {
	if c.Total <= 0 {
		return 0
	}
	return c.Bad / c.Total
}

// Put takes slots in, in any order. One that is there is replaced; of others that
// overlap the one that begins first stays, and of those the finer one.
func (t *Tally) Put(list ...Slot) {
	if len(list) == 0 {
		return
	}
	from := int64(0)
	for i, s := range list {
		if i == 0 || s.Start < from {
			from = s.Start
		}
	}
	at, _ := slices.BinarySearchFunc(t.slots, from, func(s Slot, start int64) int { return int(s.Start - start) })
	at = max(0, at-1)
	tail := append(slices.Clone(list), t.slots[at:]...) // of two equal ones the new one is met first
	slices.SortStableFunc(tail, func(a, b Slot) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Width, b.Width)) })
	if t.shared {
		t.slots, t.sums, t.shared = slices.Clone(t.slots), slices.Clone(t.sums), false
	}
	t.slots = t.slots[:at]
	for _, s := range tail {
		if n := len(t.slots); s.Width > 0 && (n == 0 || s.Start >= t.slots[n-1].End()) {
			t.slots = append(t.slots, s)
		}
	}
	t.add(at)
}

// add works the sums out from slots[at] on.
func (t *Tally) add(at int) {
	if len(t.sums) == 0 {
		t.sums = append(t.sums, sum{})
	}
	t.sums = t.sums[:at+1]
	for _, s := range t.slots[at:] {
		last := t.sums[len(t.sums)-1]
		last.bad, last.badLow = plus(last.bad, last.badLow, s.Bad)
		last.total, last.totalLow = plus(last.total, last.totalLow, s.Total)
		last.seconds += float64(s.Width)
		t.sums = append(t.sums, last)
	}
}

// plus adds v to high+low (Neumaier).
func plus(high, low, v float64) (float64, float64) {
	s := high + v
	if abs(high) >= abs(v) {
		low += (high - s) + v
	} else {
		low += (v - s) + high
	}
	return s, low
}

func abs(v float64) float64 { return max(v, -v) }

// Copy is the tally as it stands; it shares memory until the next Put.
func (t *Tally) Copy() *Tally {
	t.shared = true
	c := *t
	return &c
}

// Forget drops what ended at or before a time.
func (t *Tally) Forget(before time.Time) {
	n := slices.IndexFunc(t.slots, func(s Slot) bool { return s.End() > before.Unix() })
	if n < 0 {
		n = len(t.slots)
	}
	if n == 0 {
		return
	}
	t.slots, t.sums, t.shared = slices.Clone(t.slots[n:]), nil, false
	t.add(0)
}

// Sum is what happened from one time up to another. A slot that a border cuts counts
// for its share.
func (t *Tally) Sum(from, to time.Time) Count {
	if !from.Before(to) || len(t.slots) == 0 {
		return Count{}
	}
	lo, hi := t.upTo(from), t.upTo(to)
	c := Count{
		Bad:   max(0, (hi.bad-lo.bad)+(hi.badLow-lo.badLow)),
		Total: max(0, (hi.total-lo.total)+(hi.totalLow-lo.totalLow)),
		Known: time.Duration((hi.seconds - lo.seconds) * float64(time.Second)),
	}
	c.Bad = min(c.Bad, c.Total)
	return c
}

// upTo is the sum of everything before a time.
func (t *Tally) upTo(at time.Time) sum {
	sec := float64(at.UnixNano()) / 1e9
	n, _ := slices.BinarySearchFunc(t.slots, sec, func(s Slot, sec float64) int {
		if float64(s.End()) <= sec {
			return -1
		}
		return 1
	})
	total := t.sums[n]
	if n < len(t.slots) && float64(t.slots[n].Start) < sec {
		s := t.slots[n]
		share := (sec - float64(s.Start)) / float64(s.Width)
		total.badLow += s.Bad * share
		total.totalLow += s.Total * share
		total.seconds += float64(s.Width) * share
	}
	return total
}

// First and Last are the borders of what is known; zero of an empty tally.
func (t *Tally) First() time.Time {
	if len(t.slots) == 0 {
		return time.Time{}
	}
	return time.Unix(t.slots[0].Start, 0).UTC()
}

// Last is the end of the youngest slot.
func (t *Tally) Last() time.Time {
	if len(t.slots) == 0 {
		return time.Time{}
	}
	return time.Unix(t.slots[len(t.slots)-1].End(), 0).UTC()
}

// Slots are those of a window, whole ones, oldest first: shared, not to be written to.
func (t *Tally) Slots(from, to time.Time) []Slot {
	a, _ := slices.BinarySearchFunc(t.slots, from.Unix(), func(s Slot, at int64) int {
		if s.End() <= at {
			return -1
		}
		return 1
	})
	b, _ := slices.BinarySearchFunc(t.slots, to.Unix(), func(s Slot, at int64) int {
		if s.Start < at {
			return -1
		}
		return 1
	})
	return t.slots[a:max(a, b)]
}
