package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// drawHeader answers, in this order: how bad, what, is it getting worse, since
// when; am I on the hook, who is called next, can I trust what I see; who is hurt.
func (m *model) drawHeader(f *frame.Frame) {
	inc, ok := m.incident()
	if !ok {
		m.drawQuiet(f)
		return
	}
	m.drawWhat(f, inc)
	putLine(f, 0, 1, f.Width(), m.hook(inc))
	putLine(f, 0, 2, f.Width(), m.radius(inc))
}

// drawWhat is the first line. The title gives way to everything else on it.
func (m *model) drawWhat(f *frame.Frame, inc incident.Incident) {
	right := m.drawClock(f, safe.New(tPlus(inc.Age(m.now)), 20))
	x := f.Put(0, 0, theme.Tag(inc.Severity.Rank()), tag(inc.Severity)) + 1
	if inc.Drill {
		x = f.Put(x, 0, theme.Accent, safe.Const("DRILL")) + 1
	}
	x = f.Put(x, 0, theme.Bright, safe.New(string(inc.ID), 20)) + 1
	title := safe.New(inc.Title, safe.Line)
	room := right - 2 - x
	trend := fitted([]piece{m.trend(inc)}, 0, max(room-2-min(title.Width(), max(room/2, 24)), 0))
	if len(trend) > 0 && trend[0].words[0].Width() < room-12 {
		room -= trend[0].words[0].Width() + 2
	} else {
		trend = nil
	}
	x = f.PutFit(x, 0, room, theme.Title, title)
	if len(trend) > 0 {
		f.Put(x+2, 0, trend[0].style, trend[0].words[0])
	}
}

// drawClock writes the right end of the first line and returns where it begins.
func (m *model) drawClock(f *frame.Frame, first safe.Text) int {
	x := f.Width()
	if f.Width() >= 100 {
		x = f.PutRight(x, 0, theme.Dim, safe.New(m.actor(), 30)) - 3
	}
	x = f.PutRight(x, 0, theme.Plain, safe.New(m.wall(m.now), 20))
	if first.Width() > 0 {
		x = f.PutRight(x-2, 0, theme.Bright, first)
	}
	return x
}

func (m *model) actor() string {
	if m.o.Host == "" {
		return string(m.o.Actor)
	}
	return fmt.Sprintf("%s@%s", m.o.Actor, m.o.Host)
}

// tag is a severity as a word that is read from across the room.
func tag(s incident.Severity) safe.Text {
	return safe.Sprintf("[%s]", strings.ReplaceAll(string(s), "-", ""))
}

// trend is the worst signal: which way, how much, against what. It is silent
// once the incident is over.
func (m *model) trend(inc incident.Incident) piece {
	s, ok := worst(m.world.Signals)
	if !ok || inc.Status.Over() {
		return piece{}
	}
	arrow, word, style := "=", "steady", pane.StateStyle(s.State)
	switch {
	case s.Trend > 0:
		arrow, word = "▲", "worsening"
	case s.Trend < 0:
		arrow, word = "▼", "improving"
	}
	if s.State == query.OK { // below its threshold a direction is no verdict
		word = "ok"
	}
	value := pane.Figure(s.Unit, s.Value)
	if !strings.Contains(strings.ToLower(inc.Title), strings.ToLower(s.Name)) {
		value = safe.New(s.Name, 24).String() + " " + value
	}
	full := fmt.Sprintf("%s %s  %s", arrow, word, value)
	against := full
	if s.Threshold != nil {
		against = fmt.Sprintf("%s (thr %s)", full, pane.Figure(s.Unit, *s.Threshold))
	}
	return say(0, style, safe.New(against, 80), safe.New(full, 60), safe.Sprintf("%s %s", arrow, value), safe.New(arrow, 1))
}

// worst is the signal to look at first: the worst state, of equals the one that
// gets worse, of equals the first on the board. One without data says nothing.
func worst(signals []query.Signal) (query.Signal, bool) {
	rank := func(s query.Signal) int {
		switch s.State {
		case query.Crit:
			return 2
		case query.Warn:
			return 1
		}
		return 0
	}
	var best query.Signal
	found := false
	for _, s := range signals {
		if s.State == query.NoData || query.IsAbsent(s.Value) {
			continue
		}
		if !found || cmp.Or(cmp.Compare(rank(s), rank(best)), cmp.Compare(s.Trend, best.Trend)) > 0 {
			best, found = s, true
		}
	}
	return best, found
}

