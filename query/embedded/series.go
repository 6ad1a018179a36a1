package embedded

import (
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// histogramBytes is where a chunk of native histograms is closed, if it is not full
// before.
const histogramBytes = 1 << 10

// samplesPerChunk is where a chunk is closed. Prometheus' own number: more
// compress little better, and a query has to walk a chunk from its start.
const samplesPerChunk = 120

// chunk is a closed or open run of samples, times in Unix milliseconds.
type chunk struct {
	min, max int64
	data     chunkenc.Chunk // of numbers, or of native histograms as floats
}

// series is one time series, guarded by its store's lock. The last chunk is
// open; the ones before it never change again and are shared with readers.
type series struct {
	labels labels.Labels
	chunks []chunk
	app    chunkenc.Appender         // of the last chunk
	last   float64                   // if it was a number
	native *histogram.FloatHistogram // the last sample, if it was one
	gone   bool                      // dropped from the store; whoever still holds it must ask again
}

// add is append for a sample of either kind.
func (s *series) add(b *sample) bool {
	if b.h != nil {
		return s.appendHistogram(b.t, b.h)
	}
	return s.append(b.t, b.v)
}

// append adds a number and says whether it was taken: time only goes forward.
func (s *series) append(t int64, v float64) bool {
	n := len(s.chunks)
	if n > 0 && t <= s.chunks[n-1].max {
		// The same sample again is no fault.
		return t == s.chunks[n-1].max && s.native == nil && math.Float64bits(v) == math.Float64bits(s.last)
	}
	if n == 0 || s.chunks[n-1].data.Encoding() != chunkenc.EncXOR || s.chunks[n-1].data.NumSamples() >= samplesPerChunk {
		data := chunkenc.NewXORChunk()
		app, err := data.Appender()
		if err != nil {
			return false
		}
		s.close()
		s.chunks, s.app, n = append(s.chunks, chunk{min: t, data: data}), app, n+1
	}
	s.app.Append(0, t, v)
	s.chunks[n-1].max, s.last, s.native = t, v, nil
	return true
}

// close gives back what the last chunk has room for: it doubled as it grew. No reader
// has it yet, for an open chunk is copied for them.
func (s *series) close() {
	if n := len(s.chunks); n > 0 {
		s.chunks[n-1].data.Compact()
	}
}

// appendHistogram is append for a native histogram, which becomes the series' own. The
// chunk is begun anew where a counter was reset or the buckets are others.
func (s *series) appendHistogram(t int64, h *histogram.FloatHistogram) bool {
	n := len(s.chunks)
	if n > 0 && t <= s.chunks[n-1].max {
		return t == s.chunks[n-1].max && s.native != nil && s.native.Equals(h)
	}
	var before chunkenc.Appender
	open := n > 0 && s.chunks[n-1].data.Encoding() == chunkenc.EncFloatHistogram
	if open {
		before = s.app
		data := s.chunks[n-1].data
		open = data.NumSamples() < samplesPerChunk && len(data.Bytes()) < histogramBytes
	}
	if !open {
		data := chunkenc.NewFloatHistogramChunk()
		app, err := data.Appender()
		if err != nil {
			return false
		}
		if _, _, app, err = app.AppendFloatHistogram(before, 0, t, h, false); err != nil {
			return false
		}
		s.close()
		s.chunks, s.app, s.native = append(s.chunks, chunk{min: t, max: t, data: data}), app, h
		return true
	}
	data, recoded, app, err := s.app.AppendFloatHistogram(nil, 0, t, h, false)
	switch {
	case err != nil:
		return false
	case data == nil:
		s.chunks[n-1].max = t
	case recoded: // the same samples in more buckets
		s.chunks[n-1].data, s.chunks[n-1].max = data, t
	default:
		s.close()
		s.chunks = append(s.chunks, chunk{min: t, max: t, data: data})
	}
	s.app, s.native = app, h
	return true
}

// view is what a reader may keep after the lock is released: the chunks that
// touch [mint, maxt], with the open one copied.
func (s *series) view(mint, maxt int64) []chunk {
	var out []chunk
	for i, c := range s.chunks {
		if c.max < mint || c.min > maxt {
			continue
		}
		if i == len(s.chunks)-1 {
			fresh, err := chunkenc.FromData(c.data.Encoding(), append([]byte(nil), c.data.Bytes()...))
			if err != nil {
				continue // of an encoding that nothing here writes
			}
			c.data = fresh
		}
		out = append(out, c)
	}
	return out
}

// drop forgets chunks that ended before t and says whether any are left.
func (s *series) drop(t int64) bool {
	i := 0
	for i < len(s.chunks) && s.chunks[i].max < t {
		i++
	}
	if i > 0 {
		s.chunks = append([]chunk(nil), s.chunks[i:]...)
	}
	return len(s.chunks) > 0
}

// iterator reads chunks one after the other, the way the engine asks. It may
// start before and end after the range that the chunks were chosen for.
func iterator(chunks []chunk, reuse chunkenc.Iterator) chunkenc.Iterator {
	if len(chunks) == 1 {
		return chunks[0].data.Iterator(nil)
	}
	parts := make([]chunkenc.Iterable, len(chunks))
	for i, c := range chunks {
		parts[i] = c.data
	}
	return storage.ChainSampleIteratorFromIterables(reuse, parts)
}
