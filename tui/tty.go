package tui

import (
	"os"
	"sync"
	"time"
)

// fullAt is how many unwritten bytes make the screen stop drawing new pictures
// until the terminal has read the old ones.
const fullAt = 32 << 10

// tty is a terminal that can be written to without waiting. A terminal stops
// reading when its lid is closed, when somebody presses ctrl+s, or when its SSH
// link dies; the renderer would then hold the whole program. Being an *os.File
// inside, it is still recognised as a terminal.
type tty struct {
	*os.File

	mu      sync.Mutex
	waiting []byte
	writing int           // bytes handed to the terminal, not yet taken
	more    chan struct{} // one place
	drained *sync.Cond
	err     error
	ended   bool
}

func newTTY(out *os.File) *tty {
	t := &tty{File: out, more: make(chan struct{}, 1)}
	t.drained = sync.NewCond(&t.mu)
	return t
}

// Write takes p at once; run hands it over.
func (t *tty) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	t.waiting = append(t.waiting, p...)
	t.signal()
	return len(p), nil
}

// WriteString keeps the embedded file's own from being used around Write.
func (t *tty) WriteString(s string) (int, error) { return t.Write([]byte(s)) }

func (t *tty) signal() {
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// full reports whether the terminal is behind.
func (t *tty) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting)+t.writing > fullAt
}

// run writes until end was called and everything is out. A write that never
// returns keeps it for ever, so its caller does not wait for it beyond flush.
func (t *tty) run() {
	for range t.more {
		for t.next() {
		}
		t.mu.Lock()
		ended := t.ended
		t.mu.Unlock()
		if ended {
			return
		}
	}
}

// next writes what is waiting and reports whether there was anything.
func (t *tty) next() bool {
	t.mu.Lock()
	chunk := t.waiting
	t.waiting, t.writing = nil, len(chunk)
	t.mu.Unlock()
	if len(chunk) == 0 {
		return false
	}
	_, err := t.File.Write(chunk)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing = 0
	if err != nil && t.err == nil {
		t.err, t.waiting = err, nil
	}
	t.drained.Broadcast()
	return err == nil
}

// flush waits until everything is written, at most so long, and reports
// whether it is.
func (t *tty) flush(limit time.Duration) bool {
	late := false
	timer := time.AfterFunc(limit, func() {
		t.mu.Lock()
		late = true
		t.mu.Unlock()
		t.drained.Broadcast()
	})
	defer timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting)+t.writing > 0 && t.err == nil && !late {
		t.drained.Wait()
	}
	return len(t.waiting)+t.writing == 0 && t.err == nil
}

// end lets run return once everything is out.
func (t *tty) end() {
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.signal()
}
