package query

import (
	"math"
	"time"
)

// absentBits is a quiet NaN that no Prometheus sends: its own are
// 0x7ff8000000000001 (NaN) and 0x7ff0000000000002 (stale marker).
const absentBits = 0x7ff8_5172_ab5e_0747

// Absent is the value of a grid point at which the series had no sample. It is
// a NaN of its own, so that a NaN which the server computed (0/0) can still be
// told from no data; compare with IsAbsent, never with ==.
func Absent() float64 { return math.Float64frombits(absentBits) }

// IsAbsent reports whether v is Absent. Only plain copies keep the pattern;
// the result of arithmetic on an absent point is not Absent.
func IsAbsent(v float64) bool { return math.Float64bits(v) == absentBits }

// Series is one line of a range query on the grid of its Frame.
type Series struct {
	Labels Labels
	Legend string        // what a person sees; Labels.String() unless the panel has a template
	Expr   string        // the PromQL that was sent, so that evidence can be asked again
	Ref    string        // of the query that it answers; only within a panel
	Ago    time.Duration // of a comparison: its values are so much older than their places on the grid; 0 = the answer itself
	Values []float64     // one a grid point, len == Grid.N; no sample is Absent(). Shared: never written to
	Now    Point         // after the last grid point, if the source gave one: see Point

	// Histograms are nil unless the series has native histograms; then they are one a
	// grid point, and where one is not nil Values is Absent. Shared as Values are.
	Histograms []*Histogram
}

// Point is a value at a time of its own, between the last grid point and now. It
// is provisional: the next look may give another one, and it never becomes part
// of the grid, so a chart draws it differently, or not at all. With At zero
// there is none; of native histograms there never is.
type Point struct {
	At    time.Time
	Value float64
}

// Last is the youngest value within the last reach points and its index, or
// Absent and -1. A reach of 0 means the whole series.
func (s Series) Last(reach int) (float64, int) {
	if reach <= 0 {
		reach = len(s.Values)
	}
	for i := len(s.Values) - 1; i >= max(0, len(s.Values)-reach); i-- {
		if !IsAbsent(s.Values[i]) {
			return s.Values[i], i
		}
	}
	return Absent(), -1
}

// Frame is the answer to a range query. A published Frame is never written to.
type Frame struct {
	Grid     Grid
	Series   []Series // sorted by labels within one expression
	Warnings []string // what the server said, and what was left out here: the answer is not all there is
	Infos    []string // what the server remarked; the answer is whole
	StandIn  string   // who answered in the source's place, for all or a part of it, and how well; "" = the source alone
	Took     time.Duration
	At       time.Time // when the answer was complete, by this machine's clock

	offGrid int       // points that the server put elsewhere, and were moved or left out
	asOf    time.Time // when the server answered, by its own clock; zero if it did not say
}

// FrameOf is samples as a frame of one point, the time of which is the caller's to say.
func FrameOf(samples []Sample, expr string) Frame {
	f := Frame{Grid: Grid{N: 1}}
	for _, s := range samples {
		one := Series{Labels: s.Labels, Expr: expr, Values: []float64{s.Value}}
		if s.Histogram != nil {
			one.put(0, s.Histogram)
		}
		f.Series = append(f.Series, one)
	}
	return f
}

// Sample is one value of an instant query.
type Sample struct {
	Labels    Labels
	Value     float64 // Absent where there is a Histogram
	At        time.Time
	Histogram *Histogram // nil of a number
}
