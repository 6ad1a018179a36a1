package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// policy is the escalation policy of the configuration, else the default.
func (a *app) policy() (escalation.Policy, error) {
	c, err := a.config()
	if err != nil {
		return escalation.Policy{}, err
	}
	switch {
	case c.Policy.path != "":
		return loadFile(c.path(c.Policy.path), escalation.LoadPolicy)
	case len(c.Policy.inline) > 0:
		p, err := escalation.LoadPolicy(c.file+" (policy)", c.Policy.inline)
		return p, withCode(exitUsage, err)
	}
	return escalation.Default(), nil
}

func (a *app) policyCommand() *cobra.Command {
	group := &cobra.Command{Use: "policy", Short: "who is called when"}
	group.AddCommand(a.policyCheckCommand(), a.explainCommand(), a.importPolicyCommand())
	return group
}

// owner names this process among all that share the store.
func (a *app) owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	who, err := a.actor()
	if err != nil {
		who = incident.Sitrep
	}
	return fmt.Sprintf("%s@%s %d", who, host, os.Getpid())
}

// pageView is one line of `pages --json` (DESIGN section 4).
type pageView struct {
	ID             string                  `json:"id"`
	Incident       incident.ID             `json:"incident"`
	Level          incident.Level          `json:"level"`
	Round          int                     `json:"round"`
	Sink           string                  `json:"sink"`
	Target         string                  `json:"target"`
	Operation      escalation.Operation    `json:"operation"`
	State          escalation.MessageState `json:"state"`
	Attempts       int                     `json:"attempts"`
	DedupKey       string                  `json:"dedup_key"`
	QueuedAt       *time.Time              `json:"queued_at"`
	AcceptedAt     *time.Time              `json:"accepted_at"`
	AcknowledgedAt *time.Time              `json:"acknowledged_at"`
	Error          string                  `json:"error"`
}

func pageViewOf(m escalation.Message) pageView {
	return pageView{
		ID: m.ID, Incident: m.Incident, Level: m.Level, Round: m.Round, Sink: m.Kind(), Target: m.Target(), Operation: m.Operation,
		State: m.State, Attempts: m.Attempts, DedupKey: m.DedupKey, QueuedAt: moment(m.QueuedAt), AcceptedAt: moment(m.AcceptedAt),
		AcknowledgedAt: moment(m.AcknowledgedAt), Error: m.Error,
	}
}

func (a *app) pagesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "pages [ID]", Short: "the delivery ledger: what was sent to whom, and what became of it", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var id incident.ID
			if len(args) > 0 {
				var err error
				if id, err = incident.ParseID(args[0]); err != nil {
					return withCode(exitUsage, err)
				}
			}
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			if id != "" {
				if _, err := db.Incident(cmd.Context(), id); err != nil {
					return err
				}
			}
			messages, err := db.Messages(cmd.Context(), id)
			if err != nil {
				return err
			}
			return a.printPages(messages)
		},
	}
}

func (a *app) printPages(messages []escalation.Message) error {
	views := make([]pageView, 0, len(messages))
	rows := [][]string{{"INCIDENT", "LEVEL", "ROUND", "SINK", "WHAT", "STATE", "TRIES", "QUEUED", "ACCEPTED", "ERROR"}}
	for _, m := range messages {
		views = append(views, pageViewOf(m))
		round := "-"
		if m.Round > 0 {
			round = fmt.Sprint(m.Round)
		}
		rows = append(rows, []string{
			string(m.Incident), orDash(string(m.Level)), round, m.Sink, string(m.Operation), string(m.State), fmt.Sprint(m.Attempts),
			stamp(m.QueuedAt), stamp(m.AcceptedAt), m.Error,
		})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(messages) == 0:
		_, err := fmt.Fprintln(a.stdout, "nothing was sent")
		return err
	}
	return table(a.stdout, rows)
}
