package plot

import (
	"math"
	"strings"
)

// Levels are the eight heights of block sparklines, as they print in plain text.
const Levels = "▁▂▃▄▅▆▇█"

// Spark reduces values to at most width figures that keep what matters to the
// eye: of the values that share a place, the one farthest from the mean of all
// is kept, so neither dips nor spikes vanish. Holes are NaN. Fewer values than
// places are left as they are.
func Spark(values []float64, width int) []float64 {
	if width < 1 {
		return nil
	}
	if len(values) <= width {
		return append([]float64(nil), values...)
	}
	mean, _ := Mean(values)
	out := make([]float64, width)
	for c := range out {
		out[c] = farthest(values[c*len(values)/width:(c+1)*len(values)/width], mean)
	}
	return out
}

func farthest(values []float64, from float64) float64 {
	best := math.NaN()
	for _, v := range values {
		if finite(v) && !(math.Abs(v/2-from/2) <= math.Abs(best/2-from/2)) {
			best = v
		}
	}
	return best
}

// Sparkline draws values as one line of text, at most width characters of
// Levels; holes are spaces. A flat line is drawn at the lowest level.
func Sparkline(values []float64, width int) string {
	points := Spark(values, width)
	lo, hi, ok := Range(points)
	levels := []rune(Levels)
	var b strings.Builder
	for _, v := range points {
		if !ok || !finite(v) {
			b.WriteByte(' ')
			continue
		}
		at := Scale{Lo: lo, Hi: hi}.At(v)
		b.WriteRune(levels[min(int(at*float64(len(levels))), len(levels)-1)])
	}
	return b.String()
}
