package tui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// console is the program on a real terminal device, which an emulator shows.
type console struct {
	t      *testing.T
	tty    *os.File
	person *os.File // the other end of it
	screen *glass
	raw    *tail
	desk   *desk
	box    *Mailbox
	cancel context.CancelFunc
	ended  chan error
}

// glass is an emulator that is written to and looked at from two goroutines.
type glass struct {
	mu sync.Mutex
	vt *vt.Emulator
}

func (g *glass) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.vt.Write(p)
}

func (g *glass) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.vt.String()
}

// tail keeps what came last.
type tail struct{ atomic.Pointer[string] }

func (l *tail) Write(p []byte) (int, error) {
	s := string(p)
	if old := l.Load(); old != nil {
		s = *old + s
	}
	s = s[max(len(s)-1<<16, 0):]
	l.Store(&s)
	return len(p), nil
}

func openConsole(t *testing.T, env ...string) *console {
	person, tty, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(tty, &pty.Winsize{Cols: 100, Rows: 30}))
	ctx, cancel := context.WithCancel(context.Background())
	c := &console{t: t, tty: tty, person: person, screen: &glass{vt: vt.NewEmulator(100, 30)}, raw: &tail{}, desk: &desk{}, box: NewMailbox(), cancel: cancel, ended: make(chan error, 1)}
	world := shopWorld(t, time.Now())
	c.box.Update(func(w *pane.World) { *w = *world })
	go func() { _, _ = io.Copy(io.MultiWriter(c.raw, c.screen), person) }()
	go func() { _, _ = io.Copy(person, c.screen.vt) }() // its answers to questions
	o := Options{Mailbox: c.box, Operator: c.desk, Actor: "alice", Host: "bastion", In: tty, Out: tty, Env: append([]string{"TERM=xterm-256color", "PATH=" + os.Getenv("PATH")}, env...)}
	go func() { c.ended <- Run(ctx, o) }()
	t.Cleanup(cancel) // the terminal itself stays: after an editor Bubble Tea may look at it for a moment longer
	return c
}

func (c *console) types(s string) {
	_, err := c.person.WriteString(s)
	require.NoError(c.t, err)
}

func (c *console) sees(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		require.Eventually(c.t, func() bool { return strings.Contains(c.screen.String(), text) }, time.Minute, 10*time.Millisecond, "%s is not on\n%s", text, c.screen.String())
	}
}

