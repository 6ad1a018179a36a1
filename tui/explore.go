package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// explore opens the line of PromQL, as it was left; expr, if any, takes its place and
// is asked at once.
func (m *model) explore(expr string) tea.Cmd {
	if m.exploring == nil {
		span, _ := pane.Shown(m.screen())
		m.exploring = dialog.NewExplore("", m.world.Asked, span, m.zone)
	}
	e := m.exploring
	e.Past(m.world.Asked)
	e.Zone, e.Of = m.zone, safe.Text{}
	if id := m.recordedOf(); id != "" {
		e.Of = safe.Sprintf("of what was recorded with %s, at %s", id, m.frozen.At.In(m.zone).Format("Jan 2 15:04:05 MST"))
	}
	m.openExplore()
	cmds := []tea.Cmd{m.do(pane.Warm{})}
	if expr = strings.TrimSpace(expr); expr != "" {
		e.Set(expr)
		if query.CheckExpr(expr) == nil {
			cmds = append(cmds, m.find())
		}
	}
	return tea.Batch(append(cmds, m.suggest())...)
}

// openExplore gives it the keyboard.
func (m *model) openExplore() {
	m.ask(m.exploring, "", m.explorerWants)
}

// explorerWants does what a key of the line asks for. The line stays open, or comes
// back after a question.
func (m *model) explorerWants(what string) tea.Cmd {
	m.openExplore()
	if (what == dialog.WantsParts || what == dialog.WantsToCarry) && strings.TrimSpace(m.exploring.Expr()) == "" {
		m.complain("the line is empty: there is nothing to take apart, copy or pin")
		return nil
	}
	switch what {
	case dialog.WantsAnswer:
		return m.find()
	case dialog.WantsParts:
		return m.do(pane.Explain{Turn: m.exploring.Explain(), Question: m.asking(), Incident: m.recordedOf()})
	case dialog.WantsRange:
		m.askSpan()
	case dialog.WantsToCarry:
		m.carry()
	}
	return nil
}

// asking is what the line asks, about now or about the end of the board's window.
func (m *model) asking() query.Question {
	e := m.exploring
	q := query.Question{Expr: strings.TrimSpace(e.Expr()), Columns: 2 * m.picture.width}
	if e.Form() == dialog.AsChart {
		q.Span = e.Span
	}
	if _, q.End = pane.Shown(m.screen()); m.frozen != nil {
		q.End = m.frozen.At
	}
	return q
}

// recordedOf is the incident whose recorded samples the line asks: that of the frozen
// board, if there are any; else "".
func (m *model) recordedOf() incident.ID {
	if m.frozen == nil || m.frozen.Recorded == nil {
		return ""
	}
	return m.frozen.Incident
}

func (m *model) find() tea.Cmd {
	turn := m.exploring.Ask()
	return m.do(pane.Find{Turn: turn, Question: m.asking(), Incident: m.recordedOf()})
}

// exploreShown says that the line has the keyboard.
func (m *model) exploreShown() bool {
	return m.asked != nil && m.exploring != nil && m.asked.Dialog == dialog.Dialog(m.exploring)
}

// suggest asks what may be written where the cursor stands, after every key.
func (m *model) suggest() tea.Cmd {
	if !m.exploreShown() {
		return nil
	}
	if at := m.exploring.Spot(); at.Want != query.WantNothing {
		return m.do(pane.Suggest{At: at, Incident: m.recordedOf()})
	}
	return nil
}

// explored takes what the line has asked for; true if that is what came.
func (m *model) explored(d doneMsg) bool {
	e := m.exploring
	switch o := d.order.(type) {
	case pane.Warm:
		return true // what fails is said where a word is wanted
	case pane.Suggest:
		if e != nil {
			e.Suggest(o.At, d.receipt.Words, d.err)
		}
	case pane.Find:
		if e != nil {
			e.Tell(o.Turn, d.receipt.Found, d.err)
		}
	case pane.Explain:
		if e != nil {
			e.TellParts(o.Turn, d.receipt.Parts, d.err)
		}
	default:
		return false
	}
	return true
}

// askSpan asks how long a stretch the chart shows.
func (m *model) askSpan() {
	var rows []dialog.Choice
	for _, d := range []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		text := strictyaml.FormatDuration(d)
		rows = append(rows, dialog.Choice{Value: text, Text: safe.Sprintf("the last %s", text)})
	}
	m.ask(dialog.NewPicker(safe.Const("Range"), safe.Text{}, m.keys, rows, strictyaml.FormatDuration(m.exploring.Span)), "", func(answer string) tea.Cmd {
		m.openExplore()
		if d, err := strictyaml.ParseDuration(answer); err == nil {
			m.exploring.Span = d
		}
		if m.exploring.Form() == dialog.AsChart && query.CheckExpr(m.exploring.Expr()) == nil {
			return m.find()
		}
		return nil
	})
	m.asked.gaveUp = m.openExplore
}

// carry offers the ways in which a question leaves the line.
func (m *model) carry() {
	e := m.exploring
	q := m.asking()
	rows := []dialog.Choice{
		{Value: "promql", Text: safe.Const("copy as PromQL"), Letter: 'p'},
		{Value: "url", Text: safe.Const("copy the link to Prometheus' page"), Letter: 'l'},
		{Value: "csv", Text: safe.Const("copy the answer as CSV"), Letter: 'c'},
		{Value: "open", Text: safe.Const("open it on Prometheus' page"), Letter: 'o'},
		{Value: "pin", Text: safe.Const("pin to the board"), Letter: 'b'},
	}
	m.ask(dialog.NewPicker(safe.New(q.Expr, 80), safe.Text{}, m.keys, rows, ""), "", func(what string) tea.Cmd {
		m.openExplore()
		switch what {
		case "promql":
			return m.copy(q.Expr)
		case "url", "open":
			link, err := m.pageOf(q)
			if err != "" {
				m.complain("%s", err)
				return nil
			}
			if what == "open" {
				return m.visit(link)
			}
			return m.copy(link)
		case "csv":
			return m.copyFound(e.Found())
		}
		m.askPin(q.Expr)
		return nil
	})
	m.asked.gaveUp = m.openExplore
}

// pageOf is the page of the server that shows a question.
func (m *model) pageOf(q query.Question) (link, why string) {
	if m.world.Server == "" {
		return "", "there is no address of a Prometheus (prometheus.url in the configuration)"
	}
	return query.PageURL(m.world.Server, q.Expr, q.Span, q.End), ""
}

func (m *model) copyFound(found *query.Findings) tea.Cmd {
	if found == nil {
		m.inform("nothing was asked yet")
		return nil
	}
	var b strings.Builder
	if err := found.WriteCSV(&b); err != nil {
		m.complain("%v", err)
		return nil
	}
	return m.copy(b.String())
}

// askPin asks what the panel is called.
func (m *model) askPin(expr string) {
	m.ask(dialog.NewPrompt(safe.Const("Pin to the board as"), safe.Const("the title of the panel; it stays for this session, and longer where explore.board names a file"), "", nil), "", func(title string) tea.Cmd {
		m.openExplore()
		if title = strings.TrimSpace(title); title == "" {
			title = expr
		}
		return m.do(pane.Pin{Title: title, Expr: expr})
	})
	m.asked.gaveUp = m.openExplore
}

// runSnapshot keeps the board with the selected incident.
func (m *model) runSnapshot(why string) tea.Cmd {
	return m.apply(pane.KeepNow(m.screen(), why))
}
