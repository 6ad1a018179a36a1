// Package readiness grades a service: how good it was against its targets, and how
// ready whoever runs it is for the next bad night. All of it is pure: what is known
// comes in as Evidence, and every mark says why.
package readiness

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Grade is A, the best, to F; "" where there is nothing to grade.
type Grade string

// Word says what the letter means, for whoever sees no colours; "" of no grade.
func (g Grade) Word() string {
	switch g {
	case "A":
		return "ready"
	case "B":
		return "good"
	case "C":
		return "fair"
	case "D":
		return "poor"
	case "F":
		return "failing"
	}
	return ""
}

// Measure is one of what a service is measured by.
type Measure string

// The measures, in the order in which a card shows them.
const (
	Availability Measure = "availability"
	Latency      Measure = "latency"
	ErrorRate    Measure = "error rate"
	Throughput   Measure = "throughput"
)

// Measures are all of them.
var Measures = []Measure{Availability, Latency, ErrorRate, Throughput}

// Standing is an objective as a card sees it.
type Standing struct {
	Name    string
	Measure Measure
	Target  float64 // share of good events, 0.999
	SLI     float64 // over its window; NaN without data
	Budget  float64 // the share of the budget that is left; below 0 it is overspent
	Burning bool    // fast enough to page
}

// Evidence is what is known of a service. Times are zero where it never happened.
type Evidence struct {
	Service   string
	Standings []Standing

	Alerts        int // rules that name the service and have a severity
	AlertsUnknown bool
	Runbooks      int
	LoadPassed    time.Time // the last load run that passed
	ChaosHeld     time.Time // the last experiment whose hypothesis held
	DayHeld       time.Time // the last game day about it that came to its end
	Restored      time.Time // the last restore that somebody signed
	ItemsOverdue  int
	ItemsOpen     int
}

// State is what a mark says.
type State string

// The states.
const (
	OK      State = "ok"
	Weak    State = "weak" // less than it should be
	Bad     State = "bad"
	Unknown State = "unknown" // nobody knows: that is not the same as good
)

// Mark is one line of a card: what, how it stands, and why.
type Mark struct {
	Name  string
	State State
	Why   string
	Do    string // what to do about it; "" if nothing
}

// Card is the grade of a service and the reason for it.
type Card struct {
	Service   string
	Grade     Grade
	Why       string // what keeps it from a better one
	Measured  []Mark // a mark for each measure
	Readiness []Mark
}

// How old the evidence of a test may be, and that of a game day: every team has one in a
// quarter, which takes in the day that the company holds every month.
const (
	fresh    = 30 * 24 * time.Hour
	dayFresh = 91 * 24 * time.Hour
)

// Assess makes the card of a service at a time.
//
// The grade is that of the budgets, lowered by what is missing: A where every objective
// is met with at least a quarter of its budget left, B where all are met, C where one is
// missed, D where two or a fast burn are, F where three are or one has spent its budget
// twice over. Each three marks of readiness that are not ok cost a grade. Nobody without
// an objective has a better one than C, whatever else is there: what is not measured is
// not known to be good.
func Assess(e Evidence, now time.Time) Card {
	c := Card{Service: e.Service}
	for _, m := range Measures {
		c.Measured = append(c.Measured, measured(e.Standings, m))
	}
	c.Readiness = []Mark{
		e.objectives(), e.alerts(), e.runbooks(),
		tested("load baseline", Loaded, e.LoadPassed, now, fresh, "a load run has passed", "run a load plan against it (sitrep load run)"),
		tested("chaos experiment", Chaos, e.ChaosHeld, now, fresh, "an experiment's hypothesis held", "run an experiment on a game day (sitrep chaos run)"),
		tested("game day", DayHeld, e.DayHeld, now, dayFresh, "one was held", "hold one about it (sitrep gameday run)"),
		tested("restore tested", Signature, e.Restored, now, fresh, "a restore was signed", "restore a backup somewhere, and sign it (sitrep routine sign restore)"),
		e.items(),
	}
	c.Grade, c.Why = e.grade(c.Readiness)
	return c
}

func measured(all []Standing, m Measure) Mark {
	mark := Mark{Name: string(m), State: Unknown, Why: "no objective measures it"}
	var said []string
	for _, s := range all {
		if s.Measure != m {
			continue
		}
		state := s.state()
		if len(said) == 0 || worse(state, mark.State) {
			mark.State = state
		}
		said = append(said, s.words())
	}
	if len(said) > 0 {
		mark.Why = strings.Join(said, "; ")
	}
	return mark
}

// rank orders states from good to bad.
var rank = []State{OK, Unknown, Weak, Bad}

func worse(a, b State) bool { return slices.Index(rank, a) > slices.Index(rank, b) }

func (s Standing) state() State {
	switch {
	case math.IsNaN(s.SLI):
		return Unknown
	case s.missed() || s.Burning:
		return Bad
	case s.Budget < enough || s.SLI < s.Target:
		return Weak
	}
	return OK
}

