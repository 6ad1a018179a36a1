package postmortem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sitrep-dev/sitrep/incident"
)

// table is the times and counts, one a row.
func (f *facts) table() string {
	c := f.inc.Clocks
	rows := [][3]string{}
	row := func(what string, d time.Duration, ok bool, target time.Duration, missing string) {
		text, aim := missing, "-"
		if ok {
			text = span(d)
		}
		if target > 0 {
			aim = span(target)
		}
		rows = append(rows, [3]string{what, text, aim})
	}
	onset, injected := f.onset()
	ttd, _ := between(onset.At, c.Detected)
	row("time to detect (fault to detection)", ttd, injected, 0, noData+": nothing recorded says when it began")
	d, ok := between(c.Detected, c.Declared)
	row("detection to declaration", d, ok && !f.noticed(), 0, noData+": a person noticed")
	d, ok = f.inc.TimeToAcknowledge()
	row("time to acknowledge (from declaration)", d, ok, f.targets.respond, "not acknowledged")
	d, ok = f.inc.TimeToMitigate()
	unsaid := "not mitigated"
	if ok && !f.mitigatedFirst() {
		ok, unsaid = false, noData+": nothing says that it was mitigated before the resolution"
	}
	row("time to mitigate (from declaration)", d, ok, 0, unsaid)
	d, ok = f.inc.TimeToResolve()
	row("time to resolve (from declaration)", d, ok, f.targets.resolve, "not resolved")
	if len(f.rungs) > 0 && f.late() > 0 {
		row("ladder not running, at worst", f.late(), true, 0, "")
	}
	gap, _ := f.silence()
	row("longest time without a status update", gap, !c.Declared.IsZero(), f.targets.update, noData)
	var b strings.Builder
	b.WriteString("| what | measured | target |\n| --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r[0], r[1], r[2])
	}
	n := f.numbers().Counts
	fmt.Fprintf(&b, "\nOn the record: %s.", list([]string{
		count(n.Events, "event"), count(n.Notes, "note"), count(n.StatusChanges, "status change"), count(n.SeverityChanges, "severity change"),
		count(n.Actions, "action"), count(n.Changes, "other change"), count(n.ChaosRuns, "chaos run"), count(n.LoadRuns, "load run"),
	}))
	if len(f.severities) > 0 {
		fmt.Fprintf(&b, " The severity changed: the target to acknowledge is that of the first severity (%s), the others are those of the worst (%s).",
			escape(string(f.declaration.Severity)), escape(string(f.worst())))
	}
	return b.String()
}

// mostSymptoms is how many lines tell what the system did.
const mostSymptoms = 16

func (f *facts) whatHappened() string {
	var items []string
	onset, injected := f.onset()
	more := 0
	for _, e := range f.events {
		symptom := false
		switch e.Kind {
		case incident.AlertFired, "metric.left_band", "metric.returned", incident.BurnBegan, incident.AlertResolved,
			incident.ChaosInjected, incident.ChaosUndone:
			symptom = !e.At.Before(f.inc.Clocks.Detected)
		}
		if !symptom && !(injected && e.ID == onset.ID) {
			continue
		}
		if len(items) == mostSymptoms {
			more++
		} else {
			items = append(items, fmt.Sprintf("%s %s: %s", clock(e.At), happened(e.Kind), escape(e.Text)))
		}
	}
	if more > 0 {
		items = append(items, fmt.Sprintf("and %d more, under Every event", more))
	}
	return bullets("_What did the system do, step by step, and what did it look like from outside?_"+recorded(items), items)
}

// recorded leads over from a question to what the record answers.
func recorded(items []string) string {
	if len(items) == 0 {
		return " On the record: no data."
	}
	return " On the record:"
}

