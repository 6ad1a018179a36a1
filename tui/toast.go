package tui

import (
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// toast is one line above the footer. What failed stays until it is dismissed,
// what has reached people for outwardTime, the rest for toastTime.
type toast struct {
	text   safe.Text
	bad    bool
	sticky bool
	leads  incident.ID // that it sends the person to: there it has nothing to say any more
	at     time.Time
	cause  string // what stood in the way (see obstacles); once that is another it has nothing to say any more
}

// toastMsg is a toast from a command.
type toastMsg toast

const (
	toastTime   = 6 * time.Second
	outwardTime = 10 * time.Second
	mostToasts  = 20
	mostSaid    = 200
)

// toasts are the lines that are still to be read, newest last, and those of
// before.
type toasts struct {
	open []toast
	said []toast
}

func (t *toasts) add(now time.Time, one toast) {
	one.at = now
	if n := len(t.open); n > 0 && t.open[n-1].text == one.text {
		t.open = t.open[:n-1] // said again, not twice
	}
	t.open = append(t.open[max(len(t.open)-mostToasts+1, 0):], one)
	t.keep(one)
}

// keep remembers a line that was shown elsewhere, or is now.
func (t *toasts) keep(one toast) {
	t.said = append(t.said[max(len(t.said)-mostSaid+1, 0):], one)
}

// newest is the line to show. What informs is the answer to a key: for its six
// seconds it covers what stays until it is dismissed, unless that is newer and
// bad.
func (t *toasts) newest() (one toast, more int, ok bool) {
	at := -1
	for i, x := range t.open {
		if at < 0 || x.rank() >= t.open[at].rank() {
			at = i
		}
	}
	if at < 0 {
		return toast{}, 0, false
	}
	for i, x := range t.open {
		if x.sticky && i != at {
			more++
		}
	}
	return t.open[at], more, true
}

func (x toast) rank() int {
	if x.bad || !x.sticky {
		return 1
	}
	return 0
}

// dismiss takes the line that is shown away.
func (t *toasts) dismiss() bool {
	shown, _, ok := t.newest()
	if !ok {
		return false
	}
	at := slices.Index(t.open, shown)
	t.open = slices.Delete(t.open, at, at+1)
	return true
}

func (t *toasts) expire(now time.Time) {
	t.open = slices.DeleteFunc(t.open, func(x toast) bool {
		switch old := now.Sub(x.at); {
		case !x.sticky:
			return old >= toastTime
		case !x.bad:
			return old >= outwardTime
		}
		return false
	})
}

// arrived takes away what sends people to where they are.
func (t *toasts) arrived(at incident.ID) {
	t.open = slices.DeleteFunc(t.open, func(x toast) bool { return x.leads != "" && x.leads == at })
}

// heed takes away what something else than what there is now was the reason of.
func (t *toasts) heed(obstacles string) {
	t.open = slices.DeleteFunc(t.open, func(x toast) bool { return x.cause != "" && x.cause != obstacles })
}

// refuse says why something does not start, and when that was, until it is dismissed or
// what the rules look at has changed.
func (m *model) refuse(format string, args ...any) {
	text := fmt.Sprintf(m.wall(m.now)+" "+format, args...)
	m.toasts.add(m.now, toast{text: safe.New(text, safe.Line), bad: true, sticky: true, cause: "rules\n" + m.obstacles()})
}

// inform says something for some seconds.
func (m *model) inform(format string, args ...any) {
	m.toasts.add(m.now, toast{text: safe.New(fmt.Sprintf(format, args...), safe.Line)})
}

// complain says what does not work, until it is dismissed.
func (m *model) complain(format string, args ...any) {
	m.toasts.add(m.now, toast{text: safe.New(fmt.Sprintf(format, args...), safe.Line), bad: true, sticky: true})
}

// announce says what has reached people, a little longer.
func (m *model) announce(text string) {
	m.toasts.add(m.now, toast{text: safe.New(text, safe.Line), sticky: true})
}
