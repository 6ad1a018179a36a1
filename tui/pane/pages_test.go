package pane

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// standIn is a message that calls for the page m1 through another sink.
func standIn(sink string, state escalation.MessageState, why string) escalation.Message {
	return escalation.Message{
		Seq: 9, ID: "for " + sink, Incident: "INC-204", Sink: sink, Operation: escalation.OpPost, Level: "L1", Round: 1,
		State: state, Error: why, QueuedAt: night.Add(-time.Minute), AcceptedAt: night, Payload: []byte(`{"diverts":"m1"}`),
	}
}

// That somebody was told in the place of a page is said when it is true.
func TestToldIsWhatWasAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		others []escalation.Message
		sees   string
	}{
		"accepted": {[]escalation.Message{standIn("slack:#incidents", escalation.Accepted, "")}, "told Slack #incidents"},
		"one of two": {[]escalation.Message{
			standIn("slack:#incidents", escalation.Failed, "404"), standIn("webhook:ntfy", escalation.Accepted, ""),
		}, "told webhook ntfy"},
		"on its way": {[]escalation.Message{standIn("slack:#incidents", escalation.Pending, "")}, "goes to Slack #incidents"},
		"fails":      {[]escalation.Message{standIn("slack:#incidents", escalation.Pending, "503")}, "NOBODY TOLD: Slack #incidents fails too"},
		"all fail": {[]escalation.Message{
			standIn("slack:#incidents", escalation.Failed, "404"), standIn("webhook:ntfy", escalation.Ambiguous, "x"),
		}, "NOBODY TOLD: Slack, webhook fail too"},
		"through what is down": {[]escalation.Message{standIn("webhook:ntfy", escalation.Pending, "")}, "NOBODY TOLD: webhook ntfy fails too"},
		"withdrawn":            {[]escalation.Message{standIn("slack:#incidents", escalation.Superseded, "")}, "NOBODY TOLD"},
	} {
		t.Run(name, func(t *testing.T) {
			w := with(richWorld(t), func(w *World) {
				page := w.Delivery.Messages[0]
				page.State, page.Error = escalation.Pending, "503"
				w.Delivery.Messages = append([]escalation.Message{page}, c.others...)
				w.Diverted = map[string]bool{"m1": true}
				w.Delivery.Sinks = append(w.Delivery.Sinks[:len(w.Delivery.Sinks):len(w.Delivery.Sinks)], Sink{Name: "webhook", State: escalation.SinkDown})
			})
			r := newReader(t, 3, w, "INC-204", 199, 54)
			r.sees(c.sees)
			r.seesNot("told elsewhere")
			if !strings.HasPrefix(c.sees, "told") {
				r.seesNot(" told ")
			}
		})
	}
}

// A page whose sink has taken that the incident is over reads ended, though nobody
// acknowledged it.
func TestAPageThatWasResolvedHasEnded(t *testing.T) {
	w := with(richWorld(t), func(w *World) {
		end := w.Delivery.Messages[0]
		end.ID, end.Operation, end.State = "end", escalation.OpResolve, escalation.Pending
		w.Delivery.Messages = []escalation.Message{w.Delivery.Messages[0], end}
	})
	r := newReader(t, 0, w, "INC-204", 119, 34)
	r.sees("accepted 4 s")
	r.seesNot("ended by")
	r.s.World = with(w, func(w *World) {
		w.Delivery.Messages = append([]escalation.Message{}, w.Delivery.Messages...)
		w.Delivery.Messages[1].State = escalation.Accepted
	})
	r.sees("ended by the resolve")
}

