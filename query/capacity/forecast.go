// Package capacity says when something runs out: how a usage grows, how sure that is,
// and when it meets its limit. All of it is pure; whoever asks Prometheus is elsewhere.
package capacity

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Day is one day of a usage.
type Day struct {
	Start time.Time // 00:00 UTC
	Value float64   // of the day: its peak (Peaks) or its median
}

// leastDays is how much history a forecast needs: two of every weekday. With less, the
// week itself is taken for growth.
const leastDays = 14

// ShortError is too little history.
type ShortError struct{ Have int }

func (e *ShortError) Error() string {
	return fmt.Sprintf("%d days of history, and growth cannot be told from the week's ups and downs with fewer than %d", e.Have, leastDays)
}

// Model is how a usage grows: by so much, or by such a share, a day.
type Model struct {
	Log       bool // by a share
	First     time.Time
	Days      int     // with data
	Slope     float64 // a day, of the value or its logarithm
	Low, High float64 // its interval of 95 %; infinite where there is too little to say
	Level     float64 // the line at First, of the value or its logarithm
	Week      [7]float64
	Noise     float64 // median distance of the days from line and week, as they are fitted
	Or        *Model  // the other kind of growth, where the days cannot tell the two apart
}

// Fit finds the growth of days, which are in order. The slope is the median of the
// slopes between days that are whole weeks apart, so that no weekend is taken for a
// decline; its interval is that of the seasonal Kendall test. Growth by a share is
// taken where it describes the days clearly better. Sources: Hirsch, Slack and Smith
// 1982, Techniques of trend analysis for monthly water quality data; Sen 1968.
func Fit(days []Day) (Model, error) {
	days = slices.DeleteFunc(slices.Clone(days), func(d Day) bool { return math.IsNaN(d.Value) || math.IsInf(d.Value, 0) })
	if len(days) < leastDays {
		return Model{}, &ShortError{Have: len(days)}
	}
	line := fit(days, false)
	if slices.ContainsFunc(days, func(d Day) bool { return d.Value <= 0 }) {
		return line, nil
	}
	share := fit(days, true)
	switch a, b := line.distance(days), share.distance(days); {
	case b < 0.9*a:
		return share, nil
	case a >= 0.9*b:
		line.Or = &share
	}
	return line, nil
}

func fit(days []Day, logarithm bool) Model {
	m := Model{Log: logarithm, First: days[0].Start, Days: len(days)}
	y := make([]float64, len(days))
	for i, d := range days {
		y[i] = m.in(d.Value)
	}
	var slopes []float64
	perWeekday := [7]float64{}
	for i := range days {
		perWeekday[days[i].Start.Weekday()]++
		for j := i + 1; j < len(days); j++ {
			if n := apart(days[i].Start, days[j].Start); n%7 == 0 && n > 0 {
				slopes = append(slopes, (y[j]-y[i])/float64(n))
			}
		}
	}
	slices.Sort(slopes)
	m.Low, m.High = math.Inf(-1), math.Inf(1)
	if len(slopes) == 0 {
		return m
	}
	m.Slope = query.Median(slopes)
	variance := 0.0
	for _, n := range perWeekday {
		variance += n * (n - 1) * (2*n + 5) / 18
	}
	spread := 1.959964 * math.Sqrt(variance)
	lo, hi := int(math.Floor((float64(len(slopes))-spread)/2)), int(math.Ceil((float64(len(slopes))+spread)/2))
	if lo >= 0 && hi < len(slopes) {
		m.Low, m.High = slopes[lo], slopes[hi]
	}
	rest := make([]float64, len(days))
	for i, d := range days {
		rest[i] = y[i] - m.Slope*float64(m.day(d.Start))
	}
	m.Level = query.Median(rest)
	for w := range m.Week {
		var of []float64
		for i, d := range days {
			if int(d.Start.Weekday()) == w {
				of = append(of, rest[i]-m.Level)
			}
		}
		if len(of) > 0 {
			m.Week[w] = query.Median(of)
		}
	}
	far := make([]float64, len(days))
	for i, d := range days {
		far[i] = math.Abs(rest[i] - m.Level - m.Week[d.Start.Weekday()])
	}
	m.Noise = query.Median(far)
	return m
}

// in and out are a value as the model sees it and back.
func (m Model) in(v float64) float64 {
	if m.Log {
		return math.Log(v)
	}
	return v
}