// hook is the second line: am I on the hook, and can I trust what I see.
func (m *model) hook(inc incident.Incident) []piece {
	line := append(m.elsewhere(), m.answered(inc))
	line = append(line, m.runs()...)
	if !inc.Status.Over() {
		line = append(line, m.ladder(inc))
		line = append(line, m.owed(inc)...)
		line = append(line, m.resolveBy(inc))
	}
	return append(line, m.trust()...)
}

// elsewhere is the worst other incident that waits for an answer: what a
// person works on stays in front of them, but a page is not missed for it.
func (m *model) elsewhere() []piece {
	other, ok := m.unanswered()
	if !ok {
		return m.unseen()
	}
	since, key := pane.Ago(other.Age(m.now)), m.keyFor(keys.JumpNewest)
	dear, style := 12, theme.Danger
	if mine, ok := m.incident(); other.Drill && ok && !mine.Drill {
		dear, style = 7, theme.Accent // practice does not shout over what is real
	}
	if other.InDoubt() {
		return []piece{say(dear, style, safe.Sprintf("%s%s STILL ON IT? %s goes there", drillWord(other), other.ID, key), safe.Sprintf("%s%s STILL ON IT? %s", drillWord(other), other.ID, key))}
	}
	return []piece{say(dear, style,
		safe.Sprintf("%s%s %s NOT ACKED %s: %s goes there", drillWord(other), other.Severity, other.ID, since, key),
		safe.Sprintf("%s%s NOT ACKED: %s", drillWord(other), other.ID, key))}
}

// unseen is an alert that nobody has declared, while an incident that is over is
// on the screen: there is no room for a list of alerts on a small one.
func (m *model) unseen() []piece {
	inc, ok := m.incident()
	a, fires := m.undeclared()
	if !ok || !inc.Status.Over() || !fires {
		return nil
	}
	key := m.keyFor(keys.Declare)
	return []piece{say(12, theme.Danger, safe.Sprintf("FIRES: %s, %s declares it", safe.New(titleOf(a), 60), key), safe.Sprintf("FIRES: %s, %s declares", safe.New(titleOf(a), 30), key), safe.Sprintf("AN ALERT FIRES: %s", key))}
}

func (m *model) answered(inc incident.Incident) piece {
	switch {
	case inc.MergedInto != "":
		return say(9, theme.Accent, safe.Sprintf("MERGED INTO %s", safe.New(string(inc.MergedInto), 12)))
	case inc.Status.Over():
		return say(9, theme.OK, safe.Sprintf("%s %s ago", strings.ToUpper(string(inc.Status)), pane.Ago(m.now.Sub(inc.Clocks.Resolved))))
	case inc.InDoubt():
		return m.questioned(inc)
	case inc.Acknowledged():
		since := pane.Ago(m.now.Sub(inc.Clocks.Acknowledged))
		who := safe.New(string(inc.Clocks.AckBy), 24)
		return say(9, theme.OK, safe.Sprintf("ACK %s %s ago", who, since), safe.Sprintf("ACK %s %s", who, since), safe.Sprintf("ACK %s", who))
	case m.paged(inc, m.o.Actor):
		return say(9, theme.Accent, safe.Sprintf("YOU ARE PAGED: %s acknowledges", m.keyFor("ack")), safe.Const("YOU ARE PAGED"))
	}
	return say(9, theme.Accent, safe.Sprintf("NOT ACKED %s", pane.Ago(inc.Age(m.now))))
}

// questioned is "still on it?", to whoever is asked and to the others: anybody who
// does something about the incident answers it.
func (m *model) questioned(inc incident.Incident) piece {
	who, left, key := safe.New(string(inc.Clocks.AckBy), 24), "in "+pane.Until(escalation.DoubtEndsAt(inc).Sub(m.now)), m.keyFor(keys.Ack)
	if inc.Clocks.AckBy == m.o.Actor {
		return say(12, theme.Danger, safe.Sprintf("STILL ON IT? %s: yes, else back to the ladder %s", key, left), safe.Sprintf("STILL ON IT? %s: yes, else ladder %s", key, left),
			safe.Sprintf("STILL ON IT? %s: yes", key), safe.Const("STILL ON IT?"))
	}
	return say(9, theme.Accent, safe.Sprintf("%s DOES NOT ANSWER: back to the ladder %s, %s: I am on it", who, left, key), safe.Sprintf("%s still on it? ladder %s, %s: I am", who, left, key),
		safe.Sprintf("%s still on it? %s: I am", who, key), safe.Sprintf("%s still on it?", who))
}

