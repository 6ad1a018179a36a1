package pane

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// A run is drawn as a board is: its seconds are series, so that charts, legends and heat maps
// are those that a person knows.

// loadSeries makes one series of the seconds of a run.
type loadSeries struct {
	legend string
	value  func(*loadtest.Second) float64
}

// LoadBoard is a run that began at start as a board: rate, response times, those as a heat
// map, errors by class, what is in flight. A second without an answer has no response time.
func LoadBoard(start, at time.Time, seconds []loadtest.Second) *query.Snapshot {
	grid := query.Grid{Start: start.Truncate(time.Second), Step: time.Second}
	if n := len(seconds); n > 0 {
		grid.Start = grid.Start.Add(time.Duration(seconds[0].Second) * time.Second)
		grid.N = seconds[n-1].Second - seconds[0].Second + 1
	}
	b := loadBoard{grid: grid, at: at, seconds: seconds, board: &query.Board{Name: "load", Title: "load", Refresh: time.Second}}
	b.add(query.Panel{Title: "rate", Field: query.Field{Unit: "reqps", Min: new(float64)}}, []loadSeries{
		{"asked", func(s *loadtest.Second) float64 { return s.Requested }},
		{"sent", func(s *loadtest.Second) float64 { return float64(s.Sent) }},
		{"ok", func(s *loadtest.Second) float64 { return float64(s.OK()) }},
	})
	latency := func(of func(loadtest.Latency) time.Duration) func(*loadtest.Second) float64 {
		return func(s *loadtest.Second) float64 {
			if s.Requests == 0 {
				return query.Absent()
			}
			return of(s.Latency).Seconds()
		}
	}
	b.add(query.Panel{Title: "response time", Log: 10, Field: query.Field{Unit: "s"}}, []loadSeries{
		{"p50", latency(func(l loadtest.Latency) time.Duration { return l.P50 })},
		{"p90", latency(func(l loadtest.Latency) time.Duration { return l.P90 })},
		{"p95", latency(func(l loadtest.Latency) time.Duration { return l.P95 })},
		{"p99", latency(func(l loadtest.Latency) time.Duration { return l.P99 })},
		{"max", latency(func(l loadtest.Latency) time.Duration { return l.Max })},
	})
	b.heat()
	b.add(query.Panel{Title: "errors", Field: query.Field{Unit: "reqps", Min: new(float64)}}, b.classes())
	b.add(query.Panel{Title: "in flight", Field: query.Field{Unit: "short", Min: new(float64)}}, []loadSeries{
		{"in flight", func(s *loadtest.Second) float64 { return float64(s.InFlight) }},
		{"connections", func(s *loadtest.Second) float64 { return float64(s.Connections) }},
	})
	return &query.Snapshot{Board: b.board, Panels: b.panels, At: at, Grid: grid, Source: "sitrep"}
}

// The panels of LoadBoard, in their order.
const (
	loadRate = iota
	loadLatency
	loadHeat
	loadErrors
	loadInFlight
)

// loadBoard is a board that is being made.
type loadBoard struct {
	grid    query.Grid
	at      time.Time
	seconds []loadtest.Second
	board   *query.Board
	panels  []query.PanelData
}

func (b *loadBoard) add(p query.Panel, of []loadSeries) {
	p.Type = cmpType(p.Type)
	f := query.Frame{Grid: b.grid, At: b.at}
	for _, s := range of {
		values := make([]float64, b.grid.N)
		for i := range values {
			values[i] = query.Absent()
		}
		for i := range b.seconds {
			if k := b.seconds[i].Second - b.seconds[0].Second; k >= 0 && k < len(values) {
				values[k] = s.value(&b.seconds[i])
			}
		}
		labels := query.Labels{"le": s.legend}
		if p.Type != query.Heatmap {
			labels = nil
		}
		f.Series = append(f.Series, query.Series{Legend: s.legend, Labels: labels, Values: values})
	}
	b.board.Panels = append(b.board.Panels, p)
	b.panels = append(b.panels, query.PanelData{Frame: f, At: b.at})
}

func cmpType(t query.PanelType) query.PanelType {
	if t == "" {
		return query.TimeSeries
	}
	return t
}

