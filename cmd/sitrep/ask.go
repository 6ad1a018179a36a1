package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// asking is how the command query asks, and what it does with the answer.
type asking struct {
	span, step        string
	whom              answerer
	explain, csv, url bool
}

// answerer is whom a question goes to, and of when.
type answerer struct{ source, incident, at string }

// client is whom it goes to, and the time that is meant: that of the last sample with
// an incident, else now.
func (q answerer) client(ctx context.Context, a *app) (client *query.Client, end time.Time, err error) {
	switch {
	case q.incident != "" && q.source != "":
		return nil, end, usage("--incident asks the store: leave out --source")
	case q.incident != "":
		return q.recorded(ctx, a)
	default:
		client, err = a.server(ctx, q.source)
		end = time.Now()
	}
	if err == nil && q.at != "" {
		if end, err = momentOrAgo(q.at, end); err != nil {
			return nil, end, usage("--at: %q is neither a time such as 2026-11-27T14:05:00Z nor so long before, such as 15m or now-15m", q.at)
		}
	}
	return client, end, err
}

// looksBack is how old a sample may be that answers, as Prometheus has it.
const looksBack = 5 * time.Minute

// recorded is what was recorded with the incident, and the time that is meant.
func (q answerer) recorded(ctx context.Context, a *app) (client *query.Client, end time.Time, err error) {
	r, err := a.recorded(ctx, q.incident)
	if err != nil {
		return nil, end, err
	}
	end = r.to
	if q.at != "" {
		if end, err = momentOrAgo(q.at, end); err != nil {
			return nil, end, usage("--at: %q is neither a time such as 2026-11-27T14:05:00Z nor so long before, such as 15m or now-15m", q.at)
		}
	}
	if err := r.covers(end.Add(-looksBack), end); err != nil {
		return nil, end, err
	}
	fmt.Fprintf(a.stderr, "sitrep: asked of %s: %s of samples, %s\n", r.name(), count(r.samples, "value"), r.stretch())
	return r.client, end, nil
}

func (a *app) queryCommand() *cobra.Command {
	var q asking
	c := &cobra.Command{
		Use: "query EXPR", Short: "ask Prometheus", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.query(cmd.Context(), args[0], q)
		},
	}
	c.Long = "Asks Prometheus. --explain takes the expression apart and says how many series each part of it gives: an empty part\n" +
		"above one that is not is where an empty answer comes from. --csv writes every value, a line each; --url only the\n" +
		"address of the server's own page about it. What is doubtful about the expression is said on stderr.\n" +
		"--incident asks the samples that sitrep scraped itself during that incident and kept with it, however long ago."
	c.Flags().StringVar(&q.span, "range", "", "how far back, such as 1h (default: the value now)")
	c.Flags().StringVar(&q.step, "step", "30s", "distance of the points")
	c.Flags().StringVar(&q.whom.source, "source", "", "a server of the section sources, by name, or checks (default: prometheus)")
	c.Flags().StringVar(&q.whom.incident, "incident", "", "ask what was recorded with incident `ID`")
	c.Flags().StringVar(&q.whom.at, "at", "", "the value at this time, or the end of --range (RFC 3339, or now-15m)")
	c.Flags().BoolVar(&q.explain, "explain", false, "its parts, with how many series each gives now")
	c.Flags().BoolVar(&q.csv, "csv", false, "series, time, value")
	c.Flags().BoolVar(&q.url, "url", false, "the server's page about it; nothing is asked")
	c.MarkFlagsMutuallyExclusive("explain", "csv", "url")
	return c
}

func (a *app) query(ctx context.Context, expr string, q asking) error {
	length, _, err := q.stretch()
	if err != nil {
		return err
	}
	client, now, err := q.whom.client(ctx, a)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	for _, w := range query.Lint(expr) {
		fmt.Fprintf(a.stderr, "sitrep: %s: %s\n", w.Rule, sanitise(w.Message))
	}
	if q.url {
		_, err := fmt.Fprintln(a.stdout, query.PageURL(client.URL(), expr, length, time.Time{}))
		return err
	}
	err = a.ask(ctx, client, expr, q, now)
	if !gone(err) || q.whom != (answerer{}) {
		return err
	}
	if length > 0 {
		return withCode(exitInconclusive, fmt.Errorf("%w; of a range nothing can be known without it (an open sitrep, or sitrep daemon, goes on and shows it)", err))
	}
	instead, err := a.insteadOf(ctx, client, err)
	if err != nil {
		return err
	}
	return a.ask(ctx, instead, expr, q, time.Now())
}

