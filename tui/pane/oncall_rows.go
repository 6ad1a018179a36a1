package pane

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// inboxWidths are the columns of the inbox's rows that not every list has, or not
// every width.
type inboxWidths struct{ ours, alerts, service, who int }

func inboxColumns(list []InboxItem, s *Screen) inboxWidths {
	var c inboxWidths
	for _, it := range list {
		if it.Ours != "" {
			c.ours = max(c.ours, min(safe.New(string(it.Ours), 8).Width(), 8))
		}
		if it.Alerts > 1 {
			c.alerts = 3
		}
		c.service = max(c.service, safe.New(it.Service, 20).Width())
		who, _ := holder(it, s)
		c.who = max(c.who, who.Fit(20).Width())
	}
	return c
}

// holder is who has an incident, or whom it waits for.
func holder(it InboxItem, s *Screen) (safe.Text, piece) {
	text, style := safe.Const("nobody"), theme.Warn
	switch {
	case it.Has:
		text, style = safe.Const("you have it"), theme.OK
	case len(it.AckedBy) > 0:
		text, style = safe.Sprintf("%s has it", crowd(it.AckedBy)), theme.OK
	case it.Acked:
		text, style = safe.Const("acknowledged"), theme.OK
	case it.Mine:
		text, style = safe.Const("calls you"), theme.Accent
	case len(it.Assigned) > 0:
		text, style = safe.Sprintf("calls %s", crowd(it.Assigned)), theme.Plain
	}
	if _, still := s.World.OnCall.Item(it.ID); !still {
		text, style = safe.Const("not open now"), theme.Dim
	}
	return text, piece{text, style}
}

// crowd is the first of several names, and how many more there are.
func crowd(names []string) safe.Text {
	if len(names) > 1 {
		return safe.Sprintf("%s +%d", safe.New(names[0], 20), len(names)-1)
	}
	return safe.New(names[0], 20)
}

// drawInboxItem: urgency, age, ours, title, and at the right service and who has it.
func drawInboxItem(f *frame.Frame, it InboxItem, c inboxWidths, s *Screen) {
	_, still := s.World.OnCall.Item(it.ID)
	p := pen{f: f}
	urgency, style := piece{safe.Const("HIGH"), theme.Crit}, theme.Bright
	switch {
	case !still:
		urgency.style, style = theme.Dim, theme.Dim
	case it.Low:
		urgency, style = piece{safe.Const("low"), theme.Dim}, theme.Plain
	case it.Acked:
		urgency.style, style = theme.Plain, theme.Plain
	}
	p.left(4, urgency.style, urgency.text)
	age := safe.Const("-")
	if !it.Created.IsZero() {
		age = safe.New(Ago(s.Now.Sub(it.Created)), 6)
	}
	p.right(6, theme.Dim, age)
	p.x++
	if c.ours > 0 {
		p.left(c.ours, theme.Accent, safe.New(string(it.Ours), 8))
	}
	if c.alerts > 0 {
		n := safe.Text{}
		if it.Alerts > 1 {
			n = safe.Sprintf("x%d", it.Alerts)
		}
		p.left(c.alerts, theme.Dim, n)
	}
	who, shown := holder(it, s)
	service := c.service
	if p.room()-c.who-service-4 < 30 { // the title is what is read
		service = -2
	}
	room := max(p.room()-c.who-service-4, 8)
	title := it.Title
	if it.Ours != "" { // it has a column of its own
		title = strings.Replace(title, " "+string(it.Ours)+" ", " ", 1)
	}
	p.left(room, style, safe.New(title, safe.Line))
	p.x++
	if service > 0 {
		p.left(service, theme.Dim, safe.New(it.Service, 20))
		p.x++
	}
	p.left(c.who, shown.style, who.Fit(20))
}

// contactsOf are those who answer now. What the policy calls "senior or lead" is
// nobody, and left out where a level has somebody.
func contactsOf(s *Screen) (list []escalation.Contact) {
	if s.World.OnCall == nil {
		return nil
	}
	all := s.World.OnCall.Contacts
	for _, c := range all {
		role := !c.Automatic && len(c.Phones) == 0 && strings.Contains(string(c.Person), " ")
		if role && slices.ContainsFunc(all, func(o escalation.Contact) bool { return o.Level == c.Level && o.Automatic }) {
			continue
		}
		list = append(list, c)
	}
	return list
}

