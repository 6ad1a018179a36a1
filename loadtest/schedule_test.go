package loadtest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhenArrivalsAreDue(t *testing.T) {
	constant := NewSchedule([]Stage{{400, 400, 10 * time.Second}})
	ramp := NewSchedule([]Stage{{0, 100, 10 * time.Second}}) // R = 5 t²
	down := NewSchedule([]Stage{{100, 0, 10 * time.Second}}) // R = 100 t - 5 t²
	pause := NewSchedule([]Stage{{10, 10, time.Second}, {0, 0, time.Minute}, {20, 20, time.Second}})
	for name, c := range map[string]struct {
		s     Schedule
		n     int64
		due   time.Duration
		stage int
	}{
		"the first at once":            {constant, 0, 0, 0},
		"every 2.5 ms":                 {constant, 1, 2500 * time.Microsecond, 0},
		"the last":                     {constant, 3999, 9997500 * time.Microsecond, 0},
		"ramp up: sqrt(n/5)":           {ramp, 125, 5 * time.Second, 0},
		"ramp up: slow at first":       {ramp, 5, time.Second, 0},
		"ramp down: fast at first":     {down, 95, time.Second, 0},
		"ramp down: three quarters":    {down, 375, 5 * time.Second, 0},
		"a pause holds nothing":        {pause, 9, 900 * time.Millisecond, 0},
		"the first after it":           {pause, 10, 61 * time.Second, 2},
		"and the next at the new rate": {pause, 11, 61050 * time.Millisecond, 2},
	} {
		due, stage, ok := c.s.Due(c.n)
		require.True(t, ok, name)
		require.Equal(t, c.due, due, name)
		require.Equal(t, c.stage, stage, name)
	}
	for s, total := range map[*Schedule]int64{&constant: 4000, &ramp: 500, &down: 500, &pause: 30} {
		require.Equal(t, total, s.Total())
		_, _, ok := s.Due(total)
		require.False(t, ok)
	}
	_, _, ok := constant.Due(-1)
	require.False(t, ok)
	require.Zero(t, (Schedule{}).Total())
}

func drawStages(t *rapid.T) []Stage {
	rate := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.1, MaxRate))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Stage {
		s := Stage{From: rate.Draw(t, "from"), For: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "for"))}
		s.To = s.From
		if rapid.Bool().Draw(t, "ramp") {
			s.To = rate.Draw(t, "to")
		}
		return s
	}), 1, 6).Draw(t, "stages")
}

// The count is the integral of the rate (here by the trapezoid rule, which is
// exact on straight lines), and never falls.
func TestLawCountIsTheIntegralOfTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stages := drawStages(t)
		s := NewSchedule(stages)
		var sum float64
		var end time.Duration
		for _, st := range stages {
			sum += (st.From + st.To) / 2 * st.For.Seconds()
			end += st.For
		}
		require.InEpsilon(t, 1+sum, 1+s.Arrivals(end), 1e-9)

		a := time.Duration(rapid.Int64Range(0, int64(end)).Draw(t, "a"))
		b := time.Duration(rapid.Int64Range(int64(a), int64(end)).Draw(t, "b"))
		require.LessOrEqual(t, s.Arrivals(a), s.Arrivals(b)+1e-6)
		require.LessOrEqual(t, s.Count(a), s.Count(b))
		if s.Stage(a) == s.Stage(b) && b < end {
			want := (s.Rate(a) + s.Rate(b)) / 2 * (b - a).Seconds()
			require.InDelta(t, want, s.Arrivals(b)-s.Arrivals(a), 1e-6*(1+want))
		}
	})
}

// Due is the inverse of the count: arrival n is due when n have been, in order,
// and in a stage that is running then.
func TestLawDueIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSchedule(drawStages(t))
		if s.Total() == 0 {
			return
		}
		n := rapid.Int64Range(0, s.Total()-1).Draw(t, "n")
		due, stage, ok := s.Due(n)
		require.True(t, ok)
		require.LessOrEqual(t, due, s.Length())
		slack := 2*arrivalDust + s.segments[stage].peak()*4e-9
		require.InDelta(t, float64(n), s.Arrivals(due), slack+1e-9*float64(n))
		g := s.segments[stage]
		require.GreaterOrEqual(t, due.Seconds(), g.start-1e-8)
		require.LessOrEqual(t, due.Seconds(), g.start+g.length+1e-8)
		if next, nextStage, ok := s.Due(n + 1); ok {
			require.GreaterOrEqual(t, next, due)
			require.GreaterOrEqual(t, nextStage, stage)
		} else {
			require.Equal(t, s.Total(), n+1)
		}
	})
}

func (g segment) peak() float64 { return math.Max(g.from, g.to) }

// Any n arrivals in a row of the mix hold each target as often as its weight
// says, to within one.
func TestLawMixKeepsItsShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 20), 1, 6).Draw(t, "weights")
		var targets []Target
		total := 0
		for _, w := range weights {
			targets = append(targets, Target{Weight: w})
			total += w
		}
		round := deal(Plan{Targets: targets}.weights())
		require.Zero(t, total%len(round))
		counts := make([]int, len(targets))
		for _, i := range round {
			counts[i]++
		}
		for i, w := range weights {
			require.Equal(t, w*len(round), counts[i]*total)
		}
	})
}
