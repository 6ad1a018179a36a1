package incident

import (
	"fmt"
	"strings"
	"time"
)

// String says it in a line.
func (c Cost) String() string {
	budget := "error budget"
	if c.Window != "" {
		budget = c.Window + " " + budget
	}
	return fmt.Sprintf("%s of %s: %.1f%% of it (%s of everything failing, %.0f bad events); %.1f%% is left",
		budget, c.Objective, 100*c.Ratio, time.Duration(c.Minutes*float64(time.Minute)).Round(time.Second), c.Events, 100*c.Left)
}

// SoFar says it in a line of an incident that is open.
func (c Cost) SoFar() string {
	return fmt.Sprintf("%s: %.1f%% of the %s so far (%.0f bad events)", c.Objective, 100*c.Ratio, strings.TrimSpace(c.Window+" budget"), c.Events)
}

// Noticed is when anybody first knew of it.
func (inc Incident) Noticed() time.Time {
	if inc.Clocks.Detected.IsZero() {
		return inc.Clocks.Declared
	}
	return inc.Clocks.Detected
}

// RecordCosts says what an incident took of error budgets. It may be said again, of an
// incident that was reopened: the last word counts.
func (inc Incident) RecordCosts(by By, costs []Cost) Event {
	texts := make([]string, len(costs))
	for i, c := range costs {
		texts[i] = c.String()
	}
	return by.event(inc.ID, BudgetCost, strings.Join(texts, "; "), Costs{costs})
}
