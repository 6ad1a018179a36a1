package loadtest

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

//go:embed report.html
var reportHTML string

// WriteHTML writes the run as one page that needs nothing else: charts are drawn in it,
// there is no script. Whatever came from outside is escaped.
func (r Result) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Parse(reportHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, r.page())
}

// The layout of a chart, in the units of its drawing.
const (
	chartLeft, chartRight, chartTop = 64.0, 792.0, 8.0
	chartPlain, chartTall           = 150.0, 220.0 // heights
	chartBelow                      = 20.0         // for times
	mostPoints                      = 600
	mostCells                       = 180
)

// page is what report.html draws.
type page struct {
	R                  Result
	Started, Length    string
	From               string // what the latencies are measured from
	Totals, Thresholds []pageRow
	Latencies, Stages  []pageRow
	Errors             []pageRow
	Charts             []pageChart
}

type pageRow struct {
	Name, Value, Note, Class string
	Values                   []string
}

// pageChart is a chart with what is drawn in it; At of Rows is down, of Columns across.
type pageChart struct {
	Title         string
	Height        float64
	Rows, Columns []pageTick
	Lines         []pageLine
	Cells         []pageCell
}

type pageTick struct {
	At    float64
	Label string
	down  float64
}

type pageLine struct{ Name, Ink, Points string }

type pageCell struct{ X, Y, W, H, Ink float64 }

// Below is where the label of a time stands.
func (p page) Below(t pageTick) float64 { return t.down }

