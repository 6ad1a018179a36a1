package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) correctCommand() *cobra.Command {
	c := a.act("correct ID EVENT TEXT", "give a note, an action or a status other words; the first ones are kept", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		ref, err := incident.ParseRef(o.args[0])
		if err != nil {
			return incident.Incident{}, withCode(exitUsage, err)
		}
		return d.Correct(ctx, o.by, o.id, ref, o.args[1])
	})
	c.Long = "Give a note, an action or the details of a status other words. EVENT is the number that `sitrep incident timeline`\n" +
		"shows first on a line, or the event's ULID. Nothing is overwritten: the correction is an event of its own, every\n" +
		"reader shows its words in the place of the first ones and says so, and timeline --json has both."
	return c
}

// recorded is the events that an incident's readers need: its own, those of what
// was merged into it, and the timelines that some of them were recorded on before
// a split.
func recorded(ctx context.Context, db *store.DB, inc incident.Incident) (events []incident.Event, err error) {
	ids, err := recordedUnder(ctx, db, inc)
	for _, id := range ids {
		var more []incident.Event
		if more, err = db.Timeline(ctx, id); err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, err
}

// recordedUnder is the incidents on whose timelines there may be events of inc.
func recordedUnder(ctx context.Context, db *store.DB, inc incident.Incident) ([]incident.ID, error) {
	ids := []incident.ID{inc.ID}
	add := func(id incident.ID) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	add(inc.SplitFrom)
	for _, id := range inc.Merged {
		other, err := db.Incident(ctx, id)
		if err != nil {
			return nil, err
		}
		add(id)
		add(other.SplitFrom)
	}
	return ids, nil
}

func (a *app) timelineCommand() *cobra.Command {
	var last int
	var all bool
	c := &cobra.Command{
		Use: "timeline ID", Short: "what happened, in the order in which it happened", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := incident.ParseID(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			if last < 0 {
				return usage("timeline: --last %d: give 1 or more, or 0 for all", last)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				inc, err := db.Incident(cmd.Context(), id)
				if err != nil {
					return err
				}
				events, err := recorded(cmd.Context(), db, inc)
				if err != nil {
					return err
				}
				return a.printTimeline(id, events, last, all)
			})
		},
	}
	c.Long = "What happened, in the order in which it happened: number, time, kind, who, what. A line that was corrected has its\n" +
		"newest words. The steps of pages on their way are left out (--all shows them, sitrep pages sums them up); failures are not.\n" +
		"--json has every event as it was recorded, corrections and what they correct."
	c.Flags().BoolVar(&all, "all", false, "the steps of pages too")
	c.Flags().IntVar(&last, "last", 0, "only the `N` events that happened last")
	return c
}

// printTimeline prints the last events, or all if last is 0. They are chosen when
// corrections stand in their places.
func (a *app) printTimeline(id incident.ID, events []incident.Event, last int, all bool) error {
	gather := incident.Told
	if a.flags.json {
		gather = incident.Gathered
	}
	events = gather(id, events)
	if !all && !a.flags.json {
		events = slices.DeleteFunc(slices.Clone(events), escalation.IsStep)
	}
	sortByTime(events)
	if last > 0 {
		events = events[max(0, len(events)-last):]
	}
	if a.flags.json {
		return a.print(events)
	}
	rows := make([][]string, 0, len(events))
	for _, e := range events {
		rows = append(rows, eventLine(id, e))
	}
	return table(a.stdout, rows)
}

// sortByTime orders events as they happened; those of one moment stay in the
// order in which they were recorded.
func sortByTime(events []incident.Event) {
	slices.SortFunc(events, func(a, b incident.Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq)) })
}
