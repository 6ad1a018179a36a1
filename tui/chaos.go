package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// pickChaos lists the experiments: a letter arms one, enter shows its plan. What the
// rules say of each is asked now, and comes in while the list is open.
func (m *model) pickChaos() tea.Cmd {
	if len(m.world.Chaos.Experiments)+len(m.world.Chaos.Broken) == 0 {
		m.inform("no experiment is configured (experiments: in sitrep.yaml)")
		return nil
	}
	opened := m.now
	help, rows := m.chaosChoices(opened)
	p := dialog.NewPicker(safe.Const("Chaos"), help, m.keys, rows, "").Careful(m.now)
	m.ask(p, "", func(name string) tea.Cmd {
		if b, is := m.broken(name); is {
			m.complain("%s cannot be started: %s", b.Name, b.Error)
			return nil
		}
		if !p.ByLetter() {
			return m.showPlan(name)
		}
		if j, known := m.judged(name, opened); known && j.Refused != "" {
			m.refuse("%s: %s", name, j.Refused)
			return nil
		}
		return m.start(pane.StartChaos{Name: name}, byKey)
	})
	judge := func() tea.Cmd {
		var names []string
		for _, x := range m.world.Chaos.Experiments {
			names = append(names, x.Name)
		}
		return m.do(pane.JudgeChaos{Names: names})
	}
	obstacles, known := m.obstacles(), len(m.world.Chaos.Experiments)
	m.asked.fresh = func() (ask tea.Cmd) {
		if now, n := m.obstacles(), len(m.world.Chaos.Experiments); now != obstacles || n != known {
			obstacles, known, opened = now, n, m.now
			ask = judge()
		}
		help, rows := m.chaosChoices(opened)
		p.Say(help, m.keys, rows)
		return ask
	}
	return judge()
}

// obstacles is what the rules look at and this screen sees too: once it is another, what
// they said is asked anew.
func (m *model) obstacles() string {
	var b strings.Builder
	if h := m.world.Chaos.Halt; h != nil {
		fmt.Fprintln(&b, "halt", h.Since)
	}
	for _, r := range m.world.Chaos.Runs {
		if r.Outcome == nil {
			fmt.Fprintln(&b, r.Run, r.ID)
		}
	}
	if r, on := m.world.Gamedays.Present(); on {
		fmt.Fprintln(&b, r.Run)
	}
	for _, inc := range open(m.world) {
		fmt.Fprintln(&b, inc.ID, inc.Severity)
	}
	return b.String()
}

// brokenValue begins the value of a row that is no experiment: it may be called as one
// is.
const brokenValue = "broken "

// broken is the file behind such a row.
func (m *model) broken(value string) (pane.BrokenExperiment, bool) {
	name, is := strings.CutPrefix(value, brokenValue)
	i := slices.IndexFunc(m.world.Chaos.Broken, func(b pane.BrokenExperiment) bool { return is && b.Name == name })
	if i < 0 {
		return pane.BrokenExperiment{}, false
	}
	return m.world.Chaos.Broken[i], true
}

// judged is what the rules said of an experiment since then.
func (m *model) judged(name string, since time.Time) (pane.Judged, bool) {
	j, known := m.world.Chaos.Judged[name]
	return j, known && !j.At.Before(since)
}

