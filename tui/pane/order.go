package pane

import (
	"context"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/query"
)

// Operator carries out what a person asked for by key. Do may take a while and
// is never called from Update; ctx ends with the screen. A refusal comes back
// as an error whose text is for the person.
type Operator interface {
	Do(ctx context.Context, o Order) (Receipt, error)
}

// Receipt is what became of an order.
type Receipt struct {
	Text     string             // for the toast: "INC-3 declared; L1 paged: PagerDuty accepted"
	Incident incident.ID        // that the order made or was about
	Document string             // for OpenDraft: the text to edit
	Frozen   *Frozen            // for OpenFrozen
	Path     string             // for ExportDraft: where it was written; for OpenDraft: the file that has the text
	Outward  bool               // it reached people: the toast stays until dismissed
	Looked   *InboxDetail       // for LookInto
	Words    []query.Suggestion // for Suggest; there may be some with an error
	Found    *query.Findings    // for Find
	Parts    []query.Part       // for Explain
	Links    []FilledLink       // for FindLinks
}

// Order is one thing that a person asks for; the set is closed.
type Order interface{ order() }

// The orders. ID is the incident that was selected when the key was pressed,
// whatever the list has done since.
type (
	// Declare opens an incident; Alert, if set, is the fingerprint of the
	// firing alert that it is about.
	Declare struct {
		Title, Service string
		Severity       incident.Severity
		Drill          bool
		Alert          string
	}
	Acknowledge   struct{ ID incident.ID }
	Unacknowledge struct{ ID incident.ID }
	Note          struct {
		ID   incident.ID
		Text string
	}
	Did struct {
		ID     incident.ID
		Action incident.Action
	}
	SetSeverity struct {
		ID     incident.ID
		To     incident.Severity
		Reason string
	}
	SetService struct {
		ID      incident.ID
		Service string
	}
	SetStatus struct {
		ID      incident.ID
		To      incident.Status
		Details string
	}
	Assign struct {
		ID     incident.ID
		Role   incident.Role
		Person incident.Person
	}
	Escalate struct {
		ID     incident.ID
		Level  incident.Level
		Reason string
	}
	Snooze struct {
		ID     incident.ID
		Length time.Duration
	}
	// Resolve ends an incident. Anyway is why it does although a load check has not held, or
	// was not waited for; it stands on the timeline. Verify runs that check, a load plan, and
	// resolves the incident if it holds: how it goes is in World.Check.
	Resolve struct {
		ID         incident.ID
		Resolution string
		Anyway     string
	}
	Verify struct {
		ID         incident.ID
		Resolution string
		Plan       string
	}
	Reopen struct{ ID incident.ID }
	Close  struct{ ID incident.ID }

	// Update tells people outside. Correct gives an event, by its ULID, other
	// words. Merge says that ID goes on as Into.
	Update struct {
		ID   incident.ID
		Says incident.Update
	}
	Correct struct {
		ID    incident.ID
		Event string
		Text  string
	}
	Merge struct{ ID, Into incident.ID }

	// AddItem writes an action item down, CloseItem says that one is done.
	AddItem struct {
		ID    incident.ID
		Text  string
		Owner incident.Person
		Due   time.Time // the end of its day; zero is none
	}
	CloseItem struct {
		ID   incident.ID
		Item string // AI-1
	}

	// TickStep says that a step of a runbook is done, UntickStep that it is not,
	// Attach which runbook is followed. AskStep asks the queries of a step: what
	// they answer is in World.Answers a moment later. None of them reaches out.
	TickStep struct {
		ID   incident.ID
		Step incident.Step
	}
	UntickStep struct {
		ID            incident.ID
		Runbook, Step string
	}
	Attach struct {
		ID      incident.ID
		Runbook string
	}
	AskStep struct{ Queries []runbook.Block }

	// ShowBoard puts another board on the screen, by the name of its file. AskPanels
	// says which panels of it are open, by their places on the board: the others
	// are not asked for.
	ShowBoard struct{ Name string }
	AskPanels struct{ Panels []int }

	// SetValues chooses values of variables of the board; a value that is not
	// offered is refused.
	SetValues struct{ Values query.Values }

	// CompareWith has the panels of the board compared with earlier times.
	CompareWith struct{ Comparisons query.Comparisons }

	// StartChaos and StartLoad start a prepared file by name; Confirm is what was
	// typed for production. AbortAll ends every run and undoes every fault; it
	// never asks.
	StartChaos struct{ Name, Confirm string }
	StartLoad  struct{ Name string }
	AbortAll   struct{}

	// JudgeChaos asks what the rules say of runs now, and touches nothing: the
	// answers are in World.Chaos.Judged a moment later. ConfirmChaos says that
	// whoever started a run still sees it.
	JudgeChaos   struct{ Names []string }
	ConfirmChaos struct{ Run string }

	// JudgeGameday asks what holding a game day would be now: the answer is in
	// World.Gamedays.Judged a moment later. StartGameday holds one, in a process that ends
	// with this one; Confirm is what was typed for production. AnswerGameday says go, or no,
	// to what a run asks at a step.
	JudgeGameday  struct{ Name string }
	StartGameday  struct{ Name, Confirm string }
	AnswerGameday struct {
		Run, Step string
		Go        bool
		Note      string
	}

	// MakeDraft drafts or refreshes the post-mortem; OpenDraft answers with its
	// text for an editor, SaveDraft takes it back, LeaveDraft says that the editor
	// brought nothing, ExportDraft writes Markdown.
	MakeDraft  struct{ ID incident.ID }
	OpenDraft  struct{ ID incident.ID }
	LeaveDraft struct{ ID incident.ID }
	SaveDraft  struct {
		ID   incident.ID
		Text string
	}
	ExportDraft struct {
		ID   incident.ID
		Path string
	}

	// OpenFrozen shows a board as it was kept at an event of an incident. With Recorded
	// it is asked of the samples that were recorded with the incident instead, over
	// Span until End (0 and the zero time are the board's range, around At).
	OpenFrozen struct {
		Incident incident.ID
		Event    string // its ID
		Board    string
		What     string // happened then
		At       time.Time
		Recorded bool
		Span     time.Duration
		End      time.Time
		Columns  int
	}

	// Window sets what the board shows: Span long, Columns wide, until End (the
	// zero time is live). RefreshNow asks again at once. Both return at once.
	Window struct {
		Span    time.Duration
		Columns int
		End     time.Time
	}
	RefreshNow struct{}
)

