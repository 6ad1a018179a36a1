// Package chart draws figures into a frame: time series with axes, thresholds
// and event marks, single figures, gauges and sparklines. It knows no
// Prometheus and no incident: it is given plain numbers, and draws what they
// say, holes and all.
package chart

import (
	"time"

	"github.com/sitrep-dev/sitrep/tui/safe"
)

// Spec is everything that one chart shows. Values of all series stand on one
// grid: the ith at Start + i*Step. Where the window moves by whole steps the
// picture moves with it, without flicker.
type Spec struct {
	Title  safe.Text
	Versus safe.Text // what it is compared with, behind the title
	Series []Series
	Start  time.Time     // the time of the first value
	Step   time.Duration // between values; 0 or less counts as a second
	Points int           // values in the window; 0 is the longest series

	// Format writes a value with its unit, in title and legend. Axis writes it
	// on the axis, where it has six cells. A nil Axis is Format, a nil Format is
	// plot.Short.
	Format     func(float64) string
	Axis       func(float64) string
	Y          YAxis
	Thresholds []Threshold
	Marks      []Mark
	Crosshair  time.Time // the instant all charts point at; zero is none
	Zone       *time.Location
	Focus      int // the series drawn over the others, and whose value the title shows
	State      State
	NoLegend   bool  // the series are listed elsewhere, or nowhere
	Order      []int // of the series in the legend; nil is their own
	Calc       bool  // the legend shows the Figures of each series, and not what it usually does

	// The axis at the right, of the series that have it.
	Right     YAxis
	RightAxis func(float64) string

	named map[int][]safe.Text // the names of the series, by the width that they are cut to
}

// Series is one line. NaN is "no value": it is drawn as a hole, never as 0,
// unless Nulls says so. Infinities count as NaN.
type Series struct {
	Name   safe.Text
	Values []float64
	Hidden bool // listed in the legend, not drawn

	Form     Form
	Nulls    Nulls
	Stack    Stack
	Negative bool                 // drawn below zero; figures stay as they are
	Right    bool                 // on the axis at the right
	Behind   bool                 // what was before, to compare with: dim, and not stacked
	Figures  []safe.Text          // beside the name in the legend, as many as there is room for
	Now      Moment               // after the last value, and provisional
	Format   func(float64) string // where it differs from that of the others
}

// Moment is a value of its own time, off the grid: it may still change, and is drawn
// and written with a mark of its own, ◦. With At zero there is none.
type Moment struct {
	At    time.Time
	Value float64
}

// some says that there is a value that can be drawn.
func (m Moment) some() bool { return !m.At.IsZero() && m.Value-m.Value == 0 }

// Form is how a series is drawn.
type Form uint8

// The forms.
const (
	Line Form = iota
	Area
	Pillars
	Points
	Steps
)

// Nulls is what is drawn where a series has no value.
type Nulls uint8

// What a hole becomes.
const (
	Gap Nulls = iota
	Connect
	Zero
)

// Stack is how series stand on each other.
type Stack uint8

// The ways to stack; in a percent stack all together are 1.
const (
	Alone Stack = iota
	Stacked
	Percent
)

// YAxis bounds the value axis. The zero value starts at zero, unless values are
// negative, and ends at a round number above the highest value.
type YAxis struct {
	Min, Max       float64
	HasMin, HasMax bool
	Tight          bool // from the lowest value, not from zero
	Log            bool // logarithmic; values of zero and below are not drawn
	Base           int  // of the logarithm's ticks: 2 or 10; 0 is 10

	SoftMin, SoftMax       float64 // the axis reaches so far at least
	HasSoftMin, HasSoftMax bool

	Unit func(v float64) float64 // what ticks near v are round multiples of; nil is 1
}

// Level is how bad it is to be beyond a threshold.
type Level uint8

// The levels.
const (
	Warn Level = iota
	Crit
)

// Threshold is a line that values should not cross.
type Threshold struct {
	Value float64
	Level Level
	Below bool // it is bad to be below; else above
}

// MarkKind is what happened.
type MarkKind uint8

// The kinds of marks, each with its glyph: ▲ ! ✓ ✗ ≈ • P R ≠.
const (
	Deploy MarkKind = iota // deploys, flags, configuration
	Alert
	Ack
	Chaos
	Load
	Note
	Page  // somebody was called
	End   // mitigated or resolved
	Shift // the leading series has another level from here on
)

// Mark is an event at an instant, or from At to Until.
type Mark struct {
	At, Until time.Time // Until zero: an instant
	Kind      MarkKind
	Running   bool // an interval that has not ended
}

// State is how far the figures can be trusted.
type State struct {
	Loading bool          // the first answer is not here yet
	Error   safe.Text     // the last query failed: what it said
	Age     time.Duration // how old the answer is; shown from 10 s
	Partial bool          // the source answered incompletely
	Remarks bool          // the source remarked something; the answer is whole
	StandIn safe.Text     // who answered in its place, and how well
	Took    time.Duration // the query; shown from a second
	Stale   time.Duration // how long ago the newest sample was; 0: it is fresh
	Trend   Trend         // of the leading series
}

// Trend is where a series is going, in a word or two; no words if it is going nowhere.
type Trend struct {
	Words safe.Text
	Worse bool
}
