package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// dayPiece is the game day that goes on: which step of how many, how long that may take yet,
// and what is asked of whom. Whoever is asked is told so louder.
func (m *model) dayPiece() []piece {
	r, on := m.world.Gamedays.Present()
	if !on {
		return nil
	}
	run, n, all := safe.New(r.Run, 10), r.At(), len(r.Steps)
	step := r.Present()
	if step == nil {
		return []piece{say(11, theme.Accent, safe.Sprintf("%s step %d/%d", run, n, all), safe.Sprintf("%s %d/%d", run, n, all))}
	}
	id, left, key := safe.New(step.ID, 20), pane.Until(step.Left(m.now)), m.keyFor(keys.AnswerGameday)
	if !step.Asks {
		return []piece{say(11, theme.Accent,
			safe.Sprintf("%s step %d/%d %q, up to %s left, %s of the day", run, n, all, id, left, pane.Until(r.Left(m.now))),
			safe.Sprintf("%s %d/%d %q %s left", run, n, all, id, left), safe.Sprintf("%s %d/%d %s", run, n, all, left), run)}
	}
	style := theme.Accent
	if len(step.Of) == 0 || slices.Contains(step.Missing(), string(m.o.Actor)) {
		style = theme.Danger
	}
	return []piece{say(12, style,
		safe.Sprintf("%s step %d/%d %q ASKS: %s %s answers, %s left", run, n, all, id, safe.New(pane.Question(step), 60), key, left),
		safe.Sprintf("%s %d/%d %q ASKS: %s answers, %s left", run, n, all, id, key, left),
		safe.Sprintf("%s %d/%d ASKS: %s, %s", run, n, all, key, left), safe.Sprintf("%s ASKS: %s", run, key))}
}

// dayWhenLeft is what becomes of a game day when this screen is left.
func (m *model) dayWhenLeft(r gameday.Result) safe.Text {
	name := safe.Sprintf("%s %s", safe.New(r.Run, 12), safe.New(r.Day, 60))
	if m.world.Gamedays.Here == r.Run {
		return safe.Sprintf("%s was started here: it is ended and undone, and its drill resolved, which this screen waits for.", name)
	}
	return safe.Sprintf("%s was started by another process, and goes on.", name)
}

// preparedDay is a game day of the configuration.
func (m *model) preparedDay(name string) (pane.PreparedDay, bool) {
	i := slices.IndexFunc(m.world.Gamedays.Days, func(d pane.PreparedDay) bool { return d.Name == name })
	if i < 0 {
		return pane.PreparedDay{}, false
	}
	return m.world.Gamedays.Days[i], true
}

// judgedDay is what was said of a game day since then.
func (m *model) judgedDay(name string, since time.Time) (pane.Judged, bool) {
	j, known := m.world.Gamedays.Judged[name]
	return j, known && !j.At.Before(since)
}

// showDay shows what holding a game day would be now: its schedule, who is asked, what would
// be sent and hurt, and what says no. It is asked, and comes in while the page is open.
func (m *model) showDay(name string) tea.Cmd {
	d, known := m.preparedDay(name)
	if !known {
		m.complain("game day %s: none of that name is configured", name)
		return nil
	}
	opened, obstacles := m.now, m.obstacles()
	plan := dialog.NewPlan(safe.Sprintf("Game day %s", d.Name), m.now)
	plan.Say(m.dayRows(d, opened))
	m.ask(plan, "", func(answer string) tea.Cmd {
		if answer == dialog.PlanPast {
			return m.apply(pane.ReadDays(m.world.Gamedays.Runs, name, m.screen()))
		}
		return m.start(pane.StartGameday{Name: name}, byKey)
	})
	m.asked.fresh = func() (ask tea.Cmd) {
		if now := m.obstacles(); now != obstacles {
			obstacles, opened = now, m.now
			ask = m.do(pane.JudgeGameday{Name: name})
		}
		plan.Say(m.dayRows(d, opened))
		return ask
	}
	return m.do(pane.JudgeGameday{Name: name})
}

