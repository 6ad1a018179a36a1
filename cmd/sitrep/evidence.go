package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

var (
	errDropped = errors.New("the series that were kept then are not there any more: the policy has dropped them")
	errNotKept = errors.New("no series were kept then")
)

func (a *app) evidenceCommand() *cobra.Command {
	var csv bool
	c := &cobra.Command{
		Use: "evidence ID [EVENT]", Short: "what the boards showed at the moments of an incident, as it was kept", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := incident.ParseID(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				events, err := db.Timeline(cmd.Context(), id)
				if err != nil {
					return err
				}
				if len(args) == 1 {
					if csv {
						return usage("--csv writes the series of one moment: name its EVENT")
					}
					return a.listEvidence(cmd.Context(), db, id, events)
				}
				return a.showEvidence(cmd.Context(), db, id, events, args[1], csv)
			})
		},
	}
	c.Long = "The moments of an incident (declaration, escalations, mitigation, resolution) and what was kept at each: every panel of\n" +
		"every board. With EVENT, the number or ULID of such a moment, the series themselves: a line each, or every value with\n" +
		"--json (null is no sample) or --csv (board, panel, legend, labels, time, value)."
	c.Flags().BoolVar(&csv, "csv", false, "every value, a line each")
	return c
}

// evidenceView is one board at one moment; Board is empty where nothing was kept.
type evidenceView struct {
	Event   int64      `json:"event"`
	EventID string     `json:"event_id"`
	At      time.Time  `json:"at"`
	What    string     `json:"what"`
	State   string     `json:"state"` // kept, thinned, dropped, not kept
	Board   string     `json:"board,omitempty"`
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty"`
	Step    float64    `json:"step_seconds,omitempty"`
	Panels  int        `json:"panels"`
	Series  int        `json:"series"`
	Values  int        `json:"values"`
	Bytes   int        `json:"bytes"`
	Unread  []string   `json:"unread,omitempty"`
	LeftOut []string   `json:"left_out,omitempty"`
}

func evidenceViews(events []incident.Event, kept []incident.Kept) []evidenceView {
	views := []evidenceView{}
	for _, m := range incident.Moments(events) {
		base := evidenceView{EventID: m.Event, At: m.At, What: m.What, State: "not kept"}
		if i := slices.IndexFunc(events, func(e incident.Event) bool { return e.ID == m.Event }); i >= 0 {
			base.Event = events[i].Seq
		}
		told := false
		for _, e := range events {
			var c incident.Capture
			if e.Kind != incident.EvidenceCaptured || e.Payload(&c) != nil || c.Event != m.Event {
				continue
			}
			for _, b := range c.Boards {
				views, told = append(views, evidenceOf(base, c, b, kept)), true
			}
		}
		if !told {
			views = append(views, base)
		}
	}
	for _, e := range events { // what a person kept, at no moment but their own
		var c incident.Capture
		if e.Kind != incident.EvidenceCaptured || e.Payload(&c) != nil || c.Event != e.ID {
			continue
		}
		base := evidenceView{Event: e.Seq, EventID: e.ID, At: c.At, What: c.What}
		for _, b := range c.Boards {
			views = append(views, evidenceOf(base, c, b, kept))
		}
	}
	return views
}

// evidenceOf is one board of a capture, and whether its series are there still.
func evidenceOf(v evidenceView, c incident.Capture, b incident.CapturedBoard, kept []incident.Kept) evidenceView {
	v.State, v.Board, v.From, v.To, v.Step = "dropped", b.Name, moment(b.From), moment(b.To), b.Step
	v.Panels, v.Series, v.Values, v.Unread, v.LeftOut = b.Panels, b.Series, b.Values, c.Unread, c.LeftOut
	if i := slices.IndexFunc(kept, func(k incident.Kept) bool { return k.Event == c.Event && k.Board == b.Name }); i >= 0 {
		v.State, v.Bytes = "kept", kept[i].Size
		if kept[i].Thinned {
			v.State = "thinned"
		}
	}
	return v
}

