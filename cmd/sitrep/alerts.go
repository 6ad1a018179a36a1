package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

func (a *app) alertCommand() *cobra.Command {
	group := &cobra.Command{Use: "alert", Short: "what fires, what is silenced, and how good the rules are"}
	var grouped bool
	list := &cobra.Command{
		Use: "list", Short: "pending, firing and silenced alerts, and rules that are broken", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listAlerts(cmd.Context(), grouped) },
	}
	list.Flags().BoolVar(&grouped, "group", false, "as Alertmanager groups them; without one by their rule")
	group.AddCommand(list, a.silenceCommand(), a.alertLintCommand(), a.alertStatsCommand())
	group.AddCommand(a.markCommands()...)
	return group
}

func (a *app) listAlerts(ctx context.Context, grouped bool) error {
	list, rules, err := a.allAlerts(ctx)
	if err != nil && len(list) == 0 {
		return err
	}
	if grouped {
		groups, groupErr := a.groupsOf(ctx, list)
		return errors.Join(groupErr, a.printGroups(groups), err)
	}
	if err := a.printAlerts(ctx, list); err != nil {
		return err
	}
	for _, r := range rules {
		if r.Health == "err" {
			fmt.Fprintln(a.stderr, sanitise(fmt.Sprintf("sitrep: the rule %s of %s is broken and cannot fire: %s", r.Name, r.Group, r.LastError)))
		}
	}
	return err
}

// groupsOf is Alertmanager's groups, else the alerts by their rule.
func (a *app) groupsOf(ctx context.Context, list []alert.Alert) ([]alert.Group, error) {
	manager, err := a.alertmanager(ctx)
	if err != nil {
		return nil, err
	}
	if manager != nil {
		defer manager.CloseIdle()
		groups, err := manager.Groups(ctx)
		return groups, withCode(exitInconclusive, err)
	}
	var groups []alert.Group
	at := map[string]int{}
	for _, al := range list {
		i, known := at[al.Name]
		if !known {
			i, at[al.Name] = len(groups), len(groups)
			groups = append(groups, alert.Group{Labels: query.Labels{"alertname": al.Name}})
		}
		groups[i].Alerts = append(groups[i].Alerts, al)
	}
	return groups, nil
}

func (a *app) printGroups(groups []alert.Group) error {
	type view struct {
		Labels   query.Labels  `json:"labels"`
		Receiver string        `json:"receiver"`
		Alerts   []alert.Alert `json:"alerts"`
	}
	views := []view{}
	rows := [][]string{{"GROUP", "RECEIVER", "ALERTS", "HIDDEN", "SINCE"}}
	for _, g := range groups {
		views = append(views, view(g))
		hidden, since := 0, time.Time{}
		for _, al := range g.Alerts {
			if al.Hidden() {
				hidden++
			}
			if since.IsZero() || al.ActiveAt.Before(since) {
				since = al.ActiveAt
			}
		}
		rows = append(rows, []string{g.Labels.String(), orDash(g.Receiver), fmt.Sprint(len(g.Alerts)), fmt.Sprint(hidden), stamp(since)})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(groups) == 0:
		_, err := fmt.Fprintln(a.stdout, "nothing fires")
		return err
	}
	return table(a.stdout, rows)
}

