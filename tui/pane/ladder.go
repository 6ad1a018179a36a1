package pane

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// rungRow is a row of the ladder: a rung, or what became of one of its calls.
type rungRow struct {
	rung    escalation.Rung
	lowest  bool
	message *escalation.Message // nil: the rung itself
	quiet   time.Time           // quiet hours hold it back until then; zero: they do not
	aim     *aim                // nil: it is a rung
}

// inlineWidth is from when on a rung's calls stand beside it, not below.
const inlineWidth = 70

// ladderSection is who was called, who is called next and when, and what became
// of every call.
func ladderSection(inc incident.Incident, rules escalation.Rules, s *Screen, width int) section {
	var list []rungRow
	messages := s.World.Delivery.Messages
	quiet := rules.QuietUntil(inc.Severity, s.Now)
	rungs := escalation.Upcoming(inc, rules, s.Now)
	for i, r := range rungs {
		list = append(list, rungRow{rung: r, lowest: i == 0, quiet: quiet})
		if width >= inlineWidth {
			continue
		}
		for _, m := range calls(messages, inc.ID, r.Level, i == 0) {
			list = append(list, rungRow{rung: r, lowest: i == 0, message: m})
		}
	}
	if a := aimOf(inc, rules, rungs); a != nil {
		list = append(list, rungRow{aim: a})
	}
	return section{
		name: "ladder", title: safe.Const("escalation"), note: ladderNote(inc, rules, s),
		dear: 8, least: 2, want: len(list),
		rows: &rows{
			n: len(list),
			id: func(i int) string {
				if list[i].aim != nil {
					return "target"
				}
				if m := list[i].message; m != nil {
					return "message " + m.Sink + " " + string(list[i].rung.Level)
				}
				return string(list[i].rung.Level)
			},
			draw: func(f *frame.Frame, i int) { drawRung(f, inc, list[i], s) },
			open: func(i int, s *Screen) Effect {
				if m := list[i].message; m != nil {
					return readPage(m, s)
				}
				if list[i].aim != nil {
					return Effect{Handled: true}
				}
				return readRung(inc, list[i], rules, s)
			},
			none: safe.Const("the policy calls nobody for this severity"),
		},
	}
}

// ladderNote is what to know before the rungs: that nobody calls them, that an
// acknowledgement is due, or who calls.
func ladderNote(inc incident.Incident, rules escalation.Rules, s *Screen) piece {
	d := s.World.Delivery
	switch {
	case inc.Status.Over():
		return piece{safe.New(string(inc.Status), 20), theme.OK}
	case d.Nobody():
		return piece{safe.Const("nobody runs it: sitrep daemon"), theme.Danger}
	case inc.Rung.Snoozed.After(s.Now):
		return piece{safe.Sprintf("snoozed, goes on in %s", Until(inc.Rung.Snoozed.Sub(s.Now))), theme.Warn}
	case inc.InDoubt():
		return piece{safe.Sprintf("still on it? goes on in %s", Until(escalation.DoubtEndsAt(inc).Sub(s.Now))), theme.Accent}
	case inc.Drill:
		return piece{safe.New(drillNote(rules.Wakes(inc.Severity)), 40), theme.Accent}
	case !inc.Acknowledged():
		return piece{safe.Sprintf("%s acknowledges", s.Keys.Label(keys.Ack)), theme.Accent}
	case d.Mine:
		return piece{safe.Const("run by this process"), theme.Dim}
	}
	return piece{safe.Sprintf("run by %s", safe.New(d.Holder, 30)), theme.Dim}
}

// drillNote is whom a drill wakes.
func drillNote(last incident.Level) string {
	if last == "" {
		return "drill: wakes nobody"
	}
	return fmt.Sprintf("drill: wakes nobody above %s", last)
}

