package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
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
	group.AddCommand(
		&cobra.Command{Use: "check FILE", Short: "read a policy and say what is wrong with it", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			p, err := loadFile(args[0], escalation.LoadPolicy)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %d ladders, %d severities, %d declare rules; it calls %s\n", args[0],
				len(p.Ladders), len(p.Severities), len(p.Declare), strings.Join(p.Sinks(), ", "))
			return err
		}},
		a.explainCommand(),
	)
	return group
}

func (a *app) explainCommand() *cobra.Command {
	var severity, acked, horizon string
	c := &cobra.Command{
		Use: "explain --severity SEV-1", Short: "who would be called when, if nobody resolves it", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			sev, err := incident.ParseSeverity(severity)
			if err != nil {
				return withCode(exitUsage, err)
			}
			span, err := strictyaml.ParseDuration(horizon)
			if err != nil {
				return usage("--for: %w", err)
			}
			var script escalation.Script
			if acked != "" {
				if script.Acknowledged, err = strictyaml.ParseDuration(acked); err != nil {
					return usage("--acked-after: %w", err)
				}
			}
			p, err := a.policy()
			if err != nil {
				return err
			}
			return a.printCalls(escalation.Explain(p, sev, script, span))
		},
	}
	c.Flags().StringVar(&severity, "severity", "", "SEV-1 to SEV-4")
	c.Flags().StringVar(&acked, "acked-after", "", "what if somebody acknowledges after so long")
	c.Flags().StringVar(&horizon, "for", "4h", "how far to look")
	return c
}

func (a *app) printCalls(calls []escalation.Call) error {
	type view struct {
		After  float64           `json:"after_seconds"`
		Level  incident.Level    `json:"level"`
		Round  int               `json:"round"`
		Reason string            `json:"reason"`
		Page   escalation.Page   `json:"page"`
		Who    []incident.Person `json:"who"`
		Notify []string          `json:"notify"`
	}
	views := []view{}
	rows := [][]string{{"AFTER", "LEVEL", "ROUND", "WHY", "PAGE", "WHO", "THROUGH"}}
	for _, c := range calls {
		views = append(views, view{c.After.Seconds(), c.Level, c.Round, c.Reason, c.Page, c.Who, c.Notify})
	}
	for len(calls) > 0 {
		n := alike(calls)
		first, last := calls[0], calls[n-1]
		row := func(after, why string, c escalation.Call) []string {
			return []string{after, string(c.Level), fmt.Sprint(c.Round), why, string(c.Page), names(c.Who), strings.Join(c.Notify, ", ")}
		}
		rows = append(rows, row(span(first.After), first.Reason, first))
		switch {
		case n == 2:
			rows = append(rows, row(span(last.After), last.Reason, last))
		case n > 2:
			rows = append(rows, row("to "+span(last.After), fmt.Sprintf("%d times more", n-1), last))
		}
		calls = calls[n:]
	}
	if a.flags.json {
		return a.print(views)
	}
	if len(rows) == 1 {
		_, err := fmt.Fprintln(a.stdout, "nobody is called")
		return err
	}
	return table(a.stdout, rows)
}

// alike is how many of the first calls are one that repeats: they differ in
// nothing but time and round.
func alike(calls []escalation.Call) int {
	n := 1
	for n < len(calls) {
		a, b := calls[0], calls[n]
		if a.Round == 1 || a.Level != b.Level || a.Page != b.Page || !slices.Equal(a.Who, b.Who) || !slices.Equal(a.Notify, b.Notify) {
			break
		}
		n++
	}
	return n
}

func names(people []incident.Person) string {
	list := make([]string, len(people))
	for i, p := range people {
		list[i] = string(p)
	}
	return orDash(strings.Join(list, ", "))
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
