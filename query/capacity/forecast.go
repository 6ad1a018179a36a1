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
	Counted   bool    // forecasts go on with the slope; without, they stay where the usage is
	Level     float64 // the line of the forecast at First, of the value or its logarithm
	Week      [7]float64
	Noise     float64 // median distance of the days from line and week
	Or        *Model  // the other kind of growth, where the days cannot tell the two apart
	off       []offBy
}

// Fit finds the growth of days, which are in order. The slope is the median of the
// slopes between days that are whole weeks apart, so that no weekend is taken for a
// decline; its interval is that of the seasonal Kendall test, wider where neighbouring
// days hang together. Growth by a share is taken where it describes the days clearly
// better. Sources: Hirsch, Slack and Smith 1982, Techniques of trend analysis for
// monthly water quality data; Sen 1968; Hamed and Rao 1998.
func Fit(days []Day) (Model, error) {
	days = slices.DeleteFunc(slices.Clone(days), func(d Day) bool { return math.IsNaN(d.Value) || math.IsInf(d.Value, 0) })
	if len(days) < leastDays {
		return Model{}, &ShortError{Have: len(days)}
	}
	line := whole(days, false)
	if slices.ContainsFunc(days, func(d Day) bool { return d.Value <= 0 }) {
		return ahead(line, days), nil
	}
	share := whole(days, true)
	switch a, b := line.distance(days), share.distance(days); {
	case b < 0.9*a:
		return ahead(share, days), nil
	case a >= 0.9*b:
		other := ahead(share, days)
		line.Or = &other
	}
	return ahead(line, days), nil
}

// whole is the line through all of the days.
func whole(days []Day, logarithm bool) Model {
	m := Model{Log: logarithm, First: days[0].Start, Days: len(days)}
	slopes := m.slopes(days)
	m.Low, m.High = math.Inf(-1), math.Inf(1)
	if len(slopes) == 0 {
		return m
	}
	m.Slope = query.Median(slopes)
	rest := m.lay(days, m.Slope, len(days))
	spread := 1.959964 * math.Sqrt(weekdayVariance(days)*query.Together(rest))
	lo, hi := int(math.Floor((float64(len(slopes))-spread)/2)), int(math.Ceil((float64(len(slopes))+spread)/2))
	if lo >= 0 && hi < len(slopes) {
		m.Low, m.High = slopes[lo], slopes[hi]
	}
	m.Counted = true
	return m
}

// slopes between the days that are whole weeks apart, in order.
func (m *Model) slopes(days []Day) (slopes []float64) {
	for i := range days {
		for j := i + 1; j < len(days); j++ {
			if n := apart(days[i].Start, days[j].Start); n%7 == 0 && n > 0 {
				slopes = append(slopes, (m.in(days[j].Value)-m.in(days[i].Value))/float64(n))
			}
		}
	}
	slices.Sort(slopes)
	return slopes
}

// weekdayVariance is that of Kendall's S within weekdays.
func weekdayVariance(days []Day) (variance float64) {
	var of [7]float64
	for _, d := range days {
		of[d.Start.Weekday()]++
	}
	for _, n := range of {
		variance += n * (n - 1) * (2*n + 5) / 18
	}
	return variance
}

// lay puts a line of that slope through the last so many of the days, and the week
// around it. What it returns is left of the days.
func (m *Model) lay(days []Day, slope float64, last int) (rest []float64) {
	rest = make([]float64, len(days))
	for i, d := range days {
		rest[i] = m.in(d.Value) - slope*float64(m.day(d.Start))
	}
	m.Level = query.Median(rest)
	for i := range rest {
		rest[i] -= m.Level
	}
	m.Week = weekOf(days, local(rest))
	for i, d := range days {
		rest[i] -= m.Week[d.Start.Weekday()]
	}
	m.Level += query.Median(rest[max(0, len(rest)-last):])
	far := make([]float64, len(days))
	for i := range rest {
		far[i] = math.Abs(rest[i])
	}
	m.Noise = query.Median(far)
	return rest
}

// local is how far the days are from those around them: a week is seen in that whatever
// the level does meanwhile.
func local(rest []float64) []float64 {
	far := make([]float64, len(rest))
	for i, v := range rest {
		far[i] = v - query.Median(rest[max(0, i-7):min(len(rest), i+8)])
	}
	return far
}

// weekTells is how much nearer the weekdays have to bring the days, each foretold by
// the others of its kind, for there to be a week: what seven medians of noise make up
// is no week, and costs a fifth of the accuracy.
const weekTells = 0.95

// weekOf is what the weekdays add; nothing if they do not tell.
func weekOf(days []Day, rest []float64) (week [7]float64) {
	var of [7][]float64
	for i, d := range days {
		of[d.Start.Weekday()] = append(of[d.Start.Weekday()], rest[i])
	}
	with, without := 0.0, 0.0
	for w := range of {
		for i, v := range of[w] {
			others := slices.Delete(slices.Clone(of[w]), i, i+1)
			if len(others) > 0 {
				with += math.Abs(v - query.Median(others))
			} else {
				with += math.Abs(v)
			}
			without += math.Abs(v)
		}
	}
	if with >= weekTells*without {
		return week
	}
	for w := range of {
		if len(of[w]) > 0 {
			week[w] = query.Median(of[w])
		}
	}
	return week
}

// in and out are a value as the model sees it and back.
func (m *Model) in(v float64) float64 {
	if m.Log {
		return math.Log(v)
	}
	return v
}

func (m *Model) out(v float64) float64 {
	if m.Log {
		return math.Exp(v)
	}
	return v
}

func apart(a, b time.Time) int { return int(math.Round(b.Sub(a).Hours() / 24)) }

func (m *Model) day(t time.Time) int { return apart(m.First, t) }

// distance is the median error of the model on the days it was made of.
func (m *Model) distance(days []Day) float64 {
	far := make([]float64, len(days))
	for i, d := range days {
		far[i] = math.Abs(m.At(d.Start) - d.Value)
	}
	return query.Median(far)
}

// line is the forecast's on a day, without the weekday, as the model sees it.
func (m *Model) line(t time.Time) float64 {
	if !m.Counted {
		return m.Level
	}
	return m.Level + m.Slope*float64(m.day(t))
}

// At is the value that the model expects on a day, with its weekday.
func (m *Model) At(t time.Time) float64 { return m.out(m.line(t) + m.Week[t.UTC().Weekday()]) }

// PerYear is the growth in a year as a share of what there is at a time: 0.5 is half
// as much again.
func (m *Model) PerYear(now time.Time) (growth, low, high float64) {
	if m.Log {
		return math.Expm1(365 * m.Slope), math.Expm1(365 * m.Low), math.Expm1(365 * m.High)
	}
	level := math.Abs(m.line(now))
	if level == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return 365 * m.Slope / level, 365 * m.Low / level, 365 * m.High / level
}
