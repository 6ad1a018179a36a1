package query

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anySnapshot is a board with answers of any kind, odd numbers above all.
func anySnapshot(t *rapid.T) *Snapshot {
	at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{
		Absent(), Absent(), math.NaN(), math.Float64frombits(0x7ff0000000000002), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, 1, math.MaxFloat64, math.SmallestNonzeroFloat64,
	}))
	figure := func(name string) *float64 {
		if v := value.Draw(t, name); !math.IsNaN(v) && !math.IsInf(v, 0) { // as LoadBoard refuses
			return &v
		}
		return nil
	}
	text := rapid.StringN(0, 20, -1)
	grid := func(n int) Grid {
		return Grid{Start: at, Step: time.Duration(rapid.Int64Range(1e6, 1e15).Draw(t, "step")), N: n}
	}
	s := &Snapshot{
		Board: &Board{Name: text.Draw(t, "name"), Title: text.Draw(t, "title"), Range: time.Hour, Refresh: 5 * time.Second},
		At:    at, Grid: grid(rapid.IntRange(0, 300).Draw(t, "n")), Source: text.Draw(t, "source"), Frozen: true,
	}
	for range rapid.IntRange(0, 4).Draw(t, "panels") {
		p := Panel{
			Title: text.Draw(t, "panel"), Type: rapid.SampledFrom([]PanelType{TimeSeries, Stat}).Draw(t, "type"), Field: Field{Unit: text.Draw(t, "unit"), Min: figure("min"), Max: figure("max")},
			Signal: rapid.Bool().Draw(t, "signal"), Better: rapid.SampledFrom([]Better{"", Lower, Higher}).Draw(t, "better"),
			Queries: []Query{{Expr: text.Draw(t, "expr"), Legend: text.Draw(t, "legend")}},
		}
		if n := rapid.IntRange(-1, 4).Draw(t, "decimals"); n >= 0 {
			p.Decimals = &n
		}
		if v := figure("threshold"); v != nil {
			p.Thresholds = []Threshold{{*v, Crit}}
		}
		d := PanelData{At: at, Frame: Frame{Grid: grid(rapid.IntRange(0, 300).Draw(t, "points")), At: at}}
		if word := text.Draw(t, "err"); word != "" {
			d.Err = errors.New(word)
		}
		if word := text.Draw(t, "warning"); word != "" {
			d.Frame.Warnings = []string{word}
		}
		for range rapid.IntRange(0, 4).Draw(t, "series") {
			d.Frame.Series = append(d.Frame.Series, Series{
				Labels: Labels(rapid.MapOfN(text, text, 1, 3).Draw(t, "labels")), Legend: text.Draw(t, "legend"), Expr: text.Draw(t, "sent"),
				Values: rapid.SliceOfN(value, d.Frame.Grid.N, d.Frame.Grid.N).Draw(t, "values"),
			})
			if rapid.IntRange(0, 3).Draw(t, "native") == 0 {
				one := &d.Frame.Series[len(d.Frame.Series)-1]
				for i := range one.Values {
					if rapid.Bool().Draw(t, "a histogram") {
						one.put(i, anyHistogram(t))
					}
				}
			}
		}
		s.Board.Panels, s.Panels = append(s.Board.Panels, p), append(s.Panels, d)
	}
	return s
}

// anyHistogram has buckets of odd bounds, in order.
func anyHistogram(t *rapid.T) *Histogram {
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1)}))
	h := &Histogram{Count: number.Draw(t, "count"), Sum: number.Draw(t, "sum")}
	for range rapid.IntRange(0, 5).Draw(t, "buckets") {
		lower := rapid.SampledFrom([]float64{math.Inf(-1), -2, -1, -0.001, 0.5, 1}).Draw(t, "lower")
		upper := rapid.SampledFrom([]float64{1, 2, 4, math.Inf(1)}).Draw(t, "upper")
		h.Buckets = append(h.Buckets, Bucket{lower, upper, number.Draw(t, "in it"), Bounds(rapid.IntRange(0, 3).Draw(t, "bounds"))})
	}
	h.Buckets = inOrder(h.Buckets)
	return h
}