// chaosChoices are the rows of the picker, and the line below them.
func (m *model) chaosChoices(opened time.Time) (help safe.Text, rows []dialog.Choice) {
	asking, columns := 0, m.chaosColumns()
	var refused []string // the rules of those that are
	unasked := false     // of one it is not known: its targets or its guards did not answer
	for _, x := range m.world.Chaos.Experiments {
		j, known := m.judged(x.Name, opened)
		switch {
		case !known:
			asking++
		case j.Refused != "":
			refused = append(refused, ruleOf(j.Refused))
			unasked = unasked || !strings.HasPrefix(j.Refused, "refused ")
		}
		row := dialog.Choice{
			Value: x.Name, Text: m.chaosRow(x, j, columns),
			Key:  strings.ToLower(x.Pin),
			Note: safe.New(fmt.Sprintf("%s on %s for %s, %s", pane.Faults(x), pane.Victims(x), span(x.Length()), pane.Aborts(x)), safe.Line),
			Warn: safe.New(j.Refused, safe.Line),
		}
		rows = append(rows, row)
	}
	for _, b := range m.world.Chaos.Broken {
		rows = append(rows, dialog.Choice{Value: brokenValue + b.Name, Text: safe.Sprintf("%s  broken", padded(safe.New(b.Name, safe.Line), columns.name)), Warn: safe.New(b.Error, safe.Line)})
	}
	what := safe.Const("it")
	if len(refused) > 0 {
		what = safe.Const("one that is not refused")
	}
	help = safe.Sprintf("%s; enter shows the plan", m.armHelp(what))
	none := len(refused) == len(m.world.Chaos.Experiments)
	switch {
	case m.readOnly():
		help = m.armHelp(what)
	case len(rows) > 0 && len(m.world.Chaos.Experiments) == 0:
		help = safe.Const("none can be started: no file of the configuration is an experiment; enter says why")
	case none && unasked:
		refused = slices.DeleteFunc(distinct(refused), func(rule string) bool { return rule == unanswered })
		why := safe.Const("the rules cannot be asked")
		if len(refused) > 0 {
			why = safe.Sprintf("%s; of some the rules cannot be asked", listed(refused))
		}
		help = safe.Sprintf("none can be started now: %s; enter says why", why)
	case none:
		help = safe.Sprintf("none can be started now: %s; enter shows the plan", listed(distinct(refused)))
	case asking > 0:
		help = safe.Sprintf("Asking the rules about %d of them; %s", asking, help)
	case m.o.Prod:
		help = safe.Sprintf("%s is prod: its name and percentage have to be typed; enter shows the plan", m.o.Context)
	}
	return help, rows
}

// chaosColumns are the widths of the columns of the picker: as wide as they have to be,
// and so that the last one, which says why not, is whole where the screen is narrow.
type chaosColumns struct{ name, faults, length, end int }

func (m *model) chaosColumns() chaosColumns {
	const (
		frames = 4 + 3 // of the dialog, and the letter
		gaps   = 4 * 2
		pin    = 2
		least  = len("R7 limited-already") // a rule
		most   = 110                       // of a picker
	)
	var c chaosColumns
	for _, x := range m.world.Chaos.Experiments {
		c.name = max(c.name, safe.New(x.Name, safe.Line).Width())
		c.faults = max(c.faults, faultsOf(x).Width())
		c.length = max(c.length, len(span(x.Length())))
	}
	for _, b := range m.world.Chaos.Broken {
		c.name = max(c.name, safe.New(b.Name, safe.Line).Width())
	}
	room := min(m.layout().body.W-frames, most) - gaps - pin - c.length
	c.name = min(c.name, max((room-least)*3/5, 8))
	c.faults = min(c.faults, max(room-least-c.name, 8))
	c.end = max(room-c.name-c.faults, least)
	return c
}

// chaosRow is an experiment in columns: what it does, how long, its key, and how it
// went last or why it would be refused.
func (m *model) chaosRow(x chaos.Experiment, j pane.Judged, c chaosColumns) safe.Text {
	end := m.lastVerdict(x.Name)
	switch {
	case m.goesOn(x.Name) != nil:
		end = safe.Sprintf("runs as %s", m.goesOn(x.Name).Run)
	case j.Refused != "":
		end = refusedBy(j.Refused, c.end)
	case j.Confirm != "":
		end = safe.Const("asks for its words")
	}
	return safe.Sprintf("%s  %s  %*s  %-2s  %s", padded(safe.New(x.Name, safe.Line), c.name), padded(faultsOf(x), c.faults), c.length, span(x.Length()), x.Pin, end.Fit(c.end))
}

// faultsOf is the first fault of an experiment, and how many others there are.
func faultsOf(x chaos.Experiment) safe.Text {
	kinds := strings.Split(pane.Faults(x), ", then ")
	if len(kinds) == 1 {
		return safe.New(kinds[0], 40)
	}
	return safe.Sprintf("%s +%d", safe.New(kinds[0], 40), len(kinds)-1)
}

// padded is a text in so many cells. What is too long is cut in the middle: names begin
// alike.
func padded(t safe.Text, width int) safe.Text {
	t = t.Middle(width)
	return safe.Concat(t, safe.New(strings.Repeat(" ", max(width-t.Width(), 0)), safe.Line))
}

