package plot

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAxisReadsWell(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   []float64
	}{
		{0, 0.081, 3, []float64{0, 0.05, 0.1}},
		{0, 0.081, 6, []float64{0, 0.02, 0.04, 0.06, 0.08, 0.1}},
		{0, 575, 4, []float64{0, 200, 400, 600}},
		{0, 1, 3, []float64{0, 0.5, 1}},
		{-3, 7, 4, []float64{-5, 0, 5, 10}},
		{0, 0.3, 4, []float64{0, 0.1, 0.2, 0.3}},
		{5, 5, 3, []float64{4.5, 5, 5.5}},
		{0, 0, 3, []float64{0, 0.5, 1}},
		{math.NaN(), 3, 3, []float64{0, 0.5, 1}},
	} {
		_, _, ticks := Axis(c.lo, c.hi, c.n)
		require.Equal(t, c.want, ticks, "%v..%v", c.lo, c.hi)
	}
}

func increasing(t require.TestingT, ticks []float64) {
	for i := 1; i < len(ticks); i++ {
		require.Less(t, ticks[i-1], ticks[i])
	}
}

func TestAxisLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo, hi, n := rapid.Float64().Draw(t, "lo"), rapid.Float64().Draw(t, "hi"), rapid.IntRange(-1, 12).Draw(t, "n")
		a, b, ticks := Axis(lo, hi, n)
		require.Less(t, a, b)
		require.True(t, finite(a) && finite(b))
		require.LessOrEqual(t, len(ticks), max(n, 2))
		require.GreaterOrEqual(t, len(ticks), 2)
		increasing(t, ticks)
		if hi > lo && math.Abs(lo) < 1e300 && math.Abs(hi) < 1e300 && hi-lo > 1e-290 {
			slack := (hi - lo) * 1e-6
			require.LessOrEqual(t, a, lo+slack)
			require.GreaterOrEqual(t, b, hi-slack)
		}
		inside := Ticks(lo, hi, n)
		require.LessOrEqual(t, len(inside), max(n, 0))
		increasing(t, inside)
		for _, v := range inside {
			require.True(t, v >= lo && v <= hi)
		}
		logs := LogTicks(math.Abs(lo), math.Abs(hi), n)
		require.LessOrEqual(t, len(logs), max(n, 0))
		increasing(t, logs)
	})
	require.Equal(t, []float64{0, 50, 100}, Ticks(0, 100, 4)) // from end to end, not the lowest four
	require.Equal(t, []float64{1, 2, 5, 10}, LogTicks(1, 10, 4))
	require.Equal(t, []float64{1, 10, 100, 1000}, LogTicks(1, 1000, 5))
	require.Empty(t, LogTicks(0, 10, 5))
	require.Equal(t, []float64{1, 4, 16}, BinaryTicks(1, 40, 3))
	require.Empty(t, BinaryTicks(math.NaN(), 40, 3))
}

func TestScale(t *testing.T) {
	s := Scale{Lo: 10, Hi: 20}
	require.InDelta(t, 0.5, s.At(15), 1e-12)
	require.InDelta(t, -1, s.At(0), 1e-12)
	require.True(t, math.IsNaN(s.At(math.NaN())) && math.IsNaN(s.At(math.Inf(1))))
	logarithmic := Scale{Lo: 1, Hi: 100, Log: true}
	require.InDelta(t, 0.5, logarithmic.At(10), 1e-12)
	require.True(t, math.IsNaN(logarithmic.At(0)))
	require.Zero(t, Scale{Lo: 3, Hi: 3}.At(9))
	require.True(t, finite(Scale{Lo: -math.MaxFloat64 / 2, Hi: math.MaxFloat64 / 4}.At(1)))
}

var t0 = time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC)

func clock(axis TimeAxis) string {
	var out []string
	for _, t := range axis.Ticks {
		out = append(out, axis.Label(t))
	}
	return strings.Join(out, " ")
}

