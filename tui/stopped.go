package tui

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
)

// continuedMsg says that this process was stopped from outside and goes on.
type continuedMsg struct{}

// watchStops keeps a stop from outside harmless until ctx ends. SIGTSTP is taken
// and not obeyed: it would leave the terminal to the shell as we have it, and
// stop the ladder, if this process runs it. SIGSTOP cannot be refused; the shell
// that resumes us has made the terminal its own meanwhile.
func watchStops(ctx context.Context, p *tea.Program) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTSTP, syscall.SIGCONT)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s == syscall.SIGCONT {
				go p.Send(continuedMsg{}) // waits while an editor has the terminal
			}
		}
	}
}

// regain gives the terminal back and takes it again: raw mode, the alternate
// screen and the whole picture.
func regain() tea.Cmd {
	return tea.Exec(noProgram{}, func(error) tea.Msg { return tea.ClearScreen() })
}

// noProgram is what is done while the terminal is given back: nothing, for long
// enough. Bubble Tea's old renderer stops the ticker that the new one uses, and
// it must have done so by then (tea.go, startRenderer), or nothing is ever drawn
// again.
type noProgram struct{}

func (noProgram) Run() error {
	time.Sleep(100 * time.Millisecond)
	return nil
}

func (noProgram) SetStdin(io.Reader)  {}
func (noProgram) SetStdout(io.Writer) {}
func (noProgram) SetStderr(io.Writer) {}