func drawRung(f *frame.Frame, inc incident.Incident, r rungRow, s *Screen) {
	if r.message != nil {
		drawCall(f, r.message, s)
		return
	}
	if r.aim != nil {
		r.aim.draw(f, s)
		return
	}
	end := rungEnd(inc, r, s)
	style := theme.Dim
	switch r.rung.State {
	case escalation.RungNow:
		style = theme.Bright
	case escalation.RungNext, escalation.RungContinues:
		style = theme.Plain
	}
	p := pen{f: f}
	p.left(3, style, safe.New(string(r.rung.Level), 3))
	right := f.PutRight(f.Width(), 0, end.style, end.text.Fit(max(f.Width()-p.x-8, 0)))
	who, reach := safe.New(people(r.rung.Who), 60), safe.New(phones(r.rung.Who, s), 60)
	if f.Width() < inlineWidth {
		x := f.PutFit(p.x, 0, right-p.x-1, style, who) + 1
		if reach.Width() <= right-1-x {
			f.Put(x, 0, theme.Dim, reach)
		}
		return
	}
	p.left(16, style, who)
	list := calls(s.World.Delivery.Messages, inc.ID, r.rung.Level, r.lowest)
	if len(list) == 0 {
		f.PutFit(p.x, 0, max(right-1-p.x, 0), theme.Dim, safe.New(strings.TrimSpace(reach.String()+"  "+through(r.rung.Notify)), 100))
	}
	long := inlineCalls(list, s, false)
	if p.x+widthOf(long)+1 > right {
		long = inlineCalls(list, s, true)
	}
	for _, one := range long {
		p.x = f.PutFit(p.x, 0, max(right-1-p.x, 0), one.style, one.text)
	}
}

// inlineCalls is what became of the calls of a rung, side by side.
func inlineCalls(list []*escalation.Message, s *Screen, short bool) []piece {
	var out []piece
	for i, m := range list {
		end, word := delivered(m, s.Now)
		if short {
			end = word
		}
		if i > 0 {
			out = append(out, piece{safe.Const(" · "), theme.Faint})
		}
		name := strings.ReplaceAll(brand(m.Kind()), "PagerDuty", "PD")
		out = append(out, piece{safe.Sprintf("%s ", safe.New(name, 12)), theme.Dim}, end)
	}
	return out
}

func widthOf(pieces []piece) int {
	n := 0
	for _, p := range pieces {
		n += p.text.Width()
	}
	return n
}

// drawCall writes what became of a call, below its rung.
func drawCall(f *frame.Frame, m *escalation.Message, s *Screen) {
	const indent = 4
	end, word := delivered(m, s.Now)
	name := sinkName(m)
	if indent+name.Width()+1+end.text.Width() > f.Width() {
		end = word
	}
	x := f.PutRight(f.Width(), 0, end.style, end.text)
	if m.Error != "" && m.State != escalation.Accepted && x-indent-name.Width() > 12 {
		name = safe.Sprintf("%s  %s", name, m.Error)
	}
	f.PutFit(indent, 0, x-indent-1, theme.Dim, name)
}

// rungEnd is when a rung is called, or what stopped that.
func rungEnd(inc incident.Incident, row rungRow, s *Screen) piece {
	r := row.rung
	upcoming := r.State == escalation.RungNext || r.State == escalation.RungContinues || r.State == escalation.RungNow && !inc.Acknowledged()
	switch {
	case upcoming && len(r.Notify) == 0 && inc.Drill:
		return piece{safe.Const("not woken: a drill"), theme.Dim}
	case upcoming && !inc.Status.Over() && !row.quiet.IsZero() && !r.Due.IsZero():
		return piece{safe.Sprintf("quiet until %s", row.quiet.In(s.Zone).Format("15:04")), theme.Plain}
	}
	switch r.State {
	case escalation.RungNow:
		return presentRung(inc, r, s)
	case escalation.RungDone:
		if t := calledAt(inc, r, s); !t.IsZero() {
			return piece{safe.Sprintf("called %s", stamp(t, s.Now, s.Zone)), theme.Dim}
		}
		return piece{safe.Const("passed"), theme.Dim}
	case escalation.RungNext:
		left := r.Due.Sub(s.Now)
		style := theme.Plain
		if left <= 2*time.Minute {
			style = theme.Warn
		}
		return piece{in(left), style}
	case escalation.RungContinues:
		return piece{safe.Concat(in(r.Due.Sub(s.Now)), safe.Const(" unless resolved")), theme.Plain}
	case escalation.RungBeyond:
		return piece{safe.Const("by hand only"), theme.Dim}
	}
	if inc.Acknowledged() && !inc.Status.Over() {
		return piece{safe.Const("stopped by the ack"), theme.Dim}
	}
	return piece{safe.Const("not called"), theme.Dim}
}