// dayRows are the rows of that page, and what y does.
func (m *model) dayRows(d pane.PreparedDay, opened time.Time) (yes safe.Text, rows []dialog.Row) {
	j, known := m.judgedDay(d.Name, opened)
	now := dialog.Row{Label: safe.Const("now"), Text: safe.Const("nothing refuses it"), Style: theme.OK}
	yes = safe.Sprintf("start in %d s", armTime/time.Second)
	switch r, on := m.world.Gamedays.Present(); {
	case on:
		yes = safe.Text{}
		now.Text, now.Style = safe.Sprintf("%s %s goes on, and there is one at a time; %s ends it", r.Run, r.Day, m.keyFor(keys.Abort)), theme.Accent
	case !known:
		yes, now.Text, now.Style = safe.Text{}, safe.Const("asking the rules and the guards of all its parts"), theme.Accent
	case j.Refused != "":
		yes, now.Text, now.Style = safe.Text{}, safe.Const("refused, nothing would be touched:"), theme.Crit
	case m.dayWords(j) != "":
		yes, now.Text, now.Style = safe.Const("type its words"), safe.Sprintf("production (%s): %q has to be typed", m.dayProduction(j), j.Words), theme.Warn
	}
	rows = append(rows, now)
	if known {
		for _, line := range strings.Split(j.Refused, "\n") {
			if line != "" {
				rows = append(rows, dialog.Row{Label: safe.Const(" "), Text: safe.New(line, safe.Line), Style: theme.Crit})
			}
		}
	}
	if m.readOnly() {
		yes = safe.Text{}
		rows = append(rows, dialog.Row{Label: safe.Const("write"), Text: safe.New(pane.ReadOnlyText(m.o.Context), safe.Line), Style: theme.Warn})
	}
	last := dialog.Row{Label: safe.Const("last"), Text: safe.Const("never held"), Style: theme.Dim}
	if r := pane.LastDay(m.world.Gamedays.Runs, d.Name); r != nil {
		last.Text = safe.New(fmt.Sprintf("%s %s ago: %s: %s", r.Run, pane.Ago(m.now.Sub(*r.EndedAt)), r.Verdict, r.Reason), safe.Line)
	}
	rows = append(rows, last, dialog.Row{})
	if j.Plan == "" {
		return yes, append(rows, dialog.Row{Label: safe.Const("does"), Text: safe.New(dayOf(d), safe.Line)})
	}
	return yes, append(rows, dayText(j.Plan)...)
}

// dayOf is a game day in a line.
func dayOf(d pane.PreparedDay) string {
	steps := fmt.Sprintf("%d %s", len(d.Steps), plural(len(d.Steps), "step"))
	return fmt.Sprintf("%s, at most %s, as a drill (%s) that is declared for it", steps, span(d.Most), d.Severity)
}

