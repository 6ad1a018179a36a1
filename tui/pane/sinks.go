package pane

import (
	"strings"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Trouble is what a sink could not deliver to, and the sink's word for why: both
// empty if it does not say.
func Trouble(s Sink) (target, why string) {
	rest, ok := strings.CutPrefix(s.Why, s.Name+":")
	if !ok {
		return "", ""
	}
	target, rest, _ = strings.Cut(rest, ": ")
	why, _, _ = strings.Cut(rest, ": ")
	return target, why
}

// instead is what became of a page that its sink did not take: who was told in its
// place, and nothing is told that was not accepted.
func instead(m *escalation.Message, s *Screen) (told []string, failing []string, waits []string) {
	for i := range s.World.Delivery.Messages {
		o := &s.World.Delivery.Messages[i]
		if o.Incident != m.Incident || o.Level != m.Level || o.Round != m.Round || o.ID == m.ID || o.Content().Diverts != m.ID {
			continue
		}
		switch name := sinkCalled(o.Sink, s); {
		case o.State == escalation.Accepted:
			told = append(told, name)
		case o.State == escalation.Superseded:
		case o.State == escalation.Failed, o.State == escalation.Ambiguous, o.Error != "":
			failing = append(failing, name)
		default:
			waits = append(waits, name)
		}
	}
	return told, failing, waits
}
