package gameday

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// The kinds of reports.
const (
	KindStarted   = "started"
	KindStepBegun = "step_begun"
	KindAnswered  = "answered" // told by whoever answers
	KindStepEnded = "step_ended"
	KindFinished  = "finished"
)

// Report is one fact of a day that goes on.
type Report struct {
	Run    string      `json:"run"` // GD-1, for people
	ID     string      `json:"id"`  // a ULID, names the run for all time
	Day    string      `json:"day"`
	Kind   string      `json:"kind"`
	At     time.Time   `json:"at"`
	Text   string      `json:"text"`
	Step   *StepResult `json:"step,omitempty"`   // with KindStepBegun and KindStepEnded
	Answer *Answer     `json:"answer,omitempty"` // with KindAnswered
	Result *Result     `json:"result,omitempty"` // with KindStarted all that is planned, with KindFinished how it went
}

// Result is how a day went, or how far it has come.
type Result struct {
	Run        string        `json:"run"`
	ID         string        `json:"id"`
	Day        string        `json:"day"`
	Hypothesis string        `json:"hypothesis,omitempty"`
	Drill      string        `json:"drill"`   // the incident that was declared for it
	Verdict    chaos.Verdict `json:"verdict"` // empty while it goes on
	Reason     string        `json:"reason"`
	StartedAt  time.Time     `json:"started_at"`
	EndedAt    *time.Time    `json:"ended_at"`
	Steps      []StepResult  `json:"steps"`
	Findings   []string      `json:"findings"` // what did not hold, for somebody to look into

	Roles    map[string]string `json:"roles,omitempty"`    // people, by role
	Schedule []Slot            `json:"schedule,omitempty"` // as it was asked for; empty in what older versions wrote
}

// StepResult is what became of a step. One that was not begun has no times.
type StepResult struct {
	ID        string        `json:"id"`
	What      string        `json:"what"`
	Verdict   chaos.Verdict `json:"verdict"` // empty before its end
	Reason    string        `json:"reason,omitempty"`
	StartedAt *time.Time    `json:"started_at"`
	EndedAt   *time.Time    `json:"ended_at"`
	Load      *LoadPart     `json:"load,omitempty"`
	Chaos     []ChaosPart   `json:"chaos,omitempty"`
	Asks      bool          `json:"asks,omitempty"` // for go or no
	Question  string        `json:"question,omitempty"`
	Of        []string      `json:"of,omitempty"`           // the people who have to say go; nobody is anybody
	Until     *time.Time    `json:"until,omitempty"`        // when no answer is a no, once it is asked
	Most      chaos.Seconds `json:"most_seconds,omitempty"` // it takes no longer by plan
	Answers   []Answer      `json:"answers,omitempty"`
}

// LoadPart is the load of a step. Its verdict is in the words of experiments.
type LoadPart struct {
	Part
	Run  string `json:"run"` // LT-1; empty if nothing was sent
	Plan string `json:"plan"`
	loadtest.Totals
}

// ChaosPart is an experiment of a step.
type ChaosPart struct {
	Part
	Run             string   `json:"run"` // CH-1; empty if it was not begun
	Experiment      string   `json:"experiment"`
	Score           *float64 `json:"score"`
	RecoverySeconds *float64 `json:"recovery_seconds"`
}

// Part is how one of them went.
type Part struct {
	Verdict   chaos.Verdict `json:"verdict"`
	Reason    string        `json:"reason"`
	Finding   bool          `json:"finding"`              // that it did not hold is news, and not what somebody wanted
	StartedAt *time.Time    `json:"started_at,omitempty"` // nil in what older versions wrote
	EndedAt   *time.Time    `json:"ended_at,omitempty"`
}

// Answer is what a person says to a question.
type Answer struct {
	Step string    `json:"step"`
	By   string    `json:"by"`
	Go   bool      `json:"go"`
	Note string    `json:"note,omitempty"`
	At   time.Time `json:"at"`
}

func (a Answer) String() string {
	text := a.By + ": no"
	if a.Go {
		text = a.By + ": go"
	}
	if a.Note != "" {
		text += ": " + a.Note
	}
	return text
}