// in is when: "in 28 s", or that the moment has come.
func in(left time.Duration) safe.Text {
	if left <= 0 {
		return safe.Const("now")
	}
	return safe.Sprintf("in %s", Until(left))
}

// presentRung is the rung that was entered last: answered, or called again.
func presentRung(inc incident.Incident, r escalation.Rung, s *Screen) piece {
	switch {
	case inc.Status.Over():
		return piece{safe.Sprintf("called %s", stamp(r.Entered, s.Now, s.Zone)), theme.Dim}
	case inc.Acknowledged() && !inc.Clocks.Acknowledged.Before(r.Entered):
		return piece{safe.Sprintf("ack %s %s", stamp(inc.Clocks.Acknowledged, s.Now, s.Zone), offset(inc.Clocks.Acknowledged, inc.Clocks.Declared)), theme.OK}
	case !r.Due.IsZero():
		return piece{safe.Concat(safe.Sprintf("round %d, again ", max(r.Rounds, 1)), in(r.Due.Sub(s.Now))), theme.Warn}
	}
	return piece{safe.Sprintf("called %s", stamp(r.Entered, s.Now, s.Zone)), theme.Plain}
}

// calledAt is when a rung was first told, by the messages that are left.
func calledAt(inc incident.Incident, r escalation.Rung, s *Screen) time.Time {
	if !r.Entered.IsZero() {
		return r.Entered
	}
	var first time.Time
	for i := range s.World.Delivery.Messages {
		m := &s.World.Delivery.Messages[i]
		if m.Incident == inc.ID && m.Level == r.Level && r.Level != "" && (first.IsZero() || m.QueuedAt.Before(first)) {
			first = m.QueuedAt
		}
	}
	return first
}

// people names who is called.
func people(who []incident.Person) string {
	if len(who) == 0 {
		return "whoever is on call"
	}
	names := make([]string, len(who))
	for i, p := range who {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

// readRung is what the policy says of a rung, and what became of it.
func readRung(inc incident.Incident, row rungRow, rules escalation.Rules, s *Screen) Effect {
	var p page
	r := row.rung
	p.labelled("who", people(r.Who))
	p.labelled("telephone", phones(r.Who, s))
	p.labelled("through", strings.Join(r.Notify, ", "))
	p.labelled("state", fmt.Sprintf("%s; %s", r.State, rungEnd(inc, row, s).text))
	p.labelled("rounds", fmt.Sprint(r.Rounds))
	scale := rules.Response(inc.Severity).Scale
	for _, rule := range rules.Ladder(inc.Severity) {
		if rule.Level != r.Level {
			continue
		}
		p.labelled("answer", fmt.Sprintf("within %s, else it is called again", rule.RespondWithin))
		p.labelled("climbs", fmt.Sprintf("%s after its call, unless %s", rule.EscalateAfter, rule.Until))
		if rule.RepeatEvery > 0 {
			p.labelled("repeats", fmt.Sprintf("every %s", rule.RepeatEvery))
		}
		if scale > 0 && scale != 1 {
			p.labelled("scale", fmt.Sprintf("%s multiplies these clocks by %g", inc.Severity, scale))
		}
	}
	for _, m := range calls(s.World.Delivery.Messages, inc.ID, r.Level, row.lowest) {
		end, _ := delivered(m, s.Now)
		p.labelled(m.Sink, end.text.String())
		p.labelled("", m.Error)
	}
	return p.reading(string(r.Level))
}
