package main

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// terminal is the program in a real pseudo-terminal, read by an emulator.
type terminal struct {
	t      testing.TB
	cmd    *exec.Cmd
	pty    *os.File
	width  int
	height int
	ended  chan struct{} // closed when the program is gone
	cut    atomic.Bool   // its answers are lost on the way to the program
	fail   error         // of the program, once ended is closed

	mu     sync.Mutex // what is looked at is not written to: an emulator gives out its cells
	screen *vt.Emulator
	raw    bytes.Buffer // everything that the program wrote
}

// startTerminal starts the program; env is added to a small, known one.
func startTerminal(t testing.TB, width, height int, env []string, args ...string) *terminal {
	t.Helper()
	x := &terminal{t: t, width: width, height: height, screen: vt.NewEmulator(width, height), ended: make(chan struct{})}
	x.cmd = exec.Command(binary, args...)
	x.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8"}, env...)
	var err error
	x.pty, err = pty.StartWithSize(x.cmd, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)})
	require.NoError(t, err)
	var pumps sync.WaitGroup
	pumps.Go(func() { // the emulator's answers to queries
		buf := make([]byte, 1024)
		for {
			n, err := x.screen.Read(buf)
			if err != nil {
				return
			}
			if !x.cut.Load() {
				_, _ = x.pty.Write(buf[:n]) // a program that is gone reads no answers
			}
		}
	})
	pumps.Go(func() {
		defer close(x.ended)
		buf := make([]byte, 32<<10)
		for {
			n, err := x.pty.Read(buf)
			x.mu.Lock()
			x.raw.Write(buf[:n])
			_, _ = x.screen.Write(buf[:n])
			x.mu.Unlock()
			if err != nil {
				x.fail = x.cmd.Wait()
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = x.cmd.Process.Kill()
		<-x.ended
		_ = x.pty.Close()
		_ = x.screen.InputPipe().(interface{ Close() error }).Close()
		pumps.Wait()
	})
	return x
}

// text is what the screen shows, blanks at the ends of lines left out.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var b strings.Builder
	for y := range x.height {
		var line strings.Builder
		for c := 0; c < x.width; {
			cell := x.screen.CellAt(c, y)
			if cell == nil || cell.Width == 0 {
				line.WriteByte(' ')
				c++
				continue
			}
			line.WriteString(cell.Content)
			c += cell.Width
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// patience is long because machines are slow; a test that passes waits for
// what it needs and no longer.
const patience = 3 * time.Minute

// seldom is how often it is looked again by a command: each takes a tenth of a second
// of a processor.
const seldom = time.Second

// see waits until the screen shows every one of the texts.
func (x *terminal) see(texts ...string) {
	x.t.Helper()
	x.await(fmt.Sprintf("the screen shows %q", texts), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// match waits until a line of the screen matches the expression.
func (x *terminal) match(expr string) {
	x.t.Helper()
	re := regexp.MustCompile(expr)
	x.await("the screen matches "+expr, re.MatchString)
}

// gone waits until the screen no longer shows text.
func (x *terminal) gone(text string) {
	x.t.Helper()
	x.await(fmt.Sprintf("%q leaves the screen", text), func(screen string) bool { return !strings.Contains(screen, text) })
}

func (x *terminal) await(what string, ok func(screen string) bool) {
	x.t.Helper()
	deadline := time.After(patience)
	for {
		screen := x.text()
		if ok(screen) {
			return
		}
		select {
		case <-deadline:
			x.t.Fatalf("waited in vain until %s; it shows:\n%s", what, screen)
		case <-x.ended:
			if screen = x.text(); ok(screen) {
				return // its last words
			}
			x.t.Fatalf("the program ended (%v) before %s; it showed:\n%s", x.fail, what, screen)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// The keys that are no characters, as a terminal sends them.
const (
	keyEnter = "\r"
	keyEsc   = "\x1b"
	keyTab   = "\t"
	keyCtrlC = "\x03"
	keyCtrlX = "\x18"
	keyCtrlZ = "\x1a"
	keyF5    = "\x1b[15~"
	keyF6    = "\x1b[17~"
	keyF7    = "\x1b[18~"
)

// press types keys or text.
func (x *terminal) press(keys ...string) {
	x.t.Helper()
	for _, k := range keys {
		_, err := x.pty.WriteString(k)
		require.NoError(x.t, err)
	}
}

// confirm presses y until the screen shows text: a y that comes too soon after
// other keys could be the end of a word, and is left alone.
func (x *terminal) confirm(text string) {
	x.t.Helper()
	var pressed time.Time
	x.await(fmt.Sprintf("y is taken, and the screen shows %q", text), func(screen string) bool {
		if strings.Contains(screen, text) {
			return true
		}
		if time.Since(pressed) > 2*time.Second {
			x.press("y")
			pressed = time.Now()
		}
		return false
	})
}

// quit waits for the program's end and says how it ended.
func (x *terminal) exit() int {
	x.t.Helper()
	select {
	case <-x.ended:
	case <-time.After(patience):
		x.t.Fatalf("the program does not end; it shows:\n%s", x.text())
	}
	return x.cmd.ProcessState.ExitCode()
}

func (x *terminal) signal(s syscall.Signal) {
	x.t.Helper()
	require.NoError(x.t, x.cmd.Process.Signal(s))
}

// written is everything that the program wrote.
func (x *terminal) written() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.String()
}

const (
	cellWidth, cellHeight = 8.4, 17.0
	paper, ink            = "#101014", "#d7dae0"
)

// svg is the screen as a picture.
func (x *terminal) svg() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var b strings.Builder
	w, h := float64(x.width)*cellWidth+16, float64(x.height)*cellHeight+16
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="%s"/>`+"\n", paper)
	fmt.Fprintf(&b, `<g font-family="'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="14" xml:space="preserve">`+"\n")
	for y := range x.height {
		for c := 0; c < x.width; {
			c = x.run(&b, c, y)
		}
	}
	b.WriteString("</g></svg>\n")
	return b.String()
}

// run draws the cells from c on that look alike and returns the next one.
func (x *terminal) run(b *strings.Builder, c, y int) int {
	first := x.screen.CellAt(c, y)
	if first == nil || first.Width == 0 {
		return c + 1
	}
	from, text := c, ""
	for c < x.width {
		cell := x.screen.CellAt(c, y)
		if cell == nil || cell.Width == 0 || !cell.Style.Equal(&first.Style) {
			break
		}
		text += cell.Content
		c += cell.Width
	}
	fg, bg := hex(first.Style.Fg, ink), hex(first.Style.Bg, paper)
	const bold, faint, reverse = 1, 2, 32
	if first.Style.Attrs&reverse != 0 {
		fg, bg = bg, fg
	}
	left, top, width := 8+float64(from)*cellWidth, 8+float64(y)*cellHeight, float64(c-from)*cellWidth
	if bg != paper {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left, top, width, cellHeight, bg)
	}
	if strings.TrimSpace(text) == "" {
		return c
	}
	look := ""
	if first.Style.Attrs&bold != 0 {
		look = ` font-weight="bold"`
	}
	if first.Style.Attrs&faint != 0 {
		look += ` opacity="0.6"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s"%s>%s</text>`+"\n", left, top+13, width, fg, look, html.EscapeString(text))
	return c
}

// hex is a colour for a picture; the sixteen of the terminal are those of a
// common dark theme.
func hex(c color.Color, otherwise string) string {
	if c == nil {
		return otherwise
	}
	if basic, ok := c.(ansi.BasicColor); ok {
		return [...]string{
			"#1e2127", "#e06c75", "#98c379", "#d19a66", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
			"#5c6370", "#ff7a85", "#b5e890", "#e5c07b", "#8cc8ff", "#de9ff0", "#7fd7e3", "#ffffff",
		}[basic&15]
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
