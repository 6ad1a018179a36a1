package pane

import (
	"cmp"
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

// brand is how the makers of a sink write its name.
func brand(kind string) string {
	switch kind {
	case "pagerduty":
		return "PagerDuty"
	case "slack":
		return "Slack"
	case "statuspage":
		return "status page"
	}
	return kind
}

// delivered is what became of a message, in a few words or in one. An accepted
// page was taken by the sink. The acknowledgement of the incident, whoever gave
// it, ends every page: it proves that somebody woke, and not who.
func delivered(m *escalation.Message, s *Screen) (full, short piece) {
	now := s.Now
	switch {
	case !m.AcknowledgedAt.IsZero():
		return both(theme.OK, "ended by the ack "+took(m.AcknowledgedAt.Sub(m.QueuedAt)), "ended")
	case resolvedThere(m, s):
		return both(theme.OK, "ended by the resolve", "ended")
	case m.State == escalation.Accepted && m.Murky:
		return both(theme.OK, "accepted "+took(m.AcceptedAt.Sub(m.QueuedAt))+", after doubt", "accepted")
	case m.State == escalation.Accepted:
		return both(theme.OK, "accepted "+took(m.AcceptedAt.Sub(m.QueuedAt)), "accepted")
	}
	style := theme.Dim
	switch m.State {
	case escalation.Failed:
		style = theme.Crit
	case escalation.Pending, escalation.Sending, escalation.Ambiguous:
		style = theme.Warn
	}
	text := string(m.State)
	if m.Attempts > 1 {
		text += fmt.Sprintf(", try %d", m.Attempts)
	}
	if left := m.NotBefore.Sub(now); m.Open() && left > 0 {
		text += ", again in " + Until(left)
	}
	return both(style, text, string(m.State))
}

// resolvedThere says that the sink of a page has taken that it is over.
func resolvedThere(m *escalation.Message, s *Screen) bool {
	if m.Operation != escalation.OpTrigger || m.State != escalation.Accepted || m.DedupKey == "" {
		return false
	}
	return slices.ContainsFunc(s.World.Delivery.Messages, func(o escalation.Message) bool {
		return o.Operation == escalation.OpResolve && o.DedupKey == m.DedupKey && o.Sink == m.Sink && o.State == escalation.Accepted
	})
}

func both(style theme.Style, full, short string) (piece, piece) {
	return piece{safe.New(full, 60), style}, piece{safe.New(short, 20), style}
}

// calls are the messages that told a rung of its newest round, in the order of
// their sinks: pages and posts, not what ends them. The post that opens the
// incident's thread belongs to no rung; it stands with the lowest.
func calls(messages []escalation.Message, id incident.ID, level incident.Level, lowest bool) []*escalation.Message {
	var out []*escalation.Message
	for i := range messages {
		m := &messages[i]
		if m.Incident != id || m.Operation != escalation.OpTrigger && m.Operation != escalation.OpPost {
			continue
		}
		if opens := lowest && m.Level == "" && m.Content().Headline; m.Level != level && !opens {
			continue
		}
		at := slices.IndexFunc(out, func(o *escalation.Message) bool { return o.Sink == m.Sink })
		switch {
		case at < 0:
			out = append(out, m)
		case m.Round > out[at].Round || m.Round == out[at].Round && m.Seq > out[at].Seq:
			out[at] = m
		}
	}
	slices.SortStableFunc(out, func(a, b *escalation.Message) int { return strings.Compare(a.Sink, b.Sink) })
	return out
}

// pageSection is the ledger of everything that was to be told to somebody: the
// selected incident's, or all of it, newest first.
func pageSection(s *Screen, f *filter) section {
	var list []*escalation.Message
	open, aside := 0, 0
	for i := range s.World.Delivery.Messages {
		m := &s.World.Delivery.Messages[i]
		if (s.Incident == "" || m.Incident == s.Incident) && f.text(pageText(m)) {
			if f.empty() && tidies(m) {
				aside++
				continue
			}
			list = append(list, m)
			if m.Open() {
				open++
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *escalation.Message) int { return cmp.Compare(b.Seq, a.Seq) })
	title := safe.Sprintf("pages  %d", len(list))
	if s.Incident != "" {
		title = safe.Sprintf("pages of %s  %d", s.Incident, len(list))
	}
	if aside > 0 {
		title = safe.Sprintf("%s, and %s (%s finds them)", title, plural(aside, "chat chore"), s.Keys.Label(keys.Filter))
	}
	return section{
		name: "pages", title: title, note: pageNote(s, open),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].ID },
			draw: func(f *frame.Frame, i int) { drawPage(f, list[i], s, s.World.Diverted[list[i].ID]) },
			open: func(i int, s *Screen) Effect { return readPage(list[i], s) },
			none: f.without(safe.Const("nobody was told anything")), newest: true,
		},
	}
}

