package slo

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

type (
	objectiveFile struct {
		Name        string              `yaml:"name"`
		Title       string              `yaml:"title"`
		Description string              `yaml:"description"`
		Service     string              `yaml:"service"`
		Objective   Percent             `yaml:"objective"`
		Window      strictyaml.Duration `yaml:"window"`
		Calendar    Calendar            `yaml:"calendar"`
		Timezone    string              `yaml:"timezone"`
		SLI         SLI                 `yaml:"sli"`
		Source      string              `yaml:"source"`
		Labels      map[string]string   `yaml:"labels"`
		Alerts      alertsFile          `yaml:"alerts"`
		MinBad      *float64            `yaml:"min_bad_events"`
		Slot        strictyaml.Duration `yaml:"slot"`
	}
	alertsFile struct {
		Profile string     `yaml:"profile"`
		Rules   []ruleFile `yaml:"rules"`
	}
	ruleFile struct {
		Name   string              `yaml:"name"`
		Budget Percent             `yaml:"budget"`
		Long   strictyaml.Duration `yaml:"long"`
		Short  strictyaml.Duration `yaml:"short"`
		For    strictyaml.Duration `yaml:"for"`
		Do     Do                  `yaml:"do"`
	}
)

// Percent is a share written as 99.9 or 99.9%.
type Percent float64

// UnmarshalYAML reads it.
func (p *Percent) UnmarshalYAML(n ast.Node) error {
	text := n.GetToken().Value
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")), 64)
	if err != nil || math.IsNaN(v) {
		return &yaml.SyntaxError{Message: fmt.Sprintf("%q is no percentage: write one such as 99.9", text), Token: n.GetToken()}
	}
	*p = Percent(v / 100)
	return nil
}

// Seconds is a duration as people write it: 300ms, 1.5s.
type Seconds struct{ strictyaml.Duration }

// Float is it in seconds.
func (s Seconds) Float() float64 { return s.D().Seconds() }

// Bounds of an objective.
const (
	shortestWindow = time.Hour
	longestWindow  = 366 * day
	leastBad       = 5       // by default, of events: one failed request at night is no burn
	mostRules      = 16      // of an objective
	sharpest       = 0.99e-6 // of a budget: below it one bad event in a million is all there is
	shortestSlot   = time.Second
	slottedWindow  = day // of an objective with slots of less than a minute: they are many
)

