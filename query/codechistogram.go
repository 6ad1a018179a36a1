package query

import (
	varint "encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Native histograms of a series are columns too: how many bounds there are, the
// bounds from the lowest (a byte which of them belong, and both numbers), and then as
// columns of values the counts of all observations, their sums, and what each bucket
// holds. Where there is no count there is no histogram, and a bucket is not in the
// histograms in which it has no value. They come after the values of their panel.
const boundsSize = 1 + 8 + 8

// hasHistograms reports whether a series has any.
func (s *Series) hasHistograms() bool { return slices.ContainsFunc(s.Histograms, isThere) }

// bounds are all that the series' histograms have, each once, from the lowest.
func (s *Series) bounds() []Bucket {
	var all []Bucket
	for _, h := range s.Histograms {
		if h != nil {
			all = append(all, h.Buckets...)
		}
	}
	for i := range all {
		all[i].Count = 0
	}
	slices.SortFunc(all, Bucket.compare)
	return slices.CompactFunc(all, func(a, b Bucket) bool { return a.compare(b) == 0 })
}

// histogramColumns are the columns of one series, by the bounds that they are about.
func (s *Series) histogramColumns(bounds []Bucket) []Series {
	columns := make([]Series, 2+len(bounds))
	for i := range columns {
		columns[i].Values = slices.Repeat([]float64{Absent()}, len(s.Histograms))
	}
	for at, h := range s.Histograms {
		if h == nil {
			continue
		}
		columns[0].Values[at], columns[1].Values[at] = h.Count, h.Sum
		for _, b := range h.Buckets {
			k, _ := slices.BinarySearchFunc(bounds, b, Bucket.compare)
			columns[2+k].Values[at] = b.Count
		}
	}
	return columns
}

// appendHistograms adds those of a panel's series, and says how many values they are:
// more than room are counted as far as that, and not added. Buckets that are none of
// their neighbours' make a column each, which is mostly empty and yet takes its memory.
func appendHistograms(to []byte, all []Series, room int) ([]byte, int) {
	values := 0
	for i := range all {
		if !all[i].hasHistograms() {
			continue
		}
		bounds := all[i].bounds()
		if values += (2 + len(bounds)) * len(all[i].Histograms); values > room {
			return to, values
		}
		to = varint.AppendUvarint(to, uint64(len(bounds)))
		for _, b := range bounds {
			to = append(to, byte(b.Bounds))
			to = varint.LittleEndian.AppendUint64(to, math.Float64bits(b.Lower))
			to = varint.LittleEndian.AppendUint64(to, math.Float64bits(b.Upper))
		}
		to = append(to, smallest(all[i].histogramColumns(bounds))...)
	}
	return to, values
}

// readHistograms takes those of one series from the head of columns, at most room
// values of them, and says how many they were.
func readHistograms(columns []byte, s *Series, room int) (rest []byte, values int, err error) {
	n, size := varint.Uvarint(columns)
	if size <= 0 || n > uint64(len(columns)-size)/boundsSize {
		return nil, 0, errColumn
	}
	columns = columns[size:]
	if values = (int(n) + 2) * len(s.Values); values > room {
		return nil, 0, fmt.Errorf("it has more than %d values", mostValues)
	}
	bounds := make([]Bucket, n)
	for i := range bounds {
		bounds[i] = Bucket{
			Bounds: Bounds(columns[0]),
			Lower:  math.Float64frombits(varint.LittleEndian.Uint64(columns[1:])),
			Upper:  math.Float64frombits(varint.LittleEndian.Uint64(columns[9:])),
		}
		columns = columns[boundsSize:]
		if b := bounds[i]; b.Bounds > Closed || !(b.Lower <= b.Upper) || i > 0 && bounds[i-1].compare(b) >= 0 {
			return nil, 0, errColumn
		}
	}
	parts := make([][]float64, 2+n)
	for i := range parts {
		if parts[i], columns, err = readColumn(columns, len(s.Values)); err != nil {
			return nil, 0, err
		}
	}
	for at, count := range parts[0] {
		if IsAbsent(count) {
			continue
		}
		h := &Histogram{Count: count, Sum: parts[1][at]}
		for k, b := range bounds {
			if b.Count = parts[2+k][at]; !IsAbsent(b.Count) {
				h.Buckets = append(h.Buckets, b)
			}
		}
		s.put(at, h)
	}
	return columns, values, nil
}

// thinHistograms keeps of each piece the histograms with the least and the most
// observations, in their order.
func thinHistograms(all []*Histogram, piece int) []*Histogram {
	var out []*Histogram
	for part := range slices.Chunk(all, piece) {
		lo, hi := 0, 0
		for i, h := range part {
			switch {
			case h == nil:
				continue
			case part[lo] == nil || h.Count < part[lo].Count:
				lo = i
			}
			if part[hi] == nil || h.Count > part[hi].Count {
				hi = i
			}
		}
		out = append(out, part[min(lo, hi)], part[max(lo, hi)])
	}
	return out
}
