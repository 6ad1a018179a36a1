package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// markCommands say what firings were worth, and take it back.
func (a *app) markCommands() []*cobra.Command {
	return []*cobra.Command{
		a.markCommand(stats.Noise, "noise ALERT|INC-n", "say that an alert, or a storm, was noise: it counts against its rule in alert stats"),
		a.markCommand(stats.Useful, "useful ALERT|INC-n", "say that it was worth having, whatever became of its incident"),
		a.markCommand("", "unmark ALERT|INC-n", "take back what was said of it last"),
	}
}

func (a *app) markCommand(v stats.Verdict, use, short string) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		Long: "ALERT is the name of an alert that has fired, or the fingerprint of one: its last firing is meant. INC-n is a storm: all alerts\nthat belong to that incident. Who said so, when and why stands on the timeline. Nothing is silenced by that: the rule is to be mended.",
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := a.by(nil)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				m, already, err := aim(cmd.Context(), db, args[0], by.At)
				if err != nil {
					return err
				}
				m.verdict, m.reason = v, strings.TrimSpace(reason)
				text := ""
				if already.Verdict == v {
					text = alreadySaid(m, already)
				} else if text, err = mark(cmd.Context(), db, by, m); err != nil {
					return err
				}
				if a.flags.json {
					return a.print(map[string]any{"marked": already.Verdict != v, "verdict": v, "alert": m.name, "incident": m.on, "storm": m.storm != "", "firings": len(m.firings), "text": text})
				}
				_, err = fmt.Fprintln(a.stdout, sanitise(text))
				return err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever mends the rule")
	return c
}

// marking is what a person says of firings, or of a storm.
type marking struct {
	name    string // of the alert; empty for a storm
	firings []string
	storm   incident.ID
	alerts  int         // that belong to the storm
	on      incident.ID // whose timeline says so
	verdict stats.Verdict
	reason  string
}

// aim finds what a person means, and what was said of it last.
func aim(ctx context.Context, db *store.DB, which string, now time.Time) (marking, pane.Said, error) {
	f, err := readFirings(ctx, db, now.Add(-firingMemory))
	if err != nil {
		return marking{}, pane.Said{}, err
	}
	if id, err := incident.ParseID(which); err == nil {
		m, err := stormOf(ctx, db, id)
		return m, f.storms[id], err
	}
	one := f.last[which]
	if one == nil {
		return marking{}, pane.Said{}, usage("no alert of the name or fingerprint %q has fired in the last 90 days (sitrep alert stats shows those that have)", which)
	}
	return marking{name: one.Name, firings: []string{one.cause}, on: one.Incident}, one.said, nil
}

// stormOf is an incident with its alerts; one without has nothing to be marked.
func stormOf(ctx context.Context, db *store.DB, id incident.ID) (marking, error) {
	inc, err := db.Incident(ctx, id)
	if errors.Is(err, incident.ErrUnknown) {
		return marking{}, withCode(exitUsage, err)
	}
	if err == nil && inc.Alerts == 0 && inc.Clocks.DetectedBy == "" {
		err = usage("%s has no alerts: there is nothing to mark", id)
	}
	return marking{storm: id, on: id, alerts: inc.Alerts}, err
}

// mostMarked is how many firings one event names: more than that are a storm.
const mostMarked = 500

// mark puts it on the timeline, and answers with the words that stand there.
func mark(ctx context.Context, db *store.DB, by incident.By, m marking) (string, error) {
	if len(m.firings) > mostMarked {
		return "", usage("%d alerts at once are more than the %d that one mark takes: mark their incident as a storm", len(m.firings), mostMarked)
	}
	kind, text := incident.AlertUnmarked, "the mark of "+m.what()+" is taken back"
	switch m.verdict {
	case stats.Noise:
		kind, text = incident.AlertNoise, m.what()+" was noise"
	case stats.Useful:
		kind, text = incident.AlertUseful, m.what()+" was worth having"
	}
	if m.reason != "" {
		text += ": " + m.reason
	}
	return text, appendBy(ctx, db, by, m.on, kind, text, "", incident.Mark{Name: m.name, Firings: m.firings, Storm: m.storm, Reason: m.reason})
}

// what is what it is about, in words.
func (m marking) what() string {
	switch {
	case m.storm != "" && m.alerts > 1:
		return fmt.Sprintf("the storm of %d alerts in %s", m.alerts, m.storm)
	case m.storm != "":
		return fmt.Sprintf("the alert of %s", m.storm)
	case len(m.firings) > 1:
		return fmt.Sprintf("%s ×%d", m.name, len(m.firings))
	}
	return m.name
}

func alreadySaid(m marking, said pane.Said) string {
	if said.Verdict == "" {
		return "nothing is said of " + m.what() + ": there is no mark to take back"
	}
	return fmt.Sprintf("%s is marked as %s already, by %s at %s", m.what(), said.Verdict, said.By, stamp(said.At))
}

// mark says what the person at the screen said of what is chosen there.
func (o *operator) mark(ctx context.Context, order pane.MarkAlerts) (pane.Receipt, error) {
	m := marking{name: order.Name, firings: order.Firings, on: order.Incident}
	if order.Storm != "" {
		var err error
		if m, err = stormOf(ctx, o.db, order.Storm); err != nil {
			return pane.Receipt{}, err
		}
	}
	m.verdict, m.reason = order.Verdict, strings.TrimSpace(order.Reason)
	text, err := mark(ctx, o.db, o.by(), m)
	return pane.Receipt{Text: text, Incident: m.on}, err
}
