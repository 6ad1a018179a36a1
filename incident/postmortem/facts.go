package postmortem

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// lookBack is how long before the detection a change, an experiment or a load
// run is still listed: PagerDuty's guide starts a timeline before the incident,
// against hindsight.
const lookBack = 30 * time.Minute

// aftermath is how long after the end of a run of chaos what hurts may still be its doing, as
// for the alerts on the screen.
const aftermath = 5 * time.Minute

// facts is what the timeline says, sorted out once for all sections.
type facts struct {
	inc      incident.Incident
	now      time.Time
	end      time.Time // resolution, or now
	events   []incident.Event
	retold   map[string]retold // by the ID of the event, or of the page
	signals  []Signal
	captures []incident.Capture // of series, in the order of their moments
	pages    []page
	// detectedBy is the alert that was first, in words; empty if none is on the record.
	detectedBy string
	targets    targets

	declaration incident.Declaration
	severities  []dated[incident.SeverityChange]
	statuses    []dated[incident.StatusChange]
	rungs       []dated[incident.Escalation]
	actions     []dated[incident.Action]
	changes     []incident.Event // deploys, flags, configuration
	faults      []incident.Event // experiments: started, injected, undone, finished
	loads       []incident.Event
	notes       int
	acks        []incident.Event
	unacked     []incident.Event
	reopened    []incident.Event
	missed      []dated[incident.Overdue] // targets
	questioned  []incident.Event          // whoever had it was asked whether they were still on it
	unled       []incident.Event          // nobody was commander
	troubles    []incident.Event          // of the ladder itself: a turn that did not come, a clock that was set back
	updates     []time.Time               // when somebody outside could learn something
}

// dated is a payload, when it happened and by whom.
type dated[T any] struct {
	at    time.Time
	actor incident.Person
	kind  incident.Kind
	data  T
}

// targets are what the severity asks for; zero = no target.
type targets struct{ respond, resolve, update time.Duration }

// gather sorts the events out. Each event counts once, however often it is
// given.
func gather(inc incident.Incident, events []incident.Event, now time.Time) facts {
	f := facts{inc: inc, now: now, end: inc.Clocks.Resolved}
	if f.end.IsZero() {
		f.end = now
	}
	seen := map[string]bool{}
	for _, e := range incident.Told(inc.ID, events) {
		key := e.ID
		if key == "" {
			key = clock(e.At) + string(e.Kind) + e.Text
		}
		if !f.concerns(e) || seen[key] {
			continue
		}
		seen[key] = true
		if e.Kind != incident.EvidenceCaptured || incident.KeptByHand(e) { // the others are no part of the story
			f.events = append(f.events, e)
		}
		if e.Kind != incident.EvidenceCaptured {
			continue
		}
		if c := (incident.Capture{}); e.Moved == "" && e.Payload(&c) == nil {
			f.captures = append(f.captures, c) // a source
		}
	}
	slices.SortStableFunc(f.events, func(a, b incident.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
	for _, e := range f.events {
		f.take(e)
	}
	f.retold = retellings(inc.ID, events)
	if e, ok := f.firing(); ok && !e.At.Equal(inc.Clocks.Detected) {
		f.inc.Clocks.Detected, f.detectedBy = e.At, "The alert "+escape(e.Text)+"," // one moment for the whole document
	}
	f.faults = slices.DeleteFunc(f.faults, f.overLongBefore())
	// A severity that was lowered later makes no early promise easier to keep.
	f.targets = targetsOf(inc, f.worst())
	if first := f.declaration.Severity; first != "" {
		f.targets.respond = targetsOf(inc, first).respond
	}
	f.pages = pagesOf(f.events)
	slices.SortFunc(f.captures, func(a, b incident.Capture) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Event, b.Event)) })
	f.signals = withCourses(signals(f.events, f.inc.Clocks.Detected, inc.Clocks.Resolved), f.captures)
	return f
}

