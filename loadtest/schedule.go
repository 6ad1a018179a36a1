package loadtest

import (
	"math"
	"sort"
	"time"
)

// arrivalDust is how far, in arrivals, floating point may put the integral of
// the rate past a whole number without one more request being due.
const arrivalDust = 1e-3

// Schedule says when each arrival of an open model is due. It is immutable and
// safe for concurrent use.
//
// With r(t) the arrival rate and R(t) its integral from 0, arrival n (counted
// from 0) is due at R⁻¹(n). On a stage with a linear ramp from a to b over d,
// entered with R = m,
//
//	R(t) = m + a·t + (b-a)·t²/(2d)
//	R⁻¹(n) = 2(n-m) / (a + √(a² + 2(b-a)(n-m)/d))
//
// the second being the form of the quadratic's root that loses no digits when
// a ramp is nearly flat.
type Schedule struct {
	segments []segment
	bounds   []time.Duration // when stage i begins, and at last when all are over
	length   time.Duration
}

// segment is one stage, or a part of it; times are seconds since the start of the run.
type segment struct {
	stage         int
	start, length float64
	from, to      float64
	before, after float64 // R at its start and end
}

// NewSchedule lays the stages end to end.
func NewSchedule(stages []Stage) Schedule {
	s := Schedule{bounds: []time.Duration{0}}
	var sum float64
	for i, st := range stages {
		g := segment{stage: i, start: s.length.Seconds(), length: st.For.Seconds(), from: st.From, to: st.To, before: sum}
		sum += (st.From + st.To) / 2 * g.length
		g.after = sum
		s.segments = append(s.segments, g)
		s.length += st.For
		s.bounds = append(s.bounds, s.length)
	}
	return s
}

// Scale is the schedule with its rates multiplied from t on. Arrivals before t are due
// when they were.
func (s Schedule) Scale(t time.Duration, factor float64) Schedule {
	out := Schedule{bounds: s.bounds, length: s.length}
	cut, sum := t.Seconds(), 0.0
	add := func(g segment, factor float64) {
		if g.length <= 0 {
			return
		}
		g.from, g.to, g.before = g.from*factor, g.to*factor, sum
		sum += (g.from + g.to) / 2 * g.length
		g.after = sum
		out.segments = append(out.segments, g)
	}
	for _, g := range s.segments {
		x := min(max(cut-g.start, 0), g.length)
		middle := g.from + (g.to-g.from)*x/g.length
		add(segment{stage: g.stage, start: g.start, length: x, from: g.from, to: middle}, 1)
		add(segment{stage: g.stage, start: g.start + x, length: g.length - x, from: middle, to: g.to}, factor)
	}
	return out
}

// Peak is the highest rate from t on.
func (s Schedule) Peak(t time.Duration) (most float64) {
	for _, g := range s.segments {
		if g.start+g.length > t.Seconds() {
			most = max(most, g.from, g.to)
		}
	}
	return most
}

// Length is when the last stage ends.
func (s Schedule) Length() time.Duration { return s.length }

// Total is how many requests arrive over all stages.
func (s Schedule) Total() int64 { return s.Count(s.length) }

// Due returns the time since the start at which arrival n is due and the index
// of the stage that it belongs to; ok is false from Total on.
func (s Schedule) Due(n int64) (due time.Duration, stage int, ok bool) {
	x := float64(n)
	i := sort.Search(len(s.segments), func(i int) bool { return x < s.segments[i].after-arrivalDust })
	if i == len(s.segments) || n < 0 {
		return 0, 0, false
	}
	g := s.segments[i]
	t := g.start + math.Min(g.inverse(x-g.before), g.length)
	return time.Duration(math.Round(t * 1e9)), g.stage, true
}

// inverse is the time into the segment at which m arrivals of it have been due.
func (g segment) inverse(m float64) float64 {
	if m <= 0 {
		return 0
	}
	disc := math.Max(0, g.from*g.from+2*(g.to-g.from)*m/g.length)
	return 2 * m / (g.from + math.Sqrt(disc))
}

// Arrivals is R(t): the integral of the rate up to t.
func (s Schedule) Arrivals(t time.Duration) float64 {
	if t <= 0 || len(s.segments) == 0 {
		return 0
	}
	g := s.at(t)
	x := math.Min(t.Seconds()-g.start, g.length)
	return g.before + g.from*x + (g.to-g.from)*x*x/(2*g.length)
}

// Count is how many requests are due before t.
func (s Schedule) Count(t time.Duration) int64 {
	return int64(math.Ceil(math.Max(0, s.Arrivals(t)-arrivalDust)))
}

// Rate is the arrival rate at t, per second; 0 before the start and from the
// end on.
func (s Schedule) Rate(t time.Duration) float64 {
	if t < 0 || t >= s.length {
		return 0
	}
	g := s.at(t)
	return g.from + (g.to-g.from)*(t.Seconds()-g.start)/g.length
}

// Stage is the index of the stage at t, the last one after the end.
func (s Schedule) Stage(t time.Duration) int {
	if len(s.segments) == 0 {
		return 0
	}
	return s.at(t).stage
}

func (s Schedule) at(t time.Duration) segment {
	i := sort.Search(len(s.segments), func(i int) bool { return s.segments[i].start > t.Seconds() })
	return s.segments[max(i-1, 0)]
}