// A whole visit on a real terminal: the picture, a dialog, an editor, the end.
func TestOnARealTerminal(t *testing.T) {
	dir := t.TempDir()
	edit := filepath.Join(dir, "edit")
	require.NoError(t, os.WriteFile(edit, []byte("#!/bin/sh\ntest -t 0 && test -t 1 || exit 9\nstat -c %a \"$2\" > "+dir+"/mode\nprintf 'the pool\\nis full' >> \"$2\"\n"), 0o700))
	c := openConsole(t, "EDITOR="+edit+" -x", "TMPDIR="+dir)
	c.sees("[SEV1] INC-204", "next L2 bob in")
	c.types("n")
	c.sees("Note on INC-204")
	c.types("rolled back\r")
	require.Eventually(t, func() bool { return len(c.desk.taken()) == 1 }, time.Minute, 10*time.Millisecond)
	for range 3 { // the renderer has to live through every one of them
		c.types("e")
		var got []pane.Order
		require.Eventually(t, func() bool { got = append(got, c.desk.taken()...); return len(got) == 1 }, time.Minute, 10*time.Millisecond)
		require.Equal(t, pane.Note{ID: "INC-204", Text: "the pool\nis full"}, got[0])
		c.types("3")
		c.types("?")
		c.sees("about the incident")
		c.types("\x1b")
		require.Eventually(t, func() bool { return !strings.Contains(c.screen.String(), "about the incident") }, time.Minute, 10*time.Millisecond)
	}
	mode, err := os.ReadFile(filepath.Join(dir, "mode"))
	require.NoError(t, err)
	require.Equal(t, "600\n", string(mode))
	require.Equal(t, 2, len(must(os.ReadDir(dir))), "nothing of what was edited is left")
	c.types("\x1b[200~qqy\x1b[201~") // pasted
	c.types("1q")
	select {
	case err := <-c.ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("did not quit")
	}
	require.Eventually(t, func() bool { return strings.Contains(*c.raw.Load(), "\x1b[?1049l") }, time.Minute, 10*time.Millisecond, "the terminal is as it was")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAnEditorThatIsNotThere(t *testing.T) {
	c := openConsole(t, "EDITOR=/nonexistent/ed")
	c.sees("[SEV1]")
	c.types("e")
	c.sees("editor /nonexistent/ed: not found; set EDITOR")
	c.types("?")
	c.sees("about the incident")
}

// The caller ends the screen by its context, as it does on SIGTERM and SIGHUP;
// an editor that is open ends with it, whether it wants to or not.
func TestTheEndOfTheContextIsTheEnd(t *testing.T) {
	stubborn := filepath.Join(t.TempDir(), "stubborn")
	require.NoError(t, os.WriteFile(stubborn, []byte("#!/bin/sh\ntrap '' HUP\nexec tail -f \"$1\"\n"), 0o700))
	for _, editor := range []string{"tail -f", stubborn} {
		c := openConsole(t, "EDITOR="+editor)
		c.sees("[SEV1]")
		c.types("e")
		require.Eventually(t, func() bool { return strings.Contains(*c.raw.Load(), "\x1b[?1049l") }, time.Minute, 10*time.Millisecond)
		c.cancel()
		select {
		case err := <-c.ended:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Fatal("did not end")
		}
	}
}

// Nobody is left waiting after the screen has ended, not even for the mailbox.
func TestNothingIsLeftRunning(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	c := openConsole(t)
	c.sees("[SEV1]")
	c.types("3") // Bubble Tea is there, and has read what the terminal said of itself: its reader hangs on what nobody takes any more
	c.sees("timeline of INC-204")
	c.types("qq")
	require.NoError(t, <-c.ended)
	_ = c.tty.Close()
	_ = c.screen.vt.InputPipe().(io.Closer).Close()
	_ = c.person.Close()
	goleak.VerifyNone(t, ignore)
}

func TestTerminalsThatCannot(t *testing.T) {
	person, tty, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = person.Close(); _ = tty.Close() })
	for _, term := range []string{"dumb", ""} {
		o := Options{Mailbox: NewMailbox(), Operator: &desk{}, In: tty, Out: tty, Env: []string{"TERM=" + term}}
		require.ErrorIs(t, Run(t.Context(), o), ErrNoTerminal)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	require.ErrorIs(t, Run(t.Context(), Options{Mailbox: NewMailbox(), Operator: &desk{}, In: tty, Out: file, Env: []string{"TERM=xterm"}}), ErrNoTerminal)
}

// NO_COLOR of any value takes colour away, whatever the libraries think of it.
func TestNoColour(t *testing.T) {
	c := openConsole(t, "NO_COLOR=yes")
	c.sees("[SEV1]")
	require.NotRegexp(t, `\x1b\[[0-9;]*[34][0-7]m`, *c.raw.Load())
	require.Regexp(t, `\x1b\[[0-9;]*7m`, *c.raw.Load(), "weights remain")
}

