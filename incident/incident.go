package incident

import (
	"encoding/json"
	"slices"
	"time"
)

// Incident is what its events add up to. The zero value is an incident of
// which nothing is known yet.
type Incident struct {
	ID       ID                `json:"id"`
	Key      string            `json:"key"` // ULID of the declaration: unique in the world, unlike ID
	Title    string            `json:"title"`
	Severity Severity          `json:"severity"`
	Status   Status            `json:"status"`
	Service  string            `json:"service,omitempty"`
	Drill    bool              `json:"drill,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Policy   json.RawMessage   `json:"policy,omitempty"`
	Refrozen int               `json:"refrozen,omitempty"` // how often Policy was replaced, with the service

	Alerts     int    `json:"alerts,omitempty"`      // that it was declared from, and that joined it
	RunbookURL string `json:"runbook_url,omitempty"` // that the alert it was declared from names
	Runbook    string `json:"runbook,omitempty"`     // that a person attached last, by name
	Ticks      []Tick `json:"ticks,omitempty"`       // steps that are done, in the order of doing

	Clocks     Clocks          `json:"clocks"`
	Roles      map[Role]Person `json:"roles,omitempty"`
	Rung       Rung            `json:"rung"`
	Attention  Attention       `json:"attention,omitzero"`
	Degraded   Degraded        `json:"degraded,omitzero"`
	Joins      []Join          `json:"joins,omitempty"` // in the order of joining; a person may join again
	Resolution string          `json:"resolution,omitempty"`
	Actions    []Action        `json:"actions,omitempty"`
	Items      []OpenItem      `json:"items,omitempty"`
	Costs      []Cost          `json:"costs,omitempty"` // of error budgets, as they were worked out last
	Review     Review          `json:"review,omitzero"` // of its post-mortem

	Imported   string        `json:"imported,omitempty"`    // from where: it was another store's, and nobody is called for it here
	MergedInto ID            `json:"merged_into,omitempty"` // it is over, and goes on there
	Merged     []ID          `json:"merged,omitempty"`      // those that go on here
	SplitFrom  ID            `json:"split_from,omitempty"`  // the incident that some of its events were recorded under
	Moved      map[string]ID `json:"moved,omitempty"`       // events that a split took away, by ID, and where to

	Promised []Promise `json:"-"` // what would have helped and was not done; filled in for whoever drafts the post-mortem

	Seq int64 `json:"seq"` // of the last event folded in
}

// Clocks are the moments that the statistics are made of; zero means not yet.
type Clocks struct {
	Detected     time.Time `json:"detected,omitzero"`
	DetectedBy   string    `json:"detected_by,omitempty"`
	Declared     time.Time `json:"declared,omitzero"`
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	AckBy        Person    `json:"ack_by,omitempty"`
	AckClaimed   bool      `json:"ack_claimed,omitempty"` // AckBy is a claimed name
	FirstAck     time.Time `json:"first_ack,omitzero"`    // survives an un-acknowledge: time to acknowledge counts from it
	Mitigated    time.Time `json:"mitigated,omitzero"`
	Resolved     time.Time `json:"resolved,omitzero"` // or merged: when its own response ended
	Closed       time.Time `json:"closed,omitzero"`
	LastUpdate   time.Time `json:"last_update,omitzero"` // status change, reopening or stakeholder update
	Reminded     time.Time `json:"reminded,omitzero"`    // the due time of the last update that somebody was reminded of
}

// Rung is where the ladder stands: the level entered last, and when its clocks
// began. Level is empty before the first page and after a reopening.
type Rung struct {
	Level      Level         `json:"level,omitempty"`
	Round      int           `json:"round,omitempty"`
	Entered    time.Time     `json:"entered,omitzero"`
	Notified   time.Time     `json:"notified,omitzero"` // last round of this level
	Severity   Severity      `json:"severity,omitempty"`
	Rounds     map[Level]int `json:"rounds,omitempty"` // rounds used, by level
	Wanted     Level         `json:"wanted,omitempty"` // asked for by hand, not entered yet
	WantedWhy  string        `json:"wanted_why,omitempty"`
	Recall     bool          `json:"recall,omitempty"`     // it is about another service, whose people are to be called at this level
	Unanswered bool          `json:"unanswered,omitempty"` // un-acknowledged or reopened: a new round is due
	Snoozed    time.Time     `json:"snoozed,omitzero"`
}

// Join says that somebody acknowledged what another one, or they themselves, had
// already.
type Join struct {
	Who Person    `json:"who"`
	At  time.Time `json:"at"`
}

// OpenItem is an action item and whether it is done.
type OpenItem struct {
	Item
	Added   time.Time `json:"added"`
	Closed  time.Time `json:"closed,omitzero"`   // done, or dropped
	Dropped bool      `json:"dropped,omitempty"` // nobody will do it
	Was     string    `json:"was,omitempty"`     // its first words, if it has others now
	Note    string    `json:"note,omitempty"`    // what is to be said about it
	Proof   string    `json:"proof,omitempty"`   // the experiment that says that it is done
	Asked   time.Time `json:"asked,omitzero"`    // since when it does
}

// Tick is a step of a runbook that is done.
type Tick struct {
	Step
	By      Person    `json:"by"`
	Claimed bool      `json:"claimed,omitempty"` // see Event
	Via     string    `json:"via,omitempty"`     // see Event
	At      time.Time `json:"at"`
}

// Who did it, for people, with the user behind a name that is only claimed.
func (t Tick) Who() string { return Event{Actor: t.By, Claimed: t.Claimed, Via: t.Via}.Who() }

// Declared says whether the incident exists.
func (inc Incident) Declared() bool { return !inc.Clocks.Declared.IsZero() }

// Acknowledged says whether somebody has it now.
func (inc Incident) Acknowledged() bool { return !inc.Clocks.Acknowledged.IsZero() }

// TimeToAcknowledge is declaration to first acknowledgement; false before that.
func (inc Incident) TimeToAcknowledge() (time.Duration, bool) {
	return between(inc.Clocks.Declared, inc.Clocks.FirstAck)
}

// TimeToMitigate is declaration to the end of the users' pain; false before.
func (inc Incident) TimeToMitigate() (time.Duration, bool) {
	return between(inc.Clocks.Declared, inc.Clocks.Mitigated)
}

// TimeToResolve is declaration to resolution; false while it is open.
func (inc Incident) TimeToResolve() (time.Duration, bool) {
	return between(inc.Clocks.Declared, inc.Clocks.Resolved)
}

// Mitigation is what was done that stopped the users' pain, in the words of the
// last action that says so; empty if none does.
func (inc Incident) Mitigation() string {
	for _, a := range slices.Backward(inc.Actions) {
		if a.Mitigates {
			return a.Text
		}
	}
	return ""
}

// Age is how long the incident has lasted at now, or lasted until resolved.
func (inc Incident) Age(now time.Time) time.Duration {
	if d, ok := inc.TimeToResolve(); ok {
		return d
	}
	return max(0, now.Sub(inc.Clocks.Declared))
}

func between(from, to time.Time) (time.Duration, bool) {
	if from.IsZero() || to.IsZero() {
		return 0, false
	}
	return max(0, to.Sub(from)), true
}