func (m Model) out(v float64) float64 {
	if m.Log {
		return math.Exp(v)
	}
	return v
}

func apart(a, b time.Time) int { return int(math.Round(b.Sub(a).Hours() / 24)) }

func (m Model) day(t time.Time) int { return apart(m.First, t) }

// distance is the median error of the model on the days it was made of.
func (m Model) distance(days []Day) float64 {
	far := make([]float64, len(days))
	for i, d := range days {
		far[i] = math.Abs(m.At(d.Start) - d.Value)
	}
	return query.Median(far)
}

// At is the value that the model expects on a day, with its weekday.
func (m Model) At(t time.Time) float64 {
	return m.out(m.Level + m.Slope*float64(m.day(t)) + m.Week[t.UTC().Weekday()])
}

// Between is where the value of a day lies by the interval of the slope and three
// times the noise around it. The line turns about the middle of the history, where it
// is known best. Where the days cannot tell one kind of growth from the other it is
// what either says.
func (m Model) Between(t time.Time, last time.Time) (low, high float64) {
	low, high = m.between(t, last)
	if m.Or != nil {
		l, h := m.Or.between(t, last)
		low, high = min(low, l), max(high, h)
	}
	return low, high
}

func (m Model) between(t time.Time, last time.Time) (low, high float64) {
	middle := float64(m.day(last)) / 2
	at := m.Level + m.Slope*middle + m.Week[t.UTC().Weekday()]
	ahead := float64(m.day(t)) - middle
	low, high = at+m.Low*ahead, at+m.High*ahead
	if ahead < 0 {
		low, high = high, low
	}
	return m.out(low - 3*m.Noise), m.out(high + 3*m.Noise)
}

// PerYear is the growth in a year as a share of what there is at a time: 0.5 is half
// as much again.
func (m Model) PerYear(now time.Time) (growth, low, high float64) {
	if m.Log {
		return math.Expm1(365 * m.Slope), math.Expm1(365 * m.Low), math.Expm1(365 * m.High)
	}
	level := math.Abs(m.Level + m.Slope*float64(m.day(now)))
	if level == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return 365 * m.Slope / level, 365 * m.Low / level, 365 * m.High / level
}

// Exhaustion is when a usage meets its limit.
type Exhaustion struct {
	Expected time.Time // zero: not within Horizon
	Earliest time.Time // by the steeper end of the interval, with the noise
	Latest   time.Time // by the flatter one; zero: perhaps never
	Already  bool      // it is beyond the limit now
}

// Horizon is how far a forecast looks: beyond it nobody knows.
const Horizon = 3 * 365 * 24 * time.Hour

// Meets is when the value is at the limit for the first time after the last day of the
// history.
func (m Model) Meets(limit float64, last time.Time) (e Exhaustion) {
	e.Already = m.At(last) >= limit
	for t := last; t.Before(last.Add(Horizon)); t = t.Add(24 * time.Hour) {
		low, high := m.Between(t, last)
		if e.Earliest.IsZero() && high >= limit {
			e.Earliest = t
		}
		if e.Expected.IsZero() && m.At(t) >= limit {
			e.Expected = t
		}
		if low >= limit {
			e.Latest = t
			break
		}
	}
	return e
}

// BackTest is how a forecast would have done: made of the history without its end, and
// held against that.
type BackTest struct {
	Held   int     // days at the end
	Error  float64 // the median error, as a share of the value
	Worst  float64
	Within float64 // the share of days that lay in the interval
}

// Test holds a quarter of the history back, a week at least. It is false where what
// remains is too short.
func Test(days []Day) (BackTest, bool) {
	held := max(7, len(days)/4)
	if len(days)-held < leastDays {
		return BackTest{}, false
	}
	known, end := days[:len(days)-held], days[len(days)-held:]
	m, err := Fit(known)
	if err != nil {
		return BackTest{}, false
	}
	b := BackTest{Held: held}
	var off []float64
	within := 0
	for _, d := range end {
		low, high := m.Between(d.Start, known[len(known)-1].Start)
		if d.Value >= low && d.Value <= high {
			within++
		}
		if d.Value != 0 {
			off = append(off, math.Abs(m.At(d.Start)-d.Value)/math.Abs(d.Value))
		}
	}
	b.Within = float64(within) / float64(held)
	if len(off) == 0 {
		return b, false
	}
	b.Error, b.Worst = query.Median(off), slices.Max(off)
	return b, true
}
