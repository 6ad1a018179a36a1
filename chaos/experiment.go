package chaos

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Experiment is one file: what healthy means, what is done to whom for how long,
// and what ends it early.
type Experiment struct {
	Name         string              `yaml:"name" json:"name"`
	Hypothesis   string              `yaml:"hypothesis" json:"hypothesis,omitempty"`
	Owner        string              `yaml:"owner" json:"owner,omitempty"`
	Labels       map[string]string   `yaml:"labels" json:"labels,omitempty"` // without env it counts as production
	SteadyState  []Probe             `yaml:"steady_state" json:"steady_state"`
	Baseline     Calibration         `yaml:"baseline" json:"baseline,omitzero"`
	Guards       []Guard             `yaml:"guards" json:"guards"`
	Targets      Selection           `yaml:"targets" json:"targets"`
	Method       []Step              `yaml:"method" json:"method"`
	Recovery     strictyaml.Duration `yaml:"recovery" json:"recovery"` // how long health may take to return
	OnDisconnect OnDisconnect        `yaml:"on_disconnect" json:"on_disconnect,omitempty"`
	Window       Window              `yaml:"window" json:"window,omitzero"` // outside of it nothing starts; the zero value is always
	Pin          string              `yaml:"pin" json:"pin,omitempty"`      // F5 to F9, or empty
}

// Calibration is the look at the steady state before anything is touched.
type Calibration struct {
	For        strictyaml.Duration `yaml:"for" json:"for"`                 // 0 looks once
	MinSamples int                 `yaml:"min_samples" json:"min_samples"` // with data, of every probe; default 1
}

// Selection says who is hurt, and at most how many of them.
type Selection struct {
	Select  map[string]string `yaml:"select" json:"select"`
	Max     int               `yaml:"max" json:"max"`             // default 1
	Percent float64           `yaml:"percent" json:"percent"`     // of those that match, rounded down; default 100
	MinOne  bool              `yaml:"min_one" json:"min_one"`     // one even if the share rounds to none
	Seed    uint64            `yaml:"seed" json:"seed,omitempty"` // of the draw; 0 draws one and records it
	// GroupBy is a label: one of its values is drawn, and all targets that have it are
	// hurt, as when a region fails. Percent does not apply then; Max refuses, it does
	// not cut.
	GroupBy     string              `yaml:"group_by" json:"group_by,omitempty"`
	MaxDuration strictyaml.Duration `yaml:"max_duration" json:"max_duration,omitempty"` // of the method; 0 is the cap of every experiment
}

// Step is one fault on every chosen target for a while, or a wait. Steps run one
// after the other.
type Step struct {
	ID            string              `yaml:"id" json:"id,omitempty"` // for people; unique in the method
	Fault         string              `yaml:"fault" json:"fault"`
	With          With                `yaml:"with" json:"with"`
	Duration      strictyaml.Duration `yaml:"duration" json:"duration"`
	Mechanism     string              `yaml:"mechanism" json:"mechanism,omitempty"`           // of those of the fault; empty is the best that works
	Wait          strictyaml.Duration `yaml:"wait" json:"wait,omitempty"`                     // instead of a fault
	Weight        float64             `yaml:"weight" json:"weight,omitempty"`                 // of the step in the score; 0 is 1
	RecoverWithin strictyaml.Duration `yaml:"recover_within" json:"recover_within,omitempty"` // health must be back so soon after its undo, before the next step
}

// length is how long the step lasts as planned, without its recovery.
func (s Step) length() time.Duration { return s.Duration.D() + s.Wait.D() }

// title is the step in a word or two.
func (s Step) title() string {
	switch {
	case s.ID != "":
		return s.ID
	case s.Fault == "":
		return "wait"
	}
	return s.Fault
}

// weightOf is a weight as it counts: what is not given weighs 1.
func weightOf(w float64) float64 {
	if w == 0 {
		return 1
	}
	return w
}

// The caps of one experiment.
const (
	maxDuration   = 10 * time.Minute // of a step, of the method, and of the recovery
	maxSteps      = 10
	maxQueries    = 20 // probes, guards
	maxSource     = 64 << 10
	minInterval   = 250 * time.Millisecond
	fastestExpiry = 100 * time.Millisecond
	maxBaseline   = 5 * time.Minute
)

