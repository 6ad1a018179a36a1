package pane

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// change is something that was done to the system: a deploy, a flag, a
// configuration, an experiment, load.
type change struct {
	event *incident.Event // its beginning
	run   string          // of an experiment or of load
	ended time.Time       // zero: it is an instant, or it runs
}

// changesIn finds what was changed, injected or loaded, one of each run, in the
// order of events.
func changesIn(events []*incident.Event) []change {
	var out []change
	runs := map[string]int{}
	for _, e := range events {
		switch e.Kind {
		case incident.ChangeRecorded:
			out = append(out, change{event: e})
		case incident.ChaosStarted, incident.LoadStarted, incident.ChaosInjected:
			run := runOf(e)
			if _, known := runs[run]; known && run != "" {
				continue
			}
			runs[run] = len(out)
			out = append(out, change{event: e, run: run})
		case incident.ChaosUndone, incident.ChaosFinished, incident.LoadFinished, incident.LoadAborted:
			if i, known := runs[runOf(e)]; known {
				out[i].ended = e.At
			}
		}
	}
	return out
}

// changeSection is what changed before the start of an incident, the nearest
// first, and then what changed after it: most incidents begin with a change.
func changeSection(inc incident.Incident, events []*incident.Event, s *Screen) section {
	list, at := changesIn(events), start(inc)
	after := func(c change) int {
		if c.event.At.After(at) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b change) int {
		return cmp.Or(after(a)-after(b), cmp.Compare(a.event.At.Sub(at).Abs(), b.event.At.Sub(at).Abs()))
	})
	return section{
		name: "changes", title: safe.Const("what changed"), note: piece{safe.Sprintf("since T-%dm", int(lookBack/time.Minute)), theme.Dim},
		dear: 9, least: 1, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].event.ID },
			draw: func(f *frame.Frame, i int) {
				c := list[i]
				p := pen{f: f}
				p.left(7, theme.Bright, safe.New(offset(c.event.At, at), 7))
				end := changeEnd(c, func(t time.Time) string { return "ended " + offset(t, at) })
				drawChange(&p, c, inc.Service, end)
			},
			open: func(i int, s *Screen) Effect { return readEvent(list[i].event, s) },
			none: safe.Const("nothing is on record"),
		},
	}
}

// drawChange writes what was changed, by whom, and of a run whether it is over.
func drawChange(p *pen, c change, service string, end piece) {
	e := c.event
	p.left(wordWidth-1, wordStyle(e.Kind), word(e).Fit(wordWidth-1))
	style := theme.Plain
	if service != "" && strings.Contains(e.Text, service) {
		style = theme.Bright
	}
	right := p.f.Width()
	if end.text.Width() > 0 && end.text.Width() < p.room()/2 {
		right = p.f.PutRight(right, 0, end.style, end.text) - 1
	} else if byPerson(e) {
		if who := safe.New(string(e.Actor), 16); who.Width() < p.room()/3 {
			right = p.f.PutRight(right, 0, theme.Dim, who) - 1
		}
	}
	p.f.PutFit(p.x, 0, right-p.x, style, saying(e, nil))
}

// changeEnd says of a run that it is over, or goes on.
func changeEnd(c change, ended func(time.Time) string) piece {
	switch {
	case c.event.Kind == incident.ChangeRecorded:
		return piece{}
	case c.ended.IsZero():
		return piece{safe.Const("runs"), theme.Accent}
	}
	return piece{safe.New(ended(c.ended), 20), theme.Dim}
}

// latelySection is what was done to the system in the last day, newest first,
// and the incident that ended last.
func latelySection(events []*incident.Event, s *Screen) section {
	list := changesIn(events)
	slices.Reverse(list)
	return section{
		name: "lately", title: safe.Const("lately"), dear: 4, least: 1, want: max(len(list), 1), grow: true,
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].event.ID },
			draw: func(f *frame.Frame, i int) {
				c := list[i]
				p := pen{f: f}
				p.left(stampWidth, theme.Dim, safe.New(stamp(c.event.At, s.Now, s.Zone), stampWidth))
				drawChange(&p, c, "", changeEnd(c, func(t time.Time) string { return "took " + took(t.Sub(c.event.At)) }))
			},
			open: func(i int, s *Screen) Effect { return readEvent(list[i].event, s) },
			none: safe.Const("nothing was changed, hurt or loaded"),
		},
	}
}
