package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

func (f *facts) detection() string {
	c := f.inc.Clocks
	if c.Declared.IsZero() {
		return noData
	}
	how, at := "A person noticed", c.Detected
	if f.detectedBy != "" {
		how = f.detectedBy
	} else if by := c.DetectedBy; by != "" {
		how = escape(by) + " fired"
	} else if !f.noticed() {
		how = "An alert fired"
	}
	text := fmt.Sprintf("%s at %s", how, clock(at))
	if d, ok := between(at, c.Declared); ok && d > 0 {
		text += fmt.Sprintf("; %s later the incident was declared", span(d))
	}
	if e, ok := f.first(incident.Declared); ok {
		text += fmt.Sprintf(" (by %s, %s)", escape(e.Who()), escape(e.Source))
	}
	if e, ok := f.onset(); ok && !e.At.After(at) {
		d, _ := between(e.At, at)
		text += fmt.Sprintf(". A fault had been injected %s before the detection", span(d))
	}
	return text + "."
}

// firing is the first alert that fired before the declaration and was firing
// still: one that had cleared by then found nothing. Where an alert is known to have found
// it, one that fired long before that is about something else.
func (f *facts) firing() (first incident.Event, ok bool) {
	var fired []incident.Event
	of := func(e incident.Event) string {
		var p struct {
			Fingerprint string `json:"fingerprint"`
		}
		_ = e.Payload(&p) // damaged: it is known by its text alone
		return p.Fingerprint
	}
	for _, e := range f.events {
		switch {
		case e.At.After(f.inc.Clocks.Declared), f.inc.Clocks.DetectedBy != "" && f.inc.Clocks.Detected.Sub(e.At) > aftermath:
		case e.Kind == incident.AlertFired:
			fired = append(fired, e)
		case e.Kind == incident.AlertResolved:
			fired = slices.DeleteFunc(fired, func(was incident.Event) bool { return of(was) == of(e) })
		}
	}
	if len(fired) == 0 {
		return first, false
	}
	return fired[0], true
}

// noticed says whether, for all that the record holds, a person knew first.
func (f *facts) noticed() bool {
	c := f.inc.Clocks
	e, _ := f.first(incident.Declared)
	return c.DetectedBy == "" && c.Detected.Equal(c.Declared) && e.Actor != incident.Sitrep
}

func (f *facts) first(k incident.Kind) (incident.Event, bool) {
	i := slices.IndexFunc(f.events, func(e incident.Event) bool { return e.Kind == k })
	if i < 0 {
		return incident.Event{}, false
	}
	return f.events[i], true
}

const nobodyAcknowledged = "Nobody acknowledged it"

func (f *facts) response() string {
	if len(f.acks) == 0 {
		return nobodyAcknowledged + f.overOrYet() + "."
	}
	d, _ := f.inc.TimeToAcknowledge()
	first := fmt.Sprintf("Acknowledged by %s at %s, %s after the declaration%s.",
		escape(f.acks[0].Who()), clock(f.acks[0].At), span(d), f.against(d, f.targets.respond))
	var items []string
	for _, e := range f.acks[1:] {
		items = append(items, fmt.Sprintf("%s %s joined", clock(e.At), escape(e.Who())))
	}
	for _, e := range f.unacked {
		if e.Actor == incident.Sitrep { // nobody did: it ran out
			items = append(items, clock(e.At)+" "+escape(e.Text))
			continue
		}
		items = append(items, fmt.Sprintf("%s %s gave it back", clock(e.At), escape(e.Who())))
	}
	return bullets(first, append(items, f.roles()...))
}

// roles is who had which, one person a line.
func (f *facts) roles() (items []string) {
	var people []incident.Person
	duties := map[incident.Person][]string{}
	for _, r := range incident.Roles() {
		who := f.inc.Roles[r]
		if who == "" {
			continue
		}
		if len(duties[who]) == 0 {
			people = append(people, who)
		}
		duties[who] = append(duties[who], string(r))
	}
	for _, p := range people {
		items = append(items, fmt.Sprintf("%s: %s", list(duties[p]), escape(string(p))))
	}
	return items
}

func (f *facts) overOrYet() string {
	if f.inc.Clocks.Resolved.IsZero() {
		return " yet"
	}
	return ""
}

// against compares a time with its target: ", within the target of 5m".
func (f *facts) against(d, target time.Duration) string {
	switch {
	case target <= 0:
		return ""
	case d <= target:
		return fmt.Sprintf(", within the target of %s", span(target))
	}
	return fmt.Sprintf(", %s over the target of %s", span(d-target), span(target))
}

