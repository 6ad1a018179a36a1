package pane

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/query/slo"
)

// World is all that the screen knows at one moment. Engines publish a new one
// through a mailbox; nobody changes one that was published, nor anything that
// it refers to.
type World struct {
	Unread    bool                                 // the store was not read yet: no incident means nothing
	Incidents []incident.Incident                  // open ones first, the worst and newest at the head; then those that ended lately
	Events    map[incident.ID][]incident.Event     // by incident, in the order of recording; "" holds the last day outside incidents
	Drafts    map[incident.ID]Draft                // post-mortems, by incident
	Related   map[incident.ID][]incident.Relation  // what may help with the open ones, the nearest first
	Delivery  Delivery                             // who runs the ladder, and what became of the pages
	Board     *query.Snapshot                      // nil before the first answer
	Boards    []string                             // names of those that can be shown
	Signals   []query.Signal                       // of the first board, always live, whatever Board shows
	Alerts    Alerts                               //
	SLOs      []slo.Status                         // the objectives, in the order of the configuration; empty before the first look, and without any
	Readiness *Readiness                           // how ready services are, and what is due; nil before it was gathered
	Chaos     Chaos                                //
	Load      Load                                 //
	Gamedays  Gamedays                             //
	Check     *Check                               // the newest load check before a resolution; nil before the first
	Runbooks  []runbook.Runbook                    // of the configuration
	Answers   map[string]runbook.Answer            // to the queries of runbooks, by query
	Ledger    []LedgerEntry                        // of the lab's stand-ins, newest last; empty outside the lab
	Present   []Present                            // who else has a screen open on this store, on this host
	People    []incident.Person                    // that the configuration names
	Phones    map[incident.Person]string           // of those whose telephone it names
	Promised  []incident.Incident                  // those whose action items are not all done, whenever they ended
	Figures   *Figures                             // the statistics; nil before they were worked out
	Record    *AlertRecord                         // what the timeline tells of alerts; nil before it was worked out
	Reach     map[incident.ID][]escalation.Contact // who answers for incidents that nobody was reached about, as far as is known here
	Diverted  map[string]bool                      // pages that were told elsewhere in their place, by message
	OnCall    *OnCall                              // who answers now, and PagerDuty's inbox; nil before anybody looked
	Asked     []string                             // PromQL that this person asked before, newest last
	Server    string                               // the address of Prometheus
	Problems  []Problem                            // of engines, newest last
}

// Problem is what an engine has told: what failed, on what, what to do, or what it has
// done about what others left.
type Problem struct {
	Text string
	At   time.Time
	Past bool // it is done with: nobody has to do anything about it
}

// Present is somebody else who looks at this store.
type Present struct {
	Name     incident.Person
	Incident incident.ID // on their screen; "" is none
}

// Delivery is the state of the ladder's engine and of every page.
type Delivery struct {
	Unasked  bool              // nobody was asked yet who holds the lease
	Holder   string            // process that holds the lease, such as "ana@bastion 4711"; "" = nobody runs the ladder
	Why      string            // this process cannot, while nobody does; "" = it was not told
	Mine     bool              // it is this process
	Policy   escalation.Policy // that an incident declared now gets; the zero Policy counts as the default one
	Messages []escalation.Message
	Sinks    []Sink
}

// Nobody says that nobody runs the ladder, as far as anybody was asked.
func (d Delivery) Nobody() bool { return d.Holder == "" && !d.Unasked }

// Sink is one way out: PagerDuty, Slack.
type Sink struct {
	Name  string    // pagerduty, slack
	State string    // ok, waiting, down, unset
	Why   string    // of a state that is not ok
	Until time.Time // it is down, and asked again then
}

// Alerts is the last answer of the alert source.
type Alerts struct {
	List     []alert.Alert
	Silences []alert.Silence // of Alertmanager, active ones first
	Rules    []alert.Rule    // of Prometheus
	Manager  string          // Alertmanager's address; empty: none is configured
	Tellers  []AlertTeller   // all that are asked
	At       time.Time       // of the last good answer of a server; zero before the first
	Err      error           // of the last try of any of them; nil = fine
}

// AlertTeller is one of those who are asked what fires: prometheus, one of the
// sources, the checks, alertmanager.
type AlertTeller struct {
	Name string
	At   time.Time // of its last good answer; zero before the first
	Err  error     // of the last try; nil = fine
}

