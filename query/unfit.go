package query

import (
	"cmp"
	"fmt"
)

// Unfit says that a panel was answered what its form cannot show, and what to write
// instead; "" if there is nothing of that kind. all is false if a part of the answer
// can be shown.
func (p *Panel) Unfit(f *Frame) (says string, all bool) {
	native, numbers := 0, 0
	expr := ""
	for i := range f.Series {
		s := &f.Series[i]
		if !s.hasHistograms() {
			numbers++
			continue
		}
		native++
		expr = cmp.Or(expr, s.Expr)
		if !empty(s.Values) {
			numbers++
		}
	}
	switch {
	case native == 0 || p.Type == Table:
		return "", false
	case p.Type == Heatmap && numbers == 0:
		return "", false
	case p.Type == Heatmap:
		return p.unfitHeat(f), false
	}
	return fmt.Sprintf("native histogram: this panel draws numbers. Write histogram_quantile(0.95, %s), or make it a heatmap", cmp.Or(cut(oneLine(expr), maxLegend), "...")), numbers == 0
}

// unfitHeat counts what a heat map of native histograms leaves out.
func (p *Panel) unfitHeat(f *Frame) string {
	left := 0
	for i := range f.Series {
		s := &f.Series[i]
		if _, classic := p.bound(&Drawn{Series: *s}); s.Ago == 0 && !classic && !empty(s.Values) {
			left++
		}
	}
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("%d series have numbers, no buckets: beside native histograms they are not drawn", left)
}
