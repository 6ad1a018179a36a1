package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) gamedayCommand() *cobra.Command {
	group := &cobra.Command{Use: "gameday", Short: "game days: load, experiments and questions to people in one schedule"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "game days of the configuration, and the last runs", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listGamedays(cmd.Context())
		}},
		&cobra.Command{Use: "check NAME|FILE...", Short: "read game days and print their schedules, or what is wrong with them", Args: cobra.MinimumNArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			return a.checkGamedays(args)
		}},
		a.runGamedayCommand(), a.showGamedayCommand(), a.reportGamedayCommand(),
		a.answerGamedayCommand("go", "say go to what the game day asks", true),
		a.answerGamedayCommand("no-go", "say no: the game day ends", false),
	)
	return group
}

// dayParts are what game days are made of.
type dayParts struct {
	prepared
	known gameday.Known
}

func (a *app) dayParts() (p dayParts, err error) {
	if p.prepared, err = a.prepared(); err != nil {
		return p, err
	}
	p.known.Plans = p.plans
	for _, e := range p.experiments {
		p.known.Experiments = append(p.known.Experiments, e.Experiment)
	}
	for _, r := range incident.Roles() {
		p.known.Roles = append(p.known.Roles, string(r))
	}
	for _, s := range incident.Severities() {
		p.known.Severities = append(p.known.Severities, string(s))
	}
	return p, nil
}

func (p dayParts) load(file string, src []byte) (gameday.Day, error) {
	return gameday.Load(file, src, p.known)
}

// gamedays are those of the configuration, and which of its files are none.
func (a *app) gamedays() (days []gameday.Day, broken []brokenExperiment, parts dayParts, err error) {
	if parts, err = a.dayParts(); err != nil {
		return nil, nil, parts, err
	}
	c, err := a.config()
	if err != nil {
		return nil, nil, parts, err
	}
	files, err := c.files("gamedays", c.Gamedays)
	if err != nil {
		return nil, nil, parts, withCode(exitUsage, err)
	}
	for _, file := range files {
		var source []byte
		day, err := loadFile(file, func(file string, src []byte) (gameday.Day, error) {
			source = src
			return parts.load(file, src)
		})
		if err == nil {
			days = append(days, day)
			continue
		}
		broken = append(broken, brokenFile(file, source, err))
	}
	return days, broken, parts, checkPins(parts.experiments, parts.plans, days...)
}

// knownGamedays are those of the configuration for whoever can do without: what is wrong
// with their files is said.
func (a *app) knownGamedays(say func(string)) []gameday.Day {
	days, _, _, err := a.gamedays()
	if err != nil {
		say(fmt.Sprintf("the game days are not known, and nobody is reminded of them: %v", err))
		return nil
	}
	return days
}

// gamedayNamed finds a game day of the configuration by name, or reads a file.
func (a *app) gamedayNamed(name string) (gameday.Day, dayParts, error) {
	if isFile(name) {
		parts, err := a.dayParts()
		if err != nil {
			return gameday.Day{}, parts, err
		}
		day, err := loadFile(name, parts.load)
		return day, parts, err
	}
	days, broken, parts, err := a.gamedays()
	if err != nil {
		return gameday.Day{}, parts, err
	}
	var names []string
	for _, d := range days {
		if d.Name == name {
			return d, parts, nil
		}
		names = append(names, d.Name)
	}
	for _, b := range broken {
		if b.name == name {
			return gameday.Day{}, parts, b.err
		}
	}
	return gameday.Day{}, parts, usage("there is no game day %q, and no such file; the configuration has: %s", name, orNone(names))
}

func (a *app) checkGamedays(args []string) error {
	var problems error
	for i, name := range args {
		day, parts, err := a.gamedayNamed(name)
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		if a.flags.json {
			err = a.print(viewOfDay(day, parts.known))
		} else {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			err = a.printSchedule(day, parts.known)
		}
		problems = errors.Join(problems, err)
	}
	return withCode(exitUsage, problems)
}

// dayView is a game day as JSON: its schedule, and what may not be meant.
type dayView struct {
	Name       string            `json:"name"`
	Pin        string            `json:"pin"`
	Hypothesis string            `json:"hypothesis"`
	Severity   string            `json:"severity"`
	Service    string            `json:"service"`
	Roles      map[string]string `json:"roles"`
	Seconds    float64           `json:"most_seconds"`
	Schedule   []gameday.Slot    `json:"schedule"`
	Doubts     []string          `json:"doubts"`
	Next       *time.Time        `json:"next_at"` // for when it is planned; null: for no time to come
}

