package compare

import (
	"fmt"
	"math"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// Pair is two runs of one plan, one right after the other: A against what is, B against
// what is to come. Which was first changes from pair to pair.
type Pair struct{ A, B loadtest.Result }

// LeastPairs is from how many pairs on a difference of all of them is no accident at 5 %.
const LeastPairs = 6

// MostPairs is how many are compared at the most.
const MostPairs = 16

// Pairs compares two targets by pairs of runs. What a day does to both goes out of the
// difference within a pair. Low and High are Student's interval of the mean difference; a
// change is told only if a sign-flip test (Fisher 1935) agrees, which asks for nothing but
// that A and B might have come out the other way round if they were the same.
func Pairs(pairs []Pair, o Options) (Comparison, error) {
	if len(pairs) < LeastPairs || len(pairs) > MostPairs {
		return Comparison{}, fmt.Errorf("%d pairs: fewer than %d cannot tell a difference from an accident, more than %d tell no more", len(pairs), LeastPairs, MostPairs)
	}
	o = o.withDefaults()
	var results []loadtest.Result
	for _, p := range pairs {
		if err := fit(p.A, p.B); err != nil {
			return Comparison{}, err
		}
		if err := fit(pairs[0].A, p.A); err != nil {
			return Comparison{}, err
		}
		results = append(results, p.A, p.B)
	}
	runs, scale, err := prepare(results...)
	if err != nil {
		return Comparison{}, err
	}
	last := pairs[len(pairs)-1]
	c := Comparison{Base: pairs[0].A.Target, Run: last.B.Target, Plan: last.A.Plan}
	figures := make([][metricCount]float64, len(runs))
	t := newTally(len(scale))
	for i, r := range runs {
		r.whole(t)
		figures[i] = r.figures(t, scale)
	}
	for m := range metricCount {
		var a, b, differences []float64
		for i := 0; i < len(runs); i += 2 {
			x, y := figures[i][m], figures[i+1][m]
			a, b = append(a, x), append(b, y)
			differences = append(differences, m.linear(m.change(x, y)))
		}
		middle, half := average(differences), student(len(differences)-1)*deviation(differences)/math.Sqrt(float64(len(differences)))
		mc := MetricChange{
			Metric: m.String(), Base: average(a), Now: average(b),
			Change: m.back(middle), Low: m.back(middle - half), High: m.back(middle + half),
		}
		mc.Verdict = m.judge(interval{mc.Low, mc.High}, m.margins(o, mc.Base))
		if mc.Verdict != Same && accident(differences) > 0.05 {
			mc.Verdict = Unclear
		}
		c.Metrics = append(c.Metrics, mc)
	}
	c.Verdict = overall(c.Metrics)
	c.Pairs = len(pairs)
	c.Notes = append(c.Notes, fmt.Sprintf("%d pairs, by a sign-flip test", len(pairs)))
	return c, nil
}

// accident is how likely a mean as far from nothing as this one is, if every difference
// might as well have the other sign.
func accident(differences []float64) float64 {
	n := len(differences)
	far := 0
	for signs := range 1 << n {
		var sum float64
		for i, d := range differences {
			if signs>>i&1 == 0 {
				d = -d
			}
			sum += d
		}
		if math.Abs(sum) >= math.Abs(average(differences))*float64(len(differences))*(1-1e-9) {
			far++
		}
	}
	return float64(far) / float64(int(1)<<n)
}

func average(values []float64) (sum float64) {
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}

// deviation is the standard deviation of a sample.
func deviation(values []float64) float64 {
	middle, squares := average(values), 0.0
	for _, v := range values {
		squares += (v - middle) * (v - middle)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}
