package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// explanation is what a person wants explained.
type explanation struct {
	severities []incident.Severity
	script     escalation.Script
	horizon    time.Duration
	policy     escalation.Policy
}

func (a *app) explainCommand() *cobra.Command {
	var severity, at, acked, horizon string
	var script escalation.Script
	c := &cobra.Command{
		Use: "explain [FILE]", Short: "who would be called when, if nobody resolves it", Args: cobra.MaximumNArgs(1),
		Long: "Say who would be called when for an incident that is declared now, or at --at, and that nobody resolves: by the\n" +
			"policy of the configuration, or by that of FILE. It is the ladder itself that is asked. Without --severity all\n" +
			"severities are shown, one line a level.",
		RunE: func(cmd *cobra.Command, args []string) error {
			x := explanation{script: script, severities: incident.Severities()}
			var err error
			if severity != "" {
				sev, err := incident.ParseSeverity(severity)
				if err != nil {
					return withCode(exitUsage, err)
				}
				x.severities = []incident.Severity{sev}
			}
			if x.script.At, err = momentOf(at, time.Now()); err != nil {
				return usage("--at: %w", err)
			}
			if x.horizon, err = strictyaml.ParseDuration(horizon); err != nil {
				return usage("--for: %w", err)
			}
			if acked != "" {
				if x.script.Acknowledged, err = strictyaml.ParseDuration(acked); err != nil {
					return usage("--acked-after: %w", err)
				}
			}
			if len(args) > 0 {
				x.policy, err = loadFile(args[0], escalation.LoadPolicy)
			} else {
				x.policy, err = a.policy()
			}
			if err != nil {
				return err
			}
			return a.explain(cmd.Context(), x)
		},
	}
	c.Flags().StringVar(&severity, "severity", "", "SEV-1 to SEV-4 (default all)")
	c.Flags().StringVar(&at, "at", "", "when it is declared: `2026-12-24T03:00Z`, or without Z in UTC (default now)")
	c.Flags().StringVar(&script.Service, "service", "", "the service that hurts")
	c.Flags().BoolVar(&script.Drill, "drill", false, "as a drill")
	c.Flags().StringVar(&acked, "acked-after", "", "what if somebody acknowledges after so long")
	c.Flags().StringVar(&horizon, "for", "4h", "how far to look")
	return c
}

// Nobody plans for other years or looks back at them, and beyond year 9999 a moment
// cannot be written down.
const firstYear, lastYear = 1970, 2200

// momentOf reads a moment as people type it; without a zone it is in UTC.
func momentOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now.UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			if t = t.UTC(); t.Year() < firstYear || t.Year() > lastYear {
				return time.Time{}, fmt.Errorf("%q is in the year %d; it can be in %d to %d", text, t.Year(), firstYear, lastYear)
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a moment; write for example 2026-12-24T03:00Z", text)
}

// momentOrAgo reads a moment as momentOf does, or so long before now: "now", "15m",
// "-15m", "now-15m".
func momentOrAgo(text string, now time.Time) (time.Time, error) {
	at, err := momentOf(text, now)
	if err == nil {
		return at, nil
	}
	if text == "now" {
		return now, nil
	}
	ago, wrong := strictyaml.ParseDuration(strings.TrimPrefix(strings.TrimPrefix(text, "now"), "-"))
	if wrong != nil || ago < 0 {
		return time.Time{}, err
	}
	if at = now.Add(-ago); at.Year() < firstYear {
		return time.Time{}, fmt.Errorf("%q is in the year %d; it can be from %d on", text, at.Year(), firstYear)
	}
	return at, nil
}

// callView is one call of `policy explain --json`.
type callView struct {
	Severity incident.Severity          `json:"severity"`
	At       time.Time                  `json:"at"`
	After    float64                    `json:"after_seconds"`
	Level    incident.Level             `json:"level"`
	Round    int                        `json:"round"`
	Reason   string                     `json:"reason"`
	Page     escalation.Page            `json:"page"`
	Who      []incident.Person          `json:"who"`
	Phones   map[incident.Person]string `json:"phones"` // of those whom the configuration knows
	Notify   []string                   `json:"notify"`
	Divert   []string                   `json:"divert"` // where it goes if that does not take it
}

func (a *app) explain(ctx context.Context, x explanation) error {
	phones, err := a.phones()
	if err != nil {
		return err
	}
	views := []callView{}
	for i, sev := range x.severities {
		if err := ctx.Err(); err != nil {
			return err
		}
		calls, end, whole := escalation.Explain(x.policy, sev, x.script, x.horizon)
		if !whole {
			fmt.Fprintf(a.stderr, "%s: this is not all of it: the first %s, until %s; begin later with --at, or look less far with --for\n", sev, count(len(calls), "call"), stamp(end))
		}
		rules := x.policy.For(x.script.Incident(sev))
		for _, c := range calls {
			views = append(views, callView{sev, c.At, c.After.Seconds(), c.Level, c.Round, c.Reason, c.Page, c.Who, phones.of(c.Who), c.Notify, instead(rules, c)})
		}
		if a.flags.json {
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		pic := picture{explanation: x, sev: sev, phones: phones, brief: len(x.severities) > 1}
		if _, err := fmt.Fprint(a.stdout, pic.draw()); err != nil {
			return err
		}
		if pic.brief {
			continue
		}
		fmt.Fprintln(a.stdout)
		if err := a.printCalls(calls); err != nil {
			return err
		}
	}
	if a.flags.json {
		return a.print(views)
	}
	return nil
}

// instead is where a call goes that is not taken; one that pages nobody goes
// nowhere.
func instead(rules escalation.Rules, c escalation.Call) []string {
	if c.Page == escalation.PageNone {
		return []string{}
	}
	sinks, _ := rules.Divert(c.Level)
	return append([]string{}, sinks...)
}

func (a *app) printCalls(calls []escalation.Call) error {
	if len(calls) == 0 {
		_, err := fmt.Fprintln(a.stdout, "nobody is called")
		return err
	}
	rows := [][]string{{"AFTER", "AT", "LEVEL", "ROUND", "WHY", "PAGE", "WHO", "THROUGH"}}
	for len(calls) > 0 {
		n := alike(calls)
		first, last := calls[0], calls[n-1]
		row := func(after, why string, c escalation.Call) []string {
			return []string{after, stamp(c.At), string(c.Level), fmt.Sprint(c.Round), why, string(c.Page), names(c.Who), orDash(strings.Join(c.Notify, ", "))}
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

// phonebook is the phone numbers of the configuration, by name.
type phonebook map[incident.Person]string

func (a *app) phones() (phonebook, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	book := phonebook{}
	for name, p := range c.People {
		if p.Phone != "" {
			book[incident.Person(name)] = p.Phone
		}
	}
	return book, nil
}

// of is the part of the book that is about these people.
func (b phonebook) of(who []incident.Person) map[incident.Person]string {
	found := map[incident.Person]string{}
	for _, p := range who {
		if phone, ok := b[p]; ok {
			found[p] = phone
		}
	}
	return found
}

// names is these people with their numbers.
func (b phonebook) names(who []incident.Person) string {
	list := make([]string, len(who))
	for i, p := range who {
		list[i] = string(p)
		if phone, ok := b[p]; ok {
			list[i] += " " + phone
		}
	}
	return strings.Join(list, ", ")
}