// happened is a kind in words.
func happened(k incident.Kind) string {
	switch k {
	case incident.ChangeRecorded:
		return "change"
	case incident.ChaosInjected:
		return "fault injected"
	case incident.ChaosUndone:
		return "fault undone"
	case incident.LoadStarted:
		return "load run"
	case incident.AlertFired:
		return "alert fired"
	case incident.AlertResolved:
		return "alert cleared"
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(string(k))
}

func (f *facts) whyItHappened() string {
	var items []string
	for _, e := range f.before() {
		d, _ := between(e.At, f.inc.Clocks.Detected)
		items = append(items, fmt.Sprintf("%s %s: %s (%s before the detection)", clock(e.At), happened(e.Kind), escape(e.Text), span(d)))
	}
	ask := "_What made this possible? What made each step seem right at the time?_"
	if len(items) == 0 {
		return ask + fmt.Sprintf(" No change, experiment or load run is on the record in the %s before the detection.", span(lookBack))
	}
	return bullets(ask+" On the record shortly before (the order in time is no proof):", items)
}

// before is what was changed, injected or loaded before the detection.
func (f *facts) before() []incident.Event {
	var out []incident.Event
	for _, e := range f.events {
		switch e.Kind {
		case incident.ChangeRecorded, incident.ChaosInjected, incident.LoadStarted:
			if !e.At.After(f.inc.Clocks.Detected) {
				out = append(out, e)
			}
		}
	}
	return out
}

func (f *facts) contributing() string {
	items := f.candidates()
	if _, ok := f.onset(); ok {
		items = append(items, "The incident fell into a chaos experiment of our own.")
	}
	for _, e := range f.faults {
		if e.Kind == incident.ChaosGuardTripped {
			items = append(items, fmt.Sprintf("%s a guard stopped the experiment: %s", clock(e.At), escape(e.Text)))
		}
	}
	for _, e := range f.changes {
		if e.At.After(f.inc.Clocks.Detected) {
			items = append(items, fmt.Sprintf("%s changed during the incident: %s", clock(e.At), escape(e.Text)))
		}
	}
	for _, p := range f.inc.Promised {
		items = append(items, fmt.Sprintf("%s of %s (%s) had not been done: %s", escape(p.Item.Item.Item), escape(string(p.Incident)), escape(p.Why), escape(p.Item.Text)))
	}
	if n := len(f.levels()); n > 1 {
		items = append(items, fmt.Sprintf("It took %d levels of the ladder.", n))
	}
	lead := ""
	if len(f.before()) > 0 {
		lead = " Candidates come first: what was in place when it began, then what names the service, then the rest, each the nearest in time first; none of it is proof."
	}
	return bullets("_What else had to be true for this to happen, or to last this long?_"+lead, items)
}

// mostCandidates is how many are ranked.
const mostCandidates = 8

// candidates are what was changed, injected or loaded before it began, ranked by what
// the record holds against each, and then by how near in time.
func (f *facts) candidates() (items []string) {
	began, all := f.began(), f.before()
	onset, injected := f.onset()
	names := func(e incident.Event) bool {
		var p struct {
			Service string `json:"service"`
		}
		_ = e.Payload(&p) // damaged: by its words alone
		service := strings.ToLower(f.inc.Service)
		return service != "" && (strings.ToLower(p.Service) == service || slices.Contains(strings.FieldsFunc(strings.ToLower(e.Text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
		}), service))
	}
	rank := func(e incident.Event) int {
		switch {
		case injected && e.ID == onset.ID:
			return 0
		case names(e):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b incident.Event) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(began.Sub(a.At).Abs(), began.Sub(b.At).Abs()))
	})
	for i, e := range all[:min(len(all), mostCandidates)] {
		when := span(began.Sub(e.At)) + " before it began"
		if e.At.After(began) {
			when = span(e.At.Sub(began)) + " after it began"
		}
		text := fmt.Sprintf("Candidate %d: %s %s: %s, %s", i+1, clock(e.At), happened(e.Kind), escape(e.Text), when)
		switch rank(e) {
		case 0:
			text += "; it was in place when it was noticed"
		case 1:
			text += "; it names " + code(f.inc.Service)
		}
		items = append(items, text)
	}
	return items
}

