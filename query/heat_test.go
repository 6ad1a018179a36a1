package query

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nativeFrame is a series of these histograms, a minute apart.
func nativeFrame(all ...*Histogram) *Frame {
	s := Series{Labels: Labels{"job": "shop"}, Legend: "shop", Expr: "sum(rate(took[5m]))", Values: make([]float64, len(all))}
	for i := range all {
		s.Values[i] = Absent()
		if all[i] != nil {
			s.put(i, all[i])
		}
	}
	return &Frame{Grid: Grid{Start: time.Unix(0, 0).UTC(), Step: time.Minute, N: len(all)}, Series: []Series{s}}
}

func heatOf(f *Frame) Heat {
	p := Panel{Type: Heatmap, Queries: []Query{{Expr: "x"}}}
	s := p.Shape(f)
	return p.Buckets(&s)
}

// Rows are the buckets as they are: below zero, around it, and with their gaps.
func TestNativeBucketsAreRows(t *testing.T) {
	heat := heatOf(nativeFrame(
		&Histogram{Count: 7, Buckets: []Bucket{{-2, -1, 1, OpenRight}, {-0.1, 0.1, 2, Closed}, {1, 2, 4, OpenLeft}}},
		nil,
		&Histogram{Count: 3, Buckets: []Bucket{{1, 2, 1, OpenLeft}, {8, 16, 2, OpenLeft}}},
	))
	require.Equal(t, 4.0, heat.Max)
	var bounds [][2]float64
	for _, r := range heat.Rows {
		bounds = append(bounds, [2]float64{r.From, r.To})
		require.True(t, IsAbsent(r.Values[1]), "nothing is known there")
	}
	require.Equal(t, [][2]float64{{-2, -1}, {-1, -0.1}, {-0.1, 0.1}, {0.1, 1}, {1, 2}, {2, 4}, {4, 8}, {8, 16}}, bounds)
	at := func(i int) (all []float64) {
		for _, r := range heat.Rows {
			all = append(all, r.Values[i])
		}
		return all
	}
	require.Equal(t, []float64{1, 0, 2, 0, 4, 0, 0, 0}, at(0))
	require.Equal(t, []float64{0, 0, 0, 0, 1, 0, 0, 2}, at(2))
}

// Buckets that were made wider share a row with the narrow ones of before: of a half
// of a bucket nobody knows how much was in it.
func TestNativeBucketsOfTwoWidths(t *testing.T) {
	heat := heatOf(nativeFrame(
		&Histogram{Count: 3, Buckets: []Bucket{{1, math.Sqrt2, 1, 0}, {math.Sqrt2, 2, 2, 0}}},
		&Histogram{Count: 5, Buckets: []Bucket{{1, 2, 5, 0}, {2, 4.000000000000001, 1, 0}}},
		&Histogram{Count: 5, Buckets: []Bucket{{4, 8, 1, 0}}},
	))
	require.Len(t, heat.Rows, 3, "and the last digit of a bound makes no bucket")
	require.Equal(t, []float64{3, 5, 0}, heat.Rows[0].Values)
}

func TestWhatAPanelCannotDrawIsSaid(t *testing.T) {
	f := nativeFrame(&Histogram{Count: 1, Buckets: []Bucket{{1, 2, 1, 0}}})
	for _, form := range []PanelType{TimeSeries, Stat, Gauge, BarGauge, TopN, StateTimeline} {
		says, all := (&Panel{Type: form}).Unfit(f)
		require.Equal(t, "native histogram: this panel draws numbers. Write histogram_quantile(0.95, sum(rate(took[5m]))), or make it a heatmap", says)
		require.True(t, all)
	}
	for _, form := range []PanelType{Heatmap, Table} {
		says, _ := (&Panel{Type: form}).Unfit(f)
		require.Empty(t, says)
	}
	f.Series = append(f.Series, Series{Labels: Labels{"job": "x"}, Values: []float64{1}})
	says, all := (&Panel{Type: TimeSeries}).Unfit(f)
	require.NotEmpty(t, says)
	require.False(t, all)
	says, all = (&Panel{Type: Heatmap}).Unfit(f)
	require.Equal(t, "1 series have numbers, no buckets: beside native histograms they are not drawn", says)
	require.False(t, all)
}

// A table has a histogram's figures, in either form, and its count in no unit.
func TestATableOfNativeHistograms(t *testing.T) {
	f := nativeFrame(&Histogram{Count: 4, Sum: 6, Buckets: []Bucket{{1, 2, 4, 0}}})
	for _, format := range []Format{AsTable, AsSeries, ""} {
		p := Panel{Type: Table, Field: Field{Unit: "s"}, Queries: []Query{{Expr: "x", Instant: true, Format: format}}}
		s := p.Shape(f)
		require.NoError(t, s.Err)
		got := map[string]float64{}
		for _, c := range s.Sheet.Columns {
			if c.Kind == NumberKind {
				require.Len(t, c.Numbers, 1, c.Name)
				got[c.Name] = c.Numbers[0]
				require.Equal(t, c.Name == "count", c.Field.Unit == "", c.Name)
			}
		}
		require.InDeltaMapValues(t, map[string]float64{"count": 4, "sum": 6, "avg": 1.5, "p50": math.Sqrt2, "p95": 1.93, "p99": 1.99}, got, 0.01)
	}
}

func TestQuantilesOfANativeHistogram(t *testing.T) {
	h := &Histogram{Count: 10, Sum: 3, Buckets: []Bucket{{-2, -1, 2, OpenRight}, {-0.5, 0.5, 4, Closed}, {1, 2, 3, OpenLeft}, {4, math.Inf(1), 1, OpenLeft}}}
	for q, want := range map[float64]float64{0: -2, 0.2: -1, 0.4: 0, 0.6: 0.5, 0.9: 2, 1: 4, 7: 4, -1: -2} {
		require.InDelta(t, want, h.Quantile(q), 1e-9, "%v", q)
	}
	require.InDelta(t, math.Sqrt2, h.Quantile(0.75), 1e-9, "half of the bucket, by the logarithm")
	require.True(t, math.IsNaN((&Histogram{}).Quantile(0.5)))
	require.Equal(t, "{count:10, sum:3, [-2,-1):2, [-0.5,0.5]:4, (1,2]:3, (4,+Inf]:1}", h.String())
	positive := &Histogram{Count: 2, Buckets: []Bucket{{-0.5, 0.5, 2, Closed}, {1, 2, 0, 0}}}
	require.InDelta(t, 0.25, positive.Quantile(0.5), 1e-9, "nothing lies below zero")
}
