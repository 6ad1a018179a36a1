package main

import (
	"context"
	"fmt"
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
		a.didCommand(), a.statusCommand(), a.severityCommand(),
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
	)
	return group
}

// order is one command about one incident.
type order struct {
	by   incident.By
	id   incident.ID
	args []string // after the ID
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
		inc, err := do(ctx, incident.NewDesk(db), order{by, id, args[1:]})
		if err != nil {
			return err
		}
		if err := a.report(inc); err != nil {
			return err
		}
		if inc.Status.Over() { // the draft follows the timeline, later notes included
			if _, err := refreshDraft(ctx, db, inc.ID, by); err != nil {
				return err
			}
		}
		if !changesDue {
			return nil
		}
		return a.deliver(ctx, db, inc.ID)
	})
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
	_, err := fmt.Fprintf(a.stdout, "%s %s %s, %s: %s\n", inc.ID, inc.Severity, inc.Status, sanitise(ack), sanitise(inc.Title))
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

func (a *app) escalateCommand() *cobra.Command {
	var to, reason string
	c := a.act("escalate ID", "wake the next level now", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		return d.Escalate(ctx, o.by, o.id, incident.Level(to), reason)
	})
	c.Flags().StringVar(&to, "to", "", "a `level` such as L3 (default the next one)")
	c.Flags().StringVar(&reason, "reason", "", "why: whoever is woken will ask")
	return c
}

func (a *app) resolveCommand() *cobra.Command {
	var resolution string
	c := a.act("resolve ID", "end it", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		return d.Resolve(ctx, o.by, o.id, resolution)
	})
	c.Flags().StringVar(&resolution, "resolution", "", "how it was fixed, in a line")
	return c
}

func (a *app) listCommand() *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use: "list", Short: "incidents, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := db.Incidents(cmd.Context(), open, 0)
				if err != nil {
					return err
				}
				return a.printIncidents(list)
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that are not over")
	return c
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
	for _, inc := range list {
		rows = append(rows, []string{
			string(inc.ID), string(inc.Severity), string(inc.Status), stamp(inc.Clocks.Declared), span(inc.Age(now)),
			orDash(string(inc.Roles[incident.Responder])), orDash(inc.Service), inc.Title,
		})
	}
	return table(a.stdout, rows)
}

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "where an incident stands", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := incident.ParseID(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				inc, err := db.Incident(cmd.Context(), id)
				if err != nil {
					return err
				}
				return a.show(inc, time.Now())
			})
		},
	}
}

func (a *app) show(inc incident.Incident, now time.Time) error {
	v := viewOf(inc, now)
	if a.flags.json {
		return a.print(v)
	}
	rows := [][]string{
		{"incident", string(inc.ID)},
		{"title", inc.Title},
		{"severity", string(inc.Severity)},
		{"status", string(inc.Status)},
		{"service", orDash(inc.Service)},
		{"declared", stamp(inc.Clocks.Declared)},
		{"acknowledged", stamp(inc.Clocks.Acknowledged) + " " + string(inc.Clocks.AckBy)},
		{"mitigated", stamp(inc.Clocks.Mitigated)},
		{"resolved", stamp(inc.Clocks.Resolved)},
		{"level", orDash(string(inc.Rung.Level))},
		{"next level at", nextCall(inc, v.NextLevelAt, now)},
	}
	for _, role := range incident.Roles() {
		if who := inc.Roles[role]; who != "" {
			rows = append(rows, []string{string(role), string(who)})
		}
	}
	if inc.Drill {
		rows = append(rows, []string{"drill", "yes"})
	}
	return table(a.stdout, rows)
}

// nextCall is when the ladder climbs, or why it does not.
func nextCall(inc incident.Incident, at *time.Time, now time.Time) string {
	switch {
	case inc.Rung.Snoozed.After(now):
		return "snoozed until " + stamp(inc.Rung.Snoozed)
	case at == nil:
		return "-"
	case at.Before(now):
		return fmt.Sprintf("%s (late by %s: does sitrep daemon run?)", stamp(*at), span(now.Sub(*at)))
	}
	return fmt.Sprintf("%s (in %s)", stamp(*at), span(at.Sub(now)))
}

