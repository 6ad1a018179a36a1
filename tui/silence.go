package tui

import (
	"fmt"

	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// silencing is what a silence will do. In production its target has to be typed, as
// for the command.
func (m *model) silencing(o pane.Silence) errand {
	until := "until " + m.wall(m.now.Add(o.Length))
	if o.UntilResolved {
		until = fmt.Sprintf("until %s is resolved, or %s", o.ID, m.wall(m.now.Add(o.Length)))
	}
	e := errand{
		order: o, title: "silence " + o.Matchers.String(), yes: "silence",
		says: []string{
			fmt.Sprintf("Alertmanager tells nobody of %s %s. They go on firing.", o.Matchers, until),
			fmt.Sprintf("It hides %d of the alerts of now.", o.Hides),
		},
	}
	if o.ID != "" {
		e.says = append(e.says, fmt.Sprintf("The timeline of %s says so.", o.ID))
	}
	e.brief = e.title
	if m.o.Prod {
		e.name = o.Matchers.Target()
	}
	return e
}

// endingSilence is what is told again.
func (m *model) endingSilence(o pane.EndSilence) errand {
	e := errand{
		order: o, title: "end the silence of " + o.Matchers, yes: "end it",
		says: []string{fmt.Sprintf("What %s hides and still fires is told to whoever Alertmanager tells.", o.Matchers)},
	}
	e.brief = e.title
	if m.o.Prod {
		e.name = o.Target
	}
	return e
}

// alertDoables are the keys of the alerts' view for the footer.
func (m *model) alertDoables() []doable {
	var out []doable
	if len(m.counts.running) > 0 {
		out = append(out, doable{keys.UndoCountdown, m.keyFor(keys.UndoCountdown), "undo"})
	}
	for _, d := range []struct {
		action keys.Action
		name   string
	}{{keys.Snooze, "silence"}, {keys.EndSilence, "end silence"}, {keys.Declare, "declare"}, {keys.MarkAlert, "mark"}, {keys.Detail, "details"}} {
		out = append(out, doable{d.action, m.keyFor(d.action), d.name})
	}
	return out
}
