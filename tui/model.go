package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// model is the screen: the world as it was last published, the person's place
// in it, and what stands open. Update is its only writer, View its only painter.
type model struct {
	ctx    context.Context // ends with the screen; orders and waits carry it
	o      Options
	full   func() bool // the terminal is behind: nothing new is drawn
	settle func()      // waits until the terminal has read everything

	now    time.Time // of this turn
	world  *pane.World
	views  []pane.View
	place  place
	frozen *pane.Frozen // the board of a moment in the past; nil = live
	told   incident.ID  // what LooksAt was told last
	shows  keys.Scope   // what Shows was told last
	keys   keys.Map
	theme  *theme.Theme
	zone   *time.Location
	mouse  bool

	asked     *asked                   // the dialog that has the keyboard
	looking   looking                  // the one that waits for what PagerDuty says about an incident
	exploring *dialog.Explore          // the line of PromQL, as it was left; nil before
	answers   map[string][]string      // earlier ones, by question, newest last
	drafts    map[incident.ID][]string // updates that were typed and not sent
	items     map[incident.ID][]string // action items, the same
	forms     map[string][]string      // other forms, by title, the same
	counts    countdowns
	toasts    toasts
	heard     heard
	fires     fires
	unheard   unheard
	ladders   ladders

	interruptedAt time.Time
	writeUntil    time.Time // in production: chaos, load and silences are allowed until then
	readTo        time.Time // problems that were told until then were put away
	touched       time.Time // when the person last did something here
	picture       picture
}

// picture is what was drawn last.
type picture struct {
	width, height int
	frame         *frame.Frame
	stale         bool
	view          tea.View
}

func newModel(ctx context.Context, o Options) *model {
	m := &model{
		ctx: ctx, o: o, full: func() bool { return false }, settle: func() {},
		now: o.Now(), world: o.Mailbox.World(), views: pane.Views(),
		keys: o.Keys, theme: o.Theme, zone: time.UTC,
		answers: map[string][]string{}, drafts: map[incident.ID][]string{}, items: map[incident.ID][]string{}, forms: map[string][]string{},
		picture: picture{frame: frame.New(0, 0, o.Theme), stale: true},
	}
	m.touched, m.writeUntil = m.now, o.WriteUntil
	m.place.filters = make([]string, len(m.views))
	m.heard.take(m.world)
	m.place.settleOn(m.world)
	return m
}

// What happens outside of Update comes in as one of these.
type (
	wakeMsg struct{} // the mailbox has another world
	tickMsg struct{} // a second of the clock has passed
)

// breath is how long the screen looks away after a new world: a storm of
// updates costs at most ten pictures a second.
const breath = 100 * time.Millisecond

// Init implements tea.Model.
func (m *model) Init() tea.Cmd {
	return tea.Batch(m.wait(0), m.tick(), m.synchronised())
}

// wait returns the next wake; there is never more than one on its way.
func (m *model) wait(pause time.Duration) tea.Cmd {
	rest := m.after(pause, wakeMsg{})
	return func() tea.Msg {
		if rest() == nil {
			return nil
		}
		select {
		case <-m.o.Mailbox.wake:
			return wakeMsg{}
		case <-m.ctx.Done():
			return nil
		}
	}
}

// tick returns at the next full second.
func (m *model) tick() tea.Cmd {
	return m.after(time.Second-time.Duration(m.now.Nanosecond()), tickMsg{})
}

// after returns msg when d has passed, or nothing once the screen has ended.
func (m *model) after(d time.Duration, msg tea.Msg) tea.Cmd {
	ctx := m.ctx
	return func() tea.Msg {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return msg
		case <-ctx.Done():
			return nil
		}
	}
}

// synchronised asks whether pictures can be shown whole. Bubble Tea asks by
// itself, but not over SSH, where it matters most.
func (m *model) synchronised() tea.Cmd {
	if m.o.getenv("SSH_TTY") == "" {
		return nil
	}
	return tea.Raw("\x1b[?2026$p")
}

