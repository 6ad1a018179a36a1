package embedded

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// samplesPerChunk is where a chunk is closed. Prometheus' own number: more
// compress little better, and a query has to walk a chunk from its start.
const samplesPerChunk = 120

// chunk is a closed or open run of samples, times in Unix milliseconds.
type chunk struct {
	min, max int64
	data     *chunkenc.XORChunk
}

// series is one time series, guarded by its store's lock. The last chunk is
// open; the ones before it never change again and are shared with readers.
type series struct {
	labels labels.Labels
	chunks []chunk
	app    chunkenc.Appender // of the last chunk
	last   float64
	gone   bool // dropped from the store; whoever still holds it must ask again
}

// append adds a sample and says whether it was taken: time only goes forward.
func (s *series) append(t int64, v float64) bool {
	n := len(s.chunks)
	if n > 0 && t <= s.chunks[n-1].max {
		// The same sample again is no fault.
		return t == s.chunks[n-1].max && math.Float64bits(v) == math.Float64bits(s.last)
	}
	if n == 0 || s.chunks[n-1].data.NumSamples() >= samplesPerChunk {
		data := chunkenc.NewXORChunk()
		app, err := data.Appender()
		if err != nil {
			return false
		}
		s.chunks, s.app, n = append(s.chunks, chunk{min: t, data: data}), app, n+1
	}
	s.app.Append(0, t, v)
	s.chunks[n-1].max, s.last = t, v
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
			fresh := chunkenc.NewXORChunk()
			fresh.Reset(append([]byte(nil), c.data.Bytes()...))
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
