package slo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Labels that every rule and every alert about a burn has. Severity is that of the
// usual alerts, so that a policy's declare rules hold for burns too.
const (
	AlertName  = "ErrorBudgetBurn"
	LabelSLO   = "slo"
	LabelBurn  = "burn"
	Critical   = "critical"
	Warning    = "warning"
	recordName = "slo:error_ratio:rate"
	badName    = "slo:bad_events:increase"
)

// AlertLabels are those of the alert about a rule that fires, whoever tells it: the
// watch or the server.
func (o Objective) AlertLabels(r Rule) map[string]string {
	l := maps.Clone(o.Labels)
	if l == nil {
		l = map[string]string{}
	}
	l["alertname"], l[LabelSLO], l[LabelBurn], l["severity"] = AlertName, o.Name, r.Name, Warning
	if r.Do == Page {
		l["severity"] = Critical
	}
	if o.Service != "" {
		l["service"] = o.Service
	}
	return l
}

// RuleFile is Prometheus rules for objectives: the events of every slot, the error ratio
// over every window of their rules, and an alert for each rule. A server that has them
// alerts when sitrep does not run, and answers what was before sitrep did from the slots.
// Scrape is how often it scrapes: the watch reads slots of the width that it says.
func RuleFile(list []Objective, scrape time.Duration) string {
	var b strings.Builder
	b.WriteString("# Made by sitrep slo rules; the objectives' files are what to change.\ngroups:\n")
	for _, o := range list {
		o.counts(&b, o.Width(scrape))
		o.recordings(&b)
		o.alerts(&b)
	}
	return b.String()
}

// windows are those of the rules, each once, the shortest first.
func (o Objective) windows() (list []time.Duration) {
	for _, r := range o.Rules {
		list = append(list, r.Long, r.Short)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// counts are the rules that record slots. They are evaluated once in each, so that every
// event is in exactly one.
func (o Objective) counts(b *strings.Builder, width time.Duration) {
	total, bad := o.SLI.countRules(width)
	labels := o.recordLabels()
	labels[labelMeasured] = o.measured("")
	fmt.Fprintf(b, "  - name: %s\n    interval: %s\n    rules:\n", quoted("slo:"+o.Name+":count"), window(width))
	for _, r := range [][2]string{{recordedTotal, total}, {recordedBad, bad}} {
		fmt.Fprintf(b, "      - record: %s\n        expr: %s\n        labels: {%s}\n", r[0]+window(width), quoted(r[1]), flow(labels))
	}
}

func (o Objective) recordings(b *strings.Builder) {
	if len(o.Rules) == 0 {
		return
	}
	fmt.Fprintf(b, "  - name: %s\n    rules:\n", quoted("slo:"+o.Name+":record"))
	labels := o.recordLabels()
	for _, w := range o.windows() {
		fmt.Fprintf(b, "      - record: %s\n        expr: %s\n        labels: {%s}\n", recordName+window(w), quoted(o.SLI.RatioOver(w)), flow(labels))
		if bad := o.SLI.badOver(w); bad != "" && o.MinBad > 0 {
			fmt.Fprintf(b, "      - record: %s\n        expr: %s\n        labels: {%s}\n", badName+window(w), quoted(bad), flow(labels))
		}
	}
}

func (o Objective) recordLabels() map[string]string {
	l := map[string]string{LabelSLO: o.Name}
	if o.Service != "" {
		l["service"] = o.Service
	}
	return l
}

func (o Objective) alerts(b *strings.Builder) {
	if len(o.Rules) == 0 {
		return
	}
	fmt.Fprintf(b, "  - name: %s\n    rules:\n", quoted("slo:"+o.Name+":alert"))
	for _, r := range o.Rules {
		sel := fmt.Sprintf("{slo=%s}", strconv.Quote(o.Name))
		limit := fmt.Sprintf("(%s * %s)", trimmed(r.Factor(o.Window)), strconv.FormatFloat(o.Budget(), 'g', 10, 64))
		expr := fmt.Sprintf("%s%s%s > %s and %s%s%s > %s", recordName, window(r.Long), sel, limit, recordName, window(r.Short), sel, limit)
		if o.MinBad > 0 && o.SLI.badOver(r.Long) != "" {
			expr += fmt.Sprintf(" and %s%s%s >= %s", badName, window(r.Long), sel, trimmed(o.MinBad))
		}
		labels := o.AlertLabels(r)
		delete(labels, "alertname")
		fmt.Fprintf(b, "      - alert: %s\n        expr: %s\n", AlertName, quoted(expr))
		if r.For > 0 {
			fmt.Fprintf(b, "        for: %s\n", window(r.For))
		}
		fmt.Fprintf(b, "        labels: {%s}\n        annotations:\n          summary: %s\n", flow(labels), quoted(escapeTemplate(o.burnSummary(r))))
	}
}

// burnSummary is what a rule that fires means, in a line.
func (o Objective) burnSummary(r Rule) string {
	return fmt.Sprintf("%s: the error budget of %s burns %s: above %s times its rate over %s and %s",
		o.Title, o.Window, r.Name, RateText(r.Factor(o.Window)), short(r.Long), short(r.Short))
}

// escapeTemplate keeps a title from being one of Prometheus' templates.
func escapeTemplate(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// RatioOver is the PromQL of the share of bad events over a window, up to now.
func (s SLI) RatioOver(w time.Duration) string {
	q := s.Questions(w)
	switch {
	case s.Throughput != nil:
		rate := s.Questions(2 * time.Minute).Rate
		return fmt.Sprintf("avg_over_time(((%s) < bool %s)[%s:1m])", rate, trimmed(s.Throughput.AtLeast), window(max(w, 2*time.Minute)))
	case q.Ratio != "":
		return q.Ratio
	case q.Good != "":
		return fmt.Sprintf("1 - clamp_max(((%s) or vector(0)) / (%s), 1)", q.Good, q.Total)
	}
	return fmt.Sprintf("clamp_max(((%s) or vector(0)) / (%s), 1)", q.Bad, q.Total)
}

// badOver is the PromQL of how many events were bad; empty where minutes are counted.
func (s SLI) badOver(w time.Duration) string {
	q := s.Questions(w)
	switch {
	case s.Timesliced():
		return ""
	case q.Ratio != "":
		return fmt.Sprintf("(%s) * (%s)", q.Ratio, q.Total)
	case q.Good != "":
		return fmt.Sprintf("(%s) - ((%s) or vector(0))", q.Total, q.Good)
	}
	return fmt.Sprintf("(%s) or vector(0)", q.Bad)
}

// window is a duration as Prometheus writes it.
func window(d time.Duration) string {
	if d >= day && d%day == 0 {
		return trimmed(float64(d/day)) + "d"
	}
	return strictyaml.FormatDuration(d)
}

// flow is labels in one line of YAML, in order.
func flow(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s: %s", name, quoted(escapeTemplate(labels[name]))))
	}
	return strings.Join(parts, ", ")
}

// quoted is a scalar of YAML that means exactly this text: single quotes know no
// escapes, and what is not printable needs them.
func quoted(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