var named = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$`)

// Load reads src, the content of file, and checks all that can be checked without a
// server. Errors are *strictyaml.Error.
func Load(file string, src []byte) (Objective, error) {
	var f objectiveFile
	doc, err := strictyaml.Decode(file, src, &f)
	if err != nil {
		return Objective{}, cmp.Or(foreign(file, src), err)
	}
	o := Objective{
		Name:  cmp.Or(f.Name, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))),
		Title: f.Title, Description: f.Description, Service: f.Service, Target: float64(f.Objective), SLI: f.SLI, Source: f.Source, Labels: f.Labels, File: file,
	}
	o.Title = cmp.Or(o.Title, o.Name)
	switch {
	case !named.MatchString(o.Name):
		return o, doc.Errorf("name", "%q is no name: letters, digits, _ . and -, at most 100", o.Name)
	case !doc.Has("objective"):
		return o, doc.Errorf("objective", "objective is missing: the percentage of events that are to be good, such as 99.9")
	case o.Target >= 1:
		return o, doc.Errorf("objective", "an objective of 100 %% leaves no budget, and every failure would be a breach: write 99.99 or less")
	case o.Target <= 0:
		return o, doc.Errorf("objective", "an objective is above 0 and below 100, such as 99.9, not %s", trimmed(o.Target*100))
	case o.Target < 0.01:
		return o, doc.Errorf("objective", "an objective is a percentage: %s is a share, it seems; write %s", trimmed(math.Round(o.Target*1e10)/1e8), trimmed(math.Round(o.Target*1e8)/1e4))
	case o.Budget() < sharpest:
		return o, doc.Errorf("objective", "%s %% allows one bad event in %.0f, which nobody can measure: at most 99.9999", trimmed(math.Round(o.Target*1e10)/1e8), math.Round(1e-3/o.Budget())*1e3)
	}
	if o.Window, err = f.window(doc); err != nil {
		return o, err
	}
	if o.Slot, err = f.slot(doc, o.Window); err != nil {
		return o, err
	}
	if err := f.SLI.check(doc); err != nil {
		return o, err
	}
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		if !labelName(name) {
			return o, doc.Errorf("labels."+name, "%q is no label's name", name)
		}
	}
	if o.Rules, err = f.Alerts.rules(doc, o); err != nil {
		return o, err
	}
	o.MinBad = leastBad
	if o.SLI.Timesliced() {
		o.MinBad = 0 // a bad minute is no single request
	}
	if f.MinBad != nil {
		if o.MinBad = *f.MinBad; !(o.MinBad >= 0 && o.MinBad <= 1e9) {
			return o, doc.Errorf("min_bad_events", "min_bad_events is a number of events from 0, not %s", trimmed(o.MinBad))
		}
	}
	return o, nil
}

func labelName(name string) bool {
	return model.LegacyValidation.IsValidLabelName(name)
}

func (f *objectiveFile) window(doc *strictyaml.Doc) (Window, error) {
	w := Window{Length: f.Window.D(), Calendar: f.Calendar, Zone: f.Timezone}
	switch {
	case w.Calendar != Rolling && doc.Has("window"):
		return w, doc.Errorf("calendar", "an objective has a rolling window or a calendar's, not both")
	case w.Calendar != Rolling:
		length, ok := calendars[w.Calendar]
		if !ok {
			return w, doc.Errorf("calendar", "calendar is week, month or quarter, not %q", w.Calendar)
		}
		loc, err := time.LoadLocation(cmp.Or(w.Zone, "UTC"))
		if err != nil {
			return w, doc.Errorf("timezone", "%q is no time zone: write one such as Europe/Zurich", w.Zone)
		}
		w.Length, w.location = length, loc
		return w, nil
	case w.Zone != "":
		return w, doc.Errorf("timezone", "a rolling window has no time zone; timezone goes with calendar")
	case !doc.Has("window"):
		w.Length = 30 * day
	case w.Length < shortestWindow || w.Length > longestWindow:
		return w, doc.Errorf("window", "the window is from 1h to 366d, such as 30d, not %s", short(w.Length))
	}
	return w, nil
}

// slot is how wide the slots are of what is told in less than minutes: of a laboratory.
func (f *objectiveFile) slot(doc *strictyaml.Doc, w Window) (time.Duration, error) {
	d := f.Slot.D()
	switch {
	case !doc.Has("slot"):
		return 0, nil
	case w.Calendar != Rolling || w.Length > slottedWindow:
		return 0, doc.Errorf("slot", "slot goes with a window of %s at most; what is longer is counted minute by minute: take slot away", short(slottedWindow))
	case d < shortestSlot || d >= time.Minute || time.Minute%d != 0 || d%time.Second != 0:
		return 0, doc.Errorf("slot", "slot is a part of a minute from 1s, such as 5s or 30s, not %s", short(d))
	}
	return d, nil
}

// briefest is the shortest that a window of a rule is: a slot says too little.
func (o Objective) briefest() time.Duration {
	if o.Slot > 0 {
		return min(6*o.Slot, time.Minute)
	}
	return time.Minute
}

func (f *alertsFile) rules(doc *strictyaml.Doc, o Objective) ([]Rule, error) {
	w, least := o.Window, o.briefest()
	if len(f.Rules) == 0 {
		if list := Profile(f.Profile, w); list != nil {
			return slices.DeleteFunc(list, func(r Rule) bool { return r.Long > w.Length }), nil // nothing burns for longer than the window
		}
		return nil, doc.Errorf("alerts.profile", "%q is no profile; known are %s", f.Profile, strings.Join(Profiles(), ", "))
	}
	if f.Profile != "" {
		return nil, doc.Errorf("alerts.rules", "alerts has a profile or rules of its own, not both")
	}
	if len(f.Rules) > mostRules {
		return nil, doc.Errorf("alerts.rules", "%d rules: an objective has at most %d", len(f.Rules), mostRules)
	}
	var list []Rule
	for i, r := range f.Rules {
		at := fmt.Sprintf("alerts.rules[%d]", i)
		rule := Rule{Name: r.Name, Share: float64(r.Budget), Long: r.Long.D(), Short: r.Short.D(), For: r.For.D(), Do: r.Do}
		switch {
		case !named.MatchString(r.Name):
			return nil, doc.Errorf(at, "a rule needs a name, such as fast")
		case slices.ContainsFunc(list, func(o Rule) bool { return o.Name == r.Name }):
			return nil, doc.Errorf(at+".name", "there are two rules %q", r.Name)
		case !(rule.Share > 0 && rule.Share <= 1):
			return nil, doc.Errorf(at+".budget", "budget is the percentage of the budget that is gone within long, above 0 and at most 100")
		case rule.Long < least || rule.Long > w.Length:
			return nil, doc.Errorf(at+".long", "long is from %s to the window, %s", short(least), w)
		case rule.Do != Page && rule.Do != Ticket:
			return nil, doc.Errorf(at+".do", "do is page or ticket, not %q", r.Do)
		}
		if !doc.Has(at + ".short") {
			rule.Short = max(least, rule.Long/12) // the workbook's relation
		}
		if rule.Short < least || rule.Short > rule.Long {
			return nil, doc.Errorf(at+".short", "short is from %s to long, %s", short(least), short(rule.Long))
		}
		list = append(list, rule)
	}
	return list, nil
}

// check holds that there is one form, and that its PromQL can be asked.
func (s *SLI) check(doc *strictyaml.Doc) error {
	forms := 0
	for _, there := range []bool{s.Events != nil, s.ErrorRatio != nil, s.Latency != nil, s.Probe != nil, s.Throughput != nil} {
		if there {
			forms++
		}
	}
	if forms != 1 {
		return doc.Errorf("sli", "sli has one of events, error_ratio, latency, probe and throughput; here are %d", forms)
	}
	switch {
	case s.Events != nil:
		return s.Events.check(doc)
	case s.ErrorRatio != nil:
		if !strings.Contains(s.ErrorRatio.PromQL, windowMark) {
			return doc.Errorf("sli.error_ratio.promql", "a ratio is asked minute by minute: write $window where its range stands, as in rate(x[$window])")
		}
		if err := counts(doc, "sli.error_ratio.total", s.ErrorRatio.Total, true); err != nil {
			return err
		}
		return counts(doc, "sli.error_ratio.promql", s.ErrorRatio.PromQL, false)
	case s.Latency != nil:
		return s.Latency.check(doc)
	case s.Probe != nil:
		return asks(doc, "sli.probe.promql", s.Probe.PromQL)
	}
	if !(s.Throughput.AtLeast > 0) || math.IsInf(s.Throughput.AtLeast, 0) {
		return doc.Errorf("sli.throughput.at_least", "at_least is how many a second there are to be, above 0")
	}
	return counts(doc, "sli.throughput.counter", s.Throughput.Counter, false)
}

func (e *Events) check(doc *strictyaml.Doc) error {
	if (e.Bad == "") == (e.Good == "") {
		return doc.Errorf("sli.events", "events has bad or good, and total")
	}
	if err := counts(doc, "sli.events.bad", e.Bad, true); err != nil {
		return err
	}
	if err := counts(doc, "sli.events.good", e.Good, true); err != nil {
		return err
	}
	return counts(doc, "sli.events.total", e.Total, false)
}

func (l *Latency) check(doc *strictyaml.Doc) error {
	v, ok := vector(l.Histogram)
	if !ok {
		return doc.Errorf("sli.latency.histogram", "histogram is a selector, such as http_request_duration_seconds{service=\"checkout\"}, not %q", l.Histogram)
	}
	if name := v.Name; !l.Native && (strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_sum")) {
		return doc.Errorf("sli.latency.histogram", "write the histogram's own name, %s", name[:strings.LastIndexByte(name, '_')])
	}
	if l.Below.D() <= 0 {
		return doc.Errorf("sli.latency.below", "below is the longest that a good request takes, such as 300ms")
	}
	return counts(doc, "sli.latency.total", l.Total, true)
}

// counts checks a counter's selector, or PromQL with $window.
func counts(doc *strictyaml.Doc, path, expr string, mayMiss bool) error {
	switch {
	case expr == "" && mayMiss:
		return nil
	case !strings.Contains(expr, windowMark) && expr != "" && !selects(expr):
		if err := asks(doc, path, expr); err != nil {
			return err
		}
		return doc.Errorf(path, "this is neither a counter's selector nor PromQL with $window where its range stands: write http_requests_total{…}, or sum(increase(http_requests_total{…}[$window]))")
	}
	return asks(doc, path, expr)
}

// asks checks that PromQL can be asked, and gives numbers.
func asks(doc *strictyaml.Doc, path, expr string) error {
	if strings.TrimSpace(expr) == "" {
		return doc.Errorf(path, "there is no PromQL here")
	}
	e, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(strings.ReplaceAll(expr, windowMark, "60s"))
	if err != nil {
		return doc.Errorf(path, "PromQL: %v", err)
	}
	switch t := e.Type(); t {
	case parser.ValueTypeVector:
	case parser.ValueTypeScalar:
		return doc.Errorf(path, "this PromQL gives a scalar, which has a value even where nothing is measured: name what is measured, without scalar()")
	case parser.ValueTypeMatrix:
		return doc.Errorf(path, "this PromQL gives a range vector, and one number is needed: put a function around it, such as sum(increase(…[$window]))")
	default:
		return doc.Errorf(path, "this PromQL gives a %s, and one number is needed: write sum(…) of what is measured", parser.DocumentedType(t))
	}
	return nil
}