func (a *app) timelineCommand() *cobra.Command {
	var last int
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
				events, err := timeline(cmd.Context(), db, id, last)
				if err != nil {
					return err
				}
				sortByTime(events)
				if a.flags.json {
					return a.print(events)
				}
				rows := make([][]string, 0, len(events))
				for _, e := range events {
					rows = append(rows, eventLine(e))
				}
				return table(a.stdout, rows)
			})
		},
	}
	c.Flags().IntVar(&last, "last", 0, "only the `N` events that were recorded last")
	return c
}

// timeline is the last events of an incident, or all.
func timeline(ctx context.Context, db *store.DB, id incident.ID, last int) ([]incident.Event, error) {
	if last > 0 {
		return db.Page(ctx, id, 0, last)
	}
	return db.Timeline(ctx, id)
}

// incidentView is `incident show --json` (DESIGN section 4).
type incidentView struct {
	ID             incident.ID                       `json:"id"`
	Title          string                            `json:"title"`
	Severity       incident.Severity                 `json:"severity"`
	Status         incident.Status                   `json:"status"`
	Service        string                            `json:"service"`
	Drill          bool                              `json:"drill"`
	DeclaredAt     *time.Time                        `json:"declared_at"`
	DetectedAt     *time.Time                        `json:"detected_at"`
	AcknowledgedAt *time.Time                        `json:"acknowledged_at"`
	AcknowledgedBy *incident.Person                  `json:"acknowledged_by"`
	MitigatedAt    *time.Time                        `json:"mitigated_at"`
	ResolvedAt     *time.Time                        `json:"resolved_at"`
	ClosedAt       *time.Time                        `json:"closed_at"`
	Resolution     string                            `json:"resolution"`
	Level          incident.Level                    `json:"level"`
	NextLevelAt    *time.Time                        `json:"next_level_at"`
	SnoozedUntil   *time.Time                        `json:"snoozed_until"`
	Roles          map[incident.Role]incident.Person `json:"roles"`
	Labels         map[string]string                 `json:"labels"`
	Actions        []incident.Action                 `json:"actions"`
	Items          []incident.OpenItem               `json:"items"`
	TTA            *float64                          `json:"tta_seconds"`
	TTM            *float64                          `json:"ttm_seconds"`
	TTR            *float64                          `json:"ttr_seconds"`
}

func viewOf(inc incident.Incident, now time.Time) incidentView {
	v := incidentView{
		ID: inc.ID, Title: inc.Title, Severity: inc.Severity, Status: inc.Status, Service: inc.Service, Drill: inc.Drill,
		DeclaredAt: moment(inc.Clocks.Declared), DetectedAt: moment(inc.Clocks.Detected), AcknowledgedAt: moment(inc.Clocks.Acknowledged),
		MitigatedAt: moment(inc.Clocks.Mitigated), ResolvedAt: moment(inc.Clocks.Resolved), ClosedAt: moment(inc.Clocks.Closed),
		Resolution: inc.Resolution, Level: inc.Rung.Level, Roles: inc.Roles, Labels: inc.Labels, Actions: inc.Actions, Items: inc.Items,
		TTA: seconds(inc.TimeToAcknowledge()), TTM: seconds(inc.TimeToMitigate()), TTR: seconds(inc.TimeToResolve()),
		NextLevelAt: moment(escalation.NextLevelAt(inc, now)), SnoozedUntil: moment(inc.Rung.Snoozed),
	}
	if inc.Acknowledged() {
		v.AcknowledgedBy = &inc.Clocks.AckBy
	}
	if v.Roles == nil {
		v.Roles = map[incident.Role]incident.Person{}
	}
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	if v.Actions == nil {
		v.Actions = []incident.Action{}
	}
	if v.Items == nil {
		v.Items = []incident.OpenItem{}
	}
	return v
}