// dayText is a plan in rows: the schedule as it is laid out, what is sent and hurt beside its
// labels.
func dayText(text string) (rows []dialog.Row) {
	part := ""
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		head, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasSuffix(line, "; nothing was sent") || strings.HasSuffix(line, "; nothing was touched"):
			part = head
			rows = append(rows, dialog.Row{Text: safe.New(line, safe.Line), Style: theme.Bright})
		case part == "chaos" && line != "":
			for _, row := range planText(line) {
				if row.Text.Width()+row.Label.Width() > 0 {
					rows = append(rows, row)
				}
			}
		case part == "load" && strings.HasPrefix(line, "  "):
			label, rest, found := strings.Cut(strings.TrimSpace(line), "  ")
			if !found {
				label, rest = " ", label
			}
			rows = append(rows, dialog.Row{Label: safe.New(label, 11), Text: safe.New(strings.TrimSpace(rest), safe.Line)})
		default:
			row := dialog.Row{Text: safe.New(line, safe.Line)}
			if head == "FROM" || head == "doubt" {
				row.Style = map[string]theme.Style{"FROM": theme.Dim, "doubt": theme.Warn}[head]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// dayWords are what has to be typed to hold a day; empty: nothing has.
func (m *model) dayWords(j pane.Judged) string {
	if m.dayProduction(j) == "" {
		return ""
	}
	return j.Words
}

// dayProduction is why its words have to be typed.
func (m *model) dayProduction(j pane.Judged) string {
	if j.Confirm == "" && m.o.Prod {
		return "context " + m.o.Context
	}
	return j.Confirm
}

// startingGameday says what a day does, to whom, and what ends it. What would have to be
// typed is known once the parts were asked, so that comes first.
func (m *model) startingGameday(o pane.StartGameday) (errand, bool) {
	d, known := m.preparedDay(o.Name)
	if !known {
		m.complain("game day %s: none of that name is configured", o.Name)
		return errand{}, false
	}
	if r, on := m.world.Gamedays.Present(); on {
		m.inform("%s is not started: %s %s goes on, and there is one at a time; %s ends it", o.Name, r.Run, r.Day, m.keyFor(keys.Abort))
		return errand{}, false
	}
	j, asked := m.world.Gamedays.Judged[o.Name]
	switch {
	case !asked:
		m.inform("%s is not started: its plan was not asked for yet; enter on it in view %s shows it", o.Name, m.keyFor(keys.ViewActions))
		return errand{}, false
	case j.Refused != "":
		first, _, _ := strings.Cut(j.Refused, "\n")
		m.complain("%s: %s", o.Name, first)
		return errand{}, false
	}
	e := errand{
		order: pane.StartGameday{Name: d.Name}, fault: true, title: "start " + d.Name, yes: fmt.Sprintf("start in %d s", armTime/time.Second), wait: armTime,
		brief: fmt.Sprintf("game day %s: %s", d.Name, dayOf(d)),
		says: []string{
			fmt.Sprintf("Holds the game day %s: %s.", d.Name, dayOf(d)),
			fmt.Sprintf("Everything is ended and undone by %s, by resolving the drill, by a no, and when this screen ends.", m.keyFor(keys.Abort)),
		},
	}
	if d.Hypothesis != "" {
		e.says = append(e.says, "Expected: "+d.Hypothesis)
	}
	if words := m.dayWords(j); words != "" {
		e.order = pane.StartGameday{Name: d.Name, Confirm: words}
		e.name, e.wait = words, undoTime
		e.yes = fmt.Sprintf("start in production in %d s", e.wait/time.Second)
		e.says = append(e.says, "This is production: "+m.dayProduction(j)+".")
	}
	return e, true
}

// askVote asks for go or no-go to what a game day asks, with a note.
func (m *model) askVote() {
	r, step := m.world.Gamedays.Question()
	if step == nil {
		m.inform("no game day asks anything now")
		return
	}
	run, id := r.Run, step.ID
	form := dialog.NewForm(safe.Sprintf("%s asks: %s", r.Run, pane.Question(step)), m.voteHelp(run, id),
		dialog.Field{Label: safe.Const("Note"), Hint: safe.Const("why, or what you saw; it may stay empty")},
	).Outward(safe.Const("go"), safe.Const("Go lets the day go on, once everybody who is asked has said it; one no ends it and undoes everything."),
		safe.Sprintf("It stands on the timeline of %s as said by %s. After the key it can be taken back for %s.", r.Drill, m.o.Actor, span(undoTime)),
	).Either(safe.Const("no-go"))
	m.ask(form, "", func(string) tea.Cmd {
		o := pane.AnswerGameday{Run: run, Step: id, Go: !form.Refused(), Note: strings.TrimSpace(form.Values()[0])}
		e, ok := m.errandFor(o)
		if !ok {
			return nil
		}
		return m.countDown(e)
	})
	m.asked.fresh = func() tea.Cmd {
		form.Help(m.voteHelp(run, id))
		return nil
	}
}

// voteHelp is who is asked, what they have said, and for how long yet.
func (m *model) voteHelp(run, id string) []safe.Text {
	r, step := m.world.Gamedays.Question()
	if step == nil || r.Run != run || step.ID != id {
		return []safe.Text{safe.Sprintf("%s does not ask this any more", run)}
	}
	help := []safe.Text{
		safe.New(fmt.Sprintf("step %d of %d, %s: wants %s, within %s", r.At(), len(r.Steps), id, pane.Wanted(step), pane.Until(step.Left(m.now))), safe.Line),
	}
	for _, a := range step.Answers {
		help = append(help, safe.New(a.String(), safe.Line))
	}
	if len(step.Of) > 0 && !slices.Contains(step.Of, string(m.o.Actor)) {
		help = append(help, safe.Sprintf("%s is not asked: your go is recorded and does not count; your no does", m.o.Actor))
	}
	return help
}

// answering is an answer on its way.
func (m *model) answering(o pane.AnswerGameday) (errand, bool) {
	r, step := m.world.Gamedays.Question()
	if step == nil || r.Run != o.Run || step.ID != o.Step {
		m.inform("%s does not ask %s any more", o.Run, o.Step)
		return errand{}, false
	}
	e := errand{order: o, title: fmt.Sprintf("say no-go to %s", r.Run), yes: "no-go", wait: undoTime}
	says := fmt.Sprintf("no-go to %s: %s The day ends, and everything is undone", r.Run, pane.Question(step))
	if o.Go {
		e.title, e.yes = fmt.Sprintf("say go to %s", r.Run), "go"
		says = fmt.Sprintf("go to %s: %s", r.Run, pane.Question(step))
	}
	e.brief, e.says = says, []string{capital(says)}
	if o.Note != "" {
		e.brief += ": " + o.Note
	}
	return e, true
}
