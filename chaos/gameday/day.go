package gameday

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Day is one file: what is expected, what is done when, who takes part, and what ends
// it early.
type Day struct {
	Name       string            `yaml:"name"`
	Hypothesis string            `yaml:"hypothesis"`
	Owner      string            `yaml:"owner"`    // of what is found to be done; may be empty
	Service    string            `yaml:"service"`  // that the drill is about; may be empty
	Severity   string            `yaml:"severity"` // of the drill: whom it calls
	Roles      map[string]string `yaml:"roles"`    // people, by role
	Window     chaos.Window      `yaml:"window"`   // outside of it the day does not start; the zero value is always
	When       When              `yaml:"when"`     // it is to be held; people are reminded
	AbortOn    []chaos.Verdict   `yaml:"abort_on"` // of a step: the others are left out then
	Pin        string            `yaml:"pin"`      // F5 to F9, or empty
	Steps      []Step            `yaml:"steps"`
}

// Step is load with experiments beside it, each of which may be missing; or a wait; or a
// question.
type Step struct {
	ID     string              `yaml:"id"`   // unique; without one its number
	Load   string              `yaml:"load"` // a plan, by name
	Chaos  []Run               `yaml:"chaos"`
	Wait   strictyaml.Duration `yaml:"wait"`
	Ask    string              `yaml:"ask"`
	Of     []string            `yaml:"of"`     // the roles that have to say go; without any the first one who says it
	Within strictyaml.Duration `yaml:"within"` // that time; no answer is a no
}

// Run is an experiment of a step. It begins once the one before it is over, and no sooner
// than At after the step began.
type Run struct {
	Run string              `yaml:"run"` // an experiment, by name
	At  strictyaml.Duration `yaml:"at"`
}

// Known is what a day may name.
type Known struct {
	Plans       []loadtest.Plan
	Experiments []chaos.Experiment
	Roles       []string
	Severities  []string // the mildest last, which holds where a day says none
}

func (k Known) plan(name string) (loadtest.Plan, bool) {
	i := slices.IndexFunc(k.Plans, func(p loadtest.Plan) bool { return p.Name == name })
	if i < 0 {
		return loadtest.Plan{}, false
	}
	return k.Plans[i], true
}

func (k Known) experiment(name string) (chaos.Experiment, bool) {
	i := slices.IndexFunc(k.Experiments, func(e chaos.Experiment) bool { return e.Name == name })
	if i < 0 {
		return chaos.Experiment{}, false
	}
	return k.Experiments[i], true
}

// The caps of one day, and how long an answer is waited for where nothing is said.
const (
	maxSteps      = 50
	maxRuns       = 10 // experiments of a step
	maxWait       = time.Hour
	defaultWithin = 10 * time.Minute
	maxText       = 200
)

var (
	dayName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	pinKey  = regexp.MustCompile(`^F[5-9]$`)
)

// abortable are the verdicts that may end a day. The others always do.
var abortable = []chaos.Verdict{chaos.Deviated, chaos.Inconclusive}

// Load reads a day. Every error about the content says where in the file.
func Load(file string, src []byte, known Known) (Day, error) {
	var d Day
	doc, err := strictyaml.Decode(file, src, &d)
	if err != nil {
		return Day{}, err
	}
	d.defaults(known)
	for _, check := range []func(*strictyaml.Doc, Known) error{d.checkHead, d.checkPeople, d.checkSteps} {
		if err := check(doc, known); err != nil {
			return Day{}, err
		}
	}
	return d, nil
}

func (d *Day) defaults(known Known) {
	if n := len(known.Severities); d.Severity == "" && n > 0 {
		d.Severity = known.Severities[n-1]
	}
	if d.When.Planned() && d.When.TZ == "" {
		d.When.TZ = d.Window.TZ
	}
	for i := range d.Steps {
		s := &d.Steps[i]
		if s.ID == "" {
			s.ID = strconv.Itoa(i + 1)
		}
		if s.Ask != "" && s.Within == 0 {
			s.Within = strictyaml.Duration(defaultWithin)
		}
	}
}

func (d *Day) checkHead(doc *strictyaml.Doc, known Known) error {
	switch {
	case !dayName.MatchString(d.Name):
		return doc.Errorf("name", "a game day needs a name of small letters, digits, dots and dashes, such as payments-day; this is %q", d.Name)
	case d.Pin != "" && !pinKey.MatchString(d.Pin):
		return doc.Errorf("pin", "%q cannot be pinned; the keys are F5 to F9", d.Pin)
	case !slices.Contains(known.Severities, d.Severity):
		return doc.Errorf("severity", "%q is not one of %s", d.Severity, strings.Join(known.Severities, ", "))
	}
	for key, text := range map[string]string{"hypothesis": d.Hypothesis, "owner": d.Owner, "service": d.Service} {
		if !wholeText(text) {
			return doc.Errorf(key, "want one line of at most %d characters", maxText)
		}
	}
	for i, v := range d.AbortOn {
		if !slices.Contains(abortable, v) {
			return doc.Errorf(fmt.Sprintf("abort_on[%d]", i), "%q is not one of %s, %s; whatever else ends a part early ends the day", v, abortable[0], abortable[1])
		}
	}
	if key, err := d.Window.Valid(); err != nil {
		return doc.Errorf("window."+key, "%v", err)
	}
	if key, err := d.When.valid(); err != nil {
		return doc.Errorf("when."+key, "%v", err)
	}
	return nil
}

