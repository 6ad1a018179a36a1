package capacity

import (
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/query"
)

// BackTest is how a forecast would have done: made of the history without its end, and
// held against that.
type BackTest struct {
	Held   int     // days at the end
	Error  float64 // the median error, as a share of the value
	Worst  float64
	Within float64 // the share of days that lay in the interval
	Naive  float64 // the median error of saying that every week is as the last one known
}

// Test holds a quarter of the history back, a week at least. It is false where what
// remains is too short.
func Test(days []Day) (BackTest, bool) {
	held := max(7, len(days)/4)
	if len(days)-held < leastDays {
		return BackTest{}, false
	}
	known, end := days[:len(days)-held], days[len(days)-held:]
	m, err := Fit(known)
	if err != nil {
		return BackTest{}, false
	}
	b := BackTest{Held: held}
	var off, naive []float64
	within := 0
	for _, d := range end {
		low, high := m.Between(d.Start, known[len(known)-1].Start)
		if d.Value >= low && d.Value <= high {
			within++
		}
		if d.Value != 0 {
			off = append(off, math.Abs(m.At(d.Start)-d.Value)/math.Abs(d.Value))
			naive = append(naive, math.Abs(lastLike(known, d)-d.Value)/math.Abs(d.Value))
		}
	}
	b.Within = float64(within) / float64(held)
	if len(off) == 0 {
		return b, false
	}
	b.Error, b.Worst, b.Naive = query.Median(off), slices.Max(off), query.Median(naive)
	return b, true
}

// lastLike is the value of the last day known that is the same of its week.
func lastLike(known []Day, d Day) float64 {
	for _, k := range slices.Backward(known) {
		if k.Start.Weekday() == d.Start.Weekday() {
			return k.Value
		}
	}
	return known[len(known)-1].Value
}
