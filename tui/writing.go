package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// A context that is production is read-only: chaos, load, silences and signatures of the
// routine want :write, which ends by itself. What a response needs (declare, acknowledge, note, escalate, resolve)
// never does, and neither does what ends chaos and load.

// longestWrite is how long one :write lasts at most.
const longestWrite = 8 * time.Hour

// usualWrite is how long it lasts if nobody says.
const usualWrite = 15 * time.Minute

// writes says whether an order is refused in a context that is read-only.
func writes(o pane.Order) bool {
	switch o.(type) {
	case pane.StartChaos, pane.StartLoad, pane.StartGameday, pane.Verify, pane.Silence, pane.EndSilence, pane.Sign:
		return true
	}
	return false
}

// readOnly says whether such orders are refused now.
func (m *model) readOnly() bool { return m.o.Prod && !m.now.Before(m.writeUntil) }

// mayWrite says why not, if an order is refused for that.
func (m *model) mayWrite(o pane.Order) bool {
	if !writes(o) || !m.readOnly() {
		return true
	}
	m.inform("%s", pane.ReadOnlyText(m.o.Context))
	return false
}

// runWrite is :write 15m, or :write off.
func (m *model) runWrite(words string) tea.Cmd {
	if !m.o.Prod {
		m.inform("nothing is read-only here: no context that is production was chosen (--context)")
		return nil
	}
	length := usualWrite
	switch words = strings.TrimSpace(words); words {
	case "":
	case "off":
		if m.readOnly() {
			m.inform("%s is read-only already", m.o.Context)
			return nil
		}
		return m.do(pane.Elevate{})
	default:
		d, err := strictyaml.ParseDuration(words)
		if err != nil || d <= 0 || d > longestWrite {
			m.complain("write %s: write a length up to %s such as 15m, or off", safe.New(words, 20), span(longestWrite))
			return nil
		}
		length = d
	}
	return m.do(pane.Elevate{Length: length})
}

// elevated holds once it stands on the timeline.
func (m *model) elevated(o pane.Elevate) {
	m.writeUntil = time.Time{}
	if o.Length > 0 {
		m.writeUntil = m.now.Add(o.Length)
	}
}

// lapse says that a :write has run out.
func (m *model) lapse() {
	if m.o.Prod && !m.writeUntil.IsZero() && m.readOnly() {
		m.writeUntil = time.Time{}
		m.inform("%s is read-only again; :write 15m changes that", m.o.Context)
	}
}

// prodPiece is the context that is production, and for how long it may be hurt.
func (m *model) prodPiece() []piece {
	out := []piece{say(7, theme.Danger, safe.Sprintf("PROD %s", safe.New(m.o.Context, 24)), safe.Const("PROD"))}
	if m.readOnly() {
		return append(out, say(1, theme.Dim, safe.Const("read-only"))) // what is usual goes first where room is short
	}
	return append(out, say(7, theme.Danger, safe.Sprintf("write:ON %s", safe.New(clockOf(m.writeUntil.Sub(m.now)), 12))))
}

// clockOf is what is left of a stretch of time as a clock shows it: 14:32, 1:14:32.
func clockOf(d time.Duration) string {
	s := int((max(d, 0) + time.Second - 1) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