func TestTimesStandOnTheClock(t *testing.T) {
	at := func(h, m, s int) time.Time { return time.Date(2026, 3, 14, h, m, s, 0, time.UTC) }
	kolkata := time.FixedZone("IST", 5*3600+1800)
	require.Equal(t, "03:00 03:15 03:30 03:45", clock(Times(at(2, 53, 47), at(3, 53, 47), 5, nil)))
	require.Equal(t, "03:00 03:30", clock(Times(at(2, 53, 47), at(3, 53, 47), 3, nil)))
	require.Equal(t, "02:53:50 02:54:00", clock(Times(at(2, 53, 47), at(2, 54, 5), 3, nil)))
	require.Equal(t, "18:00 Mar 15 06:00", clock(Times(at(13, 0, 0), at(33, 0, 0), 4, nil)))
	require.Equal(t, "Mar 16 Mar 23", clock(Times(at(0, 0, 0), at(0, 0, 0).AddDate(0, 0, 12), 3, nil)), "Mondays")
	require.Equal(t, "09:00 10:00", clock(Times(at(2, 53, 47), at(4, 53, 47), 3, kolkata)), "half-hour zone")
	require.Equal(t, "2026 2028 2030", clock(Times(t0.AddDate(-1, 0, 0), t0.AddDate(4, 0, 0), 4, nil)))
}

func TestTimesLaws(t *testing.T) {
	zones := []*time.Location{time.UTC, time.FixedZone("NPT", 5*3600+2700), time.FixedZone("west", -7*3600)}
	if berlin, err := time.LoadLocation("Europe/Berlin"); err == nil {
		zones = append(zones, berlin)
	}
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(-1e9, 6e9).Draw(t, "from"), rapid.Int64Range(0, 999999999).Draw(t, "ns"))
		to := from.Add(time.Duration(rapid.Int64Range(0, int64(math.Pow(10, rapid.Float64Range(6, 18).Draw(t, "scale")))).Draw(t, "span")))
		n := rapid.IntRange(-1, 20).Draw(t, "n")
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		axis := Times(from, to, n, zone)
		require.LessOrEqual(t, len(axis.Ticks), max(n, 0))
		for i, tick := range axis.Ticks {
			require.False(t, tick.Before(from) || tick.After(to))
			require.True(t, i == 0 || tick.After(axis.Ticks[i-1]))
			require.NotEmpty(t, axis.Label(tick))
		}
	})
}

// Three dips of one sample and two spikes, two of them in the same column: all
// are in the picture. Averages, samples and largest-triangle lose some.
func TestM4KeepsDipsAndSpikes(t *testing.T) {
	values := make([]float64, 11000)
	for i := range values {
		values[i] = 100 + math.Sin(float64(i)/50)
	}
	values[1234], values[5000], values[9000] = 3, 4, 5
	values[5003], values[777] = 500, 600
	w := NewWindow(t0, time.Second, len(values), 172, 2)
	var seen []float64
	for _, c := range w.M4(values, nil) {
		seen = append(seen, c.Min, c.Max)
	}
	for _, v := range []float64{3, 4, 5, 500, 600} {
		require.Contains(t, seen, v)
	}
}

func TestM4AgainstTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, cell := rapid.IntRange(1, 400).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "cell")
		columns := cell * rapid.IntRange(1, 150).Draw(t, "cells")
		w := NewWindow(t0.Add(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "at"))*15*time.Second), 15*time.Second, n, columns, cell)
		values := rapid.SliceOfN(rapid.SampledFrom([]float64{1, 2, 3, -4, 0, 9, math.NaN(), math.Inf(1)}), 0, n).Draw(t, "values")
		got := w.M4(values, make([]Column, 7))
		require.Len(t, got, columns)
		want := make([]Column, columns)
		for i, v := range values {
			c := w.Column(i)
			require.GreaterOrEqual(t, c, -cell)
			require.Less(t, c, columns)
			if c >= 0 && finite(v) {
				want[c].add(i, v)
			}
		}
		require.Equal(t, want, got)
		require.Equal(t, columns/cell-1, w.Column(n-1)/cell, "the newest value is in the last cell")
		require.Equal(t, w.Column(n-1), w.ColumnAt(w.End()))
	})
}