func (f *facts) userImpact() string {
	const ask = "_How many users, doing what, for how long? How do we know?_"
	number := "Number of users: no data. "
	users, asked := f.impactOf(ImpactUsers)
	switch {
	case users != nil:
		number = "Number of users: at most " + users.measured(f) + ". "
	case asked:
		number = "Number of users: no data, the query of the service's impact had no answer. "
	}
	if d, ok := between(f.inc.Clocks.Detected, f.inc.Clocks.Mitigated); ok {
		until := "mitigation"
		if !f.mitigatedFirst() {
			until = "resolution"
		}
		number += fmt.Sprintf("From detection to %s: %s. ", until, span(d))
	}
	if users != nil {
		return strings.TrimSpace(number)
	}
	return number + ask
}

func (f *facts) businessImpact() string {
	text := f.bill() + " _What did it cost, and whom did we tell?_"
	var items []string
	for _, e := range f.events {
		if e.Kind == incident.BurnBegan || e.Kind == incident.BurnEnded {
			items = append(items, clock(e.At)+" "+escape(e.Text))
		}
	}
	for _, c := range f.inc.Costs {
		items = append(items, escape(c.String()))
	}
	return bullets(text, items)
}

func (f *facts) technicalImpact() string {
	var items []string
	for _, s := range f.signals {
		if k := s.Kept; s.Max == nil && k != nil && k.Peak != nil {
			items = append(items, escape(s.Name)+": "+escape(k.text(s, f.when)))
			continue
		}
		if s.Max == nil {
			items = append(items, escape(s.Name)+": "+noData)
			continue
		}
		items = append(items, fmt.Sprintf("%s: %s at declaration, %s at resolution, between %s and %s", escape(s.Name),
			escape(s.text(s.AtDeclare)), escape(s.text(s.AtResolve)), escape(s.text(s.Min)), escape(s.text(s.Max))))
	}
	for _, e := range f.faults {
		if e.Kind == incident.ChaosFinished && f.within(e) {
			items = append(items, fmt.Sprintf("%s experiment finished: %s", clock(e.At), escape(e.Text)))
		}
	}
	for _, e := range f.loads {
		if e.Kind != incident.LoadStarted && f.within(e) {
			items = append(items, clock(e.At)+" load check: "+escape(e.Text))
		}
	}
	const ask = "_Was data lost, delayed or wrong? Which other services felt it?_"
	if len(items) == 0 {
		return "Measured: no data. " + ask
	}
	return bullets(ask, items)
}

// within says whether an event fell into the incident, and was more than a
// refusal.
func (f *facts) within(e incident.Event) bool {
	var o struct {
		Outcome struct {
			Verdict string `json:"verdict"`
		} `json:"outcome"`
	}
	refused := e.Payload(&o) == nil && o.Outcome.Verdict == "refused"
	return !e.At.Before(f.inc.Clocks.Detected) && !refused
}

// wentWell is seeded with what the record shows to have worked.
func (f *facts) wentWell() string {
	var items []string
	say := func(ok bool, format string, args ...any) {
		if ok {
			items = append(items, fmt.Sprintf(format, args...))
		}
	}
	c, t := f.inc.Clocks, f.targets
	tta, acked := f.inc.TimeToAcknowledge()
	say(acked && t.respond > 0 && tta <= t.respond, "The first acknowledgement came %s after the declaration (target %s).", span(tta), span(t.respond))
	ttm, mitigated := f.inc.TimeToMitigate()
	say(mitigated && !c.Resolved.IsZero() && f.mitigatedFirst() && f.stillBad(c.Mitigated) == "",
		"It was mitigated %s after the declaration, %s before the resolution.", span(ttm), span(c.Resolved.Sub(c.Mitigated)))
	ttr, resolved := f.inc.TimeToResolve()
	say(resolved && t.resolve > 0 && ttr <= t.resolve, "It was resolved in %s (target %s).", span(ttr), span(t.resolve))
	say(!c.Declared.IsZero() && !f.noticed(), "Monitoring noticed before a person did.")
	pages := countPages(f.pages)
	say(pages.Queued > 0 && pages.Accepted == pages.Queued, "Every page was accepted (%d of %d).", pages.Accepted, pages.Queued)
	say(pages.Diverted > 0, "%s took another channel when the first one was down.", count(pages.Diverted, "page"))
	gap, _ := f.silence()
	say(resolved && t.update > 0 && gap <= t.update && len(f.updates) > 0, "There was a status update at least every %s (target %s).", span(gap), span(t.update))
	for _, line := range f.followed() {
		say(true, "%s", line)
	}
	for _, e := range f.faults {
		say(e.Kind == incident.ChaosGuardTripped, "A guard stopped the experiment by itself at %s.", clock(e.At))
	}
	return bullets("_What helped, and do we want to keep it?_", items)
}

