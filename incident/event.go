package incident

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is one thing that happened. It is appended once and never changed; a
// correction is another event.
//
// Seq is the order of recording and is given by the store; engines read by it.
// At is when the thing happened, Recorded when the store learnt of it: a note
// may be back-dated. Screens order by At.
type Event struct {
	Seq      int64           `json:"seq"`
	ID       string          `json:"id"` // ULID, made by the store when empty
	Incident ID              `json:"incident,omitempty"`
	At       time.Time       `json:"at"`
	Recorded time.Time       `json:"recorded"`
	Kind     Kind            `json:"kind"`
	Actor    Person          `json:"actor"`
	Claimed  bool            `json:"claimed,omitempty"` // Actor is what somebody said, not what the operating system did
	Via      string          `json:"via,omitempty"`     // the operating system's user who acted; empty for engines, and where it was not recorded
	Source   string          `json:"source"`            // where it was done: cli, tui, alert, ladder, chaos, ...
	Text     string          `json:"text"`              // one line for people
	Data     json.RawMessage `json:"data,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"` // the signals' values at that moment

	// Once, if set, names a happening that several processes may report and
	// that must stand on the timeline once: the store keeps it unique.
	Once string `json:"-"`

	// What readers are told beside the event as it was recorded. Only Told
	// fills them in; they are never stored.
	Was   string `json:"-"` // the text before it was corrected; empty for what never was
	Moved ID     `json:"-"` // the incident that a split, or a merge, gave it to
}

// Kind says what happened: dotted, in the past tense, never renamed. A kind
// that this version does not know is kept, shown and exported untouched.
type Kind string

