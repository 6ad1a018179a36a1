package query

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// job is one question of a round. An err says that it cannot be asked.
type job struct {
	panel, query int
	ago          time.Duration // of a comparison
	source       string
	from         Source
	expr         string
	grid         Grid // of the panel
	at           time.Time
	instant      bool // asked at that time, and not along the grid
	err          error
}

// part is the answer to one query of a panel.
type part struct {
	panel, query int
	ago          time.Duration
	source       string
	frame        Frame
	err          error
	probe        bool
	took         time.Duration
}

// longestExpr is how long an expression with its values may be: a server would
// refuse it, or work on it for long.
const longestExpr = 256 << 10

// jobs are the questions of the panels that are asked, in their order.
func (r *run) jobs(w window) (all []job) {
	now := r.now()
	for _, i := range r.asked() {
		all = append(all, r.jobsOf(i, w, now)...)
	}
	return all
}

// jobsOf are those of one panel.
func (r *run) jobsOf(i int, w window, now time.Time) (all []job) {
	b := r.showing.board
	p := &b.Panels[i]
	least, err := p.leastStep()
	for q := range p.Queries {
		one := &p.Queries[q]
		if one.Hidden {
			continue
		}
		j := job{panel: i, query: q, source: b.sourceOf(p, one), instant: one.Instant, err: err}
		if from, err := r.named(j.source); err != nil {
			j.err = err
		} else {
			j.from = from
		}
		if name := r.showing.missing[place{i, q}]; name != "" {
			j.err = r.variable.without(r.base, name)
		}
		end := cmp.Or(w.end, server(j.from, now)).Add(-p.Shift.D())
		j.at, j.grid = end, alignLeast(end, cmp.Or(p.LastSpan.D(), w.span), w.columns, least)
		all = append(all, r.asking(j, one.Expr))
		if one.Instant || p.Type != TimeSeries {
			continue
		}
		for _, ago := range p.Compare {
			past := j
			past.ago = ago.D().Round(j.grid.Step)
			if past.ago > 0 { // else it were the answer itself
				past.ago = max(past.ago, j.grid.Step)
				past.grid.Start = j.grid.Start.Add(-past.ago)
				all = append(all, r.asking(past, one.Expr))
			}
		}
	}
	return all
}

// asking is a job with its expression, as it is sent.
func (r *run) asking(j job, expr string) job {
	j.expr = Interpolate(expr, Window{
		Step: j.grid.Step, Span: j.grid.Span(), Scrape: cmp.Or(r.scrapes[j.source].of(expr), r.Scrape), End: j.grid.End(),
	})
	if j.err == nil && len(j.expr) > longestExpr {
		j.err = fmt.Errorf("with the values of its variables the expression is %d KiB long: choose fewer, or give the variable an all_value", len(j.expr)>>10)
	}
	return j
}

// sourceOf is where a query of a panel is asked.
func (b *Board) sourceOf(p *Panel, q *Query) string {
	name := cmp.Or(q.Source, p.Source, b.Source)
	if name == mainSource {
		return ""
	}
	return name
}

// SourceOf is where a query of a panel is asked, by its name, with these values of the
// board's variables; empty for the first.
func (b *Board) SourceOf(p *Panel, q *Query, c Choices) string {
	if name := c.Title(cmp.Or(q.Source, p.Source, b.Source)); name != mainSource {
		return name
	}
	return ""
}

// basisOf tells the questions of a panel from those that it had before.
func basisOf(p *Panel) string {
	var all strings.Builder
	for i := range p.Queries {
		q := &p.Queries[i]
		fmt.Fprintf(&all, "%s\x00%s\x00%s\x00", q.Expr, q.Source, p.Source)
	}
	return all.String()
}

// leastStep is the finest step that the panel or a query of it allows: they share
// a time axis.
func (p *Panel) leastStep() (least time.Duration, err error) {
	texts := []string{p.MinStep}
	for i := range p.Queries {
		if !p.Queries[i].Hidden {
			texts = append(texts, p.Queries[i].MinStep)
		}
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		d, err := strictyaml.ParseDuration(text)
		if err != nil || d < 0 || d > longestRange {
			return 0, fmt.Errorf("min_step %q is no duration such as 30s", cut(oneLine(text), maxLegend))
		}
		least = max(least, d)
	}
	return least, nil
}

// deputise notes who answered in a source's place.
func (f *Frame) deputise(from any, expr string) {
	if d, ok := from.(interface {
		StandIn(expr string) (short, whole string)
	}); ok {
		if short, whole := d.StandIn(expr); short != "" {
			f.StandIn, f.Infos = short, append(f.Infos, whole)
		}
	}
}

// instanter answers queries at one time, as a Client does.
type instanter interface {
	Instant(ctx context.Context, expr string, at time.Time) (samples []Sample, warnings []string, err error)
}

// ask asks and always answers, within the deadline.
func (j *job) ask(ctx context.Context, within time.Duration) part {
	a := part{panel: j.panel, query: j.query, ago: j.ago, source: j.source, err: j.err}
	if a.err != nil {
		return a
	}
	if a.err = ctx.Err(); a.err != nil {
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	if j.instant {
		a.frame, a.err = j.now(ctx)
	} else {
		a.frame, a.err = j.from.Range(ctx, j.expr, j.grid)
	}
	a.took = time.Since(began)
	return a
}

// now asks for the value at one time, as a frame of one point.
func (j *job) now(ctx context.Context) (Frame, error) {
	one := Grid{Start: j.at.UTC().Truncate(time.Millisecond), Step: j.grid.Step, N: 1}
	from, ok := j.from.(instanter)
	if !ok {
		return j.from.Range(ctx, j.expr, one)
	}
	samples, warnings, err := from.Instant(ctx, j.expr, one.Start)
	if err != nil {
		return Frame{}, err
	}
	f := FrameOf(samples, j.expr)
	f.Grid, f.Warnings = one, warnings
	f.deputise(j.from, j.expr)
	if len(samples) > maxRangeSeries {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d series: only %d are shown; aggregate or select fewer", len(samples), maxRangeSeries))
		f.Series = f.Series[:maxRangeSeries]
	}
	return f, nil
}
