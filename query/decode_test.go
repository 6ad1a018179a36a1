package query

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDecodeKeepsWithinBounds(t *testing.T) {
	g := Grid{Start: time.Unix(0, 0), Step: time.Second, N: 3}
	var b strings.Builder
	b.WriteString(`{"data":{"result":[`)
	for i := range maxRangeSeries + 5 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"values":[[1,"%d"],[9,"1"],[-1,"1"]],"metric":{"i":"%d"}}`, i, i)
	}
	b.WriteString(`],"resultType":"matrix"},"status":"success"}`)
	a, err := decodeRange([]byte(b.String()), g)
	require.NoError(t, err)
	require.Len(t, a.series, maxRangeSeries)
	require.Equal(t, []string{
		"1005 series; only the first 1000 are kept: aggregate with sum by (...) or topk",
		"2000 points lie before or after the time that was asked for and are left out: the server asks for another window (align_queries_with_step?)",
	}, a.warnings)
	require.Equal(t, "matrix", a.kind, "in any order of keys")

	deep := strings.Repeat("[", 1<<20)
	_, err = decodeRange([]byte(`{"status":"success","x":`+deep), g)
	require.ErrorIs(t, err, errJSON)
}

func TestPointsBetweenTheStepsAreMovedAndSaid(t *testing.T) {
	g := Grid{Start: time.Unix(100, 0), Step: 10 * time.Second, N: 3}
	a, err := decodeRange([]byte(`{"status":"success","data":{"result":[{"metric":{},"values":[[99.999,"1"],[111.5,"2"],[1.2e2,"3"]]}]}}`), g)
	require.NoError(t, err)
	require.Equal(t, 2.0, a.series[0].Values[1])
	require.Equal(t, 3.0, a.series[0].Values[2])
	require.Equal(t, []string{"2 points were between the steps and moved to the nearest"}, a.warnings)
}

// The decoder of client_golang and ours agree about every matrix that
// Prometheus can write.
func TestDecodeAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Grid{Start: time.Unix(1_700_000_000, 0), Step: 15 * time.Second, N: 20}
		var matrix model.Matrix
		histograms := 0
		for i := range rapid.IntRange(0, 5).Draw(t, "series") {
			s := &model.SampleStream{Metric: model.Metric{"i": model.LabelValue(strconv.Itoa(i))}}
			for range rapid.IntRange(0, 3).Draw(t, "labels") {
				s.Metric[model.LabelName(rapid.StringMatching(`[a-z.]{1,4}`).Draw(t, "name"))] = model.LabelValue(rapid.String().Draw(t, "value"))
			}
			for j := range g.N {
				if rapid.Bool().Draw(t, "present") {
					s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(g.Time(j).UnixNano()), Value: model.SampleValue(anyValue().Draw(t, "v"))})
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "native histogram") == 0 {
				s.Values = nil
				s.Histograms = []model.SampleHistogramPair{{Timestamp: model.TimeFromUnixNano(g.Time(1).UnixNano()), Histogram: &model.SampleHistogram{
					Count: 3, Sum: 2.5, Buckets: model.HistogramBuckets{{Boundaries: 1, Lower: 0.1, Upper: 0.2, Count: 3}},
				}}}
				histograms++
				if rapid.Bool().Draw(t, "several") {
					s.Histograms[0].Histogram.Buckets = append(s.Histograms[0].Histogram.Buckets, &model.HistogramBucket{Boundaries: 3, Lower: -0.1, Upper: 0.1, Count: model.FloatString(rapid.Float64Min(0).Draw(t, "count"))})
				}
			}
			if len(s.Values)+len(s.Histograms) > 0 {
				matrix = append(matrix, s)
			}
		}
		result, err := json.Marshal(matrix)
		require.NoError(t, err)
		if matrix == nil {
			result = []byte("[]")
		}
		infos := rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "infos")
		more, err := json.Marshal(infos)
		require.NoError(t, err)
		a, err := decodeRange([]byte(`{"status":"success","infos":`+string(more)+`,"data":{"resultType":"matrix","result":`+string(result)+`}}`), g)
		require.NoError(t, err)
		require.Len(t, a.series, len(matrix))
		require.Len(t, a.infos, len(infos))
		require.Empty(t, a.warnings)
		byLabels := map[string]Series{}
		for _, s := range a.series {
			byLabels[fmt.Sprintf("%q", s.Labels)] = s
		}
		for _, s := range matrix {
			l := Labels{}
			for k, v := range s.Metric {
				l[string(k)] = string(v)
			}
			ours, ok := byLabels[fmt.Sprintf("%q", l)]
			require.True(t, ok, "%q", l)
			for _, p := range s.Histograms {
				got := ours.Histogram(g.Index(p.Timestamp.Time()))
				require.NotNil(t, got)
				require.Equal(t, []float64{float64(p.Histogram.Count), float64(p.Histogram.Sum)}, []float64{got.Count, got.Sum})
				for _, b := range p.Histogram.Buckets {
					require.Contains(t, got.Buckets, Bucket{Lower: float64(b.Lower), Upper: float64(b.Upper), Count: float64(b.Count), Bounds: Bounds(b.Boundaries)})
				}
				require.Len(t, got.Buckets, len(p.Histogram.Buckets))
			}
			present := 0
			for _, v := range ours.Values {
				if !IsAbsent(v) {
					present++
				}
			}
			require.Equal(t, len(s.Values), present)
			for _, p := range s.Values {
				got := ours.Values[g.Index(p.Timestamp.Time())]
				require.True(t, got == float64(p.Value) || math.IsNaN(got) && math.IsNaN(float64(p.Value)), "%v is not %v", got, p.Value)
			}
		}
	})
}

func anyValue() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.Map(rapid.IntRange(-9, 1e9), func(i int) float64 { return float64(i) }),
		rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1)}))
}

// The short way to read a pair gives what the long way gives.
func TestUsualPairsAreReadAsAllOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`\[[0-9]{1,12}(\.[0-9]{0,4})?,"-?[0-9]{0,20}(\.[0-9]{0,20})?(e[+-]?[0-9]{1,3})?"\]`),
			rapid.Custom(func(t *rapid.T) string {
				return fmt.Sprintf(`[%d,%q]`, rapid.Int64Range(0, 2e9).Draw(t, "t"), strconv.FormatFloat(rapid.Float64().Draw(t, "v"), 'f', -1, 64))
			}),
		).Draw(t, "pair")
		usual := newScanner([]byte(text))
		ms, v, ok := usual.usualPair()
		if !ok {
			require.Zero(t, usual.i, "left where it was")
			return
		}
		long := newScanner([]byte(" " + text)) // a space is not usual
		ms2, v2, err := long.pair()
		require.NoError(t, err)
		require.Equal(t, ms2, ms)
		require.Equal(t, math.Float64bits(v2), math.Float64bits(v), text)
		require.Equal(t, long.i-1, usual.i)
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{matrix242, matrix3, vector242, scalar242, string242, parse242, "", "{", `{"status":"success","data":null}`} {
		f.Add([]byte(seed))
	}
	g := Grid{Start: time.Unix(1_699_999_935, 0), Step: 15 * time.Second, N: 5}
	f.Fuzz(func(t *testing.T, src []byte) {
		a, err := decodeRange(src, g)
		for _, s := range a.series {
			if len(s.Values) != g.N {
				t.Fatalf("%d values on a grid of %d", len(s.Values), g.N)
			}
		}
		if _, err2 := decodeInstant(src); (err == nil) != (err2 == nil) {
			t.Fatalf("a body is broken or not, whatever is wanted of it: %v, %v", err, err2)
		}
		_ = reason(src)
	})
}

// fiftySeries is the answer to a panel with 50 series of n points.
func fiftySeries(b *testing.B, n int) ([]byte, Grid) {
	b.Helper()
	g := Grid{Start: time.Unix(1_700_000_040, 0), Step: time.Minute, N: n}
	var s strings.Builder
	s.WriteString(`{"status":"success","data":{"resultType":"matrix","result":[`)
	for i := range 50 {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, `{"metric":{"__name__":"node_cpu_seconds_total","cpu":"%d","instance":"127.0.0.1:9100","job":"node","mode":"idle"},"values":[`, i)
		for j := range g.N {
			if j > 0 {
				s.WriteByte(',')
			}
			fmt.Fprintf(&s, `[%d,"%s"]`, g.Time(j).Unix(), strconv.FormatFloat(math.Sqrt(float64(i*1000+j)), 'f', -1, 64))
		}
		s.WriteString("]}")
	}
	s.WriteString("]}}")
	return []byte(s.String()), g
}

func BenchmarkRangeDecode(b *testing.B) {
	body, g := fiftySeries(b, 361)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if a, err := decodeRange(body, g); err != nil || len(a.series) != 50 {
			b.Fatal(err)
		}
	}
}