// followed says of every runbook how many of its steps are ticked, and how soon
// the first was. How many it has, only its file knows.
func (f *facts) followed() (lines []string) {
	first, steps, names := map[string]time.Time{}, map[string]int{}, []string{}
	for _, t := range f.inc.Ticks {
		if steps[t.Runbook]++; steps[t.Runbook] == 1 {
			names, first[t.Runbook] = append(names, t.Runbook), t.At
		}
	}
	for _, name := range names {
		soon, _ := between(f.inc.Clocks.Declared, first[name])
		lines = append(lines, fmt.Sprintf("The runbook %s was followed: %s ticked, the first %s after the declaration.", code(name), count(steps[name], "step"), span(soon)))
	}
	return lines
}

// couldImprove is seeded with what the record shows to have taken long or
// gone wrong: systems as subjects, no advice.
func (f *facts) couldImprove() string {
	var items []string
	say := func(ok bool, format string, args ...any) {
		if ok {
			items = append(items, fmt.Sprintf(format, args...))
		}
	}
	c, t := f.inc.Clocks, f.targets
	tta, acked := f.inc.TimeToAcknowledge()
	say(acked && t.respond > 0 && tta > t.respond, "The first acknowledgement came %s after the declaration (target %s).", span(tta), span(t.respond))
	say(!acked && !c.Resolved.IsZero(), "It was resolved without an acknowledgement: the ladder could not know that somebody had it.")
	ttr, resolved := f.inc.TimeToResolve()
	if f.mitigatedFirst() {
		bad := f.stillBad(c.Mitigated)
		say(bad != "", "When the mitigation was recorded, the numbers did not say so: %s.", bad)
	}
	bad := f.stillBad(c.Resolved)
	say(bad != "", "It was resolved with %s.", bad)
	say(resolved && t.resolve > 0 && ttr > t.resolve, "It took %s to resolve (target %s).", span(ttr), span(t.resolve))
	say(!c.Declared.IsZero() && f.noticed(), "A person noticed before monitoring did.")
	gap, from := f.silence()
	say(t.update > 0 && gap > t.update, "There was no status update for %s from %s (target every %s).", span(gap), clock(from), span(t.update))
	say(f.late() > 0, "Nobody was running the ladder for %s; the pages came late by as much.", span(f.late()))
	for _, missed := range f.missed {
		of := map[incident.Target]string{incident.TargetRespond: "acknowledged", incident.TargetResolve: "resolved"}[missed.data.Target]
		over := missed.data.Target == incident.TargetRespond && acked || missed.data.Target == incident.TargetResolve && resolved
		say(of != "" && !over, "It was to be %s by %s, and was not.", of, clock(missed.data.DueAt))
	}
	if led := f.inc.Roles[incident.Commander] != ""; !led {
		say(f.inc.Severity.Rank() <= 2 || len(f.unled) > 0, "Nobody had the role of incident commander%s.", f.asked())
	} else {
		say(len(f.unled) > 0, "For a while nobody had the role of incident commander%s.", f.asked())
	}
	for _, e := range f.unacked {
		say(e.Actor == incident.Sitrep, "An acknowledgement ran out at %s, because nothing had been heard since; until then the ladder stood still.", clock(e.At))
	}
	for _, p := range f.pages {
		say(p.wakes() && p.stands == incident.PageFailed, "The page of %s to %s was not delivered%s.", clock(p.queued), code(p.sink), because(p.reason))
		say(p.wakes() && p.stands == incident.PageAmbiguous, "For the page of %s to %s there was no clear answer.", clock(p.queued), code(p.sink))
	}
	for _, e := range f.troubles {
		say(e.Kind == incident.DeliveryDegraded, "At %s no channel took the page that was due: nobody could be told by sitrep.", clock(e.At))
	}
	worst, which := slowest(f.pages)
	say(worst > time.Minute, "The page to %s took %s to be accepted.", code(which.sink), span(worst))
	say(len(f.reopened) > 0, "It was opened again after a resolution (%s).", count(len(f.reopened), "time"))
	return bullets("_What made the response slower or harder than it needed to be?_", items)
}