// printAlerts lists alerts with what tells those of one name apart, and the incident
// that they belong to.
func (a *app) printAlerts(ctx context.Context, list []alert.Alert) error {
	list = append([]alert.Alert{}, list...)
	if err := a.annotate(ctx, list); err != nil {
		fmt.Fprintln(a.stderr, sanitise("sitrep: which incidents they belong to is not known: "+err.Error()))
	}
	switch {
	case a.flags.json:
		return a.print(list)
	case len(list) == 0:
		_, err := fmt.Fprintln(a.stdout, "nothing fires")
		return err
	}
	width, _ := terminalOf(a.stdout)
	wide, now := width >= 120, time.Now()
	rows := [][]string{{"STATE", "ALERT", "LABELS", "FOR", "INCIDENT", "SUMMARY", "SINCE"}}
	own := alert.Apart(list)
	several := slices.ContainsFunc(list, func(al alert.Alert) bool { return al.Teller() != list[0].Teller() || len(al.Also) > 0 })
	for i, al := range list {
		state := al.State
		switch {
		case len(al.Silenced) > 0:
			state = "silenced"
		case al.Muted != "":
			state = "muted"
		case al.Flapping:
			state = "flapping"
		}
		if several {
			own[i] = strings.TrimSpace(own[i] + " (" + tellersOf(al) + ")")
		}
		rows = append(rows, []string{state, al.Name, own[i], pane.Ago(now.Sub(al.ActiveAt)), orDash(al.Incident), al.Annotations["summary"], stamp(al.ActiveAt)})
	}
	if !wide { // how long says it too
		for i := range rows {
			rows[i] = rows[i][:len(rows[i])-1]
		}
	}
	return fittedTable(a.stdout, rows, giving{1: 22, 2: 14, 5: 8})
}

// annotate says what the timeline knows of alerts, if there is one; and on standard error
// what goes on on purpose where they fire.
func (a *app) annotate(ctx context.Context, list []alert.Alert) error {
	path, err := a.storePath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || len(list) == 0 {
		return nil
	}
	return a.withStore(ctx, func(db *store.DB) error {
		d := &alertDesk{db: db}
		if _, err := d.firing(ctx, alert.FromPrometheus); err != nil {
			return err
		}
		d.annotate(list)
		a.tellOnPurpose(ctx, db, firingServices(list), func(service string) string { return service + ": " })
		return nil
	})
}

// firingServices are those of which something fires.
func firingServices(list []alert.Alert) (services []string) {
	for _, al := range list {
		if s := serviceOf(al); s != "" && al.State == alert.Firing {
			services = append(services, s)
		}
	}
	return services
}

func (a *app) alertLintCommand() *cobra.Command {
	var server bool
	c := &cobra.Command{
		Use: "lint (FILE... | --server)", Short: "what is wrong with alerting rules, by file, line and column", Args: cobra.ArbitraryArgs,
		Long: `Names alerting rules that fire on causes and not on what users see, ratios of
selectors that can never match, and rules without for, severity or runbook; and
those that were mostly noise in the last 90 days, where the store knows (sitrep
alert stats). Files are those of Prometheus, or manifests of PrometheusRule.`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if server == (len(files) > 0) {
				return usage("alert lint: give files, or --server for the rules of %s", "prometheus.url")
			}
			found, err := a.lintAlerts(cmd.Context(), files)
			if err != nil {
				return err
			}
			if err := a.printRuleLint(found); err != nil {
				return err
			}
			if n := len(found); n > 0 {
				return withCode(exitNotHeld, fmt.Errorf("%s", count(n, "finding")))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&server, "server", false, "the rules that the server has")
	return c
}

func (a *app) lintAlerts(ctx context.Context, files []string) ([]alert.Finding, error) {
	noisy, err := a.noisy(ctx)
	if err != nil { // the rules can be read all the same
		fmt.Fprintln(a.stderr, sanitise("sitrep: which rules are mostly noise is not known: "+err.Error()))
	}
	if len(files) == 0 {
		client, err := a.prometheus(ctx)
		if err != nil {
			return nil, err
		}
		defer client.CloseIdle()
		rules, err := client.Rules(ctx)
		return alert.LintServer(client.URL(), rules, noisy), withCode(exitInconclusive, err)
	}
	var found []alert.Finding
	for _, f := range files {
		rules, err := loadFile(f, alert.ReadRules)
		if err != nil {
			return nil, err
		}
		found = append(found, alert.LintRules(f, rules, noisy)...)
	}
	return found, nil
}

func (a *app) printRuleLint(found []alert.Finding) error {
	if a.flags.json {
		return a.print(append([]alert.Finding{}, found...))
	}
	for _, f := range found {
		if _, err := fmt.Fprintln(a.stdout, sanitise(f.String())); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(a.stdout, "nothing is wrong with the rules")
		return err
	}
	return nil
}
