package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "read a policy and say what is wrong with it, or may surprise", Args: cobra.MaximumNArgs(1),
		Long: "Read a policy, that of the configuration or FILE, and say what is wrong with it. What is no error and may still surprise whoever relies on it is a\n" +
			"warning: the exit code is 0. Sinks are compared with the configuration, where there is one.",
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			var warnings []*strictyaml.Error
			check := func(file string, src []byte) (p escalation.Policy, err error) {
				p, warnings, err = escalation.CheckPolicy(file, src, c.surroundings())
				return p, err
			}
			file, src := c.path(c.Policy.path), c.Policy.inline
			switch {
			case len(args) > 0:
				file = args[0]
			case c.Policy.path == "" && len(src) > 0:
				file = c.file + " (policy)"
				p, err := check(file, src)
				if err != nil {
					return withCode(exitUsage, err)
				}
				return a.printPolicy(file, p, warnings)
			case c.Policy.path == "":
				return usage("the configuration names no policy: give a FILE (without one, sitrep policy explain shows the default)")
			}
			p, err := loadFile(file, check)
			if err != nil {
				return err
			}
			return a.printPolicy(file, p, warnings)
		},
	}
}

// surroundings is what a policy is compared with. Without a configuration nothing
// is said: a policy may be checked anywhere.
func (c *config) surroundings() escalation.Surroundings {
	if c.file == "" {
		return escalation.Surroundings{}
	}
	return escalation.Surroundings{
		Lacks: func(sink string) string {
			only := escalation.Policy{Ladders: map[string][]escalation.LevelRule{"": {{Notify: []string{sink}}}}}
			return strings.Join(slices.Sorted(maps.Values(c.missing(only))), ", ")
		},
		Unknown: func(who incident.Person) string {
			switch p, known := c.People[string(who)]; {
			case !known:
				return "the configuration has no people." + string(who)
			case p.Phone == "":
				return "the configuration has no people." + string(who) + ".phone"
			}
			return ""
		},
	}
}

// policyView is `policy check --json`.
type policyView struct {
	File       string           `json:"file"`
	Ladders    []string         `json:"ladders"`
	Services   int              `json:"services"`
	QuietHours int              `json:"quiet_hours"`
	Declare    int              `json:"declare"`
	Sinks      []string         `json:"sinks"`
	Divert     []string         `json:"divert"` // null: every chat of the ladders
	Severities []severityView   `json:"severities"`
	Warnings   []surpriseOfFile `json:"warnings"`
}

type severityView struct {
	Severity        incident.Severity `json:"severity"`
	RespondWithin   float64           `json:"respond_within_seconds"`
	ResolveWithin   float64           `json:"resolve_within_seconds"`
	UpdateEvery     float64           `json:"update_every_seconds"`
	AckTimeout      float64           `json:"ack_timeout_seconds"`
	CommanderWithin float64           `json:"commander_within_seconds"`
	Page            escalation.Page   `json:"page"`
	Ladder          string            `json:"ladder"`
	Reaches         incident.Level    `json:"reaches"`
	Scale           float64           `json:"scale"`
	Audience        []string          `json:"audience"`
}

type surpriseOfFile struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (a *app) printPolicy(file string, p escalation.Policy, warnings []*strictyaml.Error) error {
	if a.flags.json {
		return a.print(policyViewOf(file, p, warnings))
	}
	ladders := slices.Sorted(maps.Keys(p.Ladders))
	fmt.Fprintf(a.stdout, "%s: %s, %s, %s, %s; it calls %s\n", sanitise(file), count(len(ladders), "ladder"),
		count(len(p.Services), "service rule"), count(len(p.QuietHours), "quiet period"), count(len(p.Declare), "declare rule"),
		sanitise(orDash(strings.Join(p.Sinks(), ", "))))
	rows := [][]string{{"SEVERITY", "ANSWER", "RESOLVE", "UPDATE", "STILL ON IT?", "COMMANDER", "L1 PAGE", "LADDER", "REACHES", "AUDIENCE"}}
	for _, s := range incident.Severities() {
		r := p.Severities[s]
		ladder := r.Ladder
		if r.Scale != 1 {
			ladder += fmt.Sprintf(" x%g", r.Scale)
		}
		rows = append(rows, []string{
			string(s), r.RespondWithin.String(), r.ResolveWithin.String(), r.UpdateEvery.String(), orNever(r.AckTimeout), orNever(r.CommanderWithin),
			string(r.Page), ladder, string(r.Reaches), orDash(strings.Join(r.Audience, ", ")),
		})
	}
	if err := table(a.stdout, rows); err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintf(a.stdout, "warning: %s\n", sanitise(oneLineOf(w)))
	}
	return nil
}

func policyViewOf(file string, p escalation.Policy, warnings []*strictyaml.Error) policyView {
	v := policyView{
		File: file, Ladders: slices.Sorted(maps.Keys(p.Ladders)), Services: len(p.Services), QuietHours: len(p.QuietHours), Declare: len(p.Declare),
		Sinks: append([]string{}, p.Sinks()...), Divert: p.Divert, Warnings: []surpriseOfFile{},
	}
	for _, s := range incident.Severities() {
		r := p.Severities[s]
		v.Severities = append(v.Severities, severityView{
			s, r.RespondWithin.D().Seconds(), r.ResolveWithin.D().Seconds(), r.UpdateEvery.D().Seconds(), r.AckTimeout.D().Seconds(), r.CommanderWithin.D().Seconds(),
			r.Page, r.Ladder, r.Reaches, r.Scale, append([]string{}, r.Audience...),
		})
	}
	for _, w := range warnings {
		v.Warnings = append(v.Warnings, surpriseOfFile{w.Line, w.Column, w.Message})
	}
	return v
}

// oneLineOf is an error of a file without the lines around it.
func oneLineOf(e *strictyaml.Error) string {
	short := *e
	short.Excerpt = ""
	return short.Error()
}

func orNever(d strictyaml.Duration) string {
	if d == 0 {
		return "never"
	}
	return d.String()
}