// A window that moves on by a step shows the same columns, moved by the same
// distance, which is of whole cells.
func TestAWindowMovesAsAWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, cell := rapid.IntRange(2, 500).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "cell")
		columns := cell * rapid.IntRange(1, 150).Draw(t, "cells")
		start := t0.Add(time.Duration(rapid.IntRange(-1e6, 1e6).Draw(t, "at")) * time.Second)
		a, b := NewWindow(start, time.Second, n, columns, cell), NewWindow(start.Add(time.Second), time.Second, n, columns, cell)
		moved := a.Column(n-1) - b.Column(n-2)
		for i := 1; i < n; i++ {
			require.Equal(t, moved, a.Column(i)-b.Column(i-1))
		}
		require.Zero(t, moved%cell)
		if n == columns {
			require.Contains(t, []int{0, cell}, moved)
		}
	})
}

// The whole window ends with the last cell that is full, and is the same picture.
func TestAWholeWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, cell := rapid.IntRange(1, 400).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "cell")
		columns := cell * rapid.IntRange(1, 150).Draw(t, "cells")
		w := NewWindow(t0.Add(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "at"))*time.Second), time.Second, n, columns, cell)
		whole := w.Whole(cell)
		moved := whole.Column(0) - w.Column(0)
		if w.Column(n-1) == columns-1 {
			require.Zero(t, moved)
		} else {
			require.Equal(t, cell, moved)
		}
		for i := range n {
			require.Equal(t, moved, whole.Column(i)-w.Column(i))
		}
		whole.M4(make([]float64, n), nil) // what lies to the right is left out
	})
}

func TestWindowFindsInstants(t *testing.T) {
	w := NewWindow(t0, 15*time.Second, 240, 240, 1)
	i, ok := w.Index(t0.Add(31 * time.Second))
	require.True(t, ok)
	require.Equal(t, 2, i)
	_, ok = w.Index(t0.Add(-time.Minute))
	require.False(t, ok)
	require.Equal(t, 2, w.ColumnAt(t0.Add(31*time.Second)))
	require.Negative(t, w.ColumnAt(t0.Add(-time.Hour)))
	require.Negative(t, w.ColumnAt(time.Time{}))
	require.NotPanics(t, func() { NewWindow(time.Unix(1<<60, 0), 1, 1<<40, 9, 0).M4([]float64{1}, nil) })
}

func TestMerge(t *testing.T) {
	require.Equal(t, []Group{{2, 1, 1}, {5, 0, 3}}, Merge([]int{5, 2, 5, -1, 99, 5}, 10))
	require.Empty(t, Merge(nil, 10))
}

func TestTrend(t *testing.T) {
	ramp := func(n int, slope float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = slope * float64(i)
		}
		return out
	}
	require.Equal(t, Rising, Trend(ramp(80, 1)))
	require.Equal(t, Falling, Trend(ramp(80, -1)))
	require.Equal(t, Steady, Trend(ramp(80, 0)))
	require.Equal(t, Steady, Trend(nil))
	require.Equal(t, Steady, Trend([]float64{math.NaN(), math.NaN(), 1}))
	require.Equal(t, Rising, Trend([]float64{-math.MaxFloat64, math.MaxFloat64}))
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{SI(0), "0"},
		{SI(999.9), "1k"},
		{SI(1250), "1.25k"},
		{SI(0.447), "447m"},
		{SI(-3e6), "-3M"},
		{SI(1e-20), "~0"},
		{SI(2.5e-6), "2.5µ"},
		{SI(math.NaN()), "-"},
		{SI(math.Inf(-1)), "-Inf"},
		{SI(1e300), "1e300"},
		{Short(0.25), "0.25"},
		{Short(8.14), "8.14"},
		{Short(0.9999), "1"},
		{Percent(0.081), "8.1%"},
		{Percent(1), "100%"},
		{Percent(0), "0%"},
		{Percent(0.9995), "99.95%"},
		{Percent(0.9999999), "99.999%"},
		{Percent(0.999), "99.9%"},
		{Percent(0.9973), "99.73%"},
		{Percent(0.0001), "0.01%"},
		{Percent(0.00001), "0.001%"},
		{Percent(12), "1.2k%"},
		{Percent(1e-9), "~0%"},
		{Seconds(0.447), "447ms"},
		{Seconds(90), "90s"},
		{Seconds(3120), "52m"},
		{Seconds(12600), "3.5h"},
		{Seconds(3 * 86400), "3d"},
		{Seconds(0), "0s"},
		{Bytes(512), "512B"},
		{Bytes(1536), "1.5Ki"},
		{Bytes(12 << 30), "12Gi"},
		{Bytes(0), "0B"},
		{Ago(95 * time.Second), "95 s"},
		{Ago(12 * time.Minute), "12 min"},
		{Ago(7 * time.Hour), "7 h"},
		{Ago(72 * time.Hour), "3 d"},
		{Ago(-time.Hour), "0 s"},
	} {
		require.Equal(t, c.want, c.got)
	}
}

