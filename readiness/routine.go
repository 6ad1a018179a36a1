package readiness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Proof is evidence that sitrep has by itself, so that nobody has to sign.
type Proof string

// The proofs. Those of a state hold now or not; those of a moment grow old.
const (
	Signature     Proof = ""               // a person says so
	Checked       Proof = "checks"         // a moment: the checks were run
	Loaded        Proof = "load run"       // a moment: one passed
	Chaos         Proof = "chaos"          // a moment: a hypothesis held
	Drilled       Proof = "drill"          // a moment: a game day was held
	AlertSeen     Proof = "alert"          // a moment: one fired and was heard of
	HasObjectives Proof = "objectives"     // a state
	HasData       Proof = "objective data" // a state: every objective has data
	HasAlerts     Proof = "alert rules"    // a state
	HasRunbooks   Proof = "runbooks"       // a state
	HasChaos      Proof = "experiments"    // a state: some are prepared
	HasMetrics    Proof = "metrics"        // a state: Prometheus answers
	HasOnCall     Proof = "on-call"        // a state: every level has somebody
	HasReviews    Proof = "post-mortems"   // a state: no severe incident without one
	DayHeld       Proof = "game day"       // a moment: that one was begun
)

// never is what is to be said where there is no such moment: an experiment may have been
// run, and more than once, without its hypothesis having held.
func (p Proof) never() string {
	switch p {
	case Chaos, Drilled, DayHeld:
		return "never held"
	case Loaded:
		return "never passed"
	}
	return "never"
}

// Part is where a duty stands.
type Part string

// The parts: what comes again, and the checklist.
const (
	Planned        Part = "planned" // at the time that a game day's file says
	Daily          Part = "daily"
	Weekly         Part = "weekly"
	Monthly        Part = "monthly"
	Quarterly      Part = "quarterly"
	PreProduction  Part = "pre-production"
	Production     Part = "production"
	Improvement    Part = "continuous improvement"
	day                 = 24 * time.Hour
	signatureLasts      = 90 * day // of the checklist, unless whoever signs says otherwise
)

// Recurs says whether the duties of the part come with the calendar; the others are the
// reliability checklist.
func (p Part) Recurs() bool {
	return p == Planned || p == Daily || p == Weekly || p == Monthly || p == Quarterly
}

// Duty is something that is to be done, again and again.
type Duty struct {
	ID    string
	Part  Part
	Title string
	Proof Proof
	Every time.Duration // for how long a moment or a signature holds; 0 of a state
	Do    string
}

// Duties are the routine and the reliability checklist: eleven that come again with the
// calendar, and eighteen that hold or do not.
func Duties() []Duty { return slices.Clone(duties) }

