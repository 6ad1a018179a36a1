package query

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Histogram is the value of a native histogram at one moment: how much was
// observed, and between which bounds it lay. A published one is never written to.
type Histogram struct {
	Count, Sum float64  // of a rate: a second
	Buckets    []Bucket // that hold something, from the lowest; no two have the same bounds
}

// Bucket is how much lay between two bounds. Below nothing they are negative, and
// one around zero holds what is too small to be told from it.
type Bucket struct {
	Lower, Upper, Count float64
	Bounds              Bounds
}

// Bounds says which of a bucket's bounds lie in it; the numbers are Prometheus'.
type Bounds uint8

// The bounds.
const (
	OpenLeft  Bounds = iota // (lower, upper]
	OpenRight               // [lower, upper)
	OpenBoth                // (lower, upper)
	Closed                  // [lower, upper]
)

// Mean is that of all observations; NaN without any.
func (h *Histogram) Mean() float64 { return h.Sum / h.Count }

// Quantile is about the value below which the share q (0 to 1) of the
// observations lies: within its bucket they are taken to lie evenly by their
// logarithm, as exponential buckets are cut. It is wrong by less than the bucket is
// wide. NaN without any observation; of a bucket without an end the other bound.
func (h *Histogram) Quantile(q float64) float64 {
	if !(h.Count > 0) || len(h.Buckets) == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	rank, below := min(max(q, 0), 1)*h.Count, 0.0
	at := len(h.Buckets) - 1 // observations of NaN lie in no bucket: the last one
	for i := range h.Buckets {
		if below+h.Buckets[i].Count >= rank && h.Buckets[i].Count > 0 {
			at = i
			break
		}
		below += h.Buckets[i].Count
	}
	b := h.Buckets[at]
	if b.Lower < 0 && b.Upper > 0 { // around zero, and nothing is on the one side
		if at == 0 {
			b.Lower = 0
		} else if at == len(h.Buckets)-1 {
			b.Upper = 0
		}
	}
	return b.within(min(max((rank-below)/b.Count, 0), 1))
}

// within is the value at a share of the bucket.
func (b Bucket) within(share float64) float64 {
	switch {
	case math.IsInf(b.Upper, 1):
		return b.Lower
	case math.IsInf(b.Lower, -1):
		return b.Upper
	case b.Lower > 0 || b.Upper < 0:
		return b.Lower * math.Pow(b.Upper/b.Lower, share)
	}
	return b.Lower + (b.Upper-b.Lower)*share
}

// String is the histogram in one line as Prometheus writes it, with everything that
// it holds: {count:3, sum:2.5, (0.5,1]:2, (1,2]:1}.
func (h *Histogram) String() string {
	out := append([]byte("{count:"), exact(h.Count)...)
	out = append(append(out, ", sum:"...), exact(h.Sum)...)
	for _, b := range h.Buckets {
		out = append(append(append(out, ", "...), b.Name()...), ':')
		out = append(out, exact(b.Count)...)
	}
	return string(append(out, '}'))
}

// Words is what a person reads of it in one line, in a unit: how many, their sum and
// mean, and about which values they lie below.
func (h *Histogram) Words(unit string) string {
	var parts []string
	for _, f := range HistogramFigures() {
		of := unit
		if f.Count {
			of = "short"
		}
		parts = append(parts, f.Name+" "+FormatValue(of, f.Of(h)))
	}
	return strings.Join(parts, "  ")
}

