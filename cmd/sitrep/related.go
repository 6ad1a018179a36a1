package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// relatedTo is the incidents that may help with inc, those that say most first.
func relatedTo(ctx context.Context, db *store.DB, inc incident.Incident, all []incident.Incident) ([]incident.Relation, error) {
	words := inc.Words()
	spoken, err := db.Spoken(ctx, words)
	if err != nil {
		return nil, err
	}
	return inc.Related(all, incident.Alike(words, spoken, len(all))), nil
}

// relatedView is one entry of `related` in `incident show --json`.
type relatedView struct {
	ID         incident.ID       `json:"id"`
	Title      string            `json:"title"`
	Status     incident.Status   `json:"status"`
	Severity   incident.Severity `json:"severity"`
	Drill      bool              `json:"drill"`
	DeclaredAt *time.Time        `json:"declared_at"`
	Why        []string          `json:"why"`
	Mitigation string            `json:"mitigation"` // what stopped the users' pain, as far as an action says it
	Resolution string            `json:"resolution"`
}

func relatedViews(list []incident.Relation) []relatedView {
	views := make([]relatedView, 0, len(list))
	for _, r := range list {
		inc := r.Incident
		views = append(views, relatedView{
			ID: inc.ID, Title: inc.Title, Status: inc.Status, Severity: inc.Severity, Drill: inc.Drill, DeclaredAt: moment(inc.Clocks.Declared),
			Why: r.Why, Mitigation: inc.Mitigation(), Resolution: inc.Resolution,
		})
	}
	return views
}

// mostRelated is how many related incidents are worth their lines.
const mostRelated = 5

// relatedRows are the first related incidents: what each was, why it is here, and
// how it ended.
func relatedRows(list []relatedView, now time.Time) (rows [][]string) {
	for i, r := range list {
		if i == mostRelated {
			return append(rows, []string{"", fmt.Sprintf("and %d more (--json lists them)", len(list)-mostRelated)})
		}
		when := ""
		if r.DeclaredAt != nil {
			when = ", " + span(now.Sub(*r.DeclaredAt)) + " ago"
		}
		label := "related"
		if i > 0 {
			label = ""
		}
		rows = append(rows, []string{label, fmt.Sprintf("%s %s, %s%s: %s%s (%s)", r.ID, r.Severity, r.Status, when, drillWord(r.Drill), r.Title, strings.Join(r.Why, ", "))})
		if r.Mitigation != "" && r.Mitigation != r.Resolution {
			rows = append(rows, []string{"", "  mitigated by: " + r.Mitigation})
		}
		if r.Resolution != "" {
			rows = append(rows, []string{"", "  ended with: " + r.Resolution})
		}
	}
	return rows
}

// promisedBefore is what was promised after incidents that inc repeats, and is not done.
func promisedBefore(ctx context.Context, db *store.DB, inc incident.Incident) ([]incident.Promise, error) {
	all, err := db.Incidents(ctx, false, 0)
	if err != nil {
		return nil, err
	}
	related, err := relatedTo(ctx, db, inc, all)
	return incident.Promises(inc, related), err
}

// tellPromises says of a new incident what would have kept it away. Nobody is kept from
// declaring by it.
func (a *app) tellPromises(ctx context.Context, db *store.DB, inc incident.Incident, now time.Time) {
	list, err := promisedBefore(ctx, db, inc)
	if err != nil {
		fmt.Fprintf(a.stderr, "sitrep: what was promised before is not known: %s\n", sanitise(firstError(err)))
	}
	const most = 3
	for _, p := range list[:min(len(list), most)] {
		owner := ""
		if p.Item.Owner != "" {
			owner = " - " + string(p.Item.Owner)
		}
		fmt.Fprintf(a.stderr, "%s\n", oneLine(fmt.Sprintf("%s was like it (%s), and its %s is open since %s: %s%s", p.Incident, p.Why, p.Item.Item.Item, span(now.Sub(p.Item.Added)), p.Item.Text, owner)))
	}
	if n := len(list) - most; n > 0 {
		fmt.Fprintf(a.stderr, "and %d more (sitrep item list)\n", n)
	}
}
