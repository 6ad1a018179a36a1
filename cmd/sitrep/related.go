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