// ask asks one client.
func (a *app) ask(ctx context.Context, client *query.Client, expr string, q asking, now time.Time) error {
	length, distance, err := q.stretch()
	if err != nil {
		return err
	}
	if err := a.unknowable(expr); err != nil {
		return err
	}
	switch {
	case q.explain:
		return a.explainQuery(ctx, client, expr, length, now)
	case q.csv:
		return a.queryCSV(ctx, client, expr, length, distance, now)
	case length == 0 && !a.flags.json:
		return a.queryNow(ctx, client, expr, now)
	}
	data, warnings, err := client.Data(ctx, expr, now.Add(-length), now, distance)
	if err != nil {
		return withCode(exitInconclusive, err)
	}
	a.warn(warnings)
	return a.print(data)
}

// stretch is the stretch that is asked about and the distance of its points; both are
// 0 for the value now.
func (q asking) stretch() (length, distance time.Duration, err error) {
	if q.span == "" {
		return 0, 0, nil
	}
	if length, err = strictyaml.ParseDuration(q.span); err != nil {
		return 0, 0, usage("--range: %w", err)
	}
	if distance, err = strictyaml.ParseDuration(q.step); err != nil || distance <= 0 {
		return 0, 0, usage("--step: %q is not a step such as 30s", q.step)
	}
	return length, distance, nil
}

func (a *app) queryNow(ctx context.Context, client *query.Client, expr string, now time.Time) error {
	samples, warnings, err := client.Instant(ctx, expr, now)
	if err != nil {
		return withCode(exitInconclusive, err)
	}
	a.warn(warnings)
	rows := make([][]string, 0, len(samples))
	for _, s := range samples {
		rows = append(rows, []string{s.Labels.String(), s.Words("short")})
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.stderr, "sitrep: no data (--explain says which part of it has none)")
	}
	return table(a.stdout, rows)
}

func (a *app) queryCSV(ctx context.Context, client *query.Client, expr string, length, distance time.Duration, now time.Time) error {
	found := query.Findings{At: now}
	var err error
	if length > 0 {
		n := int(length/distance) + 1
		end := now.Truncate(distance)
		found.Frame, err = client.Range(ctx, expr, query.Grid{Start: end.Add(-time.Duration(n-1) * distance), Step: distance, N: n})
		found.Warnings = found.Frame.Warnings
	} else {
		found.Samples, found.Warnings, err = client.Instant(ctx, expr, now)
	}
	if err != nil {
		return withCode(exitInconclusive, err)
	}
	a.warn(found.Warnings)
	return found.WriteCSV(a.stdout)
}

// partView is one part of an expression.
type partView struct {
	Depth   int      `json:"depth"`
	What    string   `json:"what"`
	Expr    string   `json:"expr"`
	Type    string   `json:"type"`
	Asked   bool     `json:"asked"`
	Series  int      `json:"series"`
	Value   *float64 `json:"value,omitempty"`
	Seconds float64  `json:"took_seconds"`
	Error   string   `json:"error,omitempty"`
}

func (a *app) explainQuery(ctx context.Context, client *query.Client, expr string, length time.Duration, now time.Time) error {
	w := query.Question{Expr: expr, Span: length, Columns: 240}.Window(now)
	parts, err := query.Explain(ctx, client, expr, w, now)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if len(parts) > 0 && gone(parts[0].Err) {
		return withCode(exitInconclusive, parts[0].Err)
	}
	views := []partView{}
	rows := [][]string{{"SERIES", "TOOK", "PART", "EXPRESSION"}}
	failed := true
	for _, p := range parts {
		v := partView{Depth: p.Depth, What: p.What, Expr: p.Expr, Type: p.Type, Asked: p.Asked, Series: p.Series, Seconds: p.Took.Seconds()}
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			v.Value = &p.Value
		}
		row := []string{fmt.Sprint(p.Series), p.Took.Round(time.Millisecond).String(), strings.Repeat("  ", p.Depth) + p.What, p.Expr}
		switch {
		case p.Err != nil:
			v.Error, row[0], row[3] = p.Err.Error(), "error", p.Err.Error()
		case !p.Asked:
			row[0], row[1] = "not asked", "-"
		case v.Value != nil:
			row[0] = query.FormatValue("short", p.Value)
			failed = false
		default:
			failed = false
		}
		views, rows = append(views, v), append(rows, row)
	}
	if a.flags.json {
		err = a.print(views)
	} else {
		err = table(a.stdout, rows)
	}
	if err == nil && failed && len(parts) > 0 {
		for _, p := range parts {
			if p.Err != nil {
				return withCode(exitInconclusive, p.Err)
			}
		}
	}
	return err
}