// lateCall is how long a call may be due before the screen says that it does
// not come: an engine looks every second.
const lateCall = 3 * time.Second

// ladder is who is called next, and in how many seconds.
func (m *model) ladder(inc incident.Incident) piece {
	if m.world.Delivery.Nobody() {
		return say(10, theme.Danger, safe.Const("nobody runs the ladder: sitrep daemon"), safe.Const("nobody runs the ladder"))
	}
	if wantsCall(inc) {
		return say(10, theme.Danger, safe.Sprintf("NOBODY REACHED: call %s", m.firstCallee(inc)), safe.Const("NOBODY REACHED: call by phone"), safe.Const("NOBODY REACHED"))
	}
	if left := inc.Rung.Snoozed.Sub(m.now); left > 0 {
		return say(10, theme.Warn, safe.Sprintf("snoozed for %s", pane.Until(left)))
	}
	next, ok := m.nextCall(inc)
	if !ok {
		if inc.InDoubt() {
			return piece{} // the question says when it goes on
		}
		if inc.Acknowledged() {
			return say(6, theme.Dim, safe.Const("ladder stopped by the ack"), safe.Const("ladder stopped"))
		}
		return say(6, theme.Dim, safe.Const("nobody else is called"))
	}
	verb, brief, held := "next", "", ""
	if next.again {
		verb, brief = "again", "again "
	}
	if inc.Acknowledged() { // these wait for the resolution
		held = ", " + m.keyFor(keys.Snooze) + " holds it"
	}
	who, left := safe.New(people(next.who), 24), pane.Until(next.due.Sub(m.now))
	if late := m.now.Sub(next.due); late >= lateCall {
		return say(10, theme.Danger, safe.Sprintf("%s %s is due since %s: no page yet", next.level, who, pane.Ago(late)), safe.Sprintf("%s late by %s", next.level, pane.Ago(late)))
	} else if late >= 0 {
		return say(10, theme.Warn, safe.Sprintf("%s %s is being paged", next.level, who), safe.Sprintf("%s is being paged", next.level))
	}
	style := theme.Plain
	if !inc.Acknowledged() && next.due.Sub(m.now) <= 2*time.Minute {
		style = theme.Warn
	}
	words := []safe.Text{safe.Sprintf("%s %s %s in %s", verb, next.level, who, left), safe.Sprintf("%s%s %s in %s", brief, next.level, who, left), safe.Sprintf("%s%s in %s", brief, next.level, left)}
	if held != "" {
		words = append([]safe.Text{safe.Sprintf("%s until resolved%s", words[0], held), safe.Concat(words[0], safe.New(held, 20)), safe.Concat(words[2], safe.New(held, 20))}, words[2])
	}
	return say(10, style, words...)
}

func (m *model) resolveBy(inc incident.Incident) piece {
	within := m.ladders.of(inc, m.world).Response(inc.Severity).ResolveWithin.D()
	if within <= 0 {
		return piece{}
	}
	left := inc.Clocks.Declared.Add(within).Sub(m.now)
	if left < 0 {
		return say(2, theme.Warn, safe.Sprintf("resolve overdue by %s", pane.Ago(-left)), safe.Sprintf("resolve late %s", pane.Ago(-left)))
	}
	return say(1, theme.Dim, safe.Sprintf("resolve due in %s", pane.Ago(left)), safe.Sprintf("resolve %s", pane.Ago(left)))
}

// halted says that somebody has forbidden runs: whoever would start one is refused.
func (m *model) halted() []piece {
	h := m.world.Chaos.Halt
	if h == nil {
		return nil
	}
	by := safe.Const("HALT")
	if h.By != "" {
		by = safe.Sprintf("HALT by %s", safe.New(h.By, 20))
	}
	return []piece{say(11, theme.Warn, safe.Sprintf("%s: no experiment starts", by), by, safe.Const("HALT"))}
}

