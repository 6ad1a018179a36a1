package tui

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// actionZone marks what a click presses.
const actionZone = "action:"

// drawFooter is what may be done now, with its keys.
func (m *model) drawFooter(f *frame.Frame) {
	bottom := f.Height() - 1
	left := m.drawDoable(f, bottom-1)
	if m.exploreShown() { // there the digits are typed
		m.drawKeys(f, 1, bottom, f.Width(), left)
	} else {
		m.drawPlaces(f, bottom)
	}
	if f.Height() > 2 {
		f.Rule(0, theme.Border, theme.Title, safe.Const("do"))
	}
}

// doable is one key of the footer.
type doable struct {
	action keys.Action
	label  string
	name   string
}

// drawDoable writes the acts: those of the view first, then those on the
// incident, and the way out of all chaos at the right end. It returns those that have
// no room.
func (m *model) drawDoable(f *frame.Frame, y int) (left []doable) {
	end := f.Width()
	abort := doable{keys.Abort, m.keys.Label(keys.Abort), "ABORT ALL"}
	style := theme.Dim
	if _, day := m.world.Gamedays.Present(); day || len(m.running()) > 0 {
		style = theme.Danger
	}
	end -= widthOf(abort)
	m.drawKey(f, end, y, abort, style)
	return m.drawKeys(f, 1, y, end-2, m.doables())
}

// drawKeys writes keys from x to end, and returns those that have no room.
func (m *model) drawKeys(f *frame.Frame, x, y, end int, list []doable) []doable {
	for i, d := range list {
		if x+widthOf(d) > end {
			return list[i:]
		}
		x = m.drawKey(f, x, y, d, theme.Dim) + 2
	}
	return nil
}

func widthOf(d doable) int {
	return safe.New(d.label, 12).Width() + 1 + safe.New(d.name, 40).Width()
}

func (m *model) drawKey(f *frame.Frame, x, y int, d doable, style theme.Style) int {
	from := x
	x = f.Put(x, y, theme.Key, safe.New(d.label, 12)) + 1
	x = f.Put(x, y, style, safe.New(d.name, 40))
	f.Zone(frame.Rect{X: from, Y: y, W: x - from, H: 1}, actionZone+string(d.action))
	return x
}

// doables are the named acts that make sense now.
func (m *model) doables() []doable {
	if m.exploreShown() {
		return m.exploreDoables()
	}
	if m.inboxShown() {
		return m.inboxDoables()
	}
	if m.place.at == alertsView {
		return m.alertDoables()
	}
	var out []doable
	add := func(scope keys.Scope, want func(keys.Action) bool) {
		for _, b := range m.keys.All() {
			if b.Scope == scope && b.Name != "" && len(b.Keys) > 0 && want(b.Action) {
				out = append(out, doable{b.Action, keys.Label(b.Keys[0]), short(b)})
			}
		}
	}
	inc, ok := m.incident()
	scope := m.shown().Scope()
	if _, step := m.world.Gamedays.Question(); step != nil {
		out = append(out, doable{keys.AnswerGameday, m.keyFor(keys.AnswerGameday), "go or no-go"})
	}
	add(scope, func(keys.Action) bool { return true })
	add(keys.Incident, func(a keys.Action) bool { return m.sensible(a, inc, ok) })
	return out
}

// exploreDoables are the keys of the line of PromQL: those of the view below it are
// typed there.
func (m *model) exploreDoables() (out []doable) {
	for _, h := range m.exploring.Hints() {
		out = append(out, doable{h.Action, dialog.Label(m.keys, keys.Explore, h.Action).String(), h.Says.String()})
	}
	return out
}

// short is the name without what the place says already.
func short(b keys.Binding) string {
	if b.Action == keys.Ack {
		return "ack"
	}
	return strings.TrimSuffix(b.Name, " post-mortem")
}

// sensible says whether an act on the incident is worth a place in the footer;
// it is in the help all the same.
func (m *model) sensible(a keys.Action, inc incident.Incident, selected bool) bool {
	over := selected && inc.Status.Over()
	switch a {
	case keys.UndoCountdown:
		return len(m.counts.running) > 0
	case keys.Declare:
		return !selected || over
	case keys.ChaosPicker:
		return len(m.world.Chaos.Experiments) > 0
	case keys.LoadPicker:
		return len(m.world.Load.Plans) > 0
	case keys.EditNote:
		return false
	case keys.Runbook:
		return selected && m.place.at != runbookView && (len(m.world.Runbooks) > 0 || runbook.URL(inc) != "")
	case keys.Draft, keys.AddNote, keys.SendUpdate, keys.Did:
		return selected
	case keys.Ack:
		return selected && !over && (!inc.Acknowledged() || inc.InDoubt())
	}
	return selected && !over
}

