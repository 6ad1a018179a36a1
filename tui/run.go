// Package tui is the command centre: the model that turns keys into orders and
// a World into a picture, and the program that holds the terminal.
//
// Update decides, commands wait, View draws. Engines publish into a Mailbox and
// never wait for the screen; what a person asks for leaves as a pane.Order and
// comes back as a receipt. Nothing that reaches people or targets is confirmed
// by Enter, and everything that does can be taken back for some seconds.
package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// ErrNoTerminal says that there is no terminal on which a screen can be drawn.
var ErrNoTerminal = errors.New("the command centre needs a terminal that can move its cursor; use the commands (sitrep incident list)")

// Options is what a screen needs. Mailbox and Operator have no default.
type Options struct {
	Mailbox  *Mailbox
	Operator pane.Operator

	Theme *theme.Theme // nil = what Env says
	Keys  keys.Map     // the zero Map = keys.Default
	Actor incident.Person
	Host  string

	Now  func() time.Time // nil = time.Now
	Zone *time.Location   // that `z` changes to from UTC; nil = time.Local

	// LooksAt is told which incident is on the screen whenever that changes, "" for
	// none. It must not block. Nil is nobody who wants to know.
	LooksAt func(incident.ID)

	// Shows is told which view is on the screen whenever that changes. It must not
	// block. Nil is nobody who wants to know.
	Shows func(keys.Scope)

	Context string // name of the configured context, shown in the header
	Prod    bool   // frames the screen in red and asks for typed names

	WriteUntil time.Time // in Prod, chaos, load and silences are allowed until then; zero is not, before :write

	In, Out *os.File // nil = standard input and output
	Env     []string // nil = os.Environ
}

const (
	framesPerSecond = 16 // every look of the renderer wakes a processor, also when nothing is new
	lastFlush       = time.Second
	lastResort      = 10 * time.Second // an editor that has to be killed takes two
)

// Run holds the terminal until the person quits or ctx ends, and gives it back
// as it was. Signals are the caller's business: those that end the program
// should end ctx, a lost terminal (SIGHUP) among them. The error is
// ErrNoTerminal, or says what failed; quitting, and the end of ctx, are none.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	if !usable(o) {
		return ErrNoTerminal
	}
	return run(ctx, o)
}

// Usable is ErrNoTerminal where Run would find no terminal to draw on: for
// programs that want to say so before they start anything.
func Usable() error {
	if !usable(Options{}.withDefaults()) {
		return ErrNoTerminal
	}
	return nil
}

// usable reports whether both ends are terminals that can be drawn on.
func usable(o Options) bool {
	name := o.getenv("TERM")
	return name != "" && name != "dumb" && term.IsTerminal(int(o.In.Fd())) && term.IsTerminal(int(o.Out.Fd()))
}

func run(ctx context.Context, o Options) error {
	screen, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newTTY(o.Out)
	go out.run()
	defer out.end()

	preview(o, out)
	m := newModel(screen, o)
	m.full, m.settle = out.full, func() { out.flush(lastFlush) }
	force, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	p := tea.NewProgram(m, append(programOptions(o), tea.WithContext(force), tea.WithInput(o.In), tea.WithOutput(out))...)
	err := runUntil(screen, p, kill)
	cancel()
	_, _ = out.WriteString(leave) // its error is the terminal's end
	flushed := out.flush(lastFlush)
	if err == nil && !flushed && ctx.Err() == nil {
		return fmt.Errorf("terminal %s: does not read; run reset there", o.Out.Name())
	}
	return err
}

// What takes the other screen before Bubble Tea does, and what leaves it should
// Bubble Tea never get so far; where it did, that changes nothing.
const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[H"
	leave = "\x1b[?1047l\x1b[?25h"
)

// preview shows the first picture at once: Bubble Tea draws at its next look, up
// to a sixteenth of a second later, and then takes over.
func preview(o Options, out *tty) {
	w, h, err := term.GetSize(int(o.Out.Fd()))
	if err != nil || w < 1 || h < 1 {
		return
	}
	o.LooksAt, o.Shows = nil, nil // nobody looks yet
	m := newModel(context.Background(), o)
	m.Update(tea.WindowSizeMsg{Width: w, Height: h})
	_, _ = out.WriteString(enter + strings.ReplaceAll(m.View().Content, "\n", "\r\n")) // as above
}

func programOptions(o Options) []tea.ProgramOption {
	return []tea.ProgramOption{
		tea.WithEnvironment(o.Env),
		tea.WithFPS(framesPerSecond),
		tea.WithoutSignalHandler(),
		tea.WithColorProfile(profile(o.Theme.Options().Profile)),
		tea.WithFilter(func(_ tea.Model, msg tea.Msg) tea.Msg {
			if _, suspend := msg.(tea.SuspendMsg); suspend {
				return nil // it would stop the ladder too, if this process runs it
			}
			return msg
		}),
	}
}

// runUntil ends the program when ctx does, in order, which waits for the end of an
// editor, and by kill if that does not come. Kill ends the program's context, for
// Program.Kill would restore the terminal while an editor's end takes it.
func runUntil(ctx context.Context, p *tea.Program, kill func()) error {
	over := make(chan struct{})
	watched := make(chan struct{})
	stops, heed := context.WithCancel(ctx)
	defer heed()
	go watchStops(stops, p)
	go func() {
		defer close(watched)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		go p.Quit() // waits while Update is busy
		select {
		case <-over:
		case <-time.After(lastResort):
			kill()
		}
	}()
	_, err := p.Run()
	close(over)
	<-watched
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("screen: %w", err)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Theme == nil {
		th, err := theme.New(theme.FromEnv(o.getenv))
		if err != nil {
			th = theme.Default()
		}
		o.Theme = th
	}
	if len(o.Keys.All()) == 0 {
		o.Keys = keys.Default()
	}
	return o
}

// getenv reads Env, where the last one counts.
func (o Options) getenv(name string) string {
	for i := len(o.Env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(o.Env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// profile is given to the renderer, whose own guess misses NO_COLOR=yes.
func profile(p theme.Profile) colorprofile.Profile {
	switch p {
	case theme.TrueColour:
		return colorprofile.TrueColor
	case theme.Colour256:
		return colorprofile.ANSI256
	case theme.Colour16:
		return colorprofile.ANSI
	}
	return colorprofile.Ascii
}