// tidies says that a message has only kept a chat tidy, and has done it: it is
// seen with a filter.
func tidies(m *escalation.Message) bool {
	keeps := m.Beside() || m.Operation == escalation.OpUpdate || m.Operation == escalation.OpSweep
	return keeps && (m.State == escalation.Accepted || m.State == escalation.Superseded)
}

// pageNote is whether what is queued goes out.
func pageNote(s *Screen, open int) piece {
	d := s.World.Delivery
	switch {
	case d.Nobody() && open > 0:
		return piece{safe.Sprintf("%d wait: nobody runs the ladder (sitrep daemon)", open), theme.Danger}
	case d.Nobody():
		return piece{safe.Const("nobody runs the ladder (sitrep daemon)"), theme.Danger}
	case len(downSinks(s)) > 0:
		return piece{safe.New(strings.Join(downSinks(s), " · "), 60), theme.Crit}
	case open > 0:
		return piece{safe.Sprintf("%d on the way", open), theme.Warn}
	case d.Mine:
		return piece{safe.Const("sent by this process"), theme.Dim}
	}
	return piece{safe.Sprintf("sent by %s", safe.New(d.Holder, 40)), theme.Dim}
}

// downSinks are the ways out that are left alone, and until when.
func downSinks(s *Screen) []string {
	var out []string
	for _, sink := range s.World.Delivery.Sinks {
		if sink.State != escalation.SinkDown {
			continue
		}
		text := brand(sink.Name) + " down"
		if left := sink.Until.Sub(s.Now); left > 0 {
			text += ", next try in " + Until(left)
		}
		out = append(out, text)
	}
	return out
}

// pageText is what a filter looks for in a message.
func pageText(m *escalation.Message) string {
	return strings.Join([]string{string(m.Incident), m.Sink, string(m.Operation), string(m.Level), string(m.State), m.Error}, " ")
}

func drawPage(f *frame.Frame, m *escalation.Message, s *Screen, diverted bool) {
	p := pen{f: f}
	p.left(stampWidth, theme.Dim, safe.New(stamp(m.QueuedAt, s.Now, s.Zone), stampWidth))
	if s.Incident == "" {
		p.left(8, theme.Dim, safe.New(string(m.Incident), 8))
	}
	if drill(s, m.Incident) {
		p.left(5, theme.Accent, safe.Const("DRILL"))
	}
	p.left(2, theme.Plain, safe.New(string(m.Level), 2))
	p.left(7, theme.Dim, operationWord(m.Operation))
	p.left(max(min(19, max(p.room()/2, 8)), min(p.room()/3, 26)), theme.Plain, sinkName(m, s))
	end, word := delivered(m, s)
	if end.text.Width() > p.room() {
		end = word
	}
	p.flow(end.style, end.text)
	if diverted && m.AcknowledgedAt.IsZero() {
		p.x++
		other := divertedWords(m, s, p.room()-1)
		p.flow(other.style, other.text)
	}
	if m.Error != "" && m.State != escalation.Accepted {
		p.x++
		p.flow(theme.Dim, safe.New(m.Error, safe.Line))
	}
}

