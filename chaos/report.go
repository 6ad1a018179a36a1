package chaos

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// Phase is where a run stands.
type Phase string

// The phases in their order; from every one a run may go to undoing.
const (
	Planned    Phase = "planned"
	Preflight  Phase = "preflight"
	Arming     Phase = "armed"
	Baseline   Phase = "baseline"
	Injecting  Phase = "injecting"
	Verified   Phase = "verified"
	Holding    Phase = "holding"
	Undoing    Phase = "undoing"
	Gone       Phase = "gone"
	Waiting    Phase = "waiting" // a step that is a wait
	Recovering Phase = "recovering"
	Finished   Phase = "verdict"
)

// The kinds of reports. Probe and guard reports are samples and may be left out
// when nobody reads; the others are facts.
const (
	KindStarted    = "started"
	KindPhase      = "phase"
	KindInjected   = "injected"
	KindObserved   = "observed"
	KindConfirm    = "confirm" // asks for Handle.Confirm; without it the run is undone
	KindConfirmed  = "confirmed"
	KindGuard      = "guard"
	KindProbe      = "probe"
	KindAborting   = "aborting"
	KindUndone     = "undone"
	KindUndoFailed = "undo_failed"
	KindFinished   = "finished"
)

// Report is one line of what a runner says.
type Report struct {
	Run        string             `json:"run"`
	ID         string             `json:"id"`
	Experiment string             `json:"experiment"`
	Kind       string             `json:"kind"`
	At         time.Time          `json:"at"`
	Text       string             `json:"text"`
	Phase      Phase              `json:"phase,omitempty"`
	Remaining  Seconds            `json:"remaining"`       // until the faults end as planned
	Step       int                `json:"step,omitempty"`  // of Steps, counted from 1; 0 before the first
	Steps      int                `json:"steps,omitempty"` // of the method
	Rest       Seconds            `json:"rest,omitempty"`  // until the last step is over as planned
	Fault      *FaultRef          `json:"fault,omitempty"`
	Faults     []FaultRef         `json:"faults,omitempty"`   // with KindStarted: all that is planned
	Services   []string           `json:"services,omitempty"` // with KindStarted: of the targets
	Sample     *Sample            `json:"sample,omitempty"`
	Values     map[string]float64 `json:"values,omitempty"` // the latest values of probes and guards, frozen with a fact
	Outcome    *Outcome           `json:"outcome,omitempty"`
}

// FaultRef is the fault that a report is about.
type FaultRef struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Target string `json:"target"`
	Tier   Tier   `json:"tier"`
}

// Sample is one evaluation of a probe or a guard.
type Sample struct {
	Name    string   `json:"name"`
	Value   *float64 `json:"value"`           // nil without data
	OK      bool     `json:"ok"`              // a probe in tolerance, a guard not breached
	Tripped bool     `json:"tripped"`         // this evaluation of a guard ends the run
	Limit   string   `json:"limit,omitempty"` // what the value is held against
	Row     int      `json:"row,omitempty"`   // breaches of a guard in a row
	For     int      `json:"for,omitempty"`   // so many in a row end the run
}

// Seconds is a duration that JSON shows in seconds.
type Seconds time.Duration

// MarshalJSON writes a number of seconds.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// UnmarshalJSON reads a number of seconds.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var f float64
	err := json.Unmarshal(b, &f)
	*s = Seconds(f * float64(time.Second))
	return err
}

// Verdict is how a run ended.
type Verdict string

// The verdicts. Inconclusive means that nothing can be said about the system: no
// effect, no data, or it was sick before.
const (
	Held         Verdict = "held"
	Deviated     Verdict = "deviated"
	Aborted      Verdict = "aborted"
	Inconclusive Verdict = "inconclusive"
	Refused      Verdict = "refused"
	UndoFailed   Verdict = "undo_failed"
)

var verdicts = []Verdict{Held, Deviated, Aborted, Inconclusive, Refused, UndoFailed}

