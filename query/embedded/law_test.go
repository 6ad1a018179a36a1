package embedded

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type point struct {
	t int64
	v float64
}

// genPoints draws samples with growing times, the second column being any float.
func genPoints(v *rapid.Generator[float64], most int) *rapid.Generator[[]point] {
	return rapid.Custom(func(t *rapid.T) []point {
		gaps := rapid.SliceOfN(rapid.Int64Range(1, 400_000), 0, most).Draw(t, "gaps")
		var out []point
		now := rapid.Int64Range(-1000, 1000).Draw(t, "first")
		for _, g := range gaps {
			now += g
			out = append(out, point{now, v.Draw(t, "value")})
		}
		return out
	})
}

// What goes into a series comes out of any range of it, in order and bit for
// bit, however it is read (Next and Seek mixed).
func TestSeriesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := genPoints(rapid.Float64(), 400).Draw(t, "points")
		s := &series{}
		for _, p := range in {
			require.True(t, s.append(p.t, p.v))
		}
		if len(in) > 0 {
			require.False(t, s.append(in[len(in)-1].t, math.Float64frombits(math.Float64bits(in[len(in)-1].v)^1)), "time does not stand still")
			require.False(t, s.append(in[0].t-1, 1), "nor go back")
		}
		var times []int64
		for _, p := range in {
			times = append(times, p.t, p.t-1, p.t+1)
		}
		times = append(times, math.MinInt64, math.MaxInt64, 0)
		pick := rapid.SampledFrom(times)
		mint, maxt := pick.Draw(t, "mint"), pick.Draw(t, "maxt")
		chunks := s.view(mint, maxt)
		var want []point // whole chunks: all that touch the range
		for i := 0; i < len(in); i += samplesPerChunk {
			part := in[i:min(i+samplesPerChunk, len(in))]
			if part[len(part)-1].t >= mint && part[0].t <= maxt {
				want = append(want, part...)
			}
		}
		if len(in) > 0 {
			s.append(in[len(in)-1].t+1, 1) // a reader does not see what comes after
		}
		if len(chunks) == 0 {
			require.Empty(t, want)
			return
		}
		read(t, iterator(chunks, nil), want, pick)
	})
}

// read walks it to its end, with a Seek to somewhere now and then.
func read(t *rapid.T, it chunkenc.Iterator, want []point, to *rapid.Generator[int64]) {
	i, valid := 0, false // whether it stands on want[i]
	for {
		got := chunkenc.ValNone
		if rapid.IntRange(0, 9).Draw(t, "how") == 0 {
			to := to.Draw(t, "to")
			for i < len(want) && want[i].t < to {
				i++
			}
			got = it.Seek(to)
		} else {
			if valid {
				i++
			}
			got = it.Next()
		}
		if i >= len(want) {
			require.Equal(t, chunkenc.ValNone, got)
			require.NoError(t, it.Err())
			return
		}
		valid = true
		require.Equal(t, chunkenc.ValFloat, got)
		at, v := it.At()
		require.Equal(t, want[i].t, at)
		require.Equal(t, math.Float64bits(want[i].v), math.Float64bits(v))
	}
}

// sheep is one series of the flock that the engine and the naive evaluation
// are compared on.
type sheep struct {
	labels labels.Labels
	points []point
}

func genFlock(t *rapid.T) []sheep {
	values := rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 50), func(n int) float64 { return float64(n) }),
		rapid.Just(stale()),
	)
	var flock []sheep
	for i := range rapid.IntRange(1, 6).Draw(t, "series") {
		l := labels.FromStrings("__name__", "m", "i", fmt.Sprint(i), "job", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "job"))
		flock = append(flock, sheep{l, genPoints(values, 150).Draw(t, "points")})
	}
	return flock
}

// instantOf is the newest sample in (ts-lookback, ts], unless it is a staleness marker.
func (s sheep) instantOf(ts int64) (float64, bool) {
	for i := len(s.points) - 1; i >= 0; i-- {
		if p := s.points[i]; p.t <= ts {
			return p.v, p.t > ts-lookback.Milliseconds() && !value.IsStaleNaN(p.v)
		}
	}
	return 0, false
}

// rateOf is rate() by its definition: the growth over the samples in (ts-r, ts],
// a fall counting from zero, extrapolated to the edges where the samples come
// within 1.1 average intervals of them, and never below zero.
func (s sheep) rateOf(ts, r int64) (float64, bool) {
	var in []point
	for _, p := range s.points {
		if p.t > ts-r && p.t <= ts && !value.IsStaleNaN(p.v) {
			in = append(in, p)
		}
	}
	if len(in) < 2 {
		return 0, false
	}
	grown := in[len(in)-1].v - in[0].v
	for i := 1; i < len(in); i++ {
		if in[i].v < in[i-1].v {
			grown += in[i-1].v
		}
	}
	sampled := float64(in[len(in)-1].t-in[0].t) / 1000
	between := sampled / float64(len(in)-1)
	toStart, toEnd := float64(in[0].t-(ts-r))/1000, float64(ts-in[len(in)-1].t)/1000
	if toStart >= between*1.1 {
		toStart = between / 2
	}
	if grown > 0 && in[0].v >= 0 {
		toStart = min(toStart, sampled*in[0].v/grown)
	}
	if toEnd >= between*1.1 {
		toEnd = between / 2
	}
	return grown * (sampled + toStart + toEnd) / sampled / (float64(r) / 1000), true
}