// Chaos is what may be started and what runs.
type Chaos struct {
	Experiments []chaos.Experiment
	Broken      []BrokenExperiment // files of the configuration that are none
	Runs        []ChaosRun         // of this and other processes, newest last
	Past        []ChaosPast        // as the timeline tells of them, newest last
	Judged      map[string]Judged  // what a run would be, by experiment, when it was last asked
	Halt        *chaos.HaltFile    // somebody has forbidden runs; nil: nobody has
}

// BrokenExperiment is a file that is no experiment. It cannot be started.
type BrokenExperiment struct {
	Name  string
	Error string // what is wrong, with its place in the file
}

// Judged is what the rules said of a run of an experiment. Nothing was touched.
type Judged struct {
	At      time.Time // when that was asked
	Plan    string    // what sitrep chaos run --dry-run prints; empty if there is no plan
	Refused string    // why it would be refused; empty if it would not
	Confirm string    // why its words have to be typed: what it hurts is production; empty if they have not
	Words   string    // those of a game day; an experiment knows its own
}

// Gamedays is what may be held, what goes on, and what was held.
type Gamedays struct {
	Days   []PreparedDay
	Broken []BrokenExperiment // files of the configuration that are no game day
	Runs   []gameday.Result   // as the timeline tells of them, newest last
	Judged map[string]Judged  // what holding one would be, when that was last asked
	Here   string             // the run that this screen has started: it ends with it
}

// PreparedDay is a game day of the configuration, and how long it takes at the most.
type PreparedDay struct {
	gameday.Day
	Most time.Duration
}

// Present is the run that goes on, the newest if that is not clear.
func (g *Gamedays) Present() (gameday.Result, bool) {
	for _, r := range slices.Backward(g.Runs) {
		if r.EndedAt == nil {
			return r, true
		}
	}
	return gameday.Result{}, false
}

// Question is the run that waits for an answer, and the step at which it asks.
func (g *Gamedays) Question() (gameday.Result, *gameday.StepResult) {
	if r, on := g.Present(); on {
		if s := r.Present(); s != nil && s.Asks {
			return r, s
		}
	}
	return gameday.Result{}, nil
}

// ChaosRun is one run of an experiment.
type ChaosRun struct {
	Run        string // CH-1
	ID         string // its ULID
	Experiment string
	Targets    string
	Last       chaos.Report
	Said       string                  // the newest that is no sample
	Samples    map[string]chaos.Sample // the newest of every probe and guard, by SampleKey; nil = only Last is known
	Trail      map[string][]float64    // the values of each of them, newest last; NaN is no data
	Faults     []chaos.FaultOutcome    // of the plan, with what became of each
	Outcome    *chaos.Outcome          // nil while it runs
	Began      time.Time               // zero if nobody knows
	Ends       time.Time               // its step, by plan; the faults are undone by then
	Over       time.Time               // its last step, by plan; zero if nobody knows
	Asks       string                  // a person has to confirm it until AskedTill; "" = nobody has to
	AskedTill  time.Time               //
	Production string                  // why what it hurts is production, as its journal says; "" = it is none
	Left       string                  // why nobody ends it by plan: its processes are dead; "" = somebody does
	Holder     string                  // of a run that another process has started: which one has it now
}

// Here says that this process has started the run, and hears all of it.
func (r *ChaosRun) Here() bool { return r.Last.ID != "" }

// SampleKey is where a run has what a probe or a guard of that name saw; one of each
// may share a name. Kind is that of the report.
func SampleKey(kind, name string) string { return kind + " " + name }

// Load is what may be started and what runs.
type Load struct {
	Plans  []loadtest.Plan
	Run    string          // LT-1; "" = nothing ran yet
	Plan   string          // its name
	OK     float64         // answered as the plan expects, per second, in the last one
	Course *query.Snapshot // what happened so far, and what its target's panels show of that time; nil before the first second is over
	Live   *loadtest.Progress
	Others bool             // another process does the run that is live
	Result *loadtest.Result // of the last run that ended
}

// Check is a load check of this screen before an incident is resolved.
type Check struct {
	Incident incident.ID
	Plan     string
	Began    time.Time
	Over     bool
	Failed   string // why the incident is not resolved; empty if it is
}

// Draft is a post-mortem as the screen shows it.
type Draft struct {
	ID       string // PM-1
	Markdown string
	Findings []string // of the lint: line, rule, hint
	EditedBy incident.Person
	EditedAt time.Time
	Missing  []string // what keeps it from its next stage: line (0 is none in particular), section, what
}

// LedgerEntry is a request that a stand-in of the lab received: what would
// have been sent.
type LedgerEntry struct {
	At      time.Time
	Service string // pagerduty, slack
	Path    string
	Summary string // one line: action and text
	Status  int
}
