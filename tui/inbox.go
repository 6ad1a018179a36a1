package tui

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// inboxActs are the actions that are about PagerDuty's incident where its inbox is
// on the screen, in the order of the footer.
func inboxActs() []keys.Action {
	return []keys.Action{keys.Ack, keys.Escalate, keys.Snooze, keys.AddNote, keys.MergeThere, keys.Runbook, keys.Assign, keys.SendUpdate, keys.Open}
}

// inboxShown says that an inbox is on the screen that can be acted on.
func (m *model) inboxShown() bool {
	on := m.world.OnCall
	return m.place.at == onCallView && (on == nil || !on.Inbox.Off)
}

// actInbox is what a person does about the chosen incident of PagerDuty's inbox. In
// that view the keys of an incident mean that one, and none other: without one they
// do nothing.
func (m *model) actInbox(a keys.Action, by how) (tea.Cmd, bool) {
	if !m.inboxShown() {
		return nil, false
	}
	var act func(pane.InboxItem) tea.Cmd
	switch a {
	case keys.Ack:
		act = func(it pane.InboxItem) tea.Cmd { return m.ackThere(it, by) }
	case keys.Escalate:
		act = func(it pane.InboxItem) tea.Cmd { return m.request(pane.LookInto{ID: it.ID, For: pane.ToHandOn}) }
	case keys.Snooze:
		act = m.snoozeThere
	case keys.AddNote:
		act = m.noteThere
	case keys.MergeThere:
		act = m.mergeThere
	case keys.Assign:
		act = m.requestThere
	case keys.SendUpdate:
		act = m.updateThere
	case keys.Runbook:
		act = m.runbookThere
	case keys.Open:
		act = func(it pane.InboxItem) tea.Cmd { return m.visitWeb(it.URL) }
	default:
		return nil, false
	}
	view, is := m.shown().(pane.Chooser)
	if !is {
		return nil, false
	}
	it, ok := view.Chosen(m.screen())
	if !ok {
		m.inform("no open incident is chosen in PagerDuty's inbox")
		return nil, true
	}
	return act(it), true
}

// ackThere is done at once by the one whom PagerDuty calls.
func (m *model) ackThere(it pane.InboxItem, by how) tea.Cmd {
	o := pane.InboxAck{ID: it.ID}
	switch {
	case it.Has:
		m.inform("you have %s already", safe.New(it.ID, 40))
		return nil
	case it.Acked && m.hasOurs(it):
		m.inform("you have it already: PagerDuty was told that you acknowledged %s", it.Ours)
		return nil
	case by == byKey && it.Mine && !it.Acked:
		return m.do(o)
	}
	return m.request(o)
}

// hasOurs says that it belongs to an incident which the person has acknowledged
// here: PagerDuty knows that from this program, and of nobody by name.
func (m *model) hasOurs(it pane.InboxItem) bool {
	inc, ok := find(m.world, it.Ours)
	return ok && inc.Acknowledged() && inc.Clocks.AckBy == m.o.Actor
}

func (m *model) noteThere(it pane.InboxItem) tea.Cmd {
	help := safe.Const("one line, for whoever looks at it in PagerDuty; you are asked again before it goes out")
	m.ask(dialog.NewPrompt(safe.Sprintf("Note on %s", it.ID), help, "", m.answers["note"]), "note", func(text string) tea.Cmd {
		if text = strings.TrimSpace(text); text == "" {
			return nil
		}
		return m.request(pane.InboxNote{ID: it.ID, Text: text})
	})
	return nil
}

func (m *model) snoozeThere(it pane.InboxItem) tea.Cmd {
	var rows []dialog.Choice
	for _, d := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour} {
		rows = append(rows, dialog.Choice{Value: d.String(), Text: safe.Sprintf("%-6s until %s", span(d), m.wall(m.now.Add(d)))})
	}
	help := safe.Const("PagerDuty calls nobody about it before; nothing is silenced where it comes from")
	m.ask(dialog.NewPicker(safe.Sprintf("Snooze %s", it.ID), help, m.keys, rows, ""), "", func(length string) tea.Cmd {
		d, err := time.ParseDuration(length)
		if err != nil {
			return nil
		}
		return m.request(pane.InboxSnooze{ID: it.ID, Length: d})
	})
	return nil
}

