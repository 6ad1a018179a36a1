package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) incidentCommand() *cobra.Command {
	group := &cobra.Command{Use: "incident", Aliases: []string{"inc"}, Short: "declare, run and resolve incidents"}
	group.AddCommand(
		a.declareCommand(), a.listCommand(), a.searchCommand(), a.showCommand(), a.timelineCommand(),
		a.act("ack ID", "say that you have it", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			return d.Acknowledge(ctx, o.by, o.id)
		}),
		a.act("unack ID", "give it back; the ladder goes on", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			return d.Unacknowledge(ctx, o.by, o.id)
		}),
		a.act("note ID TEXT", "put a line on the timeline (-7m TEXT or 14:05 TEXT back-dates it)", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			return d.Note(ctx, o.by, o.id, o.args[0])
		}),
		a.correctCommand(), a.didCommand(), a.statusCommand(), a.updateCommand(), a.severityCommand(), a.setCommand(),
		a.act("assign ID ROLE PERSON", "give a role: commander, responder, scribe, communications, operations", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			role, err := incident.ParseRole(o.args[0])
			if err != nil {
				return incident.Incident{}, withCode(exitUsage, err)
			}
			return d.Assign(ctx, o.by, o.id, role, incident.Person(o.args[1]))
		}),
		a.escalateCommand(),
		a.act("snooze ID DURATION", "keep the ladder quiet for a while, such as 30m", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			length, err := strictyaml.ParseDuration(o.args[0])
			if err != nil {
				return incident.Incident{}, withCode(exitUsage, err)
			}
			return d.Snooze(ctx, o.by, o.id, length, "")
		}),
		a.resolveCommand(),
		a.act("reopen ID", "take the resolution back; the ladder starts again", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			return d.Reopen(ctx, o.by, o.id)
		}),
		a.act("close ID", "file a resolved incident away", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			return d.Close(ctx, o.by, o.id)
		}),
		a.mergeCommand(), a.splitCommand(), a.incidentRunbookCommand(), a.evidenceCommand(),
	)
	return group
}

// order is one command about one incident.
type order struct {
	by   incident.By
	id   incident.ID
	args []string // after the ID
	db   *store.DB
}

// verb carries an order out.
type verb func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error)

// act makes the command of a verb that takes an incident and plain arguments.
// A verb that changes what is due also delivers it (DESIGN: Running).
func (a *app) act(use, short string, changesDue bool, do verb) *cobra.Command {
	words := len(splitWords(use)) - 1
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(words),
		RunE: func(cmd *cobra.Command, args []string) error { return a.carryOut(cmd.Context(), args, changesDue, do) },
	}
}

func (a *app) carryOut(ctx context.Context, args []string, changesDue bool, do verb) error {
	id, err := incident.ParseID(args[0])
	if err != nil {
		return withCode(exitUsage, err)
	}
	by, err := a.by(a.evidence(ctx))
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		inc, err := do(ctx, incident.NewDesk(db), order{by, id, args[1:], db})
		if err != nil {
			return err
		}
		if err := a.reportDone(ctx, db, inc, by); err != nil {
			return err
		}
		if inc.Status.Over() && inc.MergedInto == "" { // the draft follows the timeline, later notes included
			if _, err := refreshDraft(ctx, db, inc.ID, by); err != nil {
				return err
			}
		}
		if changesDue {
			err = a.deliver(ctx, db, inc.ID)
		}
		a.capture(ctx, db, by, inc.ID) // after the pages
		return err
	})
}

// reportDone says what a command put on the timeline, and where the incident
// stands after it.
func (a *app) reportDone(ctx context.Context, db *store.DB, inc incident.Incident, by incident.By) error {
	if !a.flags.json {
		page, err := db.Page(ctx, inc.ID, 0, 10)
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Source == by.Source && e.Actor == by.Actor && !e.Recorded.Before(by.At.Truncate(time.Microsecond)) {
				fmt.Fprintf(a.stdout, "%s %s\n", stamp(e.At), sanitise(e.Text))
			}
		}
	}
	return a.report(inc)
}

// report says where the incident stands after a command.
func (a *app) report(inc incident.Incident) error {
	if a.flags.json {
		return a.print(viewOf(inc, time.Now()))
	}
	ack := "not acknowledged"
	if inc.Acknowledged() {
		ack = "acknowledged by " + string(inc.Clocks.AckBy)
	}
	if inc.InDoubt() {
		ack += ", asked whether still on it"
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s %s, %s: %s\n", inc.ID, inc.Severity, inc.Status, sanitise(ack), sanitise(titleOf(inc)))
	return err
}

func (a *app) didCommand() *cobra.Command {
	var action incident.Action
	var term string
	c := a.act("did ID TEXT", "record what was done about it", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		var err error
		if action.Term, err = incident.ParseTerm(term); err != nil {
			return incident.Incident{}, withCode(exitUsage, err)
		}
		action.Text = o.args[0]
		return d.Did(ctx, o.by, o.id, action)
	})
	c.Flags().BoolVar(&action.Mitigates, "mitigates", false, "it ended the users' pain")
	c.Flags().StringVar(&term, "term", "immediate", "immediate, short-term or long-term")
	return c
}