// asked is how often it was said that nobody was commander.
func (f *facts) asked() string {
	if len(f.unled) == 0 {
		return ""
	}
	return fmt.Sprintf("; the ladder asked for one from %s on (%s)", clock(f.unled[0].At), count(len(f.unled), "time"))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + escape(strings.TrimRight(reason, "."))
}

// longUnnoticed is how long something may be wrong before that is a surprise.
const longUnnoticed = 5 * time.Minute

// surprised is seeded with what the record shows to have gone otherwise than anybody
// who built it this way can have meant.
func (f *facts) surprised() string {
	var items []string
	say := func(ok bool, format string, args ...any) {
		if ok {
			items = append(items, fmt.Sprintf(format, args...))
		}
	}
	c := f.inc.Clocks
	o := f.outOfBand()
	say(!o.from.IsZero() && c.Detected.Sub(o.from) > longUnnoticed, "Signals were beyond their thresholds for %s before anything noticed (from %s).", span(c.Detected.Sub(o.from)), f.when(o.from))
	fired, ok := f.firing()
	say(ok && c.Declared.Sub(fired.At) > longUnnoticed, "The alert %s fired %s before the incident was declared.", escape(fired.Text), span(c.Declared.Sub(fired.At)))
	say(!c.Declared.IsZero() && f.noticed(), "A person noticed it, and no alert had fired.")
	say(!o.to.IsZero() && !c.Resolved.IsZero() && f.mitigatedFirst() && o.to.Sub(c.Mitigated) > longUnnoticed, "Signals were beyond their thresholds for %s after the mitigation was recorded.", span(o.to.Sub(c.Mitigated)))
	for _, e := range f.faults {
		say(e.Kind == incident.ChaosGuardTripped, "The experiment went further than expected: a guard ended it at %s (%s).", clock(e.At), escape(e.Text))
	}
	for _, p := range f.pages {
		say(p.wakes() && p.is(incident.PageDiverted), "The page of %s to %s had to take another way%s.", clock(p.queued), code(p.sink), because(p.reason))
	}
	for _, s := range f.signals {
		switch {
		case s.Max == nil && (s.Kept == nil || s.Kept.Peak == nil):
			say(true, "Monitoring had a gap: %s had no data.", escape(s.Name))
		case gap(s.Before) || gap(s.After):
			say(true, "Monitoring had a gap: %s had no data for a part of the incident.", escape(s.Name))
		}
	}
	say(len(f.reopened) > 0, "It was not over when it was resolved first: it was opened again (%s).", count(len(f.reopened), "time"))
	return bullets("_What did we believe before that turned out to be different? Where were we lucky?_", items)
}

// gap says whether values are missing between others.
func gap(v []*float64) bool {
	first := slices.IndexFunc(v, func(p *float64) bool { return p != nil })
	if first < 0 {
		return false
	}
	hole := false
	for _, p := range v[first:] {
		if p != nil && hole {
			return true
		}
		hole = hole || p == nil
	}
	return false
}
