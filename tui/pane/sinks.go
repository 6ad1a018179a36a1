package pane

import (
	"slices"
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

// instead is which sinks have a page that its own did not take: nobody is told by
// what was not accepted, and nothing goes out through a sink that is down.
type instead struct{ told, failing, waits []string }

func insteadOf(m *escalation.Message, s *Screen) (in instead) {
	for i := range s.World.Delivery.Messages {
		o := &s.World.Delivery.Messages[i]
		if o.Incident != m.Incident || o.Level != m.Level || o.Round != m.Round || o.ID == m.ID || o.Content().Diverts != m.ID {
			continue
		}
		switch {
		case o.State == escalation.Accepted:
			in.told = append(in.told, o.Sink)
		case o.State == escalation.Superseded:
		case o.State == escalation.Failed, o.State == escalation.Ambiguous, o.Error != "", down(o.Kind(), s):
			in.failing = append(in.failing, o.Sink)
		default:
			in.waits = append(in.waits, o.Sink)
		}
	}
	return in
}

// down says that a kind of sink is left alone for now.
func down(kind string, s *Screen) bool {
	return slices.ContainsFunc(s.World.Delivery.Sinks, func(k Sink) bool { return k.Name == kind && k.State == escalation.SinkDown })
}

// names writes sinks in full, or only what they are.
func names(sinks []string, full bool, s *Screen) string {
	var all []string
	for _, sink := range sinks {
		name := sinkCalled(sink, s)
		if !full {
			kind, _, _ := strings.Cut(sink, ":")
			name = brand(kind)
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}
