package escalation

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Message is one thing to tell one sink. It is queued in the transaction that
// decided on it and keeps its ID, the idempotency key, through every attempt.
type Message struct {
	Seq       int64
	ID        string // ULID
	Incident  incident.ID
	Stream    string // messages of a stream go out one after the other, in the order of Seq
	Sink      string // "pagerduty:primary", "slack:#incidents"
	Operation Operation
	Level     incident.Level
	Round     int
	DedupKey  string
	Payload   json.RawMessage // a Content
	State     MessageState
	Attempts  int

	QueuedAt, NotBefore, FirstTryAt, LastTryAt, AcceptedAt, AcknowledgedAt time.Time

	Ref   string // what the sink calls it (Slack's ts, PagerDuty's dedup key)
	Error string // of the last attempt, or why it was superseded
	Murky bool   // an attempt once ended without anybody knowing whether it counted
	Epoch int64  // lease under which it was last attempted

	// Parent is the Ref of the first post of the stream, which later ones
	// reply to or update. It is filled in by the claim, never stored.
	Parent string
}

// Operation is what a message asks of its sink.
type Operation string

// The operations: the first three of PagerDuty's events, then those of chat.
const (
	OpTrigger     Operation = "trigger"
	OpAcknowledge Operation = "acknowledge"
	OpResolve     Operation = "resolve"
	OpPost        Operation = "post"
	OpUpdate      Operation = "update"
	OpSweep       Operation = "sweep"    // look for second copies of a post and delete them
	OpAnnounce    Operation = "announce" // an update to an audience: written for people outside, wakes nobody
)

// MessageState is where a message stands.
type MessageState string

// The states. An accepted page was taken by the sink, which does not mean that
// it woke somebody: only an acknowledgement does.
const (
	Pending    MessageState = "pending"
	Sending    MessageState = "sending"
	Accepted   MessageState = "accepted"
	Ambiguous  MessageState = "ambiguous" // may have counted; will be settled by another attempt
	Failed     MessageState = "failed"    // refused for good; a page is offered again now and then
	Superseded MessageState = "superseded"
)

// Open says whether the message is still to be sent, and so holds up the rest
// of its stream.
func (m Message) Open() bool {
	switch m.State {
	case Accepted, Superseded:
		return false
	case Failed:
		return !m.NotBefore.IsZero()
	}
	return true
}

// Kind is the sort of sink: "pagerduty", "slack".
func (m Message) Kind() string { return sinkKind(m.Sink) }

// Target is which one of its sort: "primary", "#incidents".
func (m Message) Target() string {
	_, target, _ := strings.Cut(m.Sink, ":")
	return target
}

// Content decodes the payload; a damaged one is empty.
func (m Message) Content() Content {
	var c Content
	if json.Unmarshal(m.Payload, &c) != nil {
		return Content{}
	}
	return c
}

// Content is what a message says, as it was decided. A sender adds to it what
// it needs of the incident as it stands when the message goes out.
type Content struct {
	Reason   string            `json:"reason,omitempty"`
	Page     Page              `json:"page,omitempty"`
	Until    Until             `json:"until,omitempty"`
	Who      []incident.Person `json:"who,omitempty"`
	Text     string            `json:"text,omitempty"`     // raw: a sender escapes it
	Headline bool              `json:"headline,omitempty"` // the one message of the incident that is kept up to date
	Late     float64           `json:"late_seconds,omitempty"`
	AckedAt  time.Time         `json:"acked_at,omitzero"` // the acknowledgement that stood when this was decided
	Joins    int               `json:"joins,omitempty"`   // how many had joined when this was decided
	Diverts  string            `json:"diverts,omitempty"` // ID of the page that this stands in for
	Turn     int               `json:"turn,omitempty"`    // of what stands in for a page: its place in the policy's divert, from 1; 0 where all chats are told
	Chat     string            `json:"chat,omitempty"`    // of a note: the sink that does not answer
	Event    string            `json:"event,omitempty"`   // ID of the update that is announced: once to every sink
	Update   incident.Update   `json:"update,omitzero"`   // the words of it, in parts; empty for those of a correction
	Lasts    bool              `json:"lasts,omitempty"`   // it is as good tomorrow
	Test     bool              `json:"test,omitempty"`    // sitrep doctor tries the way: nothing has happened

	Sweep
	InChat
}

