package incident

import (
	"fmt"
	"strings"
	"time"
)

// String says it in a line.
func (c Cost) String() string {
	return fmt.Sprintf("error budget of %s: %.1f%% of it (%s of everything failing, %.0f bad events); %.1f%% is left",
		c.Objective, 100*c.Ratio, time.Duration(c.Minutes*float64(time.Minute)).Round(time.Second), c.Events, 100*c.Left)
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
