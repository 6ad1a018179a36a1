package capacity

import (
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// leastShare is how much of a day has to be known for it to count: the morning alone
// is no day.
const leastShare = 0.5

// Peaks makes days of a usage on a grid: each is the 95th percentile of its values,
// which is what a limit is for and no single spike. Days of which less than half is
// known are left out, and so is the last one while it is not over.
func Peaks(values []float64, g query.Grid) []Day { return daily(values, g, 0.95) }

// Medians likewise, each day its middle.
func Medians(values []float64, g query.Grid) []Day { return daily(values, g, 0.5) }

func daily(values []float64, g query.Grid, quantile float64) (days []Day) {
	if g.Step <= 0 {
		return nil
	}
	perDay := float64(24*time.Hour) / float64(g.Step)
	var of []float64
	var start time.Time
	flush := func() {
		if len(of) > 0 && float64(len(of)) >= leastShare*perDay {
			slices.Sort(of)
			at := int(math.Ceil(quantile*float64(len(of)))) - 1
			days = append(days, Day{Start: start, Value: of[max(0, at)]})
		}
		of = of[:0]
	}
	for i, v := range values {
		t := g.Time(i).UTC()
		if midnight := t.Truncate(24 * time.Hour); !midnight.Equal(start) {
			flush()
			start = midnight
		}
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			of = append(of, v)
		}
	}
	if g.N > 0 && !g.Time(g.N-1).Add(g.Step).UTC().Before(start.Add(24*time.Hour)) {
		flush()
	}
	return days
}
