package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// errand is an order that reaches people or targets, with what a person has to
// know before it goes out.
type errand struct {
	order pane.Order
	title string   // "escalate INC-3": the countdown and its end call it that
	brief string   // one line for the countdown: what happens to whom
	says  []string // the sentences of the question, the first of which says it all
	yes   string   // what y does
	wait  time.Duration
	fault bool   // it starts chaos or load
	name  string // has to be typed; "" = y is enough
}

// outward says whether an order is felt outside of this host. It is the gate:
// whatever is outward leaves only through a countdown, but for the one
// acknowledgement that is given by key.
func outward(o pane.Order) bool {
	switch o.(type) {
	case pane.JudgeChaos, pane.JudgeGameday, pane.ConfirmChaos: // what the latter leaves in place was started through here
		return false
	case pane.TickStep, pane.UntickStep, pane.Attach, pane.AskStep, pane.LookInto, pane.MarkAlerts, pane.Elevate, pane.Sign:
		return false
	case pane.Suggest, pane.Warm, pane.Find, pane.Explain, pane.Pin, pane.FindLinks, pane.KeepBoard, pane.ExportPanel:
		return false
	case pane.Note, pane.AddItem, pane.CloseItem, pane.AbortAll, pane.MakeDraft, pane.OpenDraft, pane.SaveDraft, pane.ExportDraft, pane.OpenFrozen, pane.Window, pane.RefreshNow, pane.ShowBoard, pane.AskPanels, pane.SetValues, pane.CompareWith:
		return false
	}
	return true
}

// request does what is local, and asks about what reaches out.
func (m *model) request(o pane.Order) tea.Cmd {
	if look, is := o.(pane.LookInto); is {
		return m.lookInto(look)
	}
	if !m.mayWrite(o) {
		return nil
	}
	if !outward(o) {
		return m.do(o)
	}
	e, ok := m.errandFor(o)
	if !ok {
		return nil // what is wrong with it has been said
	}
	m.confirm(e)
	return nil
}

// confirm asks before the countdown: by y, or by the name of the target.
func (m *model) confirm(e errand) {
	if m.counts.of(e.order) {
		m.inform("%s counts down already; %s takes it back", e.title, m.keyFor(undoKey))
		return
	}
	title, yes := safe.New(capital(e.title), safe.Line), safe.New(e.yes, safe.Line)
	lines := make([]safe.Text, len(e.says))
	for i, s := range e.says {
		lines[i] = safe.New(s, safe.Line)
	}
	then := func(answer string) tea.Cmd {
		if o, resolves := e.order.(pane.Resolve); resolves && answer == dialog.Otherwise {
			m.pickCheck(o)
			return nil
		}
		cmd := m.countDown(e)
		if o, checks := e.order.(pane.Verify); checks {
			m.followCheck(o)
		}
		return cmd
	}
	if e.name != "" {
		m.ask(dialog.NewTyped(title, yes, e.name, lines...), "", then)
		return
	}
	d := dialog.NewConfirm(title, yes, e.fault, lines...)
	if o, resolves := e.order.(pane.Resolve); resolves && o.Anyway == "" && len(m.world.Load.Plans) > 0 {
		d.Or(safe.Const("verify by load first"))
	}
	m.ask(d, "", then)
}

// doneMsg is what became of an order.
type doneMsg struct {
	order   pane.Order
	receipt pane.Receipt
	err     error
}

// do has the operator carry an order out.
func (m *model) do(o pane.Order) tea.Cmd {
	ctx, operator := m.ctx, m.o.Operator
	return func() tea.Msg {
		r, err := operator.Do(ctx, o)
		return doneMsg{o, r, err}
	}
}

// done says what became of an order, and goes on where there is more to it.
func (m *model) done(d doneMsg) tea.Cmd {
	if look, is := d.order.(pane.LookInto); is {
		if d.err != nil {
			m.complain("%v", d.err)
		}
		return m.looked(look, d.receipt.Looked)
	}
	if m.explored(d) {
		return nil
	}
	if _, links := d.order.(pane.FindLinks); links && d.err != nil && len(m.links()) > 0 {
		return m.openLink() // the chart leads nowhere, the incident does
	}
	if check, is := d.order.(pane.Verify); is && d.err != nil && m.asked != nil && m.asked.shows == check {
		m.inform("%v", d.err) // why stands there until it is closed
		return nil
	}
	if d.err != nil {
		m.complain("%v", d.err)
		return nil
	}
	if d.receipt.Text != "" {
		if d.receipt.Outward {
			m.announce(d.receipt.Text)
		} else {
			m.inform("%s", d.receipt.Text)
		}
	}
	switch o := d.order.(type) {
	case pane.Declare:
		if inc, ok := m.incident(); ok && o.Drill && !inc.Drill && !inc.Status.Over() && !inc.Acknowledged() {
			m.inform("%s is real and not acked: it stays on the screen. The drill is %s: %s", inc.ID, d.receipt.Incident, m.drillKey())
			break
		}
		m.place.awaited = d.receipt.Incident
		m.place.settleOn(m.world)
	case pane.Update:
		if slices.Equal(trimmed(m.drafts[o.ID]), []string{o.Says.Conditions, o.Says.Actions, o.Says.Needs}) { // else there are newer words
			delete(m.drafts, o.ID)
		}
	case pane.Elevate:
		m.elevated(o)
	case pane.AddItem:
		delete(m.items, o.ID)
	case pane.MakeDraft:
		m.place.selected = o.ID
		return m.show(postmortemView)
	case pane.OpenDraft:
		return m.open(&editor{name: string(o.ID) + "-postmortem.md", path: d.receipt.Path, text: d.receipt.Document},
			func(text string) pane.Order { return pane.SaveDraft{ID: o.ID, Text: text} }, pane.LeaveDraft(o))
	case pane.OpenFrozen:
		m.frozen, m.place.selected = d.receipt.Frozen, o.Incident
		return m.show(boardView)
	case pane.FindLinks:
		return m.openOne(d.receipt.Links)
	case pane.ExportPanel:
		m.inform("written to %s", d.receipt.Path)
	case pane.ExportDraft:
		if d.receipt.Text == "" && d.receipt.Path != "" {
			m.inform("written to %s", d.receipt.Path)
		}
	}
	return nil
}

