package embedded

import (
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/sitrep-dev/sitrep/query"
)

// mostBuckets bounds one native histogram of an endpoint: client libraries keep to
// 160.
const mostBuckets = 10_000

// addHistogram adds a native histogram of a page; all are stored as floats. One that
// contradicts itself is counted and left out.
func (p *page) addHistogram(t *target, how Options, parser textparse.Parser, at int64) error {
	raw, own, whole, h := parser.Histogram()
	if whole != nil {
		if len(whole.PositiveBuckets)+len(whole.NegativeBuckets) > mostBuckets || whole.Validate() != nil {
			p.broken++
			return nil
		}
		h = whole.ToFloat(nil)
	}
	if h == nil || len(h.PositiveBuckets)+len(h.NegativeBuckets) > mostBuckets || !sound(h) {
		p.broken++
		return nil
	}
	return p.take(t, how, parser, raw, own, sample{t: at, h: h})
}

// copied is a histogram of the engine's, whose memory it takes back; nil of nil.
func copied(h *histogram.FloatHistogram) *histogram.FloatHistogram {
	if h == nil {
		return nil
	}
	return h.Copy()
}

// sampleAt is what an iterator stands at.
func sampleAt(it chunkenc.Iterator, kind chunkenc.ValueType) *sample {
	var s sample
	if kind == chunkenc.ValFloat {
		s.t, s.v = it.At()
	} else {
		s.t, s.h = it.AtFloatHistogram(nil)
	}
	return &s
}

// native reports whether there are native histograms in it.
func (v *seriesView) native() bool {
	for _, c := range v.chunks {
		if c.data.Encoding() != chunkenc.EncXOR {
			return true
		}
	}
	return false
}

// histogramOf is a result as panels have it. Buckets that hold nothing are left out,
// as Prometheus leaves them out of its answers.
func histogramOf(h *histogram.FloatHistogram) *query.Histogram {
	out := &query.Histogram{Count: h.Count, Sum: h.Sum}
	for it := h.AllBucketIterator(); it.Next(); {
		b := it.At()
		if b.Count == 0 {
			continue
		}
		one := bucketOf(b)
		if one.Holds() {
			out.Buckets = append(out.Buckets, one)
		}
	}
	return out
}

// sound reports whether a histogram means something: the library's own check lets
// bounds pass that no number has, and counts that are none.
func sound(h *histogram.FloatHistogram) bool {
	if h.Validate() != nil || math.IsNaN(h.Count) || math.IsInf(h.Count, 0) {
		return false
	}
	if !(h.ZeroThreshold >= 0) || math.IsInf(h.ZeroThreshold, 0) || !(h.ZeroCount >= 0) {
		return false
	}
	for it := h.AllBucketIterator(); it.Next(); {
		b := it.At()
		if !(b.Count >= 0) || math.IsInf(b.Count, 0) || b.Count > 0 && !bucketOf(b).Holds() {
			return false
		}
	}
	return true
}

func bucketOf(b histogram.Bucket[float64]) query.Bucket {
	bounds := query.OpenBoth
	switch {
	case b.LowerInclusive && b.UpperInclusive:
		bounds = query.Closed
	case b.LowerInclusive:
		bounds = query.OpenRight
	case b.UpperInclusive:
		bounds = query.OpenLeft
	}
	return query.Bucket{Lower: b.Lower, Upper: b.Upper, Count: b.Count, Bounds: bounds}
}

// appendHistogram writes [seconds, {"count", "sum", "buckets"}].
func appendHistogram(b []byte, t int64, h *histogram.FloatHistogram) []byte {
	one := histogramOf(h)
	quoted := func(v float64) { b = append(append(append(b, '"'), formatFloat(v)...), '"') }
	b = append(appendTime(append(b, '['), t), `,{"count":`...)
	quoted(one.Count)
	b = append(b, `,"sum":`...)
	quoted(one.Sum)
	for i, bucket := range one.Buckets {
		if i == 0 {
			b = append(b, `,"buckets":[`...)
		} else {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, '['), uint64(bucket.Bounds), 10)
		for _, v := range []float64{bucket.Lower, bucket.Upper, bucket.Count} {
			b = append(b, ',')
			quoted(v)
		}
		b = append(b, ']')
	}
	if len(one.Buckets) > 0 {
		b = append(b, ']')
	}
	return append(b, `}]`...)
}
