package pane

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/readiness"
)

// Sign says that a duty of the routine or the checklist is done, by its ID. Holds is for
// how long; Note is what was done, or where it is written down.
type Sign struct {
	Duty  string
	Note  string
	Holds time.Duration
}

func (Sign) order() {}

// askSignature asks what was done and for how long it holds. Words that cannot be read
// come back with why.
func askSignature(d readiness.Due, typed []string, s *Screen) Effect {
	if s.ReadOnly {
		return Effect{Handled: true, Toast: ReadOnlyText(s.Context)}
	}
	form := &Form{
		Title: "Sign " + d.ID, Help: []string{d.Title + ": " + dueText(d, s.Now) + ".", "It stands on the timeline with your name, and is due again when it ends."},
		Fields: []FormField{
			{Label: "Note", Hint: "what was done, or where it is written down"},
			{Label: "Holds for", Hint: "30d or 2w, up to a year; empty is " + fmt.Sprintf("%dd", int(d.Lasts().Hours())/24)},
		},
	}
	for i, text := range typed {
		form.Fields[i].Initial = text
	}
	form.Then = func(values []string) Effect {
		holds, err := d.Holds(values[1])
		if err != nil {
			again := askSignature(d, values, s)
			again.Toast = fmt.Sprintf("sign %s: %v", d.ID, err)
			return again
		}
		return Effect{Handled: true, Orders: []Order{Sign{Duty: d.ID, Note: strings.TrimSpace(values[0]), Holds: holds}}}
	}
	return Effect{Handled: true, Form: form}
}