func (a *app) listEvidence(ctx context.Context, db *store.DB, id incident.ID, events []incident.Event) error {
	kept, err := db.Kept(ctx, id)
	if err != nil {
		return err
	}
	views := evidenceViews(events, kept)
	if a.flags.json {
		return a.print(views)
	}
	rows := [][]string{{"EVENT", "AT", "MOMENT", "BOARD", "WINDOW", "STEP", "PANELS", "SERIES", "VALUES", "SIZE", "STATE"}}
	for _, v := range views {
		row := []string{fmt.Sprint(v.Event), stamp(v.At), v.What, orDash(v.Board), "-", "-", "-", "-", "-", "-", v.State}
		if v.Board != "" {
			row[4], row[5] = span(v.To.Sub(*v.From)), span(time.Duration(v.Step*float64(time.Second)))
			row[6], row[7], row[8] = fmt.Sprint(v.Panels), fmt.Sprint(v.Series), fmt.Sprint(v.Values)
			if v.Bytes > 0 {
				row[9] = query.FormatValue("bytes", float64(v.Bytes))
			}
		}
		rows = append(rows, row)
	}
	return table(a.stdout, rows)
}

func (a *app) showEvidence(ctx context.Context, db *store.DB, id incident.ID, events []incident.Event, name string, csv bool) error {
	ref, err := incident.ParseRef(name)
	if err != nil {
		return withCode(exitUsage, err)
	}
	i := slices.IndexFunc(events, ref.Of)
	if i < 0 {
		return fmt.Errorf("%s: %w", id, ref.Missing())
	}
	about := events[i].ID
	var c incident.Capture
	if events[i].Kind == incident.EvidenceCaptured && events[i].Payload(&c) == nil {
		about = c.Event
	}
	boards, err := thawed(ctx, db, about)
	switch {
	case err != nil:
		return err
	case len(boards) > 0:
		return a.printEvidence(boards, csv)
	case slices.ContainsFunc(events, func(e incident.Event) bool {
		return e.Kind == incident.EvidenceCaptured && e.Payload(&c) == nil && c.Event == about
	}):
		return fmt.Errorf("%s, event %s: %w", id, name, errDropped)
	}
	return fmt.Errorf("%s, event %s: %w (sitrep incident evidence %s lists what was kept)", id, name, errNotKept, id)
}

// thawed is the boards as they were kept at an event; none if there are none.
func thawed(ctx context.Context, db *store.DB, event string) (boards []*query.Snapshot, err error) {
	frozen, err := db.Frozen(ctx, event)
	for _, f := range frozen {
		s, err := query.Decode(f.Series)
		if err != nil {
			return nil, fmt.Errorf("the series of %s kept at event %s: %w", f.Board, event, err)
		}
		boards = append(boards, s)
	}
	return boards, err
}

// evidenceSpark is how many characters show a series.
const evidenceSpark = 40

func (a *app) printEvidence(boards []*query.Snapshot, csv bool) error {
	switch {
	case a.flags.json:
		return a.print(boards)
	case csv:
		for _, s := range boards {
			if err := s.WriteCSV(a.stdout); err != nil {
				return err
			}
		}
		return nil
	}
	for _, s := range boards {
		if _, err := fmt.Fprintf(a.stdout, "%s, %s to %s, from %s\n", sanitise(s.Board.Name), stamp(s.Grid.Start), stamp(s.Grid.End()), sanitise(s.Source)); err != nil {
			return err
		}
		rows := [][]string{{"PANEL", "SERIES", "MIN", "MAX", "LAST", "COURSE"}}
		for i := range s.Board.Panels {
			p, d := &s.Board.Panels[i], &s.Panels[i]
			if len(d.Frame.Series) == 0 {
				why := "no series"
				if d.Err != nil {
					why = d.Err.Error()
				}
				rows = append(rows, []string{p.Title, why})
			}
			for _, one := range d.Frame.Series {
				lo, hi, ok := plot.Range(one.Values)
				row := []string{p.Title, one.Legend, "no data", "no data", "no data", plot.Sparkline(one.Values, evidenceSpark)}
				if last, _ := one.Last(0); ok {
					row[2], row[3], row[4] = p.Format(lo), p.Format(hi), p.Format(last)
				}
				rows = append(rows, row)
			}
		}
		if err := table(a.stdout, rows); err != nil {
			return err
		}
	}
	return nil
}
