package incident

import (
	"fmt"
	"time"
)

// Moment is an event at which all that the boards show is kept, not only the
// signals: the declaration, each escalation, the mitigation, the resolution.
type Moment struct {
	Event    string // its ID
	Kind     Kind
	What     string // for people: "declared", "escalated to L2", "mitigated", "resolved"
	Incident ID
	At       time.Time
	Declared time.Time // when the incident was: a resolution looks back that far
	Service  string    // of the incident, as it was then
}

// Moments are those of an incident's timeline, in the order of recording. A call
// that the declaration itself makes is none, nor one that repeats: the board
// looks as it did. An incident that was reopened has its mitigation and its
// resolution again.
func Moments(events []Event) []Moment {
	var all []Moment
	var inc Incident
	for _, e := range events {
		before := inc
		inc = inc.Apply(e)
		what := ""
		switch {
		case !inc.Declared() || inc.Seq == before.Seq && e.Seq > 0:
		case !before.Declared():
			what = "declared"
		case e.Kind == EscalationEntered:
			what = escalated(e)
		case e.Kind == Resolved && !before.Status.Over() && inc.Status.Over():
			what = "resolved"
		case before.Clocks.Mitigated.IsZero() && !inc.Clocks.Mitigated.IsZero():
			what = "mitigated"
		}
		if what != "" && e.ID != "" {
			all = append(all, Moment{e.ID, e.Kind, what, inc.ID, e.At, inc.Clocks.Declared, inc.Service})
		}
	}
	return all
}

// escalated says where to; empty for a call that is no escalation.
func escalated(e Event) string {
	var p Escalation
	if e.Payload(&p) != nil || p.Level == "" || p.Reason == "declared" || p.Reason == "repeat" || p.Reason == "service" {
		return ""
	}
	return fmt.Sprintf("escalated to %s", p.Level)
}

// Once is the name under which the series of the moment stand on the timeline
// once, however many processes keep them.
func (m Moment) Once() string { return "captured/" + m.Event }

// KeptByHand says that an event is what a person kept of a board when they saw it: it
// is about no other event, and part of the story.
func KeptByHand(e Event) bool {
	var c Capture
	return e.Kind == EvidenceCaptured && e.Payload(&c) == nil && c.Kind == EvidenceCaptured
}

// MostFrozen is how many bytes of series are kept of one moment, all boards
// together.
const MostFrozen = 4 << 20

type (
	// Capture is what an evidence.captured event carries: which moment it is
	// about, what was kept, and what the signals did. The series themselves
	// stand beside the timeline and may be thinned or dropped; this stays.
	Capture struct {
		Event   string          `json:"event"` // ID of the event
		Kind    Kind            `json:"kind"`  // of that event
		What    string          `json:"what"`
		At      time.Time       `json:"at"` // of that event
		Source  string          `json:"source,omitempty"`
		Boards  []CapturedBoard `json:"boards"`
		Unread  []string        `json:"unread,omitempty"`   // panels that could not be read, and why
		LeftOut []string        `json:"left_out,omitempty"` // what was too much to keep
	}

	// CapturedBoard is what was kept of one board.
	CapturedBoard struct {
		Name    string    `json:"name"`
		From    time.Time `json:"from"`
		To      time.Time `json:"to"`
		Step    float64   `json:"step_seconds"`
		Panels  int       `json:"panels"`
		Series  int       `json:"series"`
		Values  int       `json:"values"`
		Bytes   int       `json:"bytes"`
		Signals []Course  `json:"signals,omitempty"`
	}

	// Course is what a signal did in the window: its worst value and when, and
	// from when until when it was beyond its threshold. Moments are those of
	// samples, so they are right to one step. A nil number is "no data".
	Course struct {
		Name      string    `json:"name"`
		Unit      string    `json:"unit,omitempty"`
		Query     string    `json:"query"`
		Step      float64   `json:"step_seconds"`
		Series    string    `json:"series,omitempty"` // that has the worst value
		Higher    bool      `json:"higher_is_better,omitempty"`
		Peak      *float64  `json:"peak"`
		PeakAt    time.Time `json:"peak_at,omitzero"`
		Threshold *float64  `json:"threshold,omitempty"` // the worst that was crossed, or the next
		State     string    `json:"state"`               // of the peak
		FirstOut  time.Time `json:"first_out,omitzero"`  // the first sample beyond the threshold
		LastOut   time.Time `json:"last_out,omitzero"`   // the last one
	}

	// Frozen is a board's series as bytes, which nobody here reads.
	Frozen struct {
		Board    string
		From, To time.Time
		Series   []byte
	}

	// Kept says of a Frozen that it is there.
	Kept struct {
		Seq      int64  // of the evidence.captured event
		Event    string // ID of the event at which it was taken
		Board    string
		From, To time.Time
		Size     int  // bytes
		Thinned  bool // to its peaks, by the policy
	}
)
