package chaos

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Experiment is one file: what healthy means, what is done to whom for how long,
// and what ends it early.
type Experiment struct {
	Name        string              `yaml:"name" json:"name"`
	Hypothesis  string              `yaml:"hypothesis" json:"hypothesis,omitempty"`
	SteadyState []Probe             `yaml:"steady_state" json:"steady_state"`
	Guards      []Guard             `yaml:"guards" json:"guards"`
	Targets     Selection           `yaml:"targets" json:"targets"`
	Method      []Step              `yaml:"method" json:"method"`
	Recovery    strictyaml.Duration `yaml:"recovery" json:"recovery"` // how long health may take to return
	Pin         string              `yaml:"pin" json:"pin,omitempty"` // F5 to F9, or empty
}

// Probe is one sentence of the steady state: a query whose value must satisfy
// Expect before, during and after.
type Probe struct {
	Name   string    `yaml:"name" json:"name"`
	PromQL string    `yaml:"promql" json:"promql"`
	Expect Condition `yaml:"expect" json:"expect"`
}

// Guard ends the experiment and undoes its faults when AbortWhen has held for
// For evaluations in a row. It is not the hypothesis: that may be missed
// without anybody being hurt.
type Guard struct {
	Name      string              `yaml:"name" json:"name"`
	PromQL    string              `yaml:"promql" json:"promql"`
	AbortWhen Condition           `yaml:"abort_when" json:"abort_when"`
	Interval  strictyaml.Duration `yaml:"interval" json:"interval"`
	For       int                 `yaml:"for" json:"for"`
	NoData    NoData              `yaml:"no_data" json:"no_data"`
}

// NoData is what a guard does when its query has no answer.
type NoData string

// Abort counts as a breach (the default), hold keeps the count as it is, ignore
// counts as fine.
const (
	NoDataAbort  NoData = "abort"
	NoDataHold   NoData = "hold"
	NoDataIgnore NoData = "ignore"
)

// UnmarshalYAML accepts the three words.
func (n *NoData) UnmarshalYAML(node ast.Node) error {
	switch v := NoData(scalar(node)); v {
	case NoDataAbort, NoDataHold, NoDataIgnore:
		*n = v
		return nil
	}
	return &yaml.SyntaxError{Message: fmt.Sprintf("%q is not one of abort, hold, ignore", scalar(node)), Token: node.GetToken()}
}

// Selection says who is hurt, and at most how many of them.
type Selection struct {
	Select  map[string]string `yaml:"select" json:"select"`
	Max     int               `yaml:"max" json:"max"`         // default 1
	Percent float64           `yaml:"percent" json:"percent"` // of those that match, rounded down; default 100
	MinOne  bool              `yaml:"min_one" json:"min_one"` // one even if the share rounds to none
}

// Step is one fault on every chosen target for a while. Steps run one after the
// other.
type Step struct {
	Fault     string              `yaml:"fault" json:"fault"`
	With      With                `yaml:"with" json:"with"`
	Duration  strictyaml.Duration `yaml:"duration" json:"duration"`
	Mechanism string              `yaml:"mechanism" json:"mechanism,omitempty"` // of those of the fault; empty is the best that works
}

// The caps of one experiment.
const (
	maxDuration   = 10 * time.Minute // of a step, of the method, and of the recovery
	maxSteps      = 10
	maxQueries    = 20 // probes, guards
	maxSource     = 64 << 10
	minInterval   = 250 * time.Millisecond
	fastestExpiry = 100 * time.Millisecond
)

// Length is how long the faults last in all.
func (e Experiment) Length() time.Duration {
	var d time.Duration
	for _, s := range e.Method {
		d += s.Duration.D()
	}
	return d
}