// wire runs the real renderer in virtual time and returns what it wrote in a
// minute in which the shop's figures come every five seconds.
func wire(t *testing.T, w, h int, press ...string) (perSecond int, sent, plain string) {
	signals := make(chan os.Signal, 1) // whoever asks for signals first starts what hears them, and that must live outside the bubble
	signal.Notify(signals, syscall.SIGWINCH)
	signal.Stop(signals)
	out := &bytes.Buffer{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		box := NewMailbox()
		publish := func() {
			world := shopWorld(t, time.Now())
			box.Update(func(w *pane.World) { w.Board, w.Signals, w.Alerts.At = world.Board, world.Signals, time.Now() })
		}
		first := shopWorld(t, time.Now())
		box.Update(func(w *pane.World) { *w = *first })
		th, err := theme.New(theme.Options{Profile: theme.Colour256, Dark: true})
		require.NoError(t, err)
		o := Options{Mailbox: box, Operator: &desk{}, Theme: th, Keys: keys.Default(), Actor: "alice", Host: "bastion", Now: time.Now, Zone: time.UTC, Env: []string{"TERM=xterm-256color"}}
		m := newModel(ctx, o)
		p := tea.NewProgram(m, append(programOptions(o), tea.WithInput(nil), tea.WithOutput(out), tea.WithWindowSize(w, h))...)
		done := make(chan error, 1)
		go func() { done <- runUntil(ctx, p, p.Kill) }()
		for _, k := range press {
			p.Send(key(k))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		before := out.Len()
		for range 12 {
			publish()
			time.Sleep(5 * time.Second)
		}
		time.Sleep(time.Second / 2) // between two seconds, when everything is out
		synctest.Wait()
		perSecond = (out.Len() - before) / 60
		sent, plain = out.String(), m.picture.frame.Plain()
		cancel()
		require.NoError(t, <-done)
	})
	return perSecond, sent, plain
}

// A slow line carries the steady state: at most 2 kB/s at 200x60.
func TestBytesOnTheWire(t *testing.T) {
	cases := []struct {
		w, h int
		view string
	}{{80, 24, "1"}, {120, 40, "1"}, {200, 60, "1"}, {200, 60, "2"}, {200, 60, "3"}}
	if raced {
		cases = cases[:1]
	}
	for _, c := range cases {
		n, _, _ := wire(t, c.w, c.h, c.view)
		t.Logf("%dx%d view %s: %d bytes/s", c.w, c.h, c.view, n)
		require.LessOrEqual(t, n, 2048)
	}
}

// An emulator that is sent the bytes shows what the frame says it shows.
func TestTheTerminalShowsTheFrame(t *testing.T) {
	sizes := [][2]int{{80, 24}, {120, 40}, {200, 60}}
	if raced {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		for _, keys := range [][]string{{"1"}, {"2"}, {"2", "?"}} {
			_, sent, plain := wire(t, size[0], size[1], keys...)
			e := vt.NewEmulator(size[0], size[1])
			_, err := e.Write([]byte(strings.ReplaceAll(sent, "\n", "\r\n")))
			require.NoError(t, err)
			rows := strings.Split(strings.ReplaceAll(e.String(), "\r", ""), "\n")
			for i := range rows {
				rows[i] = strings.TrimRight(rows[i], " ")
			}
			require.Equal(t, strings.TrimRight(plain, "\n"), strings.TrimRight(strings.Join(rows, "\n"), "\n"), "%v %v", size, keys)
		}
	}
}

// BenchmarkRedraw draws everything anew, twelve charts among it.
func BenchmarkRedraw(b *testing.B) {
	for _, view := range []string{"1", "2", "3", "4", "5"} {
		b.Run(fmt.Sprintf("view%s", view), func(b *testing.B) {
			m := still(b, 200, 60, []string{view})
			b.ReportAllocs()
			for b.Loop() {
				m.picture.stale = true
				m.View()
			}
		})
	}
}

// BenchmarkFirstFrame is what it takes from nothing to the first picture.
func BenchmarkFirstFrame(b *testing.B) {
	for b.Loop() {
		still(b, 200, 60, []string{"2"}).View()
	}
}

// BenchmarkNothingNew is a message that changes nothing.
func BenchmarkNothingNew(b *testing.B) {
	m := still(b, 200, 60, []string{"2"})
	m.View()
	b.ReportAllocs()
	for b.Loop() {
		m.Update(tea.FocusMsg{})
		m.View()
	}
}
