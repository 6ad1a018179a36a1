package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// operatorWatch asks the terminal of whoever has started a run where its cursor is. The
// question goes the way that the screen goes, so that an answer says that the person
// would see what happens. The zero value asks nobody.
type operatorWatch struct {
	tty    *os.File
	before unix.Termios
	every  time.Duration
	done   chan struct{}
	work   sync.WaitGroup
}

// cursorQuestion and the end of its answer, ESC [ row ; column R.
const (
	cursorQuestion = "\x1b[6n"
	cursorAnswer   = 'R'
)

// watchOperator takes the terminal for an experiment that guards its operator, if there
// is one that this process is in the foreground of.
func (a *app) watchOperator(e chaos.Experiment) (*operatorWatch, error) {
	w := &operatorWatch{done: make(chan struct{})}
	for _, g := range e.Guards {
		if g.Operator != nil && (w.every == 0 || g.Operator.Every.D() < w.every) {
			w.every = g.Operator.Every.D()
		}
	}
	if w.every == 0 {
		return w, nil
	}
	if err := w.take("/dev/tty"); err != nil {
		return w, err
	}
	if w.there() && (os.Getenv("TMUX") != "" || os.Getenv("STY") != "") {
		fmt.Fprintln(a.stderr, "sitrep: tmux or screen answers for your terminal: the guard on the operator sees that it runs, and not that you are connected to it")
	}
	return w, nil
}

// take opens the terminal and has its input come at once and without an echo; ctrl-C
// still works. Without a terminal, or in the background, it takes none.
func (w *operatorWatch) take(path string) error {
	tty, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil // a pipe, a service: nobody to ask
	}
	var taken bool
	err = w.onTerminal(tty, func(fd int) error {
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || group != unix.Getpgrp() {
			return nil
		}
		state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return nil
		}
		w.before, taken = *state, true
		state.Lflag &^= unix.ICANON | unix.ECHO
		state.Cc[unix.VMIN], state.Cc[unix.VTIME] = 1, 0
		return unix.IoctlSetTermios(fd, unix.TCSETS, state)
	})
	if err != nil || !taken {
		return errors.Join(err, tty.Close())
	}
	w.tty = tty
	return nil
}

// onTerminal does something to the terminal's descriptor, which stays one that a
// deadline can be set for.
func (w *operatorWatch) onTerminal(tty *os.File, do func(fd int) error) error {
	raw, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	var did error
	if err := raw.Control(func(fd uintptr) { did = do(int(fd)) }); err != nil {
		return err
	}
	if did != nil {
		return fmt.Errorf("ask the terminal: %w", did)
	}
	return nil
}

// there says whether somebody is asked.
func (w *operatorWatch) there() bool { return w.tty != nil }

// tell calls beat for every answer, until Close.
func (w *operatorWatch) tell(beat func()) {
	if !w.there() {
		return
	}
	w.work.Go(func() { w.ask() })
	w.work.Go(func() { w.listen(beat) })
}

// ask asks twice in the time within which an answer is wanted.
func (w *operatorWatch) ask() {
	tick := time.NewTicker(max(w.every/2, 100*time.Millisecond))
	defer tick.Stop()
	for {
		_ = w.tty.SetWriteDeadline(time.Now().Add(w.every)) // a terminal that takes nothing does not answer either
		_, _ = w.tty.WriteString(cursorQuestion)
		select {
		case <-w.done:
			return
		case <-tick.C:
		}
	}
}

// listen reads answers. What a person types meanwhile is for nobody.
func (w *operatorWatch) listen(beat func()) {
	buf := make([]byte, 256)
	for {
		n, err := w.tty.Read(buf)
		if bytes.IndexByte(buf[:n], cursorAnswer) >= 0 && bytes.IndexByte(buf[:n], ';') >= 0 {
			beat()
		}
		if err != nil {
			return
		}
	}
}

// Close gives the terminal back as it was.
func (w *operatorWatch) Close() error {
	if !w.there() {
		return nil
	}
	close(w.done)
	_ = w.tty.SetReadDeadline(time.Now())
	w.work.Wait()
	err := w.onTerminal(w.tty, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETSF, &w.before) }) // and drops a late answer
	return errors.Join(err, w.tty.Close())
}