func viewOfDay(d gameday.Day, known gameday.Known) dayView {
	slots, most := d.Schedule(known)
	_, next := d.When.Around(time.Now())
	return dayView{d.Name, d.Pin, d.Hypothesis, d.Severity, d.Service, d.Roles, most.Seconds(), slots, append([]string{}, d.Doubts(known)...), moment(next)}
}

// printSchedule prints what happens when, as far as that can be planned.
func (a *app) printSchedule(d gameday.Day, known gameday.Known) error {
	p := page{w: a.stdout}
	p.schedule(d, known)
	return p.err
}

func (p *page) schedule(d gameday.Day, known gameday.Known) {
	slots, most := d.Schedule(known)
	p.line(fmt.Sprintf("%s: %d steps, at most %s", d.Name, len(d.Steps), span(most)))
	p.label("expected", d.Hypothesis)
	p.label("drill", drillOfDay(d))
	var people []string
	for _, role := range incident.Roles() {
		if who := d.Roles[string(role)]; who != "" {
			people = append(people, string(role)+" "+who)
		}
	}
	p.label("people", strings.Join(people, ", "))
	p.label("when", d.When.String())
	if !d.Window.Always() {
		p.label("window", d.Window.String())
	}
	ends := "anything ended before its time, a no, HALT, or the end of the drill"
	for _, v := range d.AbortOn {
		ends += ", a step that is " + string(v)
	}
	p.label("ends on", ends)
	p.line("")
	p.line(fmt.Sprintf(scheduleRow, "FROM", "FOR", "WHAT"))
	for _, s := range slots {
		p.beside(fmt.Sprintf(scheduleRow, strictyaml.FormatDuration(time.Duration(s.From)), lengthOf(s), ""), scheduleColumn, s.Step+": "+s.What)
	}
	for _, doubt := range d.Doubts(known) {
		p.line("")
		p.label("doubt", doubt)
	}
}

// The columns of a schedule, and where the last begins.
const (
	scheduleRow    = "%-9s%-14s%s"
	scheduleColumn = 23
)

// lengthOf is how long a part takes: as planned, and at the most.
func lengthOf(s gameday.Slot) string {
	planned, most := strictyaml.FormatDuration(time.Duration(s.Length)), strictyaml.FormatDuration(time.Duration(s.Most))
	switch {
	case s.Length == s.Most:
		return planned
	case s.Length == 0:
		return "up to " + most
	}
	return planned + "-" + most
}

// drillOfDay is the incident that is declared for a day.
func drillOfDay(d gameday.Day) string {
	if d.Service == "" {
		return d.Severity
	}
	return d.Severity + " about " + d.Service
}

func (a *app) listGamedays(ctx context.Context) error {
	days, broken, parts, err := a.gamedays()
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		past, err := a.pastGamedays(ctx, db)
		if err != nil {
			return err
		}
		past = past[max(0, len(past)-20):]
		if a.flags.json {
			views := []dayView{}
			for _, d := range days {
				views = append(views, viewOfDay(d, parts.known))
			}
			wrong := []string{}
			for _, b := range broken {
				wrong = append(wrong, b.err.Error())
			}
			return a.print(map[string]any{"gamedays": views, "broken": wrong, "runs": past})
		}
		rows := [][]string{{"GAME DAY", "KEY", "STEPS", "AT MOST", "EXPECTED"}}
		for _, d := range days {
			_, most := d.Schedule(parts.known)
			expected := orDash(d.Hypothesis)
			if _, next := d.When.Around(time.Now()); !next.IsZero() {
				expected = fmt.Sprintf("%s: %s", next.Format("2006-01-02 15:04 MST"), expected)
			}
			rows = append(rows, []string{d.Name, orDash(d.Pin), fmt.Sprint(len(d.Steps)), span(most), expected})
		}
		for _, b := range broken {
			rows = append(rows, []string{b.name, "-", "-", "-", "broken: " + b.brief()})
		}
		for i, r := range slices.Backward(past) {
			if i == len(past)-1 {
				rows = append(rows, []string{"", "", "", ""}, []string{"RUN", "DRILL", "BEGAN", "RESULT"})
			}
			rows = append(rows, []string{r.Run, r.Drill, stamp(r.StartedAt), r.Day + ": " + standingOfDay(r)})
		}
		return table(a.stdout, rows)
	})
}

// standingOfDay is how a day went, or where it is.
func standingOfDay(r gameday.Result) string {
	if r.EndedAt != nil {
		return fmt.Sprintf("%s: %s", r.Verdict, r.Reason)
	}
	if s := r.Present(); s != nil {
		return "goes on, step " + s.ID
	}
	return "goes on"
}