// runs is what hurts or loads the system on purpose, and for how long yet, and that
// runs are forbidden.
func (m *model) runs() []piece {
	out := append(m.halted(), m.dayPiece()...)
	for _, r := range m.running() {
		left, style := pane.Until(r.left), theme.Accent
		id, _, _ := strings.Cut(r.name, " ")
		run := []safe.Text{safe.New(r.name, 40), safe.New(r.name, 24), safe.New(id, 10)}
		if m.live(r) {
			style = theme.Danger
			run[0], run[1] = safe.Sprintf("PRODUCTION %s", run[0]), safe.Sprintf("PRODUCTION %s", run[1])
		}
		if why := r.leftBehind(); why != "" {
			out = append(out, say(11, theme.Danger, safe.Sprintf("%s NOT UNDONE: %s", run[0], why), safe.Sprintf("%s NOT UNDONE", run[1]), safe.Sprintf("%s NOT UNDONE", run[2])))
			continue
		}
		if r.gone {
			out = append(out, say(11, theme.Plain, safe.Sprintf("%s undone, recovery watched %s", run[0], left), safe.Sprintf("%s undone", run[1]), safe.Sprintf("%s undone", run[2])))
			continue
		}
		if r.step > 0 {
			step := pane.Until(r.step)
			out = append(out, say(11, style, safe.Sprintf("%s %s left of step, %s in all", run[0], step, left), safe.Sprintf("%s %s left", run[1], left), safe.Sprintf("%s %s", run[2], left)))
			continue
		}
		out = append(out, say(11, style, safe.Sprintf("%s %s left", run[0], left), safe.Sprintf("%s %s", run[1], left), safe.Sprintf("%s %s", run[2], left)))
	}
	return out
}

// live says that a fault is in production: as the run's journal has it, or as far as it was
// judged here, before anybody has looked into that.
func (m *model) live(u underway) bool {
	return u.run != nil && !u.gone && (u.run.Production != "" || m.production(u.run.Experiment) != "")
}

// leftBehind is why nobody ends a run that goes on, empty while somebody does.
func (u underway) leftBehind() string {
	if u.run == nil {
		return ""
	}
	return safe.New(u.run.Left, 60).String()
}

// mute says that an open incident reaches nobody, unless the ladder's part of the
// line says it: "down" alone sounds as if another way were left.
func (m *model) mute() []piece {
	inc, ok := m.incident()
	if ok && !inc.Status.Over() && wantsCall(inc) || !slices.ContainsFunc(open(m.world), incident.Incident.Unreached) {
		return nil
	}
	return []piece{say(10, theme.Danger, safe.Const("NOBODY IS REACHED"))}
}

// trust is whether pages go out, how old the figures are, and where we are.
func (m *model) trust() []piece {
	out := m.mute()
	named := len(out)
	if n := unwell(m.world.Delivery.Sinks); len(n) > mostNamed {
		out = append(out, say(8, theme.Crit, safe.Sprintf("%d sinks not ok: %s", len(n), strings.Join(n, ", ")), safe.Sprintf("%d sinks not ok", len(n))))
	}
	for _, s := range m.world.Delivery.Sinks {
		if len(out) > named && len(unwell(m.world.Delivery.Sinks)) > mostNamed {
			break
		}
		if s.State == escalation.SinkOK {
			continue
		}
		style := theme.Warn
		if s.State == escalation.SinkDown || s.State == escalation.SinkNoKey {
			style = theme.Crit
		}
		out = append(out, say(8, style, m.sinkWords(s)...))
	}
	if fine, brief := fineSinks(m.world.Delivery.Sinks); fine != "" {
		out = append(out, say(4, theme.Dim, safe.New(fine, 80), safe.New(brief, 60)))
	}
	out = append(out, m.age())
	switch {
	case m.o.Prod:
		out = append(out, m.prodPiece()...)
	case m.o.Context != "":
		out = append(out, say(3, theme.Dim, safe.New(m.o.Context, 24)))
	}
	return out
}