// drawPlaces writes where one can go, the place one is at brighter. Where not
// everything fits the views stay.
func (m *model) drawPlaces(f *frame.Frame, y int) {
	end := f.Width()
	if text := safe.New(m.place.filters[m.place.at], 40); text.Width() > 0 {
		end = f.PutRight(end, y, theme.Accent, safe.Sprintf("/%s", text)) - 2
	} else if at, n := m.position(); n > 1 && at > 0 {
		end = f.PutRight(end, y, theme.Dim, safe.Sprintf("%s %d/%d %s", m.keyFor(keys.PreviousInc), at, n, m.keyFor(keys.NextInc))) - 2
	} else if n > 0 && at == 0 {
		end = f.PutRight(end, y, theme.Accent, safe.Sprintf("%s %d open %s", m.keyFor(keys.PreviousInc), n, m.keyFor(keys.NextInc))) - 2
	}
	list := m.fittingPlaces(end)
	x, here := 1, []keys.Action{keys.ViewNow, keys.ViewBoard, keys.ViewTimeline, keys.ViewActions, keys.ViewPM, keys.ViewStats, keys.Runbook, keys.ViewOnCall, keys.ViewAlerts, keys.ViewSLO, keys.ViewScorecard}[m.place.at]
	for _, d := range list {
		style := theme.Dim
		if d.action == here {
			style = theme.Bright
		}
		if x+widthOf(d) > end {
			break
		}
		x = m.drawKey(f, x, y, d, style) + 2
	}
}

// fittingPlaces are as many ways as there is room for: first the search and the
// palette go, which the help names, then the names become shorter, then views go.
func (m *model) fittingPlaces(end int) []doable {
	list := m.places()
	full := func() bool { return 1+lengthOfPlaces(list) > end }
	drop := func(spare ...keys.Action) {
		for _, a := range spare {
			here := a == keys.ViewStats && m.place.at == statsView || a == keys.ViewOnCall && m.place.at == onCallView || a == keys.ViewAlerts && m.place.at == alertsView || a == keys.ViewSLO && m.place.at == sloView || a == keys.ViewScorecard && m.place.at == scorecardView
			if full() && !here {
				list = slices.DeleteFunc(list, func(d doable) bool { return d.action == a })
			}
		}
	}
	drop(keys.ViewScorecard, keys.Filter, keys.Palette)
	for _, s := range []struct {
		action keys.Action
		name   string
	}{{keys.ViewPM, "review"}, {keys.ViewTimeline, "time"}, {keys.ViewOnCall, "call"}, {keys.ViewActions, "acts"}} {
		if i := slices.IndexFunc(list, func(d doable) bool { return d.action == s.action }); i >= 0 && full() {
			list[i].name = s.name
		}
	}
	drop(keys.ViewSLO, keys.ViewStats, keys.ViewAlerts, keys.ViewOnCall, keys.Help)
	return list
}

// places are the ways to everything else.
func (m *model) places() []doable {
	var out []doable
	for _, a := range []keys.Action{keys.Help, keys.Palette, keys.Filter, keys.ViewNow, keys.ViewBoard, keys.ViewTimeline, keys.ViewActions, keys.ViewPM, keys.ViewOnCall, keys.ViewStats, keys.ViewAlerts, keys.ViewSLO, keys.ViewScorecard} {
		b, ok := m.keys.Of(a)
		if !ok || len(b.Keys) == 0 {
			continue
		}
		name := b.Name
		if a == keys.Palette {
			name = "command"
		}
		out = append(out, doable{a, keys.Label(b.Keys[0]), name})
	}
	return out
}

func lengthOfPlaces(list []doable) int {
	n := 2 * (len(list) - 1)
	for _, d := range list {
		n += widthOf(d)
	}
	return n
}

// position is where the selected incident stands among the open ones, from 1.
func (m *model) position() (at, n int) {
	for i, inc := range open(m.world) {
		n++
		if inc.ID == m.place.selected {
			at = i + 1
		}
	}
	return at, n
}