// same says that two answers are one, told twice.
func (a Answer) same(b Answer) bool {
	return a.At.Equal(b.At) && a.By == b.By && a.Go == b.Go && a.Note == b.Note
}

// Head is a run of the day that begins now, under these names, with nothing done yet. Known
// has to have what the day names.
func (d Day) Head(run, id, drill string, known Known, now time.Time) Result {
	r := Result{Run: run, ID: id, Day: d.Name, Hypothesis: d.Hypothesis, Drill: drill, StartedAt: now.UTC(), Steps: []StepResult{}, Findings: []string{}, Roles: d.Roles}
	for _, s := range d.Steps {
		r.Steps = append(r.Steps, StepResult{ID: s.ID, What: s.what(), Asks: s.Ask != "", Question: s.Ask, Of: d.asked(s), Most: chaos.Seconds(s.longest(known))})
	}
	return r
}

// Missing are the people who are asked at a step and have not said go.
func (s StepResult) Missing() (who []string) {
	for _, person := range s.Of {
		if !slices.ContainsFunc(s.Answers, func(a Answer) bool { return a.Go && a.By == person }) {
			who = append(who, person)
		}
	}
	return who
}

// Left is how long a step that goes on takes yet at the most, as far as is known.
func (s StepResult) Left(now time.Time) time.Duration {
	left := time.Duration(s.Most)
	if s.StartedAt != nil {
		left -= now.Sub(*s.StartedAt)
	}
	return max(left, 0)
}

// Left is the same of the whole run.
func (r Result) Left(now time.Time) (left time.Duration) {
	for _, s := range r.Steps {
		if s.EndedAt == nil && r.EndedAt == nil {
			left += s.Left(now)
		}
	}
	return left
}

// At is the number of the step that the run is at or comes to next, from 1.
func (r Result) At() int {
	i := slices.IndexFunc(r.Steps, func(s StepResult) bool { return s.EndedAt == nil })
	if i < 0 {
		return len(r.Steps)
	}
	return i + 1
}

// Report is a fact about the run, without what only some kinds have.
func (r Result) Report(kind string, at time.Time, text string) Report {
	return Report{Run: r.Run, ID: r.ID, Day: r.Day, Kind: kind, At: at, Text: text}
}

// Apply is how far the run has come after a report. It is total: reports may be missing or
// come twice.
func (r Result) Apply(rep Report) Result {
	switch {
	case rep.Result != nil && r.EndedAt == nil:
		return *rep.Result
	case rep.Step != nil:
		if i := r.step(rep.Step.ID); i >= 0 && r.Steps[i].EndedAt == nil {
			r.Steps = slices.Clone(r.Steps)
			answers := r.Steps[i].Answers
			r.Steps[i] = *rep.Step
			if len(rep.Step.Answers) < len(answers) {
				r.Steps[i].Answers = answers
			}
		}
	case rep.Answer != nil:
		if i := r.step(rep.Answer.Step); i >= 0 && r.Steps[i].EndedAt == nil && !slices.ContainsFunc(r.Steps[i].Answers, rep.Answer.same) {
			r.Steps = slices.Clone(r.Steps)
			r.Steps[i].Answers = append(slices.Clip(r.Steps[i].Answers), *rep.Answer)
		}
	}
	return r
}

func (r Result) step(id string) int {
	return slices.IndexFunc(r.Steps, func(s StepResult) bool { return s.ID == id })
}

// Present is the step that the run is at; nil between steps, and once it is over.
func (r Result) Present() *StepResult {
	for i := range r.Steps {
		if s := &r.Steps[i]; s.StartedAt != nil && s.EndedAt == nil && r.EndedAt == nil {
			return s
		}
	}
	return nil
}

// Died is the result of a run whose process could not say how it ended.
func (r Result) Died(now time.Time) Result {
	now = now.UTC()
	r.Verdict, r.Reason, r.EndedAt = chaos.Aborted, "its process died, and its load with it; its experiments undo themselves (sitrep chaos list)", &now
	r.Steps = slices.Clone(r.Steps)
	for i := range r.Steps {
		if s := &r.Steps[i]; s.StartedAt != nil && s.EndedAt == nil {
			s.Verdict, s.Reason = chaos.Aborted, "the process died"
		}
	}
	r.Findings = findings(r.Steps)
	return r
}