// people is who answers for each level, and what could not be asked about that.
func (v *onCall) people(s *Screen) section {
	contacts := contactsOf(s)
	var faults []string
	title := safe.Const("who answers now")
	if on := s.World.OnCall; on != nil {
		faults = on.Faults
		if on.Service != "" {
			title = safe.Sprintf("who answers now for %s", safe.New(on.Service, 30))
		}
	}
	n := len(contacts)
	c := peopleColumns(contacts, s)
	return section{
		name: "people", title: title, note: peopleNote(s), dear: 9, least: min(4, max(n+len(faults), 1)), want: max(n+len(faults), 1),
		rows: &rows{
			n: n + len(faults),
			id: func(i int) string {
				if i >= n {
					return fmt.Sprint("fault ", i-n)
				}
				return fmt.Sprint(contacts[i].Level, " ", contacts[i].Sink, " ", contacts[i].Rule, " ", contacts[i].Label(), " ", sameBefore(contacts, i))
			},
			draw: func(f *frame.Frame, i int) {
				if i >= n {
					f.PutFit(0, 0, f.Width(), theme.Warn, safe.New(faults[i-n], safe.Line))
					return
				}
				drawContact(f, contacts, i, c, s)
			},
			open: func(i int, s *Screen) Effect {
				if i >= n {
					var p page
					p.text(faults[i-n])
					return p.reading("Not known now")
				}
				return readContact(contacts[i], s)
			},
			none: emptyPeople(s),
		},
	}
}

// sameBefore tells rows apart that say the same.
func sameBefore(list []escalation.Contact, i int) (n int) {
	for _, c := range list[:i] {
		if c.Level == list[i].Level && c.Sink == list[i].Sink && c.Rule == list[i].Rule && c.Label() == list[i].Label() {
			n++
		}
	}
	return n
}

func emptyPeople(s *Screen) safe.Text {
	if s.World.OnCall == nil || s.World.OnCall.At.IsZero() {
		return safe.Const("asking who answers now")
	}
	return safe.Const("the ladder calls nobody")
}

func peopleNote(s *Screen) piece {
	on := s.World.OnCall
	switch {
	case on == nil, on.Inbox.Off:
		return piece{}
	case on.Down:
		oldest := time.Time{}
		for _, c := range on.Contacts {
			if !c.AskedAt.IsZero() && (oldest.IsZero() || c.AskedAt.Before(oldest)) {
				oldest = c.AskedAt
			}
		}
		if oldest.IsZero() {
			return piece{safe.Const("PagerDuty does not answer"), theme.Warn}
		}
		return piece{safe.Sprintf("PagerDuty does not answer: as it said %s ago", Ago(s.Now.Sub(oldest))), theme.Warn}
	case on.At.IsZero():
		return piece{safe.Const("asking"), theme.Dim}
	}
	return piece{safe.Sprintf("asked %s ago", Ago(s.Now.Sub(on.At))), theme.Dim}
}

// peopleWidths are the columns of the list of people.
type peopleWidths struct{ who, phone int }

func peopleColumns(list []escalation.Contact, s *Screen) peopleWidths {
	c := peopleWidths{who: 8, phone: 8}
	for _, one := range list {
		c.who = max(c.who, safe.New(contactName(one, s), 24).Width())
		if len(one.Phones) > 0 {
			c.phone = max(c.phone, safe.New(one.Phones[0], 20).Width())
		}
	}
	return c
}

// contactName is who somebody is: as we call them, and as PagerDuty does where that
// says more.
func contactName(c escalation.Contact, s *Screen) string {
	name := c.Label()
	if c.Person != "" && c.Name != "" && !strings.EqualFold(string(c.Person), c.Name) {
		name += ", " + c.Name
	}
	if c.Person == s.Actor && c.Person != "" {
		name += " (you)"
	}
	return name
}

// drawContact: the level once, who, the number to dial, and why it is them.
func drawContact(f *frame.Frame, list []escalation.Contact, i int, w peopleWidths, s *Screen) {
	c := list[i]
	p := pen{f: f}
	level := safe.New(string(c.Level), 3)
	if i > 0 && list[i-1].Level == c.Level {
		level = safe.Text{}
	}
	p.left(3, theme.Bright, level)
	p.left(w.who, theme.Plain, safe.New(contactName(c, s), 24))
	p.x++
	if len(c.Phones) == 0 {
		p.right(w.phone, theme.Warn, safe.Const("no phone"))
	} else {
		p.right(w.phone, theme.Bright, safe.New(c.Phones[0], 20))
	}
	p.x++
	for _, t := range contactWhy(c, s) {
		if p.room() < t.Width() && p.room() < 12 {
			return
		}
		p.flow(theme.Dim, t)
		p.x++
	}
}