// Update implements tea.Model. It decides and does no I/O.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := tea.Batch(m.update(msg), m.raise())
	m.toasts.arrived(m.place.selected)
	if m.o.LooksAt != nil && m.place.selected != m.told {
		m.told = m.place.selected
		m.o.LooksAt(m.told)
	}
	if scope := m.shown().Scope(); m.o.Shows != nil && scope != m.shows {
		m.shows = scope
		m.o.Shows(scope)
	}
	return m, cmd
}

func (m *model) update(msg tea.Msg) tea.Cmd {
	m.now = m.o.Now()
	m.picture.stale = true
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.picture.width, m.picture.height = msg.Width, msg.Height
		m.picture.frame.Resize(msg.Width, msg.Height)
		return m.fit()
	case tea.KeyPressMsg:
		m.touched = m.now
		return m.press(msg)
	case tea.PasteMsg:
		m.touched = m.now
		return m.paste(msg.Content)
	case tea.MouseClickMsg:
		m.touched = m.now
		return m.click(msg.Mouse())
	case tea.MouseWheelMsg:
		m.touched = m.now
		return m.wheel(msg.Mouse())
	case tickMsg:
		m.toasts.expire(m.now)
		m.lapse()
		m.lapsed()
		return tea.Batch(m.freshen(), m.follows(), m.tick())
	case wakeMsg:
		return tea.Batch(m.look(), m.wait(breath))
	case dueMsg:
		return m.due(msg)
	case doneMsg:
		return m.done(msg)
	case editedMsg:
		return m.edited(msg)
	case continuedMsg:
		return regain()
	case toastMsg:
		m.toasts.add(m.now, toast(msg))
		return nil
	}
	m.picture.stale = false
	return nil
}

// look takes the newest world.
func (m *model) look() tea.Cmd {
	m.world = m.o.Mailbox.World()
	m.place.settleOn(m.world)
	m.heedRules()
	return tea.Batch(m.freshen(), m.alarm(m.heard.take(m.world)), m.follows())
}

// freshen has a dialog follow what it shows.
func (m *model) freshen() tea.Cmd {
	if m.asked == nil || m.asked.fresh == nil {
		return nil
	}
	return m.asked.fresh()
}

// screen is what a view is given.
func (m *model) screen() *pane.Screen {
	return &pane.Screen{
		World: m.world, Now: m.now, Zone: m.zone, Incident: m.place.selected,
		Actor: m.o.Actor, Context: m.o.Context, Prod: m.o.Prod, ReadOnly: m.readOnly(), Keys: m.keys,
		Filter: m.place.filters[m.place.at], Frozen: m.frozen,
	}
}

// shown is the view on the screen.
func (m *model) shown() pane.View { return m.views[m.place.at] }

// fit tells the view on the screen how large it is.
func (m *model) fit() tea.Cmd {
	l := m.layout()
	if l.survival {
		return nil
	}
	return m.apply(m.shown().Resize(l.body.W, l.body.H, m.screen()))
}

// View implements tea.Model. It runs after every message; only a stale picture
// is drawn again, and none while the terminal has not read the last one.
func (m *model) View() tea.View {
	if !m.picture.stale || m.full() && m.picture.view.Content != "" {
		return m.picture.view
	}
	m.picture.stale = false
	cursor := m.draw()
	v := tea.NewView(m.picture.frame.String())
	v.AltScreen = true
	v.WindowTitle = m.title().String()
	if m.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if cursor.Shown {
		v.Cursor = tea.NewCursor(cursor.X, cursor.Y)
		v.Cursor.Blink = false // every blink would be a picture
	}
	m.picture.view = v
	return v
}

// title is that of the terminal's window.
func (m *model) title() safe.Text {
	inc, ok := m.incident()
	if !ok {
		return safe.Const("sitrep")
	}
	return safe.Sprintf("%s%s %s %s", drillWord(inc), inc.Severity, inc.ID, inc.Title).Fit(80)
}