// reason says why the ladder moved, in words.
func reason(r string) string {
	switch r {
	case "declared":
		return "on declaration"
	case "unanswered":
		return "nobody had answered"
	case "climbed":
		return "the level below did not answer or end it in time"
	case "by_hand":
		return "asked for by a responder"
	case "severity":
		return "the severity was raised"
	case "repeat":
		return "still open"
	case "unacknowledged":
		return "the acknowledgement was taken back"
	case "reopened":
		return "the incident was opened again"
	case "":
		return "no reason recorded"
	}
	return escape(r)
}

// stillBad is which signals were beyond their thresholds, by the evidence of
// what happened at that moment: "5xx ratio still 51.4% (threshold 5%)".
func (f *facts) stillBad(at time.Time) string {
	var bad []string
	seen := map[string]bool{}
	for _, e := range f.events {
		if !e.At.Equal(at) || e.Incident != f.inc.ID {
			continue
		}
		for _, r := range readings(e.Evidence) {
			v := known(r.Value)
			if v == nil || r.State != "crit" || r.Threshold == nil || seen[r.Name] {
				continue
			}
			seen[r.Name] = true
			bad = append(bad, fmt.Sprintf("%s still %s (threshold %s)", escape(r.Name), escape(value(plain(r.Unit), *v)), escape(value(plain(r.Unit), float64(*r.Threshold)))))
		}
	}
	if len(bad) == 0 {
		return ""
	}
	return list(bad)
}

func (f *facts) escalation() string {
	if len(f.rungs) == 0 {
		return "The ladder was not entered: nobody was paged."
	}
	var names []string
	for _, l := range f.levels() {
		names = append(names, escape(string(l)))
	}
	var items []string
	for _, r := range f.rungs {
		verb := "entered"
		if r.kind == incident.EscalationRenotified {
			verb = fmt.Sprintf("notified again (round %d)", r.data.Round)
		}
		text := fmt.Sprintf("%s %s %s: %s", clock(r.at), escape(string(r.data.Level)), verb, reason(r.data.Reason))
		if len(r.data.Who) > 0 {
			var who []string
			for _, p := range r.data.Who {
				who = append(who, escape(string(p)))
			}
			text += ", to " + list(who)
		}
		if r.data.LateSeconds > 0 && r.data.LateSeconds < 1e9 {
			text += fmt.Sprintf("; late by %s, nobody was running the ladder", span(time.Duration(r.data.LateSeconds*float64(time.Second))))
		}
		items = append(items, text)
	}
	return bullets("Reached "+list(names)+". "+f.pageSentence(), items)
}

func (f *facts) pageSentence() string {
	c := countPages(f.pages)
	if c.Queued == 0 {
		return "Pages: no data."
	}
	text := fmt.Sprintf("%s queued, %d accepted, %d ended by the acknowledgement", count(c.Queued, "page"), c.Accepted, c.Acknowledged)
	for _, p := range []struct {
		n    int
		text string
	}{{c.Ambiguous, "with no clear answer"}, {c.Diverted, "taken by another channel"}, {c.NobodyTold, "that no other channel took either"}, {c.Failed, "failed"}, {c.Superseded, "no longer needed"}} {
		if p.n > 0 {
			text += fmt.Sprintf(", %d %s", p.n, p.text)
		}
	}
	return text + "."
}

func (f *facts) resolution() string {
	c := f.inc.Clocks
	var items []string
	for _, e := range f.reopened {
		items = append(items, clock(e.At)+" it was opened again")
	}
	if c.Resolved.IsZero() {
		return bullets("Not resolved yet.", items)
	}
	d, _ := f.inc.TimeToResolve()
	how := escape(f.inc.Resolution)
	if how == "" {
		how = "how it was fixed: " + noData
	}
	text := fmt.Sprintf("%s. Resolved at %s, %s after the declaration%s.", strings.TrimRight(how, ". "), clock(c.Resolved), span(d), f.against(d, f.targets.resolve))
	if m, ok := f.inc.TimeToMitigate(); ok && f.mitigatedFirst() {
		text += fmt.Sprintf(" The mitigation was recorded at %s, after %s", clock(c.Mitigated), span(m))
		if bad := f.stillBad(c.Mitigated); bad != "" {
			text += ", with " + bad
		}
		text += "."
	}
	if bad := f.stillBad(c.Resolved); bad != "" {
		text += " At the resolution: " + bad + "."
	}
	return bullets(text, items)
}
