package capacity_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query/capacity"
)

// course is a usage of n days, by day, with what befell it: a level of 1000 that grows
// by two a day, quieter weekends, and noise of 50.
func course(seed uint64, n int, befell string) []capacity.Day {
	rng := rand.New(rand.NewPCG(seed, 3))
	phi := 0.0
	if befell == "days that hang together" {
		phi = 0.7
	}
	var days []capacity.Day
	noise, walk := 0.0, 0.0
	for i := range n {
		d := capacity.Day{Start: start.AddDate(0, 0, i), Value: 1000 + 2*float64(i)}
		if d.Start.Weekday()%6 == 0 {
			d.Value *= 0.7
		}
		noise = phi*noise + math.Sqrt(1-phi*phi)*rng.NormFloat64()
		walk += rng.NormFloat64()
		switch {
		case befell == "a level that wanders":
			d.Value += 20 * walk
		case befell == "a shift" && i >= n/3:
			d.Value += 300
		case befell == "outliers" && rng.Float64() < 0.03:
			d.Value *= 3
		case befell == "gaps" && rng.Float64() < 0.2:
			continue
		case befell == "growth by a share":
			d.Value *= math.Exp(0.005*float64(i)) / (1 + 0.002*float64(i))
		}
		d.Value += 50 * noise
		days = append(days, d)
	}
	return days
}

// The interval holds about as many of the days to come as it says, whatever befell the
// usage, and is not wide for nothing: a month ahead it stays within a few times the noise
// where nothing befell it.
func TestTheIntervalHoldsWhatItSays(t *testing.T) {
	const runs, ahead = 20, 30
	for _, n := range []int{45, 90} {
		for _, befell := range []string{"nothing", "days that hang together", "a level that wanders", "a shift", "outliers", "gaps", "growth by a share"} {
			held, of, wide := 0.0, 0.0, 0.0
			for seed := range uint64(runs) {
				days := course(seed, n+ahead, befell)
				cut := 0
				for days[cut].Start.Before(start.AddDate(0, 0, n)) {
					cut++
				}
				m, err := capacity.Fit(days[:cut])
				require.NoError(t, err)
				for _, d := range days[cut:] {
					low, high := m.Between(d.Start, days[cut-1].Start)
					if of++; low <= d.Value && d.Value <= high {
						held++
					}
					wide += (high - low) / 2
				}
			}
			t.Logf("%d days, %s: %.0f %% held, %.0f to either side", n, befell, 100*held/of, wide/of)
			require.GreaterOrEqual(t, held/of, 0.9, "%d days, %s", n, befell)
			if n == 90 && befell == "nothing" {
				require.Less(t, wide/of, 250.0, "five times the noise")
			}
		}
	}
}

// A forecast errs less than saying that all weeks are as the last one; where a level
// wanders, of which nobody can say more than where it is, hardly more.
func TestAForecastIsBetterThanTheLastWeek(t *testing.T) {
	for _, befell := range []string{"nothing", "days that hang together", "a level that wanders", "a shift", "outliers", "gaps", "growth by a share"} {
		ours, naive := 0.0, 0.0
		for seed := range uint64(20) {
			b, ok := capacity.Test(course(seed, 90, befell))
			require.True(t, ok)
			ours, naive = ours+b.Error, naive+b.Naive
		}
		if befell == "a level that wanders" {
			naive *= 1.1
		}
		require.Less(t, ours, naive, befell)
	}
}

// Growth that is there is counted on, and noise is no growth: its forecast stays where
// the usage is.
func TestASlopeIsCountedOnIfItWouldHaveHelped(t *testing.T) {
	grows, stays := 0, 0
	for seed := range uint64(40) {
		m, err := capacity.Fit(course(seed, 120, "nothing"))
		require.NoError(t, err)
		if m.Counted {
			grows++
		}
		flat := course(seed, 120, "nothing")
		for i := range flat {
			flat[i].Value -= 2 * float64(i) * map[bool]float64{true: 0.7, false: 1}[flat[i].Start.Weekday()%6 == 0]
		}
		if m, err = capacity.Fit(flat); err == nil && !m.Counted {
			stays++
		}
	}
	require.GreaterOrEqual(t, grows, 34)
	require.GreaterOrEqual(t, stays, 36)
}

// After a step up, a forecast goes on from the step.
func TestAForecastStartsWhereTheUsageIs(t *testing.T) {
	var days []capacity.Day
	for i := range 90 {
		v := 100.0
		if i >= 60 {
			v = 200
		}
		days = append(days, capacity.Day{Start: start.AddDate(0, 0, i), Value: v + float64(i%3)})
	}
	m, err := capacity.Fit(days)
	require.NoError(t, err)
	require.InDelta(t, 201, m.At(days[89].Start), 10)
}

// Noise has no week: seven medians of it only make forecasts worse.
func TestNoiseHasNoWeek(t *testing.T) {
	found := 0
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 9))
		var days []capacity.Day
		for i := range 60 {
			days = append(days, capacity.Day{Start: start.AddDate(0, 0, i), Value: 100 + 10*rng.NormFloat64()})
		}
		if m, err := capacity.Fit(days); err == nil && m.Week != [7]float64{} {
			found++
		}
	}
	require.LessOrEqual(t, found, 10)
	m, err := capacity.Fit(course(1, 60, "nothing"))
	require.NoError(t, err)
	require.NotZero(t, m.Week)
}

// Whatever the days, a forecast is a number between two others, and looking further is
// never surer.
func TestAnyDaysHaveAForecast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(14, 70).Draw(t, "n")
		day, days := 0, []capacity.Day{}
		for range n {
			day += rapid.IntRange(1, 3).Draw(t, "gap")
			days = append(days, capacity.Day{Start: start.AddDate(0, 0, day), Value: rapid.Float64Range(-1e6, 1e6).Draw(t, "value")})
		}
		if rapid.Bool().Draw(t, "above zero") {
			for i := range days {
				days[i].Value = math.Abs(days[i].Value) + 1
			}
		}
		m, err := capacity.Fit(days)
		require.NoError(t, err)
		last, wide := days[n-1].Start, 0.0
		for ahead := 0; ahead <= 364; ahead += 7 {
			at := last.AddDate(0, 0, ahead)
			low, high := m.Between(at, last)
			require.False(t, math.IsNaN(low) || math.IsNaN(high))
			require.True(t, low <= m.At(at) && m.At(at) <= high, "%v: %v to %v", m.At(at), low, high)
			if !m.Log && m.Or == nil {
				require.GreaterOrEqual(t, high-low, wide*(1-1e-9))
				wide = high - low
			}
		}
	})
}