// bitsOf are the values of all series as they are kept: NaN is not equal to itself.
func bitsOf(s *Snapshot) (all []uint64) {
	for _, p := range s.Panels {
		for _, one := range p.Frame.Series {
			for i, v := range one.Values {
				all = append(all, math.Float64bits(v))
				h := one.Histogram(i)
				if h == nil {
					continue
				}
				all = append(all, math.Float64bits(h.Count), math.Float64bits(h.Sum), uint64(len(h.Buckets)))
				for _, b := range h.Buckets {
					all = append(all, math.Float64bits(b.Lower), math.Float64bits(b.Upper), math.Float64bits(b.Count), uint64(b.Bounds))
				}
			}
		}
	}
	return all
}

// withoutValues is the snapshot but for its values.
func withoutValues(s *Snapshot) *Snapshot {
	out := *s
	out.Panels = nil
	for _, p := range s.Panels {
		var series []Series
		for _, one := range p.Frame.Series {
			one.Values = nil
			one.Histograms = nil
			series = append(series, one)
		}
		p.Frame.Series = series
		out.Panels = append(out.Panels, p)
	}
	return &out
}

// What was encoded is decoded bit for bit, with all that it is drawn by.
func TestCodecKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		body, err := s.Encode()
		require.NoError(t, err)
		got, err := Decode(body)
		require.NoError(t, err)
		require.Equal(t, bitsOf(s), bitsOf(got))
		require.Equal(t, withoutValues(s), withoutValues(got))
		again, err := got.Encode()
		require.NoError(t, err)
		require.Equal(t, body, again)
	})
}

// Of every series the least and the largest value stay, at their places to one
// piece, and gaps stay gaps.
func TestThinKeepsThePeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		points := rapid.IntRange(2, 80).Draw(t, "points")
		thinned := s.Thin(points)
		for i, p := range thinned.Panels {
			before := s.Panels[i].Frame
			require.LessOrEqual(t, p.Frame.Grid.N, max(points, 2))
			for j, series := range p.Frame.Series {
				require.Len(t, series.Values, p.Frame.Grid.N)
				require.Equal(t, extremes(before.Series[j].Values), extremes(series.Values))
				have, _ := before.Series[j].Last(0)
				left, _ := series.Last(0)
				require.Equal(t, IsAbsent(have), IsAbsent(left))
			}
			if n := before.Grid.N; n > 0 {
				require.WithinDuration(t, before.Grid.End(), p.Frame.Grid.End(), 3*p.Frame.Grid.Step)
			}
		}
		require.Equal(t, bitsOf(thinned), bitsOf(thinned.Thin(points)), "thin is thin enough")
		body, err := thinned.Encode()
		require.NoError(t, err)
		_, err = Decode(body)
		require.NoError(t, err)
	})
}

func extremes(values []float64) [2]float64 {
	out := [2]float64{math.Inf(1), math.Inf(-1)}
	for _, v := range values {
		if !math.IsNaN(v) {
			out = [2]float64{min(out[0], v), max(out[1], v)}
		}
	}
	return out
}

// FuzzSnapshot holds that bytes from anywhere are an error or a snapshot that can be
// worked with, and never a panic.
func FuzzSnapshot(f *testing.F) {
	for _, s := range []*Snapshot{shopLike(2, 2, 30, false), shopLike(1, 1, 0, false), {Board: &Board{}}} {
		body, err := s.Encode()
		require.NoError(f, err)
		f.Add(body)
		f.Add(body[:len(body)/2])
	}
	f.Add([]byte("SRS\x02"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Decode(body)
		if err != nil {
			require.ErrorIs(t, err, ErrCodec)
			return
		}
		Signals(s)
		s.Values()
		_, err = s.Thin(60).Encode()
		require.NoError(t, err)
	})
}