// concerns says whether an event belongs into this post-mortem. The
// post-mortem's own history does not: saving a draft would make it stale. Nor does
// what became of evidence later.
func (f *facts) concerns(e incident.Event) bool {
	if isOwn(e.Kind) || e.Kind == incident.EvidenceCompacted || e.Kind == incident.EvidenceRecorded {
		return false
	}
	if e.Incident == "" {
		from := f.inc.Clocks.Detected.Add(-lookBack)
		return !e.At.Before(from) && !e.At.After(f.end)
	}
	return e.Incident == f.inc.ID || e.Moved == f.inc.ID
}

// isOwn says whether an event is about the post-mortem itself.
func isOwn(k incident.Kind) bool { return strings.HasPrefix(string(k), "postmortem.") }

func (f *facts) take(e incident.Event) {
	if e.Moved != "" && e.Moved != f.inc.ID {
		return // it is listed, but it says nothing about this incident
	}
	if e.Incident != f.inc.ID && e.Incident != "" && ownLife(e.Kind) {
		return // of a duplicate: when it was declared or acknowledged is not when this one was
	}
	switch e.Kind {
	case incident.Declared:
		_ = e.Payload(&f.declaration) // damaged: the fold shows the title, we know no more
	case incident.SeverityChanged:
		f.severities = add(f.severities, e)
	case incident.StatusChanged:
		f.statuses = add(f.statuses, e)
		f.updates = append(f.updates, e.At)
	case incident.UpdateSent:
		f.updates = append(f.updates, e.At)
	case incident.EscalationEntered, incident.EscalationRenotified:
		f.rungs = add(f.rungs, e)
	case incident.ActionTaken:
		f.actions = add(f.actions, e)
	case incident.ChangeRecorded:
		f.changes = append(f.changes, e)
	case incident.ChaosStarted, incident.ChaosInjected, incident.ChaosGuardTripped, incident.ChaosUndone, incident.ChaosFinished:
		f.faults = append(f.faults, e)
	case incident.LoadStarted, incident.LoadFinished, incident.LoadAborted:
		f.loads = append(f.loads, e)
	case incident.NoteAdded:
		f.notes++
	case incident.Acknowledged:
		f.acks = append(f.acks, e)
	case incident.Unacknowledged:
		f.unacked = append(f.unacked, e)
	case incident.Reopened:
		f.reopened = append(f.reopened, e)
	case incident.TargetMissed:
		f.missed = add(f.missed, e)
	case incident.AckQuestioned:
		f.questioned = append(f.questioned, e)
	case incident.CommanderMissing:
		f.unled = append(f.unled, e)
	case incident.AuditFailed, incident.ClockSetBack, incident.DeliveryDegraded, incident.DeliveryRestored:
		f.troubles = append(f.troubles, e)
	}
}

// ownLife says whether an event is about the incident that it was recorded under,
// and no other.
func ownLife(k incident.Kind) bool {
	return strings.HasPrefix(string(k), "incident.") || strings.HasPrefix(string(k), "escalation.")
}

// add keeps an event's payload; a damaged one is left to the list of events.
func add[T any](to []dated[T], e incident.Event) []dated[T] {
	d := dated[T]{at: e.At, actor: e.Actor, kind: e.Kind}
	if len(e.Data) == 0 || e.Payload(&d.data) != nil {
		return to
	}
	return append(to, d)
}

// targetsOf reads the policy frozen into the incident, or the defaults of the
// house where it says nothing.
func targetsOf(inc incident.Incident, severity incident.Severity) targets {
	var policy struct {
		Severities map[incident.Severity]struct {
			Respond strictyaml.Duration `json:"respond_within"`
			Resolve strictyaml.Duration `json:"resolve_within"`
			Update  strictyaml.Duration `json:"update_every"`
		} `json:"severities"`
	}
	if (incident.Event{Data: inc.Policy}).Payload(&policy) == nil {
		if s, ok := policy.Severities[severity]; ok {
			return targets{s.Respond.D(), s.Resolve.D(), s.Update.D()}
		}
	}
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	switch severity {
	case incident.Sev1:
		return targets{5 * time.Minute, time.Hour, 20 * time.Minute}
	case incident.Sev2:
		return targets{15 * time.Minute, 4 * time.Hour, 30 * time.Minute}
	case incident.Sev3:
		return targets{time.Hour, day, 4 * time.Hour}
	case incident.Sev4:
		return targets{4 * time.Hour, week, day}
	}
	return targets{}
}