// ruleOf is the rule of a refusal: "R4 incident".
func ruleOf(text string) string {
	if head, _, ok := strings.Cut(text, ":"); ok && strings.HasPrefix(head, "refused ") {
		return strings.TrimPrefix(head, "refused ")
	}
	return unanswered
}

// unanswered stands for the rule of what could not be judged.
const unanswered = "cannot be asked"

// refusedBy is a refusal in so many cells: "refused R4 incident", or its rule alone.
func refusedBy(text string, width int) safe.Text {
	rule := safe.New(ruleOf(text), 40)
	full := safe.Sprintf("refused %s", rule)
	if !strings.HasPrefix(text, "refused ") || full.Width() > width {
		return rule
	}
	return full
}

// goesOn is the run of an experiment that is not over; nil without one.
func (m *model) goesOn(name string) *pane.ChaosRun {
	for i := range m.world.Chaos.Runs {
		if r := &m.world.Chaos.Runs[i]; r.Experiment == name && r.Outcome == nil {
			return r
		}
	}
	return nil
}

// lastVerdict is how an experiment went last, and when.
func (m *model) lastVerdict(name string) safe.Text {
	runs := m.world.Chaos.History(name)
	runs = slices.DeleteFunc(runs, func(p pane.ChaosPast) bool { return p.Outcome == nil })
	if len(runs) == 0 {
		return safe.Const("never run")
	}
	last := runs[len(runs)-1]
	words := strings.TrimSpace(strings.ReplaceAll(last.Verdict(), "_", " ") + " " + last.ScoreText())
	return safe.Sprintf("%s %s ago", safe.New(words, 20), pane.Ago(m.now.Sub(last.Ended)))
}

// production is why an experiment wants its words typed, as far as is known.
func (m *model) production(name string) string {
	if j := m.world.Chaos.Judged[name]; j.Confirm != "" {
		return j.Confirm
	}
	if m.o.Prod {
		return "context " + m.o.Context
	}
	return ""
}

// heedRules takes back what counts down and would be refused. Where only words are
// missing they are asked for, unless something else is being asked.
func (m *model) heedRules() {
	m.toasts.heed("rules\n" + m.obstacles())
	for _, c := range slices.Clone(m.counts.running) {
		o, is := c.errand.order.(pane.StartChaos)
		if !is {
			continue
		}
		j, known := m.judged(o.Name, c.due.Add(-c.errand.wait))
		if !known || j.Refused == "" && (j.Confirm == "" || o.Confirm != "") {
			continue
		}
		m.counts.take(c.number)
		if j.Refused != "" {
			m.refuse("%s is not started: %s", o.Name, j.Refused)
			continue
		}
		e, ok := m.errandFor(pane.StartChaos{Name: o.Name})
		switch {
		case !ok:
		case m.asked != nil:
			m.inform("%s is not started: %s; start it again to type its words", o.Name, j.Confirm)
		default:
			m.confirm(e)
		}
	}
}

// showPlan shows what a run would do now; it is asked, and comes in while the page is
// open.
func (m *model) showPlan(name string) tea.Cmd {
	i := slices.IndexFunc(m.world.Chaos.Experiments, func(x chaos.Experiment) bool { return x.Name == name })
	if i < 0 {
		m.complain("chaos %s: no such experiment is configured", name)
		return nil
	}
	x, opened, obstacles := m.world.Chaos.Experiments[i], m.now, m.obstacles()
	d := dialog.NewPlan(safe.Sprintf("Plan of %s", x.Name), m.now)
	judge := pane.JudgeChaos{Names: []string{name}}
	d.Say(m.planRows(x, opened))
	m.ask(d, "", func(answer string) tea.Cmd {
		if answer == dialog.PlanPast {
			m.showPast(name)
			return nil
		}
		return m.start(pane.StartChaos{Name: name}, byKey)
	})
	m.asked.fresh = func() (ask tea.Cmd) {
		if now := m.obstacles(); now != obstacles {
			obstacles, opened = now, m.now
			ask = m.do(judge)
		}
		d.Say(m.planRows(x, opened))
		return ask
	}
	return m.do(judge)
}

