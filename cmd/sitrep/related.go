package main

import (
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// relatedView is one entry of `related` in `incident show --json`.
type relatedView struct {
	ID         incident.ID       `json:"id"`
	Title      string            `json:"title"`
	Status     incident.Status   `json:"status"`
	Severity   incident.Severity `json:"severity"`
	Why        []string          `json:"why"`
	Resolution string            `json:"resolution"`
	Drill      bool              `json:"drill"`
}

func relatedViews(list []incident.Relation) []relatedView {
	views := make([]relatedView, 0, len(list))
	for _, r := range list {
		inc := r.Incident
		views = append(views, relatedView{inc.ID, inc.Title, inc.Status, inc.Severity, r.Why, inc.Resolution, inc.Drill})
	}
	return views
}

// mostRelated is how many related incidents are worth a line each.
const mostRelated = 5

// relatedRows are the newest related incidents, a line each.
func relatedRows(list []relatedView) (rows [][]string) {
	for i, r := range list {
		if i == mostRelated {
			return append(rows, []string{"", fmt.Sprintf("and %d more (--json lists them)", len(list)-mostRelated)})
		}
		text := fmt.Sprintf("%s %s %s: %s%s (%s)", r.ID, r.Severity, r.Status, drillWord(r.Drill), r.Title, strings.Join(r.Why, ", "))
		if r.Resolution != "" {
			text += ": " + r.Resolution
		}
		label := "related"
		if i > 0 {
			label = ""
		}
		rows = append(rows, []string{label, text})
	}
	return rows
}
