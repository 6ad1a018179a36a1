package chaos

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// The kinds of journal records. Only additions are ever made here: an old
// journal must be undone by a new sitrep.
const (
	recOpened     = "opened"
	recArmed      = "armed"
	recIntent     = "intent"
	recInjected   = "injected"
	recObserved   = "observed"
	recUndoing    = "undoing"
	recUndone     = "undone"
	recUndoFailed = "undo_failed"
	recOver       = "over" // every step is: nothing more is injected
	recClosed     = "closed"
)

// Record is one line of a journal.
type Record struct {
	Rec   string    `json:"rec"`
	At    time.Time `json:"at"`
	Entry string    `json:"entry,omitempty"` // which fault
	Text  string    `json:"text,omitempty"`  // evidence, effect, reason or error
	By    string    `json:"by,omitempty"`    // who wrote it, if not the runner

	Opened *Opened `json:"opened,omitempty"`
	Intent *Intent `json:"intent,omitempty"`
	// Process is the undertaker, in the armed record.
	Process *Process `json:"process,omitempty"`
}

// ofFault says whether the record tells what became of one fault.
func (r Record) ofFault() bool {
	switch r.Rec {
	case recIntent, recInjected, recObserved, recUndoing, recUndone, recUndoFailed:
		return r.Entry != ""
	}
	return false
}

// Opened is the head of a journal.
type Opened struct {
	Run        string   `json:"run"`
	ID         string   `json:"id"`
	Experiment string   `json:"experiment"`
	Runner     Process  `json:"runner"`
	Targets    []string `json:"targets"`
	Matched    []string `json:"matched"`
	Seed       uint64   `json:"seed"`
	// Production is why what it hurts is production; empty if it is none, or an older
	// version wrote it.
	Production string `json:"production,omitempty"`
	// Starter is the process that follows the run and records how it ends, and Store the
	// file in which: whoever finds the journal closed and the starter dead does it then.
	Starter *Process `json:"starter,omitempty"`
	Store   string   `json:"store,omitempty"`
}

// Intent is a fault that is about to be injected, with all that its undo needs.
type Intent struct {
	Kind    string    `json:"kind"`
	Target  string    `json:"target"`
	Tier    Tier      `json:"tier"`
	Undo    []Op      `json:"undo"`
	Gone    Check     `json:"gone"`
	BootID  string    `json:"boot_id"`
	Until   time.Time `json:"until"`   // its planned end
	Expires time.Time `json:"expires"` // when the undertaker no longer trusts the runner to end it
}

// Entry is one fault of a journal, folded.
type Entry struct {
	ID string
	Intent
	Confirmed  bool // the injector returned; else it may have been cut off in the middle
	InjectedAt time.Time
	Effect     string
	UndoingAt  time.Time // when its undo was begun
	UndoneAt   time.Time // zero while it may still be there
	UndoneBy   string    // who saw that it is gone, if not the runner
	Failed     string    // why the last undo did not succeed
}

// Open says whether the fault may still be there.
func (e Entry) Open() bool { return e.UndoneAt.IsZero() }

// Log is a journal, folded.
type Log struct {
	Path       string
	Opened     Opened
	OpenedAt   time.Time
	Undertaker *Process
	Entries    []Entry // in the order of injection
	Over       bool    // nothing more is injected
	Closed     bool    // nothing is left to undo, and somebody said so
	ClosedText string
	ClosedAt   time.Time
	Torn       int // lines that could not be read
	// Damage is what is wrong with the file that no crash explains, the first of
	// it: faults may be in place that nobody can read of. Empty if all is well.
	Damage string

	saidClosed bool
}

// ErrDamaged means that a journal does not tell all that its run did. What can be
// read in it is undone; the rest is for a person to look at.
var ErrDamaged = errors.New("the journal is damaged")

func (l *Log) damage(format string, args ...any) {
	if l.Damage == "" {
		l.Damage = fmt.Sprintf(format, args...)
	}
}

// damaged is the error of a journal that is damaged, else nil.
func (l *Log) damaged() error {
	if l.Damage == "" {
		return nil
	}
	whom := strings.Join(l.Opened.Targets, ", ")
	if whom == "" {
		whom = "every target"
	}
	return fmt.Errorf("%w: %s; what can be read is undone, but a fault may be left that cannot be read: look at %s (a process in state T needs kill -CONT PID, a proxy that lists faults needs DELETE PROXY/faults/ID), then remove %s",
		ErrDamaged, l.Damage, whom, l.Path)
}

// hopeless says that nothing more can be done from the journal, and that it is
// not proof that all is well.
func (l *Log) hopeless() bool { return l.Damage != "" && len(l.open()) == 0 }

// byHand says what is left to do for a person, in words that follow others.
func (l *Log) byHand() string {
	var do []string
	for _, e := range l.open() {
		do = append(do, fmt.Sprintf("%s on %s: %v", e.Kind, e.Target, e.Undo))
	}
	if len(do) == 0 {
		return ""
	}
	return "; do by hand: " + strings.Join(do, "; ")
}

// identity is the run's name and ULID, as far as the journal or its name tells.
func (l *Log) identity() (run, id string) {
	run, id = l.Opened.Run, l.Opened.ID
	if id == "" {
		id = strings.TrimSuffix(filepath.Base(l.Path), journalExt)
	}
	if run == "" {
		run = id
	}
	return run, id
}

// apply folds one record. It accepts everything: what it does not know, or what
// comes twice, changes nothing.
func (l *Log) apply(r Record) {
	l.applyHead(r)
	if e := l.entry(r.Entry); e != nil {
		e.apply(r)
	}
	l.Closed = l.saidClosed && len(l.open()) == 0
}

func (l *Log) applyHead(r Record) {
	switch r.Rec {
	case recOpened:
		if r.Opened != nil && l.OpenedAt.IsZero() {
			l.Opened, l.OpenedAt = *r.Opened, r.At
		}
	case recArmed:
		if r.Process != nil {
			l.Undertaker = r.Process
		}
	case recIntent:
		if r.Intent != nil && r.Entry != "" && l.entry(r.Entry) == nil {
			l.Entries = append(l.Entries, Entry{ID: r.Entry, Intent: *r.Intent})
		}
	case recOver:
		l.Over = true
	case recClosed:
		l.saidClosed, l.ClosedText, l.ClosedAt = true, r.Text, r.At
	}
}

func (e *Entry) apply(r Record) {
	switch r.Rec {
	case recInjected:
		if !e.Confirmed {
			e.Confirmed, e.InjectedAt = true, r.At
		}
	case recObserved:
		e.Effect = r.Text
	case recUndoing:
		if e.UndoingAt.IsZero() {
			e.UndoingAt = r.At
		}
	case recUndone:
		if e.Open() {
			e.UndoneAt, e.UndoneBy, e.Failed = r.At, r.By, ""
		}
	case recUndoFailed:
		if e.Open() {
			e.Failed = r.Text
		}
	}
}

func (l *Log) entry(id string) *Entry {
	for i := range l.Entries {
		if l.Entries[i].ID == id {
			return &l.Entries[i]
		}
	}
	return nil
}

// open lists the faults that may still be there, the last injected first.
func (l *Log) open() []Entry {
	var open []Entry
	for i := len(l.Entries) - 1; i >= 0; i-- {
		if l.Entries[i].Open() {
			open = append(open, l.Entries[i])
		}
	}
	return open
}
