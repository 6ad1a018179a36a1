package tui

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// pastTime is how long the header tells of what is done with.
const pastTime = 10 * time.Minute

// untold are the problems that are still to be read, newest last: those that esc has not
// put away, without what has been done with for a while.
func (m *model) untold() []pane.Problem {
	return slices.DeleteFunc(slices.Clone(m.world.Problems), func(p pane.Problem) bool {
		return !p.At.After(m.readTo) || p.Past && m.now.Sub(p.At) >= pastTime
	})
}

// putAway takes the problems from the header; they stay among the messages.
func (m *model) putAway() bool {
	list := m.untold()
	if len(list) == 0 {
		return false
	}
	for _, p := range list {
		m.toasts.keep(toast{text: safe.New(p.Text, safe.Line), at: p.At})
		m.readTo = later(m.readTo, p.At)
	}
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// problem is what the program itself has trouble with. Where there is no room for all of
// it, it ends with a word, and says where the rest is.
func (m *model) problem() []piece {
	list := m.untold()
	if len(list) == 0 {
		return nil
	}
	text := safe.New(list[len(list)-1].Text, safe.Line)
	words := []safe.Text{text}
	rest := safe.Const(" (:messages)")
	for _, w := range []int{180, 150, 130, 115, 105, 95, 85, 75, 67, 60, 55, 50, 45, 40, 35, 30} {
		if text.Width() > w {
			words = append(words, safe.Concat(text.Words(w-rest.Width()), rest))
		}
	}
	return []piece{say(7, theme.Warn, words...)}
}
