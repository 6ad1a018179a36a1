package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
)

func (a *app) updateCommand() *cobra.Command {
	var u incident.Update
	c := a.act("update ID", "tell people outside: what is the case, what is done, what is needed", true, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		return d.Update(ctx, o.by, o.id, u)
	})
	c.Long = "Record an update for people outside, by conditions, actions and needs, and send it to the audience of the severity (the\n" +
		"policy's audiences) and into the threads about the incident; sitrep pages ID shows what became of it. How often one is due is\n" +
		"the policy's update_every of the severity; a change of status counts as one. sitrep incident show says when the next is due,\n" +
		"and the timeline reminds once of one that is overdue."
	c.Flags().StringVar(&u.Conditions, "conditions", "", "what is the case: who is hurt, how badly, since when (needed)")
	c.Flags().StringVar(&u.Actions, "actions", "", "what is done about it")
	c.Flags().StringVar(&u.Needs, "needs", "", "what is wanted, and from whom")
	return c
}

// nextUpdate is when people outside are owed the next update.
func nextUpdate(inc incident.Incident, due *time.Time, now time.Time) string {
	switch {
	case due == nil:
		return "-"
	case due.Before(now):
		return fmt.Sprintf("%s (overdue by %s: sitrep incident update %s)", stamp(*due), span(now.Sub(*due)), inc.ID)
	}
	return fmt.Sprintf("%s (in %s)", stamp(*due), span(due.Sub(now)))
}
