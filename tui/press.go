package tui

import (
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// undoKey is the action whose key takes a countdown back.
const undoKey = keys.UndoCountdown

// The views, in the order of pane.Views.
const (
	nowView = iota
	boardView
	timelineView
	actionsView
	postmortemView
	statsView
	runbookView
	onCallView
	alertsView
	sloView
	scorecardView
)

// asked is an open dialog and what follows from its answer.
type asked struct {
	dialog.Dialog
	then   func(answer string) tea.Cmd
	live   func(answer string) // after every key; nil for none
	fresh  func() tea.Cmd      // after every new world, and every second; nil for none
	gaveUp func()              // nil for none
	memory string              // question under which the answer is kept; "" = it is not
	shows  pane.Order          // what became of this is shown in it; nil for none
}

// ask opens a dialog.
func (m *model) ask(d dialog.Dialog, memory string, then func(string) tea.Cmd) {
	m.asked = &asked{Dialog: d, then: then, memory: memory}
}

// how says by what an action was asked for. What was chosen by name ended with
// Enter, which is never enough for what reaches out.
type how bool

const (
	byKey  how = false
	byName how = true
)

// press is one key: first what holds everywhere, then the dialog that is open,
// else the view.
func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	key := k.String()
	switch m.keys.Action(keys.Always, key) {
	case keys.Abort:
		return m.abort()
	case keys.Interrupt:
		return m.interrupt()
	case keys.ConfirmRun:
		return m.confirmRun()
	}
	if m.asked != nil {
		return m.pressDialog(k)
	}
	if inc, ok := m.alarmed(); ok {
		return m.pressUnheard(inc, k)
	}
	b, ok := m.keys.Lookup(m.shown().Scope(), key)
	if !ok {
		return nil
	}
	return m.act(b.Action, byKey)
}

func (m *model) pressDialog(k tea.KeyPressMsg) tea.Cmd {
	d := m.asked
	action := m.keys.Action(d.Scope(), k.String())
	if (action == undoKey || action == keys.Cancel) && m.takeBack() {
		return m.freshen()
	}
	switch d.Press(dialog.Press{Key: k, Action: action, At: m.now}) {
	case dialog.Closed:
		m.asked = nil
		if d.gaveUp != nil {
			d.gaveUp()
		}
		return nil
	case dialog.Answered:
		m.asked = nil
		m.remember(d.memory, d.Answer())
		return d.then(d.Answer())
	}
	if d.live != nil {
		d.live(d.Answer())
	}
	return m.suggest()
}

// remember keeps an answer, so that it can be given again.
func (m *model) remember(question, answer string) {
	const most = 50
	if question == "" || strings.TrimSpace(answer) == "" {
		return
	}
	past := slices.DeleteFunc(m.answers[question], func(s string) bool { return s == answer })
	m.answers[question] = append(past[max(len(past)-most, 0):], answer)
}

// paste goes to what is typed into, and to nothing else: pasted keys act on nothing.
func (m *model) paste(text string) tea.Cmd {
	if m.asked == nil {
		return nil
	}
	m.asked.Paste(text)
	if m.asked.live != nil {
		m.asked.live(m.asked.Answer())
	}
	return m.suggest()
}

// abort ends and undoes everything. It never asks, and closes nothing.
func (m *model) abort() tea.Cmd {
	m.takeBackFaults()
	m.inform("ending and undoing all chaos and load")
	return m.do(pane.AbortAll{})
}

// interrupt quits when it is pressed twice.
func (m *model) interrupt() tea.Cmd {
	const twice = 2 * time.Second
	if !m.interruptedAt.IsZero() && m.now.Sub(m.interruptedAt) <= twice {
		return tea.Quit
	}
	m.interruptedAt = m.now
	m.inform("%s again quits", m.keyFor(keys.Interrupt))
	return nil
}

// act does what an action means, here.
func (m *model) act(a keys.Action, by how) tea.Cmd {
	if cmd, ok := m.actInbox(a, by); ok {
		return cmd
	}
	if m.place.at == boardView && a == keys.Open { // there it is about the crosshair
		return m.actView(a)
	}
	if cmd, ok := m.actGlobal(a, by); ok {
		return cmd
	}
	if a == keys.AskPromQL {
		return m.explore("")
	}
	if m.place.at == alertsView && (a == keys.Snooze || a == keys.Declare) { // there they are about the chosen alerts
		return m.actView(a)
	}
	if cmd, ok := m.actIncident(a, by); ok {
		return cmd
	}
	return m.actView(a)
}

