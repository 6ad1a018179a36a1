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
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrRefused is wrapped by errors about targets that may not be loaded: hosts
// that do not resolve, or resolve to anything but loopback addresses and what Outside allows.
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
	maxSteps   = 100 // of all scenarios
	maxThink   = time.Hour
	maxHops    = 10 // redirects of one request
	maxGuards  = 20
	maxTimes   = 1000 // multiples of a baseline
)

// Plan says what load is put on which targets, and what must hold. Build one
// with LoadPlan, or in code and let Run check it: zero Connections, Timeout,
// Method and Weight mean the defaults.
type Plan struct {
	Name        string
	Targets     []Target
	Scenarios   []Scenario
	Stages      []Stage
	Kind        string // the preset that the stages were made by; may be empty
	Closed      bool   // stages count users that each wait for their answer, not arrivals
	Baseline    string // PromQL; then the stages are multiples of its value when the run begins
	Data        Data
	Auth        Auth // of every target that has none
	HTTP        HTTP
	Connections int           // cap on requests in flight; arrivals beyond it wait, and the wait counts
	Timeout     time.Duration // of one request, and of the wait for a free connection
	Warmup      time.Duration // the first part of the stages, which is sent but not judged
	Thresholds  []Threshold
	Guards      []Guard
	Pin         string // F5 to F9, or empty
	Service     string // whose load it is, for its scorecard; may be empty
	Resources   []Resource
	Demand      string // PromQL: the highest rate that the service has really seen, per second; may be empty
	Dir         string // where the files that it names are

	Outside []Outside // where else than to this machine it may go; the configuration says it, and no plan file
}

// Resource is something that the target uses up: PromQL for the share that is used, 0 to 1.
type Resource struct {
	Name   string `yaml:"name" json:"name"`
	PromQL string `yaml:"promql" json:"promql"`
}

// Target is one kind of request. Weight is its share of the mix: the plan's
// arrivals are dealt to targets and scenarios in a fixed order that keeps the
// shares exact. URL, headers and body may hold placeholders such as {{.user}}.
type Target struct {
	Method   string
	URL      string
	Headers  map[string]string
	Body     string
	BodyFile string // instead of Body
	Auth     Auth
	Expect   Expect
	Weight   int
}

// Stage is a stretch of the arrival rate, in requests per second over all
// targets and connections: constant where From equals To, else a linear ramp. In
// a closed plan it is how many users there are; in one with a baseline, how many
// times that.
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

// Host is where the load goes: host and port of the first request, else the plan's name.
func (p Plan) Host() string {
	all := p.requestTargets()
	if len(all) == 0 {
		return p.Name
	}
	u, err := url.Parse(all[0].URL)
	if err != nil || u.Host == "" {
		return p.Name
	}
	return u.Host
}

// PeakRate is the highest arrival rate of any stage, per second; of a closed plan the
// most users, of one with a baseline the highest multiple.
func (p Plan) PeakRate() float64 {
	var r float64
	for _, s := range p.Stages {
		r = max(r, s.From, s.To)
	}
	return r
}

// withDefaults fills in what a plan may leave out.
func (p Plan) withDefaults() Plan {
	if p.Connections == 0 {
		p.Connections = DefaultConnections
	}
	if p.Closed {
		p.Connections = int(math.Ceil(p.PeakRate())) // one for each user
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	p.Targets = slices.Clone(p.Targets)
	for i := range p.Targets {
		p.Targets[i] = p.Targets[i].withDefaults()
	}
	p.Scenarios = slices.Clone(p.Scenarios)
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		s.Weight = max(s.Weight, 1)
		s.Steps = slices.Clone(s.Steps)
		for j := range s.Steps {
			s.Steps[j].Target = s.Steps[j].Target.withDefaults()
		}
	}
	return p
}

func (t Target) withDefaults() Target {
	t.Method, t.Weight = cmpOr(t.Method, "GET"), max(t.Weight, 1)
	return t
}

// At is the plan with all its requests sent to another place: base is a scheme and a host,
// such as http://127.0.0.1:8081.
func (p Plan) At(base string) (Plan, error) {
	to, err := url.Parse(base)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" || to.User != nil || to.RawQuery != "" || to.Fragment != "" || to.Path != "" && to.Path != "/" {
		return p, fmt.Errorf("%q is no scheme and host, such as http://127.0.0.1:8081", base)
	}
	move := func(t *Target) {
		if _, rest, ok := strings.Cut(t.URL, "://"); ok {
			at := strings.IndexAny(rest, "/?#")
			if at < 0 {
				at = len(rest)
			}
			t.URL = to.Scheme + "://" + to.Host + rest[at:]
		}
	}
	p.Targets = slices.Clone(p.Targets)
	for i := range p.Targets {
		move(&p.Targets[i])
	}
	p.Scenarios = slices.Clone(p.Scenarios)
	for i := range p.Scenarios {
		p.Scenarios[i].Steps = slices.Clone(p.Scenarios[i].Steps)
		for j := range p.Scenarios[i].Steps {
			move(&p.Scenarios[i].Steps[j].Target)
		}
	}
	return p, nil
}