// contactWhy says what else there is to know, what matters most first.
func contactWhy(c escalation.Contact, s *Screen) (all []safe.Text) {
	if n := len(c.Phones); n > 1 {
		all = append(all, safe.Sprintf("and %d more", n-1))
	}
	switch {
	case !c.Automatic:
		all = append(all, safe.Const("by the policy"))
	case c.Schedule != "":
		all = append(all, safe.New(c.Schedule, 24))
	case c.Rule > 1:
		all = append(all, safe.Sprintf("PagerDuty's level %d", c.Rule))
	default:
		all = append(all, safe.New(sinkWords(c.Sink), 24))
	}
	if !c.Until.IsZero() {
		all = append(all, safe.Sprintf("until %s", shortClock(c.Until, s)))
	}
	if s.World.OnCall.Down && !c.AskedAt.IsZero() {
		all = append(all, safe.Sprintf("said %s ago", Ago(s.Now.Sub(c.AskedAt))))
	}
	return all
}

func sinkWords(sink string) string {
	kind, target, _ := strings.Cut(sink, ":")
	return strings.TrimSpace(brand(kind) + " " + target)
}

// shortClock is a time of the next day as one writes it on a rota.
func shortClock(t time.Time, s *Screen) string {
	if t.Sub(s.Now) < 18*time.Hour {
		return t.In(s.Zone).Format("15:04")
	}
	return t.In(s.Zone).Format("Mon 15:04")
}

// readContact is everything that is known of somebody, every number on its line.
func readContact(c escalation.Contact, s *Screen) Effect {
	var p page
	for i, phone := range c.Phones {
		label := ""
		if i == 0 {
			label = "phone"
		}
		p.labelled(label, phone)
	}
	if len(c.Phones) == 0 {
		p.labelled("phone", "none is known: people.NAME.phone in sitrep.yaml, or a contact method in PagerDuty")
	}
	p.labelled("e-mail", c.Email)
	p.labelled("level", string(c.Level))
	p.labelled("called by", sinkWords(c.Sink))
	p.labelled("rota", c.Schedule)
	if !c.Until.IsZero() {
		p.labelled("until", c.Until.In(s.Zone).Format("2006-01-02 15:04 MST"))
	}
	if c.Automatic {
		p.labelled("known from", "PagerDuty, "+Ago(s.Now.Sub(c.AskedAt))+" ago")
	} else {
		p.labelled("known from", "the policy and people: in sitrep.yaml")
	}
	return p.reading(contactName(c, s))
}

// ReadInbox is everything about an incident there.
func ReadInbox(d *InboxDetail, s *Screen) Reading {
	var p page
	it := d.Item
	p.text(it.Title)
	p.text(" ")
	p.labelled("PagerDuty", fmt.Sprintf("#%d %s, %s", it.Number, it.ID, it.URL))
	urgency := "high urgency"
	if it.Low {
		urgency = "low urgency"
	}
	p.labelled("status", strings.Trim(d.Status+", "+urgency, ", "))
	if !it.Created.IsZero() {
		p.labelled("since", it.Created.In(s.Zone).Format("2006-01-02 15:04:05 MST")+", "+Ago(s.Now.Sub(it.Created))+" ago")
	}
	p.labelled("service", it.Service)
	p.labelled("policy", it.Policy)
	p.labelled("calls", strings.Join(it.Assigned, ", "))
	p.labelled("acked by", strings.Join(it.AckedBy, ", "))
	p.labelled("ours", string(it.Ours))
	runbooks := d.Runbooks()
	for _, l := range runbooks {
		p.labelled("runbook", l.URL)
	}
	p.entries("notes", d.Notes, s)
	if len(d.Alerts) > 0 {
		p.heading(plural(len(d.Alerts), "alert"))
	}
	for _, a := range d.Alerts {
		p.text(strings.TrimSpace(a.Summary + "  " + strings.Trim(a.Severity+", "+a.Status, ", ")))
		for _, l := range a.Links {
			if !slices.Contains(runbooks, l) {
				p.text("  " + strings.TrimSpace(l.Text+" "+l.URL))
			}
		}
	}
	p.entries("log", d.Log, s)
	return Reading{Title: it.ID, Lines: p.lines, Hang: p.hang}
}

// entries is a part of the log under a heading.
func (p *page) entries(heading string, list []InboxEntry, s *Screen) {
	if len(list) == 0 {
		return
	}
	p.heading(heading)
	for _, e := range list {
		p.labelled(stamp(e.At, s.Now, s.Zone), strings.TrimSpace(e.Text))
	}
}
