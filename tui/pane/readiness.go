package pane

import (
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Readiness is how ready services are and what is due, as it was gathered last.
type Readiness struct {
	Cards []readiness.Card // in the order of their names
	Due   []readiness.Due  // all duties, in the order of the list
	At    time.Time        // of the gathering
	Err   error            // why the server does not tell its rules; nil = it does
	Told  time.Time        // when it told them; zero: it never did
}

// old is from when on what was gathered is worth a word of warning.
const old = 11 * time.Minute

// age says how old what is shown is, and which server does not answer.
func (r *Readiness) age(now time.Time) piece {
	switch {
	case r == nil:
		return piece{}
	case r.Err != nil && r.Told.IsZero():
		return piece{safe.Const("no answer: rules are not known"), theme.Warn}
	case r.Err != nil:
		return piece{safe.Sprintf("no answer: rules are %s old", Ago(now.Sub(r.Told))), theme.Warn}
	case now.Sub(r.At) > old:
		return piece{safe.Sprintf("as it was %s ago", Ago(now.Sub(r.At))), theme.Warn}
	}
	return piece{safe.Sprintf("gathered %s ago", Ago(now.Sub(r.At))), theme.Dim}
}

// gradeStyle is the colour of a grade, which its letter and word say too.
func gradeStyle(g readiness.Grade) theme.Style {
	switch g {
	case "A", "B":
		return theme.OK
	case "C":
		return theme.Warn
	}
	return theme.Crit
}

func markStyle(s readiness.State) theme.Style {
	switch s {
	case readiness.OK:
		return theme.OK
	case readiness.Weak:
		return theme.Warn
	case readiness.Bad:
		return theme.Crit
	}
	return theme.Dim
}

// dueText says since when a duty is due and when it was done last, or until when it is
// done and who says so.
func dueText(d readiness.Due, now time.Time) string {
	switch {
	case d.Part == readiness.Planned:
		return plannedText(d, now)
	case d.Until.IsZero() && d.Why == "never":
		return "never done"
	case d.Until.IsZero():
		return d.Why
	case d.Done:
		return "due again in " + Ago(d.Until.Sub(now)) + ", " + doneText(d, now)
	}
	return "due " + Ago(now.Sub(d.Until)) + ", last " + doneText(d, now)
}

// dutyName is the short name of a duty; of a game day its own.
func dutyName(d readiness.Due) string { return strings.TrimPrefix(d.ID, "gameday:") }

// plannedText says when a game day begins, or that it did not.
func plannedText(d readiness.Due, now time.Time) string {
	switch {
	case d.Until.IsZero():
		return d.Why
	case !d.Until.After(now):
		return "game day not held " + Ago(now.Sub(d.Until)) + " ago"
	case d.Done:
		return "game day in " + Ago(d.Until.Sub(now))
	}
	return "game day begins in " + Ago(d.Until.Sub(now))
}

// doneText is when it was done and who or what says so.
func doneText(d readiness.Due, now time.Time) string {
	if d.By != "" {
		return "signed " + Ago(now.Sub(d.At)) + " ago by " + d.By
	}
	return string(d.Proof) + " " + Ago(now.Sub(d.At)) + " ago"
}

// dueSpot is the duty that was opened on the first screen; "" is none.
type dueSpot struct{ id string }

// dueSection is what is due, on the first screen while nothing is on fire: a line where
// there is little room, else the three that are longest overdue. There is none while an
// incident is open or an alert fires, and none while nothing is due.
func dueSection(s *Screen, f *filter, at *dueSpot, brief bool) []section {
	list := calmlyDue(s, f)
	if len(list) == 0 {
		return nil
	}
	sec := section{
		name: "due", title: safe.Sprintf("routine  %d due", len(list)), note: piece{safe.Sprintf("%s opens it", s.Keys.Label(keys.ViewScorecard)), theme.Dim},
		dear: 4, least: 1, want: min(len(list), 3),
	}
	if brief {
		sec.title = safe.Sprintf("%s: %s %s", sec.title, dutyName(list[0]), safe.New(dueText(list[0], s.Now), 60))
		sec.least, sec.want, sec.draw = 0, 0, func(*frame.Frame) {}
		return []section{sec}
	}
	sec.rows = &rows{
		n: len(list), id: func(i int) string { return list[i].ID },
		draw: func(f *frame.Frame, i int) {
			p := pen{f: f}
			p.flow(theme.Plain, safe.Sprintf("%s:", dutyName(list[i])))
			p.flow(theme.Warn, safe.New(dueText(list[i], s.Now), safe.Line))
		},
		open: func(i int, _ *Screen) Effect {
			at.id = list[i].ID
			return Effect{Handled: true, Act: keys.ViewScorecard}
		},
		few: func(h int) ([]int, safe.Text) {
			first := make([]int, h)
			for i := range first {
				first[i] = i
			}
			return first, safe.Sprintf("%d more", len(list)-h)
		},
	}
	return []section{sec}
}

// calmlyDue is what is due, unless something is on fire.
func calmlyDue(s *Screen, f *filter) (out []readiness.Due) {
	if s.World.Readiness == nil || s.World.Unread {
		return nil
	}
	for _, inc := range s.World.Incidents {
		if !inc.Status.Over() {
			return nil
		}
	}
	for i := range s.World.Alerts.List {
		if a := &s.World.Alerts.List[i]; a.State == alert.Firing && !a.Hidden() {
			return nil
		}
	}
	for _, d := range readiness.Overdue(s.World.Readiness.Due) {
		if f.text(d.ID + " " + d.Title) {
			out = append(out, d)
		}
	}
	return out
}