// Words is the sample's value in a unit, or that of its histogram.
func (s *Sample) Words(unit string) string {
	if s.Histogram != nil {
		return s.Histogram.Words(unit)
	}
	return FormatValue(unit, s.Value)
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Name is the bucket's bounds: (0.5,1].
func (b Bucket) Name() string {
	left, right := b.marks()
	return left + exact(b.Lower) + "," + exact(b.Upper) + right
}

// marks are the brackets of the bounds.
func (b Bucket) marks() (left, right string) {
	left, right = "(", ")"
	if b.Bounds == OpenRight || b.Bounds == Closed {
		left = "["
	}
	if b.Bounds == OpenLeft || b.Bounds == Closed {
		right = "]"
	}
	return left, right
}

// Holds reports whether any number lies between the bounds. Servers pass on buckets
// without one, of programs that count them wrongly.
func (b Bucket) Holds() bool {
	return b.Lower < b.Upper || b.Lower == b.Upper && b.Bounds == Closed && !math.IsInf(b.Lower, 0)
}

// compare orders buckets by their bounds.
func (b Bucket) compare(o Bucket) int {
	return cmp.Or(cmp.Compare(b.Lower, o.Lower), cmp.Compare(b.Upper, o.Upper), cmp.Compare(b.Bounds, o.Bounds))
}

// inOrder puts buckets in order and joins those of the same bounds, of a server that
// does neither.
func inOrder(all []Bucket) []Bucket {
	ordered := true
	for i := 1; i < len(all) && ordered; i++ {
		ordered = all[i-1].compare(all[i]) < 0
	}
	if ordered {
		return all
	}
	slices.SortStableFunc(all, Bucket.compare)
	out := all[:0]
	for _, b := range all {
		if n := len(out); n > 0 && out[n-1].compare(b) == 0 {
			out[n-1].Count += b.Count
			continue
		}
		out = append(out, b)
	}
	return out
}

// agrees allows the last digits to differ, as agrees does of numbers.
func (h *Histogram) agrees(o *Histogram) bool {
	if h == nil || o == nil || h == o {
		return h == o
	}
	return agrees(h.Count, o.Count) && agrees(h.Sum, o.Sum) && slices.EqualFunc(h.Buckets, o.Buckets, func(a, b Bucket) bool {
		return a.Bounds == b.Bounds && agrees(a.Lower, b.Lower) && agrees(a.Upper, b.Upper) && agrees(a.Count, b.Count)
	})
}

// same holds for two that are alike to the last bit.
func (h *Histogram) same(o *Histogram) bool {
	if h == nil || o == nil || h == o {
		return h == o
	}
	return same(h.Count, o.Count) && same(h.Sum, o.Sum) && slices.EqualFunc(h.Buckets, o.Buckets, func(a, b Bucket) bool {
		return a.Bounds == b.Bounds && same(a.Lower, b.Lower) && same(a.Upper, b.Upper) && same(a.Count, b.Count)
	})
}

// bytes is about what it takes in memory.
func (h *Histogram) bytes() int64 {
	if h == nil {
		return 0
	}
	return 64 + 32*int64(cap(h.Buckets))
}

// Histogram is the native histogram of point i; nil if the series has none there.
func (s *Series) Histogram(i int) *Histogram {
	if i < 0 || i >= len(s.Histograms) {
		return nil
	}
	return s.Histograms[i]
}

// Knows reports whether there is a sample at point i, of either kind.
func (s *Series) Knows(i int) bool { return !IsAbsent(s.Values[i]) || s.Histogram(i) != nil }

// Empty reports whether the series has no sample at all.
func (s *Series) Empty() bool { return empty(s.Values) && !slices.ContainsFunc(s.Histograms, isThere) }

func isThere(h *Histogram) bool { return h != nil }

// LastHistogram is Last of native histograms: nil if there is none within the last
// reach points, or if a number is younger.
func (s *Series) LastHistogram(reach int) (*Histogram, int) {
	i := s.lastKnown(reach)
	return s.Histogram(i), i
}

// Newest is the place of the youngest sample of either kind; -1 without any.
func (s *Series) Newest() int { return s.lastKnown(0) }

// lastKnown is the youngest sample of either kind within the last reach points, or -1.
func (s *Series) lastKnown(reach int) int {
	if reach <= 0 {
		reach = len(s.Values)
	}
	for i := len(s.Values) - 1; i >= max(0, len(s.Values)-reach); i-- {
		if s.Knows(i) {
			return i
		}
	}
	return -1
}

// put makes point i a native histogram. The arrays must be the caller's own.
func (s *Series) put(i int, h *Histogram) {
	if s.Histograms == nil {
		s.Histograms = make([]*Histogram, len(s.Values))
	}
	s.Values[i], s.Histograms[i] = Absent(), h
}

// Take makes point i what o has at point j. The arrays must be the caller's own.
func (s *Series) Take(i int, o *Series, j int) {
	if h := o.Histogram(j); h != nil {
		s.put(i, h)
		return
	}
	if s.Values[i] = o.Values[j]; s.Histograms != nil {
		s.Histograms[i] = nil
	}
}
