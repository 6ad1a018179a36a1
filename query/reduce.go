package query

import (
	"math"
	"slices"
)

// Reducer makes one number of a series.
type Reducer string

// The reducers; absent points and NaN count in none of them but Count's absence.
const (
	ReduceLast   Reducer = "last" // the newest that is a number
	ReduceFirst  Reducer = "first"
	ReduceMin    Reducer = "min"
	ReduceMax    Reducer = "max"
	ReduceMean   Reducer = "mean"
	ReduceMedian Reducer = "median"
	ReduceSum    Reducer = "sum"
	ReduceCount  Reducer = "count"
	ReduceRange  Reducer = "range" // max - min
	ReduceDiff   Reducer = "diff"  // last - first
	ReduceChange Reducer = "diff_percent"
	ReduceDelta  Reducer = "delta" // what a counter went up by, over its resets
	ReduceStdDev Reducer = "stddev"
	ReduceP95    Reducer = "p95"
	ReduceP99    Reducer = "p99"
)

func reducers() []Reducer {
	return []Reducer{
		ReduceLast, ReduceFirst, ReduceMin, ReduceMax, ReduceMean, ReduceMedian, ReduceSum, ReduceCount, ReduceRange,
		ReduceDiff, ReduceChange, ReduceDelta, ReduceStdDev, ReduceP95, ReduceP99,
	}
}

// Of is the number of values; Absent where there is none, and NaN where there are
// only such that the server computed. The empty Reducer is ReduceLast.
func (r Reducer) Of(values []float64) float64 {
	if r == ReduceLast || r == "" {
		for i := len(values) - 1; i >= 0; i-- {
			if v := values[i]; v == v {
				return v
			}
		}
		return noNumber(values)
	}
	have := make([]float64, 0, len(values))
	for _, v := range values {
		if v == v {
			have = append(have, v)
		}
	}
	if r == ReduceCount {
		return float64(len(have))
	}
	if len(have) == 0 {
		return noNumber(values)
	}
	return r.of(have)
}

// noNumber is what values without a number come to.
func noNumber(values []float64) float64 {
	if slices.ContainsFunc(values, func(v float64) bool { return !IsAbsent(v) }) {
		return math.NaN()
	}
	return Absent()
}

// of reduces at least one number.
func (r Reducer) of(have []float64) float64 {
	first, last := have[0], have[len(have)-1]
	switch r {
	case ReduceFirst:
		return first
	case ReduceMin:
		return slices.Min(have)
	case ReduceMax:
		return slices.Max(have)
	case ReduceMean:
		return sum(have) / float64(len(have))
	case ReduceSum:
		return sum(have)
	case ReduceRange:
		return slices.Max(have) - slices.Min(have)
	case ReduceDiff:
		return last - first
	case ReduceChange:
		return (last - first) / math.Abs(first)
	case ReduceDelta:
		return increase(have)
	case ReduceStdDev:
		return deviation(have)
	case ReduceMedian:
		return quantile(0.5, have)
	case ReduceP95:
		return quantile(0.95, have)
	case ReduceP99:
		return quantile(0.99, have)
	}
	return Absent()
}

func sum(have []float64) (total float64) {
	for _, v := range have {
		total += v
	}
	return total
}

// increase adds the steps up; a step down is a counter that began again at 0.
func increase(have []float64) (total float64) {
	for i, v := range have[1:] {
		if before := have[i]; v >= before {
			total += v - before
		} else {
			total += v
		}
	}
	return total
}

// deviation is the standard deviation of all that there is (not of a sample).
func deviation(have []float64) float64 {
	mean, squares := sum(have)/float64(len(have)), 0.0
	for _, v := range have {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(have)))
}

// quantile interpolates between the two nearest ranks, as PromQL's
// quantile_over_time does.
func quantile(q float64, have []float64) float64 {
	sorted := slices.Clone(have)
	slices.Sort(sorted)
	rank := q * float64(len(sorted)-1)
	low := int(rank)
	high := min(low+1, len(sorted)-1)
	weight := rank - float64(low)
	return sorted[low]*(1-weight) + sorted[high]*weight
}