// Hostile heads and columns, in the form in which they are packed.
func TestDecodeRefusesHostileSnapshots(t *testing.T) {
	whole := func() headJSON {
		return headJSON{Panels: []json.RawMessage{json.RawMessage(`{"grid":{"n":3,"step":1000},"series":[{}]}`)}}
	}
	column := appendColumn(nil, []float64{1, 2, 3}, appendPlanes)
	_, err := whole().snapshot(column)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		panel   string
		columns []byte
	}{
		"more points than any query has": {`{"grid":{"n":1000000000,"step":1},"series":[{}]}`, column},
		"fewer than none":                {`{"grid":{"n":-1,"step":1},"series":[{}]}`, column},
		"a step of nothing":              {`{"grid":{"n":3,"step":0},"series":[{}]}`, column},
		"a step that overflows":          {`{"grid":{"n":3,"step":9223372036854775807},"series":[{}]}`, column},
		"values that are missing":        {`{"grid":{"n":3,"step":1},"series":[{}]}`, column[:9]},
		"values of nobody":               {`{"grid":{"n":3,"step":1},"series":[]}`, column},
		"a run beyond the end":           {`{"grid":{"n":3,"step":1},"series":[{}]}`, append([]byte{200}, column...)},
		"runs without end":               {`{"grid":{"n":3,"step":1},"series":[{}]}`, bytes.Repeat([]byte{0}, 100)},
		"no panel":                       {`7`, nil},
		"decimals that are cut short":    {`{"grid":{"n":3,"step":1},"series":[{}]}`, []byte("\x03\x81\x02\x041\n2\n")},
		"decimals longer than there is":  {`{"grid":{"n":3,"step":1},"series":[{}]}`, []byte("\x03\x81\x02\xff1\n2\n")},
		"decimals that are none":         {`{"grid":{"n":3,"step":1},"series":[{}]}`, []byte("\x03\x81\x02\x061\nx\n3\n")},
		"a form that nobody knows":       {`{"grid":{"n":3,"step":1},"series":[{}]}`, []byte("\x03\x82\x02\x00")},
	} {
		t.Run(name, func(t *testing.T) {
			h := whole()
			h.Panels[0] = json.RawMessage(c.panel)
			_, err := h.snapshot(c.columns)
			require.Error(t, err)
		})
	}
	many := headJSON{Panels: make([]json.RawMessage, maxPanels+1)}
	_, err = many.snapshot(nil)
	require.ErrorContains(t, err, "panels")
	large := headJSON{}
	for range 10 { // ten thousand series of nothing, of a few bytes each
		large.Panels = append(large.Panels, json.RawMessage(`{"grid":{"n":11000,"step":1},"series":[`+string(bytes.TrimSuffix(bytes.Repeat([]byte("{},"), 1000), []byte(",")))+`]}`))
	}
	var nothing []byte
	gaps := make([]float64, 11000)
	for i := range gaps {
		gaps[i] = Absent()
	}
	for range 10_000 {
		nothing = appendColumn(nothing, gaps, appendDistinct)
	}
	_, err = large.snapshot(nothing)
	require.ErrorContains(t, err, "values", "a few kilobytes do not become a gigabyte")
}

