package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// boards loads the boards of the configuration; the first is the one that the
// screen opens with. Without any there is a built-in one.
func (a *app) boards() ([]query.Board, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	return loadAll(c, "boards", c.Boards, query.LoadBoard)
}

// loadAll reads every file of a section with the room's own loader.
func loadAll[T any](c *config, section string, patterns []string, load func(file string, src []byte) (T, error)) ([]T, error) {
	files, err := c.files(section, patterns)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	var all []T
	for _, f := range files {
		one, err := loadFile(f, load)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func loadFile[T any](file string, load func(file string, src []byte) (T, error)) (T, error) {
	var one T
	src, err := readConfig(file)
	if err != nil {
		return one, withCode(exitUsage, err)
	}
	one, err = load(file, src)
	return one, withCode(exitUsage, err)
}

// evidenceTimeout bounds how long a command waits for the signals' values: an
// incident is declared with Prometheus dead, too.
const evidenceTimeout = 2 * time.Second

// evidence freezes the board's signals for the events of a command. Whatever
// fails leaves it out: the timeline never waits for a metric.
func (a *app) evidence(ctx context.Context) json.RawMessage {
	boards, err := a.boards()
	if err != nil || len(boards) == 0 {
		return nil
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return nil
	}
	defer client.CloseIdle()
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	return freeze(query.Poll(ctx, client, signalsOf(boards[0]), time.Now()))
}

// signalsOf is the board reduced to what is frozen as evidence.
func signalsOf(b query.Board) *query.Board {
	var panels []query.Panel
	for _, p := range b.Panels {
		if p.Signal {
			panels = append(panels, p)
		}
	}
	b.Panels = panels
	return &b
}

func freeze(s *query.Snapshot) json.RawMessage {
	signals := query.Signals(s)
	for _, sig := range signals {
		if sig.State != query.NoData {
			return incident.Payload(signals)
		}
	}
	return nil
}

func (a *app) queryCommand() *cobra.Command {
	var span, step, source, id, at string
	c := &cobra.Command{
		Use: "query EXPR", Short: "ask Prometheus", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.query(cmd.Context(), asked{source: source, incident: id, at: at}, args[0], span, step)
		},
	}
	c.Long = "Asks the Prometheus of the configuration, or with --source another one. With --incident it asks the samples that sitrep scraped\n" +
		"itself during that incident and kept with it, however long ago; --at is then a time in it (default: the last sample's)."
	c.Flags().StringVar(&id, "incident", "", "ask what was recorded with incident `ID`")
	c.Flags().StringVar(&at, "at", "", "the value at this time, or the end of --range (RFC 3339)")
	c.Flags().StringVar(&span, "range", "", "how far back, such as 1h (default: the value now)")
	c.Flags().StringVar(&step, "step", "30s", "distance of the points")
	c.Flags().StringVar(&source, "source", "", "a server of the section sources, by name (default: prometheus)")
	return c
}

// asked is whom a query goes to, and when.
type asked struct{ source, incident, at string }

// client is whom it goes to, and the time that is meant.
func (q asked) client(ctx context.Context, a *app) (client *query.Client, end time.Time, err error) {
	switch {
	case q.incident != "" && q.source != "":
		return nil, end, usage("--incident asks the store: leave out --source")
	case q.incident != "":
		client, end, err = a.capsuled(ctx, q.incident)
	default:
		client, err = a.server(ctx, q.source)
		end = time.Now()
	}
	if err == nil && q.at != "" {
		if end, err = time.Parse(time.RFC3339, q.at); err != nil {
			return nil, end, usage("--at: %q is not a time such as 2026-11-27T14:05:00Z", q.at)
		}
	}
	return client, end, err
}

func (a *app) query(ctx context.Context, q asked, expr, span, step string) error {
	client, end, err := q.client(ctx, a)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	if span == "" && !a.flags.json {
		samples, warnings, err := client.Instant(ctx, expr, end)
		if err != nil {
			return withCode(exitInconclusive, err)
		}
		a.warn(warnings)
		rows := make([][]string, 0, len(samples))
		for _, s := range samples {
			rows = append(rows, []string{s.Labels.String(), query.FormatValue("short", s.Value)})
		}
		if len(rows) == 0 {
			fmt.Fprintln(a.stderr, "sitrep: no data")
		}
		return table(a.stdout, rows)
	}
	var length, distance time.Duration
	if span != "" {
		if length, err = strictyaml.ParseDuration(span); err != nil {
			return usage("--range: %w", err)
		}
		if distance, err = strictyaml.ParseDuration(step); err != nil || distance <= 0 {
			return usage("--step: %q is not a step such as 30s", step)
		}
	}
	data, warnings, err := client.Data(ctx, expr, end.Add(-length), end, distance)
	if err != nil {
		return withCode(exitInconclusive, err)
	}
	a.warn(warnings)
	return a.print(data)
}

func (a *app) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(a.stderr, "sitrep: warning of the server: %s\n", sanitise(w))
	}
}