// planRows is the plan of an experiment, and what y does with it.
func (m *model) planRows(x chaos.Experiment, opened time.Time) (yes safe.Text, rows []dialog.Row) {
	j, known := m.judged(x.Name, opened)
	said := dialog.Row{Label: safe.Const("now"), Text: safe.Const("no rule refuses it"), Style: theme.OK}
	yes = safe.Sprintf("start in %d s", armTime/time.Second)
	switch {
	case !known:
		said.Text, said.Style, yes = safe.Const("asking the targets and the rules"), theme.Accent, safe.Text{}
	case j.Refused != "":
		said.Text, said.Style, yes = safe.New(j.Refused, safe.Line), theme.Crit, safe.Text{}
	case m.production(x.Name) != "":
		said.Text, said.Style = safe.Sprintf("production (%s): %q has to be typed", m.production(x.Name), x.ConfirmText()), theme.Warn
		yes = safe.Const("type its words")
	}
	if r := m.goesOn(x.Name); r != nil {
		yes = safe.Text{}
		rows = append(rows, m.liveRows(r)...)
		rows = append(rows, dialog.Row{})
	}
	if m.readOnly() {
		yes = safe.Text{}
		rows = append(rows, dialog.Row{Label: safe.Const("write"), Text: safe.New(pane.ReadOnlyText(m.o.Context), safe.Line), Style: theme.Warn})
	}
	rows = append(rows, said, dialog.Row{Label: safe.Const("last"), Text: m.lastVerdict(x.Name), Style: theme.Dim})
	if j.Plan == "" {
		rows = append(rows, dialog.Row{}, dialog.Row{Label: safe.Const("does"), Text: safe.Sprintf("%s on %s for %s, %s", pane.Faults(x), pane.Victims(x), span(x.Length()), pane.Aborts(x))})
	}
	return yes, append(rows, planText(j.Plan)...)
}

// planText is a plan in rows: its labels are twelve columns wide.
func planText(text string) []dialog.Row {
	var rows []dialog.Row
	const label = 12
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		one := dialog.Row{Text: safe.New(line, safe.Line)}
		if len(line) > label {
			one.Label, one.Text = safe.New(strings.TrimRight(line[:label], " ")+" ", label), safe.New(line[label:], safe.Line)
		}
		switch name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name {
		case "experiment":
			one.Style = theme.Bright
			rows = append(rows, dialog.Row{})
		case "step":
			one.Style = theme.Bright
		case "would":
			one.Style = theme.Crit
		case "confirm", "doubt":
			one.Style = theme.Warn
		}
		rows = append(rows, one)
	}
	return rows
}

// unconfirmed is the run that wants a person's word now.
func (m *model) unconfirmed() (pane.ChaosRun, bool) {
	for _, r := range m.world.Chaos.Runs {
		if r.Asks != "" && r.Outcome == nil && m.now.Before(r.AskedTill) {
			return r, true
		}
	}
	return pane.ChaosRun{}, false
}

// confirmRun says that whoever is here still sees what a run does.
func (m *model) confirmRun() tea.Cmd {
	r, ok := m.unconfirmed()
	if !ok {
		m.inform("no run asks whether you still see this")
		return nil
	}
	m.inform("%s: confirmed that you still see this", r.Run)
	return m.do(pane.ConfirmChaos{Run: r.Run})
}

// drawAsked is the banner of a run that is undone unless somebody says that they are
// still there. It is drawn above row lowest, and returns the lowest row that is left.
func (m *model) drawAsked(f *frame.Frame, lowest int) int {
	r, ok := m.unconfirmed()
	if !ok {
		return lowest
	}
	text := r.Asks
	if _, what, is := strings.Cut(text, "or it is undone: "); is { // the mark and the key say the rest, and more shortly
		text = "undone unless you still see this: " + what
	}
	left := int((r.AskedTill.Sub(m.now) + time.Second - 1) / time.Second)
	n := notice{
		mark: safe.Sprintf(" %s STILL HERE? %d s  ", safe.New(r.Run, 10), left), loud: theme.Tag(1),
		text: safe.New(text, safe.Line), style: theme.Danger, tail: safe.Sprintf("  %s I still see this ", m.keyFor(keys.ConfirmRun)),
	}
	lines := n.lines(f.Width(), 4)
	y := lowest - len(lines) + 1
	n.draw(f, y, lines)
	return y - 1
}