// heat adds the heat map: the rows between the shortest and the longest response time of
// the run, counted up as Prometheus' buckets are.
func (b *loadBoard) heat() {
	var all loadtest.Heat
	for i := range b.seconds {
		for row, n := range b.seconds[i].Heat {
			all[row] += n
		}
	}
	from := slices.IndexFunc(all[:], func(n int64) bool { return n > 0 })
	var rows []loadSeries
	for row := max(from, 0); row < len(all); row++ {
		if from < 0 || !slices.ContainsFunc(all[row:], func(n int64) bool { return n > 0 }) {
			break
		}
		le := "+Inf"
		if bound := loadtest.HeatBound(row); bound < math.MaxInt64 {
			le = strconv.FormatFloat(bound.Seconds(), 'g', -1, 64)
		}
		rows = append(rows, loadSeries{le, func(s *loadtest.Second) float64 {
			var n int64
			for _, count := range s.Heat[:row+1] {
				n += count
			}
			return float64(n)
		}})
	}
	b.add(query.Panel{Title: "response times", Type: query.Heatmap, Queries: []query.Query{{}}, Field: query.Field{Unit: "s"}}, rows)
}

// classes are the classes of errors that the run had, or that it had none.
func (b *loadBoard) classes() (out []loadSeries) {
	known := map[loadtest.Class]bool{}
	for i := range b.seconds {
		for c := range b.seconds[i].ErrorsByClass {
			known[c] = true
		}
	}
	for _, c := range slices.Sorted(maps.Keys(known)) {
		out = append(out, loadSeries{string(c), func(s *loadtest.Second) float64 { return float64(s.ErrorsByClass[c].Count) }})
	}
	if len(out) == 0 {
		out = append(out, loadSeries{"none", func(s *loadtest.Second) float64 { return float64(s.Errors) }})
	}
	return out
}

// LoadCharts are the charts of a run as plain text of a width.
func LoadCharts(r *loadtest.Result, width int, th *theme.Theme) string {
	end := r.StartedAt
	if n := len(r.Seconds); n > 0 {
		end = end.Add(time.Duration(r.Seconds[n-1].Second+1) * time.Second)
	}
	w := &World{Board: LoadBoard(r.StartedAt, end, r.Seconds)}
	w.Board.Frozen = true
	s := &Screen{World: w, Now: end, Zone: time.UTC}
	var p panels
	var b strings.Builder
	p.take(s)
	for i, height := range []int{8, 11, 12, 7, 7} {
		if i == loadErrors && r.Errors == 0 {
			continue
		}
		f := frame.New(width, height, th)
		p.draw(f, i, s, time.Time{}, &look{})
		b.WriteString(trimmed(f.Plain()))
		b.WriteString("\n")
	}
	return b.String()
}

// trimmed is text without the blanks at the ends of its lines.
func trimmed(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// Beside adds the panels of a run's target, as they answered, to its board: on its time, so
// that what stands above each other happened at once. Panels without a series are left out, and
// of those whose queries are not about the service alone, the series of others.
func Beside(course, target *query.Snapshot, service string) {
	for i := range min(len(target.Board.Panels), len(target.Panels)) {
		p, d := target.Board.Panels[i], target.Panels[i]
		switch p.Type {
		case query.Stat, query.Gauge, query.BarGauge, query.TopN, query.TimeSeries, "":
			p.Type = query.TimeSeries
		default:
			continue
		}
		d.Frame = onGrid(d.Frame, course.Grid, service)
		if len(d.Frame.Series) == 0 {
			continue
		}
		course.Board.Panels = append(course.Board.Panels, p)
		course.Panels = append(course.Panels, d)
	}
}

// onGrid is the frame on another grid: at each of its points the newest value at or before it
// that is no older than a step.
func onGrid(f query.Frame, grid query.Grid, service string) query.Frame {
	from := f.Grid
	series := f.Series
	f.Series, f.Grid = nil, grid
	for _, s := range series {
		if of := s.Labels["service"]; service != "" && of != "" && of != service {
			continue
		}
		values, some := make([]float64, grid.N), false
		for i := range values {
			values[i] = query.Absent()
			if k := from.Index(grid.Time(i)); k >= 0 && k < len(s.Values) {
				values[i] = s.Values[k]
				some = some || !query.IsAbsent(values[i])
			}
		}
		if some {
			s.Values, s.Histograms, s.Now = values, nil, query.Point{}
			f.Series = append(f.Series, s)
		}
	}
	return f
}
