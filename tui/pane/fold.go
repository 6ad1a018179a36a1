package pane

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// folded leaves one line for every page: what became of it last. The steps on its
// way, what passes an answer on to a sink, and what a chat took as it should are in
// the ledger; whatever went wrong stays.
func folded(events []*incident.Event) []*incident.Event {
	out := make([]*incident.Event, 0, len(events))
	said := map[string]bool{}
	for _, e := range slices.Backward(events) {
		if !escalation.IsStep(*e) && !beside(e, said) {
			out = append(out, e)
		}
	}
	slices.Reverse(out)
	return stormed(out)
}

// calm is after how long without another alert a storm has passed.
const calm = 5 * time.Minute

// stormed leaves one line for all alerts that joined an incident in a storm, at the time
// of the first, and one for their ends: hundreds of lines would hide what people did
// meanwhile. That an alert fired which belongs to an incident its line says.
func stormed(events []*incident.Event) []*incident.Event {
	open := map[stormKey]*storm{}
	var several []*storm
	out := events[:0]
	for _, e := range events {
		home, joined, is := ofStorm(e)
		if !is {
			out = append(out, e)
			continue
		}
		if e.Kind == incident.AlertFired {
			continue
		}
		key := stormKey{home, e.Kind}
		s := open[key]
		if s == nil || e.At.Sub(s.last) >= calm {
			copied := *e
			s = &storm{line: &copied, joined: incident.Attached{Names: map[string]int{}}}
			open[key] = s
			out = append(out, s.line)
		}
		if s.from++; s.from == 2 {
			several = append(several, s)
		}
		s.last = e.At
		s.joined.Alerts += joined.Alerts
		for name, n := range joined.Names {
			s.joined.Names[name] += n
		}
	}
	for _, s := range several {
		s.tell()
	}
	return out
}

// storm is the line of one, as it grows.
type storm struct {
	line   *incident.Event
	joined incident.Attached
	from   int // how many lines it is of
	last   time.Time
}

type stormKey struct {
	home incident.ID
	kind incident.Kind
}

func (s *storm) tell() {
	word := "joined"
	if s.line.Kind == incident.AlertResolved {
		word = "ended"
	}
	length := max(s.last.Sub(s.line.At).Round(time.Second), time.Second)
	s.line.Text = fmt.Sprintf("%d alerts %s within %s: %s", s.joined.Alerts, word, strictyaml.FormatDuration(length), s.joined)
	s.line.Data = incident.Payload(s.joined)
}

// ofStorm says that an event is about alerts of an incident, which, and how many.
func ofStorm(e *incident.Event) (home incident.ID, joined incident.Attached, is bool) {
	switch e.Kind {
	case incident.AlertAttached:
		is = e.Payload(&joined) == nil && joined.Alerts > 0
		return e.Incident, joined, is
	case incident.AlertFired, incident.AlertResolved:
		var a struct {
			Name     string      `json:"name"`
			Incident incident.ID `json:"incident"`
		}
		is = e.Payload(&a) == nil && a.Incident != ""
		return a.Incident, incident.Attached{Alerts: 1, Names: map[string]int{a.Name: 1}}, is
	}
	return "", joined, false
}

// beside says that another line says what a page event does. Said are the pages
// that have their line.
func beside(e *incident.Event, said map[string]bool) bool {
	if family(e.Kind) != "page" {
		return false
	}
	var p escalation.PageData
	if e.Payload(&p) != nil || p.Message == "" {
		return false
	}
	switch e.Kind {
	case incident.PageAcknowledged: // of the incident, which is a line
		return true
	case incident.PageAccepted, incident.PageReconciled, incident.PageSuperseded:
		passesOn := p.Operation == escalation.OpAcknowledge || p.Operation == escalation.OpResolve
		chats := p.Operation == escalation.OpPost && p.Level == ""
		if passesOn || chats {
			said[p.Message] = true // what went wrong before has been made good
			return true
		}
	}
	before := said[p.Message]
	said[p.Message] = true
	return before
}

// pageSaying is what a page event says, what became of it first: the end of a line
// may be cut.
func pageSaying(e *incident.Event, s *Screen) (string, bool) {
	var p escalation.PageData
	if family(e.Kind) != "page" || e.Payload(&p) != nil || p.Sink == "" {
		return "", false
	}
	became, ok := map[incident.Kind]string{
		incident.PageQueued: "queued for", incident.PageAttempted: "tried at", incident.PageAccepted: "accepted by", incident.PageReconciled: "accepted after all by",
		incident.PageAmbiguous: "in doubt at", incident.PageDiverted: "NOT taken by", incident.PageFailed: "FAILED at",
		incident.PageSuperseded: "not needed any more at", incident.PageAcknowledged: "ended by the ack at",
	}[e.Kind]
	if !ok {
		return "", false
	}
	what := string(p.Level)
	if p.Operation != escalation.OpTrigger {
		what = strings.TrimSpace(what + " " + operationWord(p.Operation).String())
	}
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", what, became, sinkCalled(p.Sink, s)))
	if p.Round > 1 {
		text += fmt.Sprintf(", round %d", p.Round)
	}
	if p.Error != "" && e.Kind != incident.PageAccepted && e.Kind != incident.PageAttempted {
		text += ": " + handedOn(strings.TrimPrefix(p.Error, p.Sink+": "))
	}
	return text, true
}

// handedOn is why, without a claim of older versions: what was handed on was not
// told to anybody yet.
func handedOn(why string) string {
	return strings.Replace(why, "also sent to ", "passed on to ", 1)
}

// sinkCalled is "PagerDuty primary"; a channel that was made for an incident has
// its name where it is known, and not the ID that Slack gave it.
func sinkCalled(sink string, s *Screen) string {
	kind, target, _ := strings.Cut(sink, ":")
	if name := roomName(sink, s); name != "" {
		target = "#" + name
	}
	return strings.TrimSpace(brand(kind) + " " + target)
}

// roomName is the name of the channel that a sink is, if it was made for an
// incident.
func roomName(sink string, s *Screen) string {
	kind, target, _ := strings.Cut(sink, ":")
	if kind != "slack" || target == "" || strings.HasPrefix(target, "#") || s == nil {
		return ""
	}
	for i := range s.World.Delivery.Messages {
		m := &s.World.Delivery.Messages[i]
		if m.Operation == escalation.OpCreate && m.Ref == target && m.Ref != "" {
			if room := m.Content().Room; room != nil {
				return safe.New(room.Name, 80).String()
			}
		}
	}
	return ""
}