// requestThere offers whom PagerDuty has on call and whom the configuration names,
// and asks what for.
func (m *model) requestThere(it pane.InboxItem) tea.Cmd {
	var rows []dialog.Choice
	add := func(value, label, why string) {
		known := slices.ContainsFunc(rows, func(c dialog.Choice) bool { return c.Value == value })
		if value != "" && !known && len(rows) < mostCandidates {
			rows = append(rows, dialog.Choice{Value: value, Text: safe.Sprintf("%-20s %s", safe.New(label, 40), why)})
		}
	}
	for _, c := range m.world.OnCall.Contacts {
		if c.Automatic {
			add(cmp.Or(string(c.Person), c.Email, c.Name), c.Label(), fmt.Sprintf("is called for %s", c.Level))
		}
	}
	for _, who := range m.world.People {
		add(string(who), string(who), "")
	}
	rows = append(rows, dialog.Choice{Value: somebodyElse, Text: safe.Const("somebody else: asks for the name or the e-mail")})
	title := safe.Sprintf("Who is to help with %s?", it.ID)
	m.ask(dialog.NewPicker(title, safe.Const("they are called, and nobody loses it; you are asked again"), m.keys, rows, "").Careful(m.now), "", func(who string) tea.Cmd {
		if who != somebodyElse {
			return m.whatFor(it, who)
		}
		m.ask(dialog.NewPrompt(title, safe.Const("the name or the e-mail that they have in PagerDuty"), "", m.answers["person"]), "person", func(name string) tea.Cmd {
			if name = strings.TrimSpace(name); name == "" {
				return nil
			}
			return m.whatFor(it, name)
		})
		return nil
	})
	return nil
}

// whatFor asks why, because whoever is woken will.
func (m *model) whatFor(it pane.InboxItem, who string) tea.Cmd {
	m.ask(dialog.NewPrompt(safe.Sprintf("What is %s needed for?", safe.New(who, 40)), safe.Const("one line; you are asked again before it goes out"), "", m.answers["why"]), "why", func(text string) tea.Cmd {
		if text = strings.TrimSpace(text); text == "" {
			return nil
		}
		return m.request(pane.InboxRequest{ID: it.ID, Who: who, Message: text})
	})
	return nil
}

func (m *model) updateThere(it pane.InboxItem) tea.Cmd {
	help := safe.Const("one line, for its subscribers in PagerDuty; you are asked again before it goes out")
	m.ask(dialog.NewPrompt(safe.Sprintf("Status update on %s", it.ID), help, "", m.answers["update there"]), "update there", func(text string) tea.Cmd {
		if text = strings.TrimSpace(text); text == "" {
			return nil
		}
		return m.request(pane.InboxUpdate{ID: it.ID, Text: text})
	})
	return nil
}

// mergeThere offers what it can become part of: those of its service first.
func (m *model) mergeThere(it pane.InboxItem) tea.Cmd {
	var near, far []dialog.Choice
	for _, other := range m.world.OnCall.Inbox.Items {
		if other.ID == it.ID {
			continue
		}
		row := dialog.Choice{
			Value: other.ID, Text: safe.Sprintf("%-16s %s", safe.New(other.ID, 16), safe.New(other.Title, 80)),
			Note: safe.Sprintf("%s, since %s", other.Service, pane.Ago(m.now.Sub(other.Created))),
		}
		if other.Service == it.Service {
			near = append(near, row)
		} else {
			far = append(far, row)
		}
	}
	rows := append(near, far...)
	if len(rows) == 0 {
		m.inform("there is no other open incident that %s could become part of", safe.New(it.ID, 40))
		return nil
	}
	help := safe.Sprintf("%s becomes part of it and ends; you are asked again", it.ID)
	m.ask(dialog.NewPicker(safe.Sprintf("Merge %s into", it.ID), help, m.keys, rows, ""), "", func(into string) tea.Cmd {
		return m.request(pane.InboxMerge{ID: it.ID, Into: into})
	})
	return nil
}

