package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/query"
)

func (a *app) boardCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE|NAME", Short: "read a board and ask all its queries: which fail, which give nothing", Args: cobra.ExactArgs(1),
		Long: "Read a board and ask all its queries, with the first values of its variables. The exit code is 3 if a query fails,\n" +
			"5 if Prometheus cannot be reached, and 2 if the board cannot be read.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.checkBoard(cmd.Context(), args[0]) },
	}
}

// The states of a query that was asked.
const (
	queryOK      = "ok"
	queryEmpty   = "empty"
	queryFailing = "failing"
	queryUnknown = "unknown" // it looks back, and there is only this moment
)

// checkedQuery is what came of one query of a board.
type checkedQuery struct {
	Panel    string   `json:"panel"`
	Ref      string   `json:"ref"`
	State    string   `json:"state"`
	Series   int      `json:"series"`
	Query    string   `json:"query"` // as it was sent
	Error    string   `json:"error,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Unfit    string   `json:"unfit,omitempty"` // what the panel cannot draw of the answer, and what to write
	Seconds  float64  `json:"seconds"`
}

// checkedBoard is what came of a board.
type checkedBoard struct {
	Board     string         `json:"board"`
	Panels    int            `json:"panels"`
	Signals   int            `json:"signals"`
	OK        int            `json:"ok"`
	Empty     int            `json:"empty"`
	Failing   int            `json:"failing"`
	Unknown   int            `json:"unknown"`
	Variables []string       `json:"variables"` // what is wrong with them
	Queries   []checkedQuery `json:"queries"`
}

func (a *app) checkBoard(ctx context.Context, which string) error {
	b, err := a.oneBoard(which)
	if err != nil {
		return err
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	if _, err := client.Ready(ctx); err != nil {
		if client, err = a.insteadOf(ctx, client, err); err != nil {
			return withCode(exitInconclusive, fmt.Errorf("%s can be read (%d panels, %d of them signals), but its queries cannot be asked: %w", which, len(b.Panels), len(signalsOf(b).Panels), err))
		}
	}
	servers, err := a.boardServers(ctx, client, &b)
	if err != nil {
		return err
	}
	got := askBoard(ctx, servers, &b, time.Now(), a.unknowableOf)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := a.printChecked(got); err != nil {
		return err
	}
	for _, w := range b.Lint() {
		fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(w.Message))
	}
	if got.Failing > 0 {
		return withCode(exitNotHeld, fmt.Errorf("board %s: %d of %d queries fail", b.Name, got.Failing, len(got.Queries)))
	}
	if got.Unknown > 0 {
		return withCode(exitInconclusive, fmt.Errorf("board %s: %d of %d queries look back, and the targets were scraped once: what they give cannot be known", b.Name, got.Unknown, len(got.Queries)))
	}
	return nil
}

// oneBoard is a board by its file, or by its name in the configuration.
func (a *app) oneBoard(which string) (query.Board, error) {
	if _, err := os.Stat(which); err == nil || strings.ContainsAny(which, "/.") {
		return loadFile(which, query.LoadBoard)
	}
	boards, err := a.boardsToShow()
	if err != nil {
		return query.Board{}, err
	}
	for _, b := range boards {
		if b.Name == which {
			return b, nil
		}
	}
	return query.Board{}, usage("there is neither a file nor a board %q (sitrep board list shows the boards)", which)
}

// checkColumns is the width that a board is checked in: enough to see whether a
// query answers.
const checkColumns = 60

// boardServers are the clients of all servers by name, the given one the first. The
// checks are looked at if the board may ask them.
func (a *app) boardServers(ctx context.Context, first *query.Client, b *query.Board) (map[string]*query.Client, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	all := map[string]*query.Client{"": first}
	for name := range c.Sources {
		if all[name], err = a.server(ctx, name); err != nil {
			return nil, err
		}
	}
	if len(c.Checks) > 0 && mayAskChecks(b) {
		all[checksSource], err = a.checksOnce(ctx)
	}
	return all, err
}

// unknowableOf is why an expression cannot be answered by a source; nil if it can.
func (a *app) unknowableOf(source, expr string) error {
	switch source {
	case "":
		return a.unknowable(expr)
	case checksSource:
		return beforeTheLook(expr)
	}
	return nil
}

// askBoard asks every query that the board would of the server that it would ask, a few
// at once; those that unknowable has an error for are not.
func askBoard(ctx context.Context, servers map[string]*query.Client, b *query.Board, now time.Time, unknowable func(source, expr string) error) checkedBoard {
	got := checkedBoard{Board: b.Name, Panels: len(b.Panels), Signals: len(signalsOf(*b).Panels), Variables: []string{}, Queries: []checkedQuery{}}
	sources := query.Sources{}
	for name, client := range servers {
		sources[name] = client
	}
	choices, failed := sources.Choose(ctx, b, now)
	for _, v := range b.Variables {
		if err := failed[v.Name]; err != nil {
			got.Variables = append(got.Variables, err.Error())
		}
	}
	type ask struct {
		panel *query.Panel
		query *query.Query
	}
	var asked []ask
	for i := range b.Panels {
		p := &b.Panels[i]
		for j := range p.Queries {
			if q := &p.Queries[j]; !q.Hidden && p.Type.Asks() {
				asked = append(asked, ask{p, q})
				got.Queries = append(got.Queries, checkedQuery{Panel: p.Title, Ref: p.Ref(j)})
			}
		}
	}
	scrapes := map[string]time.Duration{} // without one it is the usual
	for name, client := range servers {
		if every, err := client.ScrapeInterval(ctx); err == nil {
			scrapes[name] = every
		}
	}
	// Up to this moment: what has just begun has no value at the last full step.
	step := max(time.Second, (b.Range / checkColumns).Round(time.Second))
	grid := query.Grid{Start: now.Add(-checkColumns * step).Truncate(time.Millisecond), Step: step, N: checkColumns + 1}
	var g errgroup.Group
	g.SetLimit(8)
	for i, one := range asked {
		if name := b.Lacks(one.query.Expr, choices); name != "" { // half made, it would ask for something else
			got.Queries[i].lacks(one.query.Expr, name, failed[name])
			continue
		}
		g.Go(func() error {
			q, source := one.query, b.SourceOf(one.panel, one.query, choices)
			expr := query.Interpolate(choices.Fill(q.Expr), query.Window{Step: grid.Step, Span: b.Range, Scrape: scrapes[source]})
			got.Queries[i].Query = expr
			if _, err := sources.Named(source); err != nil {
				got.Queries[i].State, got.Queries[i].Error = queryFailing, err.Error()
				return nil
			}
			if err := unknowable(source, expr); err != nil {
				got.Queries[i].State, got.Queries[i].Error = queryUnknown, err.Error()
				return nil
			}
			got.Queries[i].ask(ctx, servers[source], one.panel, expr, q.Instant, grid)
			return nil
		})
	}
	_ = g.Wait() // what failed stands with its query
	for _, q := range got.Queries {
		switch q.State {
		case queryOK:
			got.OK++
		case queryEmpty:
			got.Empty++
		case queryUnknown:
			got.Unknown++
		default:
			got.Failing++
		}
	}
	return got
}

// lacks notes that a query was not sent, for want of a variable's value.
func (q *checkedQuery) lacks(expr, name string, why error) {
	q.State, q.Query = queryEmpty, expr
	if q.Error = fmt.Sprintf("variable %s has no value: nothing was found for it", name); why != nil {
		q.State, q.Error = queryFailing, why.Error()
	}
}

// ask sends one query, and keeps what came of it.
func (q *checkedQuery) ask(ctx context.Context, client *query.Client, panel *query.Panel, expr string, instant bool, grid query.Grid) {
	began := time.Now()
	q.Query = expr
	var err error
	if instant {
		var samples []query.Sample
		samples, q.Warnings, err = client.Instant(ctx, expr, grid.End())
		q.Series = len(samples)
		got := query.FrameOf(samples, expr)
		q.Unfit, _ = panel.Unfit(&got)
	} else {
		var frame query.Frame
		frame, err = client.Range(ctx, expr, grid)
		q.Series, q.Warnings = len(frame.Series), frame.Warnings
		q.Unfit, _ = panel.Unfit(&frame)
	}
	q.Seconds = time.Since(began).Seconds()
	switch {
	case err != nil:
		q.State, q.Error = queryFailing, err.Error()
		var known *query.Error
		if errors.As(err, &known) {
			q.Error = known.Msg
		}
	case q.Series == 0:
		q.State = queryEmpty
	default:
		q.State = queryOK
	}
}

func (a *app) printChecked(got checkedBoard) error {
	if a.flags.json {
		return a.print(got)
	}
	rows := [][]string{{"STATE", "PANEL", "QUERY", "SERIES", "WHAT"}}
	for _, q := range got.Queries {
		what := q.Query
		if q.Error != "" {
			what = q.Error + " — " + q.Query
		}
		rows = append(rows, []string{q.State, q.Panel, q.Ref, fmt.Sprint(q.Series), what})
	}
	if len(got.Queries) > 0 {
		if err := table(a.stdout, rows); err != nil {
			return err
		}
	}
	for _, v := range got.Variables {
		fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(v))
	}
	for _, q := range got.Queries {
		a.warn(q.Warnings)
		if q.Unfit != "" {
			fmt.Fprintf(a.stderr, "sitrep: %s %s: %s\n", sanitise(q.Panel), q.Ref, sanitise(q.Unfit))
		}
	}
	unknown := ""
	if got.Unknown > 0 {
		unknown = fmt.Sprintf(", %d unknown", got.Unknown)
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %d panels, %d of them signals; %d queries: %d ok, %d empty, %d failing%s\n",
		got.Board, got.Panels, got.Signals, len(got.Queries), got.OK, got.Empty, got.Failing, unknown)
	return err
}
