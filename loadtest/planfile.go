package loadtest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// planFile is the shape of a plan on disk.
type planFile struct {
	Name        string              `yaml:"name"`
	Targets     []targetFile        `yaml:"targets"`
	Scenarios   []scenarioFile      `yaml:"scenarios"`
	Stages      []stageFile         `yaml:"stages"`
	Kind        string              `yaml:"kind"`
	Rate        *rate               `yaml:"rate"`
	Users       *float64            `yaml:"users"`
	Peak        *rate               `yaml:"peak"`
	For         strictyaml.Duration `yaml:"for"`
	Ramp        strictyaml.Duration `yaml:"ramp"`
	Baseline    *baselineFile       `yaml:"baseline"`
	Data        Data                `yaml:"data"`
	Auth        Auth                `yaml:"auth"`
	HTTP        httpFile            `yaml:"http"`
	TLS         TLS                 `yaml:"tls"`
	Connections *int                `yaml:"connections"`
	Timeout     strictyaml.Duration `yaml:"timeout"`
	Warmup      strictyaml.Duration `yaml:"warmup"`
	Thresholds  []thresholdFile     `yaml:"thresholds"`
	Guards      []Guard             `yaml:"guards"`
	Pin         string              `yaml:"pin"`
	Service     string              `yaml:"service"`
	Resources   []Resource          `yaml:"resources"`
	Demand      string              `yaml:"demand"`
}

type targetFile struct {
	Method   string            `yaml:"method"`
	URL      string            `yaml:"url"`
	Headers  map[string]string `yaml:"headers"`
	Body     string            `yaml:"body"`
	BodyFile string            `yaml:"body_file"`
	Auth     Auth              `yaml:"auth"`
	Expect   Expect            `yaml:"expect"`
	Weight   *int              `yaml:"weight"`
}

type scenarioFile struct {
	Name    string     `yaml:"name"`
	Weight  *int       `yaml:"weight"`
	Cookies *bool      `yaml:"cookies"`
	Steps   []stepFile `yaml:"steps"`
}

type stepFile struct {
	Method   string             `yaml:"method"`
	URL      string             `yaml:"url"`
	Headers  map[string]string  `yaml:"headers"`
	Body     string             `yaml:"body"`
	BodyFile string             `yaml:"body_file"`
	Auth     Auth               `yaml:"auth"`
	Expect   Expect             `yaml:"expect"`
	Think    Think              `yaml:"think"`
	Extract  map[string]Extract `yaml:"extract"`
}

type baselineFile struct {
	PromQL string `yaml:"promql"`
}

type httpFile struct {
	Protocol       string              `yaml:"protocol"`
	Redirects      int                 `yaml:"redirects"`
	KeepAlive      *bool               `yaml:"keep_alive"`
	DNS            string              `yaml:"dns"`
	ConnectTimeout strictyaml.Duration `yaml:"connect_timeout"`
	HeaderTimeout  strictyaml.Duration `yaml:"header_timeout"`
}

type stageFile struct {
	Rate  *rate               `yaml:"rate"`
	Users *float64            `yaml:"users"`
	From  *rate               `yaml:"from"`
	To    *rate               `yaml:"to"`
	For   strictyaml.Duration `yaml:"for"`
}

// rate is a number, or a multiple of the baseline such as 10x.
type rate struct {
	v     float64
	times bool
}

// UnmarshalYAML reads 400 or 10x.
func (r *rate) UnmarshalYAML(n ast.Node) error {
	written := strings.TrimSpace(n.GetToken().Value)
	number, times := strings.CutSuffix(written, "x")
	v, err := strconv.ParseFloat(number, 64)
	if _, ok := n.(ast.ScalarNode); !ok || err != nil {
		return &yaml.SyntaxError{Message: fmt.Sprintf("%q is no rate: write one such as 400 (per second), or 10x (of the baseline)", written), Token: n.GetToken()}
	}
	r.v, r.times = v, times
	return nil
}

// thresholdFile is a condition, or {check: condition, abort: true, after: 10s}.
type thresholdFile struct {
	Check string              `yaml:"check"`
	Abort bool                `yaml:"abort"`
	After strictyaml.Duration `yaml:"after"`
}

