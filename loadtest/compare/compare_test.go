package compare

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// service is one whose response times drift from second to second, as real ones do: an
// AR(1) process of 5 %, on top of which a whole run is slower or faster by another share.
type service struct {
	slower  float64 // 1.15 is 15 % slower
	byRun   float64 // standard deviation of what whole runs differ by
	errors  float64
	perSec  int
	seconds int
}

// each gives what every second answers, in seconds, and how many of those were errors.
func (s service) each(rng *rand.Rand, second func(at int, answers []float64, errors int64)) {
	drift, level := 0.0, s.slower*math.Exp(s.byRun*rng.NormFloat64())
	answers := make([]float64, s.perSec)
	for at := range s.seconds {
		drift = 0.8*drift + 0.05*math.Sqrt(1-0.64)*rng.NormFloat64()
		var errors int64
		for i := range answers {
			answers[i] = 0.020 * level * math.Exp(drift+0.5*rng.NormFloat64())
			if rng.Float64() < s.errors {
				errors++
			}
		}
		second(at, answers, errors)
	}
}

// run is a result as the archive has it.
func (s service) run(t testing.TB, name string, rng *rand.Rand) loadtest.Result {
	r := loadtest.Result{Run: name, Plan: "p", DurationSeconds: float64(s.seconds), Generator: loadtest.GeneratorOK, Verdict: loadtest.Pass}
	r.RequestedRate, r.AchievedRate = float64(s.perSec), float64(s.perSec)
	h := loadtest.NewHistogram()
	s.each(rng, func(at int, answers []float64, errors int64) {
		h.Reset()
		for _, v := range answers {
			h.Record(time.Duration(v * float64(time.Second)))
		}
		payload, err := h.Encode()
		require.NoError(t, err)
		r.Rows = append(r.Rows, loadtest.Row{Second: at, Requests: int64(s.perSec), Errors: errors, Response: payload})
	})
	return r
}

var calm = service{slower: 1, perSec: 400, seconds: 60}

// scale is what simulated services answer in: a tenth of a millisecond to a second, in
// steps of 2 %.
var scale = func() (all []float64) {
	for v := 1e-4; v < 1; v *= 1.02 {
		all = append(all, v)
	}
	return all
}()

// simulate is a run of the service, without the way through histograms.
func (s service) simulate(rng *rand.Rand) run {
	var cells []cell
	s.each(rng, func(_ int, answers []float64, errors int64) {
		t := newTally(len(scale))
		for _, v := range answers {
			at, _ := slices.BinarySearch(scale, v)
			t.n[min(at, len(scale)-1)]++
		}
		c := cell{requests: int64(len(answers)), errors: errors, seconds: 1}
		for i, n := range t.n {
			if n > 0 {
				c.at, c.n = append(c.at, int32(i)), append(c.n, n)
			}
		}
		cells = append(cells, c)
	})
	return run{stages: [][]cell{cells}}
}

// rates is how often each verdict comes out over pairs of runs.
func rates(t *testing.T, base, now service) map[Change]float64 {
	const pairs = 30
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[Change]float64{}
	for range pairs {
		all, _ := Options{}.withDefaults().changes([]run{base.simulate(rng), now.simulate(rng)}, scale, 300, rng)
		seen[overall(all)] += 1. / pairs
	}
	t.Logf("%+v against %+v: %v", now, base, seen)
	return seen
}

// A service that has not changed is not said to be slower, and one that has is. The
// numbers are of simulated services with a drift; what the usual test says of the same
// pairs shows that they are hard.
func TestItDoesNotCryWolf(t *testing.T) {
	same := rates(t, calm, calm)
	require.LessOrEqual(t, same[Regressed]+same[Improved], 0.02)
	require.GreaterOrEqual(t, same[Same], 0.5)

	uneven := calm
	uneven.byRun = 0.03
	require.LessOrEqual(t, rates(t, uneven, uneven)[Regressed], 0.04)

	slow := calm
	slow.slower = 1.3
	require.GreaterOrEqual(t, rates(t, calm, slow)[Regressed], 0.95)
	require.GreaterOrEqual(t, rates(t, slow, calm)[Improved], 0.95)

	failing := calm
	failing.errors = 0.02
	require.GreaterOrEqual(t, rates(t, calm, failing)[Regressed], 0.95)

	require.GreaterOrEqual(t, wolves(), 0.3, "Mann-Whitney on requests finds a difference where none is")
}

