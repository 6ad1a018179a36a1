package chaos

import (
	"context"
	"encoding/json"
	"os"
	"time"
)

// Tier says what stands between a fault and its end when sitrep dies. It is
// shown before every run.
type Tier string

// The tiers, best first; the comment of the package tells more.
const (
	TierKernel       Tier = "K" // gone when its holder dies, however
	TierCarried      Tier = "C" // its carrier ends it by itself at a set time, and on our call before
	TierAnnotated    Tier = "A" // the record on the object lets anyone recover it
	TierDeadMan      Tier = "D" // undone by the undertaker, else at the next start, else by a reboot
	TierIrreversible Tier = "I" // nothing to undo; recovery is verified instead
)

// Means is the tier in words.
func (t Tier) Means() string {
	switch t {
	case TierKernel:
		return "held by the kernel: gone when its holder dies"
	case TierCarried:
		return "ends by itself at its time, undone before that by runner or undertaker"
	case TierAnnotated:
		return "recoverable by anyone from the record on the object"
	case TierDeadMan:
		return "undone by runner or undertaker, else at the next start of sitrep"
	case TierIrreversible:
		return "cannot be undone; recovery is verified instead"
	}
	return "unknown tier"
}

// Fault is a way to hurt one target. Implementations hold no state of a run.
type Fault interface {
	// Kind is the name that experiment files use, such as "http.latency".
	Kind() string
	// Check says whether the parameters make sense, as a *ParamError if not.
	Check(with With) error
	// Plan resolves one step on one target. It may look, it must not touch. id
	// is unique for all time and names the fault where names are needed. A target
	// that must not be hurt is a *Refusal.
	Plan(ctx context.Context, id string, step Step, target Target) (Injection, error)
}

// Mechanical is a Fault that can be done in more than one way.
type Mechanical interface {
	// Mechanisms are what a step may name, the best first. Without a name the first
	// that works here is taken, and the plan says which.
	Mechanisms() []string
}

// Injection is one fault on one target, resolved: what will be done, and as
// plain data everything that is needed to take it back.
type Injection struct {
	ID, Kind, Target string
	Tier             Tier
	Undo             []Op
	Gone             Check
	Preview          []string // the exact operations, for people
	Needs            []string // rights, programs, what must be there; for people
	Confirm          string   // why a person must say within 10 s of it that they are still there, else it is undone; empty: they need not
	Programs         []string // that the experiment's own file has it run; the policy must name them
	Injector         Injector
	// Still looks once more at what the plan rests on: that the target is what it was, that
	// nothing protects it by now, and that nobody else has done to it meanwhile what the
	// undo would take back. It touches nothing, and is asked before the intent is written
	// down and again right before the deed: after an error nothing is done, nor undone. nil
	// asks nothing.
	Still func(ctx context.Context) error
}

// Armed is what an injector may rely on once the undertaker watches.
type Armed struct {
	// Until is when the fault must be over at the latest. A carrier that can end
	// a fault by itself is told this time.
	Until time.Time
	// Lease is the runner's end of the pipe whose closing wakes the undertaker.
	// A child process that injects must inherit it, else it could inject after
	// the undo has run.
	Lease *os.File
}

// Injector does the deed and looks for its effect. Both run in the runner.
type Injector interface {
	// Inject returns once the fault is in place, with the evidence. After an
	// error the fault is taken to be there all the same, and is undone.
	Inject(ctx context.Context, armed Armed) (evidence string, err error)
	// Observe says whether the fault has taken effect.
	Observe(ctx context.Context) (effect string, ok bool, err error)
}

// Preparer is an Injector that needs something to be there before its intent can be
// written down: a process that will hold the fault, see [HeldFault].
type Preparer interface {
	// Prepare readies it and hurts nobody. What it returns goes into the intent:
	// operations before the injection's own undo, checks beside its own.
	Prepare(ctx context.Context, armed Armed) (undo []Op, gone []Check, err error)
	// Watch returns why the fault is there no longer, when it has ended by itself;
	// or nothing when ctx ends.
	Watch(ctx context.Context) (why string)
	// Release lets go of what was readied. It is called after the undo, and where
	// the fault was never injected; the fault is gone then, whatever the undo did.
	Release()
}

// Holder is a fault that lives in a process of its own, for as long as that.
type Holder interface {
	// Hold puts the fault in place and returns with the evidence. The fault must
	// need nothing but the end of this process to be gone.
	Hold(ctx context.Context) (evidence string, err error)
	// Observe says whether the fault has taken effect.
	Observe(ctx context.Context) (effect string, ok bool, err error)
}

// NewHolder reads what a fault's plan has sent to its holder.
type NewHolder func(spec json.RawMessage) (Holder, error)

// Recoverer is an Injector of something that cannot be undone: it says whether
// the system has recovered from it.
type Recoverer interface {
	Recovered(ctx context.Context) (evidence string, ok bool, err error)
}
