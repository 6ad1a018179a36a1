package query

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// apartFrame is series of native histograms of 160 buckets each, none of whose bounds
// are those of another one.
func apartFrame(series, points int) *Frame {
	f := &Frame{Grid: Grid{Start: time.Unix(0, 0).UTC(), Step: time.Minute, N: points}}
	at := 1.0
	for range series {
		s := Series{Legend: "shop", Values: make([]float64, points)}
		for i := range s.Values {
			s.Values[i] = Absent()
			if i%20 > 0 {
				continue
			}
			h := &Histogram{Count: 160}
			for range 160 {
				h.Buckets = append(h.Buckets, Bucket{at, at * 1.000001, 1, OpenLeft})
				at *= 1.00001
			}
			s.put(i, h)
		}
		f.Series = append(f.Series, s)
	}
	return f
}

// allocated is how many MiB f asks for in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

// As many buckets as an answer may hold, of bounds that are nobody's else, neither fill
// the memory when they are drawn nor when they are kept.
func TestBucketsThatNobodySharesAreBounded(t *testing.T) {
	f := apartFrame(1000, 60)
	var heat Heat
	used := allocated(func() { heat = heatOf(f) })
	t.Logf("drawn with %d MiB as %d rows", used, len(heat.Rows))
	require.Less(t, used, uint64(400))
	require.LessOrEqual(t, len(heat.Rows), 3*mostHeat)
	all := 0.0
	for i, r := range heat.Rows {
		require.True(t, r.From < r.To && (i == 0 || heat.Rows[i-1].To <= r.From*(1+1e-9)), "rows are in order")
		for _, v := range r.Values {
			if !IsAbsent(v) {
				all += v
			}
		}
	}
	require.Equal(t, 1000*3*160.0, all, "every observation is in a row")
	snap := &Snapshot{Board: &Board{Name: "b", Panels: []Panel{{Title: "x", Type: Heatmap, Queries: []Query{{Expr: "x"}}}}}, Grid: f.Grid, Panels: []PanelData{{Frame: *f}}}
	var err error
	used = allocated(func() { _, err = snap.Encode() })
	t.Logf("refused with %d MiB: %v", used, err)
	require.ErrorContains(t, err, "more than")
	require.Less(t, used, uint64(1500))
}

// Buckets without a lower end overlap whatever their upper one is.
func TestBucketsWithoutALowerEndShareARow(t *testing.T) {
	inf := math.Inf(1)
	heat := heatOf(nativeFrame(
		&Histogram{Count: 3, Buckets: []Bucket{{-inf, 0.1, 1, OpenLeft}, {0.1, inf, 2, OpenLeft}}},
		&Histogram{Count: 4, Buckets: []Bucket{{-inf, 0.05, 4, OpenLeft}}},
	))
	require.Len(t, heat.Rows, 2)
	require.Equal(t, []float64{1, 4}, heat.Rows[0].Values)
	require.Equal(t, []float64{2, 0}, heat.Rows[1].Values)
}

// A bucket in which no number lies, of one program that lies, does not take the sum of
// all the others away.
func TestABucketWithoutNumbersIsLeftOut(t *testing.T) {
	body := `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[60,{"count":"9","sum":"4","buckets":[` +
		`[0,"1","2","3"],[0,"+Inf","+Inf","1"],[1,"-Inf","-Inf","1"],[3,"NaN","NaN","1"],[3,"-0","0","2"],[0,"4","2","1"],[2,"5","5","1"]]}]]}]}}`
	got, err := decodeRange([]byte(body), Grid{Start: time.Unix(60, 0).UTC(), Step: time.Minute, N: 1})
	require.NoError(t, err)
	require.Len(t, got.series, 1)
	require.Equal(t, "{count:9, sum:4, [-0,0]:2, (1,2]:3}", got.series[0].Histogram(0).String())
	require.Equal(t, []string{"5 buckets of native histograms are left out: no number lies between their bounds, so a program that is scraped counts them wrongly"}, got.warnings)
}
