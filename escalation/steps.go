package escalation

import "github.com/sitrep-dev/sitrep/incident"

// IsStep says that an event is no news by itself: one of the steps of a page on
// its way, of which what became is another event; what keeps a chat tidy; or what
// was kept at an event that stands on its own. Failures and doubts are news,
// whatever they are about, and so is a board that a person kept.
func IsStep(e incident.Event) bool {
	switch e.Kind {
	case incident.PageQueued, incident.PageAttempted, incident.EvidenceRecorded:
		return true
	case incident.EvidenceCaptured:
		return !incident.KeptByHand(e)
	case incident.PageAccepted, incident.PageSuperseded, incident.PageReconciled:
		m := Message{Operation: OperationOf(e)}
		return m.Beside() || m.Operation == OpUpdate || m.Operation == OpSweep
	}
	return false
}

// OperationOf is what the message of a page event asks for; empty if it does not
// say.
func OperationOf(e incident.Event) Operation {
	var p PageData
	if e.Payload(&p) != nil {
		return ""
	}
	return p.Operation
}
