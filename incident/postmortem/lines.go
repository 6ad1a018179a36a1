package postmortem

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// lines is what a template may name. Every value is Markdown: one line, or one
// line and an indented list.
type lines struct {
	Title, Date, Duration, Severity, Impact     string
	Detection, Response, Escalation, Resolution string
	Numbers, Signals, Delivery, Events          string
	Experiments                                 string // empty without any: ask with {{if}}
	WhatHappened, WhyItHappened, Contributing   string
	UserImpact, BusinessImpact, TechnicalImpact string
	Immediate, ShortTerm, LongTerm              string
	WentWell, CouldImprove, Surprised           string
	ActionItems, ID, Service                    string
	Trigger, Responders, Severities, Messages   string
	Loads                                       string // as Experiments
}

func (f *facts) lines() lines {
	return lines{
		Title: escape(f.inc.Title), ID: escape(string(f.inc.ID)), Service: escape(f.inc.Service),
		Date: f.date(), Duration: f.duration(), Severity: f.severity(), Impact: f.impact(),
		Detection: f.detection(), Response: f.response(), Escalation: f.escalation(), Resolution: f.resolution(),
		Numbers: f.table(), Signals: f.signalBlock(), Delivery: f.delivery(), Events: f.eventList(), Experiments: f.experiments(),
		WhatHappened: f.whatHappened(), WhyItHappened: f.whyItHappened(), Contributing: f.contributing(),
		UserImpact: f.userImpact(), BusinessImpact: f.businessImpact(), TechnicalImpact: f.technicalImpact(),
		Immediate: f.done(incident.Immediate, "_What was tried, and what did it change?_"),
		ShortTerm: f.done(incident.ShortTerm, "_What is due in the next two days, and who has it?_"),
		LongTerm:  f.done(incident.LongTerm, "_What would make this class of failure impossible, or harmless?_"),
		WentWell:  f.wentWell(), CouldImprove: f.couldImprove(), Surprised: f.surprised(), ActionItems: f.actionItems(),
		Trigger: f.trigger(), Responders: f.responders(), Severities: f.timeInSeverities(), Messages: f.messages(), Loads: f.loadRuns(),
	}
}

// bullets is a first line and an indented list below it. A list of nothing is
// the first line alone.
func bullets(first string, items []string) string {
	var b strings.Builder
	b.WriteString(first)
	for _, it := range items {
		b.WriteString("\n  - " + it)
	}
	return b.String()
}

func (f *facts) date() string {
	c := f.inc.Clocks
	switch {
	case c.Detected.IsZero():
		return noData
	case !c.Detected.Equal(c.Declared):
		return fmt.Sprintf("%s (detected), declared %s", day(c.Detected), clock(c.Declared))
	}
	return day(c.Detected) + " (detected and declared)"
}

func (f *facts) duration() string {
	c := f.inc.Clocks
	if c.Detected.IsZero() {
		return noData
	}
	d, over := between(c.Detected, c.Resolved)
	if !over {
		return bullets(fmt.Sprintf("not resolved yet; %s since detection, at %s", span(max(0, f.now.Sub(c.Detected))), day(f.now)), []string{f.impactWindow()})
	}
	text := span(d) + " from detection to resolution"
	if d, ok := between(c.Detected, c.Mitigated); ok && f.mitigatedFirst() {
		text += fmt.Sprintf("; mitigated after %s", span(d))
	}
	return bullets(text, []string{f.impactWindow()})
}

func (f *facts) severity() string {
	text := escape(string(f.inc.Severity))
	if text == "" {
		text = noData
	}
	if f.inc.Drill {
		text += " (a drill)"
	}
	if len(f.severities) == 0 {
		return text
	}
	first := f.severities[0].data.From
	if first == "" {
		first = f.declaration.Severity
	}
	text += fmt.Sprintf("; declared as %s", escape(string(first)))
	for _, s := range f.severities {
		verb := "lowered"
		if s.data.To.WorseThan(s.data.From) {
			verb = "raised"
		}
		text += fmt.Sprintf(", %s to %s at %s", verb, escape(string(s.data.To)), clock(s.at))
		if s.data.Reason != "" {
			text += " (" + escape(s.data.Reason) + ")"
		}
	}
	return text
}

func (f *facts) impact() string {
	const ask = "_How many users could not do what, and what did it cost?_"
	where := "The service is not on the record."
	if f.inc.Service != "" {
		where = "Service " + code(f.inc.Service) + "."
	}
	if worst := f.crossed(); len(worst) > 0 {
		return where + " Worst values: " + list(worst) + ". " + ask
	}
	return where + " Measured impact: no data. " + ask
}

// crossed is the worst value of every signal that left its band.
func (f *facts) crossed() []string {
	var out []string
	for _, s := range f.signals {
		if !s.Bad {
			continue
		}
		worst, at := s.worst()
		text := escape(s.Name) + " " + escape(s.text(worst))
		if at != nil {
			text += " at " + f.when(*at)
		}
		if s.Threshold != nil {
			text += fmt.Sprintf(" (threshold %s)", escape(s.text(s.Threshold)))
		}
		out = append(out, text)
	}
	return out
}

// done lists the actions of one term.
func (f *facts) done(term incident.Term, ask string) string {
	var items []string
	for _, a := range f.actions {
		t := a.data.Term
		if t == "" {
			t = incident.Immediate
		}
		if t != term {
			continue
		}
		text := clock(a.at) + " " + escape(a.data.Text)
		if a.data.Mitigates {
			text += " (recorded as the mitigation)"
		}
		items = append(items, text)
	}
	if len(items) == 0 {
		return "None recorded. " + ask
	}
	return bullets(count(len(items), "action")+" recorded:", items)
}

// actionItems is the items as the incident has them now; those that were dropped
// are named below the list, with why.
func (f *facts) actionItems() string {
	var out, dropped []string
	for _, it := range f.inc.Items {
		box, owner, due := "[ ]", "_owner_", "_due date_"
		if it.Dropped {
			why := cmp.Or(it.Note, "no reason was given")
			dropped = append(dropped, fmt.Sprintf("%s %s (%s)", escape(it.Item.Item), escape(it.Text), escape(why)))
			continue
		}
		if !it.Closed.IsZero() {
			box = "[x]"
		}
		if it.Owner != "" {
			owner = escape(string(it.Owner))
		}
		if !it.Due.IsZero() {
			due = it.Due.UTC().Format("2006-01-02")
		}
		text := escape(it.Text)
		switch {
		case it.Run != "":
			text += fmt.Sprintf(" (%s of %s held)", escape(it.Run), code(it.Proof))
		case it.Proof != "":
			text += fmt.Sprintf(" (done when %s holds)", code(it.Proof))
		}
		line := fmt.Sprintf("- %s %s: %s - %s - %s", box, escape(it.Item.Item), text, owner, due)
		if it.Note != "" {
			line += "\n  - " + escape(it.Note)
		}
		out = append(out, line)
	}
	if len(out) == 0 {
		out = []string{"- [ ] _What is the one change that shortens this next time?_ - _owner_ - _due date_"}
	}
	if len(dropped) > 0 {
		out = append(out, "", "Dropped: "+strings.Join(dropped, "; ")+".")
	}
	return strings.Join(out, "\n")
}