var duties = []Duty{
	{"health-checks", Daily, "Health checks on all services", Checked, day, "sitrep health, or a daemon with checks"},
	{"metrics-review", Daily, "Review of key metrics and trends", Signature, day, "look at view 2"},
	{"load-test", Weekly, "Baseline load test", Loaded, 7 * day, "sitrep load run PLAN"},
	{"chaos", Weekly, "Small chaos experiment", Chaos, 7 * day, "sitrep chaos run EXPERIMENT"},
	{"slo-review", Weekly, "Review of the objectives", Signature, 7 * day, "look at view 9"},
	{"full-load-test", Monthly, "Load test of the whole system", Signature, 30 * day, "sitrep load run, at the load of a peak"},
	{"chaos-day", Monthly, "Chaos day across teams", Drilled, 30 * day, "sitrep gameday run DAY, or declare a drill (sitrep incident declare --drill) and hurt something"},
	{"reliability-review", Monthly, "Reliability review", Signature, 30 * day, "sitrep scorecard, and sitrep stats"},
	{"disaster-recovery", Quarterly, "Disaster recovery", Signature, 91 * day, "restore everything somewhere else"},
	{"capacity-planning", Quarterly, "Review of the capacity plans", Signature, 91 * day, "sitrep capacity"},
	{"tool-evaluation", Quarterly, "Evaluation of the tools", Signature, 91 * day, ""},

	{"slos-defined", PreProduction, "SLOs defined and documented", HasObjectives, 0, "docs/slo.md, sitrep slo import"},
	{"alerting", PreProduction, "Monitoring and alerting configured", HasAlerts, 0, "rules with a severity (sitrep alert lint), or sitrep slo rules"},
	{"load-tested", PreProduction, "Load testing completed", Loaded, 30 * day, "sitrep load run PLAN"},
	{"chaos-planned", PreProduction, "Chaos experiments planned", HasChaos, 0, "write one, and name it under experiments"},
	{"runbooks", PreProduction, "Runbooks documented", HasRunbooks, 0, "docs/runbooks.md"},
	{"rollback", PreProduction, "Rollback procedures tested", Signature, signatureLasts, "roll back, once, on purpose"},

	{"monitoring", Production, "Real-time monitoring active", HasMetrics, 0, "sitrep doctor"},
	{"alerts-tested", Production, "Alerts configured and tested", AlertSeen, signatureLasts, "let one fire on a game day"},
	{"response-team", Production, "Incident response team ready", HasOnCall, 0, "sitrep who"},
	{"restore", Production, "Backup and recovery tested", Signature, signatureLasts, "restore a backup somewhere"},
	{"baselines", Production, "Performance baselines established", Loaded, 30 * day, "sitrep load run PLAN"},
	{"metrics-tracked", Production, "Reliability metrics tracked", HasData, 0, "sitrep slo list"},

	{"reviews", Improvement, "Regular reliability reviews scheduled", Signature, signatureLasts, ""},
	{"post-incident", Improvement, "Post-incident analysis conducted", HasReviews, 0, "sitrep postmortem draft"},
	{"slos-updated", Improvement, "SLOs updated based on findings", Signature, signatureLasts, "sitrep slo list, and what was learnt since"},
	{"new-chaos", Improvement, "New chaos experiments planned", Signature, signatureLasts, ""},
	{"tools-evaluated", Improvement, "Tools and processes evaluated", Signature, signatureLasts, ""},
	{"training", Improvement, "Team training conducted", Drilled, signatureLasts, "a drill counts"},
}

// Signed is that a person said that a duty is done.
type Signed struct {
	By    string
	At    time.Time
	Until time.Time
	Note  string
}

// Facts are what is known: when something was done last, and what holds now. A proof
// that is in neither is not known.
type Facts struct {
	Moments map[Proof]time.Time // zero: never
	States  map[Proof]Mark      // its State and Why
	Signed  map[string]Signed   // the last of each duty, by ID
	Plans   []Plan
}

// Plan is a game day that is to be held at a time.
type Plan struct {
	Name       string
	Last, Next time.Time // for when it was planned last, now or before, and is planned next; zero is never
	Held       time.Time // when it was begun last; zero: never
}

// heldFor says whether the day was held for a time that it was planned for: then, or up to
// a day before.
func (p Plan) heldFor(at time.Time) bool {
	return at.IsZero() || !p.Held.Before(at.Add(-day)) && !p.Held.IsZero()
}

// Due is how a duty stands.
type Due struct {
	Duty
	Done  bool
	At    time.Time // when it was done; zero of a state, and where it never was
	Until time.Time // when it is due again; zero of a state
	By    string    // who signed; "" where evidence says so
	Why   string
	Soon  bool // it is planned, and begins within a day
}

// Review says of every duty whether it is done, those that are planned for a time first. A
// signature counts for any of the others until it ends: evidence may be elsewhere.
func Review(f Facts, now time.Time) (list []Due) {
	for _, p := range f.Plans {
		list = append(list, p.due(now))
	}
	for _, d := range duties {
		list = append(list, f.due(d, now))
	}
	return list
}

