package chart

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

func bars(values ...float64) Bars {
	b := Bars{Style: theme.Series(0)}
	for i, v := range values {
		b.Bars = append(b.Bars, Bar{Label: safe.Sprintf("w%d", i), Value: v, Note: safe.Sprintf("N %d", i)})
	}
	return b
}

func barsAt(b Bars, w, h int) string {
	f := frame.New(w+1, h, theme.Default())
	b.Draw(f.Sub(frame.Rect{W: w, H: h}))
	return f.Plain()
}

func TestBars(t *testing.T) {
	require.Equal(t, `     4
     ████
2    ████
▄▄▄▄ ████      1
████ ████      ▂▂▂▂
████ ████ 0    ████   -
w0   w1   w2   w3   w4
N 0  N 1  N 2  N 3  N 4
`, barsAt(bars(2, 4, 0, 1, math.NaN()), 25, 8))
}

// Columns are as high as their values, the newest are kept where there is not
// room for all, and nothing leaves the frame.
func TestAnyBarsAtAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 20), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -1, math.MaxFloat64}))
		b := bars(rapid.SliceOfN(number, 0, 60).Draw(t, "values")...)
		b.Title = safe.New(rapid.String().Draw(t, "title"), safe.Line)
		for i := range b.Bars {
			b.Bars[i].Label = safe.New(rapid.StringN(0, 5, -1).Draw(t, "label"), 8)
		}
		w, h := rapid.IntRange(0, 130).Draw(t, "w"), rapid.IntRange(0, 30).Draw(t, "h")
		f := frame.New(w+5, h+4, theme.Default())
		f.Fill(f.Bounds(), theme.Plain, '#')
		f.Fill(frame.Rect{X: 2, Y: 2, W: w, H: h}, theme.Plain, ' ')
		b.Draw(f.Sub(frame.Rect{X: 2, Y: 2, W: w, H: h}))
		for y, row := range strings.Split(strings.TrimSuffix(f.Plain(), "\n"), "\n") {
			if y < 2 || y >= h+2 {
				require.Equal(t, strings.Repeat("#", w+4), row)
				continue
			}
			require.True(t, strings.HasPrefix(row, "##") && strings.HasSuffix(row, "##"), "%q", row)
		}
	})
}

func TestAHigherValueIsNoLowerColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1000), 2, 20).Draw(t, "values")
		b := Bars{Style: theme.Series(0)}
		f := frame.New(8, 12, theme.Default())
		rows := func(v float64) int { return b.column(f, frame.Rect{W: 3, H: 10}, v, 1000) }
		for i := range values[1:] {
			lower, higher := min(values[i], values[i+1]), max(values[i], values[i+1])
			require.LessOrEqual(t, rows(lower), rows(higher))
			require.True(t, rows(higher) > 0 || higher == 0, "something is not nothing")
		}
	})
}
