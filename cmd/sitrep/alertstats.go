package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) alertStatsCommand() *cobra.Command {
	var since string
	c := &cobra.Command{
		Use: "stats", Short: "how often each alert fired, and how often that was worth waking somebody", Args: cobra.NoArgs,
		Long: `Precision is the share of an alert's firings that led to an incident which a
person acknowledged or did something about, less those that were marked as noise
(sitrep alert noise). Firings of incidents that are still open and not
acknowledged do not count yet.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			back, err := strictyaml.ParseDuration(since)
			if err != nil || back <= 0 {
				return usage("alert stats: --since %q: give a time to look back, such as 90d", since)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := precision(cmd.Context(), db, time.Now().Add(-back))
				if err != nil {
					return err
				}
				return a.printPrecision(list)
			})
		},
	}
	c.Flags().StringVar(&since, "since", "90d", "how far to look `back`")
	return c
}

// precision reads the firings since then. An alert that was only listed and that a
// person declared from is known by the declaration.
func precision(ctx context.Context, db *store.DB, since time.Time) ([]stats.Precision, error) {
	events, err := db.OfKinds(ctx, since, time.Now().Add(time.Hour), incident.AlertFired, incident.AlertNoise)
	if err != nil {
		return nil, err
	}
	incidents, err := db.Incidents(ctx, false, 0)
	if err != nil {
		return nil, err
	}
	declared := map[string]incident.ID{}
	for _, inc := range incidents {
		if inc.Clocks.DetectedBy != "" {
			declared[alertCause(alert.Alert{Fingerprint: alert.Fingerprint(inc.Labels), ActiveAt: inc.Clocks.Detected})] = inc.ID
		}
	}
	var firings []stats.Firing
	var marks []string
	for _, e := range events {
		if e.Kind == incident.AlertNoise {
			var n incident.Noise
			if e.Payload(&n) == nil {
				marks = append(marks, n.Name)
			}
			continue
		}
		var al alert.Alert
		if e.Payload(&al) != nil {
			continue
		}
		f := stats.Firing{Name: al.Name, Incident: incident.ID(al.Incident), Flapping: al.Flapping}
		if f.Incident == "" {
			f.Incident = declared[alertCause(al)]
		}
		firings = append(firings, f)
	}
	return stats.Precise(firings, marks, incidents), nil
}

func (a *app) printPrecision(list []stats.Precision) error {
	type view struct {
		Name      string   `json:"name"`
		Firings   int      `json:"firings"`
		Acted     int      `json:"acted"`
		Open      int      `json:"open"`
		Listed    int      `json:"only_listed"`
		Flapping  int      `json:"flapping"`
		Noise     int      `json:"noise"`
		Precision *float64 `json:"precision_ratio"`
	}
	views := []view{}
	rows := [][]string{{"ALERT", "FIRED", "ACTED ON", "OPEN", "ONLY LISTED", "FLAPPING", "NOISE", "PRECISION"}}
	for _, p := range list {
		v := view{Name: p.Name, Firings: p.Firings, Acted: p.Acted, Open: p.Open, Listed: p.Listed, Flapping: p.Flapping, Noise: p.Noise}
		shown := "-"
		if share, known := p.Share(); known {
			v.Precision, shown = &share, fmt.Sprintf("%.0f %%", 100*share)
		}
		views = append(views, v)
		rows = append(rows, []string{p.Name, fmt.Sprint(p.Firings), fmt.Sprint(p.Acted), fmt.Sprint(p.Open), fmt.Sprint(p.Listed), fmt.Sprint(p.Flapping), fmt.Sprint(p.Noise), shown})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(list) == 0:
		_, err := fmt.Fprintln(a.stdout, "no alert has fired since then")
		return err
	}
	return table(a.stdout, rows)
}

// markNoise puts on the timeline that the last firing of an alert was noise.
func markNoise(ctx context.Context, db *store.DB, by incident.By, which, reason string) (string, error) {
	events, err := db.OfKinds(ctx, by.At.Add(-90*24*time.Hour), by.At.Add(time.Hour), incident.AlertFired)
	if err != nil {
		return "", err
	}
	for i := len(events) - 1; i >= 0; i-- {
		var al alert.Alert
		if events[i].Payload(&al) != nil || al.Name != which && al.Fingerprint != which {
			continue
		}
		n := incident.Noise{Name: al.Name}
		if al.Fingerprint == which {
			n.Fingerprint = which
		}
		text := al.Name + " was noise"
		if reason != "" {
			text += ": " + reason
		}
		e := incident.Event{
			Incident: incident.ID(al.Incident), At: by.At, Kind: incident.AlertNoise, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source, Text: text,
			Data: incident.Payload(n), Once: alertCause(al) + "/noise",
		}
		written, err := db.Append(ctx, e)
		if err == nil && len(written) == 0 {
			text = fmt.Sprintf("the last firing of %s is marked as noise already", al.Name)
		}
		return text, err
	}
	return "", usage("no alert of the name or fingerprint %q has fired in the last 90 days (sitrep alert stats shows those that have)", which)
}
