package loadtest

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Percentiles are those of the sorted values by nearest rank, to the width of a
// bucket.
func TestLawPercentilesAreThoseOfTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := NewHistogram()
		values := rapid.SliceOfN(rapid.Int64Range(0, int64(2*time.Hour)), 1, 300).Draw(t, "values")
		for _, v := range values {
			h.Record(time.Duration(v))
		}
		slices.Sort(values)
		l := h.Latency()
		for q, got := range map[float64]time.Duration{0.5: l.P50, 0.9: l.P90, 0.95: l.P95, 0.99: l.P99, 0.999: l.P999, 1: l.Max} {
			want := values[max(int(math.Floor(q*float64(len(values))+0.5)), 1)-1]
			want = min(want, int64(time.Hour))
			require.InDelta(t, float64(want), float64(got), 2000+float64(want)*0.002, "q=%v", q)
		}
	})
}

// The rows of a run, dealt to any number of archives and merged again, are the
// run.
func TestLawMergedPartsAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := NewHistogram()
		parts := []*Histogram{NewHistogram(), NewHistogram(), NewHistogram()}
		for _, v := range rapid.SliceOfN(rapid.Int64Range(0, int64(2*time.Hour)), 0, 200).Draw(t, "values") {
			whole.Record(time.Duration(v))
			parts[rapid.IntRange(0, 2).Draw(t, "part")].Record(time.Duration(v))
		}
		var rows []Row
		for _, p := range parts {
			payload, err := p.Encode()
			require.NoError(t, err)
			rows = append(rows, Row{Response: payload, Service: payload, Lag: payload})
		}
		rows = append(rows, Row{Warmup: true})
		response, service, lag, err := MergeRows(rows)
		require.NoError(t, err)
		for _, got := range []*Histogram{response, service, lag} {
			require.True(t, got.h.Equals(whole.h))
			require.Equal(t, whole.Latency(), got.Latency())
		}
	})
}

func TestForeignPayloadsAreRefused(t *testing.T) {
	for _, other := range []*hdrhistogram.Histogram{hdrhistogram.New(1, math.MaxInt64, 5), hdrhistogram.New(1, 1000, 3)} {
		text, err := other.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		require.NoError(t, err)
		raw, err := base64.StdEncoding.DecodeString(string(text))
		require.NoError(t, err)
		_, err = DecodeHistogram(raw)
		require.ErrorContains(t, err, "layout")
	}
	_, _, _, err := MergeRows([]Row{{Second: 7}})
	require.ErrorContains(t, err, "second 7: decode histogram: 0 bytes are no payload")
}

func FuzzDecodeHistogram(f *testing.F) {
	h := NewHistogram()
	h.Record(time.Second)
	payload, err := h.Encode()
	require.NoError(f, err)
	f.Add(payload)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if h, err := DecodeHistogram(payload); err == nil {
			h.Latency()
			_, err := h.Encode()
			require.NoError(t, err)
		}
	})
}

func TestLatencyInJSONIsSeconds(t *testing.T) {
	l := Latency{P50: 1500 * time.Microsecond, Max: 3 * time.Second}
	b, err := json.Marshal(l)
	require.NoError(t, err)
	require.JSONEq(t, `{"p50":0.0015,"p90":0,"p95":0,"p99":0,"p999":0,"max":3,"mean":0}`, string(b))
	var back Latency
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, l, back)
}
