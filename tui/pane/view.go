// Package pane is the views of the command centre: Now, Board, Timeline, Actions,
// Post-mortem, On-call, Statistics, Alerts, the objectives and the scorecard. A view draws what it is given and says what a key asks for;
// it starts nothing, waits for nothing and knows no store.
package pane

import (
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// Screen is what a view draws from and decides on: the world, and the person's
// place in it. The root model makes one for every picture and every key; a view
// keeps nothing of it but IDs, and what it has worked out from a World for as
// long as that is the newest.
type Screen struct {
	World    *World
	Now      time.Time
	Zone     *time.Location // that times are written in
	Incident incident.ID    // the selected one; "" = none
	Actor    incident.Person
	Context  string // name of the configured context
	Prod     bool
	ReadOnly bool // chaos, load and silences are refused
	Keys     keys.Map
	Frozen   *Frozen // the board is that of a moment in the past; nil = live
	Filter   string  // that the person typed for the focused list; "" = everything
}

// View is one of the numbered screens, between header and footer. Its methods
// are called from Update's goroutine only, do no I/O and never block.
type View interface {
	// Scope is where the view's own keys are looked up.
	Scope() keys.Scope
	// Draw fills f, at any size down to nothing.
	Draw(f *frame.Frame, s *Screen)
	// Press does what an action of the view's scope (or cancel, refresh, pane
	// change, yank) means here. Cancel leaves what the view itself has open.
	Press(a keys.Action, s *Screen) Effect
	// Resize is called when the view is shown and when its size changes, before
	// it is drawn: a board asks for a window that fits its columns.
	Resize(width, height int, s *Screen) Effect
}

// Effect is what a key asks the root model to do. The zero Effect means that
// the view has no use for the key.
type Effect struct {
	Handled bool
	Orders  []Order
	Select  incident.ID // select this incident
	Toast   string      // an information of six seconds; raw text
	Copy    string      // for the clipboard; raw text
	Ask     *Ask
	Form    *Form
	Pick    *Pick
	Read    *Reading
	Plan    string      // what this experiment would do now
	Day     string      // what holding this game day would be now
	Past    *string     // how the runs of this experiment went; of "" those of all
	Act     keys.Action // then this, as if its key had been pressed
	Thaw    bool        // the board is live again; heeded whether or not the key was handled
}

// Ask is a question: one line of text, or a choice. Then gets the answer and
// says what follows; giving up asks nothing more.
type Ask struct {
	Title   string
	Help    string // a line below
	Initial string
	Choices []Choice // if any, one of them is picked, else a line is typed
	Then    func(answer string) Effect
}

// Form asks for several lines, of what stays on this host: enter after the last of them is
// the answer. Then gets them in their order and says what follows. What was typed is kept
// under the title until it is an order.
type Form struct {
	Title  string
	Help   []string
	Fields []FormField
	Then   func(values []string) Effect
}

// FormField is one line of a form; raw text.
type FormField struct{ Label, Hint, Initial string }

// Pick is a choice of one or several among many, found by typing. Then gets the
// values.
type Pick struct {
	Title   string
	Options []Choice
	All     string   // the value of the first row, which excludes the others; "" = there is none
	Chosen  []string // at first
	Multi   bool
	Then    func(values []string) Effect
}

// Choice is a row of a picker; Letter, if set, picks it by one key.
type Choice struct {
	Value, Text string
	Letter      rune
}

// Reading is a long text to be read in full: an event, a page, a query. Esc
// closes it.
type Reading struct {
	Title string
	Lines []safe.Text
	Hang  []int                  // by line, the cell below which what is wrapped goes on; 0, and what is missing, is the first
	Again func(*Screen) *Reading // what it has become since; nil, also as an answer: it stays as it is
}
