package imports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// jmx is a plan of JMeter that is being read. Source: github.com/apache/jmeter, where
// bin/saveservice.properties has the names of elements, and every element its properties.
type jmx struct {
	file    string
	options Options
	vars    variables // that the plan defines
	notes   []Note    // about no thread group
	serial  bool      // its thread groups run one after the other
}

// readJMX reads a plan of JMeter, with the variables that it defines.
func readJMX(file string, src []byte, o Options) (in *jmx, top []pair, err error) {
	root, err := tree(file, src)
	if err != nil {
		return nil, nil, err
	}
	if root.tag != "jmeterTestPlan" {
		return nil, nil, &strictyaml.Error{File: file, Line: root.line, Column: root.column, Message: fmt.Sprintf("it is XML, but no plan of JMeter: <%s>", cut(root.tag))}
	}
	for _, c := range root.children {
		if c.tag == "hashTree" {
			top = append(top, pairs(c)...)
		}
	}
	in = &jmx{file: file, options: o, vars: variables{defined: map[string]string{}, properties: o.Properties}}
	in.define(top)
	return in, top, nil
}

func importJMX(file string, src []byte, o Options) ([]Imported, error) {
	in, top, err := readJMX(file, src, o)
	if err != nil {
		return nil, err
	}
	drafts := in.groups(top, scope{})
	if len(drafts) == 0 {
		d := &draft{format: "JMeter", file: file, name: base(file), line: 1, column: 1}
		d.refused = "there is no thread group in it that can be carried over"
		drafts = append(drafts, d)
	}
	switch {
	case len(drafts) == 1:
		drafts[0].name = base(file)
	case in.serial:
		drafts[0].note(drafts[0].line, drafts[0].column, "", "%d thread groups run one after the other there; each is a plan here", len(drafts))
	default:
		drafts[0].note(drafts[0].line, drafts[0].column, "", "%d thread groups run at the same time there; each is a plan here, to be run beside the others", len(drafts))
	}
	drafts[0].notes = append(drafts[0].notes, in.notes...)
	return finish(drafts), nil
}