// shopLike is a board of panels with series each: ratios, latencies from buckets,
// counters' rates, memory and figures that stand still, as the lab's board has them;
// with noise every value has all its digits.
func shopLike(panels, series, points int, noise bool) *Snapshot {
	r := rand.New(rand.NewPCG(1, 2))
	g := Grid{Start: time.Unix(1764000000, 0).UTC(), Step: 15 * time.Second, N: points}
	s := &Snapshot{Board: &Board{Name: "shop", Title: "Shop", Range: time.Hour, Refresh: 5 * time.Second}, At: g.Start, Grid: g, Source: "http://127.0.0.1:9090", Frozen: true}
	for i := range panels {
		expr := fmt.Sprintf(`sum by (job) (rate(http_requests_total{panel="%d"}[1m]))`, i)
		p := Panel{Title: fmt.Sprint("panel ", i), Type: TimeSeries, Queries: []Query{{Expr: expr, Legend: "{{job}}"}}, Field: Field{Unit: "s", Thresholds: []Threshold{{0.25, Warn}, {0.5, Crit}}}, Better: Lower, Signal: i < 2}
		d := PanelData{At: g.Start, Frame: Frame{Grid: g, At: g.Start}}
		for j := range series {
			values := make([]float64, points)
			level := float64(40 + 10*j)
			for k := range values {
				level = max(0, level+math.Round(r.NormFloat64()*3))
				switch kind := (i + j) % 5; {
				case noise:
					values[k] = level * (1 + r.Float64()/10)
				case kind == 0:
					values[k] = level / 60 // a rate: whole numbers over a window
				case kind == 1:
					values[k] = level / (level + 400) // a ratio
				case kind == 2:
					values[k] = 0.1 + 0.15*level/100 // a quantile within a bucket
				case kind == 3:
					values[k] = float64(30<<20 + int(level)*4096) // memory
				default:
					values[k] = float64(3 + j%2) // what stands still
				}
			}
			name := fmt.Sprintf("service-%d", j)
			d.Frame.Series = append(d.Frame.Series, Series{Labels: Labels{"job": name, "instance": fmt.Sprintf("10.0.0.%d:8080", j)}, Legend: name, Expr: expr, Values: values})
		}
		s.Board.Panels, s.Panels = append(s.Board.Panels, p), append(s.Panels, d)
	}
	return s
}

// plainJSON is what the codec is measured against: the same, as JSON with gzip.
func plainJSON(t testing.TB, s *Snapshot) int {
	type series struct {
		seriesJSON
		Values []number `json:"values"`
	}
	var all []any
	for i := range s.Panels {
		p := panelOf(&s.Board.Panels[i], &s.Panels[i])
		var list []series
		for j, one := range p.Series {
			values := make([]number, 0, len(s.Panels[i].Frame.Series[j].Values))
			for _, v := range s.Panels[i].Frame.Series[j].Values {
				values = append(values, number(v))
			}
			list = append(list, series{one, values})
		}
		p.Series = nil
		all = append(all, p, list)
	}
	text, err := json.Marshal(all)
	require.NoError(t, err)
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Len()
}

// BenchmarkCodec prints bytes a value, labels and all, beside those of plain JSON
// with gzip. Reach: at most as large. SITREP_SNAPSHOT names a file of Encode's, such
// as the lab's board.
func BenchmarkCodec(b *testing.B) {
	type board struct {
		name string
		s    *Snapshot
	}
	boards := []board{{"board-12x3", shopLike(12, 3, 241, false)}, {"panel-of-50", shopLike(1, 50, 241, false)}, {"panel-of-50-noise", shopLike(1, 50, 241, true)}}
	if file := os.Getenv("SITREP_SNAPSHOT"); file != "" {
		body, err := os.ReadFile(file)
		require.NoError(b, err)
		s, err := Decode(body)
		require.NoError(b, err)
		boards = append(boards, board{filepath.Base(file), s})
	}
	for _, c := range boards {
		b.Run(c.name, func(b *testing.B) {
			var body []byte
			for b.Loop() {
				var err error
				if body, err = c.s.Encode(); err != nil {
					b.Fatal(err)
				}
			}
			_, values := c.s.Values()
			b.ReportMetric(float64(len(body))/float64(values), "B/value")
			b.ReportMetric(float64(plainJSON(b, c.s))/float64(values), "json+gzip-B/value")
			b.ReportMetric(float64(len(body)), "B")
		})
		body, err := c.s.Encode()
		require.NoError(b, err)
		b.Run(c.name+"/decode", func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
