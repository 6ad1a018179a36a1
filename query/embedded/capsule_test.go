package embedded_test

import (
	"context"
	"net/http"
	"slices"
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
	first, second := oneCapsule(t, w.s, at(-1), at(200)), oneCapsule(t, w.s, at(200), at(299))
	require.Positive(t, second.Samples)
	require.Less(t, len(first.Body)+len(second.Body), 3*(first.Samples+second.Samples), "bytes a sample")

	o, err := embedded.Open(first.Body, second.Body)
	require.NoError(t, err)
	require.Equal(t, at(0), o.From)
	require.Equal(t, at(299), o.To)
	for _, expr := range []string{`rate(a_total[30s])`, `b`, `up`, `count({env="lab"})`} {
		want, err := w.s.Range(t.Context(), expr, g)
		require.NoError(t, err)
		have, err := o.Server.Range(t.Context(), expr, g)
		require.NoError(t, err)
		require.Len(t, have.Series, len(want.Series), expr)
		for i := range want.Series {
			require.Equal(t, want.Series[i].Labels, have.Series[i].Labels)
			require.InDeltaSlice(t, numbers(want.Series[i].Values), numbers(have.Series[i].Values), 1e-9, expr)
		}
	}
	empty, err := w.s.Capsules(at(1000), at(2000))
	require.NoError(t, err)
	require.Empty(t, empty)
}

func oneCapsule(t testing.TB, s *embedded.Server, from, to time.Time) embedded.Capsule {
	t.Helper()
	list, err := s.Capsules(from, to)
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

// Whatever byte of a stretch is another one, it is left out as a whole, and the others
// are still asked.
func TestACapsuleWithAFlippedByte(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	for i := range 20 {
		w.scrape(float64(i), "a_total "+strconv.Itoa(3*i)+"\n")
	}
	first, second := oneCapsule(t, w.s, at(-1), at(9)), oneCapsule(t, w.s, at(9), at(19))
	for i := range first.Body {
		bad := slices.Clone(first.Body)
		bad[i] ^= 1 << (i % 8)
		o, err := embedded.Open(bad, second.Body)
		require.NoError(t, err)
		f, err := o.Server.Range(t.Context(), "count_over_time(a_total[1m])", query.Steps(at(19), at(19), time.Second))
		require.NoError(t, err)
		if len(o.Damaged) == 0 { // a bit that says nothing of the content: of gzip's header, or padding
			require.Equal(t, 20.0, f.Series[0].Values[0])
			continue
		}
		require.Equal(t, []int{0}, o.Damaged)
		require.Equal(t, 10.0, f.Series[0].Values[0], "byte %d", i)
		_, err = embedded.Open(bad)
		require.ErrorContains(t, err, "it is damaged")
	}
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
	c := oneCapsule(f, s, at(-1), at(1))
	f.Add(c.Body)
	f.Add(c.Body[:len(c.Body)/2])
	f.Add([]byte("sitrepC1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := embedded.Open(b)
		if err != nil {
			return
		}
		_, err = o.Server.Range(t.Context(), `{__name__!=""}`, query.Steps(at(0), at(1), time.Second))
		require.NoError(t, err)
	})
}