func (Declare) order()       {}
func (Acknowledge) order()   {}
func (Unacknowledge) order() {}
func (Note) order()          {}
func (Did) order()           {}
func (SetSeverity) order()   {}
func (SetService) order()    {}
func (SetStatus) order()     {}
func (Assign) order()        {}
func (Escalate) order()      {}
func (Snooze) order()        {}
func (Resolve) order()       {}
func (Verify) order()        {}
func (Reopen) order()        {}
func (Close) order()         {}
func (Update) order()        {}
func (Correct) order()       {}
func (Merge) order()         {}
func (AddItem) order()       {}
func (CloseItem) order()     {}
func (TickStep) order()      {}
func (UntickStep) order()    {}
func (Attach) order()        {}
func (AskStep) order()       {}
func (StartChaos) order()    {}
func (StartLoad) order()     {}
func (AbortAll) order()      {}
func (JudgeChaos) order()    {}
func (ConfirmChaos) order()  {}
func (JudgeGameday) order()  {}
func (StartGameday) order()  {}
func (AnswerGameday) order() {}
func (MakeDraft) order()     {}
func (OpenDraft) order()     {}
func (SaveDraft) order()     {}
func (LeaveDraft) order()    {}
func (ExportDraft) order()   {}
func (OpenFrozen) order()    {}
func (ShowBoard) order()     {}
func (AskPanels) order()     {}
func (SetValues) order()     {}
func (CompareWith) order()   {}
func (Window) order()        {}
func (RefreshNow) order()    {}
