package query

import (
	"cmp"
	"math"
	"slices"
)

// stretch is the values between two bounds.
type stretch struct{ from, to float64 }

func (s stretch) compare(o stretch) int {
	return cmp.Or(cmp.Compare(s.from, o.from), cmp.Compare(s.to, o.to))
}

// nativeRows are the buckets of native histograms, and of classic ones beside them, as
// rows: each as it is, unless another one overlaps it. Those are of another moment or
// another instance, with wider buckets; they share a row, for how much of a bucket lay
// in a part of it nobody knows. Where nothing lay there are empty rows.
func nativeRows(lines []*Drawn, classic []HeatRow) []HeatRow {
	var all []stretch
	n := 0
	for _, line := range lines {
		n = max(n, len(line.Values))
		for _, h := range line.Histograms {
			if h == nil {
				continue
			}
			for _, b := range h.Buckets {
				all = append(all, stretch{b.Lower, b.Upper})
			}
		}
	}
	for i := range classic {
		n = max(n, len(classic[i].Values))
		all = append(all, stretch{classic[i].From, classic[i].To})
	}
	joined, row := joinedOf(all)
	joined, row = fewer(joined, row, max(mostCells/max(n, 1), leastHeat))
	rows := make([]HeatRow, len(joined))
	for i, s := range joined {
		rows[i] = HeatRow{From: s.from, To: s.to, Name: plainNumber(s.to), Values: slices.Repeat([]float64{Absent()}, n)}
	}
	asked := make([]bool, n)
	for _, line := range lines {
		for at, h := range line.Histograms {
			if h == nil {
				continue
			}
			asked[at] = true
			for _, b := range h.Buckets {
				rows[row[stretch{b.Lower, b.Upper}]].add(at, b.Count)
			}
		}
	}
	for i := range classic {
		for at, v := range classic[i].Values {
			rows[row[stretch{classic[i].From, classic[i].To}]].add(at, v)
		}
	}
	for at, yes := range asked {
		for i := range rows {
			if yes && IsAbsent(rows[i].Values[at]) { // it has nothing there
				rows[i].Values[at] = 0
			}
		}
	}
	return spaced(rows)
}

// What a heat map holds: more rows than any screen has, and of a long window fewer.
const (
	mostCells = 1 << 20
	mostHeat  = 1000 // rows
	leastHeat = 100
)

// fewer puts neighbours together where there are too many stretches for a heat map:
// those of thousands of instances whose bounds nobody made alike.
func fewer(joined []stretch, row map[stretch]int, most int) ([]stretch, map[stretch]int) {
	most = min(most, mostHeat)
	if len(joined) <= most {
		return joined, row
	}
	each := (len(joined) + most - 1) / most
	var out []stretch
	for part := range slices.Chunk(joined, each) {
		out = append(out, stretch{part[0].from, part[len(part)-1].to})
	}
	for s := range row {
		row[s] /= each
	}
	return out, row
}

// add is one more value of a point; none adds nothing.
func (r *HeatRow) add(at int, v float64) {
	switch {
	case math.IsNaN(v):
	case IsAbsent(r.Values[at]):
		r.Values[at] = v
	default:
		r.Values[at] += v
	}
}

// joinedOf puts stretches in order, those that overlap as one, and says which is in
// which. Bounds may differ in their last digits.
func joinedOf(all []stretch) (joined []stretch, row map[stretch]int) {
	slices.SortFunc(all, stretch.compare)
	all = slices.Compact(all)
	row = make(map[stretch]int, len(all))
	for _, s := range all {
		if n := len(joined); n > 0 && (joined[n-1].to-s.from > 1e-9*math.Abs(s.from) || math.IsInf(s.from, -1)) { // what has no lower end overlaps all else that has none
			joined[n-1].to = max(joined[n-1].to, s.to)
		} else {
			joined = append(joined, s)
		}
		row[s] = len(joined) - 1
	}
	return joined, row
}

// mostBetween bounds the empty rows between two buckets.
const mostBetween = 100

// spaced puts empty rows between buckets that do not touch: as many as there would be
// buckets of their width, so that heights tell values; one beside zero, where they
// would have no end.
func spaced(rows []HeatRow) []HeatRow {
	all, most := 0, mostBetween
	for i := 1; i < len(rows); i++ {
		all += emptyRows(&rows[i-1], &rows[i])
	}
	if all > mostHeat {
		most = max(mostHeat/len(rows), 1)
	}
	var out []HeatRow
	for i := range rows {
		if i > 0 {
			out = append(out, between(&rows[i-1], &rows[i], most)...)
		}
		out = append(out, rows[i])
	}
	return out
}

// emptyRows is how many there are between two buckets.
func emptyRows(below, above *HeatRow) int {
	if !(below.To < above.From) {
		return 0
	}
	ratio := 0.0 // of a bucket's bounds
	switch {
	case below.From > 0:
		ratio = below.To / below.From
	case above.To < 0:
		ratio = above.From / above.To
	}
	if span := math.Abs(math.Log(above.From / below.To)); ratio > 1 && !math.IsInf(ratio, 1) {
		return int(min(max(math.Round(span/math.Log(ratio)), 1), mostBetween))
	}
	return 1
}

// between are the empty rows between two buckets, at most so many.
func between(below, above *HeatRow, most int) []HeatRow {
	n := min(emptyRows(below, above), most)
	out := make([]HeatRow, n)
	from := below.To
	for i := range out {
		to := above.From
		if i < n-1 {
			to = below.To * math.Pow(above.From/below.To, float64(i+1)/float64(n))
		}
		out[i] = HeatRow{From: from, To: to, Name: plainNumber(to), Values: make([]float64, len(above.Values))}
		from = to
		for at, v := range above.Values {
			if IsAbsent(v) {
				out[i].Values[at] = v
			}
		}
	}
	return out
}
