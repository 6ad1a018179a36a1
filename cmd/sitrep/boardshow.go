package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// showing is what of a board is shown, of which time, and as what.
type showing struct {
	at, span, panel, png, keep string
	incident                   string // what was recorded with it
	csv                        bool
	vars                       []string
}

func (a *app) boardShowCommand() *cobra.Command {
	var s showing
	c := &cobra.Command{
		Use: "show FILE|NAME", Short: "the panels of a board, now or at another time", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.showBoard(cmd.Context(), args[0], s)
		},
	}
	c.Long = "Every panel of a board as one number and its state. --at TIME (RFC 3339, or 15m, -15m, now-15m for so long ago) asks about then.\n" +
		"--var NAME=VALUE chooses a value of a variable; several of one name choose several. --panel TITLE shows one panel with its series, which --json and --csv write out in full and --png FILE draws."
	c.Flags().StringVar(&s.at, "at", "", "a time such as 2026-11-25T03:00:00Z, or so long ago, such as 15m or now-15m (default: now)")
	c.Flags().StringVar(&s.span, "range", "", "how far back from there, such as 6h (default: the board's own)")
	c.Flags().StringArrayVar(&s.vars, "var", nil, "a value of a variable: job=api, or job=all")
	c.Flags().StringVar(&s.incident, "incident", "", "ask what was recorded with incident `ID`")
	c.Flags().StringVar(&s.panel, "panel", "", "one panel, by its title")
	c.Flags().BoolVar(&s.csv, "csv", false, "every value, a line each: board, panel, legend, labels, time, value, unit")
	c.Flags().StringVar(&s.png, "png", "", "draw it to FILE; - is stdout")
	c.Flags().StringVar(&s.keep, "keep", "", "keep it as evidence of an incident, such as INC-3")
	c.MarkFlagsMutuallyExclusive("csv", "png", "keep")
	return c
}

func (a *app) showBoard(ctx context.Context, name string, s showing) error {
	board, err := a.oneBoard(name)
	if err != nil {
		return err
	}
	for j := range board.Panels {
		board.Panels[j].Signal = board.Panels[j].Type.Asks() // a command shows every panel in one number
	}
	if s.panel != "" {
		if board.Panels, err = onePanel(&board, s.panel); err != nil {
			return withCode(exitUsage, err)
		}
		board.Rows = nil
	}
	now := time.Now()
	past, err := s.past(&board, now)
	if err != nil {
		return err
	}
	for _, w := range board.Lint() {
		fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(w.Message))
	}
	snap, err := a.lookAt(ctx, &board, s.incident, past, now)
	if err != nil {
		return err
	}
	if err := a.offered(&board, past.Values, snap); err != nil {
		return err
	}
	if s.keep != "" {
		return a.keepShown(ctx, snap, s.keep)
	}
	return a.printBoard(snap, s, past.End)
}

// lookAt asks a board of the servers, or of what was recorded with an incident.
func (a *app) lookAt(ctx context.Context, board *query.Board, of string, past query.Past, now time.Time) (*query.Snapshot, error) {
	if of != "" {
		r, err := a.recorded(ctx, of)
		if err != nil {
			return nil, err
		}
		cfg, err := a.config()
		if err != nil {
			return nil, err
		}
		snap, err := r.look(ctx, cfg, board, past, now)
		if err == nil {
			fmt.Fprintf(a.stderr, "sitrep: board %s is asked of %s: %s, %s\n", sanitise(board.Name), r.name(), count(r.samples, "value"), r.stretch())
		}
		return snap, err
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return nil, err
	}
	sources, closeAll, err := a.boardSources(ctx, client)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	past.Sources, past.Scrape = sources, scrapeOf(client)(ctx)
	if past.End.IsZero() {
		if err := a.lookedOnce(ctx, board, sources); err != nil {
			return nil, err
		}
	}
	if a.scrapedOnly() && past.End.IsZero() {
		snap := a.lookOnce(ctx, client, sources, board, past, now)
		a.ofChecks(ctx, snap, past)
		return snap, nil
	}
	snap := query.Look(ctx, client, board, past, now)
	snap.Source = client.URL()
	if past.End.IsZero() {
		a.ofChecks(ctx, snap, past)
	}
	why := snap.Reading().Down
	if !gone(why) || !past.End.IsZero() {
		return snap, nil
	}
	instead, err := a.insteadOf(ctx, client, why)
	if err != nil {
		return nil, err
	}
	sources[""] = instead
	snap = a.lookOnce(ctx, instead, sources, board, past, time.Now())
	a.ofChecks(ctx, snap, past)
	return snap, nil
}

// keepShown keeps what is shown with an incident.
func (a *app) keepShown(ctx context.Context, snap *query.Snapshot, name string) error {
	id, err := incident.ParseID(name)
	if err != nil {
		return withCode(exitUsage, err)
	}
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		kept, err := keepSnapshot(ctx, db, by, id, snap, "")
		if err != nil {
			return err
		}
		if a.flags.json {
			return a.print(kept)
		}
		_, err = fmt.Fprintf(a.stdout, "%s: %s kept, %s with %s (sitrep incident evidence %s)\n", id, sanitise(kept.Name), count(kept.Panels, "panel"), plainSeries(kept.Series), id)
		return err
	})
}

// onePanel is the panel of that title.
func onePanel(b *query.Board, title string) ([]query.Panel, error) {
	one, err := panelOf(&query.Snapshot{Board: b, Panels: make([]query.PanelData, len(b.Panels))}, title)
	if err != nil {
		return nil, err
	}
	return one.Board.Panels, nil
}

// past is the stretch that is looked at.
func (s showing) past(b *query.Board, now time.Time) (p query.Past, err error) {
	p = query.Past{Span: b.Range, Columns: capturePoints}
	if p.Values, err = valuesOf(b, s.vars); err != nil {
		return p, withCode(exitUsage, err)
	}
	if s.span != "" {
		if p.Span, err = strictyaml.ParseDuration(s.span); err != nil || p.Span < 10*time.Second {
			return p, usage("--range: %q is not a length such as 15m or 6h", s.span)
		}
	}
	if s.at == "" {
		return p, nil
	}
	if p.End, err = momentOrAgo(s.at, now); err != nil {
		return p, usage("--at: %q is neither a time such as 2026-11-25T03:00:00Z nor so long ago, such as 15m or now-15m", s.at)
	}
	return p, nil
}

func (a *app) printBoard(snap *query.Snapshot, s showing, mark time.Time) error {
	if got := snap.Reading(); got.Down != nil {
		return withCode(exitInconclusive, got.Down)
	}
	switch {
	case s.csv:
		return snap.WriteCSV(a.stdout)
	case s.png != "":
		raw, err := panelPicture(snap, mark)
		if err != nil {
			return withCode(exitInconclusive, fmt.Errorf("%s: %w", snap.Board.Name, err))
		}
		if s.png == "-" {
			_, err = a.stdout.Write(raw)
			return err
		}
		return writeNew(s.png, raw)
	case s.panel != "" && a.flags.json:
		return a.print(snap)
	case s.panel != "":
		return a.printEvidence([]*query.Snapshot{snap}, false)
	}
	return a.printSignals(snap)
}
