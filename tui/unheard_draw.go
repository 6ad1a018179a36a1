package tui

import (
	"strings"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// The most that the alarm takes of a large screen: what is read at a glance is not
// wider than that.
const (
	alarmWidth  = 110
	alarmHeight = 26
	leastTold   = 10 // rows from which on there is room for more than numbers
)

// drawUnheard fills the screen with what there is to know when nobody could be told:
// what happened, whom to call, what failed, which key goes on. On a small screen the
// telephone numbers are what is left.
func (m *model) drawUnheard(f *frame.Frame, inc incident.Incident) dialog.Cursor {
	all := f.Bounds()
	w, h := min(all.W, alarmWidth), min(all.H, alarmHeight)
	area := frame.Rect{X: (all.W - w) / 2, Y: (all.H - h) / 3, W: w, H: h}
	a := alarmPen{f: f.Sub(area), roomy: h >= roomyHeight && w >= leastWidth}
	m.alarmHead(&a, inc)
	foot := 1
	if a.roomy {
		foot = 2
	}
	failed := m.failedLines(inc, w-2)
	room := a.f.Height() - foot - a.y
	if a.roomy {
		room -= len(failed) + 3 // two rules and a blank row
	}
	m.alarmCalls(&a, inc, max(room, 1))
	if a.roomy {
		a.rule(safe.Const("what failed"))
		for _, l := range failed {
			if a.y < a.f.Height()-foot {
				a.put(l.style, l.words[0])
			}
		}
	}
	m.alarmKeys(a.f)
	last := frame.Rect{X: area.X, Y: area.Y, W: area.W, H: max(area.H-foot, 1)}
	m.drawNotices(f.Sub(last), last.H-1, max(last.H/2, 1))
	return m.drawDialog(f, all)
}

// alarmPen writes the alarm from top to bottom.
type alarmPen struct {
	f     *frame.Frame
	y     int
	roomy bool
}

func (a *alarmPen) put(style theme.Style, t safe.Text) {
	a.f.PutFit(1, a.y, a.f.Width()-2, style, t)
	a.y++
}

func (a *alarmPen) rule(title safe.Text) {
	a.y++
	a.f.Rule(a.y, theme.Border, theme.Title, title)
	a.y++
}

// alarmHead is what happened, for how long.
func (m *model) alarmHead(a *alarmPen, inc incident.Incident) {
	lasted := m.now.Sub(inc.Degraded.Since)
	a.f.Fill(frame.Rect{W: a.f.Width(), H: 1}, theme.Tag(1), ' ')
	x := a.f.Put(1, 0, theme.Tag(1), safe.Const("NOBODY REACHED")) + 2
	right, age := a.f.Width()-1, safe.Sprintf("for %s", pane.Ago(lasted))
	if x+20+age.Width() < right {
		right = a.f.PutRight(right, 0, theme.Tag(1), age) - 1
	}
	a.f.PutFit(x, 0, max(right-x, 0), theme.Tag(1), safe.Sprintf("%s%s %s", drillWord(inc), inc.ID, inc.Severity))
	a.y = 1
	switch {
	case a.f.Height() < leastTold:
		return
	case !a.roomy:
		a.put(theme.Title, safe.New(inc.Title, safe.Line))
		a.put(theme.Danger, safe.Sprintf("Nothing takes the page of %s: call by phone, now.", inc.Degraded.Level))
		a.y++
		return
	}
	a.y++
	a.put(theme.Title, safe.New(inc.Title, safe.Line))
	a.put(theme.Plain, safe.Sprintf("%s is to be called since %s, and nothing takes the page.", inc.Degraded.Level, m.wall(inc.Degraded.Since)))
	a.put(theme.Danger, safe.Const("sitrep cannot tell anybody. Call by phone, now."))
}

// alarmCalls is who is to be called, with numbers.
func (m *model) alarmCalls(a *alarmPen, inc incident.Incident, room int) {
	if a.roomy {
		a.rule(safe.Const("call"))
	}
	list := m.callees(inc)
	if len(list) == 0 {
		a.put(theme.Warn, safe.Const("nobody is known by name: look for who is on call in another way"))
	}
	for i, c := range list {
		if i == room-1 && len(list) > room {
			a.put(theme.Dim, safe.Sprintf("%d more: sitrep who", len(list)-i))
			return
		}
		m.alarmCall(a, inc, c)
	}
	if len(list) > 0 && len(list[0].Phones) == 0 && len(list) < room {
		a.put(theme.Warn, safe.Const("no telephone number is known (people.NAME.phone, or pagerduty.api_token)"))
	}
}

func (m *model) alarmCall(a *alarmPen, inc incident.Incident, c escalation.Contact) {
	style := theme.Plain
	if c.Level == inc.Degraded.Level {
		style = theme.Bright
	}
	name := safe.New(c.Label(), 60)
	x := max(a.f.PutFit(1, a.y, 3, style, safe.New(string(c.Level), 3)), 4) + 1
	width := max(min(24, a.f.Width()/3), 8)
	if len(c.Phones) > 0 { // a number that is cut is none
		width = max(min(width, a.f.Width()-x-1-safe.New(c.Phones[0], 40).Width()), 0)
	}
	a.f.PutFit(x, a.y, width, style, name)
	x += width + 1
	for i, phone := range c.Phones {
		if n := safe.New(phone, 40); i == 0 || x+n.Width() < a.f.Width() {
			x = a.f.PutFit(x, a.y, max(a.f.Width()-x, 0), style, n) + 2
		}
	}
	note := safe.Text{}
	switch {
	case c.Level > inc.Degraded.Level:
		note = safe.Sprintf("if %s does not answer", inc.Degraded.Level)
	case c.Automatic && !c.AskedAt.IsZero():
		note = safe.Sprintf("on call, as PagerDuty said %s ago", pane.Ago(m.now.Sub(c.AskedAt)))
	}
	if note.Width() > 0 && x+note.Width() < a.f.Width() {
		a.f.Put(x, a.y, theme.Dim, note)
	}
	a.y++
}

// failedLines is what failed, since when and why, in rows of so many cells.
func (m *model) failedLines(inc incident.Incident, width int) (lines []piece) {
	const name, mostWhy = 22, 3
	for _, s := range inc.Degraded.Sinks {
		since := "not tried: it failed before"
		if !s.Since.IsZero() {
			since = "since " + m.wall(s.Since)
		}
		kind, target, _ := strings.Cut(s.Sink, ":")
		head := safe.New(strings.TrimSpace(brand(kind)+" "+target), name).String()
		lines = append(lines, say(0, theme.Crit, safe.Sprintf("%s  %s", head+strings.Repeat(" ", max(name-safe.New(head, name).Width(), 0)), since)))
		why := safe.Wrap(strings.TrimPrefix(s.Why, s.Sink+": "), max(width-2, 1))
		for _, l := range why[:min(len(why), mostWhy)] {
			lines = append(lines, say(0, theme.Dim, safe.Sprintf("  %s", l)))
		}
	}
	return append(lines, say(0, theme.Dim, safe.Const("Each is tried again by itself; the first that answers takes the page.")))
}

// alarmKeys are the last row.
func (m *model) alarmKeys(f *frame.Frame) {
	y, x := f.Height()-1, 1
	f.Fill(frame.Rect{Y: y, W: f.Width(), H: 1}, theme.Plain, ' ')
	back := safe.Const("back to the board: a red line stays")
	if f.Width() < leastWidth {
		back = safe.Const("back")
	}
	for _, k := range []struct {
		key  string
		does safe.Text
	}{{m.keyFor(keys.Ack), safe.Const("I have it, or I called")}, {m.keyFor(keys.Cancel), back}} {
		x = f.Put(x, y, theme.Key, safe.New(k.key, 12)) + 1
		x = f.PutFit(x, y, max(f.Width()-x, 0), theme.Plain, k.does) + 3
	}
}

// drawUnreached is the red line that stays while a page finds no way out. It returns
// the lowest row that is left.
func (m *model) drawUnreached(f *frame.Frame, lowest int) int {
	inc, ok := m.unreached()
	if !ok || lowest < 1 {
		return lowest
	}
	text := safe.Sprintf("%s%s: call %s. No page of %s goes out, for %s now.", drillWord(inc), inc.ID, m.firstCallee(inc), inc.Degraded.Level, pane.Ago(m.now.Sub(inc.Degraded.Since))).String()
	n := notice{mark: safe.Const(" NOBODY REACHED "), loud: theme.Tag(1), text: safe.New(text, safe.Line), style: theme.Danger}
	if wantsCall(inc) {
		n.tail = safe.Sprintf("  %s whom", m.keyFor(keys.JumpNewest))
	}
	lines := n.lines(f.Width(), 2)
	n.draw(f, lowest-len(lines)+1, lines)
	return lowest - len(lines)
}

// firstCallee is who to call first, with a number if one is known.
func (m *model) firstCallee(inc incident.Incident) safe.Text {
	list := m.callees(inc)
	if len(list) == 0 {
		return safe.Const("by phone")
	}
	return safe.New(strings.TrimSpace(list[0].Label()+" "+strings.Join(list[0].Phones[:min(len(list[0].Phones), 1)], "")), 60)
}