// sinkWords is how a way out stands that is not well: what it could not deliver
// and why, or when it is tried again.
func (m *model) sinkWords(s pane.Sink) []safe.Text {
	short := safe.New(strings.ReplaceAll(brand(s.Name), "PagerDuty", "PD"), 16)
	all := []safe.Text{safe.Sprintf("%s %s", brand(s.Name), s.State), safe.Sprintf("%s %s", short, s.State)}
	target, why := pane.Trouble(s)
	left := s.Until.Sub(m.now)
	switch {
	case s.State == escalation.SinkDown && left > 0:
		next := pane.Until(left)
		return []safe.Text{safe.Sprintf("%s down, next try in %s", brand(s.Name), next), safe.Sprintf("%s down, try in %s", short, next), all[1]}
	case s.State == escalation.SinkWaiting && target != "":
		all = append([]safe.Text{safe.Sprintf("%s waits: %s", brand(s.Name), target)}, all[1])
		if why != "" {
			all = append([]safe.Text{safe.Sprintf("%s waits: %s %s", brand(s.Name), target, safe.New(why, 40))}, all...)
		}
	}
	return all
}

// mostNamed is how many sinks that are not well have a place of their own.
const mostNamed = 2

// unwell names the ways out that are not well.
func unwell(sinks []pane.Sink) (names []string) {
	for _, s := range sinks {
		if s.State != escalation.SinkOK {
			names = append(names, brand(s.Name))
		}
	}
	return names
}

// fineSinks are the ways out that are well: by name, or their number if there are
// many; at full length and at less.
func fineSinks(sinks []pane.Sink) (full, brief string) {
	const many = 4
	var names []string
	for _, s := range sinks {
		if s.State == escalation.SinkOK {
			names = append(names, brand(s.Name)+" ok")
		}
	}
	if len(names) >= many {
		full = fmt.Sprintf("%d sinks ok", len(names))
		return full, full
	}
	full = strings.Join(names, " · ")
	return full, strings.ReplaceAll(full, "PagerDuty", "PD")
}

// age is how old the newest figures are.
func (m *model) age() piece {
	at, failed := m.world.Alerts.At, m.world.Alerts.Err != nil
	if b := m.world.Board; b != nil {
		good := false
		for _, p := range b.Panels {
			if p.At.After(at) {
				at = p.At
			}
			good = good || p.Err == nil
		}
		failed = failed || len(b.Panels) > 0 && !good
	}
	if at.IsZero() {
		if failed {
			return say(8, theme.Crit, safe.Const("prometheus does not answer"), safe.Const("no prom"))
		}
		return say(5, theme.Dim, safe.Const("no data yet"))
	}
	old := m.now.Sub(at)
	switch {
	case old >= time.Minute:
		return say(8, theme.Crit, safe.Sprintf("data %s old", pane.Ago(old)), safe.Sprintf("prom %s", pane.Ago(old)))
	case old >= 20*time.Second:
		return say(8, theme.Warn, safe.Sprintf("data %s old", pane.Ago(old)), safe.Sprintf("prom %s", pane.Ago(old)))
	}
	return say(5, theme.Dim, safe.Sprintf("prom %s", pane.Ago(old)))
}

// radius is the third line: who is hurt.
func (m *model) radius(inc incident.Incident) []piece {
	var out []piece
	if inc.Service != "" {
		out = append(out, say(9, theme.Plain, safe.New(inc.Service, 40)))
	}
	related, regions, groups := m.related(inc)
	if r := firstOf(regions); r.Width() > 0 {
		out = append(out, say(5, theme.Plain, r))
	}
	switch {
	case len(related) > 0:
		out = append(out, say(8, theme.Plain, safe.Sprintf("%d %s in %d %s", len(related), plural(len(related), "alert"), len(groups), plural(len(groups), "group"))))
	case m.world.Alerts.Err != nil:
		out = append(out, say(8, theme.Warn, safe.Const("alerts unknown")))
	default:
		out = append(out, say(4, theme.Dim, safe.Const("no alert fires")))
	}
	if full, brief, style, ok := pane.BudgetOf(m.world, inc.Service); ok {
		out = append(out, say(7, style, safe.New(full, 60), safe.New(brief, 40)))
	}
	if full, brief, ok := pane.SpentBy(m.world, inc, m.now); ok {
		out = append(out, say(6, theme.Warn, safe.New(full, 90), safe.New(brief, 40)))
	}
	status := safe.New(string(inc.Status), 20)
	if at := inc.Clocks.Mitigated; !at.IsZero() && !inc.Status.Over() {
		status = safe.Sprintf("%s, mitigated %s ago", status, pane.Ago(m.now.Sub(at)))
	}
	out = append(out, say(6, theme.Dim, status))
	out = append(out, m.roles(inc)...)
	return append(append(out, m.present(inc.ID)...), m.problem()...)
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}

