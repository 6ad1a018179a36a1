// Package loadtest puts load on an HTTP service and tells the truth about what
// came back.
//
// The model is open: a Plan says how many requests per second arrive, and they
// arrive whether or not the target keeps up. Every arrival has an intended
// time, and its response time is measured from there, so that a target that
// stalls cannot hide the requests that waited for it (coordinated omission).
// What the generator itself was late by is kept apart, in the lag histogram,
// and a run whose generator was too late is invalid and never passes.
//
// A Plan is read by LoadPlan, executed by Run, and ends as a Result.
package loadtest

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// ErrRefused is wrapped by errors about targets that may not be loaded: hosts
// that do not resolve, or resolve to anything but loopback addresses.
var ErrRefused = errors.New("refused")

// The bounds of a plan, and what stands where it says nothing.
const (
	MaxRate            = 20_000 // arrivals per second
	MaxConnections     = 4096
	MaxDuration        = 24 * time.Hour
	MaxTimeout         = time.Minute
	DefaultConnections = 64
	DefaultTimeout     = 10 * time.Second

	maxBody    = 1 << 20
	maxTargets = 256
	maxStages  = 1000
	maxWeight  = 1000
)

// Plan says what load is put on which targets, and what must hold. Build one
// with LoadPlan, or in code and let Run check it: zero Connections, Timeout,
// Method and Weight mean the defaults.
type Plan struct {
	Name        string
	Targets     []Target
	Stages      []Stage
	Connections int           // cap on requests in flight; arrivals beyond it wait, and the wait counts
	Timeout     time.Duration // of one request, and of the wait for a free connection
	Warmup      time.Duration // the first part of the stages, which is sent but not judged
	Thresholds  []Threshold
	Pin         string // F5 to F9, or empty
	Service     string // whose load it is, for its scorecard; may be empty
}

// Target is one kind of request. Weight is its share of the mix: the plan's
// arrivals are dealt to the targets in a fixed order that keeps the shares
// exact.
type Target struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    string
	Weight  int
}

// Stage is a stretch of the arrival rate, in requests per second over all
// targets and connections: constant where From equals To, else a linear ramp.
type Stage struct {
	From, To float64
	For      time.Duration
}

// Duration is how long requests arrive. A run ends after it by as much as the
// last responses take, at most twice the timeout.
func (p Plan) Duration() time.Duration {
	var d time.Duration
	for _, s := range p.Stages {
		d += s.For
	}
	return d
}

// Host is where the load goes: host and port of the first target, else the plan's name.
func (p Plan) Host() string {
	if len(p.Targets) == 0 {
		return p.Name
	}
	u, err := url.Parse(p.Targets[0].URL)
	if err != nil || u.Host == "" {
		return p.Name
	}
	return u.Host
}

// PeakRate is the highest arrival rate of any stage, per second.
func (p Plan) PeakRate() float64 {
	var r float64
	for _, s := range p.Stages {
		r = max(r, s.From, s.To)
	}
	return r
}

// planFile is the shape of a plan on disk.
type planFile struct {
	Name        string              `yaml:"name"`
	Targets     []targetFile        `yaml:"targets"`
	Stages      []stageFile         `yaml:"stages"`
	Connections *int                `yaml:"connections"`
	Timeout     strictyaml.Duration `yaml:"timeout"`
	Warmup      strictyaml.Duration `yaml:"warmup"`
	Thresholds  []string            `yaml:"thresholds"`
	Pin         string              `yaml:"pin"`
	Service     string              `yaml:"service"`
}

type targetFile struct {
	Method  string            `yaml:"method"`
	URL     string            `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	Weight  *int              `yaml:"weight"`
}

type stageFile struct {
	Rate *float64            `yaml:"rate"`
	From *float64            `yaml:"from"`
	To   *float64            `yaml:"to"`
	For  strictyaml.Duration `yaml:"for"`
}

// LoadPlan reads a plan from src, the content of file. Errors are of type
// *strictyaml.Error and point at the value at fault. Hosts are not looked up
// here: Plan.Check and Run do that.
func LoadPlan(file string, src []byte) (Plan, error) {
	var f planFile
	doc, err := decode(file, src, &f)
	if err != nil {
		return Plan{}, err
	}
	plan, bad := f.plan()
	if bad == nil {
		bad = plan.validate()
	}
	if bad != nil {
		return Plan{}, doc.Errorf(bad.path, "%s", bad.message)
	}
	return plan.withDefaults(), nil
}

// decode is strictyaml.Decode, but the YAML library's panic on a list that is
// tagged like a scalar (FuzzLoadPlan has one) becomes an error here.
func decode(file string, src []byte, f *planFile) (doc *strictyaml.Doc, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &strictyaml.Error{File: file, Message: fmt.Sprintf("the file cannot be read as YAML; is there a stray !tag? (%v)", p)}
		}
	}()
	return strictyaml.Decode(file, src, f)
}

// plan carries over what the file says, and refuses what only the file can get
// wrong: left out, or said twice.
func (f planFile) plan() (Plan, *fault) {
	p := Plan{Name: f.Name, Timeout: f.Timeout.D(), Warmup: f.Warmup.D(), Pin: f.Pin, Service: f.Service}
	if f.Connections != nil {
		if *f.Connections < 1 {
			return p, faultf("connections", "connections is %d; at least one is needed", *f.Connections)
		}
		p.Connections = *f.Connections
	}
	for i, t := range f.Targets {
		target := Target{Method: t.Method, URL: t.URL, Headers: t.Headers, Body: t.Body}
		if t.Weight != nil {
			if *t.Weight < 1 {
				return p, faultf(at("targets", i, "weight"), "weight is %d; it must be 1 or more (leave the target out instead)", *t.Weight)
			}
			target.Weight = *t.Weight
		}
		p.Targets = append(p.Targets, target)
	}
	for i, s := range f.Stages {
		stage, bad := s.stage(i)
		if bad != nil {
			return p, bad
		}
		p.Stages = append(p.Stages, stage)
	}
	for i, expr := range f.Thresholds {
		th, err := ParseThreshold(expr)
		if err != nil {
			return p, faultf(at("thresholds", i, ""), "%v", err)
		}
		p.Thresholds = append(p.Thresholds, th)
	}
	return p, nil
}

func (s stageFile) stage(i int) (Stage, *fault) {
	ramp := s.From != nil || s.To != nil
	switch {
	case s.Rate != nil && ramp:
		return Stage{}, faultf(at("stages", i, "rate"), "a stage has either rate, or from and to")
	case s.Rate != nil:
		return Stage{From: *s.Rate, To: *s.Rate, For: s.For.D()}, nil
	case s.From != nil && s.To != nil:
		return Stage{From: *s.From, To: *s.To, For: s.For.D()}, nil
	case ramp:
		return Stage{}, faultf(at("stages", i, ""), "a ramp needs both from and to")
	}
	return Stage{}, faultf(at("stages", i, ""), "a stage needs rate (per second, in total), or from and to")
}

// withDefaults fills in what a plan may leave out.
func (p Plan) withDefaults() Plan {
	if p.Connections == 0 {
		p.Connections = DefaultConnections
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	p.Targets = append([]Target(nil), p.Targets...)
	for i := range p.Targets {
		t := &p.Targets[i]
		if t.Method == "" {
			t.Method = "GET"
		}
		if t.Weight == 0 {
			t.Weight = 1
		}
	}
	return p
}
