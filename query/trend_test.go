package query_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
)

var hour = query.Grid{Start: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Step: 15 * time.Second, N: 240}

// noisy are the values of a level with noise that hangs together as much as phi says,
// and what f adds.
func noisy(seed uint64, n int, sigma, phi float64, f func(i int) float64) query.Series {
	rng := rand.New(rand.NewPCG(seed, 7))
	s := query.Series{Values: make([]float64, n)}
	e := 0.0
	for i := range s.Values {
		e = phi*e + math.Sqrt(1-phi*phi)*rng.NormFloat64()
		s.Values[i] = 100 + sigma*e + f(i)
	}
	return s
}

func flat(int) float64 { return 0 }

// Of what goes nowhere hardly anything is called a trend, also where the values hang
// together and wander; of what grows by a third in the window nearly everything is.
func TestTrendCriesNoWolf(t *testing.T) {
	const runs = 300
	for _, phi := range []float64{0, 0.5, 0.9} {
		for _, sigma := range []float64{5, 30} {
			wolf := 0
			for seed := range uint64(runs) {
				if noisy(seed, hour.N, sigma, phi, flat).Trend(hour).Heading != query.Steady {
					wolf++
				}
			}
			require.LessOrEqual(t, wolf, runs/20, "noise %v, phi %v", sigma, phi)
		}
		missed := 0
		for seed := range uint64(runs) {
			s := noisy(seed, hour.N, 10, phi, func(i int) float64 { return 33 * float64(i) / float64(hour.N) })
			if s.Trend(hour).Heading != query.Rising {
				missed++
			}
		}
		require.LessOrEqual(t, missed, runs/5, "phi %v", phi)
	}
}

func TestTrendIsRobust(t *testing.T) {
	s := noisy(1, hour.N, 2, 0, func(i int) float64 { return float64(i) / 4 })
	for i := range hour.N {
		if i%5 == 0 {
			s.Values[i] = 1e6 // a fifth of the points are wrong
		}
		if i%7 == 0 {
			s.Values[i] = query.Absent()
		}
	}
	trend := s.Trend(hour)
	require.Equal(t, query.Rising, trend.Heading)
	require.InDelta(t, 1.0/60, trend.Slope.PerX, 0.002, "a quarter every 15 s")
	require.Equal(t, "degrading", trend.Word(query.Lower))
	require.Equal(t, "improving", trend.Word(query.Higher))
	down := noisy(1, hour.N, 2, 0, func(i int) float64 { return -float64(i) / 8 })
	require.Equal(t, "improving", down.Trend(hour).Word(query.Lower))
	require.Equal(t, "stable", noisy(1, hour.N, 2, 0, flat).Trend(hour).Word(query.Lower))
}

func TestTrendOfOddValues(t *testing.T) {
	for _, values := range [][]float64{nil, {1}, {math.NaN(), math.Inf(1)}, make([]float64, 240)} {
		trend := query.Series{Values: values}.Trend(hour)
		require.NotEqual(t, query.Rising, trend.Heading)
		require.NotEqual(t, query.Falling, trend.Heading)
	}
	require.Empty(t, query.Series{Values: []float64{1, 2}}.Trend(hour).Word(query.Lower), "too few to say")
}

func TestShifts(t *testing.T) {
	step := noisy(3, hour.N, 5, 0, func(i int) float64 {
		if i >= 100 {
			return 80
		}
		return 0
	})
	got := step.Shifts(hour)
	require.Len(t, got, 1)
	require.WithinDuration(t, hour.Time(100), got[0].At, 2*hour.Step)
	require.InDelta(t, 100, got[0].Before, 2)
	require.InDelta(t, 180, got[0].After, 2)
	bump := noisy(4, hour.N, 5, 0, func(i int) float64 {
		if i >= 80 && i < 150 {
			return -70
		}
		return 0
	})
	require.Len(t, bump.Shifts(hour), 2)
	require.Empty(t, query.Series{}.Shifts(hour))
}

func TestASlopeAndNoiseAreNoShift(t *testing.T) {
	wrong := 0
	for seed := range uint64(200) {
		if len(noisy(seed, hour.N, 5, 0, func(i int) float64 { return float64(i) / 2 }).Shifts(hour)) > 0 {
			wrong++
		}
		if len(noisy(seed, hour.N, 20, 0.8, flat).Shifts(hour)) > 0 {
			wrong++
		}
	}
	require.LessOrEqual(t, wrong, 20)
	for _, waves := range []float64{0.5, 1, 1.5, 2} {
		wave := noisy(1, hour.N, 1, 0, func(i int) float64 { return 100 + 40*math.Sin(2*math.Pi*waves*float64(i)/float64(hour.N)) })
		require.Empty(t, wave.Shifts(hour), "%v waves", waves)
	}
}

func TestTheilSen(t *testing.T) {
	s := query.TheilSen([]float64{0, 1, 2, 3, 4}, []float64{1, 3, 5, 7, 9}, 0.95)
	require.InDelta(t, 2, s.PerX, 1e-12)
	require.InDelta(t, 1, s.At0, 1e-12)
	require.InDelta(t, 21, s.Value(10), 1e-12)
	empty := query.TheilSen(nil, nil, 0.95)
	require.False(t, empty.Sure())
	require.False(t, query.TheilSen([]float64{1, 1}, []float64{1, 2}, 0.95).Sure())
}

// The interval holds the truth about as often as it says.
// The slope and its interval are those of all slopes in order, however they are found.
func TestTheilSenIsThatOfAllSlopes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 40).Draw(t, "y")
		x, slopes := make([]float64, len(y)), []float64{}
		for i := range x {
			x[i] = float64(i)
			for j := range i {
				slopes = append(slopes, (y[i]-y[j])/float64(i-j))
			}
		}
		slices.Sort(slopes)
		got := query.TheilSen(x, y, 0.99)
		require.InDelta(t, query.Median(slopes), got.PerX, 1e-9)
		if math.IsInf(got.Low, 0) {
			return
		}
		first := func(v float64) int { return slices.Index(slopes, v) }
		last := func(v float64) int {
			i, _ := slices.BinarySearchFunc(slopes, v, func(s, v float64) int {
				if s <= v {
					return -1
				}
				return 1
			})
			return i - 1
		}
		require.True(t, first(got.Low) >= 0 && first(got.High) >= 0 && got.Low <= got.PerX && got.PerX <= got.High, "%v", got)
		require.True(t, first(got.Low)+first(got.High) <= len(slopes) && len(slopes) <= last(got.Low)+last(got.High), "as many are below as above: %v", got)
	})
}

func TestTheilSenCovers(t *testing.T) {
	for _, phi := range []float64{0, 0.7} {
		held := 0
		const runs = 400
		for seed := range uint64(runs) {
			y := noisy(seed, 60, 10, phi, func(i int) float64 { return float64(i) }).Values
			x := make([]float64, len(y))
			for i := range x {
				x[i] = float64(i)
			}
			if s := query.TheilSen(x, y, 0.95); s.Low <= 1 && 1 <= s.High {
				held++
			}
		}
		require.GreaterOrEqual(t, float64(held)/runs, 0.85, "phi %v", phi)
	}
}