// Outcome is the result of a run, and the last line of `chaos run --json`.
type Outcome struct {
	Run        string         `json:"run"`
	Verdict    Verdict        `json:"verdict"`
	Reason     string         `json:"reason"`
	Score      *float64       `json:"score"` // 0 to 1; nil when nothing can be scored
	Faults     []FaultOutcome `json:"faults"`
	Probes     []ProbeOutcome `json:"probes"`
	Guards     []GuardOutcome `json:"guards"`
	Hypothesis string         `json:"hypothesis,omitempty"`
	Seed       uint64         `json:"seed,omitempty"`       // of the draw of targets: targets.seed repeats it
	StartedAt  *time.Time     `json:"started_at,omitempty"` // what the points of probes are counted from; nil if it never began
	// Recovery says of an aborted run whether the steady state returned.
	Recovery string `json:"recovery,omitempty"`
	// RecoverySeconds is how long the steady state took to return after the last
	// undo; nil if it did not, or nobody looked.
	RecoverySeconds *float64 `json:"recovery_seconds"`
}

// Because is the reason in words that follow the verdict: a refusal says by itself that
// it is one.
func (o Outcome) Because() string {
	if o.Verdict == Refused {
		return refusedWord.ReplaceAllString(o.Reason, "$1$2")
	}
	return o.Reason
}

// Why is that with what is known of the recovery.
func (o Outcome) Why() string {
	if o.Recovery == "" {
		return o.Because()
	}
	return o.Because() + "; " + o.Recovery
}

// refusedWord is how a Refusal begins, by itself or behind what was being done.
var refusedWord = regexp.MustCompile(`(^|: )refused ((?:R\d+ )?[a-z-]+: )`)

// Said is the verdict and why.
func (o Outcome) Said() string { return string(o.Verdict) + ": " + o.Why() }

// Back is how soon the steady state was there again: "at once", "after 3s". It is empty
// if it did not return, or nobody looked.
func (o Outcome) Back() string {
	if o.RecoverySeconds == nil {
		return ""
	}
	return afterSo(time.Duration(*o.RecoverySeconds * float64(time.Second)))
}

// FaultOutcome is what became of one fault. For a fault of tier I GoneAt is when
// its target had recovered.
type FaultOutcome struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Target     string     `json:"target"`
	Tier       Tier       `json:"tier"`
	InjectedAt *time.Time `json:"injected_at"`
	GoneAt     *time.Time `json:"gone_at"`
	Effect     string     `json:"effect"`
}

// ProbeOutcome is what a probe saw. Before and After are nil without data.
type ProbeOutcome struct {
	Name        string   `json:"name"`
	Expect      string   `json:"expect"`
	Before      *float64 `json:"before"`
	During      *float64 `json:"during"` // the last value
	Worst       *float64 `json:"worst"`  // the value during that was furthest out, or nearest to it
	After       *float64 `json:"after"`
	Looks       int      `json:"looks,omitempty"`  // during; 0 where an older sitrep has not counted them
	Evaluations int      `json:"evaluations"`      // of those, with data
	Within      int      `json:"within"`           // of those, in tolerance
	Phases      []When   `json:"phases,omitempty"` // it looked; none is all
	Series      []Point  `json:"series,omitempty"` // what it saw from the first look to the last
}

// blindAbove is the share of the looks that may be without data while a fault holds. With
// more, nobody knows whether the steady state held.
const blindAbove = 0.25

// Blind says whether too few looks had data to judge by.
func (p ProbeOutcome) Blind() bool {
	return p.Evaluations == 0 || float64(p.Looks-p.Evaluations) > blindAbove*float64(p.Looks)
}

// Answered is how many looks had data, where some had none: "1 of 10 looks answered".
func (p ProbeOutcome) Answered() string {
	if p.Looks <= p.Evaluations {
		return ""
	}
	return fmt.Sprintf("%d of %d looks answered", p.Evaluations, p.Looks)
}

// GuardOutcome is what a guard saw.
type GuardOutcome struct {
	Name        string   `json:"name"`
	AbortWhen   string   `json:"abort_when"`
	Evaluations int      `json:"evaluations"`
	Breaches    int      `json:"breaches"`
	Last        *float64 `json:"last"`
	Tripped     bool     `json:"tripped"`
}