// Every number fits the axis, and none is written as another power of ten.
func TestNumbersFitTheAxis(t *testing.T) {
	prefix := map[byte]float64{'n': 1e-9, 'm': 1e-3, 'k': 1e3, 'M': 1e6, 'G': 1e9, 'T': 1e12, 'P': 1e15, 'E': 1e18}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(1, 10).Draw(t, "mantissa") * math.Pow(10, rapid.Float64Range(-9, 19).Draw(t, "exponent"))
		if rapid.Bool().Draw(t, "negative") {
			v = -v
		}
		for _, s := range []string{SI(v), Short(v), Percent(v), Seconds(v), Bytes(v)} {
			require.LessOrEqual(t, utf8.RuneCountInString(s), 8, "%v %s", v, s)
		}
		require.LessOrEqual(t, utf8.RuneCountInString(SI(v)), 6, SI(v))
		require.LessOrEqual(t, utf8.RuneCountInString(Short(v)), 6, Short(v))
		s := strings.Replace(SI(v), "µ", "u", 1)
		prefix['u'] = 1e-6
		factor := 1.0
		if p, ok := prefix[s[len(s)-1]]; ok {
			factor, s = p, s[:len(s)-1]
		}
		back := parse(t, s) * factor
		require.InEpsilon(t, v, back, 0.0051)
	})
}

func parse(t require.TestingT, s string) float64 {
	var v, scale float64 = 0, 0
	sign := 1.0
	for _, r := range s {
		switch {
		case r == '-':
			sign = -1
		case r == '.':
			scale = 1
		default:
			require.True(t, r >= '0' && r <= '9', s)
			v = v*10 + float64(r-'0')
			scale *= 10
		}
	}
	return sign * v / max(scale, 1)
}

func TestSparkline(t *testing.T) {
	require.Equal(t, "▁▂▃▄▅▆▇█", Sparkline([]float64{0, 1, 2, 3, 4, 5, 6, 7}, 20))
	require.Equal(t, "▁ █", Sparkline([]float64{1, math.NaN(), 2}, 3))
	require.Equal(t, "▁▁", Sparkline([]float64{4, 4}, 9))
	require.Empty(t, Sparkline(nil, 9))
	require.Equal(t, " ", Sparkline([]float64{math.NaN()}, 9))
	long := make([]float64, 600)
	for i := range long {
		long[i] = 50
	}
	long[301], long[450] = 0, 100
	require.Equal(t, 1, strings.Count(Sparkline(long, 30), "█"))
	require.Equal(t, 1, strings.Count(Sparkline(long, 30), "▁"))
	require.Len(t, Spark(long, 30), 30)
	require.True(t, slices.Contains(Spark(long, 30), 0) && slices.Contains(Spark(long, 30), 100))
}

func BenchmarkM4(b *testing.B) {
	values := make([]float64, 11000)
	for i := range values {
		values[i] = math.Sin(float64(i) / 9)
	}
	w := NewWindow(t0, time.Second, len(values), 172, 2)
	var out []Column
	b.ReportAllocs()
	for b.Loop() {
		out = w.M4(values, out)
	}
}
