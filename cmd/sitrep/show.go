package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/store"
)

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
				all, err := db.Incidents(cmd.Context(), false, 0)
				if err != nil {
					return err
				}
				now := time.Now()
				related, err := relatedTo(cmd.Context(), db, inc, all)
				if err != nil {
					return err
				}
				changes, err := changed(cmd.Context(), db, inc, now)
				if err != nil {
					return err
				}
				runs, err := onPurposeViews(cmd.Context(), db, inc, now)
				if err != nil {
					return err
				}
				a.warnUnwatched(cmd.Context(), db, inc)
				merged := slices.DeleteFunc(all, func(other incident.Incident) bool { return !slices.Contains(inc.Merged, other.ID) })
				return a.show(inc, shownIncident{viewOf(inc, now), itemsOf(merged, true), changes, runs, relatedViews(related), a.soFar(cmd.Context(), db, inc, now)}, itemsOf(merged, false), now)
			})
		},
	}
}

// shownIncident is what `incident show --json` has beyond the incident's own.
type shownIncident struct {
	incidentView
	MergedItems []itemView      `json:"merged_items"` // action items of those that were merged into it
	Changes     []changedView   `json:"changes"`
	Runs        []onPurposeView `json:"runs"` // of chaos and load that go on, or have just ended, where it hurts
	Related     []relatedView   `json:"related"`
	SoFar       []incident.Cost `json:"budget_costs_so_far"` // of one that is open
}

// show prints where an incident stands; owed is the open items of those that were
// merged into it.
func (a *app) show(inc incident.Incident, v shownIncident, owed []itemView, now time.Time) error {
	if a.flags.json {
		return a.print(v)
	}
	rows := [][]string{
		{"incident", string(inc.ID)},
		{"title", titleOf(inc)},
		{"severity", string(inc.Severity)},
		{"status", string(inc.Status)},
		{"service", orDash(inc.Service)},
		{"declared", stamp(inc.Clocks.Declared)},
		{"acknowledged", stamp(inc.Clocks.Acknowledged) + " " + incident.Event{Actor: inc.Clocks.AckBy, Claimed: inc.Clocks.AckClaimed}.Who()},
		{"mitigated", stamp(inc.Clocks.Mitigated)},
		{"resolved", stamp(inc.Clocks.Resolved)},
		{"level", orDash(string(inc.Rung.Level))},
		{"next level at", nextCall(inc, v.NextLevelAt, now)},
		{"calls again at", callsAgain(inc, now)},
		{"next update due", nextUpdate(inc, v.UpdateDueAt, now)},
	}
	for _, c := range inc.Costs {
		rows = append(rows, []string{"cost", c.String()})
	}
	for _, c := range v.SoFar {
		rows = append(rows, []string{"cost so far", c.SoFar()})
	}
	if inc.InDoubt() {
		rows = append(rows, []string{"still on it?", doubt(inc, now)})
	}
	if inc.Unreached() {
		rows = append(rows, unreachedRows(inc, now)...)
	}
	if inc.MergedInto != "" {
		rows = append(rows, []string{"merged into", string(inc.MergedInto)})
	}
	for _, id := range inc.Merged {
		rows = append(rows, []string{"merged", string(id)})
	}
	if inc.SplitFrom != "" {
		rows = append(rows, []string{"split from", string(inc.SplitFrom)})
	}
	for _, role := range incident.Roles() {
		if who := inc.Roles[role]; who != "" {
			rows = append(rows, []string{string(role), string(who)})
		}
	}
	if inc.Drill {
		rows = append(rows, []string{"drill", "yes"})
	}
	for _, it := range append(itemsOf([]incident.Incident{inc}, false), owed...) {
		rows = append(rows, []string{"open item", fmt.Sprintf("%s %s, %s: %s", it.Incident, it.Item, cmp.Or(string(it.Owner), "nobody"), it.Text)})
	}
	for _, r := range v.Runs[:min(len(v.Runs), mostNamedRuns)] {
		rows = append(rows, []string{"on purpose", r.text})
	}
	rows = append(rows, changedRows(v.Changes)...)
	rows = append(rows, relatedRows(v.Related, now)...)
	return table(a.stdout, rows)
}

// nextCall is when the ladder climbs, or why it does not.
func nextCall(inc incident.Incident, at *time.Time, now time.Time) string {
	switch {
	case inc.Rung.Snoozed.After(now):
		return "snoozed until " + stamp(inc.Rung.Snoozed)
	case !escalation.QuietUntil(inc, now).IsZero():
		return quietWords(escalation.QuietUntil(inc, now))
	case at == nil:
		return "-"
	case at.Before(now):
		return fmt.Sprintf("%s (late by %s: does sitrep daemon run?)", stamp(*at), span(now.Sub(*at)))
	}
	return fmt.Sprintf("%s (in %s)", stamp(*at), span(at.Sub(now)))
}

// callsAgain is when the present level is called again if nobody does anything.
func callsAgain(inc incident.Incident, now time.Time) string {
	again := escalation.CallsAgainAt(inc, now)
	switch {
	case again.IsZero():
		return "-"
	case again.After(now):
		return fmt.Sprintf("%s, %s (in %s)", inc.Rung.Level, stamp(again), span(again.Sub(now)))
	}
	return fmt.Sprintf("%s, now", inc.Rung.Level)
}

