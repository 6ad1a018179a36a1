package query

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Heat is a distribution over time: how much lay between two bounds at each point.
type Heat struct {
	Rows []HeatRow // from the lowest
	Max  float64   // of all values
}

// HeatRow is one bucket. Values that the server had no sample for are Absent.
type HeatRow struct {
	From, To float64 // NaN where the bucket has a name alone; To may be +Inf
	Name     string  // as the series has it: le, or its legend
	Values   []float64
}

// Buckets is the shape as buckets: those of native histograms, of series with the label le each bucket alone,
// of those whose names are numbers as they are, and of any others how many of
// them lay where.
func (p *Panel) Buckets(s *Shape) Heat {
	cumulative := map[float64][]float64{}
	var named []HeatRow
	var native []*Drawn
	numeric := true
	for i := range s.Lines {
		line := &s.Lines[i]
		if line.Ago != 0 || line.Field.Hidden {
			continue
		}
		if line.hasHistograms() {
			native = append(native, line)
			continue
		}
		if le, ok := p.bound(line); ok {
			cumulative[le] = added(cumulative[le], line.Values)
			continue
		}
		v, ok := asFloat(strings.TrimSpace(line.Legend))
		numeric = numeric && ok
		named = append(named, HeatRow{From: math.NaN(), To: v, Name: line.Legend, Values: line.Values})
	}
	var h Heat
	switch {
	case len(native) > 0: // numbers beside them are not drawn: Unfit says so
		h.Rows = nativeRows(native, apartOf(cumulative))
	case len(cumulative) > 0:
		h.Rows = apartOf(cumulative)
	case len(named) > 0 && numeric:
		slices.SortFunc(named, func(a, b HeatRow) int { return cmp.Compare(a.To, b.To) })
		h.Rows = named
	default:
		h.Rows = countedOf(named)
	}
	for i := range h.Rows {
		for _, v := range h.Rows[i].Values {
			if v > h.Max && !math.IsInf(v, 0) {
				h.Max = v
			}
		}
	}
	return h
}

// bound is the upper bound of a series of cumulative buckets. Who asks for series
// as they are gets them.
func (p *Panel) bound(line *Drawn) (float64, bool) {
	for i := range p.Queries {
		if p.Ref(i) == line.Ref && p.Queries[i].Format == AsSeries {
			return 0, false
		}
	}
	le, ok := line.Labels["le"]
	if !ok {
		return 0, false
	}
	v, ok := asFloat(le)
	return v, ok && !math.IsNaN(v)
}

// added sums two series point by point; no sample counts nothing, unless there is
// none in either.
func added(to, values []float64) []float64 {
	if to == nil {
		return slices.Clone(values)
	}
	for i, v := range values {
		switch {
		case i >= len(to):
			to = append(to, v)
		case IsAbsent(to[i]):
			to[i] = v
		case !math.IsNaN(v):
			to[i] += v
		}
	}
	return to
}

// apartOf takes from each cumulative bucket those below it. Buckets of several
// instances are scraped at different moments, so that a higher one may hold less
// for a while: then it holds nothing of its own, never less than nothing.
func apartOf(cumulative map[float64][]float64) []HeatRow {
	bounds := make([]float64, 0, len(cumulative))
	n := 0
	for le, values := range cumulative {
		bounds, n = append(bounds, le), max(n, len(values))
	}
	slices.Sort(bounds)
	below := make([]float64, n)
	rows := make([]HeatRow, len(bounds))
	from := math.Inf(-1)
	if len(bounds) > 0 && bounds[0] > 0 {
		from = 0
	}
	for k, le := range bounds {
		rows[k] = HeatRow{From: from, To: le, Name: plainNumber(le), Values: make([]float64, n)}
		from = le
		for i := range rows[k].Values {
			v := Absent()
			if i < len(cumulative[le]) {
				v = cumulative[le][i]
			}
			switch {
			case math.IsNaN(v):
				rows[k].Values[i] = v
				continue
			case math.IsInf(v, 0):
				v = below[i]
			}
			rows[k].Values[i] = max(v-below[i], 0)
			below[i] = max(below[i], v)
		}
	}
	return rows
}

func plainNumber(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return FormatValue("none", v)
}

// heatRows is how many buckets values without bounds are counted in.
const heatRows = 12

// countedOf counts, at each point, how many of the series lay in each of a few
// equal stretches of their range.
func countedOf(series []HeatRow) []HeatRow {
	lo, hi, n := math.Inf(1), math.Inf(-1), 0
	for i := range series {
		n = max(n, len(series[i].Values))
		for _, v := range series[i].Values {
			if !math.IsInf(v, 0) && !math.IsNaN(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if !(lo <= hi) || math.IsInf(hi-lo, 0) {
		return nil
	}
	step := (hi - lo) / heatRows
	if step == 0 {
		step = max(math.Abs(lo)/heatRows, math.SmallestNonzeroFloat64)
	}
	rows := make([]HeatRow, heatRows)
	for k := range rows {
		rows[k] = HeatRow{From: lo + float64(k)*step, To: lo + float64(k+1)*step, Values: make([]float64, n)}
	}
	for i := range n {
		some := false
		for s := range series {
			if i >= len(series[s].Values) {
				continue
			}
			if v := series[s].Values[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				some = true
				rows[min(max(int((v-lo)/step), 0), heatRows-1)].Values[i]++
			}
		}
		for k := range rows {
			if !some {
				rows[k].Values[i] = Absent()
			}
		}
	}
	return rows
}