// The kinds that are written today.
const (
	Declared        Kind = "incident.declared"
	Acknowledged    Kind = "incident.acknowledged"
	Unacknowledged  Kind = "incident.unacknowledged"
	Assigned        Kind = "incident.assigned"
	SeverityChanged Kind = "incident.severity_changed"
	ServiceSet      Kind = "incident.service_set"
	StatusChanged   Kind = "incident.status_changed"
	Mitigated       Kind = "incident.mitigated"
	Resolved        Kind = "incident.resolved"
	Reopened        Kind = "incident.reopened"
	Closed          Kind = "incident.closed"
	Merged          Kind = "incident.merged" // on both timelines
	Split           Kind = "incident.split"  // on both timelines

	NoteAdded     Kind = "note.added"
	NoteCorrected Kind = "note.corrected"
	UpdateSent    Kind = "update.sent"
	UpdateDue     Kind = "update.due"
	ActionTaken   Kind = "action.taken"
	ItemAdded     Kind = "item.added"
	ItemClosed    Kind = "item.closed"
	ItemChanged   Kind = "item.changed" // other words, another owner or day; or nobody will do it

	EscalationWanted     Kind = "escalation.wanted" // by hand; the ladder answers with entered
	EscalationEntered    Kind = "escalation.entered"
	EscalationRenotified Kind = "escalation.renotified"
	EscalationSnoozed    Kind = "escalation.snoozed"
	AckQuestioned        Kind = "escalation.ack_questioned" // "still on it?"
	CommanderMissing     Kind = "escalation.commander_missing"
	TargetMissed         Kind = "escalation.target_missed"
	ClockSetBack         Kind = "escalation.clock_set_back" // the rung's clocks begin anew
	AuditFailed          Kind = "escalation.audit_failed"   // the ladder did not do what was due, and was made to

	DeliveryDegraded Kind = "escalation.delivery_degraded" // a page is due and nothing takes it
	DeliveryRestored Kind = "escalation.delivery_restored"

	PageQueued       Kind = "page.queued"
	PageAttempted    Kind = "page.attempted"
	PageAccepted     Kind = "page.accepted"
	PageAmbiguous    Kind = "page.ambiguous"
	PageReconciled   Kind = "page.reconciled"
	PageAcknowledged Kind = "page.acknowledged"
	PageDiverted     Kind = "page.diverted"
	PageFailed       Kind = "page.failed"
	PageSuperseded   Kind = "page.superseded"

	RunbookAttached Kind = "runbook.attached" // a person says that this one is followed
	StepDone        Kind = "runbook.step_done"
	StepUndone      Kind = "runbook.step_undone"

	AlertFired     Kind = "alert.fired"
	AlertResolved  Kind = "alert.resolved"
	AlertAttached  Kind = "alert.attached" // alerts that came later are part of the incident
	AlertSilenced  Kind = "alert.silenced"
	SilenceExpired Kind = "alert.silence_expired"
	AlertNoise     Kind = "alert.noise_marked"   // a person says that it was not worth having
	AlertUseful    Kind = "alert.useful_marked"  // a person says that it was
	AlertUnmarked  Kind = "alert.mark_withdrawn" // what was said of it last does not hold
	ChangeRecorded Kind = "change.recorded"

	WriteEnabled Kind = "write.enabled" // chaos, load and silences are allowed in a context that is production
	WriteEnded   Kind = "write.ended"   // by hand, before its time

	BurnBegan  Kind = "slo.burning"   // a budget is spent too fast
	BurnEnded  Kind = "slo.recovered" // and is not any more
	BudgetCost Kind = "slo.cost"      // what an incident took of the budgets of its service

	RoutineSigned Kind = "routine.signed" // a person says that a duty of the routine or the checklist is done

	ChaosStarted      Kind = "chaos.started"
	ChaosInjected     Kind = "chaos.injected"
	ChaosGuardTripped Kind = "chaos.guard_tripped"
	ChaosUndone       Kind = "chaos.undone"
	ChaosFinished     Kind = "chaos.finished"
	LoadStarted       Kind = "load.started"
	LoadFinished      Kind = "load.finished"
	LoadAborted       Kind = "load.aborted"

	GamedayStarted   Kind = "gameday.started" // of the drill that was declared for it, as all of these
	GamedayStepBegun Kind = "gameday.step_begun"
	GamedayAnswered  Kind = "gameday.answered" // a person says go, or no
	GamedayStepEnded Kind = "gameday.step_ended"
	GamedayFinished  Kind = "gameday.finished"

	GamedayReminded     Kind = "gameday.reminded"      // people are told that one is planned; outside any incident
	GamedayReminderSent Kind = "gameday.reminder_sent" // a chat has it

	EvidenceCaptured  Kind = "evidence.captured"  // the boards' series at one of the Moments
	EvidenceRecorded  Kind = "evidence.recorded"  // samples that sitrep scraped itself are kept
	EvidenceCompacted Kind = "evidence.compacted" // by the policy; outside any incident

	PostmortemDrafted Kind = "postmortem.drafted"
	PostmortemEdited  Kind = "postmortem.edited"

	PostmortemRetold    Kind = "postmortem.row_changed"   // how it tells an event of the timeline
	PostmortemAssigned  Kind = "postmortem.assigned"      // who brings it to its end, and until when
	PostmortemStaged    Kind = "postmortem.stage_changed" // into review, reviewed, or back
	PostmortemPublished Kind = "postmortem.published"
	PostmortemCommented Kind = "postmortem.commented"
	PostmortemAnswered  Kind = "postmortem.comment_closed"
	PostmortemImported  Kind = "postmortem.imported" // with its incident, from another store
)