// Length is how long the faults last in all, with the waits between them.
func (e Experiment) Length() time.Duration {
	var d time.Duration
	for _, s := range e.Method {
		d += s.length()
	}
	return d
}

// Longest is how long the experiment may take from its baseline to its verdict.
func (e Experiment) Longest() time.Duration {
	d := e.Baseline.For.D() + e.Length() + e.Recovery.D()
	for _, s := range e.Method {
		d += s.RecoverWithin.D()
	}
	return d
}

// Load reads an experiment; faults are those that its method may name. Every
// error about the content says where in the file, and all that can be told at once are.
func Load(file string, src []byte, faults []Fault) (Experiment, error) {
	return LoadWith(file, src, faults, nil)
}

// QueryFault is what is wrong with a query, and at which byte of it; why is empty if
// nothing is.
type QueryFault func(promql string) (offset int, why string)

// LoadWith is Load that looks into the queries too. Load does not: a server may know more
// functions than Prometheus, and is asked before a run starts (R9).
func LoadWith(file string, src []byte, faults []Fault, queries QueryFault) (Experiment, error) {
	if len(src) > maxSource {
		return Experiment{}, &strictyaml.Error{File: file, Message: fmt.Sprintf("an experiment of %d bytes; the most is %d", len(src), maxSource)}
	}
	e := Experiment{Targets: Selection{Max: 1, Percent: 100}, Recovery: strictyaml.Duration(30 * time.Second)}
	doc, err := strictyaml.DecodeAll(file, src, &e)
	if doc == nil {
		return Experiment{}, err
	}
	e.defaults()
	var wrong []error
	for _, check := range []func(*strictyaml.Doc) error{e.checkHead, e.checkProbes, e.checkBaseline, e.checkGuards, e.checkTargets, e.checkWindow} {
		wrong = append(wrong, check(doc))
	}
	wrong = append(wrong, e.checkMethod(doc, faults))
	if queries != nil {
		wrong = append(wrong, e.checkQueries(doc, queries))
	}
	if err := strictyaml.Join(err, strictyaml.InOrder(wrong...)); err != nil {
		return Experiment{}, err
	}
	return e, nil
}

// checkQueries asks of every query whether it is one.
func (e *Experiment) checkQueries(doc *strictyaml.Doc, fault QueryFault) error {
	var wrong []error
	look := func(at, name, promql string) {
		if strings.TrimSpace(promql) == "" || doc.Text(at) != promql { // same is told where it stands
			return
		}
		if offset, why := fault(promql); why != "" {
			wrong = append(wrong, doc.ErrorIn(at, offset, "%s: this is no PromQL: %s", name, why))
		}
	}
	for i, p := range e.SteadyState {
		look(fmt.Sprintf("steady_state[%d].promql", i), p.Name, p.PromQL)
	}
	for i, g := range e.Guards {
		look(fmt.Sprintf("guards[%d].promql", i), g.Name, g.PromQL)
	}
	return strictyaml.Join(wrong...)
}

func (e *Experiment) defaults() {
	for i := range e.SteadyState {
		e.SteadyState[i].defaults(i)
	}
	for i := range e.Guards {
		e.Guards[i].defaults(i, e.SteadyState)
	}
	if e.Baseline.MinSamples == 0 && e.Baseline.For > 0 {
		e.Baseline.MinSamples = 1
	}
	if e.Baseline == (Calibration{}) && slices.ContainsFunc(e.SteadyState, func(p Probe) bool { return p.Expect.OfBaseline }) {
		e.Baseline = Calibration{For: strictyaml.Duration(10 * time.Second), MinSamples: 5} // one look is no measure of what is usual
	}
}