// Load reads an experiment; faults are those that its method may name. Every
// error about the content says where in the file.
func Load(file string, src []byte, faults []Fault) (Experiment, error) {
	if len(src) > maxSource {
		return Experiment{}, &strictyaml.Error{File: file, Message: fmt.Sprintf("an experiment of %d bytes; the most is %d", len(src), maxSource)}
	}
	e := Experiment{Targets: Selection{Max: 1, Percent: 100}, Recovery: strictyaml.Duration(30 * time.Second)}
	doc, err := strictyaml.Decode(file, src, &e)
	if err != nil {
		return Experiment{}, err
	}
	e.defaults()
	for _, check := range []func(*strictyaml.Doc) error{e.checkHead, e.checkProbes, e.checkGuards, e.checkTargets} {
		if err := check(doc); err != nil {
			return Experiment{}, err
		}
	}
	if err := e.checkMethod(doc, faults); err != nil {
		return Experiment{}, err
	}
	return e, nil
}

func (e *Experiment) defaults() {
	for i := range e.SteadyState {
		if p := &e.SteadyState[i]; p.Name == "" {
			p.Name = fmt.Sprintf("steady state %d", i+1)
		}
	}
	for i := range e.Guards {
		g := &e.Guards[i]
		if g.PromQL == "same" && len(e.SteadyState) > 0 {
			g.PromQL = e.SteadyState[0].PromQL
			if g.Name == "" {
				g.Name = e.SteadyState[0].Name
			}
		}
		if g.Name == "" {
			g.Name = fmt.Sprintf("guard %d", i+1)
		}
		if g.Interval == 0 {
			g.Interval = strictyaml.Duration(time.Second)
		}
		if g.For == 0 {
			g.For = 1
		}
		if g.NoData == "" {
			g.NoData = NoDataAbort
		}
	}
}

var (
	experimentName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	pinKey         = regexp.MustCompile(`^F[5-9]$`)
	paramKey       = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

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
	}
	return nil
}

func (e *Experiment) checkProbes(doc *strictyaml.Doc) error {
	if n := len(e.SteadyState); n == 0 || n > maxQueries {
		return doc.Errorf("steady_state", "want 1 to %d probes that say what healthy is; there are %d", maxQueries, n)
	}
	for i, p := range e.SteadyState {
		at := fmt.Sprintf("steady_state[%d]", i)
		switch {
		case strings.TrimSpace(p.PromQL) == "":
			return doc.Errorf(at+".promql", "%s: no promql", p.Name)
		case p.Expect.Op == "":
			return doc.Errorf(at+".expect", "%s: no expect; write for example expect: \"< 0.01\"", p.Name)
		}
	}
	return nil
}

func (e *Experiment) checkGuards(doc *strictyaml.Doc) error {
	if n := len(e.Guards); n == 0 || n > maxQueries {
		return doc.Errorf("guards", "want 1 to %d guards that end the experiment when users are hurt; there are %d", maxQueries, n)
	}
	for i, g := range e.Guards {
		at := fmt.Sprintf("guards[%d]", i)
		switch {
		case strings.TrimSpace(g.PromQL) == "":
			return doc.Errorf(at+".promql", "%s: no promql", g.Name)
		case g.AbortWhen.Op == "":
			return doc.Errorf(at+".abort_when", "%s: no abort_when; write for example abort_when: \"> 0.05\"", g.Name)
		case g.Interval.D() < minInterval || g.Interval.D() > time.Minute:
			return doc.Errorf(at+".interval", "%s: an interval of %s; want 250ms to 1m", g.Name, g.Interval)
		case g.For < 1 || g.For > 60:
			return doc.Errorf(at+".for", "%s: for counts evaluations in a row, 1 to 60; this is %d", g.Name, g.For)
		}
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
	for i, s := range e.Method {
		if err := checkStep(doc, fmt.Sprintf("method[%d]", i), s, known); err != nil {
			return err
		}
	}
	if e.Length() > maxDuration {
		return doc.Errorf("method", "the steps last %s in all; the cap is %s", strictyaml.FormatDuration(e.Length()), strictyaml.FormatDuration(maxDuration))
	}
	return nil
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