// worst is the worst severity that the incident ever had.
func (f *facts) worst() incident.Severity {
	worst := f.inc.Severity
	if first := f.declaration.Severity; first != "" && first.WorseThan(worst) {
		worst = first
	}
	for _, s := range f.severities {
		if s.data.To.WorseThan(worst) {
			worst = s.data.To
		}
	}
	return worst
}

// runOf is the run of chaos that an event is about.
func runOf(e incident.Event) string {
	var p struct {
		ID  string `json:"id"`
		Run string `json:"run"`
	}
	_ = e.Payload(&p) // damaged: of no run
	return cmp.Or(p.ID, p.Run)
}

// overLongBefore tells the events of runs that were over before the detection, and longer
// than their aftermath: they are no part of the incident.
func (f *facts) overLongBefore() func(incident.Event) bool {
	from, over := f.inc.Clocks.Detected.Add(-aftermath), map[string]bool{}
	for _, e := range f.faults {
		if run := runOf(e); e.Kind == incident.ChaosFinished && run != "" && e.At.Before(from) {
			over[run] = true
		}
	}
	return func(e incident.Event) bool { return over[runOf(e)] }
}

// onset is the last fault injected before the detection, unless it was undone by then; where
// an alert found it, which comes late, unless that was longer ago than its aftermath. It is
// the one moment at which the record itself says that something began.
func (f *facts) onset() (incident.Event, bool) {
	alerted, over := f.detectedBy != "" || f.inc.Clocks.DetectedBy != "", map[string]bool{}
	for _, e := range slices.Backward(f.faults) {
		switch {
		case e.At.After(f.inc.Clocks.Detected):
		case alerted && f.inc.Clocks.Detected.Sub(e.At) <= aftermath:
			if e.Kind == incident.ChaosInjected {
				return e, true
			}
		case e.Kind == incident.ChaosUndone || e.Kind == incident.ChaosFinished:
			over[runOf(e)] = true
		case e.Kind == incident.ChaosInjected && !over[runOf(e)]:
			return e, true
		}
	}
	return incident.Event{}, false
}

// between is the time between two moments, false if one of them is unknown.
func between(from, to time.Time) (time.Duration, bool) {
	if from.IsZero() || to.IsZero() {
		return 0, false
	}
	return max(0, to.Sub(from)), true
}

// mitigatedFirst says whether the record tells an end of the pain apart from
// the resolution, which is taken for it otherwise.
func (f *facts) mitigatedFirst() bool {
	c := f.inc.Clocks
	return !c.Mitigated.IsZero() && (c.Resolved.IsZero() || c.Mitigated.Before(c.Resolved))
}

// levels are the rungs reached, each once, in the order of reaching.
func (f *facts) levels() []incident.Level {
	out := []incident.Level{}
	for _, r := range f.rungs {
		if r.data.Level != "" && !slices.Contains(out, r.data.Level) {
			out = append(out, r.data.Level)
		}
	}
	return out
}

// late is the longest time that nobody ran the ladder.
func (f *facts) late() (worst time.Duration) {
	for _, r := range f.rungs {
		if s := r.data.LateSeconds; s > 0 && s < 1e9 {
			worst = max(worst, time.Duration(s*float64(time.Second)))
		}
	}
	return worst
}

// silence is the longest time between two updates from the declaration to the
// end, and when it began.
func (f *facts) silence() (longest time.Duration, from time.Time) {
	last := f.inc.Clocks.Declared
	for _, at := range append(slices.Clone(f.updates), f.end) {
		if at.After(f.end) {
			break
		}
		if gap := at.Sub(last); gap > longest {
			longest, from = gap, last
		}
		if at.After(last) {
			last = at
		}
	}
	return longest, from
}
