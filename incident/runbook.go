package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// How much of a step stands in the text of its event, in characters. The file
// and the answer of a query may be as long as they like.
const (
	longestStep   = 300
	longestResult = 300
)

// stale is how old the answer of a query may be before the text of a tick says
// when it was asked.
const stale = time.Minute

// Ticked finds the tick of a step.
func (inc Incident) Ticked(runbook, step string) (Tick, bool) {
	i := slices.IndexFunc(inc.Ticks, func(t Tick) bool { return t.Runbook == runbook && t.Step.Step == step })
	if i < 0 {
		return Tick{}, false
	}
	return inc.Ticks[i], true
}

// Tick says that a step of a runbook is done. It is welcome on a resolved
// incident too: to verify is a step.
func (inc Incident) Tick(by By, s Step) ([]Event, error) {
	const verb = "tick a step on"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	if s.Runbook == "" || s.Step == "" {
		return nil, inc.refuse(verb, ErrMissing, "the runbook and its step")
	}
	if t, done := inc.Ticked(s.Runbook, s.Step); done {
		return nil, inc.refuse(verb, ErrNoChange, "%s of %s was done at %s by %s", s.Step, s.Runbook, clock(t.At), t.By)
	}
	s.Text, s.Note = oneLine(s.Text, longestStep), strings.TrimSpace(s.Note)
	s.Result = oneLine(s.Result, longestResult)
	text := s.Text
	if s.Result != "" {
		text += " -> " + s.Result
		if by.At.Sub(s.Asked) > stale && !s.Asked.IsZero() {
			text += ", asked " + clock(s.Asked)
		}
	}
	if s.Note != "" {
		text += ": " + s.Note
	}
	return []Event{by.event(inc.ID, StepDone, fmt.Sprintf("%s (%s)", text, s.Runbook), s)}, nil
}

// Untick says that a step is not done, after all.
func (inc Incident) Untick(by By, runbook, step string) ([]Event, error) {
	const verb = "untick a step on"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	t, done := inc.Ticked(runbook, step)
	if !done {
		return nil, inc.refuse(verb, ErrNoChange, "%s of %s is not ticked", step, runbook)
	}
	s := Step{Runbook: runbook, Step: step, Text: t.Text}
	return []Event{by.event(inc.ID, StepUndone, fmt.Sprintf("not done after all: %s (%s)", t.Text, runbook), s)}, nil
}

// Attach says which runbook is followed, whatever matches by itself.
func (inc Incident) Attach(by By, runbook string) ([]Event, error) {
	const verb = "attach a runbook to"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	switch runbook {
	case "":
		return nil, inc.refuse(verb, ErrMissing, "its name")
	case inc.Runbook:
		return nil, inc.refuse(verb, ErrNoChange, "%s is attached", runbook)
	}
	return []Event{by.event(inc.ID, RunbookAttached, "runbook "+runbook, Attachment{runbook})}, nil
}

// applyStep keeps the first tick of a step until it is taken back.
func (inc Incident) applyStep(e Event) Incident {
	var p Step
	if e.Payload(&p) != nil || p.Runbook == "" || p.Step == "" {
		return inc
	}
	_, done := inc.Ticked(p.Runbook, p.Step)
	switch {
	case e.Kind == StepDone && !done:
		inc.Ticks = append(inc.Ticks[:len(inc.Ticks):len(inc.Ticks)], Tick{Step: p, By: e.Actor, Claimed: e.Claimed, Via: e.Via, At: e.At})
	case e.Kind == StepUndone && done:
		inc.Ticks = slices.DeleteFunc(slices.Clone(inc.Ticks), func(t Tick) bool { return t.Runbook == p.Runbook && t.Step.Step == p.Step })
		if len(inc.Ticks) == 0 {
			inc.Ticks = nil // as it was before the first one, cached or not
		}
	}
	return inc
}

// oneLine is text on one line of at most so many characters.
func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if all := []rune(text); len(all) > most {
		text = string(all[:most-1]) + "…"
	}
	return text
}