func (a *app) statusCommand() *cobra.Command {
	var details string
	c := a.act("status ID STATUS", "open, investigating, identified or monitoring", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		status, err := incident.ParseStatus(o.args[0])
		if err != nil {
			return incident.Incident{}, withCode(exitUsage, err)
		}
		return d.ChangeStatus(ctx, o.by, o.id, status, details)
	})
	c.Flags().StringVar(&details, "details", "", "what is known")
	return c
}

func (a *app) severityCommand() *cobra.Command {
	var reason string
	c := a.act("severity ID SEV-n", "change the severity; the ladder follows", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		severity, err := incident.ParseSeverity(o.args[0])
		if err != nil {
			return incident.Incident{}, withCode(exitUsage, err)
		}
		return d.ChangeSeverity(ctx, o.by, o.id, severity, reason)
	})
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) setCommand() *cobra.Command {
	var service string
	c := a.act("set ID", "say what service it is about; the ladder follows", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		policy, err := a.policy()
		if err != nil {
			return incident.Incident{}, err
		}
		return d.SetService(ctx, o.by, o.id, service, policy.Reroute)
	})
	c.Long = "Say what service an incident is about, when that turns out after it was declared. What the policy, as it is now, has\n" +
		"for the service holds from then on. Whoever the ladder calls at the present level is called, if that is somebody else."
	c.Flags().StringVar(&service, "service", "", "the service that hurts, by `name`")
	return c
}

func (a *app) escalateCommand() *cobra.Command {
	var to, reason string
	c := a.act("escalate ID", "wake the next level now", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		inc, err := o.db.Incident(ctx, o.id)
		if err != nil {
			return inc, err
		}
		if err := escalation.CanEscalate(inc, incident.Level(to)); err != nil {
			return inc, withCode(exitUsage, err)
		}
		return d.Escalate(ctx, o.by, o.id, incident.Level(to), reason)
	})
	c.Flags().StringVar(&to, "to", "", "a `level` such as L3 (default the next one)")
	c.Flags().StringVar(&reason, "reason", "", "why: whoever is woken will ask")
	return c
}

func (a *app) resolveCommand() *cobra.Command {
	var resolution, plan string
	c := a.act("resolve ID", "end it", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		return d.Resolve(ctx, o.by, o.id, resolution)
	})
	resolve := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if plan != "" {
			id, err := incident.ParseID(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			if err := a.verify(cmd.Context(), id, plan); err != nil {
				return err
			}
		}
		return resolve(cmd, args)
	}
	c.Flags().StringVar(&resolution, "resolution", "", "how it was fixed, in a line")
	c.Flags().StringVar(&plan, "verify", "", "run this load `plan` first (sitrep load run): if it does not pass, or is worse than its baseline, the incident stays open")
	return c
}

func (a *app) listCommand() *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use: "list", Short: "incidents, newest first, drills last", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := db.Incidents(cmd.Context(), open, 0)
				if err != nil {
					return err
				}
				a.warnUnwatched(cmd.Context(), db, list...)
				a.warnOnPurpose(cmd.Context(), db, list)
				return a.printIncidents(list)
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that are not over")
	return c
}

// responder is who has it; whoever was asked whether they are still on it is
// marked.
func responder(inc incident.Incident) string {
	if inc.InDoubt() {
		return fmt.Sprintf("%s (still on it?)", inc.Clocks.AckBy)
	}
	return orDash(string(inc.Roles[incident.Responder]))
}

// practice puts what is real before drills.
func practice(inc incident.Incident) int {
	if inc.Drill {
		return 1
	}
	return 0
}

// titleOf is a title that cannot be taken for real where the incident is none.
func titleOf(inc incident.Incident) string {
	return drillWord(inc.Drill) + inc.Title
}

// drillWord stands before the words of a drill.
func drillWord(is bool) string {
	if is {
		return "DRILL "
	}
	return ""
}

func (a *app) printIncidents(list []incident.Incident) error {
	now := time.Now()
	if a.flags.json {
		views := make([]incidentView, 0, len(list))
		for _, inc := range list {
			views = append(views, viewOf(inc, now))
		}
		return a.print(views)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "no incidents")
		return err
	}
	rows := [][]string{{"ID", "SEVERITY", "STATUS", "DECLARED", "LASTED", "RESPONDER", "SERVICE", "TITLE"}}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b incident.Incident) int { return practice(a) - practice(b) })
	for _, inc := range list {
		rows = append(rows, []string{
			string(inc.ID), string(inc.Severity), string(inc.Status), stamp(inc.Clocks.Declared), span(inc.Age(now)),
			responder(inc), orDash(inc.Service), titleOf(inc),
		})
	}
	return table(a.stdout, rows)
}