func (r Result) page() page {
	p := page{R: r, From: r.measuredFrom(), Started: r.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC"), Length: strictyaml.FormatDuration(time.Duration(r.DurationSeconds * 1e9).Round(time.Second))}
	for _, t := range r.totalRows() {
		p.Totals = append(p.Totals, pageRow{Name: t[0], Value: t[1], Note: t[2]})
	}
	for _, l := range r.latencyRows() {
		p.Latencies = append(p.Latencies, pageRow{Name: l.name, Values: []string{short(l.l.P50), short(l.l.P90), short(l.l.P95), short(l.l.P99), short(l.l.P999), short(l.l.Max), short(l.l.Mean)}})
	}
	for _, t := range r.Thresholds {
		class := "fail"
		if t.OK {
			class = "pass"
		}
		p.Thresholds = append(p.Thresholds, pageRow{Name: t.Expr, Value: t.measured(r.Requests), Class: class})
	}
	if len(r.Stages) > 1 {
		for i, s := range r.Stages {
			p.Stages = append(p.Stages, pageRow{Name: fmt.Sprint(i + 1), Values: []string{
				fmt.Sprintf("%.1f/s", s.RequestedRate), fmt.Sprintf("%.1f/s", s.AchievedRate), grouped(s.Requests), percent(s.ErrorRatio), short(s.Latency.P50), short(s.Latency.P99),
			}})
		}
	}
	for _, c := range slices.Sorted(maps.Keys(r.ErrorsByClass)) {
		p.Errors = append(p.Errors, pageRow{Name: string(c), Value: grouped(r.ErrorsByClass[c].Count), Note: r.ErrorsByClass[c].Sample})
	}
	if len(r.Seconds) > 0 {
		p.Charts = r.pageCharts()
	}
	return p
}

// curve is one line of a chart: what a second is worth, NaN for nothing.
type curve struct {
	name  string
	value func(Second) float64
}

func (r Result) pageCharts() []pageChart {
	latency := func(of func(Latency) time.Duration) func(Second) float64 {
		return func(s Second) float64 {
			if s.Requests == 0 {
				return math.NaN()
			}
			return of(s.Latency).Seconds()
		}
	}
	charts := []pageChart{
		r.lines("rate, per second", false, plot.SI, []curve{
			{"asked", func(s Second) float64 { return s.Requested }},
			{"sent", func(s Second) float64 { return float64(s.Sent) }},
			{"ok", func(s Second) float64 { return float64(s.OK()) }},
		}),
		r.lines("response time", true, plot.Seconds, []curve{
			{"p50", latency(func(l Latency) time.Duration { return l.P50 })},
			{"p90", latency(func(l Latency) time.Duration { return l.P90 })},
			{"p95", latency(func(l Latency) time.Duration { return l.P95 })},
			{"p99", latency(func(l Latency) time.Duration { return l.P99 })},
			{"max", latency(func(l Latency) time.Duration { return l.Max })},
		}),
		r.heatChart(),
	}
	var failed []curve
	for _, c := range slices.Sorted(maps.Keys(classes(r.Seconds))) {
		failed = append(failed, curve{string(c), func(s Second) float64 { return float64(s.ErrorsByClass[c].Count) }})
	}
	if len(failed) > 0 {
		charts = append(charts, r.lines("errors, per second", false, plot.SI, failed))
	}
	return append(charts, r.lines("in flight, at the end of each second", false, plot.SI, []curve{
		{"in flight", func(s Second) float64 { return float64(s.InFlight) }},
		{"connections", func(s Second) float64 { return float64(s.Connections) }},
	}))
}

// span is the seconds from the first to after the last.
func (r Result) span() (from, to int) {
	return r.Seconds[0].Second, r.Seconds[len(r.Seconds)-1].Second + 1
}

// blank is a chart with its times.
func (r Result) blank(title string, height float64) pageChart {
	c := pageChart{Title: title, Height: height + chartTop + chartBelow}
	from, to := r.span()
	begin := r.StartedAt.Add(time.Duration(from) * time.Second)
	axis := plot.Times(begin, begin.Add(time.Duration(to-from)*time.Second), 8, time.UTC)
	for _, t := range axis.Ticks {
		c.Columns = append(c.Columns, pageTick{across(t.Sub(begin).Seconds(), float64(to-from)), axis.Label(t), c.Height - 4})
	}
	return c
}

// across is where so many seconds of a length are.
func across(at, length float64) float64 {
	return round1(chartLeft + (chartRight-chartLeft)*at/max(length, 1))
}

func round1(v float64) float64 { return math.Round(v*10) / 10 }

// lines is a chart of curves. Of more seconds than it has room for each point is the
// greatest of its stretch: nothing bad is smoothed away.
func (r Result) lines(title string, log bool, label func(float64) string, curves []curve) pageChart {
	c := r.blank(title, chartPlain)
	from, to := r.span()
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range curves {
		for _, s := range r.Seconds {
			if v := l.value(s); !math.IsNaN(v) && (!log || v > 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	var ticks []float64
	if log = log && lo < hi; log {
		ticks = plot.LogTicks(lo, hi, 6)
	} else {
		lo, hi, ticks = plot.Axis(min(lo, 0), hi, 5)
	}
	down := func(v float64) float64 {
		share := (v - lo) / (hi - lo)
		if log {
			share = math.Log(max(v, lo)/lo) / math.Log(hi/lo)
		}
		return round1(chartTop + chartPlain*(1-share))
	}
	for _, t := range ticks {
		c.Rows = append(c.Rows, pageTick{At: down(t), Label: label(t)})
	}
	inks := [...]string{"#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#56b4e9", "#888888"}
	for i, l := range curves {
		points := r.points(l, func(s int, v float64) string {
			return fmt.Sprintf("%g,%g", across(float64(s-from)+0.5, float64(to-from)), down(v))
		})
		c.Lines = append(c.Lines, pageLine{l.name, inks[i%len(inks)], points})
	}
	return c
}

// points writes a curve with at most mostPoints points.
func (r Result) points(l curve, at func(second int, v float64) string) string {
	var out []string
	every := (len(r.Seconds) + mostPoints - 1) / mostPoints
	for part := range slices.Chunk(r.Seconds, max(every, 1)) {
		most := math.NaN()
		for _, s := range part {
			if v := l.value(s); !math.IsNaN(v) && !(v < most) {
				most = v
			}
		}
		if !math.IsNaN(most) {
			out = append(out, at(part[0].Second, most))
		}
	}
	return strings.Join(out, " ")
}

// heatChart is how many took how long, over time.
func (r Result) heatChart() pageChart {
	c := r.blank("response times, the darker the more", chartTall)
	from, to := r.span()
	columns := min(to-from, mostCells)
	cells := make([]Heat, columns)
	var all Heat
	for i := range r.Seconds {
		s := &r.Seconds[i]
		cells[(s.Second-from)*columns/(to-from)].add(&s.Heat)
		all.add(&s.Heat)
	}
	first := slices.IndexFunc(all[:], func(n int64) bool { return n > 0 })
	if first < 0 {
		return c
	}
	last := len(all) - 1
	for all[last] == 0 {
		last--
	}
	height := chartTall / float64(last-first+1)
	y := func(row int) float64 { return round1(chartTop + height*float64(last-row)) }
	most := int64(1)
	for i := range cells {
		most = max(most, slices.Max(cells[i][:]))
	}
	width := (chartRight - chartLeft) / float64(columns)
	for row := first; row <= last; row++ {
		if label := "longer"; row%3 == 0 || last-first < 9 {
			if bound := HeatBound(row); bound < math.MaxInt64 {
				label = plot.Seconds(bound.Seconds())
			}
			c.Rows = append(c.Rows, pageTick{At: y(row), Label: label})
		}
		for k := range cells {
			if n := cells[k][row]; n > 0 {
				ink := 0.1 + 0.9*math.Log1p(float64(n))/math.Log1p(float64(most))
				c.Cells = append(c.Cells, pageCell{round1(chartLeft + width*float64(k)), y(row), round1(width + 0.2), round1(height), math.Round(ink*100) / 100})
			}
		}
	}
	return c
}