// actView leaves an action to the view.
func (m *model) actView(a keys.Action) tea.Cmd {
	e := m.shown().Press(a, m.screen())
	if e.Handled {
		return m.apply(e)
	}
	switch a {
	case keys.Refresh:
		m.inform("asking again")
		return m.do(pane.RefreshNow{})
	case keys.Yank:
		m.yankMenu()
	case keys.Open:
		return m.openLink()
	case keys.EditDraft:
		return m.withIncident("edit the post-mortem of", func(id incident.ID) tea.Cmd { return m.do(pane.OpenDraft{ID: id}) })
	case keys.ExportDraft:
		return m.withIncident("export the post-mortem of", m.export)
	case keys.AddItem:
		return m.withIncident("add an action item to", func(id incident.ID) tea.Cmd { return m.askItem(id, "") })
	default:
		m.inform("%s does nothing here", m.keyFor(a))
	}
	return nil
}

func (m *model) actGlobal(a keys.Action, by how) (tea.Cmd, bool) {
	switch a {
	case keys.Help:
		m.help()
	case keys.Palette:
		m.palette()
	case keys.Filter:
		m.filter()
	case keys.Cancel:
		return m.cancel(), true
	case keys.Back:
		return m.back(), true
	case keys.ViewNow:
		return m.show(nowView), true
	case keys.ViewBoard:
		return m.show(boardView), true
	case keys.ViewTimeline:
		return m.show(timelineView), true
	case keys.ViewActions:
		return m.show(actionsView), true
	case keys.ViewPM:
		return m.show(postmortemView), true
	case keys.ViewOnCall:
		return m.show(onCallView), true
	case keys.ViewStats:
		return m.show(statsView), true
	case keys.ViewAlerts:
		return m.show(alertsView), true
	case keys.ViewSLO:
		return m.show(sloView), true
	case keys.ViewScorecard:
		return m.show(scorecardView), true
	case keys.LastView:
		return m.show(m.place.last), true
	case keys.PreviousInc:
		m.step(-1)
	case keys.NextInc:
		m.step(+1)
	case keys.JumpNewest:
		return m.jump(), true
	case keys.RefreshAll:
		m.inform("asking everything again")
		return m.do(pane.RefreshNow{}), true
	case keys.YankLink:
		return m.yankLink(), true
	case keys.Open:
		return m.openLink(), true
	case keys.ToggleMouse:
		m.toggleMouse()
	case keys.ToggleZone:
		m.toggleZone()
	case keys.CycleTheme:
		m.cycleTheme()
	case keys.Redraw:
		return tea.ClearScreen, true
	case keys.Abort: // by its name
		return m.abort(), true
	case keys.ConfirmRun:
		return m.confirmRun(), true
	case keys.AnswerGameday:
		m.askVote()
	case keys.Pinned1, keys.Pinned2, keys.Pinned3, keys.Pinned4, keys.Pinned5:
		return m.pinned(a, by), true
	default:
		return nil, false
	}
	return nil, true
}

// cancel takes back, dismisses, leaves or goes back: the nearest of them.
func (m *model) cancel() tea.Cmd {
	if m.takeBack() || m.toasts.dismiss() {
		return nil
	}
	e := m.shown().Press(keys.Cancel, m.screen())
	if cmd := m.apply(e); e.Handled {
		return cmd
	}
	if f := &m.place.filters[m.place.at]; *f != "" {
		*f = ""
		return nil
	}
	if m.putAway() {
		return nil
	}
	if m.place.back() {
		return m.fit()
	}
	if inc, ok := m.incident(); ok && inc.Status.Over() {
		m.place.release(m.world)
	}
	return nil
}

// back goes back, and at the root quits.
func (m *model) back() tea.Cmd {
	e := m.shown().Press(keys.Cancel, m.screen())
	if cmd := m.apply(e); e.Handled {
		return cmd
	}
	if m.place.back() {
		return m.fit()
	}
	return m.quit()
}

// quit leaves, unless somebody would miss this process.
func (m *model) quit() tea.Cmd {
	reasons := m.reasonsToStay()
	if len(reasons) == 0 {
		return tea.Quit
	}
	m.ask(dialog.NewConfirm(safe.Const("Quit"), safe.Const("quit all the same"), true, reasons...), "", func(string) tea.Cmd { return tea.Quit })
	return nil
}

