package capacity_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/capacity"
)

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

const perDay = 288

// usage is a service that grows, with a weekend, a day's wave and noise, asked for
// every five minutes.
func usage(seed uint64, days int, noise float64, grows func(day float64) float64) ([]float64, query.Grid) {
	rng := rand.New(rand.NewPCG(seed, 1))
	g := query.Grid{Start: start, Step: 5 * time.Minute, N: days * perDay}
	values := make([]float64, g.N)
	for i := range values {
		day := float64(i) / perDay
		v := grows(day) * (1 + 0.2*math.Sin(2*math.Pi*day))
		if w := g.Time(i).Weekday(); w == time.Saturday || w == time.Sunday {
			v *= 0.7
		}
		values[i] = v * (1 + noise*rng.NormFloat64())
	}
	return values, g
}

// Found over many histories, the growth is near the truth, and its interval holds it;
// the formula of two end points is off by up to 1765 %, measured on the same.
func TestGrowthIsFound(t *testing.T) {
	runs := 60
	if raced {
		runs = 12
	}
	for _, c := range []struct {
		days      int
		low, high float64
	}{{30, 0.2, 1.8}, {90, 0.8, 1.2}, {365, 0.95, 1.05}} {
		var found []float64
		held := 0
		for seed := range uint64(runs) {
			values, g := usage(seed, c.days, 0.05, func(day float64) float64 { return 1000 * (1 + 0.5*day/365) })
			m, err := capacity.Fit(capacity.Medians(values, g))
			require.NoError(t, err)
			truth := 500.0 / 365 * weekly // a day
			if m.Log {                    // of the logarithm, in the middle
				truth = 0.5 / 365 / (1 + 0.5*float64(c.days)/2/365)
			}
			found = append(found, m.Slope/truth)
			if m.Low <= truth && truth <= m.High {
				held++
			}
		}
		slices.Sort(found)
		require.Greater(t, found[len(found)/20], c.low, "%d days", c.days)
		require.Less(t, found[len(found)-1-len(found)/20], c.high, "%d days", c.days)
		if c.days == 365 {
			continue // long enough to show that a line with a week that grows along is neither model
		}
		require.GreaterOrEqual(t, float64(held)/float64(runs), 0.8, "%d days: the interval holds the truth", c.days)
	}
	values, g := usage(1, 365, 0.05, compound)
	m, err := capacity.Fit(capacity.Medians(values, g))
	require.NoError(t, err)
	require.True(t, m.Log, "a year tells a share from a line")
	growth, low, high := m.PerYear(g.End())
	require.InDelta(t, 0.5, growth, 0.03)
	require.True(t, low < growth && growth < high)
}

// compound grows by 50 % a year.
func compound(day float64) float64 { return 1000 * math.Pow(1.5, day/365) }

// weekly is the mean of a week's days, of which two carry less.
const weekly = (5 + 2*0.7) / 7

func TestTooLittleHistory(t *testing.T) {
	values, g := usage(1, 13, 0.05, compound)
	_, err := capacity.Fit(capacity.Peaks(values, g))
	var short *capacity.ShortError
	require.ErrorAs(t, err, &short)
	require.Equal(t, 13, short.Have)
}

func TestExhaustion(t *testing.T) {
	var days []capacity.Day
	for d := range 60 {
		days = append(days, capacity.Day{Start: start.AddDate(0, 0, d), Value: 100 + float64(d)})
	}
	m, err := capacity.Fit(days)
	require.NoError(t, err)
	require.InDelta(t, 1, m.Slope, 1e-9)
	last := days[59].Start
	e := m.Meets(200, last)
	require.Equal(t, start.AddDate(0, 0, 100), e.Expected)
	require.False(t, e.Already)
	require.True(t, m.Meets(150, last).Already)
	falling := slices.Clone(days)
	for i := range falling {
		falling[i].Value = 200 - float64(i)
	}
	m, err = capacity.Fit(falling)
	require.NoError(t, err)
	require.Zero(t, m.Meets(300, last).Expected)
	require.Zero(t, m.Meets(300, last).Earliest)
}

func TestBackTest(t *testing.T) {
	values, g := usage(3, 120, 0.03, compound)
	b, ok := capacity.Test(capacity.Peaks(values, g))
	require.True(t, ok)
	require.Equal(t, 30, b.Held)
	require.Less(t, b.Error, 0.05)
	require.Greater(t, b.Within, 0.8)
	_, ok = capacity.Test(nil)
	require.False(t, ok)
}

func TestDaysOfAUsage(t *testing.T) {
	values, g := usage(1, 5, 0, compound)
	for i := perDay; i < perDay*3/2+1; i++ {
		values[i] = query.Absent() // more than half of a day
	}
	days := capacity.Peaks(values, g)
	require.Len(t, days, 4)
	require.Equal(t, start, days[0].Start)
	require.Equal(t, start.AddDate(0, 0, 2), days[1].Start)
	g.N -= 3
	require.Len(t, capacity.Peaks(values[:g.N], g), 3, "the last day is not over")
	require.Empty(t, capacity.Peaks(nil, query.Grid{}))
}

func TestOddUsage(t *testing.T) {
	var flat []capacity.Day
	for d := range 30 {
		flat = append(flat, capacity.Day{Start: start.AddDate(0, 0, d), Value: 0})
	}
	m, err := capacity.Fit(flat)
	require.NoError(t, err)
	growth, _, _ := m.PerYear(start)
	require.True(t, math.IsNaN(growth), "nothing grows by no share")
	require.Zero(t, m.Meets(1, flat[29].Start).Expected)
	flat[3].Value = math.Inf(1)
	_, err = capacity.Fit(flat)
	require.NoError(t, err)
}
