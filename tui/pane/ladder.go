package pane

import (
	"fmt"
	"slices"
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
	line    piece               // of its own; empty: it is one of the others
	inline  bool                // its calls stand beside it
	acked   bool                // who has the incident was called by it
}

// inlineWidth is from when on a rung's calls stand beside it, not below, where a
// screen is too low for them.
const inlineWidth = 70

// ladderSection is who was called, who is called next and when, and what became
// of every call. Where it is low the rungs that matter stay: who has it, and who is
// called next.
func ladderSection(inc incident.Incident, rules escalation.Rules, s *Screen, width int, low bool) section {
	list := ladderRows(inc, rules, s, width >= inlineWidth && low)
	note, told := ladderNote(inc, rules, s, width)
	if who := runBy(s); who.Width() > 0 && !told && !inc.Status.Over() {
		list = append(list, rungRow{line: piece{who, theme.Dim}})
	}
	return section{
		name: "ladder", title: safe.Const("escalation"), note: note,
		dear: 8, least: 2, want: len(list),
		rows: &rows{
			n:    len(list),
			id:   func(i int) string { return list[i].id() },
			draw: func(f *frame.Frame, i int) { drawRung(f, inc, list[i], s) },
			open: func(i int, s *Screen) Effect { return list[i].open(inc, rules, s) },
			none: safe.Const("the policy calls nobody for this severity"),
			few:  func(h int) ([]int, safe.Text) { return fewRungs(list, h) },
		},
	}
}

// ladderRows are the rungs with their calls, and what belongs to none of them.
func ladderRows(inc incident.Incident, rules escalation.Rules, s *Screen, inline bool) (list []rungRow) {
	messages := s.World.Delivery.Messages
	quiet := rules.QuietUntil(inc.Severity, s.Now)
	rungs := escalation.Upcoming(inc, rules, s.Now)
	has := holderRung(inc, rungs)
	for i, r := range rungs {
		row := rungRow{rung: r, lowest: i == 0, quiet: quiet, inline: inline, acked: i == has}
		list = append(list, row)
		if inline {
			continue
		}
		for _, m := range calls(messages, inc.ID, r.Level, i == 0) {
			row.message = m
			list = append(list, row)
		}
	}
	if inc.Acknowledged() && has < 0 {
		list = append(list, rungRow{line: piece{ackedBy(inc, s), theme.OK}, acked: true})
	}
	if a := aimOf(inc, rules, rungs); a != nil {
		list = append(list, rungRow{aim: a})
	}
	return list
}

// holderRung is the rung that calls whoever has acknowledged, -1 for none: the
// lowest one, if several do.
func holderRung(inc incident.Incident, rungs []escalation.Rung) int {
	if !inc.Acknowledged() {
		return -1
	}
	return slices.IndexFunc(rungs, func(r escalation.Rung) bool { return slices.Contains(r.Who, inc.Clocks.AckBy) })
}

// ackedBy names who has it, and since when.
func ackedBy(inc incident.Incident, s *Screen) safe.Text {
	at := inc.Clocks.Acknowledged
	return safe.Sprintf("acked by %s %s %s", safe.New(string(inc.Clocks.AckBy), 24), stamp(at, s.Now, s.Zone), offset(at, inc.Clocks.Declared))
}

// fewRungs chooses h of the rows: who has it, who is called next, then the other
// rungs from the present one on; and says how many were called before.
func fewRungs(list []rungRow, h int) (chosen []int, more safe.Text) {
	take := func(i, weight int) {
		if list[i].weight(list) == weight && len(chosen) < h {
			chosen = append(chosen, i)
		}
	}
	for _, weight := range []int{4, 3, 2} {
		for i := range list {
			take(i, weight)
		}
	}
	for i := range slices.Backward(list) { // of those that were called, the last
		take(i, 1)
	}
	for i := range list {
		take(i, 0)
	}
	slices.Sort(chosen)
	done, later := 0, 0
	for i, r := range list {
		switch hidden := r.isRung() && !slices.Contains(chosen, i); {
		case hidden && r.rung.State == escalation.RungDone:
			done++
		case hidden:
			later++
		}
	}
	var words []string
	if done > 0 {
		words = append(words, fmt.Sprintf("+%d done", done))
	}
	if later > 0 {
		words = append(words, fmt.Sprintf("+%d later", later))
	}
	return chosen, safe.New(strings.Join(words, " "), 20)
}

// isRung says whether a row is a rung itself.
func (r rungRow) isRung() bool { return r.message == nil && r.aim == nil && r.line.text.Width() == 0 }

// weight is how much a row matters where there is no room for all.
func (r rungRow) weight(list []rungRow) int {
	switch {
	case r.message != nil:
		return 0
	case r.acked:
		return 4
	case !r.isRung():
		return 0
	case r.rung.State == escalation.RungNow:
		return 3
	}
	upcoming := func(o rungRow) bool {
		return o.isRung() && (o.rung.State == escalation.RungNext || o.rung.State == escalation.RungContinues)
	}
	if i := slices.IndexFunc(list, upcoming); i >= 0 && list[i].rung.Level == r.rung.Level {
		return 4
	}
	if r.rung.State == escalation.RungDone {
		return 1
	}
	return 2
}