// wolves is in which share of pairs without a difference Mann-Whitney on raw requests
// finds one at the level of 1 %.
func wolves() float64 {
	const pairs = 40
	rng := rand.New(rand.NewPCG(1, 2))
	requests := func() (all []float64) {
		calm.each(rng, func(_ int, answers []float64, _ int64) { all = append(all, answers...) })
		return all
	}
	cries := 0.
	for range pairs {
		if math.Abs(mannWhitney(requests(), requests())) > 2.576 {
			cries++
		}
	}
	return cries / pairs
}

// mannWhitney is the statistic as a normal deviate, ties by their middle rank.
func mannWhitney(a, b []float64) float64 {
	type one struct {
		v     float64
		first bool
	}
	var all []one
	for _, v := range a {
		all = append(all, one{v, true})
	}
	for _, v := range b {
		all = append(all, one{v, false})
	}
	slices.SortFunc(all, func(x, y one) int {
		return int(math.Copysign(1, x.v-y.v)) * map[bool]int{true: 0, false: 1}[x.v == y.v]
	})
	var ranks float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		for k := i; k < j; k++ {
			if all[k].first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	return (ranks - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
}

// What cannot be told is not told, and the run that would tell is not a guess: with as
// many seconds as it says the same service is judged.
func TestWhatIsUnclearSaysHowLong(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	short := calm
	short.seconds, short.perSec = 30, 15
	c, err := Runs(short.run(t, "a", rng), short.run(t, "b", rng), Options{Margin: 0.2})
	require.NoError(t, err)
	require.Equal(t, Unclear, c.Verdict)
	require.Greater(t, c.NeedSecs, 30.0)
	var text bytes.Buffer
	require.NoError(t, c.WriteText(&text))
	require.Contains(t, text.String(), "UNCLEAR  b against a")
	require.Contains(t, text.String(), "each would tell")
}

// What runs of one plan differ by from each other is no change of the service.
func TestEarlierRunsWiden(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	base, now := calm, calm
	now.slower = 1.25
	a, b := base.run(t, "a", rng), now.run(t, "b", rng)
	c, err := Runs(a, b, Options{})
	require.NoError(t, err)
	require.Equal(t, Regressed, c.Verdict)
	var before []loadtest.Result
	for i, level := range []float64{0.8, 1.2, 0.9, 1.3} {
		base.slower = level
		before = append(before, base.run(t, fmt.Sprint("c", i), rng))
	}
	c, err = Runs(a, b, Options{Before: before})
	require.NoError(t, err)
	require.Equal(t, Unclear, c.Verdict, "they were as slow before")
}

// Stages are resampled each for itself: a ramp is not noise.
func TestARampIsNoNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	ramp := func(name string) loadtest.Result {
		all := calm.run(t, name, rng)
		fast := all.Rows
		slow := calm
		slow.slower = 3
		for _, row := range slow.run(t, name, rng).Rows {
			row.Stage, row.Second = 1, row.Second+60
			fast = append(fast, row)
		}
		all.Rows = fast
		return all
	}
	c, err := Runs(ramp("a"), ramp("b"), Options{Margin: 0.1})
	require.NoError(t, err)
	require.Equal(t, Same, c.Metrics[mean].Verdict, "%+v", c.Metrics)
}

// Camps whose percentiles agree are told.
func TestAnotherSpreadIsTold(t *testing.T) {
	camps := func(name string, ms ...int) loadtest.Result {
		r := loadtest.Result{Run: name, Plan: "p", DurationSeconds: 30}
		for second := range 30 {
			h := loadtest.NewHistogram()
			for i := range 100 {
				h.Record(time.Duration(ms[i*len(ms)/100]) * time.Millisecond)
			}
			payload, err := h.Encode()
			require.NoError(t, err)
			r.Rows = append(r.Rows, loadtest.Row{Second: second, Requests: 100, Response: payload})
		}
		return r
	}
	c, err := Runs(camps("a", 10, 10, 20, 20, 20, 20, 20, 20, 30, 30), camps("b", 10, 15, 19, 20, 20, 20, 20, 21, 25, 30), Options{Margin: 0.1})
	require.NoError(t, err)
	require.Equal(t, Same, c.Verdict, "%+v", c.Metrics)
	require.Len(t, c.Notes, 2)
	require.Contains(t, c.Notes[1], "the spread has changed")
}

func TestWhatIsNotCompared(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	good := calm.run(t, "LT-1", rng)
	for name, c := range map[string]struct {
		change func(*loadtest.Result)
		says   string
	}{
		"another plan":      {func(r *loadtest.Result) { r.Plan = "q" }, "only runs of one plan"},
		"changed plan":      {func(r *loadtest.Result) { r.PlanHash = "ffff" }, ""},
		"invalid generator": {func(r *loadtest.Result) { r.Generator = loadtest.GeneratorInvalid }, "generator was invalid"},
		"cut short":         {func(r *loadtest.Result) { r.Verdict = loadtest.Aborted }, "cut short"},
		"tripped":           {func(r *loadtest.Result) { r.AbortedBy = "guard errors" }, "ended by guard errors"},
		"by hand":           {func(r *loadtest.Result) { r.Changes = []loadtest.RateChange{{At: 1, Scale: 2}} }, "by hand"},
		"another rate":      {func(r *loadtest.Result) { r.RequestedRate *= 2 }, "another load"},
		"no rows":           {func(r *loadtest.Result) { r.Rows = nil }, "nothing was measured"},
		"torn row":          {func(r *loadtest.Result) { r.Rows[3].Response = []byte("torn") }, "second 3"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			bad.Rows = slices.Clone(good.Rows)
			c.change(&bad)
			_, err := Runs(good, bad, Options{})
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
	a, b := good, good
	a.PlanHash, b.PlanHash = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
	_, err := Runs(a, b, Options{})
	require.ErrorContains(t, err, "the plan was changed in between (aaaaaaaa, now bbbbbbbb)")
}

// Pairs tell what single runs cannot: whatever a day does to both.
func TestPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	pairs := func(slower float64) (all []Pair) {
		for i := range 8 {
			day := math.Exp(0.3 * rng.NormFloat64())
			a, b := calm, calm
			a.perSec, b.perSec, a.seconds, b.seconds = 50, 50, 20, 20
			a.slower, b.slower = day, day*slower
			p := Pair{a.run(t, fmt.Sprint("a", i), rng), b.run(t, fmt.Sprint("b", i), rng)}
			p.A.Target, p.B.Target = "a:80", "b:80"
			all = append(all, p)
		}
		return all
	}
	c, err := Pairs(pairs(1), Options{})
	require.NoError(t, err)
	require.NotContains(t, []Change{Regressed, Improved}, c.Verdict, "%+v", c.Metrics)
	c, err = Pairs(pairs(1.4), Options{})
	require.NoError(t, err)
	require.Equal(t, Regressed, c.Verdict, "%+v", c.Metrics)
	require.Equal(t, "b:80", c.Run)
	require.InDelta(t, 1.4, c.Metrics[mean].Change, 0.06)
	c.Verdict = Unclear
	for n, advice := range map[int]string{8: "More pairs would tell (--pairs, 16 at the most)", MostPairs: "More pairs tell no more"} {
		c.Pairs = n
		var text bytes.Buffer
		require.NoError(t, c.WriteText(&text))
		require.Contains(t, text.String(), "UNCLEAR  B b:80 against A a:80")
		require.Contains(t, text.String(), advice)
	}
	_, err = Pairs(pairs(1)[:5], Options{})
	require.ErrorContains(t, err, "5 pairs")
	require.InDelta(t, 2./64, accident([]float64{1, 2, 3, 4, 5, 6}), 1e-9, "all on one side")
	require.InDelta(t, 1, accident([]float64{1, -1, 1, -1, 1, -1}), 1e-9)
}
