package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

// editor is a person's editor on a text, as Bubble Tea runs programs. It takes
// the terminal itself, not the one that the screen writes through: an editor
// needs a real one.
type editor struct {
	ctx    context.Context // its end ends the editor, which keeps what it has by itself
	argv   []string
	env    []string
	in     io.Reader
	out    io.Writer
	settle func()
	name   string // of the file, which is what an editor shows
	path   string // of a file that holds the text and outlives this process; empty is one of our own
	text   string

	edited string
	file   string // left behind, because what it holds could not be read or is not to be lost
}

// SetStdin implements tea.ExecCommand; the terminal is known already.
func (e *editor) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand.
func (e *editor) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand.
func (e *editor) SetStderr(io.Writer) {}

// leastRun is how long it takes at least: a program that ends at once leaves
// Bubble Tea's renderer stopped for ever (charmbracelet/bubbletea#1778).
const leastRun = 100 * time.Millisecond

// Run implements tea.ExecCommand: write, edit, read, clean up.
func (e *editor) Run() error {
	done := time.After(leastRun)
	defer func() { <-done }()
	program, err := exec.LookPath(e.argv[0])
	if err != nil {
		return fmt.Errorf("editor %s: not found; set EDITOR to one that is installed", e.argv[0])
	}
	e.settle()
	file, clean, err := e.lay()
	if err != nil {
		return fmt.Errorf("edit %s: %w", e.name, err)
	}
	cmd := exec.CommandContext(e.ctx, program, append(slices.Clone(e.argv[1:]), file)...)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGHUP) }, lastFlush
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = e.env, e.in, e.out, e.out
	failed := cmd.Run()
	b, err := os.ReadFile(file)
	if err != nil {
		e.file = file
		return fmt.Errorf("edit %s: %w", e.name, err)
	}
	e.edited = string(b)
	if failed != nil && e.edited != e.text {
		e.file = file
		return fmt.Errorf("%s ended with %w", e.argv[0], failed)
	}
	if failed != nil {
		return errors.Join(fmt.Errorf("%s ended with %w", e.argv[0], failed), clean())
	}
	return clean()
}

// lay puts the text into a file, if it is not in one; clean takes the file away
// again.
func (e *editor) lay() (file string, clean func() error, err error) {
	if e.path != "" {
		return e.path, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "sitrep-")
	if err != nil {
		return "", nil, err
	}
	clean = func() error { return os.RemoveAll(dir) }
	file = filepath.Join(dir, e.name)
	if err := os.WriteFile(file, []byte(e.text), 0o600); err != nil {
		return "", nil, errors.Join(err, clean())
	}
	return file, clean, nil
}

// editedMsg is what came out of an editor.
type editedMsg struct {
	editor *editor
	err    error
	order  func(text string) pane.Order
	left   pane.Order // if nothing is to be saved; nil is nothing to do
}

// edit opens a text in the person's editor; order is what is done with it.
func (m *model) edit(name, text string, order func(string) pane.Order) tea.Cmd {
	return m.open(&editor{name: name, text: text}, order, nil)
}

// open runs an editor on what it is given.
func (m *model) open(e *editor, order func(string) pane.Order, left pane.Order) tea.Cmd {
	if len(m.counts.running) > 0 {
		m.inform("not while something counts down: an editor hides it; %s takes it back", m.keyFor(undoKey))
		return m.leave(left)
	}
	e.ctx, e.argv, e.env, e.in, e.out, e.settle = m.ctx, m.editorArgs(), m.o.Env, m.o.In, m.o.Out, m.settle
	return tea.Exec(e, func(err error) tea.Msg { return editedMsg{e, err, order, left} })
}

// leave does what is to be done where nothing is saved.
func (m *model) leave(left pane.Order) tea.Cmd {
	if left == nil {
		return nil
	}
	return m.do(left)
}

// editorArgs is the editor, with arguments if EDITOR has some ("code -w").
func (m *model) editorArgs() []string {
	for _, name := range []string{"EDITOR", "VISUAL"} {
		if args := strings.Fields(m.o.getenv(name)); len(args) > 0 {
			return args
		}
	}
	return []string{"vi"}
}

// edited hands over what was written. What cannot be handed over is kept in a
// file, and the person is told where.
func (m *model) edited(d editedMsg) tea.Cmd {
	e := d.editor
	switch {
	case d.err != nil && e.file != "" && e.path == "":
		m.complain("%v; nothing was saved, your text is in %s", d.err, e.file)
		return m.leave(d.left)
	case d.err != nil:
		m.complain("%v; nothing was saved", d.err)
		return m.leave(d.left)
	case strings.TrimSpace(e.edited) == "":
		m.inform("empty: nothing was saved")
		return m.leave(d.left)
	case e.edited == e.text:
		m.inform("unchanged")
		return m.leave(d.left)
	}
	do := m.do(d.order(e.edited))
	return func() tea.Msg {
		msg := do()
		if done, ok := msg.(doneMsg); ok && done.err != nil {
			done.err = fmt.Errorf("%w; %s", done.err, keep(e.name, e.edited))
			return done
		}
		return msg
	}
}

// keep writes a text where it can be found again and says where.
func keep(name, text string) string {
	dir, err := os.MkdirTemp("", "sitrep-")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
	}
	if err != nil {
		return fmt.Sprintf("your text could not be kept: %v", err)
	}
	return "your text is in " + filepath.Join(dir, name)
}