// reasonsToStay are what would end with this process.
func (m *model) reasonsToStay() []safe.Text {
	var out []safe.Text
	if list := open(m.world); len(list) > 0 && (m.world.Delivery.Holder == "" || m.world.Delivery.Mine) {
		out = append(out, safe.Sprintf("%s is open and nobody else runs the ladder: no page would go out any more. Start `sitrep daemon` to leave it in good hands.", list[0].ID))
	}
	for _, c := range m.counts.running {
		out = append(out, safe.Sprintf("%s counts down and would not be sent.", c.errand.title))
	}
	for _, id := range slices.Sorted(maps.Keys(m.drafts)) {
		if strings.TrimSpace(strings.Join(m.drafts[id], "")) != "" {
			out = append(out, safe.Sprintf("An update on %s was typed and not sent: its words go with this screen.", id))
		}
	}
	if r, on := m.world.Gamedays.Present(); on {
		out = append(out, m.dayWhenLeft(r))
	}
	for _, r := range m.running() {
		out = append(out, r.whenLeft())
	}
	return out
}

// whenLeft is what becomes of a run when this screen is left: what it has started ends,
// and what others have goes on.
func (u underway) whenLeft() safe.Text {
	name := safe.New(u.name, 60)
	switch r := u.run; {
	case r == nil && u.others:
		return safe.Sprintf("%s was started by another process, and goes on.", name)
	case r == nil:
		return safe.Sprintf("%s was started here: it is ended, and kept as aborted.", name)
	case r.Left != "":
		return safe.Sprintf("%s is NOT UNDONE (%s), and stays so if no other sitrep runs here: sitrep chaos recover undoes it.", name, safe.New(r.Left, 60))
	case !r.Here() && r.Holder != "":
		return safe.Sprintf("%s was started by another process, and goes on (%s has it).", name, safe.New(r.Holder, 60))
	case !r.Here():
		return safe.Sprintf("%s was started by another process, and goes on.", name)
	case u.gone:
		return safe.Sprintf("%s was started here and is undone; nobody sees any more whether health returns.", name)
	}
	return safe.Sprintf("%s was started here: it is ended and undone, which this screen waits for.", name)
}

// filter narrows the focused list while it is typed.
func (m *model) filter() {
	f := &m.place.filters[m.place.at]
	m.ask(dialog.NewSearch(safe.Const("/ "), *f, m.answers["/"]), "/", func(answer string) tea.Cmd {
		*f = answer
		return nil
	})
	m.asked.live = func(answer string) { *f = answer }
	m.asked.gaveUp = func() { *f = "" }
}

func (m *model) toggleMouse() {
	m.mouse = !m.mouse
	if m.mouse {
		m.inform("the mouse works here; hold shift to select text")
		return
	}
	m.inform("the mouse is the terminal's again")
}

func (m *model) toggleZone() {
	if m.zone == time.UTC {
		m.zone = m.o.Zone
		m.inform("times are in %s", m.now.In(m.zone).Format("MST"))
		return
	}
	m.zone = time.UTC
	m.inform("times are in UTC")
}

// cycleTheme wears the next theme that can be read on this background.
func (m *model) cycleTheme() {
	o, unfit := m.theme.Options(), "dark"
	if o.Dark {
		unfit = "light"
	}
	names := slices.DeleteFunc(theme.Names(), func(name string) bool { return name == unfit })
	m.wear(names[(slices.Index(names, o.Name)+1)%len(names)])
}

// wear changes the theme.
func (m *model) wear(name string) {
	o := m.theme.Options()
	o.Name = name
	th, err := theme.New(o)
	if err != nil {
		m.complain("%v", err)
		return
	}
	m.theme = th
	m.picture.frame.SetTheme(th)
	m.inform("theme: %s", name)
}

// keyFor is the key of an action, as it is written on the screen.
func (m *model) keyFor(a keys.Action) string {
	if label := m.keys.Label(a); label != "" {
		return label
	}
	return string(a)
}

// click presses what is drawn there.
func (m *model) click(at tea.Mouse) tea.Cmd {
	action, ok := strings.CutPrefix(m.picture.frame.ZoneAt(at.X, at.Y), actionZone)
	if _, alarm := m.alarmed(); alarm || !ok || m.asked != nil || at.Button != tea.MouseLeft {
		return nil
	}
	return m.act(keys.Action(action), byName)
}

// wheel moves up and down.
func (m *model) wheel(at tea.Mouse) tea.Cmd {
	a := keys.Down
	if at.Button == tea.MouseWheelUp {
		a = keys.Up
	}
	if m.asked != nil {
		m.asked.Press(dialog.Press{Action: a, At: m.now})
		return nil
	}
	if _, alarm := m.alarmed(); alarm {
		return nil
	}
	return m.apply(m.shown().Press(a, m.screen()))
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