// The engine over our store answers what the definition says: instant
// selectors with matchers, rate, and sum by of both.
func TestEngineAgreesWithTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(Config{})
		require.NoError(t, err)
		flock := genFlock(t)
		last := int64(0)
		for _, sh := range flock {
			for _, p := range sh.points {
				s.store.commit([]sample{{labels: sh.labels, t: p.t, v: p.v}})
				last = max(last, p.t)
			}
		}
		ts := rapid.Int64Range(0, last+400_000).Draw(t, "ts")
		r := rapid.Int64Range(1, 2_000_000).Draw(t, "range")

		instant, onlyX, rates, sums := map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}
		for _, sh := range flock {
			if v, ok := sh.instantOf(ts); ok {
				instant[sh.labels.String()] = v
				if sh.labels.Get("job") == "x" {
					onlyX[sh.labels.String()] = v
				}
				sums[labels.FromStrings("job", sh.labels.Get("job")).String()] += v
			}
			if v, ok := sh.rateOf(ts, r); ok {
				rates[labels.FromStrings("i", sh.labels.Get("i"), "job", sh.labels.Get("job")).String()] = v
			}
		}
		same(t, s, ts, "m", instant)
		same(t, s, ts, `m{job="x"}`, onlyX)
		same(t, s, ts, `{i!="",job!~"y|z"}`, onlyX)
		same(t, s, ts, "sum by (job) (m)", sums)
		same(t, s, ts, fmt.Sprintf("rate(m[%dms])", r), rates)
	})
}

func same(t *rapid.T, s *Server, ts int64, query string, want map[string]float64) {
	vec, err := s.instant(context.Background(), query, time.UnixMilli(ts))
	require.NoError(t, err, query)
	require.Len(t, vec, len(want), query)
	for _, smp := range vec {
		v, ok := want[smp.Metric.String()]
		require.True(t, ok, "%s: unexpected %s", query, smp.Metric)
		require.InDelta(t, v, smp.F, 1e-9*max(1, math.Abs(v)), "%s: %s", query, smp.Metric)
	}
}

// Expiry never touches a sample younger than the retention, and a series
// without samples is in no index.
func TestExpiryKeepsTheYoung(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := newStore(1000)
		flock := genFlock(t)
		for _, sh := range flock {
			for _, p := range sh.points {
				st.commit([]sample{{labels: sh.labels, t: p.t, v: p.v}})
			}
		}
		cut := rapid.Int64Range(-2000, 70_000_000).Draw(t, "cut")
		st.expire(cut)
		count := 0
		for _, sh := range flock {
			var young []point
			for _, p := range sh.points {
				if p.t >= cut {
					young = append(young, p)
				}
			}
			s := st.find(sh.labels)
			require.Equal(t, len(young) > 0, s != nil)
			if s == nil {
				require.NotContains(t, st.postings["i"], sh.labels.Get("i"))
				continue
			}
			count++
			it := iterator(s.view(cut, math.MaxInt64), nil)
			require.Equal(t, chunkenc.ValFloat, it.Seek(cut))
			for i, p := range young {
				at, v := it.At()
				require.Equal(t, p.t, at)
				require.Equal(t, math.Float64bits(p.v), math.Float64bits(v))
				require.Equal(t, i < len(young)-1, it.Next() == chunkenc.ValFloat)
			}
		}
		require.Equal(t, count, st.count)
	})
}

// Whatever an endpoint sends, the server neither panics nor forgets to say
// whether it is up, and the API can always write the answer.
func FuzzPage(f *testing.F) {
	f.Add("a 1\n# TYPE b counter\nb{x=\"y\"} 2 1000\n", "text/plain")
	f.Add("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n", "text/plain; version=0.0.4")
	f.Add("# TYPE a counter\na_total 1 # {x=\"y\"} 1\n# EOF\n", "application/openmetrics-text; version=1.0.0")
	f.Add("{\"a b\",\"c\"=\"\x1b[2J\"} NaN\n", "text/plain; version=1.0.0; escaping=allow-utf-8")
	f.Add("\x00\xff", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		s, err := New(Config{MaxSeries: 50})
		require.NoError(t, err)
		tgt := newTarget(Target{Job: "j", Instance: "i"})
		for at := range int64(2) {
			tgt.turn++
			p, err := s.parse(tgt, Options{}, []byte(body), contentType, at)
			if err == nil {
				s.store.commit(p.batch)
				tgt.remember(p.raws, p.batch)
			}
		}
		vec, err := s.instant(t.Context(), `{__name__!=""}`, time.UnixMilli(1))
		require.NoError(t, err)
		_, err = encode(vec)
		require.NoError(t, err)
	})
}

// Whatever is asked, the answer is Prometheus' envelope.
func FuzzEncode(f *testing.F) {
	f.Add("name", "value\"\\\x1b\xff", 1.5)
	f.Fuzz(func(t *testing.T, name, text string, v float64) {
		l := labels.FromStrings(name, text)
		b, err := encode(promql.Vector{{Metric: l, T: 1, F: v}})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(b), `{"resultType":"vector"`))
	})
}