// Sweep is what cleans up behind an attempt that nobody knew the end of. In JSON
// its fields stand beside those of the Content.
type Sweep struct {
	Resweep  bool      `json:"resweep,omitempty"`   // a second resolve, for a trigger that came late; a second update, for an older one that did
	Sweeps   string    `json:"sweeps,omitempty"`    // ID of the post whose copies are looked for
	SweepRef string    `json:"sweep_ref,omitempty"` // the copy to keep
	TriedAt  time.Time `json:"tried_at,omitzero"`   // of the post that is swept: where to begin to look
}

// InChat is where in a chat a message has its place, and what it does there beside
// saying something. In JSON its fields stand beside those of the Content.
type InChat struct {
	Thread  string     `json:"thread,omitempty"` // stream of the post that this belongs to, if it goes out in another one
	Top     bool       `json:"top,omitempty"`    // not a reply: it stands by itself in the channel
	Ends    time.Time  `json:"ends,omitzero"`    // it says how the incident ended, at this time
	Room    *RoomStep  `json:"room,omitempty"`
	Alarm   *Alarm     `json:"alarm,omitempty"`
	Picture *PictureOf `json:"picture,omitempty"`

	Question *Question `json:"question,omitempty"` // what it asks of the people in Who
	Reminds  bool      `json:"reminds,omitempty"`  // of what is planned: it is about no incident, and for the people in Who
}

// DedupKey is what PagerDuty knows a page by: unique in the world, new for
// every round, because a second trigger on an open key wakes nobody. Install
// tells this store from every other.
func DedupKey(install string, inc incident.Incident, level incident.Level, round int) string {
	return fmt.Sprintf("sitrep/%s/%s/%s/r%d", install, inc.Key, level, round)
}

// thread is the stream of the post that m replies to or changes.
func (m Message) thread() string {
	if t := m.Content().Thread; t != "" {
		return t
	}
	return m.Stream
}

// PageData is the data of every page.* event.
type PageData struct {
	Message   string         `json:"message"`
	Level     incident.Level `json:"level,omitempty"`
	Round     int            `json:"round,omitempty"`
	Sink      string         `json:"sink"`
	Operation Operation      `json:"operation"`
	DedupKey  string         `json:"dedup_key,omitempty"`
	Attempt   int            `json:"attempt,omitempty"`
	Error     string         `json:"error,omitempty"`
	Ref       string         `json:"ref,omitempty"`
}

// event is what happened to m, for the timeline.
func (m Message) event(kind incident.Kind, now time.Time) incident.Event {
	verb := strings.TrimPrefix(string(kind), "page.")
	text := fmt.Sprintf("%s %s %s", m.Sink, m.Operation, verb)
	if m.Level != "" {
		text = fmt.Sprintf("%s round %d %s to %s: %s", m.Level, m.Round, m.Operation, m.Sink, verb)
	}
	if m.Error != "" && kind != incident.PageAccepted && kind != incident.PageAttempted {
		text += ": " + m.Error
	}
	return incident.Event{
		Incident: m.Incident, At: now, Kind: kind, Actor: incident.Sitrep, Source: source, Text: text,
		Data: incident.Payload(PageData{m.ID, m.Level, m.Round, m.Sink, m.Operation, m.DedupKey, m.Attempts, m.Error, m.Ref}),
	}
}

// priority orders streams that could go at once: pages, then what ends them,
// then headlines, then the rest.
func (m Message) priority() int {
	switch m.Operation {
	case OpTrigger:
		return 0
	case OpAcknowledge, OpResolve:
		return 1
	}
	switch c := m.Content(); {
	case m.Operation == OpNote:
		return 3
	case c.Diverts != "":
		return 0
	case c.Headline:
		return 2
	}
	return 3
}

func sinkKind(sink string) string {
	kind, _, _ := strings.Cut(sink, ":")
	return kind
}