// doubt is when an acknowledgement that nobody confirms is taken back.
func doubt(inc incident.Incident, now time.Time) string {
	ends := escalation.DoubtEndsAt(inc)
	if !ends.After(now) {
		return fmt.Sprintf("asked %s, unanswered since (does sitrep daemon run?)", stamp(inc.Attention.Questioned))
	}
	return fmt.Sprintf("asked %s; back to the ladder %s (in %s) unless somebody acts (sitrep incident ack %s)",
		stamp(inc.Attention.Questioned), stamp(ends), span(ends.Sub(now)), inc.ID)
}

// unreachedRows say that nobody could be told, and what failed since when.
func unreachedRows(inc incident.Incident, now time.Time) [][]string {
	rows := [][]string{{"NOBODY REACHED", fmt.Sprintf("since %s (%s): no page of %s goes out; call by phone (sitrep who)", stamp(inc.Degraded.Since), span(now.Sub(inc.Degraded.Since)), inc.Degraded.Level)}}
	for _, f := range inc.Degraded.Sinks {
		rows = append(rows, []string{"failing", fmt.Sprintf("since %s %s", stamp(f.Since), f.Why)})
	}
	return rows
}

// degradedView is an outage in which nobody could be told.
type degradedView struct {
	Since time.Time         `json:"since"`
	Level incident.Level    `json:"level"`
	Round int               `json:"round"`
	Who   []incident.Person `json:"who"`
	Sinks []failingView     `json:"sinks"`
}

type failingView struct {
	Sink  string     `json:"sink"`
	Since *time.Time `json:"since"`
	Why   string     `json:"why"`
}

// degradedOf is nil while there is a way out.
func degradedOf(inc incident.Incident) *degradedView {
	if !inc.Unreached() {
		return nil
	}
	d := inc.Degraded
	v := &degradedView{d.Since.UTC(), d.Level, d.Round, append([]incident.Person{}, d.Who...), []failingView{}}
	for _, f := range d.Sinks {
		v.Sinks = append(v.Sinks, failingView{f.Sink, moment(f.Since), f.Why})
	}
	return v
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
	CallsAgainAt   *time.Time                        `json:"calls_again_at"` // the present level
	InDoubtUntil   *time.Time                        `json:"in_doubt_until"` // whoever has it was asked "still on it?"; then it goes back to the ladder
	SnoozedUntil   *time.Time                        `json:"snoozed_until"`
	Degraded       *degradedView                     `json:"delivery_degraded"` // nothing takes a page that is due
	Roles          map[incident.Role]incident.Person `json:"roles"`
	Labels         map[string]string                 `json:"labels"`
	RunbookURL     string                            `json:"runbook_url"`
	Runbook        string                            `json:"runbook"` // that a person attached
	Actions        []incident.Action                 `json:"actions"`
	Items          []incident.OpenItem               `json:"items"`
	UpdateDueAt    *time.Time                        `json:"update_due_at"`
	MergedInto     incident.ID                       `json:"merged_into"`
	Merged         []incident.ID                     `json:"merged"`
	SplitFrom      incident.ID                       `json:"split_from"`
	TTA            *float64                          `json:"tta_seconds"`
	TTM            *float64                          `json:"ttm_seconds"`
	TTR            *float64                          `json:"ttr_seconds"`
	Costs          []incident.Cost                   `json:"budget_costs"`
}

func viewOf(inc incident.Incident, now time.Time) incidentView {
	v := incidentView{
		ID: inc.ID, Title: inc.Title, Severity: inc.Severity, Status: inc.Status, Service: inc.Service, Drill: inc.Drill,
		DeclaredAt: moment(inc.Clocks.Declared), DetectedAt: moment(inc.Clocks.Detected), AcknowledgedAt: moment(inc.Clocks.Acknowledged),
		MitigatedAt: moment(inc.Clocks.Mitigated), ResolvedAt: moment(inc.Clocks.Resolved), ClosedAt: moment(inc.Clocks.Closed),
		Resolution: inc.Resolution, Level: inc.Rung.Level, Roles: inc.Roles, Labels: inc.Labels, RunbookURL: runbook.URL(inc), Runbook: inc.Runbook, Actions: inc.Actions, Items: inc.Items,
		TTA: seconds(inc.TimeToAcknowledge()), TTM: seconds(inc.TimeToMitigate()), TTR: seconds(inc.TimeToResolve()), Costs: append([]incident.Cost{}, inc.Costs...),
		NextLevelAt: moment(escalation.NextLevelAt(inc, now)), SnoozedUntil: moment(inc.Rung.Snoozed),
		CallsAgainAt: moment(escalation.CallsAgainAt(inc, now)),
		InDoubtUntil: moment(escalation.DoubtEndsAt(inc)), Degraded: degradedOf(inc),
		UpdateDueAt: moment(escalation.UpdateDueAt(inc)), MergedInto: inc.MergedInto, Merged: inc.Merged, SplitFrom: inc.SplitFrom,
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
	if v.Merged == nil {
		v.Merged = []incident.ID{}
	}
	if v.Items == nil {
		v.Items = []incident.OpenItem{}
	}
	return v
}