func (r rungRow) id() string {
	switch {
	case r.aim != nil:
		return "target"
	case r.line.text.Width() > 0 && r.acked:
		return "acked"
	case r.line.text.Width() > 0:
		return "run by"
	case r.message != nil:
		return "message " + r.message.Sink + " " + string(r.rung.Level)
	}
	return string(r.rung.Level)
}

func (r rungRow) open(inc incident.Incident, rules escalation.Rules, s *Screen) Effect {
	switch {
	case r.message != nil:
		return readPage(r.message, s)
	case r.isRung():
		return readRung(inc, r, rules, s)
	}
	return Effect{Handled: true}
}

// runBy is which process runs the ladder; empty if none does, or it is not known.
func runBy(s *Screen) safe.Text {
	switch d := s.World.Delivery; {
	case d.Mine:
		return safe.Const("run by this process")
	case d.Holder != "":
		return safe.Sprintf("run by %s", safe.New(d.Holder, 30))
	}
	return safe.Text{}
}

// ladderNote is what to know before the rungs: that nobody calls them, that an
// acknowledgement is due, or who calls. Named says that it says who runs them.
func ladderNote(inc incident.Incident, rules escalation.Rules, s *Screen, width int) (note piece, named bool) {
	by := runBy(s)
	beside := func(style theme.Style, t, brief safe.Text) (piece, bool) {
		const heading = 36 // the title with what it counts, and the line around both
		for _, words := range []safe.Text{t, brief} {
			if both := safe.Sprintf("%s · %s", by, words); by.Width() > 0 && both.Width()+heading <= width {
				return piece{both, style}, true
			}
		}
		return piece{t, style}, false
	}
	switch d := s.World.Delivery; {
	case inc.Status.Over():
		return piece{safe.New(string(inc.Status), 20), theme.OK}, false
	case d.Nobody():
		return piece{safe.Const("nobody runs it: sitrep daemon"), theme.Danger}, true
	case inc.Rung.Snoozed.After(s.Now):
		left := Until(inc.Rung.Snoozed.Sub(s.Now))
		return beside(theme.Warn, safe.Sprintf("snoozed, goes on in %s", left), safe.Sprintf("snoozed %s", left))
	case inc.InDoubt():
		left := Until(escalation.DoubtEndsAt(inc).Sub(s.Now))
		return beside(theme.Accent, safe.Sprintf("still on it? goes on in %s", left), safe.Sprintf("still on it? %s", left))
	case inc.Drill:
		last := rules.Wakes(inc.Severity)
		brief := safe.Const("drill: nobody")
		if last != "" {
			brief = safe.Sprintf("drill: only to %s", safe.New(string(last), 3))
		}
		return beside(theme.Accent, safe.New(drillNote(last), 40), brief)
	case !inc.Acknowledged():
		ack := safe.Sprintf("%s acknowledges", s.Keys.Label(keys.Ack))
		return beside(theme.Accent, ack, ack)
	}
	return piece{by, theme.Dim}, true
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
	if r.line.text.Width() > 0 {
		f.PutFit(0, 0, f.Width(), r.line.style, r.line.text)
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
	list := calls(s.World.Delivery.Messages, inc.ID, r.rung.Level, r.lowest)
	if !r.inline {
		x := f.PutFit(p.x, 0, right-p.x-1, style, who) + 1
		if reach.Width() <= right-1-x {
			x = f.Put(x, 0, theme.Dim, reach) + 2
		}
		if ways := safe.New(through(r.rung.Notify), 60); len(list) == 0 && ways.Width() < right-x-1 {
			f.Put(x, 0, theme.Faint, ways)
		}
		return
	}
	p.left(16, style, who)
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
		end, word := delivered(m, s)
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
	end, word := delivered(m, s)
	name := sinkName(m, s)
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
	if row.acked && !inc.Status.Over() {
		return ackedRung(inc, r, s)
	}
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
	case !r.Due.IsZero():
		return piece{safe.Concat(safe.Sprintf("round %d, again ", max(r.Rounds, 1)), in(r.Due.Sub(s.Now))), theme.Warn}
	}
	return piece{safe.Sprintf("called %s", stamp(r.Entered, s.Now, s.Zone)), theme.Plain}
}

// ackedRung is the rung of whoever has it; it may be called again all the same.
func ackedRung(inc incident.Incident, r escalation.Rung, s *Screen) piece {
	text := ackedBy(inc, s)
	if !r.Due.IsZero() {
		text = safe.Sprintf("%s, called again %s", text, in(r.Due.Sub(s.Now)))
	}
	return piece{text, theme.OK}
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
		end, _ := delivered(m, s)
		p.labelled(m.Sink, end.text.String())
		p.labelled("", m.Error)
	}
	return p.reading(string(r.Level))
}