// A channel that was made for an incident has its name, a channel that was not keeps
// what it has.
func TestAChannelHasItsName(t *testing.T) {
	w := with(richWorld(t), func(w *World) {
		made := escalation.Message{Seq: 10, ID: "made", Incident: "INC-204", Sink: "slack:rooms", Operation: escalation.OpCreate, State: escalation.Accepted, Ref: "C01ABROOM5", QueuedAt: night, AcceptedAt: night, Payload: []byte(`{"room":{"name":"inc-204-checkout"}}`)}
		post := escalation.Message{Seq: 11, ID: "post", Incident: "INC-204", Sink: "slack:C01ABROOM5", Operation: escalation.OpPost, State: escalation.Accepted, QueuedAt: night, AcceptedAt: night}
		other := post
		other.Seq, other.ID, other.Sink = 12, "other", "slack:C0OTHER"
		w.Delivery.Messages = append([]escalation.Message{made, post, other}, w.Delivery.Messages...)
	})
	r := newReader(t, 3, w, "INC-204", 199, 54)
	r.sees("Slack #inc-204-checkout", "Slack C0OTHER", "1 chat chore (/ finds them)")
	r.seesNot("C01ABROOM5")
}

// pageEvents are steps of a page, each a second after the one before.
func pageEvents(from int, id, sink string, op escalation.Operation, level incident.Level, why string, kinds ...incident.Kind) (all []incident.Event) {
	for i, k := range kinds {
		data, _ := json.Marshal(escalation.PageData{Message: id, Level: level, Round: 1, Sink: sink, Operation: op, Error: why})
		all = append(all, incident.Event{Seq: int64(from + i), ID: fmt.Sprint(id, i), Incident: "INC-9", At: night.Add(time.Duration(from+i) * time.Second), Kind: k, Actor: incident.Sitrep, Text: "raw text of " + id, Data: data})
	}
	return all
}

// After an acknowledgement the timeline has it, and a line for every page, with what
// became of it before everything that may be cut.
func TestATimelineHasALineForAPage(t *testing.T) {
	var all []incident.Event
	add := func(list ...incident.Event) { all = append(all, list...) }
	add(pageEvents(0, "p1", "pagerduty:primary", escalation.OpTrigger, "L1", "", incident.PageQueued, incident.PageAttempted, incident.PageAccepted)...)
	add(pageEvents(5, "p2", "pagerduty:lead", escalation.OpTrigger, "L2", "pagerduty:lead: 503 Service Unavailable", incident.PageQueued, incident.PageAttempted, incident.PageAmbiguous, incident.PageDiverted)...)
	add(pageEvents(20, "p3", "slack:#incidents", escalation.OpPost, "", "", incident.PageQueued, incident.PageAttempted, incident.PageAccepted)...)
	add(pageEvents(30, "p4", "slack:#lost", escalation.OpPost, "", "slack:#lost: channel_not_found", incident.PageQueued, incident.PageAttempted, incident.PageFailed)...)
	add(incident.Event{Seq: 40, ID: "ack", Incident: "INC-9", At: night.Add(40 * time.Second), Kind: incident.Acknowledged, Actor: "ana", Text: "ana acknowledged"})
	add(pageEvents(41, "p1", "pagerduty:primary", escalation.OpTrigger, "L1", "", incident.PageAcknowledged)...)
	add(pageEvents(42, "a1", "pagerduty:primary", escalation.OpAcknowledge, "L1", "", incident.PageQueued, incident.PageAmbiguous, incident.PageReconciled)...)
	pointers := make([]*incident.Event, len(all))
	for i := range all {
		pointers[i] = &all[i]
	}
	s := &Screen{World: &World{}}
	var lines []string
	for _, e := range folded(pointers) {
		lines = append(lines, saying(e, s).String())
	}
	require.Equal(t, []string{
		"L1 accepted by PagerDuty primary",
		"L2 NOT taken by PagerDuty lead: 503 Service Unavailable",
		"post FAILED at Slack #lost: channel_not_found",
		"ana acknowledged",
	}, lines)
}

// What a sink waits for is named, if it says it.
func TestTrouble(t *testing.T) {
	for why, want := range map[string][2]string{
		"slack:#game-day: channel_not_found: there is none": {"#game-day", "channel_not_found"},
		"slack:rooms: 503 Service Unavailable":              {"rooms", "503 Service Unavailable"},
		"slack:#x":                                          {"#x", ""},
		"asked":                                             {},
		"":                                                  {},
	} {
		target, reason := Trouble(Sink{Name: "slack", Why: why})
		require.Equal(t, want, [2]string{target, reason}, why)
	}
}