func base(file string) string {
	name := filepath.Base(file)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// define takes the variables of the plan, which hold everywhere in it.
func (in *jmx) define(all []pair) {
	for _, p := range all {
		if !p.e.enabled() {
			continue
		}
		lists := [][]*element{}
		switch p.e.class() {
		case "TestPlan":
			for _, name := range []string{"TestPlan.user_defined_variables", "TestPlan.arguments"} {
				if c := p.e.child(name); c != nil {
					lists = append(lists, c.list("Arguments.arguments"))
				}
			}
		case "Arguments":
			lists = append(lists, p.e.list("Arguments.arguments"))
		}
		for _, list := range lists {
			for _, a := range list {
				if name := cmp.Or(a.prop("Argument.name"), a.attrs["name"]); name != "" {
					in.vars.defined[name] = a.prop("Argument.value")
				}
			}
		}
		in.define(p.below)
	}
}

// scope is what holds for requests by where they stand: what is nearer comes later.
type scope struct {
	defaults, headers, auth, timers, asserts, extracts, data []*element
	cookies                                                  bool
}

// with is the scope within a level of the tree: config, timers, assertions and extractors
// hold for all beside and below them, in whatever order they stand.
func (s scope) with(level []pair) scope {
	for _, list := range []*[]*element{&s.defaults, &s.headers, &s.auth, &s.timers, &s.asserts, &s.extracts, &s.data} {
		*list = slices.Clip(*list) // what is added is not for those outside
	}
	add := func(to *[]*element, e *element) { *to = append(*to, e) }
	for _, p := range level {
		if !p.e.enabled() {
			continue
		}
		switch p.e.class() {
		case "ConfigTestElement":
			if p.e.attrs["guiclass"] == "HttpDefaultsGui" {
				add(&s.defaults, p.e)
			}
		case "HeaderManager":
			add(&s.headers, p.e)
		case "AuthManager":
			add(&s.auth, p.e)
		case "CookieManager":
			s.cookies = true
		case "CSVDataSet":
			add(&s.data, p.e)
		case "ConstantTimer", "UniformRandomTimer", "GaussianRandomTimer", "PoissonRandomTimer", "ConstantThroughputTimer", "PreciseThroughputTimer":
			add(&s.timers, p.e)
		case "ResponseAssertion", "DurationAssertion", "JSONPathAssertion":
			add(&s.asserts, p.e)
		case "RegexExtractor", "JSONPostProcessor":
			add(&s.extracts, p.e)
		}
	}
	return s
}

// groups drafts a plan for each thread group.
func (in *jmx) groups(level []pair, s scope) (drafts []*draft) {
	s = s.with(level)
	for _, p := range level {
		switch class := p.e.class(); {
		case !p.e.enabled():
			in.left(p, "it is disabled")
		case class == "TestPlan":
			if p.e.flag("TestPlan.serialize_threadgroups") {
				in.serial = true
			}
			drafts = append(drafts, in.groups(p.below, s)...)
		case class == "ThreadGroup", class == "OpenModelThreadGroup":
			g := newGroup(in, p)
			g.plan(s)
			drafts = append(drafts, g.draft)
		case class == "SetupThreadGroup", class == "PostThreadGroup":
			in.left(p, "what is done before or after the load has no place in a plan")
		default:
			if text := leftOut(p.e); text != "" {
				in.left(p, text)
			}
		}
	}
	return drafts
}

func (in *jmx) note(e *element, format string, args ...any) {
	in.notes = append(in.notes, Note{e.line, e.column, e.named(), strictyaml.Hide(fmt.Sprintf(format, args...))})
}

// left notes an element that is in no plan, and how many requests are not with it.
func (in *jmx) left(p pair, why string) { in.note(p.e, "%s", leftText(p, why)) }

func leftText(p pair, why string) string {
	text := "not carried over"
	if n := requests(p); n == 1 {
		text += ", nor is the request in it"
	} else if n > 1 {
		text += fmt.Sprintf(", nor are the %d requests in it", n)
	}
	return text + ": " + why
}

// requests is how many requests stand at or below p.
func requests(p pair) (n int) {
	if p.e.enabled() && isHTTP(p.e.class()) {
		n++
	}
	for _, b := range p.below {
		n += requests(b)
	}
	return n
}

func isHTTP(class string) bool {
	return class == "HTTPSamplerProxy" || class == "HTTPSampler" || class == "HTTPSampler2"
}

// acts says that an element does something in its turn.
func acts(class string) bool {
	return isHTTP(class) || class == "TestAction" || strings.HasSuffix(class, "Controller") || strings.HasSuffix(class, "Control") || strings.HasSuffix(class, "Sampler")
}

// Why elements are left out of a plan that JMeter would do something with.
const (
	aProgram = "it is a program; it is never executed"
	notHTTP  = "it is no request of HTTP"
)

// leftOut is why an element beside requests is not carried over; empty for one that is,
// by its scope.
func leftOut(e *element) string {
	switch class := e.class(); class {
	case "HeaderManager", "AuthManager", "CookieManager", "CSVDataSet", "Arguments", "ConstantTimer", "UniformRandomTimer", "GaussianRandomTimer",
		"PoissonRandomTimer", "ConstantThroughputTimer", "PreciseThroughputTimer", "ResponseAssertion", "DurationAssertion", "JSONPathAssertion",
		"RegexExtractor", "JSONPostProcessor":
		return ""
	case "ConfigTestElement":
		if e.attrs["guiclass"] == "HttpDefaultsGui" {
			return ""
		}
		return "it is no config of HTTP requests"
	case "ResultCollector", "Summariser", "BackendListener", "WorkBench":
		return "sitrep keeps and shows results itself"
	case "CacheManager":
		return "nothing is cached here: every request is sent"
	case "DNSCacheManager":
		return "names are looked up once, or http: {dns: per_request}"
	default:
		switch {
		case strings.Contains(class, "JSR223"), strings.Contains(class, "BeanShell"), strings.Contains(class, "BSF"):
			return aProgram
		case strings.HasSuffix(class, "Timer"), strings.HasSuffix(class, "Assertion"), strings.HasSuffix(class, "Extractor"), strings.HasSuffix(class, "PostProcessor"),
			strings.HasSuffix(class, "PreProcessor"), strings.HasSuffix(class, "Modifier"):
			return "a plan has nothing that does this"
		}
		if strings.HasSuffix(class, "Sampler") {
			return notHTTP
		}
		return "a plan has no such element"
	}
}

// group is a thread group on its way into a plan.
type group struct {
	in      *jmx
	p       pair
	draft   *draft
	vars    variables
	lead    loadtest.Think // before the first request of a pass
	pending loadtest.Think // since the last one
	steps   []step
	timed   map[*element]int // how many requests of a pass a throughput timer is for
	tried   int              // requests, carried over or not
	used    settings
	secrets map[string]string // what is written in their place
}

// settings are those of single requests there that are the plan's here.
type settings struct {
	requests, redirects, fresh int
	connect, response          map[time.Duration]bool
}

func newGroup(in *jmx, p pair) *group {
	d := &draft{format: "JMeter", file: in.file, name: base(in.file) + "-" + p.e.attrs["testname"], line: p.e.line, column: p.e.column, files: map[string][]byte{}}
	vars := in.vars
	vars.row, vars.taken = map[string]string{}, map[string]string{}
	return &group{
		in: in, p: p, draft: d, vars: vars, timed: map[*element]int{}, secrets: map[string]string{},
		used: settings{connect: map[time.Duration]bool{}, response: map[time.Duration]bool{}},
	}
}

func (g *group) note(e *element, format string, args ...any) {
	g.draft.note(e.line, e.column, e.named(), format, args...)
}

// at takes notes at an element.
func (g *group) at(e *element) place {
	return func(format string, args ...any) { g.note(e, format, args...) }
}

// plan makes scenarios of what the group does, and stages of how many do it.
func (g *group) plan(outer scope) {
	s := outer.with(g.p.below)
	g.rows(g.p, s)
	for i, level := range g.alternatives() {
		g.steps, g.lead, g.pending = nil, loadtest.Think{}, loadtest.Think{}
		g.vars.taken = map[string]string{}
		others := g.timed
		g.timed = map[*element]int{}
		g.walk(level, s)
		for t, n := range others {
			g.timed[t] = max(g.timed[t], n)
		}
		if len(g.steps) == 0 {
			continue
		}
		last := &g.steps[len(g.steps)-1]
		for _, wait := range []loadtest.Think{g.pending, g.lead} {
			last.Think.Min, last.Think.Max = last.Think.Min+wait.Min, last.Think.Max+wait.Max
		}
		name := cmp.Or(slug(g.p.e.attrs["testname"]), "users")
		if i > 0 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		g.draft.scenarios = append(g.draft.scenarios, scenario{name: name, noCookies: !s.cookies, steps: g.steps})
	}
	if len(g.draft.scenarios) == 0 {
		g.draft.refused = "there is no request in it that can be carried over; the notes say what there is"
		return
	}
	g.stages()
	g.whole()
}

// chooses says that a controller does one of what is in it in each pass, in turn or by
// chance.
func chooses(class string) bool { return class == "InterleaveControl" || class == "RandomController" }

// acting is how many of a level do something in their turn.
func acting(level []pair) (n int) {
	for _, p := range level {
		if p.e.enabled() && acts(p.e.class()) {
			n++
		}
	}
	return n
}

// alternatives are what a pass of the group may do: everything, but of what the first
// controller that chooses has in it one each.
func (g *group) alternatives() (all [][]pair) {
	level := g.p.below
	at := slices.IndexFunc(level, func(p pair) bool { return p.e.enabled() && chooses(p.e.class()) && acting(p.below) > 1 })
	if at < 0 {
		return [][]pair{level}
	}
	for i, chosen := range level[at].below {
		if acting(level[at].below[i:i+1]) == 0 {
			continue
		}
		if len(all) == mostSteps {
			g.note(level[at].e, "of what it chooses from the first %d are carried over: a plan has no more steps", mostSteps)
			break
		}
		one := slices.Clone(level)
		one[at].below = slices.DeleteFunc(slices.Clone(level[at].below), func(p pair) bool { return p.e != chosen.e && acting([]pair{p}) > 0 })
		all = append(all, one)
	}
	return all
}

// walk takes the requests of a level over, in their order, as one pass makes them.
func (g *group) walk(level []pair, s scope) {
	before := len(g.steps)
	for _, p := range level {
		switch class := p.e.class(); {
		case !p.e.enabled():
			g.note(p.e, "%s", leftText(p, "it is disabled"))
		case isHTTP(class):
			g.request(p, s.with(p.below))
			g.beside(p)
		case class == "TestAction":
			g.pause(p, s.with(p.below))
		case class == "LoopController":
			g.loop(p, s.with(p.below))
		case class == "OnceOnlyController", class == "TransactionController", class == "GenericController", class == "RecordingController",
			chooses(class) && acting(p.below) <= 1:
			switch class {
			case "OnceOnlyController":
				g.note(p.e, "what each user does once there is done in every pass here")
			case "TransactionController":
				g.note(p.e, "its requests are carried over; the time of all of them together is not measured")
			}
			g.walk(p.below, s.with(p.below))
		default:
			if text := leftOut(p.e); text != "" {
				g.note(p.e, "%s", leftText(p, text))
			}
		}
	}
	for _, t := range s.timers {
		if slices.ContainsFunc(level, func(p pair) bool { return p.e == t }) {
			g.timed[t] += len(g.steps) - before
		}
	}
}

// beside notes what stands below a request and is not carried over.
func (g *group) beside(p pair) {
	for _, b := range p.below {
		switch text := leftOut(b.e); {
		case !b.e.enabled():
			g.note(b.e, "%s", leftText(b, "it is disabled"))
		case text != "":
			g.note(b.e, "%s", leftText(b, text))
		}
	}
}

// mostSteps is how many steps a plan may have.
const mostSteps = 100

// loop writes what is repeated as often as it is done in a pass.
func (g *group) loop(p pair, s scope) {
	times, ok := g.vars.number(p.e.prop("LoopController.loops"), g.at(p.e))
	if !ok || times < 1 {
		g.note(p.e, "what it repeats without end, or nobody knows how often, is done once in a pass here")
		times = 1
	}
	for i := 0; float64(i) < times; i++ {
		before := len(g.steps)
		g.walk(p.below, s)
		if len(g.steps) == before {
			return
		}
		if len(g.steps)*2-before > mostSteps && float64(i+1) < times {
			g.note(p.e, "it repeats %s times, which is written %d times: a plan has at most %d steps", number(times), i+1, mostSteps)
			return
		}
	}
}

// pause takes over a pause between requests.
func (g *group) pause(p pair, s scope) {
	if action := p.e.prop("ActionProcessor.action"); action != "1" {
		g.note(p.e, "not carried over: it ends or stops something there")
		return
	}
	if ms, ok := g.vars.number(p.e.prop("ActionProcessor.duration"), g.at(p.e)); ok {
		g.wait(milliseconds(ms), milliseconds(ms), p.e)
	}
	g.delays(s)
	g.beside(p)
}

// milliseconds is a time of JMeter, in whole ones: it knows no shorter.
func milliseconds(ms float64) time.Duration {
	return time.Duration(min(max(math.Round(ms), 0), 1e12)) * time.Millisecond
}

// longestWait is the longest think time of a plan.
const longestWait = time.Hour

// wait adds to the time before the next request.
func (g *group) wait(least, most time.Duration, e *element) {
	p := &g.pending
	p.Min, p.Max = p.Min+least, p.Max+most
	if p.Max > longestWait {
		g.note(e, "a wait of %s is more than the most, %s, which is written", strictyaml.FormatDuration(p.Max), strictyaml.FormatDuration(longestWait))
		p.Min, p.Max = min(p.Min, longestWait), longestWait
	}
}

// delays takes over the timers of a scope, all of which wait before a request.
func (g *group) delays(s scope) {
	for _, t := range s.timers {
		get := func(name string) float64 {
			ms, ok := g.vars.number(t.prop(name), g.at(t))
			if !ok {
				g.note(t, "nobody knows how long it waits; 0 is written")
			}
			return ms
		}
		switch t.class() {
		case "ConstantTimer":
			d := milliseconds(get("ConstantTimer.delay"))
			g.wait(d, d, t)
		case "UniformRandomTimer":
			least := get("ConstantTimer.delay")
			g.wait(milliseconds(least), milliseconds(least+get("RandomTimer.range")), t)
		case "GaussianRandomTimer":
			d := milliseconds(get("ConstantTimer.delay"))
			g.note(t, "the waits are of a normal distribution there; their mean, %s, is written", strictyaml.FormatDuration(d))
			g.wait(d, d, t)
		case "PoissonRandomTimer":
			d := milliseconds(get("ConstantTimer.delay") + get("RandomTimer.range"))
			g.note(t, "the waits are of a Poisson distribution there; their mean, %s, is written", strictyaml.FormatDuration(d))
			g.wait(d, d, t)
		}
	}
}

// full says that the plan has as many steps as it may.
func (g *group) full() bool {
	n := len(g.steps)
	for _, s := range g.draft.scenarios {
		n += len(s.steps)
	}
	return n >= mostSteps
}

// add appends a step, after the wait that comes before it.
func (g *group) add(s step) {
	if len(g.steps) == 0 {
		g.lead, g.pending = g.pending, loadtest.Think{}
	} else {
		g.steps[len(g.steps)-1].Think, g.pending = g.pending, loadtest.Think{}
	}
	g.steps = append(g.steps, s)
}

// whole settles what single requests say there, and the plan here.
func (g *group) whole() {
	d, u := g.draft, g.used
	if u.redirects > 0 {
		d.redirects = 10
		if u.redirects < u.requests {
			g.note(g.p.e, "%d of its %d requests follow redirects; here all do", u.redirects, u.requests)
		}
	}
	if d.noKeepAlive = u.fresh == u.requests; u.fresh > 0 && !d.noKeepAlive {
		g.note(g.p.e, "%d of its %d requests open a connection of their own; here none does", u.fresh, u.requests)
	}
	one := func(of map[time.Duration]bool, what string) time.Duration {
		if len(of) == 0 {
			return 0
		}
		longest := slices.Max(slices.Collect(maps.Keys(of)))
		if len(of) > 1 {
			g.note(g.p.e, "requests have a %s of their own there; here the longest is for all: %s", what, strictyaml.FormatDuration(longest))
		}
		if longest > loadtest.MaxTimeout {
			g.note(g.p.e, "a %s of %s is more than the most, %s, which is written", what, strictyaml.FormatDuration(longest), strictyaml.FormatDuration(loadtest.MaxTimeout))
		}
		return min(longest, loadtest.MaxTimeout)
	}
	d.connect, d.timeout = one(u.connect, "connect timeout"), one(u.response, "timeout")
}
