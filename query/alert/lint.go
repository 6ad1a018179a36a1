package alert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// Finding is something about an alerting rule that will disappoint whoever it wakes.
// Line and Column are 0 where the server told of the rule.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Group   string `json:"group"`
	Alert   string `json:"alert"`
	Rule    string `json:"rule"` // stable name: cause, missing-for, missing-severity, missing-runbook, mostly-noise, syntax, and those of query.Lint
	Message string `json:"message"`
}

// String is the finding in a line, as compilers write theirs.
func (f Finding) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", where, f.Alert, f.Message, f.Rule)
}

// LintRules finds what is wrong with the rules of a file, in its order. Noisy says, by
// name, what is known of alerts that are mostly noise.
func LintRules(file string, rules []FileRule, noisy map[string]string) []Finding {
	var all []Finding
	for _, r := range rules {
		all = append(all, r.lint(file, noisy)...)
	}
	return all
}

// LintServer does the same for the rules that a server has.
func LintServer(server string, rules []Rule, noisy map[string]string) []Finding {
	var all []Finding
	for _, r := range rules {
		wait := ""
		if r.For > 0 {
			wait = r.For.String()
		}
		file := r.File
		if file == "" {
			file = server
		}
		one := FileRule{Group: r.Group, Name: r.Name, Expr: r.Query, For: wait, Labels: r.Labels, Annotations: r.Annotations}
		for _, f := range one.lint(file, noisy) {
			f.Line, f.Column = 0, 0
			all = append(all, f)
		}
		if r.Health == "err" {
			all = append(all, Finding{File: file, Group: r.Group, Alert: r.Name, Rule: "broken", Message: "its evaluation fails, so it cannot fire: " + r.LastError})
		}
	}
	return all
}

func (r FileRule) lint(file string, noisy map[string]string) []Finding {
	var all []Finding
	add := func(at place, rule, format string, args ...any) {
		all = append(all, Finding{File: file, Line: at.line, Column: at.column, Group: r.Group, Alert: r.Name, Rule: rule, Message: fmt.Sprintf(format, args...)})
	}
	if said := noisy[r.Name]; said != "" {
		add(r.at, "mostly-noise", "%s", said)
	}
	if fault := query.CheckExpr(r.Expr); fault != nil {
		add(r.within(fault.Pos), "syntax", "the expression cannot be read: %s", fault.Msg)
		return all
	}
	for _, w := range query.Lint(r.Expr) {
		add(r.within(w.Pos), w.Rule, "%s", w.Message)
	}
	if what, at, is := r.cause(); is {
		add(r.within(at), "cause", "it fires on %s, which may hurt nobody: wake people for what users see (errors, latency, saturation that refuses work) and keep this for a dashboard or a ticket (severity: info)", what)
	}
	if r.For == "" || r.For == "0s" || r.For == "0" {
		add(r.at, "missing-for", "without for: one bad sample fires it, and the next one ends it; say for how long it has to be so")
	}
	if r.Labels["severity"] == "" {
		add(r.at, "missing-severity", "without the label severity nothing can decide whom it wakes")
	}
	if !slices.ContainsFunc([]string{"runbook_url", "runbook", "runbook_link"}, func(k string) bool { return r.Annotations[k] != "" }) {
		add(r.at, "missing-runbook", "without the annotation runbook_url whoever is woken has to guess what to do")
	}
	return all
}

// resource is a way in which metrics of a cause are called.
type resource struct {
	what   string
	metric *regexp.Regexp
}

// resources are the causes that are known by the names of their metrics.
func resources() []resource {
	return []resource{
		{"CPU use", cpuMetric}, {"memory use", memoryMetric}, {"disk use", diskMetric}, {"the load average", loadMetric}, {"network traffic", networkMetric},
	}
}

var (
	cpuMetric     = regexp.MustCompile(`^(node|windows|container|process|namedprocess|instance|cluster|namespace).*_?cpu(_|$|:)|(^|:)node_cpu|cpu_(usage|utili[sz]ation|seconds_total)`)
	memoryMetric  = regexp.MustCompile(`^(node_memory|windows_memory|container_memory|process_(resident|virtual)_memory|jvm_memory)|memory_utili[sz]ation`)
	diskMetric    = regexp.MustCompile(`^(node_filesystem_(avail|free|size|files)|node_disk|windows_logical_disk|kubelet_volume_stats|container_fs)|disk_utili[sz]ation`)
	loadMetric    = regexp.MustCompile(`^node_load(1|5|15)$`)
	networkMetric = regexp.MustCompile(`^(node_network_(receive|transmit)|container_network)_.*bytes`)
)

// cause says that the expression is about a resource, and where. A forecast (when
// will the disk be full) is no cause, and neither is what wakes nobody.
func (r FileRule) cause() (what string, at int, is bool) {
	switch strings.ToLower(r.Labels["severity"]) {
	case "info", "none", "notice", "ticket":
		return "", 0, false
	}
	if strings.Contains(r.Expr, "predict_linear") || strings.Contains(r.Expr, "deriv(") {
		return "", 0, false
	}
	for _, m := range query.Metrics(r.Expr) {
		if strings.Contains(m.Name, "throttl") || strings.Contains(m.Name, "pressure") {
			continue // that is work which has to wait
		}
		for _, res := range resources() {
			if res.metric.MatchString(m.Name) {
				return res.what, m.Pos, true
			}
		}
	}
	return "", 0, false
}