// due says of a game day that it begins within a day, or that it was not held when it was
// planned; else it is done, until the next time.
func (p Plan) due(now time.Time) Due {
	const layout = "2006-01-02 15:04 MST"
	d := Due{
		Duty: Duty{ID: "gameday:" + p.Name, Part: Planned, Title: "Game day " + p.Name, Proof: DayHeld, Do: "sitrep gameday run " + p.Name},
		At:   p.Held, Until: p.Next,
	}
	switch {
	case !p.Next.IsZero() && p.Next.Sub(now) <= day && !p.heldFor(p.Next):
		d.Soon, d.Why = true, "it begins at "+p.Next.Format(layout)
	case !p.heldFor(p.Last):
		d.Until, d.Why, d.Do = p.Last, "it was planned for "+p.Last.Format(layout)+", and not held", d.Do+", or another time in its file"
	case !p.Next.IsZero():
		d.Done, d.Why = true, "it is planned for "+p.Next.Format(layout)
	default:
		d.Done, d.Why = true, "held "+ago(now.Sub(p.Held))
	}
	return d
}

func (f Facts) due(d Duty, now time.Time) Due {
	out := Due{Duty: d}
	signed, hasSigned := f.Signed[d.ID]
	if state, ok := f.States[d.Proof]; ok && d.Every == 0 {
		out.Done, out.Why = state.State == OK, state.Why
	}
	if at := f.Moments[d.Proof]; !at.IsZero() && d.Every > 0 && d.Proof != Signature {
		out.At, out.Until = at, at.Add(d.Every)
		out.Done, out.Why = now.Before(out.Until), fmt.Sprintf("%s %s", d.Proof, ago(now.Sub(at)))
	}
	switch {
	case out.Done:
	case hasSigned && now.Before(signed.Until):
		out.Done, out.At, out.Until, out.By, out.Why = true, signed.At, signed.Until, signed.By, "signed by "+signed.By
		if signed.Note != "" {
			out.Why += ": " + signed.Note
		}
	case hasSigned && signed.At.After(out.At):
		out.At, out.Until, out.By, out.Why = signed.At, signed.Until, signed.By, fmt.Sprintf("signed by %s, which ended %s", signed.By, ago(now.Sub(signed.Until)))
	case out.Why == "":
		out.Why = d.Proof.never()
		if d.Proof != Signature && d.Every == 0 {
			out.Why = "not known"
		}
	}
	return out
}

// Overdue are the duties that are due: what begins soon first, because people come to it;
// then the longest overdue; then those of which nobody can say since
// when, in the order of the list: they were never done, or are a state that does not hold.
func Overdue(list []Due) []Due {
	var out []Due
	for _, d := range list {
		if !d.Done {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b Due) int {
		if a.Soon != b.Soon {
			if a.Soon {
				return -1
			}
			return 1
		}
		if a.Until.IsZero() != b.Until.IsZero() {
			if a.Until.IsZero() {
				return 1
			}
			return -1
		}
		return a.Until.Compare(b.Until)
	})
	return out
}

func ago(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", max(0, int(d.Minutes())))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", days(d))
}

// Find is the duty of an ID.
func Find(id string) (Duty, bool) {
	i := slices.IndexFunc(duties, func(d Duty) bool { return d.ID == id })
	if i < 0 {
		return Duty{}, false
	}
	return duties[i], true
}

// longestSignature is how long a signature holds at most.
const longestSignature = 366 * day

// Holds reads for how long a signature of the duty is to hold: 30d, 2w; "" is as long as
// it Lasts. The error says what may be written, and not where it was read.
func (d Duty) Holds(text string) (time.Duration, error) {
	if strings.TrimSpace(text) == "" {
		return d.Lasts(), nil
	}
	length, err := strictyaml.ParseDuration(text)
	if err != nil || length <= 0 || length > longestSignature {
		return 0, fmt.Errorf("%q is no time up to a year, such as 30d", text)
	}
	return length, nil
}

// Lasts is for how long a signature of the duty holds, if whoever signs does not say.
func (d Duty) Lasts() time.Duration {
	if d.Every > 0 {
		return d.Every
	}
	return signatureLasts
}