// apply does what a view asks for.
func (m *model) apply(e pane.Effect) tea.Cmd {
	var cmds []tea.Cmd
	if e.Thaw {
		m.frozen = nil
	}
	if e.Select != "" {
		m.place.selected = e.Select
	}
	if e.Toast != "" {
		m.inform("%s", e.Toast)
	}
	if e.Copy != "" {
		cmds = append(cmds, m.copy(e.Copy))
	}
	if e.Read != nil {
		m.read(e.Read)
	}
	if e.Ask != nil {
		m.question(e.Ask)
	}
	if e.Form != nil {
		m.form(e.Form)
	}
	if e.Pick != nil {
		m.pick(e.Pick)
	}
	if e.Plan != "" {
		cmds = append(cmds, m.showPlan(e.Plan))
	}
	if e.Day != "" {
		cmds = append(cmds, m.showDay(e.Day))
	}
	if e.Past != nil {
		m.showPast(*e.Past)
	}
	for _, o := range e.Orders {
		cmds = append(cmds, m.request(o))
	}
	if e.Act != "" {
		cmds = append(cmds, m.act(e.Act, byName))
	}
	return tea.Batch(cmds...)
}

// read shows a text, and what it has become while it is open.
func (m *model) read(r *pane.Reading) {
	d := dialog.NewReader(safe.New(r.Title, safe.Line), r.Lines).Hanging(r.Hang)
	m.ask(d, "", nothing)
	if r.Again == nil {
		return
	}
	m.asked.fresh = func() tea.Cmd {
		if now := r.Again(m.screen()); now != nil {
			d.Say(now.Lines).Hanging(now.Hang)
		}
		return nil
	}
}

// question puts a view's question.
func (m *model) question(a *pane.Ask) {
	title, help := safe.New(a.Title, safe.Line), safe.New(a.Help, safe.Line)
	then := func(answer string) tea.Cmd { return m.apply(a.Then(answer)) }
	if len(a.Choices) == 0 {
		m.ask(dialog.NewPrompt(title, help, a.Initial, m.answers[a.Title]), a.Title, then)
		return
	}
	choices := make([]dialog.Choice, len(a.Choices))
	for i, c := range a.Choices {
		choices[i] = dialog.Choice{Value: c.Value, Text: safe.New(c.Text, safe.Line), Letter: c.Letter}
	}
	m.ask(dialog.NewPicker(title, help, m.keys, choices, a.Initial), "", then)
}

// form puts a view's form. What was typed is kept until it has become an order, however
// the form is left.
func (m *model) form(q *pane.Form) {
	help := make([]safe.Text, len(q.Help))
	for i, line := range q.Help {
		help[i] = safe.New(line, safe.Line)
	}
	typed := m.forms[q.Title]
	fields := make([]dialog.Field, len(q.Fields))
	for i, f := range q.Fields {
		fields[i] = dialog.Field{Label: safe.New(f.Label, 40), Hint: safe.New(f.Hint, safe.Line), Initial: f.Initial}
		if i < len(typed) && f.Initial == "" {
			fields[i].Initial = typed[i]
		}
	}
	d := dialog.NewForm(safe.New(q.Title, safe.Line), help, fields...)
	m.ask(d, "", func(string) tea.Cmd {
		e := q.Then(d.Values())
		if len(e.Orders) > 0 {
			delete(m.forms, q.Title)
		}
		return m.apply(e)
	})
	keep := func() { m.forms[q.Title] = d.Values() }
	m.asked.live, m.asked.gaveUp = func(string) { keep() }, keep
}

// pick has one or several of many chosen.
func (m *model) pick(p *pane.Pick) {
	rows := make([]dialog.Option, len(p.Options))
	for i, c := range p.Options {
		rows[i] = dialog.Option{Value: c.Value, Text: safe.New(c.Text, safe.Line)}
	}
	d := dialog.NewOptions(safe.New(p.Title, safe.Line), rows, p.All, p.Chosen, p.Multi)
	m.ask(d, "", func(string) tea.Cmd { return m.apply(p.Then(d.Chosen())) })
}

func trimmed(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimSpace(s)
	}
	return out
}

func nothing(string) tea.Cmd { return nil }
