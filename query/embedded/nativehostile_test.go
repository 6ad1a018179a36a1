package embedded_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	dto "github.com/prometheus/prometheus/prompb/io/prometheus/client"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// hostile are native histograms that contradict themselves or mean nothing.
func hostile() map[string]*dto.Histogram {
	nan, inf := math.NaN(), math.Inf(1)
	one := func(h dto.Histogram) *dto.Histogram { return &h }
	span := func(offset int32, n uint32) []dto.BucketSpan { return []dto.BucketSpan{{Offset: offset, Length: n}} }
	return map[string]*dto.Histogram{
		"farabove":     one(dto.Histogram{SampleCount: 1, Schema: 0, PositiveSpan: span(math.MaxInt32-1, 1), PositiveDelta: []int64{1}}),
		"farbelow":     one(dto.Histogram{SampleCount: 1, Schema: 0, PositiveSpan: span(math.MinInt32+1, 1), PositiveDelta: []int64{1}}),
		"farnegative":  one(dto.Histogram{SampleCount: 1, Schema: -4, NegativeSpan: span(math.MaxInt32-1, 1), NegativeDelta: []int64{1}}),
		"wraps":        one(dto.Histogram{SampleCount: 2, Schema: 8, PositiveSpan: []dto.BucketSpan{{Offset: math.MaxInt32 - 1, Length: 1}, {Offset: math.MaxInt32, Length: 1}}, PositiveDelta: []int64{1, 0}}),
		"schema9":      one(dto.Histogram{SampleCount: 1, Schema: 9, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"schema127":    one(dto.Histogram{SampleCount: 1, Schema: 127, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"schemalow":    one(dto.Histogram{SampleCount: 1, Schema: math.MinInt32, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"custom":       one(dto.Histogram{SampleCount: 1, Schema: -53, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"zeronan":      one(dto.Histogram{SampleCount: 2, Schema: 0, ZeroThreshold: nan, ZeroCount: 1, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"zeroinf":      one(dto.Histogram{SampleCount: 2, Schema: 0, ZeroThreshold: inf, ZeroCount: 1, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"zeronegative": one(dto.Histogram{SampleCount: 2, Schema: 0, ZeroThreshold: -1, ZeroCount: 1, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"zerowide":     one(dto.Histogram{SampleCount: 2, Schema: 0, ZeroThreshold: 100, ZeroCount: 1, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"sumnan":       one(dto.Histogram{SampleCount: 1, SampleSum: nan, Schema: 0, PositiveSpan: span(0, 1), PositiveDelta: []int64{1}}),
		"negative":     one(dto.Histogram{SampleCountFloat: 1, Schema: 0, PositiveSpan: span(0, 1), PositiveCount: []float64{-1}}),
		"countnan":     one(dto.Histogram{SampleCountFloat: nan, Schema: 0, PositiveSpan: span(0, 1), PositiveCount: []float64{nan}}),
		"bucketnan":    one(dto.Histogram{SampleCountFloat: 3, Schema: 0, PositiveSpan: span(0, 2), PositiveCount: []float64{nan, 1}}),
		"bucketinf":    one(dto.Histogram{SampleCountFloat: inf, Schema: 0, PositiveSpan: span(0, 2), PositiveCount: []float64{inf, 1}}),
		"less":         one(dto.Histogram{SampleCount: 1, Schema: 0, PositiveSpan: span(0, 3), PositiveDelta: []int64{5, 0, 0}}),
		"overflow":     one(dto.Histogram{SampleCount: math.MaxUint64, Schema: 0, PositiveSpan: span(0, 3), PositiveDelta: []int64{math.MaxInt64, math.MaxInt64, 1}}),
	}
}

// histogramPage is protobuf with them, and a good number last.
func histogramPage(t *testing.T, all map[string]*dto.Histogram) []byte {
	t.Helper()
	var b bytes.Buffer
	add := func(f *dto.MetricFamily) {
		raw, err := f.Marshal()
		require.NoError(t, err)
		b.Write(binary.AppendUvarint(nil, uint64(len(raw))))
		b.Write(raw)
	}
	for name, h := range all {
		add(&dto.MetricFamily{Name: name, Type: dto.MetricType_HISTOGRAM, Metric: []dto.Metric{{Histogram: h}}})
	}
	add(&dto.MetricFamily{Name: "good", Type: dto.MetricType_GAUGE, Metric: []dto.Metric{{Gauge: &dto.Gauge{Value: 1}}}})
	return b.Bytes()
}

func servedPage(t *testing.T, page *[]byte) *embedded.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited")
		_, _ = w.Write(*page)
	}))
	t.Cleanup(srv.Close)
	own, err := embedded.New(embedded.Config{ScrapeInterval: time.Second})
	require.NoError(t, err)
	own.SetTargets([]embedded.Target{{Job: "shop", Instance: "a", URL: srv.URL}})
	return own
}

// Whatever a native histogram says of itself, the rest of the page is there, everything
// can be asked for, drawn, kept and read again.
func TestNativeHistogramsThatLie(t *testing.T) {
	all := hostile()
	page := histogramPage(t, all)
	own := servedPage(t, &page)
	client, err := query.NewClient(query.Config{URL: embedded.Address, HTTP: own.Transport()})
	require.NoError(t, err)
	start := time.Now().Truncate(time.Second)
	for i := range 3 {
		own.Scrape(t.Context(), start.Add(time.Duration(i)*time.Second))
	}
	end := start.Add(2 * time.Second)
	targets, err := client.Targets(t.Context())
	require.NoError(t, err)
	require.Equal(t, "up", targets[0].Health)
	require.Contains(t, targets[0].LastError, fmt.Sprintf("%d native histograms were left out", len(all)-2))
	got, _, err := client.Instant(t.Context(), "good", end)
	require.NoError(t, err)
	require.Len(t, got, 1)
	g := query.Steps(start, end, time.Second)
	for name := range all {
		for _, expr := range []string{name, "rate(" + name + "[2s])", "sum(" + name + ")", "histogram_quantile(0.9, " + name + ")"} {
			direct, err := own.Range(t.Context(), expr, g)
			require.NoError(t, err, expr)
			asked, err := client.Range(t.Context(), expr, g)
			require.NoError(t, err, expr)
			require.Len(t, asked.Series, len(direct.Series), expr)
			p := query.Panel{Title: "x", Type: query.Heatmap, Queries: []query.Query{{Expr: expr}}}
			shape := p.Shape(&direct)
			p.Buckets(&shape)
			snap := &query.Snapshot{Board: &query.Board{Name: "b", Panels: []query.Panel{p}}, Grid: g, Panels: []query.PanelData{{Frame: direct}}}
			body, err := snap.Encode()
			require.NoError(t, err)
			_, err = query.Decode(body)
			require.NoError(t, err, expr)
		}
	}
	for _, name := range []string{"custom", "sumnan"} { // one bucket for everything, and a sum with a NaN in it: odd and true
		got, _, err := client.Instant(t.Context(), name, end)
		require.NoError(t, err)
		require.Len(t, got, 1, name)
	}
}

// A page of protobuf that is cut short or has a byte changed is told of and ends nothing.
func TestAPageOfProtobufThatIsDamaged(t *testing.T) {
	whole := histogramPage(t, map[string]*dto.Histogram{"took": {
		SampleCount: 3, Schema: 2, PositiveSpan: []dto.BucketSpan{{Offset: 0, Length: 2}}, PositiveDelta: []int64{1, 1},
	}})
	page := whole
	own := servedPage(t, &page)
	at := time.Now().Truncate(time.Second)
	for i := range len(whole) {
		page = whole[:i]
		own.Scrape(t.Context(), at)
		for _, v := range []byte{0, 0x7f, 0x80, 0xff} {
			page = bytes.Clone(whole)
			page[i] = v
			at = at.Add(time.Second)
			own.Scrape(t.Context(), at)
		}
	}
	page = whole
	at = at.Add(time.Second)
	own.Scrape(t.Context(), at)
	f, err := own.Range(t.Context(), "took", query.Grid{Start: at, Step: time.Second, N: 1})
	require.NoError(t, err)
	require.Len(t, f.Series, 1)
	require.Equal(t, 3.0, f.Series[0].Histogram(0).Count)
}
