package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/query"
)

// printGameday prints how a game day went: the verdict, its steps, what load and
// experiments saw, and what is to be looked into.
func (a *app) printGameday(r gameday.Result) error {
	p := page{w: a.stdout}
	head := "GOES ON"
	if r.EndedAt != nil {
		head = strings.ToUpper(strings.ReplaceAll(string(r.Verdict), "_", " "))
	}
	p.line(r.Run + " " + r.Day + ": " + head)
	p.label("why", r.Reason)
	p.label("expected", r.Hypothesis)
	p.label("drill", r.Drill)
	p.steps(r)
	p.loads(r)
	p.experiments(r)
	for i, found := range r.Findings {
		if i == 0 {
			p.line("")
		}
		p.label("found", found)
	}
	p.line("")
	p.label("next", nextAfterGameday(r))
	return p.err
}

// stepRow are the columns of steps, and where the last begins.
const (
	stepRow    = "%-14s%-11s%-9s%s"
	stepColumn = 34
)

func (p *page) steps(r gameday.Result) {
	p.line("")
	p.line(fmt.Sprintf(stepRow, "VERDICT", "BEGAN", "LASTED", "STEP"))
	for _, s := range r.Steps {
		verdict, began, lasted := "not begun", "-", "-"
		if s.StartedAt != nil {
			verdict, began = "goes on", s.StartedAt.UTC().Format("15:04:05Z")
		}
		if s.Verdict != "" {
			verdict = string(s.Verdict)
		}
		if s.StartedAt != nil && s.EndedAt != nil {
			lasted = span(s.EndedAt.Sub(*s.StartedAt))
		}
		p.beside(fmt.Sprintf(stepRow, verdict, began, lasted, ""), stepColumn, s.ID+": "+s.What)
		for _, answer := range s.Answers {
			p.beside("", stepColumn, answer.String())
		}
	}
}

func (p *page) loads(r gameday.Result) {
	rows := [][]string{{"LOAD", "OF STEP", "SENT", "P50", "P95", "P99", "ERRORS"}}
	for _, s := range r.Steps {
		if l := s.Load; l != nil {
			rows = append(rows, []string{
				strings.TrimSpace(l.Run + " " + l.Plan), s.ID, fmt.Sprintf("%.0f/s of %.0f/s", l.AchievedRate, l.RequestedRate),
				ms(l.Latency.P50), ms(l.Latency.P95), ms(l.Latency.P99), query.FormatValue("percentunit", l.ErrorRatio),
			})
		}
	}
	p.columns(rows, 20)
}

func (p *page) experiments(r gameday.Result) {
	rows := [][]string{{"CHAOS", "OF STEP", "VERDICT", "SCORE", "RECOVERED"}}
	for _, s := range r.Steps {
		for _, c := range s.Chaos {
			score, recovered := "-", "-"
			if c.Score != nil {
				score = fmt.Sprintf("%.0f%%", 100**c.Score)
			}
			if c.RecoverySeconds != nil {
				recovered = span(time.Duration(*c.RecoverySeconds * float64(time.Second)))
			}
			rows = append(rows, []string{strings.TrimSpace(c.Run + " " + c.Experiment), s.ID, string(c.Verdict), score, recovered})
		}
	}
	p.columns(rows, 30)
}

// nextAfterGameday is what whoever reads it does now.
func nextAfterGameday(r gameday.Result) string {
	switch {
	case r.EndedAt == nil:
		return "sitrep gameday show says how it goes on; sitrep chaos halt ends it"
	case r.Verdict == chaos.UndoFailed:
		return "sitrep chaos recover tries again, and says what to do by hand"
	case len(r.Findings) > 0:
		return fmt.Sprintf("each of these is an action item of %s: sitrep item list; its post-mortem is drafted", r.Drill)
	case r.Verdict == chaos.Held:
		return "a longer or stronger fault tells more; sitrep postmortem show " + r.Drill + " has the day's record"
	}
	return "sitrep gameday run " + r.Day + " holds it again"
}
