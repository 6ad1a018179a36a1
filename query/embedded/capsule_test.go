package embedded_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// A capsule answers what the server answered, long after.
func TestACapsuleIsAskedAgain(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	for i := range 300 {
		page := "# TYPE a_total counter\na_total " + strconv.Itoa(3*i) + "\nb{x=\"y\"} NaN\n"
		if i > 150 {
			page = "a_total " + strconv.Itoa(3*i) + "\n"
		}
		w.scrape(float64(i), page)
	}
	g := query.Steps(at(100), at(299), 5*time.Second)
	first, err := w.s.Capsule(at(-1), at(200))
	require.NoError(t, err)
	second, err := w.s.Capsule(at(200), at(299))
	require.NoError(t, err)
	require.Positive(t, second.Samples)
	require.Less(t, len(first.Body)+len(second.Body), 3*(first.Samples+second.Samples), "bytes a sample")

	s, from, to, err := embedded.Open(first.Body, second.Body)
	require.NoError(t, err)
	require.Equal(t, at(0), from)
	require.Equal(t, at(299), to)
	for _, expr := range []string{`rate(a_total[30s])`, `b`, `up`, `count({env="lab"})`} {
		want, err := w.s.Range(t.Context(), expr, g)
		require.NoError(t, err)
		have, err := s.Range(t.Context(), expr, g)
		require.NoError(t, err)
		require.Len(t, have.Series, len(want.Series), expr)
		for i := range want.Series {
			require.Equal(t, want.Series[i].Labels, have.Series[i].Labels)
			require.InDeltaSlice(t, numbers(want.Series[i].Values), numbers(have.Series[i].Values), 1e-9, expr)
		}
	}
	empty, err := w.s.Capsule(at(1000), at(2000))
	require.NoError(t, err)
	require.Nil(t, empty.Body)
}

// numbers are values with what is no number as -1.
func numbers(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		if out[i] = v[i]; v[i] != v[i] { //nolint:staticcheck // NaN
			out[i] = -1
		}
	}
	return out
}

// Bytes that anybody may have written are a capsule or an error.
func FuzzCapsule(f *testing.F) {
	s, err := embedded.New(embedded.Config{ScrapeInterval: time.Second, Client: &http.Client{Transport: &pages{body: map[string]string{"http://a/metrics": "a 1\nb 2\n"}}}})
	require.NoError(f, err)
	s.SetTargets([]embedded.Target{{Job: "j", Instance: "i", URL: "http://a/metrics"}})
	s.Scrape(context.Background(), start)
	c, err := s.Capsule(at(-1), at(1))
	require.NoError(f, err)
	f.Add(c.Body)
	f.Add(c.Body[:len(c.Body)/2])
	f.Add([]byte("sitrepC1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, _, _, err := embedded.Open(b)
		if err != nil {
			return
		}
		_, err = s.Range(t.Context(), `{__name__!=""}`, query.Steps(at(0), at(1), time.Second))
		require.NoError(t, err)
	})
}
