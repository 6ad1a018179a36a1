package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

// rowsCommand lists the rows of a post-mortem's list of events.
func (a *app) rowsCommand() *cobra.Command {
	return a.about("rows ID", "the lines of its list of events by number, hidden ones too", func(ctx context.Context, db *store.DB, id incident.ID) error {
		rows, err := rowsOf(ctx, db, id, time.Now())
		if err != nil {
			return err
		}
		return a.printRows(rows)
	})
}

func rowsOf(ctx context.Context, db *store.DB, id incident.ID, now time.Time) ([]postmortem.Row, error) {
	inc, events, err := draftedFrom(ctx, db, id, now)
	if err != nil {
		return nil, err
	}
	return postmortem.Rows(inc, events, now), nil
}

func (a *app) printRows(rows []postmortem.Row) error {
	if a.flags.json {
		return a.print(rows)
	}
	lines := [][]string{{"EVENT", "AT", "TEXT"}}
	for _, r := range rows {
		var marks []string
		if r.Hidden {
			marks = append(marks, "hidden")
		}
		if r.Was != "" {
			marks = append(marks, "recorded: "+r.Was)
		}
		if !r.WasAt.IsZero() {
			marks = append(marks, "recorded at "+stamp(r.WasAt))
		}
		if r.Note != "" {
			marks = append(marks, "remark: "+r.Note)
		}
		text := r.Text
		if len(marks) > 0 {
			text += " [" + strings.Join(marks, "; ") + "]"
		}
		lines = append(lines, []string{fmt.Sprint(r.Seq), stamp(r.At), text})
	}
	return table(a.stdout, lines)
}

// rowCommand has a row told otherwise.
func (a *app) rowCommand() *cobra.Command {
	var hide, show, back bool
	var text, at, note string
	c := &cobra.Command{
		Use: "row ID EVENT", Short: "hide, reword, retime or annotate a line of its list of events; the record stays as it is", Args: cobra.ExactArgs(2),
		Long: "Have an event told otherwise in the post-mortem. EVENT is the number that `sitrep postmortem rows` shows first on a line, or\n" +
			"the event's ULID. The event itself stays as it was recorded, on every timeline and for every figure, and the row says that\n" +
			"it is told in other words or at another time. (`sitrep incident correct` is for what was written down wrongly.)",
		RunE: func(cmd *cobra.Command, args []string) error {
			var r incident.Retelling
			is := cmd.Flags().Changed
			switch {
			case hide && show:
				return usage("--hide and --show say opposite things")
			case hide || show:
				r.Hidden = &hide
			}
			if is("text") {
				r.Text = &text
			}
			if is("note") {
				r.Note = &note
			}
			if back {
				r = incident.Retelling{Hidden: new(bool), Text: new(string), At: new(time.Time), Note: new(string)}
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				return a.retell(cmd.Context(), db, args[0], args[1], r, at)
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&hide, "hide", false, "do not list it")
	f.BoolVar(&show, "show", false, "list it again")
	f.StringVar(&text, "text", "", "other `words`; empty is its own again")
	f.StringVar(&at, "at", "", "another `time`: 03:05, 03:05:30 or 2026-12-24T03:05Z")
	f.StringVar(&note, "note", "", "a `remark` below it; empty takes one away")
	f.BoolVar(&back, "as-recorded", false, "take all of that back")
	return c
}

// retell records how a row is told, and drafts the post-mortem anew.
func (a *app) retell(ctx context.Context, db *store.DB, incidentText, event string, r incident.Retelling, at string) error {
	id, err := incidentOf(ctx, db, incidentText)
	if err != nil {
		return err
	}
	ref, err := incident.ParseRef(event)
	if err != nil {
		return withCode(exitUsage, err)
	}
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	rows, err := rowsOf(ctx, db, id, by.At)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(row postmortem.Row) bool { return ref.Of(incident.Event{ID: row.Event, Seq: row.Seq}) })
	if i < 0 {
		return fmt.Errorf("event %s is no line of the post-mortem of %s (sitrep postmortem rows %s numbers them)", ref, id, id)
	}
	if at != "" {
		when, err := momentOn(rows[i].At, at)
		if err != nil {
			return withCode(exitUsage, fmt.Errorf("--at: %w", err))
		}
		r.At = &when
	}
	if _, err := incident.NewDesk(db).Retell(ctx, by, id, ref, r); err != nil {
		return err
	}
	s, err := refreshDraft(ctx, db, id, by)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "event %s is told otherwise in %s, version %d\n", ref, s.ID, s.Version)
	return err
}

// momentOn reads a moment, or a time of the day of another one, in UTC.
func momentOn(day time.Time, text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			y, m, d := day.UTC().Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC), nil
		}
	}
	if text == "" {
		return time.Time{}, fmt.Errorf("it is empty; write 03:05 or 2026-12-24T03:05Z")
	}
	return momentOf(text, day)
}
