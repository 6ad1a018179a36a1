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

// Of what goes nowhere hardly anything is called a trend, one in a hundred if values
// stand for themselves and at most two where they hang together and wander; of what
// grows by much more than it wanders nearly everything is. The table is in lineOf.
func TestTrendCriesNoWolf(t *testing.T) {
	const runs = 1000
	grows := func(n int, by float64) func(i int) float64 {
		return func(i int) float64 { return by * float64(i) / float64(n) }
	}
	for _, n := range []int{30, 60, 240} {
		for _, phi := range []float64{0, 0.5, 0.8, 0.95} {
			g := query.Grid{Start: hour.Start, Step: hour.Step, N: n}
			told := func(sigma, by float64) (share float64) {
				for seed := range uint64(runs) {
					if h := noisy(seed, n, sigma, phi, grows(n, by)).Trend(g).Heading; h == query.Rising || h == query.Falling {
						share++
					}
				}
				return share / runs
			}
			nowhere, thirds, third := told(30, 0), told(10, 66), told(10, 33)
			t.Logf("%3d points, phi %.2f: nowhere %.1f %%, two thirds %.0f %%, a third %.0f %%", n, phi, 100*nowhere, 100*thirds, 100*third)
			require.LessOrEqual(t, nowhere, 0.02, "%d points, phi %v", n, phi)
			if n == 240 && phi <= 0.8 {
				require.GreaterOrEqual(t, thirds, 0.95, "phi %v", phi)
			}
			if n >= 60 && phi == 0 || n == 240 && phi <= 0.5 {
				require.GreaterOrEqual(t, third, 0.95, "%d points, phi %v", n, phi)
			}
		}
	}
}

// Values in any other order have no trend and no levels, whatever they are.
func TestShuffledValuesGoNowhere(t *testing.T) {
	const runs = 1000
	for name, value := range map[string]func(rng *rand.Rand, i int) float64{
		"line":        func(_ *rand.Rand, i int) float64 { return 100 + float64(i) },
		"two levels":  func(_ *rand.Rand, i int) float64 { return float64(50 + i/120*100) },
		"heavy tails": func(rng *rand.Rand, _ int) float64 { return math.Pow(rng.Float64(), -2) },
		"few events":  func(rng *rand.Rand, _ int) float64 { return math.Floor(rng.ExpFloat64()) },
		"waves":       func(_ *rand.Rand, i int) float64 { return 100 + 50*math.Sin(float64(i)/10) },
	} {
		wolf, steps := 0, 0
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 11))
			values := make([]float64, hour.N)
			for i := range values {
				values[i] = value(rng, i)
			}
			rng.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
			s := query.Series{Values: values}
			if s.Trend(hour).Heading != query.Steady {
				wolf++
			}
			if seed < runs/4 && len(s.Shifts(hour)) > 0 {
				steps++
			}
		}
		t.Logf("%s: %.1f %% have a trend, %d of %d levels", name, 100*float64(wolf)/runs, steps, runs/4)
		require.LessOrEqual(t, wolf, runs*3/200, name)
		require.LessOrEqual(t, steps, runs/400, name)
	}
}

// What plainly grows is told though no line describes it: what is left of a line hangs
// together then as much as what wanders does.
func TestGrowthThatIsNoLineIsTold(t *testing.T) {
	for name, grows := range map[string]func(share float64) float64{
		"faster and faster": func(x float64) float64 { return 100 * x * x },
		"slower and slower": func(x float64) float64 { return 100 * math.Sqrt(x) },
		"leak":              func(x float64) float64 { return 80*x + 5*math.Sin(20*x) },
		"doubling":          func(x float64) float64 { return 20 * math.Exp2(3*x) },
	} {
		for seed := range uint64(50) {
			s := noisy(seed, hour.N, 3, 0.8, func(i int) float64 { return grows(float64(i) / float64(hour.N)) })
			require.Equal(t, query.Rising, s.Trend(hour).Heading, "%s, seed %d", name, seed)
		}
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
	for seed := range uint64(200) {
		require.Empty(t, noisy(seed, hour.N, 5, 0, func(i int) float64 { return float64(i) / 2 }).Shifts(hour), "seed %d", seed)
	}
	for _, waves := range []float64{0.5, 1, 1.5, 2} {
		wave := noisy(1, hour.N, 1, 0, func(i int) float64 { return 100 + 40*math.Sin(2*math.Pi*waves*float64(i)/float64(hour.N)) })
		require.Empty(t, wave.Shifts(hour), "%v waves", waves)
	}
}

// Of a hundred series that only wander at most one is told to have levels; a step by
// much more than the values wander is found nearly always. The table is in steps.
func TestShiftsCryNoWolf(t *testing.T) {
	for _, n := range []int{60, 240} {
		for _, phi := range []float64{0, 0.5, 0.8, 0.95} {
			g := query.Grid{Start: hour.Start, Step: hour.Step, N: n}
			told := func(runs uint64, sigma, by float64) (share float64) {
				for seed := range runs {
					s := noisy(seed, n, sigma, phi, func(i int) float64 { return by * float64(2*i/n) })
					if len(s.Shifts(g)) > 0 {
						share++
					}
				}
				return share / float64(runs)
			}
			nowhere, thirds, third := told(500, 30, 0), told(100, 10, 66), told(100, 10, 33)
			t.Logf("%3d points, phi %.2f: nowhere %.1f %%, two thirds %.0f %%, a third %.0f %%", n, phi, 100*nowhere, 100*thirds, 100*third)
			require.LessOrEqual(t, nowhere, 0.01, "%d points, phi %v", n, phi)
			require.GreaterOrEqual(t, thirds, 0.9, "%d points, phi %v", n, phi)
		}
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