func (a *app) boardCommand() *cobra.Command {
	group := &cobra.Command{Use: "board", Short: "the boards of live panels"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "boards of the configuration", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			boards, err := a.boards()
			if err != nil {
				return err
			}
			return a.printBoards(boards)
		}},
		a.boardShowCommand(),
		&cobra.Command{Use: "check FILE", Short: "read a board and say what is wrong with it", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			b, err := loadFile(args[0], query.LoadBoard)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %d panels, %d of them signals\n", args[0], len(b.Panels), len(signalsOf(b).Panels))
			return err
		}},
	)
	return group
}

func (a *app) boardShowCommand() *cobra.Command {
	var q asked
	c := &cobra.Command{
		Use: "show NAME", Short: "the signals and panels of a board, now or as recorded with an incident", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showBoard(cmd.Context(), q, args[0]) },
	}
	c.Flags().StringVar(&q.incident, "incident", "", "ask what was recorded with incident `ID`")
	c.Flags().StringVar(&q.at, "at", "", "as of this time (RFC 3339)")
	return c
}

func (a *app) printBoards(boards []query.Board) error {
	type view struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Panels int    `json:"panels"`
	}
	views := []view{}
	rows := [][]string{{"NAME", "PANELS", "TITLE"}}
	for _, b := range boards {
		views = append(views, view{b.Name, b.Title, len(b.Panels)})
		rows = append(rows, []string{b.Name, fmt.Sprint(len(b.Panels)), b.Title})
	}
	if a.flags.json {
		return a.print(views)
	}
	return table(a.stdout, rows)
}

func (a *app) showBoard(ctx context.Context, q asked, name string) error {
	boards, err := a.boards()
	if err != nil {
		return err
	}
	for i := range boards {
		if boards[i].Name != name {
			continue
		}
		all := boards[i]
		for j := range all.Panels {
			all.Panels[j].Signal = true // a command shows every panel in one number
		}
		client, at, err := q.client(ctx, a)
		if err != nil {
			return err
		}
		defer client.CloseIdle()
		return a.printSignals(query.Look(ctx, pinned{client}, &all, query.Past{Span: all.Range, End: at}, at))
	}
	return usage("there is no board %q (sitrep board list shows them)", name)
}

// pinned is a source without a clock of its own: the time that is asked about is the
// caller's.
type pinned struct{ source query.Source }

// Range implements query.Source.
func (p pinned) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	return p.source.Range(ctx, expr, g)
}

func (a *app) printSignals(s *query.Snapshot) error {
	signals := query.Signals(s)
	if a.flags.json {
		return a.print(signals)
	}
	rows := [][]string{{"PANEL", "VALUE", "STATE", "QUERY"}}
	for i, sig := range signals {
		value := "no data"
		if sig.State != query.NoData {
			value = query.FormatValue(sig.Unit, sig.Value)
		}
		if err := s.Panels[i].Err; err != nil {
			value = err.Error()
		}
		rows = append(rows, []string{sig.Name, value, string(sig.State), sig.Query})
	}
	return table(a.stdout, rows)
}
