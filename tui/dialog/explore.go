package dialog

import (
	"errors"
	"time"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// AnswerForm is how the answer to a question is shown.
type AnswerForm uint8

// The forms.
const (
	AsChart AnswerForm = iota
	AsValues
	AsTable
	AsParts // the expression taken apart
)

// What the person at an Explore wants; its Answer.
const (
	WantsAnswer  = "ask"
	WantsParts   = "explain"
	WantsRange   = "range"
	WantsToCarry = "carry" // away: copy, link, pin
)

// Explore is a line of PromQL with what may be written next, what is wrong with it,
// and its answer below. What comes from outside is told to it: Suggest, Found,
// Explained.
type Explore struct {
	line  line
	wants string

	Span time.Duration  // of a chart
	Zone *time.Location // that times are written in
	Of   safe.Text      // who is asked, where that is not the server now

	form     AnswerForm
	lastForm AnswerForm // before the parts

	spot      query.Spot
	words     []query.Suggestion
	chosen    int    // of words; -1: none yet
	before    string // the line before a word was tried
	at        int    // and the cursor in it, in bytes
	dismiss   string // the line whose words were closed
	refused   int    // characters that the line would have had with what was pasted last
	refusedAt string // and the line then
	wordsErr  error
	fault     *query.Fault
	warnings  []query.Warning

	turn  int // of the last question
	busy  bool
	found *query.Findings
	parts []query.Part
	wrong error // what became of the last question
	top   int   // the first row of the answer that is shown
	page  int
	rows  int // of the last picture
}

// NewExplore begins with a line and the questions of before, newest last.
func NewExplore(initial string, past []string, span time.Duration, zone *time.Location) *Explore {
	e := &Explore{line: newLine(initial, past), Span: span, Zone: zone, chosen: -1}
	e.line.input.CharLimit = 4 * maxTyped
	e.look()
	return e
}

// Past gives it the questions of before anew.
func (e *Explore) Past(past []string) { e.line.past, e.line.back = past, 0 }

// Scope implements Dialog.
func (e *Explore) Scope() keys.Scope { return keys.Explore }

// Expr is the line.
func (e *Explore) Expr() string { return e.line.value() }

// Set puts another expression into the line.
func (e *Explore) Set(expr string) {
	e.line.set(expr)
	e.line.back = 0
	e.look()
}

// Spot is where the cursor stands.
func (e *Explore) Spot() query.Spot { return e.spot }

// Form is how the answer is shown.
func (e *Explore) Form() AnswerForm { return e.form }

// Found is the last answer; nil before.
func (e *Explore) Found() *query.Findings { return e.found }

// Answer implements Dialog: what is wanted.
func (e *Explore) Answer() string { return e.wants }

// Press implements Dialog.
func (e *Explore) Press(p Press) Verdict {
	switch p.Action {
	case keys.Cancel:
		if len(e.shownWords()) > 0 {
			e.dismiss, e.chosen = e.Expr(), -1
			return Stays
		}
		return Closed
	case keys.Submit:
		e.chosen = -1
		return e.want(WantsAnswer)
	case keys.Explain:
		return e.want(WantsParts)
	case keys.Range:
		return e.want(WantsRange)
	case keys.Yank:
		return e.want(WantsToCarry)
	case keys.NextForm:
		return e.nextForm()
	case keys.Complete:
		e.try(+1)
	case keys.PreviousField:
		e.try(-1)
	case keys.PageUp:
		e.top = max(e.top-e.page, 0)
	case keys.PageDown:
		e.top += e.page
	default:
		was, pos := e.Expr(), e.cursor()
		e.line.press(p)
		if e.Expr() != was || e.cursor() != pos {
			e.look()
		}
		if p.Action == keys.OlderEntry || p.Action == keys.NewerEntry {
			e.dismiss = e.Expr() // nobody types: words would only hide the answer
		}
	}
	return Stays
}

// want refuses to ask what cannot be read: the fault stands below the line already.
func (e *Explore) want(what string) Verdict {
	if what != WantsRange && e.fault != nil {
		e.dismiss = e.Expr() // so that nothing hides why
		return Stays
	}
	if what == WantsAnswer || what == WantsParts {
		e.dismiss = e.Expr()
	}
	e.wants = what
	return Answered
}

// nextForm changes how the answer is shown, and asks again where that takes another
// question.
func (e *Explore) nextForm() Verdict {
	was := e.form
	e.form, e.top = (e.form+1)%AsParts, 0
	if was == AsParts {
		e.form = e.lastForm
	}
	if e.found == nil || e.fault != nil || (e.found.Question.Span > 0) == (e.form == AsChart) {
		return Stays
	}
	e.wants = WantsAnswer
	return Answered
}

// Paste implements Dialog. What does not fit is refused as a whole: the beginning of an
// expression may be one too, and answers something else.
func (e *Explore) Paste(text string) {
	if n := utf8.RuneCountInString(e.Expr()) + utf8.RuneCountInString(text); n > e.line.input.CharLimit {
		e.refused, e.refusedAt = n, e.Expr()
		return
	}
	e.line.paste(text)
	e.look()
}

// cursor is where it stands, in bytes.
func (e *Explore) cursor() int {
	typed := []rune(e.Expr())
	return len(string(typed[:min(e.line.input.Position(), len(typed))]))
}

// look reads the line anew: what is wrong with it, and what may be written. Words of
// before stay, as far as they still fit, until others come.
func (e *Explore) look() {
	expr := e.Expr()
	e.fault, e.warnings, e.chosen = nil, nil, -1
	if expr != "" {
		if e.fault = query.CheckExpr(expr); e.fault == nil {
			e.warnings = query.Lint(expr)
		}
	}
	was := e.spot
	e.spot = query.SpotAt(expr, e.cursor())
	if e.spot.Want != was.Want || e.spot.Label != was.Label {
		e.words, e.wordsErr = nil, nil
		return
	}
	names := make([]string, len(e.words))
	for i, w := range e.words {
		names[i] = w.Text
	}
	kept := e.words[:0:0]
	for _, fits := range query.Search(names, e.spot.Word, len(names)) {
		for _, w := range e.words {
			if w.Text == fits {
				kept = append(kept, w)
				break
			}
		}
	}
	e.words = kept
}

// Suggest is told what may be written at a spot. What is late is dropped.
func (e *Explore) Suggest(at query.Spot, words []query.Suggestion, err error) {
	s := e.spot
	if at.Want != s.Want || at.Word != s.Word || at.From != s.From || at.Label != s.Label || e.chosen >= 0 {
		return
	}
	e.words, e.wordsErr = words, err
}

// shownWords are those of the list while it is open.
func (e *Explore) shownWords() []query.Suggestion {
	if e.chosen < 0 && (e.dismiss == e.Expr() || len(e.words) == 1 && e.words[0].Text == e.spot.Word) {
		return nil
	}
	return e.words
}

// try puts the next word of the list into the line.
func (e *Explore) try(by int) {
	e.dismiss = ""
	if len(e.words) == 0 {
		return
	}
	if e.chosen < 0 {
		e.before, e.at = e.Expr(), e.cursor()
		if by < 0 {
			e.chosen = 0
		}
	}
	e.chosen = (e.chosen + by + len(e.words)) % len(e.words)
	spot := query.SpotAt(e.before, e.at)
	text, at := query.Complete(e.before, spot, e.words[e.chosen])
	e.line.input.SetValue(text)
	e.line.input.SetCursor(len([]rune(text[:at])))
	e.fault, e.warnings = query.CheckExpr(text), query.Lint(text)
	if len(e.words) == 1 { // nothing else to try: what comes next is suggested
		e.look()
	}
}

// Ask begins a question. Its number tells the answer from those of before.
func (e *Explore) Ask() (turn int) {
	e.turn++
	e.busy, e.wrong, e.top = true, nil, 0
	e.line.done()
	if e.form == AsParts {
		e.form = e.lastForm
	}
	return e.turn
}

// Explain begins to take the expression apart.
func (e *Explore) Explain() (turn int) {
	e.turn++
	e.busy, e.wrong, e.top, e.parts = true, nil, 0, nil
	if e.form != AsParts {
		e.lastForm = e.form
	}
	e.form = AsParts
	return e.turn
}

// late says that the answer is not to the last question: it is dropped.
func (e *Explore) late(turn int) bool {
	if turn != e.turn {
		return true
	}
	e.busy = false
	return false
}

// Tell is told the answer to a question.
func (e *Explore) Tell(turn int, found *query.Findings, err error) {
	if e.late(turn) {
		return
	}
	if e.wrong = err; err == nil {
		e.found = found
	}
}

// TellParts is told the parts of an expression.
func (e *Explore) TellParts(turn int, parts []query.Part, err error) {
	if e.late(turn) {
		return
	}
	e.parts, e.wrong = parts, err
}

// message is the line below the expression: what is wrong, what is doubtful, or what
// belongs here.
func (e *Explore) message() (text safe.Text, bad, doubt bool) {
	switch {
	case e.refused > 0 && e.refusedAt == e.Expr():
		return safe.Sprintf("not pasted: an expression has at most %d characters, this had %d", e.line.input.CharLimit, e.refused), true, false
	case e.fault != nil && e.Expr() != "" && !e.unfinished():
		return safe.Sprintf("character %d: %s", runesBefore(e.Expr(), e.fault.Pos)+1, e.fault.Msg), true, false
	case len(e.warnings) > 0:
		return safe.Sprintf("%s: %s", e.warnings[0].Rule, e.warnings[0].Message), false, true
	case e.wordsErr != nil:
		return safe.Sprintf("no words of the server: %v", reason(e.wordsErr)), false, true
	}
	if sig, _, _ := query.Signature(e.spot.Call, e.spot.Arg); sig != "" {
		return safe.New(sig, safe.Line), false, false
	}
	if e.fault != nil && e.Expr() != "" {
		return safe.Sprintf("not whole yet: %s", e.fault.Msg), false, false
	}
	return safe.Text{}, false, false
}

// unfinished says that only the end is missing: nobody has done anything wrong yet.
func (e *Explore) unfinished() bool {
	n := len(e.Expr())
	return e.fault != nil && e.dismiss != e.Expr() && e.cursor() == n && (e.fault.End >= n || e.spot.Call != "" || e.spot.Want == query.WantDuration || e.spot.Want == query.WantValue || e.spot.InBraces)
}

func runesBefore(text string, pos int) int {
	return len([]rune(text[:min(max(pos, 0), len(text))]))
}

// reason is the error itself, without the address that the title shows already.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil && inner.Error() != "" {
		return inner
	}
	return err
}