// runbookThere opens the checklist of one of ours, and what the alerts of another
// call a runbook.
func (m *model) runbookThere(it pane.InboxItem) tea.Cmd {
	if _, ours := find(m.world, it.Ours); ours {
		m.place.selected = it.Ours
		return m.show(runbookView)
	}
	return m.request(pane.LookInto{ID: it.ID, For: pane.ToFollow})
}

// visitWeb opens an address that others gave, if it leads to the web.
func (m *model) visitWeb(link string) tea.Cmd {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		m.inform("PagerDuty gives no link to it")
		return nil
	}
	return m.visit(u.String())
}

// looking is a dialog that waits for what was asked.
type looking struct {
	order  pane.LookInto
	dialog *asked
}

// lookInto asks PagerDuty about an incident. Something is on the screen at once, and
// what comes takes its place only if that is still there: nothing opens by itself.
func (m *model) lookInto(o pane.LookInto) tea.Cmd {
	it, ok := m.world.OnCall.Item(o.ID)
	if !ok {
		m.inform("%s is not open any more", safe.New(o.ID, 40))
		return nil
	}
	lines := []safe.Text{safe.New(it.Title, safe.Line), {}, safe.Const("asking PagerDuty …")}
	m.ask(dialog.NewReader(safe.New(it.ID, 40), lines), "", nothing)
	m.looking = looking{o, m.asked}
	return m.do(o)
}

// looked shows what PagerDuty said.
func (m *model) looked(o pane.LookInto, d *pane.InboxDetail) tea.Cmd {
	if m.asked == nil || m.looking != (looking{o, m.asked}) {
		return nil // closed, or something else is asked meanwhile
	}
	m.asked, m.looking = nil, looking{}
	if d == nil {
		return nil // why has been said
	}
	switch o.For {
	case pane.ToFollow:
		return m.follow(d)
	case pane.ToHandOn:
		m.pickLevel(d)
		return nil
	}
	r := pane.ReadInbox(d, m.screen())
	m.read(&r)
	return nil
}

func (m *model) follow(d *pane.InboxDetail) tea.Cmd {
	links := d.Runbooks()
	switch len(links) {
	case 0:
		m.inform("none of its alerts links to a runbook; %s shows all links", m.keyFor(keys.Detail))
		return nil
	case 1:
		return m.visitWeb(links[0].URL)
	}
	var rows []dialog.Choice
	for _, l := range links {
		rows = append(rows, dialog.Choice{Value: l.URL, Text: safe.Sprintf("%s  %s", safe.New(l.Text, 30), l.URL)})
	}
	m.ask(dialog.NewPicker(safe.Const("Runbook"), safe.Text{}, m.keys, rows, ""), "", m.visitWeb)
	return nil
}

// pickLevel says whom each level of PagerDuty's escalation policy calls now.
func (m *model) pickLevel(d *pane.InboxDetail) {
	if len(d.Levels) == 0 {
		m.inform("PagerDuty has nobody on call for %s", safe.New(d.Item.Policy, 60))
		return
	}
	var rows []dialog.Choice
	who := map[string]string{}
	for _, l := range d.Levels {
		value := strconv.FormatUint(uint64(l.Level), 10)
		who[value] = strings.Join(l.Who, ", ")
		rows = append(rows, dialog.Choice{Value: value, Text: safe.Sprintf("level %d  %s", l.Level, who[value])})
	}
	id := d.Item.ID
	help := safe.Sprintf("the escalation policy %s; whoever has it loses it", d.Item.Policy)
	p := dialog.NewPicker(safe.Sprintf("Escalate %s to", id), help, m.keys, rows, "").Careful(m.now)
	m.ask(p, "", func(value string) tea.Cmd {
		level, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return nil
		}
		return m.request(pane.InboxEscalate{ID: id, Level: uint(level), Who: who[value]})
	})
}