// wholeText says whether a text that only people read fits on one line.
func wholeText(s string) bool {
	return len([]rune(s)) <= maxText && strings.IndexFunc(s, unicode.IsControl) < 0
}

func (d *Day) checkPeople(doc *strictyaml.Doc, known Known) error {
	for _, role := range slices.Sorted(maps.Keys(d.Roles)) {
		switch who := d.Roles[role]; {
		case !slices.Contains(known.Roles, role):
			return doc.Errorf("roles."+role, "%q is no role; the roles are %s", role, strings.Join(known.Roles, ", "))
		case who == "" || !wholeText(who):
			return doc.Errorf("roles."+role, "want the name of a person")
		}
	}
	return nil
}

func (d *Day) checkSteps(doc *strictyaml.Doc, known Known) error {
	if n := len(d.Steps); n == 0 || n > maxSteps {
		return doc.Errorf("steps", "want 1 to %d steps; there are %d", maxSteps, n)
	}
	ids, does := map[string]bool{}, false
	for i, s := range d.Steps {
		at := fmt.Sprintf("steps[%d]", i)
		switch {
		case !dayName.MatchString(s.ID):
			return doc.Errorf(at+".id", "an id is small letters, digits, dots and dashes, such as late; this is %q", s.ID)
		case ids[s.ID]:
			return doc.Errorf(at+".id", "two steps have the id %q", s.ID)
		}
		ids[s.ID] = true
		if err := d.checkStep(doc, at, s, known); err != nil {
			return err
		}
		does = does || s.hurts()
	}
	if !does {
		return doc.Errorf("steps", "it only waits and asks; at least one step needs load or chaos")
	}
	return nil
}

// hurts says that the step puts load on something, or runs experiments.
func (s Step) hurts() bool { return s.Load != "" || len(s.Chaos) > 0 }

func (d *Day) checkStep(doc *strictyaml.Doc, at string, s Step, known Known) error {
	kinds := 0
	for _, is := range []bool{s.hurts(), s.Wait > 0, s.Ask != ""} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return doc.Errorf(at, "a step has load and chaos (or one of them), or wait, or ask; this has %d of the three", kinds)
	case s.Wait.D() > maxWait:
		return doc.Errorf(at+".wait", "%s is more than the cap of %s", s.Wait, strictyaml.FormatDuration(maxWait))
	case s.Ask == "" && (len(s.Of) > 0 || s.Within > 0):
		return doc.Errorf(at, "of and within belong to a step that asks")
	case !wholeText(s.Ask):
		return doc.Errorf(at+".ask", "want a question on one line of at most %d characters", maxText)
	case s.Within.D() > maxWait:
		return doc.Errorf(at+".within", "%s is more than the cap of %s", s.Within, strictyaml.FormatDuration(maxWait))
	}
	for i, role := range s.Of {
		if d.Roles[role] == "" {
			return doc.Errorf(fmt.Sprintf("%s.of[%d]", at, i), "roles names nobody who is %q", role)
		}
	}
	if _, ok := known.plan(s.Load); s.Load != "" && !ok {
		return doc.Errorf(at+".load", "the configuration has no plan %q; it has %s", s.Load, orNone(known.planNames()))
	}
	return checkRuns(doc, at, s.Chaos, known)
}

func checkRuns(doc *strictyaml.Doc, at string, runs []Run, known Known) error {
	if len(runs) > maxRuns {
		return doc.Errorf(at+".chaos", "want up to %d experiments; there are %d", maxRuns, len(runs))
	}
	for i, r := range runs {
		_, ok := known.experiment(r.Run)
		switch at := fmt.Sprintf("%s.chaos[%d]", at, i); {
		case !ok:
			return doc.Errorf(at+".run", "the configuration has no experiment %q; it has %s", r.Run, orNone(known.experimentNames()))
		case r.At.D() > maxWait:
			return doc.Errorf(at+".at", "%s is more than the cap of %s", r.At, strictyaml.FormatDuration(maxWait))
		case i > 0 && r.At > 0 && r.At < runs[i-1].At:
			return doc.Errorf(at+".at", "%s is before the experiment above it (%s); they run one after the other", r.At, runs[i-1].At)
		}
	}
	return nil
}

func (k Known) planNames() (names []string) {
	for _, p := range k.Plans {
		names = append(names, p.Name)
	}
	return names
}

func (k Known) experimentNames() (names []string) {
	for _, e := range k.Experiments {
		names = append(names, e.Name)
	}
	return names
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// what is the step in words.
func (s Step) what() string {
	switch {
	case s.Wait > 0:
		return "wait " + s.Wait.String()
	case len(s.Of) > 0:
		return fmt.Sprintf("ask %s: %s", strings.Join(s.Of, ", "), s.Ask)
	case s.Ask != "":
		return "ask: " + s.Ask
	}
	var parts []string
	if s.Load != "" {
		parts = append(parts, "load "+s.Load)
	}
	for _, r := range s.Chaos {
		part := "chaos " + r.Run
		if r.At > 0 {
			part += " after " + r.At.String()
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
