package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// verdictWidth is how wide the verdict of a run is printed: that of the narrowest
// terminal that people still use.
const verdictWidth = 80

// printOutcome is the last line of --json, or for people the verdict: what held and what
// did not, what each probe saw, what became of each fault and guard, and what to do next.
func (a *app) printOutcome(name string, out chaos.Outcome) error {
	if a.flags.json {
		return json.NewEncoder(a.stdout).Encode(out)
	}
	v := verdict{page: page{w: a.stdout}, out: out}
	head := strings.TrimSpace(out.Run+" "+name) + ": " + strings.ToUpper(strings.ReplaceAll(string(out.Verdict), "_", " "))
	if out.Score != nil {
		head += fmt.Sprintf(", score %.0f%%", 100**out.Score)
	}
	v.line(head)
	v.label("why", out.Because())
	v.label("after", out.Recovery)
	if back := out.Back(); out.Recovery == "" && back != "" {
		v.label("after", "the steady state was back "+back)
	}
	v.label("expected", out.Hypothesis)
	v.probes()
	v.faults()
	v.guards()
	v.line("")
	v.label("next", nextStep(name, out))
	return v.err
}

// verdict writes one.
type verdict struct {
	page
	out chaos.Outcome
}

// page writes lines for people; err is the first that could not be written.
type page struct {
	w     io.Writer
	width int // of lines; 0 is that of verdicts
	err   error
}

func (p *page) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(sanitise(text), " "))
	}
}

// label writes a text beside its label, on as many lines as it needs; none without text.
func (p *page) label(label, text string) { p.beside(label, 10, text) }

// beside is the same with the text from a column on.
func (p *page) beside(label string, column int, text string) {
	if text == "" {
		return
	}
	for _, l := range wrapped(oneLine(text), cmp.Or(p.width, verdictWidth)-column) {
		p.line(fmt.Sprintf("%-*s%s", column, label, l))
		label = ""
	}
}

// columns writes rows below each other, the first cell of which may be cut.
func (p *page) columns(rows [][]string, first int) {
	if len(rows) < 2 || p.err != nil {
		return
	}
	p.line("")
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		row[0] = safe.New(row[0], first).String()
		for i, cell := range row {
			row[i] = oneLine(cell)
			widths[i] = max(widths[i], safe.New(row[i], maxLine).Width())
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-safe.New(cell, maxLine).Width()+2)
		}
		p.line(line)
	}
}

// probes are those that left their band, those that saw nothing, and those that held.
func (v *verdict) probes() {
	rank := func(p chaos.ProbeOutcome) int {
		switch {
		case p.Within < p.Evaluations:
			return 0
		case p.Blind():
			return 1
		}
		return 2
	}
	list := slices.Clone(v.out.Probes)
	slices.SortStableFunc(list, func(a, b chaos.ProbeOutcome) int { return rank(a) - rank(b) })
	rows := [][]string{{"PROBE", "EXPECTED", "BEFORE", "WORST", "LAST", "AFTER", "DURING"}}
	for _, p := range list {
		looks := fmt.Sprintf("held, %d looks", p.Evaluations)
		switch {
		case len(p.Phases) > 0 && !slices.Contains(p.Phases, chaos.During):
			looks = "not looked at"
		case p.Evaluations == 0:
			looks = "NO DATA"
		case p.Within < p.Evaluations:
			looks = fmt.Sprintf("OUT %d of %d", p.Evaluations-p.Within, p.Evaluations)
		case p.Blind():
			looks = p.Answered()
		case p.Answered() != "":
			looks = fmt.Sprintf("held, %d of %d looks", p.Evaluations, p.Looks)
		}
		rows = append(rows, []string{p.Name, safe.New(p.Expect, 18).String(), figure(p.Before), figure(p.Worst), figure(p.During), figure(p.After), looks})
	}
	v.columns(rows, 16)
}

// faults are each with when it was in place and when it was proven gone.
func (v *verdict) faults() {
	clock := func(t *time.Time) string { return t.UTC().Format("15:04:05Z") }
	rows := [][]string{{"FAULT", "UNDO", "IN PLACE", "GONE", "LASTED"}}
	for _, f := range v.out.Faults {
		row := []string{f.Kind + " on " + f.Target, "tier " + string(f.Tier), "never", "-", "-"}
		if f.InjectedAt != nil {
			row[2], row[3] = clock(f.InjectedAt), "NOT PROVEN"
		}
		if f.InjectedAt != nil && f.GoneAt != nil {
			row[3], row[4] = clock(f.GoneAt), fmt.Sprintf("%.1f s", f.GoneAt.Sub(*f.InjectedAt).Seconds())
		}
		rows = append(rows, row)
	}
	v.columns(rows, 34)
	for _, f := range v.out.Faults {
		if f.Effect != "" {
			v.label("seen", f.Target+": "+f.Effect)
		}
	}
}

func (v *verdict) guards() {
	rows := [][]string{{"GUARD", "ABORT WHEN", "BREACHED", "LAST", ""}}
	for _, g := range v.out.Guards {
		tripped := ""
		if g.Tripped {
			tripped = "TRIPPED"
		}
		rows = append(rows, []string{g.Name, safe.New(g.AbortWhen, 30).String(), fmt.Sprintf("%d of %d looks", g.Breaches, g.Evaluations), figure(g.Last), tripped})
	}
	v.columns(rows, 16)
}

// nextStep is what whoever reads a verdict does now.
func nextStep(name string, out chaos.Outcome) string {
	injected := slices.ContainsFunc(out.Faults, func(f chaos.FaultOutcome) bool { return f.InjectedAt != nil })
	guard := slices.ContainsFunc(out.Guards, func(g chaos.GuardOutcome) bool { return g.Tripped })
	again, history := "sitrep chaos run "+name, "sitrep chaos history "+name
	switch {
	case out.Verdict == chaos.UndoFailed:
		return "sitrep chaos recover tries again, and says what to do by hand"
	case out.Verdict == chaos.Refused:
		return "nothing was touched; sitrep chaos run " + name + " --dry-run says what every rule says"
	case out.Verdict == chaos.Inconclusive && !injected:
		return "nothing was touched; once that is mended: " + again
	case out.Verdict == chaos.Inconclusive:
		return "it says nothing about the service; once that is mended: " + again
	case injected && out.RecoverySeconds == nil:
		return "look at the service now: health was not seen to return; sitrep incident declare if people are hurt"
	case guard:
		return "people would have been hurt: mend that, or make the fault smaller, then " + again
	case out.Verdict == chaos.Aborted:
		return "it was ended before it could tell; " + again
	case out.Verdict == chaos.Deviated:
		return "mend what left its band, then " + again + "; " + history + " shows the runs before"
	}
	return history + " shows the runs before; a longer or stronger fault tells more"
}

func figure(v *float64) string {
	if v == nil {
		return "-"
	}
	return query.FormatValue("short", *v)
}

func verdictOfChaos(ctx context.Context, name string, out chaos.Outcome) error {
	text := fmt.Errorf("%s %s: %s: %s", out.Run, name, out.Verdict, out.Why())
	switch {
	case out.Verdict == chaos.UndoFailed:
		return withCode(exitUndoFailed, text)
	case out.Verdict == chaos.Held:
		return nil
	case out.Verdict == chaos.Refused:
		return withCode(exitRefused, text)
	case ctx.Err() != nil:
		return withCode(exitInterrupted, text)
	case out.Verdict == chaos.Inconclusive:
		return withCode(exitInconclusive, text)
	}
	return withCode(exitNotHeld, text)
}