// inboxErrand says what an order will do in PagerDuty, and to whom.
func (m *model) inboxErrand(o pane.InboxOrder) (errand, bool) {
	it, ok := m.world.OnCall.Item(o.There())
	if !ok {
		m.complain("%s is not open in PagerDuty any more", safe.New(o.There(), 40))
		return errand{}, false
	}
	e := errand{order: o, wait: undoTime}
	about := it.ID + ": " + it.Title
	switch o := o.(type) {
	case pane.InboxAck:
		e.title, e.yes = "acknowledge "+it.ID, "acknowledge"
		e.says = []string{fmt.Sprintf("Tells PagerDuty that %s has %s.", m.o.Actor, about), "PagerDuty stops calling " + called(it) + "."}
		inc, ours := find(m.world, it.Ours)
		switch {
		case len(it.AckedBy) > 0:
			e.says[1] = strings.Join(it.AckedBy, ", ") + " has it already; you join."
		case it.Acked && ours && inc.Acknowledged():
			e.says[1] = fmt.Sprintf("%s has %s, PagerDuty knows that and calls nobody; your name is added there.", inc.Clocks.AckBy, it.Ours)
		case it.Acked:
			e.says[1] = "It is acknowledged there, and calls nobody now; your name is added."
		}
	case pane.InboxNote:
		e.title, e.yes = "note on "+it.ID, "write it"
		e.says = []string{"Writes a note in PagerDuty on " + about, "It says: " + o.Text}
	case pane.InboxSnooze:
		e.title, e.yes = fmt.Sprintf("snooze %s for %s", it.ID, span(o.Length)), "snooze"
		e.says = []string{fmt.Sprintf("PagerDuty calls nobody about %s until %s.", about, m.wall(m.now.Add(o.Length)))}
	case pane.InboxEscalate:
		e.title, e.yes = fmt.Sprintf("escalate %s to level %d", it.ID, o.Level), "escalate"
		e.says = []string{fmt.Sprintf("PagerDuty calls %s (level %d of %s) about %s.", o.Who, o.Level, it.Policy, about)}
	case pane.InboxRequest:
		e.title, e.yes = fmt.Sprintf("ask %s to help with %s", o.Who, it.ID), "ask"
		e.says = []string{fmt.Sprintf("PagerDuty calls %s about %s.", o.Who, about), "It says: " + o.Message}
	case pane.InboxUpdate:
		e.title, e.yes = "send the update on "+it.ID, "send it"
		e.says = []string{"PagerDuty tells the subscribers of " + about, "It says: " + o.Text}
	case pane.InboxMerge:
		into, ok := m.world.OnCall.Item(o.Into)
		if !ok {
			m.complain("%s is not open in PagerDuty any more", safe.New(o.Into, 40))
			return errand{}, false
		}
		e.title, e.yes = fmt.Sprintf("merge %s into %s", it.ID, into.ID), "merge"
		e.says = []string{about, fmt.Sprintf("becomes part of %s: %s. A merge cannot be taken back.", into.ID, into.Title)}
	}
	if it.Ours != "" {
		e.says = append(e.says, fmt.Sprintf("It belongs to %s: its timeline says so.", it.Ours))
	}
	e.brief = e.title
	return e, true
}

// called is whom PagerDuty calls about an incident.
func called(it pane.InboxItem) string {
	if len(it.Assigned) == 0 {
		return "people about it"
	}
	return strings.Join(it.Assigned, ", ")
}

// inboxDoables are the keys of the inbox for the footer.
func (m *model) inboxDoables() []doable {
	var out []doable
	if len(m.counts.running) > 0 {
		out = append(out, doable{keys.UndoCountdown, m.keyFor(keys.UndoCountdown), "undo"})
	}
	for _, a := range inboxActs() {
		if b, ok := m.keys.Of(a); ok && len(b.Keys) > 0 {
			name := short(b)
			switch a {
			case keys.Open:
				name = "open"
			case keys.Assign:
				name = "ask help"
			}
			out = append(out, doable{a, keys.Label(b.Keys[0]), name})
		}
	}
	return append(out, doable{keys.Detail, m.keyFor(keys.Detail), "details"})
}

// inboxKeys are how the keys that mean something else in that view are written.
func (m *model) inboxKeys() string {
	var all []string
	for _, a := range inboxActs() {
		if a != keys.MergeThere && a != keys.Open {
			all = append(all, m.keyFor(a))
		}
	}
	return strings.Join(all, " ")
}