// firstOf is "eu-west-1 +2 regions".
func firstOf(regions []string) safe.Text {
	switch n := len(regions); n {
	case 0:
		return safe.Text{}
	case 1:
		return safe.New(regions[0], 24)
	default:
		return safe.Sprintf("%s +%d %s", safe.New(regions[0], 24), n-1, plural(n-1, "region"))
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// drawHurt is the headline while a fault is in place and nothing else is wrong: what is
// hurt and until when. It says whether there is one.
func (m *model) drawHurt(f *frame.Frame, width int) bool {
	for _, r := range m.running() {
		if r.run == nil || r.gone || r.leftBehind() != "" {
			continue
		}
		x := 0
		if m.live(r) {
			x = f.Put(0, 0, theme.Danger, safe.Const(" PRODUCTION ")) + 1
		}
		hurt := safe.Sprintf("%s hurts %s", safe.New(r.name, 40), safe.New(r.run.Targets, 60))
		if r.run.Targets == "" {
			hurt = safe.Sprintf("%s goes on", safe.New(r.name, 40))
		}
		if !r.run.Ends.IsZero() {
			hurt = safe.Sprintf("%s until %s", hurt, m.wall(r.run.Ends))
		}
		if a := m.world.Alerts; !a.At.IsZero() && a.Err == nil {
			hurt = safe.Sprintf("%s; no incident is open and no alert fires", hurt)
		}
		f.PutFit(x, 0, width-x, theme.Warn, hurt)
		return true
	}
	return false
}

// drawQuiet is the header while no incident is selected.
func (m *model) drawQuiet(f *frame.Frame) {
	right := m.drawClock(f, safe.Text{})
	list := m.firing()
	switch {
	case m.world.Unread:
		f.PutFit(0, 0, right-2, theme.Accent, safe.Const("Reading the store: what is open is not known yet."))
	case len(list) == 0 && m.drawHurt(f, right-2):
	case len(list) == 0 && m.world.Alerts.At.IsZero():
		f.PutFit(0, 0, right-2, theme.Dim, safe.Const("No incident is open. Alerts are not known yet."))
	case len(list) == 0 && m.world.Alerts.Err != nil:
		f.PutFit(0, 0, right-2, theme.Warn, safe.Const("No incident is open and no alert fires, as far as is known: not all who tell of alerts answer."))
	case len(list) == 0:
		f.PutFit(0, 0, right-2, theme.OK, safe.Const("All quiet: no incident is open and no alert fires."))
	default:
		worst, ok := m.undeclared()
		if !ok {
			worst = list[0]
		}
		what := safe.Sprintf("%d %s: %s", len(list), fire(len(list)), titleOf(worst))
		x := f.PutFit(0, 0, right-2, theme.Accent, what)
		f.PutFit(x+2, 0, right-4-x, theme.Dim, safe.Sprintf("%s declares an incident", m.keyFor("declare")))
	}
	line := m.runs()
	switch d := m.world.Delivery; {
	case d.Unasked:
	case d.Nobody():
		line = append(line, say(10, theme.Danger, safe.Const("nobody runs the ladder: sitrep daemon"), safe.Const("nobody runs the ladder")))
	case d.Mine:
		line = append(line, say(6, theme.Dim, safe.Const("this process runs the ladder"), safe.Const("ladder runs")))
	default:
		line = append(line, say(6, theme.Dim, safe.Sprintf("ladder run by %s", safe.New(d.Holder, 40)), safe.Const("ladder runs")))
	}
	putLine(f, 0, 1, f.Width(), append(line, m.trust()...))
	putLine(f, 0, 2, f.Width(), append(append(m.before(), m.present("")...), m.problem()...))
}

func fire(n int) string {
	if n == 1 {
		return "alert fires"
	}
	return "alerts fire"
}

// before is the last incident that ended.
func (m *model) before() []piece {
	for _, inc := range m.world.Incidents {
		if inc.Status.Over() && !inc.Clocks.Resolved.IsZero() {
			since := pane.Ago(m.now.Sub(inc.Clocks.Resolved))
			return []piece{say(5, theme.Dim, safe.Sprintf("last: %s%s %s %s, resolved %s ago", drillWord(inc), inc.Severity, inc.ID, safe.New(inc.Title, 60), since), safe.Sprintf("last: %s%s resolved %s ago", drillWord(inc), inc.ID, since))}
		}
	}
	return nil
}
