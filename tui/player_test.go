package tui

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// player plays a person at the screen: it presses keys and waits, and runs
// commands as Bubble Tea does, in virtual time.
type player struct {
	t      testing.TB
	m      *model
	desk   *desk
	box    *Mailbox
	msgs   chan tea.Msg
	quit   bool
	ctx    context.Context
	stop   context.CancelFunc
	others []tea.Msg // for Bubble Tea itself
}

// play runs a story in a bubble of time. The person is alice, whom the ladder
// has paged, unless opts say otherwise.
func play(t *testing.T, w, h int, story func(p *player), opts ...func(*Options)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t, opts...)
		defer p.stop()
		p.send(tea.WindowSizeMsg{Width: w, Height: h})
		p.desk.taken()
		story(p)
	})
}

func newPlayer(t testing.TB, opts ...func(*Options)) *player {
	ctx, cancel := context.WithCancel(context.Background())
	p := &player{t: t, desk: &desk{}, box: NewMailbox(), msgs: make(chan tea.Msg, 1000), ctx: ctx, stop: cancel}
	o := Options{Mailbox: p.box, Operator: p.desk, Theme: theme.Default(), Keys: keys.Default(), Actor: "alice", Host: "bastion", Now: time.Now, Zone: time.FixedZone("CEST", 7200), Env: []string{}}
	for _, opt := range opts {
		opt(&o)
	}
	world := shopWorld(t, o.Now())
	p.box.Update(func(w *pane.World) { *w = *world })
	p.m = newModel(ctx, o)
	p.run(p.m.Init())
	p.settle()
	return p
}

// run does a command in its own goroutine.
func (p *player) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		select {
		case p.msgs <- msg:
		case <-p.ctx.Done():
		}
	}()
}

func (p *player) send(msg tea.Msg) {
	p.take(msg)
	p.settle()
}

func (p *player) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
		return
	case tea.BatchMsg:
		for _, cmd := range msg {
			p.run(cmd)
		}
		return
	case tea.QuitMsg:
		p.quit = true
		return
	}
	p.others = append(p.others, msg)
	_, cmd := p.m.Update(msg)
	p.m.View()
	p.run(cmd)
}

// settle runs everything that needs no time.
func (p *player) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-p.msgs:
			p.take(msg)
		default:
			return
		}
	}
}

// wait lets time pass.
func (p *player) wait(d time.Duration) {
	end := time.Now().Add(d)
	for {
		p.settle()
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, 100*time.Millisecond))
	}
}

// press presses keys by their names, as the table writes them.
func (p *player) press(names ...string) {
	for _, name := range names {
		p.send(key(name))
	}
}

// typed types a text.
func (p *player) typed(text string) {
	for _, r := range text {
		p.press(string(r))
	}
}

// screen is what is drawn.
func (p *player) screen() string {
	p.m.picture.stale = true
	p.m.View()
	return p.m.picture.frame.Plain()
}

func (p *player) sees(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		require.Contains(p.t, p.screen(), text)
	}
}

func (p *player) seesNot(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		require.NotContains(p.t, p.screen(), text)
	}
}

// key is the message of a key by its name.
func key(name string) tea.KeyPressMsg {
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "backspace": tea.KeyBackspace, "up": tea.KeyUp, "down": tea.KeyDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
		"f1": tea.KeyF1, "f5": tea.KeyF5, "f6": tea.KeyF6, "f7": tea.KeyF7, "f8": tea.KeyF8, "f9": tea.KeyF9, "space": tea.KeySpace,
	}
	var k tea.KeyPressMsg
	for {
		mod, rest, ok := strings.Cut(name, "+")
		if !ok || rest == "" {
			break
		}
		k.Mod |= map[string]tea.KeyMod{"ctrl": tea.ModCtrl, "shift": tea.ModShift, "alt": tea.ModAlt}[mod]
		name = rest
	}
	if code, ok := special[name]; ok {
		k.Code = code
		if name == "space" {
			k.Text = " "
		}
		return k
	}
	k.Code = []rune(name)[0]
	if k.Mod == 0 {
		k.Text = name
	}
	return k
}

// as makes the person somebody else.
func as(who incident.Person) func(*Options) { return func(o *Options) { o.Actor = who } }

// inProd is a context that is marked prod, after :write 15m.
func inProd(o *Options) {
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	o.Context, o.Prod, o.WriteUntil = "prod-eu", true, now().Add(15*time.Minute)
}

func (p *player) world(change func(*pane.World)) {
	p.box.Update(change)
	p.wait(2 * breath)
}
