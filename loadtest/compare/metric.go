package compare

import "math"

// metric is what is compared. All are worse when they grow, but for rate.
type metric int

const (
	p50 metric = iota
	p95
	p99
	mean
	errorRatio
	rate
	metricCount
)

func (m metric) String() string {
	return [...]string{"p50", "p95", "p99", "mean", "errors", "rate"}[m]
}

// change is the second figure against the first: a ratio, of errors the difference.
func (m metric) change(base, now float64) float64 {
	if m == errorRatio {
		return now - base
	}
	return max(now, tiny) / max(base, tiny)
}

// linear is a change, or a figure, on the scale on which equal steps are equal changes:
// its logarithm, but for errors. back is the way back.
func (m metric) linear(v float64) float64 {
	if m == errorRatio {
		return v
	}
	return math.Log(max(v, tiny))
}

func (m metric) back(v float64) float64 {
	if m == errorRatio {
		return v
	}
	return math.Exp(v)
}

// tiny stands for nothing in a ratio: half of what a histogram can tell apart.
const tiny = 0.5e-6

// margins is how much of a change of m matters to nobody, downwards and upwards.
func (m metric) margins(o Options, base float64) interval {
	switch m {
	case errorRatio:
		return interval{-o.Errors, o.Errors}
	case rate:
		return interval{1 - o.Margin, 1 + o.Margin}
	}
	margin := max(o.Margin, o.Floor.Seconds()/max(base, tiny))
	return interval{1 - min(margin, 1), 1 + margin}
}

// judge says what an interval means against the margins.
func (m metric) judge(i, margins interval) Change {
	grew, shrank := Regressed, Improved
	if m == rate {
		grew, shrank = Improved, Regressed
	}
	switch {
	case i.low > margins.high:
		return grew
	case i.high < margins.low:
		return shrank
	case i.low >= margins.low && i.high <= margins.high:
		return Same
	}
	return Unclear
}

// need is by how many times longer both runs must be for the interval to be so narrow
// that it is judged; infinite where the change is as large as the margin. An interval
// shrinks with the root of what is measured.
func (m metric) need(at float64, i, margins interval) float64 {
	half := (m.linear(i.high) - m.linear(i.low)) / 2
	room := min(math.Abs(m.linear(margins.high)-m.linear(at)), math.Abs(m.linear(at)-m.linear(margins.low)))
	return math.Pow(half/room, 2)
}