// UnmarshalYAML reads either.
func (t *thresholdFile) UnmarshalYAML(n ast.Node) error {
	if s, ok := n.(*ast.StringNode); ok {
		t.Check = s.Value
		return nil
	}
	if _, ok := n.(ast.MapNode); ok {
		type plain thresholdFile
		return yaml.NodeToValue(n, (*plain)(t), yaml.Strict())
	}
	return &yaml.SyntaxError{Message: `a threshold is a condition such as "p95 < 200ms", or {check: "errors < 5%", abort: true}`, Token: n.GetToken()}
}

// LoadPlan reads a plan from src, the content of file. Files that it names are beside
// it, and are read to see that they are there and fit. Errors are of type
// *strictyaml.Error and point at the value at fault. Hosts are not looked up
// here: Plan.Check and Run do that.
func LoadPlan(file string, src []byte) (Plan, error) {
	var f planFile
	doc, err := decode(file, src, &f)
	if err != nil {
		return Plan{}, err
	}
	plan, bad := f.plan(filepath.Dir(file))
	if bad == nil {
		bad = plan.validate()
	}
	if bad == nil {
		plan = plan.withDefaults()
		bad = plan.validateFiles()
	}
	if bad != nil {
		return Plan{}, doc.Errorf(bad.path, "%s", bad.message)
	}
	return plan, nil
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
func (f planFile) plan(dir string) (Plan, *fault) {
	p := Plan{
		Name: f.Name, Timeout: f.Timeout.D(), Warmup: f.Warmup.D(), Pin: f.Pin, Service: f.Service, Dir: dir, Kind: f.Kind,
		Data: f.Data, Auth: f.Auth, HTTP: f.HTTP.options(f.TLS), Guards: f.Guards, Resources: f.Resources, Demand: f.Demand,
	}
	if f.HTTP.KeepAlive != nil && *f.HTTP.KeepAlive && f.HTTP.DNS == DNSPerRequest {
		return p, faultf("http.keep_alive", "dns: %s opens a connection for every request; leave keep_alive out", DNSPerRequest)
	}
	if f.Connections != nil {
		if *f.Connections < 1 {
			return p, faultf("connections", "connections is %d; at least one is needed", *f.Connections)
		}
		p.Connections = *f.Connections
	}
	for i := range p.Guards {
		p.Guards[i].defaults(i)
	}
	for _, part := range []func(*Plan) *fault{f.targets, f.scenarios, f.stages, f.thresholds} {
		if bad := part(&p); bad != nil {
			return p, bad
		}
	}
	return p, nil
}

func (h httpFile) options(t TLS) HTTP {
	protocol := h.Protocol
	if protocol == "auto" {
		protocol = ""
	}
	return HTTP{
		Protocol: protocol, Redirects: h.Redirects, NoKeepAlive: h.KeepAlive != nil && !*h.KeepAlive, DNS: h.DNS,
		ConnectTimeout: h.ConnectTimeout.D(), HeaderTimeout: h.HeaderTimeout.D(), TLS: t,
	}
}

func weight(w *int, path string) (int, *fault) {
	if w == nil {
		return 0, nil
	}
	if *w < 1 {
		return 0, faultf(path, "weight is %d; it must be 1 or more (leave it out of the mix instead)", *w)
	}
	return *w, nil
}

func (f planFile) targets(p *Plan) *fault {
	for i, t := range f.Targets {
		w, bad := weight(t.Weight, at("targets", i, "weight"))
		if bad != nil {
			return bad
		}
		p.Targets = append(p.Targets, Target{
			Method: t.Method, URL: t.URL, Headers: t.Headers, Body: t.Body, BodyFile: t.BodyFile, Auth: t.Auth, Expect: t.Expect, Weight: w,
		})
	}
	return nil
}

func (f planFile) scenarios(p *Plan) *fault {
	for i, s := range f.Scenarios {
		w, bad := weight(s.Weight, at("scenarios", i, "weight"))
		if bad != nil {
			return bad
		}
		out := Scenario{Name: s.Name, Weight: w, NoCookies: s.Cookies != nil && !*s.Cookies}
		for _, st := range s.Steps {
			out.Steps = append(out.Steps, Step{
				Target: Target{Method: st.Method, URL: st.URL, Headers: st.Headers, Body: st.Body, BodyFile: st.BodyFile, Auth: st.Auth, Expect: st.Expect},
				Think:  st.Think, Extract: st.Extract,
			})
		}
		p.Scenarios = append(p.Scenarios, out)
	}
	return nil
}

// stages are those of the file, or those that a preset makes.
func (f planFile) stages(p *Plan) *fault {
	p.Closed = f.Users != nil || slices.ContainsFunc(f.Stages, func(s stageFile) bool { return s.Users != nil })
	times, plain := 0, 0
	for _, r := range f.rates() {
		if r.times {
			times++
		} else {
			plain++
		}
	}
	switch {
	case f.Baseline != nil && strings.TrimSpace(f.Baseline.PromQL) == "":
		return faultf("baseline", "a baseline needs promql")
	case times > 0 && plain > 0:
		return faultf("stages", "rates are either numbers, or all of them multiples of the baseline such as 10x")
	case times > 0 && f.Baseline == nil:
		return faultf("stages", "a multiple needs a baseline, such as baseline: {promql: 'sum(rate(http_requests_total[5m]))'}")
	case times == 0 && f.Baseline != nil:
		return faultf("baseline", "no rate is a multiple of the baseline; write one such as rate: 10x, or leave it out")
	}
	if f.Baseline != nil {
		p.Baseline = f.Baseline.PromQL
	}
	if len(f.Stages) == 0 {
		return f.preset(p)
	}
	if f.Kind != "" || f.Rate != nil || f.Users != nil || f.Peak != nil || f.For != 0 || f.Ramp != 0 {
		return faultf("stages", "a plan has either stages, or kind, rate (or users), for, ramp and peak, which make them")
	}
	for i, s := range f.Stages {
		stage, bad := s.stage(i, p.Closed)
		if bad != nil {
			return bad
		}
		p.Stages = append(p.Stages, stage)
	}
	return nil
}

func (f planFile) rates() (all []rate) {
	add := func(list ...*rate) {
		for _, r := range list {
			if r != nil {
				all = append(all, *r)
			}
		}
	}
	add(f.Rate, f.Peak)
	for _, s := range f.Stages {
		add(s.Rate, s.From, s.To)
	}
	return all
}

func (s stageFile) stage(i int, closed bool) (Stage, *fault) {
	ramp := s.From != nil || s.To != nil
	switch {
	case closed && s.Rate != nil:
		return Stage{}, faultf(at("stages", i, "rate"), "a plan with users has no rate: users wait for their answers")
	case (s.Rate != nil || s.Users != nil) && ramp:
		return Stage{}, faultf(at("stages", i, "rate"), "a stage has either rate, or from and to")
	case s.Users != nil:
		return Stage{From: *s.Users, To: *s.Users, For: s.For.D()}, nil
	case s.Rate != nil:
		return Stage{From: s.Rate.v, To: s.Rate.v, For: s.For.D()}, nil
	case s.From != nil && s.To != nil:
		return Stage{From: s.From.v, To: s.To.v, For: s.For.D()}, nil
	case ramp:
		return Stage{}, faultf(at("stages", i, ""), "a ramp needs both from and to")
	}
	return Stage{}, faultf(at("stages", i, ""), "a stage needs rate (per second, in total), or from and to")
}

func (f planFile) thresholds(p *Plan) *fault {
	for i, t := range f.Thresholds {
		th, err := ParseThreshold(t.Check)
		if err != nil {
			return faultf(at("thresholds", i, ""), "%v", err)
		}
		if t.After != 0 && !t.Abort {
			return faultf(at("thresholds", i, "after"), "after is for thresholds with abort: true; the others are judged at the end")
		}
		th.Abort, th.After = t.Abort, t.After.D()
		p.Thresholds = append(p.Thresholds, th)
	}
	return nil
}
