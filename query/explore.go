package query

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Question is one expression asked by a person, macros included.
type Question struct {
	Expr    string
	Span    time.Duration // 0: its value at End
	Columns int           // how many values a series is worth, with Span
	End     time.Time     // zero: now
	Scrape  time.Duration // interval of the scrapes; 0 = 15 s
}

// Grid is that of a question about a range.
func (q Question) Grid(now time.Time) Grid {
	if !q.End.IsZero() {
		now = q.End
	}
	return Align(now, q.Span, max(q.Columns, 2))
}

// Window is what the macros in the question stand for.
func (q Question) Window(now time.Time) Window {
	if q.Span <= 0 {
		return Window{Step: 15 * time.Second, Span: time.Hour, Scrape: q.Scrape}
	}
	g := q.Grid(now)
	return Window{Step: g.Step, Span: g.Span(), Scrape: q.Scrape}
}

// Findings answer a Question: Samples of one about a moment, a Frame of one about a
// range.
type Findings struct {
	Question Question
	Sent     string // the expression without macros
	At       time.Time
	Samples  []Sample
	Frame    Frame
	Warnings []string
	Took     time.Duration
}

// Asker answers both kinds of questions; Client does.
type Asker interface {
	Source
	Instants
}

// Find asks a question.
func Find(ctx context.Context, ask Asker, q Question, now time.Time) (Findings, error) {
	if fault := CheckExpr(q.Expr); fault != nil {
		return Findings{}, fault
	}
	f := Findings{Question: q, Sent: Interpolate(q.Expr, q.Window(now)), At: now}
	if !q.End.IsZero() {
		f.At = q.End
	}
	began := time.Now()
	var err error
	if q.Span > 0 {
		if f.Frame, err = ask.Range(ctx, f.Sent, q.Grid(now)); err == nil {
			f.Warnings = slices.Concat(f.Frame.Warnings, f.Frame.Infos)
			template := "__auto"
			if len(f.Frame.Series) == 1 {
				template = ""
			}
			setLegends(template, f.Sent, f.Frame.Series)
		}
	} else {
		f.Samples, f.Warnings, err = ask.Instant(ctx, f.Sent, f.At)
		var said Frame
		said.deputise(ask, f.Sent)
		f.Warnings = append(f.Warnings, said.Infos...)
	}
	f.Took = time.Since(began)
	return f, err
}

// WriteCSV writes a line a value: labels, time, value; that of a native histogram is
// its String.
func (f *Findings) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	errs := []error{out.Write([]string{"series", "time", "value"})}
	line := func(l Labels, at time.Time, x cell) {
		errs = append(errs, out.Write([]string{l.String(), at.UTC().Format(time.RFC3339Nano), x.text()}))
	}
	for _, s := range f.Samples {
		line(s.Labels, s.At, cell{s.Value, s.Histogram})
	}
	for _, s := range f.Frame.Series {
		for i := range s.Values {
			if s.Knows(i) {
				line(s.Labels, f.Frame.Grid.Time(i), s.cell(i))
			}
		}
	}
	out.Flush()
	return errors.Join(append(errs, out.Error())...)
}

// PageURL is the page of a Prometheus server that shows an expression; with a span
// its graph.
func PageURL(server, expr string, span time.Duration, end time.Time) string {
	args := url.Values{"g0.expr": {expr}, "g0.tab": {"1"}}
	if span > 0 {
		args.Set("g0.tab", "0")
		args.Set("g0.range_input", model.Duration(span.Round(time.Second)).String())
	}
	if !end.IsZero() {
		args.Set("g0.end_input", end.UTC().Format("2006-01-02 15:04:05"))
		args.Set("g0.moment_input", end.UTC().Format("2006-01-02 15:04:05"))
	}
	return strings.TrimRight(server, "/") + "/graph?" + args.Encode()
}