// divertedWords says whether anybody was told in the place of a page, as fully as
// there is room for.
func divertedWords(m *escalation.Message, s *Screen, room int) piece {
	in := insteadOf(m, s)
	out := in.words(m, s, true)
	if out.text.Width() > room {
		out = in.words(m, s, false)
	}
	return out
}

func (in instead) words(m *escalation.Message, s *Screen, full bool) piece {
	switch {
	case len(in.told) > 0:
		return piece{safe.Sprintf("told %s", names(in.told, full, s)), theme.Accent}
	case m.State == escalation.Accepted || m.State == escalation.Superseded:
		return piece{}
	case len(in.waits) > 0:
		return piece{safe.Sprintf("goes to %s", names(in.waits, full, s)), theme.Warn}
	case len(in.failing) == 0:
		return piece{safe.Const("NOBODY TOLD"), theme.Danger}
	}
	fail := "fails"
	if len(in.failing) > 1 {
		fail = "fail"
	}
	return piece{safe.Sprintf("NOBODY TOLD: %s %s too", names(in.failing, full, s), fail), theme.Danger}
}

// operationWord is what a message asks for, in the words of the views.
func operationWord(o escalation.Operation) safe.Text {
	switch o {
	case escalation.OpTrigger:
		return safe.Const("page")
	case escalation.OpAcknowledge:
		return safe.Const("ack")
	case escalation.OpAnnounce:
		return safe.Const("inform")
	case escalation.OpSchedule:
		return safe.Const("alarm")
	case escalation.OpUnschedule:
		return safe.Const("unalarm")
	case escalation.OpNote:
		return safe.Const("note")
	case escalation.OpBookmark:
		return safe.Const("link")
	}
	return safe.New(string(o), 7)
}

// sinkName is "PagerDuty primary".
func sinkName(m *escalation.Message, s *Screen) safe.Text {
	return safe.New(sinkCalled(m.Sink, s), 60)
}

// readPage is all that is known of a message.
func readPage(m *escalation.Message, s *Screen) Effect {
	var p page
	at := func(label string, t time.Time) {
		if !t.IsZero() {
			p.labelled(label, t.In(s.Zone).Format("2006-01-02 15:04:05.000 MST")+", "+Ago(s.Now.Sub(t))+" ago")
		}
	}
	state, _ := delivered(m, s)
	p.labelled("state", state.text.String())
	p.labelled("error", m.Error)
	p.labelled("to", m.Sink)
	p.labelled("asks to", string(m.Operation))
	p.labelled("incident", string(m.Incident))
	if m.Level != "" {
		p.labelled("rung", fmt.Sprintf("%s, round %d", m.Level, m.Round))
	}
	at("queued", m.QueuedAt)
	at("first try", m.FirstTryAt)
	at("last try", m.LastTryAt)
	way := escalation.Deliveries([]escalation.Message{*m}, s.World.Events[m.Incident])[0]
	at("in doubt", way.AmbiguousAt)
	at("reconciled", way.ReconciledAt)
	at("diverted", way.DivertedAt)
	at("accepted", m.AcceptedAt)
	at("acked", m.AcknowledgedAt)
	if d, ok := way.Took(); ok {
		p.labelled("took", took(d)+" from queued to accepted")
	}
	if d, ok := way.Answered(); ok {
		p.labelled("answered", took(d)+" after that the incident was acknowledged")
	}
	if left := m.NotBefore.Sub(s.Now); m.Open() && left > 0 {
		p.labelled("next try", "in "+Until(left))
	}
	p.labelled("attempts", fmt.Sprint(m.Attempts))
	p.labelled("key", m.DedupKey)
	p.labelled("its name", m.Ref)
	if m.Murky {
		p.labelled("beware", "an attempt once ended without anybody knowing whether it counted")
	}
	if c := m.Content(); c.Text != "" {
		p.heading("text")
		p.text(c.Text)
	}
	if data := pretty(m.Payload); data != "" {
		p.heading("content")
		p.text(data)
	}
	return p.reading(strings.TrimSpace(string(m.Level) + " " + sinkName(m, s).String()))
}
