package embedded

import (
	"bytes"
	"compress/gzip"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// A capsule of native histograms of which any bit is another is refused or says
// something else; it never takes more memory than it means.
func TestFlippedBitsOfNativeHistograms(t *testing.T) {
	// not raced: it reads some thousand damaged capsules, one after the other
	s, err := New(Config{})
	require.NoError(t, err)
	var batch []sample
	for i := range 5 {
		f := float64(i)
		for name, h := range map[string]*histogram.FloatHistogram{
			"exponential": {Schema: 2, Count: 10 + f, ZeroThreshold: 0.001, ZeroCount: 1, PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}, {Offset: 3, Length: 1}}, PositiveBuckets: []float64{1 + f, 2, 3}, NegativeSpans: []histogram.Span{{Offset: 1, Length: 1}}, NegativeBuckets: []float64{3}},
			"custom":      {Schema: histogram.CustomBucketsSchema, Count: 6 + f, CustomValues: []float64{0.1, 1, 10}, PositiveSpans: []histogram.Span{{Offset: 0, Length: 4}}, PositiveBuckets: []float64{1 + f, 2, 3, 0}},
		} {
			batch = append(batch, sample{labels: labels.FromStrings("__name__", name, "job", "j"), t: sec(100 + f).UnixMilli(), h: h})
		}
	}
	s.store.commit(batch)
	list, err := s.Capsules(sec(0), sec(200))
	require.NoError(t, err)
	require.Len(t, list, 1)
	z, err := gzip.NewReader(bytes.NewReader(list[0].Body))
	require.NoError(t, err)
	var raw bytes.Buffer
	_, err = raw.ReadFrom(z)
	require.NoError(t, err)
	whole := raw.Bytes()
	load := func(b []byte) (*Server, error) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(b)
		require.NoError(t, w.Close())
		one, err := New(Config{})
		require.NoError(t, err)
		_, _, err = one.load(packed.Bytes())
		return one, err
	}
	one, err := load(whole)
	require.NoError(t, err)
	const all = `{__name__=~".+"}`
	g := query.Steps(sec(100), sec(104), time.Second)
	f, err := one.Range(t.Context(), all, g)
	require.NoError(t, err)
	require.Len(t, f.Series, 2)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	taken := 0
	for i := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[i/8] ^= 1 << (i % 8)
		one, err := load(b)
		if err != nil {
			continue
		}
		taken++
		f, err := one.Range(t.Context(), all, g)
		if err != nil {
			continue
		}
		p := query.Panel{Type: query.Heatmap, Queries: []query.Query{{Expr: all}}}
		shape := p.Shape(&f)
		p.Buckets(&shape)
	}
	runtime.ReadMemStats(&after)
	each := (after.TotalAlloc - before.TotalAlloc) / uint64(8*len(whole)) >> 20
	t.Logf("%d of %d flipped capsules say something else; %d MiB each", taken, 8*len(whole), each)
	require.Less(t, each, uint64(2))
}
