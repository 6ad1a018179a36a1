package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
)

// runbookView is a runbook as JSON, with the ticks of an incident if there is one.
type runbookView struct {
	Name  string              `json:"name"`
	Title string              `json:"title"`
	File  string              `json:"file"`
	URLs  []string            `json:"urls"`
	Match map[string][]string `json:"match"`
	Why   string              `json:"why,omitempty"` // it fits
	Done  int                 `json:"done"`
	Steps []stepView          `json:"steps"`
	Gone  []tickView          `json:"gone"` // ticks of steps that the file no longer has
}

type stepView struct {
	Number  int       `json:"number"`
	ID      string    `json:"id"`
	Group   string    `json:"group"`
	Text    string    `json:"text"`
	Queries []string  `json:"queries"`
	Tick    *tickView `json:"tick"`
}

type tickView struct {
	Step    string          `json:"step"`
	Text    string          `json:"text"`
	By      incident.Person `json:"by"`
	Claimed bool            `json:"claimed"`
	At      time.Time       `json:"at"`
	Result  string          `json:"result"`
	Note    string          `json:"note"`
}

func runbookViewOf(r runbook.Runbook, inc incident.Incident) runbookView {
	v := runbookView{
		Name: r.Name, Title: r.Title, File: r.File, URLs: append([]string{}, r.URLs...), Match: r.Match, Done: r.Done(inc), Steps: []stepView{}, Gone: []tickView{},
	}
	if v.Match == nil {
		v.Match = map[string][]string{}
	}
	for _, s := range r.Steps {
		v.Steps = append(v.Steps, stepViewOf(r, s, inc))
	}
	for _, t := range r.Gone(inc) {
		v.Gone = append(v.Gone, tickViewOf(t))
	}
	return v
}

func stepViewOf(r runbook.Runbook, s runbook.Step, inc incident.Incident) stepView {
	v := stepView{Number: s.Number, ID: s.ID, Group: s.Group, Text: s.Text, Queries: []string{}}
	for _, q := range s.Queries() {
		v.Queries = append(v.Queries, q.Text)
	}
	if t, done := inc.Ticked(r.Name, s.ID); done {
		tick := tickViewOf(t)
		v.Tick = &tick
	}
	return v
}

func tickViewOf(t incident.Tick) tickView {
	return tickView{Step: t.Step.Step, Text: t.Text, By: t.By, Claimed: t.Claimed, At: t.At.UTC(), Result: t.Result, Note: t.Note}
}

// printRunbook writes a runbook as a checklist.
func (a *app) printRunbook(r runbook.Runbook, inc incident.Incident, why string) error {
	if a.flags.json {
		v := runbookViewOf(r, inc)
		v.Why = why
		return a.print(v)
	}
	var b strings.Builder
	head := fmt.Sprintf("%s: %s", r.Name, r.Title)
	if inc.Declared() && len(r.Steps) > 0 {
		head = fmt.Sprintf("%s on %s, %s", head, inc.ID, r.Progress(inc))
	}
	if why != "" {
		head += " (" + why + ")"
	}
	fmt.Fprintln(&b, head)
	group := ""
	for _, s := range r.Steps {
		writeBlocks(&b, s.Before, "")
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fmt.Fprintln(&b, stepLine(r, s, inc))
		writeBlocks(&b, s.Body, "      ")
	}
	writeBlocks(&b, r.After, "")
	if gone := r.Gone(inc); len(gone) > 0 {
		fmt.Fprintf(&b, "\nTicked, and no longer in the runbook\n")
		for _, t := range gone {
			fmt.Fprintf(&b, "[x] - %s  {#%s}%s\n", t.Text, t.Step.Step, tickedBy(t))
		}
	}
	_, err := fmt.Fprintln(a.stdout, sanitise(strings.TrimRight(b.String(), "\n")))
	return err
}

// stepLine is "[x] 2 Which peer fails?  {#which-peer-fails}  done 03:12 by bob: 7%".
func stepLine(r runbook.Runbook, s runbook.Step, inc incident.Incident) string {
	t, done := inc.Ticked(r.Name, s.ID)
	box := "[ ]"
	if done {
		box = "[x]"
	} else if next, ok := r.Next(inc); inc.Declared() && ok && next.ID == s.ID {
		box = "[>]"
	}
	line := fmt.Sprintf("%s %d %s  {#%s}", box, s.Number, s.Text, s.ID)
	if done {
		line += tickedBy(t)
	}
	return line
}

func tickedBy(t incident.Tick) string {
	line := fmt.Sprintf("  done %s by %s", stamp(t.At), t.Who())
	if t.Result != "" {
		line += ": " + t.Result
	}
	if t.Note != "" {
		line += ": " + t.Note
	}
	return line
}

// writeBlocks writes prose and code; what is not asked says that it is only shown.
func writeBlocks(b *strings.Builder, blocks []runbook.Block, indent string) {
	for _, one := range blocks {
		lead := indent + strings.Repeat("  ", one.Depth)
		switch {
		case one.Query():
			fmt.Fprintf(b, "%spromql, sitrep runbook run asks it:\n", lead)
			lead += "  "
		case one.Code:
			fmt.Fprintf(b, "%s%s, shown and never run:\n", lead, cmp.Or(one.Lang, "code"))
			lead += "  "
		}
		for line := range strings.SplitSeq(one.Text, "\n") {
			fmt.Fprintln(b, strings.TrimRight(lead+line, " "))
		}
	}
}