var (
	experimentName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	pinKey         = regexp.MustCompile(`^F[5-9]$`)
	paramKey       = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

// wholeText says whether a text that only people read fits on one line.
func wholeText(s string) bool {
	return len(s) <= 200 && strings.IndexFunc(s, unicode.IsControl) < 0
}

func (e *Experiment) checkHead(doc *strictyaml.Doc) error {
	switch {
	case !experimentName.MatchString(e.Name):
		return doc.Errorf("name", "an experiment needs a name of small letters, digits, dots and dashes, such as payments-latency; this is %q", e.Name)
	case e.Pin != "" && !pinKey.MatchString(e.Pin):
		return doc.Errorf("pin", "%q cannot be pinned; the keys are F5 to F9", e.Pin)
	case e.Recovery == 0:
		return doc.Errorf("recovery", "0 leaves health no time to return; want up to %s", strictyaml.FormatDuration(maxDuration))
	case e.Recovery.D() > maxDuration:
		return doc.Errorf("recovery", "%s is more than the cap of %s", e.Recovery, strictyaml.FormatDuration(maxDuration))
	case e.OnDisconnect != "" && e.OnDisconnect != DisconnectAbort && e.OnDisconnect != DisconnectContinue:
		return doc.Errorf("on_disconnect", "%q is not one of abort, continue", e.OnDisconnect)
	case !wholeText(e.Owner):
		return doc.Errorf("owner", "%q is not a name on one line of at most 200 characters", e.Owner)
	}
	for _, k := range slices.Sorted(maps.Keys(e.Labels)) {
		if !paramKey.MatchString(k) || !wholeText(e.Labels[k]) {
			return doc.Errorf("labels", "%q: a label's name is small letters, digits and underscores, its value one line of text", k)
		}
	}
	return nil
}

func (e *Experiment) checkBaseline(doc *strictyaml.Doc) error {
	switch b := e.Baseline; {
	case b.For.D() > maxBaseline:
		return doc.Errorf("baseline.for", "%s is more than the cap of %s", b.For, strictyaml.FormatDuration(maxBaseline))
	case b.MinSamples < 0:
		return doc.Errorf("baseline.min_samples", "%d is no number of samples", b.MinSamples)
	case b.MinSamples > 1 && time.Duration(b.MinSamples)*probeEvery > b.For.D():
		return doc.Errorf("baseline.min_samples", "%d samples, one a second, do not fit into %s; raise baseline.for", b.MinSamples, b.For)
	}
	return nil
}

func (e *Experiment) checkWindow(doc *strictyaml.Doc) error {
	key, err := e.Window.Valid()
	if err != nil {
		return doc.Errorf(strings.TrimSuffix("window."+key, "."), "%v", err)
	}
	return nil
}

func (e *Experiment) checkTargets(doc *strictyaml.Doc) error {
	t := e.Targets
	switch {
	case len(t.Select) == 0:
		return doc.Errorf("targets", "no targets.select; say who is hurt, for example select: {service: payments}")
	case t.Max < 1 || t.Max > maxTargets:
		return doc.Errorf("targets.max", "want 1 to %d targets; this is %d", maxTargets, t.Max)
	case !(t.Percent > 0 && t.Percent <= 100):
		return doc.Errorf("targets.percent", "want a share above 0 and up to 100; this is %g", t.Percent)
	case t.GroupBy != "" && doc.Has("targets.percent"):
		return doc.Errorf("targets.percent", "with group_by all targets of one %s are hurt; leave percent out, and give max as the most there may be", t.GroupBy)
	case t.MaxDuration > 0 && e.Length() > t.MaxDuration.D():
		return doc.Errorf("targets.max_duration", "the steps last %s in all; max_duration is %s", strictyaml.FormatDuration(e.Length()), t.MaxDuration)
	}
	return nil
}

func (e *Experiment) checkMethod(doc *strictyaml.Doc, faults []Fault) error {
	if n := len(e.Method); n == 0 || n > maxSteps {
		return doc.Errorf("method", "want 1 to %d steps; there are %d", maxSteps, n)
	}
	known := map[string]Fault{}
	for _, f := range faults {
		known[f.Kind()] = f
	}
	var wrong []error
	ids, faulty := map[string]bool{}, false
	for i, s := range e.Method {
		at := fmt.Sprintf("method[%d]", i)
		err := checkStepHead(doc, at, s, ids)
		if waits := s.Fault == "" && s.Wait > 0; !waits {
			faulty = true
			if err == nil {
				err = checkStep(doc, at, s, known)
			}
		}
		wrong = append(wrong, err)
	}
	if err := strictyaml.Join(wrong...); err != nil {
		return err
	}
	if !faulty {
		return doc.Errorf("method", "it only waits; at least one step needs a fault")
	}
	if e.Length() > maxDuration {
		return doc.Errorf("method", "the steps last %s in all; the cap is %s", strictyaml.FormatDuration(e.Length()), strictyaml.FormatDuration(maxDuration))
	}
	return nil
}

// checkStepHead is what holds for waits and faults. ids are those of the steps before.
func checkStepHead(doc *strictyaml.Doc, at string, s Step, ids map[string]bool) error {
	switch {
	case s.ID != "" && !experimentName.MatchString(s.ID):
		return doc.Errorf(at+".id", "an id is small letters, digits, dots and dashes, such as slow-db; this is %q", s.ID)
	case ids[s.ID]:
		return doc.Errorf(at+".id", "two steps have the id %q", s.ID)
	case s.Wait > 0 && s.Fault != "":
		return doc.Errorf(at+".wait", "a step waits or hurts, not both; make the wait a step of its own")
	case s.Wait > 0 && (s.Duration > 0 || s.Weight != 0 || s.RecoverWithin > 0 || len(s.With) > 0 || s.Mechanism != ""):
		return doc.Errorf(at, "a step that waits takes nothing else but an id")
	case s.Wait.D() > maxDuration:
		return doc.Errorf(at+".wait", "%s is more than the cap of %s", s.Wait, strictyaml.FormatDuration(maxDuration))
	case !goodWeight(doc, at, s.Weight):
		return doc.Errorf(at+".weight", "%s", badWeight)
	case s.RecoverWithin.D() > maxDuration:
		return doc.Errorf(at+".recover_within", "%s is more than the cap of %s", s.RecoverWithin, strictyaml.FormatDuration(maxDuration))
	}
	if s.ID != "" {
		ids[s.ID] = true
	}
	return nil
}

const badWeight = "a weight is a number above 0 and up to 100; without one it is 1"

// goodWeight says whether the weight at a place of the file can be one: left out, it is 0.
func goodWeight(doc *strictyaml.Doc, at string, w float64) bool {
	return w > 0 && w <= 100 || w == 0 && !doc.Has(at+".weight")
}

func checkStep(doc *strictyaml.Doc, at string, s Step, known map[string]Fault) error {
	kinds := slices.Sorted(maps.Keys(known))
	fault, ok := known[s.Fault]
	switch {
	case s.Fault == "":
		return doc.Errorf(at, "no fault; known are %s", strings.Join(kinds, ", "))
	case !ok && nearest(s.Fault, kinds) != "":
		return doc.Errorf(at+".fault", "unknown fault %q; did you mean %q?", s.Fault, nearest(s.Fault, kinds))
	case !ok:
		return doc.Errorf(at+".fault", "unknown fault %q; known are %s", s.Fault, strings.Join(kinds, ", "))
	case s.Duration == 0:
		return doc.Errorf(at+".duration", "%s has no duration; every fault has an end", s.Fault)
	case s.Duration.D() < fastestExpiry:
		return doc.Errorf(at+".duration", "%s is too short to observe anything; the least is 100ms", s.Duration)
	case s.Duration.D() > maxDuration:
		return doc.Errorf(at+".duration", "%s is more than the cap of %s", s.Duration, strictyaml.FormatDuration(maxDuration))
	}
	if err := checkMechanism(doc, at, s, fault); err != nil {
		return err
	}
	err := fault.Check(s.With)
	var param *ParamError
	if errors.As(err, &param) && paramKey.MatchString(param.Key) {
		return doc.Errorf(at+".with."+param.Key, "%s: %s", s.Fault, param.Message)
	}
	if err != nil {
		return doc.Errorf(at+".with", "%s: %v", s.Fault, err)
	}
	return nil
}

func checkMechanism(doc *strictyaml.Doc, at string, s Step, fault Fault) error {
	if s.Mechanism == "" {
		return nil
	}
	var known []string
	if f, ok := fault.(Mechanical); ok {
		known = f.Mechanisms()
	}
	switch near := nearest(s.Mechanism, known); {
	case slices.Contains(known, s.Mechanism):
		return nil
	case len(known) == 0:
		return doc.Errorf(at+".mechanism", "%s is done in one way only; leave mechanism out", s.Fault)
	case near != "":
		return doc.Errorf(at+".mechanism", "%s has no mechanism %q; did you mean %q?", s.Fault, s.Mechanism, near)
	}
	return doc.Errorf(at+".mechanism", "%s has no mechanism %q; it has %s", s.Fault, s.Mechanism, strings.Join(known, ", "))
}
