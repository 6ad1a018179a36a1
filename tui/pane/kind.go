package pane

import (
	"strings"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// wordWidth is the column of a kind's word.
const wordWidth = 7

// family is the part of a kind before the dot.
func family(k incident.Kind) string {
	head, _, _ := strings.Cut(string(k), ".")
	return head
}

// word is a kind in a column of seven cells.
func word(e *incident.Event) safe.Text {
	switch e.Kind {
	case incident.ChangeRecorded:
		return changeWord(e)
	case incident.SeverityChanged:
		return safe.Const("sev")
	case incident.ServiceSet:
		return safe.Const("service")
	case incident.StatusChanged:
		return safe.Const("status")
	case incident.AlertResolved:
		return safe.Const("clear")
	case incident.ActionTaken:
		return safe.Const("did")
	case incident.AckQuestioned:
		return safe.Const("on it?")
	case incident.CommanderMissing:
		return safe.Const("command")
	case incident.TargetMissed:
		return safe.Const("overdue")
	case incident.ClockSetBack:
		return safe.Const("clock")
	case incident.AuditFailed:
		return safe.Const("audit")
	case incident.DeliveryDegraded:
		return safe.Const("unheard")
	case incident.DeliveryRestored:
		return safe.Const("heard")
	case incident.EscalationSnoozed:
		return safe.Const("snooze")
	}
	if family(e.Kind) == "incident" {
		return safe.New(verbs(e.Kind), wordWidth)
	}
	head := family(e.Kind)
	switch head {
	case "escalation":
		head = "ladder"
	case "postmortem":
		head = "review"
	case "evidence":
		head = "frozen"
	case "page":
		head = pageWord(e)
	}
	return safe.New(head, wordWidth)
}

// pageWord says what a message was that wakes nobody.
func pageWord(e *incident.Event) string {
	switch escalation.OperationOf(*e) {
	case escalation.OpAnnounce:
		return "inform"
	case escalation.OpCreate, escalation.OpTopic, escalation.OpInvite, escalation.OpPin, escalation.OpBookmark, escalation.OpArchive:
		return "channel"
	case escalation.OpPicture:
		return "picture"
	case escalation.OpSchedule, escalation.OpUnschedule:
		return "alarm"
	}
	return "page"
}

// verbs are the kinds of an incident in short.
func verbs(k incident.Kind) string {
	switch k {
	case incident.Declared:
		return "open"
	case incident.Acknowledged:
		return "ack"
	case incident.Unacknowledged:
		return "unack"
	case incident.Assigned:
		return "assign"
	case incident.Mitigated:
		return "eased"
	case incident.Resolved:
		return "resolve"
	case incident.Reopened:
		return "reopen"
	case incident.Closed:
		return "close"
	}
	return strings.TrimPrefix(string(k), "incident.")
}

// changeWord says what sort of change it was: deploy, flag, config.
func changeWord(e *incident.Event) safe.Text {
	var data struct {
		Type string `json:"type"`
	}
	if e.Payload(&data) == nil && data.Type != "" {
		return safe.New(data.Type, wordWidth)
	}
	first, _, _ := strings.Cut(e.Text, " ")
	switch first {
	case "deploy", "flag", "config", "rollback":
		return safe.New(first, wordWidth)
	}
	return safe.Const("change")
}

// wordStyle is the colour of a kind's word. What needs nobody has none.
func wordStyle(k incident.Kind) theme.Style {
	switch k {
	case incident.AlertFired, incident.PageFailed, incident.ChaosGuardTripped, incident.Declared, incident.Reopened,
		incident.AuditFailed, incident.DeliveryDegraded, incident.BurnBegan:
		return theme.Crit
	case incident.PageAmbiguous, incident.PageDiverted, incident.Unacknowledged, incident.LoadAborted, incident.ChaosInjected, incident.SeverityChanged, incident.ServiceSet,
		incident.UpdateDue, incident.AckQuestioned, incident.CommanderMissing, incident.TargetMissed, incident.ClockSetBack:
		return theme.Warn
	case incident.Acknowledged, incident.AlertResolved, incident.Resolved, incident.Mitigated, incident.DeliveryRestored, incident.BurnEnded:
		return theme.OK
	case incident.ChangeRecorded, incident.NoteAdded, incident.ActionTaken, incident.EscalationEntered, incident.StatusChanged,
		incident.UpdateSent, incident.Merged, incident.Split, incident.StepDone, incident.StepUndone, incident.RunbookAttached:
		return theme.Bright
	}
	return theme.Dim
}

// textStyle is that of what an event says: the words of people stand out,
// the program's bookkeeping stands back.
func textStyle(e *incident.Event) theme.Style {
	switch e.Kind {
	case incident.EvidenceCaptured:
		if incident.KeptByHand(*e) {
			return theme.Plain
		}
		return theme.Dim
	case incident.PageQueued, incident.PageAttempted, incident.PageSuperseded, incident.PostmortemDrafted, incident.EvidenceRecorded:
		return theme.Dim
	}
	return theme.Plain
}

// saying is what an event says, without what its word says already.
func saying(e *incident.Event, s *Screen) safe.Text {
	text := e.Text
	if page, ok := pageSaying(e, s); ok {
		text = page
	}
	if e.Kind == incident.ChangeRecorded {
		text = strings.TrimPrefix(text, changeWord(e).String()+" ")
	}
	if text == "" {
		text = string(e.Kind)
	}
	return safe.New(text, safe.Line)
}

// byPerson says that a person did it, and the text does not name them.
func byPerson(e *incident.Event) bool {
	return e.Actor != "" && e.Actor != incident.Sitrep && !strings.Contains(e.Text, string(e.Actor))
}