// missed says that the objective cannot be called met any more: more was bad than its
// budget. A share below the target is not that yet while the window has a part to come,
// or one that nothing is known of.
func (s Standing) missed() bool { return s.SLI < s.Target && s.Budget <= 0 }

// enough is the share of a budget that is comfortable.
const enough = 0.25

func (s Standing) words() string {
	if math.IsNaN(s.SLI) {
		return s.Name + ": no data"
	}
	text := fmt.Sprintf("%s: %s of %s (target %s), %.0f %% of its budget left", s.Name, percent(s.SLI), "good", percent(s.Target), 100*s.Budget)
	if s.Burning {
		text += ", burning fast"
	}
	return text
}

// percent has as many digits as tell it from 100 %.
func percent(v float64) string {
	digits := 2
	for ; digits < 6 && v < 1 && fmt.Sprintf("%.*f", digits, 100*v) == fmt.Sprintf("%.*f", digits, 100.0); digits++ {
	}
	return fmt.Sprintf("%.*f %%", digits, 100*v)
}

func (e *Evidence) objectives() Mark {
	if n := len(e.Standings); n > 0 {
		return Mark{"objectives", OK, counted(n, "objective"), ""}
	}
	return Mark{"objectives", Bad, "none is defined", "write one (docs/slo.md), or take one over (sitrep slo import)"}
}

func (e *Evidence) alerts() Mark {
	switch {
	case e.AlertsUnknown:
		return Mark{"alerts", Unknown, "the rules could not be read", "see whether Prometheus answers (sitrep doctor)"}
	case e.Alerts == 0:
		return Mark{"alerts", Bad, "no rule with a severity names the service", "write one, or let the objectives burn (sitrep slo rules)"}
	}
	return Mark{"alerts", OK, counted(e.Alerts, "rule"), ""}
}

func (e *Evidence) runbooks() Mark {
	if e.Runbooks == 0 {
		return Mark{"runbook", Bad, "there is none for the service", "write one (docs/runbooks.md)"}
	}
	return Mark{"runbook", OK, counted(e.Runbooks, "runbook"), ""}
}

func (e *Evidence) items() Mark {
	switch {
	case e.ItemsOverdue > 0:
		return Mark{"action items", Bad, fmt.Sprintf("%d of %d are overdue", e.ItemsOverdue, e.ItemsOpen), "close them, or give them a date that will be kept (sitrep item list)"}
	case e.ItemsOpen > 0:
		return Mark{"action items", OK, fmt.Sprintf("%d open, none overdue", e.ItemsOpen), ""}
	}
	return Mark{"action items", OK, "none is open", ""}
}

func tested(name string, proof Proof, at, now time.Time, fresh time.Duration, done, do string) Mark {
	switch age := now.Sub(at); {
	case at.IsZero():
		return Mark{name, Bad, proof.never(), do}
	case age > fresh:
		return Mark{name, Weak, fmt.Sprintf("%s %d days ago, more than %d", done, days(age), days(fresh)), do}
	default:
		return Mark{name, OK, done + " " + ago(age), ""}
	}
}

func days(d time.Duration) int { return int(d.Hours() / 24) }

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var grades = []Grade{"A", "B", "C", "D", "F"}

// grade is the rule that Assess tells.
func (e *Evidence) grade(readiness []Mark) (Grade, string) {
	at, why := e.byBudget()
	missing := 0
	for _, m := range readiness {
		if m.State != OK {
			missing++
		}
	}
	if missing >= marksPerGrade {
		at += missing / marksPerGrade
		why = append(why, fmt.Sprintf("%d of %d marks of readiness are missing", missing, len(readiness)))
	}
	if len(e.Standings) == 0 && at < 2 {
		at = 2
	}
	if len(why) == 0 {
		return grades[0], "every objective is met with budget to spare"
	}
	return grades[min(at, len(grades)-1)], strings.Join(why, "; ")
}

// marksPerGrade is how many missing marks cost one.
const marksPerGrade = 3

func (e *Evidence) byBudget() (at int, why []string) {
	missed, dark := 0, 0
	for _, s := range e.Standings {
		switch {
		case math.IsNaN(s.SLI):
			dark++
		case s.missed():
			missed++
			why = append(why, s.Name+" is missed")
			if s.Budget < -1 {
				at = 4
			}
		case s.Burning:
			at = max(at, 3)
			why = append(why, s.Name+" burns fast")
		case s.Budget < enough:
			at = max(at, 1)
			why = append(why, fmt.Sprintf("%s has %.0f %% of its budget left", s.Name, 100*s.Budget))
		case s.SLI < s.Target:
			at = max(at, 1)
			why = append(why, s.Name+" is below its target so far")
		}
	}
	if missed > 0 {
		at = max(at, min(missed+1, 4))
	}
	if dark > 0 {
		at = max(at, 1)
		why = append(why, counted(dark, "objective")+" without data")
	}
	if len(e.Standings) == 0 {
		why = append(why, "there is no objective")
	}
	return at, why
}