// The payloads that the fold reads. A field may be added, never reused.
type (
	// Declaration is what an incident.declared event carries. Policy is the
	// escalation policy as it stood, frozen: later edits do not reach an open
	// incident.
	Declaration struct {
		Title      string            `json:"title"`
		Severity   Severity          `json:"severity"`
		Service    string            `json:"service,omitempty"`
		Drill      bool              `json:"drill,omitempty"`
		Labels     map[string]string `json:"labels,omitempty"`
		DetectedAt time.Time         `json:"detected_at,omitzero"` // when the alert began; zero if a person noticed
		DetectedBy string            `json:"detected_by,omitempty"`
		RunbookURL string            `json:"runbook_url,omitempty"` // the annotation of that name, of the alert that it was declared from
		Policy     json.RawMessage   `json:"policy,omitempty"`
	}

	// Assignment gives a role to a person.
	Assignment struct {
		Role   Role   `json:"role"`
		Person Person `json:"person"`
	}

	// SeverityChange says from what to what, and why.
	SeverityChange struct {
		From   Severity `json:"from"`
		To     Severity `json:"to"`
		Reason string   `json:"reason,omitempty"`
	}

	// ServiceChange says what it turned out to be about. Policy is the rules that
	// hold from then on; Recall says that they call others at the present level.
	ServiceChange struct {
		From   string          `json:"from,omitempty"`
		To     string          `json:"to"`
		Policy json.RawMessage `json:"policy,omitempty"`
		Recall bool            `json:"recall,omitempty"`
	}

	// StatusChange says from what to what.
	StatusChange struct {
		From    Status `json:"from"`
		To      Status `json:"to"`
		Details string `json:"details,omitempty"`
	}

	// Resolution says how it was fixed.
	Resolution struct {
		Resolution string `json:"resolution"`
	}

	// Action is something that was done about the incident.
	Action struct {
		Term      Term   `json:"term"`
		Mitigates bool   `json:"mitigates,omitempty"`
		Text      string `json:"text"`
		Event     string `json:"event,omitempty"` // ID of the event that recorded it; the fold fills it in
	}

	// Item is a thing to do after the incident.
	Item struct {
		Item  string    `json:"item"` // AI-1, unique within the incident
		Text  string    `json:"text"`
		Owner Person    `json:"owner,omitempty"`
		Due   time.Time `json:"due,omitzero"`
		Run   string    `json:"run,omitempty"` // when it is closed: the run whose experiment held
	}

	// ItemChange is what a person changes of an action item; nil stays as it is.
	// Dropped says that nobody will do it, or that somebody will after all.
	ItemChange struct {
		Item    string     `json:"item"`
		Text    *string    `json:"text,omitempty"`
		Owner   *Person    `json:"owner,omitempty"`
		Due     *time.Time `json:"due,omitempty"`
		Note    *string    `json:"note,omitempty"`
		Dropped *bool      `json:"dropped,omitempty"`
		Proof   *string    `json:"proof,omitempty"` // the experiment that says that it is done; empty is none
	}

	// Escalation is what the ladder did: it entered a rung, or notified one
	// again. Round counts the notifications of a level within an incident.
	Escalation struct {
		Level       Level    `json:"level"`
		Round       int      `json:"round"`
		Reason      string   `json:"reason"` // declared, unanswered, climbed, by_hand, severity, service, repeat, unacknowledged, reopened
		Severity    Severity `json:"severity"`
		Who         []Person `json:"who,omitempty"`
		Notify      []string `json:"notify,omitempty"`
		LateSeconds float64  `json:"late_seconds,omitempty"` // how long nobody ran the ladder
	}

	// Snooze silences re-notification and climbing until Until.
	Snooze struct {
		Until  time.Time `json:"until"`
		Reason string    `json:"reason,omitempty"`
	}

	// Step is a step of a runbook that was done, or turned out not to be. A step
	// with queries may carry what they answered: Asked is when.
	Step struct {
		Runbook string    `json:"runbook"`
		Step    string    `json:"step"` // its name within the runbook, which small edits of the file leave alone
		Text    string    `json:"text"` // its words when it was done: the file may be another one later
		Note    string    `json:"note,omitempty"`
		Result  string    `json:"result,omitempty"`
		Queries []string  `json:"queries,omitempty"`
		Asked   time.Time `json:"asked,omitzero"`
	}

	// Attachment says which runbook is followed.
	Attachment struct {
		Runbook string `json:"runbook"`
	}

	// Correction replaces the words of an earlier event: a note, an update, an
	// action, the details of a status. The new words are the event's text.
	Correction struct {
		Event string `json:"event"`          // ID of the event it corrects
		Kind  Kind   `json:"kind,omitempty"` // of that event
	}

	// Merge says that From is the same incident as Into and goes on there. Both
	// timelines carry it.
	Merge struct {
		From     ID       `json:"from"`
		Into     ID       `json:"into"`
		Severity Severity `json:"severity"`       // of From when it was merged
		With     []ID     `json:"with,omitempty"` // what had been merged into From before
	}

	// Move says that events of From belong to Into, which was declared for them.
	// Both timelines carry it; the events stay where they were recorded.
	Move struct {
		From    ID       `json:"from"`
		Into    ID       `json:"into"`
		Events  []string `json:"events"`            // their IDs
		Actions []Action `json:"actions,omitempty"` // those among them, for the fold of Into
	}

	// Update is what people outside are told, by conditions, actions and needs:
	// what is the case, what is done about it, what is wanted of them.
	Update struct {
		Conditions string `json:"conditions"`
		Actions    string `json:"actions,omitempty"`
		Needs      string `json:"needs,omitempty"`
	}

	// Attached is how many alerts an alert.attached event brings, by their names.
	Attached struct {
		Alerts int            `json:"alerts"`
		Names  map[string]int `json:"names"`
	}

	// Burn is a rule of an objective that began or ceased to fire. Rates are
	// multiples of what would spend the budget in exactly the window.
	Burn struct {
		Objective string  `json:"objective"`
		Service   string  `json:"service,omitempty"`
		Rule      string  `json:"rule"`
		Threshold float64 `json:"threshold"`
		Long      float64 `json:"long_rate"`
		Short     float64 `json:"short_rate"`
		LongSecs  float64 `json:"long_seconds"`
		ShortSecs float64 `json:"short_seconds"`
		Left      float64 `json:"budget_remaining_ratio"`
	}

	// Cost is what an incident took of one error budget: beyond what went wrong
	// just as long before.
	Cost struct {
		Objective string  `json:"objective"`
		Ratio     float64 `json:"budget_ratio"` // of the whole budget: 0.12 is 12 %
		Minutes   float64 `json:"minutes"`      // of everything failing that would cost as much
		Events    float64 `json:"events"`       // that were bad
		Left      float64 `json:"budget_remaining_ratio"`
		Window    string  `json:"window,omitempty"` // of the budget: 30d, month; empty in what older versions wrote
	}

	// Costs are those of all objectives of an incident's service.
	Costs struct {
		Costs []Cost `json:"costs"`
	}

	// Silenced is a silence that was created in Alertmanager from here.
	Silenced struct {
		Silence       string    `json:"silence"` // its ID there
		Matchers      string    `json:"matchers"`
		EndsAt        time.Time `json:"ends_at"`
		UntilResolved bool      `json:"until_resolved,omitempty"` // it is ended when the incident is
	}

	// Mark is what a person says of firings, in an event of the kinds AlertNoise,
	// AlertUseful and AlertUnmarked. With Storm it is about all that belongs to that
	// incident, else about Firings. Without both it is of an older schema, and about
	// the last firing before it of that name, or of that fingerprint.
	Mark struct {
		Name        string   `json:"name,omitempty"`
		Fingerprint string   `json:"fingerprint,omitempty"`
		Firings     []string `json:"firings,omitempty"` // what the Once of their beginnings starts with
		Storm       ID       `json:"storm,omitempty"`
		Reason      string   `json:"reason,omitempty"`
	}

	// Elevation says in which context, and until when.
	Elevation struct {
		Context string    `json:"context"`
		Until   time.Time `json:"until,omitzero"`
	}

	// Reminder says since when an update is due.
	Reminder struct {
		DueAt time.Time `json:"due_at"`
	}
)

// Who is the actor for people, with the user behind a name that is only claimed.
func (e Event) Who() string {
	switch {
	case !e.Claimed:
		return string(e.Actor)
	case e.Via == "":
		return string(e.Actor) + " (claimed)"
	}
	return fmt.Sprintf("%s (claimed by %s)", e.Actor, e.Via)
}

// Payload decodes Data into dst. An event without data leaves dst alone.
func (e Event) Payload(dst any) error {
	if len(e.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Data, dst); err != nil {
		return fmt.Errorf("event %d (%s) of %s: %w", e.Seq, e.Kind, e.Incident, err)
	}
	return nil
}

// Payload is v as event data. The payloads of this program always marshal;
// one that does not is a fault of the program and is kept visible as such.
func Payload(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	return b
}
