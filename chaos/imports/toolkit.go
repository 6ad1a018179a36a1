package imports

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// chaosToolkit reads an experiment of Chaos Toolkit. None of its providers is executed.
// Source: chaostoolkit.org/reference/api/experiment.
func (b branch) chaosToolkit() *draft {
	d := &draft{format: "Chaos Toolkit", at: b, name: b.get("title").text(), hypothesis: b.get("title").text()}
	hypothesis := b.get("steady-state-hypothesis")
	d.hypothesis = cmp.Or(hypothesis.get("title").text(), d.hypothesis)
	for _, p := range hypothesis.get("probes").list() {
		d.toolkitProbe(p)
	}
	for _, s := range b.get("method").list() {
		d.toolkitStep(s)
	}
	for _, r := range b.get("rollbacks").list() {
		d.note(r, "the rollback %q is not carried over: every fault here brings its own undo", cut(r.get("name").text()))
		r.consume()
	}
	for _, c := range b.get("controls").list() {
		d.note(c, "the control %q is not carried over: sitrep has no such thing, and runs none of it", cut(c.get("name").text()))
		c.consume()
	}
	for _, key := range []string{"secrets", "configuration"} {
		if at := b.get(key); at.there() {
			at.consume()
			d.note(at, "not carried over: values and secrets of theirs are not copied")
		}
	}
	for _, key := range []string{"version", "description", "tags", "contributions"} { // for people alone
		b.get(key).consume()
	}
	return d
}

// toolkitProbe takes a probe of the hypothesis over.
func (d *draft) toolkitProbe(p branch) {
	name, provider := cmp.Or(p.get("name").text(), p.get("ref").text()), p.get("provider")
	tolerance := p.get("tolerance")
	p.consume()
	d.others(p, "type", "name", "ref", "tolerance", "provider")
	switch module := provider.get("module").text(); {
	case provider.get("type").text() == "http":
		d.toolkitGet(p, name, provider, tolerance)
	case strings.HasPrefix(module, "chaosprometheus.probes"):
		d.others(provider, "type", "module", "func", "arguments")
		d.others(provider.get("arguments"), "query")
		d.toolkitQuery(p, name, provider.get("arguments").get("query").text(), tolerance)
	case provider.get("type").text() == "process":
		d.toolkitProcess(p, name, provider)
	default:
		d.note(p, "the probe %q is not carried over: %s is Python, which is not executed", cut(name), cut(cmp.Or(module, "its provider")))
	}
}

// toolkitGet takes a probe by HTTP over. What it has of its own is told.
func (d *draft) toolkitGet(p branch, name string, provider, tolerance branch) {
	var status []string
	for _, v := range append(tolerance.list(), tolerance) {
		if n, err := strconv.Atoi(scalarOf(v)); err == nil {
			status = append(status, strconv.Itoa(n))
		}
	}
	if len(status) == 0 && tolerance.there() {
		d.note(tolerance, "not carried over: 200 to 299 is well; list the statuses that are under http.status")
	}
	for _, key := range []string{"headers", "arguments"} {
		if at := provider.get(key); at.there() {
			d.note(at, "not carried over: a probe here asks by GET and sends nothing along")
		}
	}
	if at := provider.get("method"); at.there() && !strings.EqualFold(at.text(), "GET") {
		d.note(at, "not carried over: a probe here asks by GET and sends nothing along")
	}
	d.others(provider, "type", "url", "headers", "method", "arguments", "timeout")
	if d.get(p, name, provider.get("url").text(), status) {
		d.probes[len(d.probes)-1].timeout = d.patience(provider.get("timeout"))
	}
}

// patience is the time that a probe gives an answer, as we write it.
func (d *draft) patience(at branch) string {
	if !at.there() {
		return ""
	}
	v, ok := numberOf(scalarOf(at))
	if !ok || v < 0.01 || v > 10 {
		d.note(at, "not carried over: a probe here waits for 10ms to 10s, and for 1s if it says nothing")
		return ""
	}
	return strictyaml.FormatDuration(time.Duration(v * float64(time.Second)))
}

// others tells of the keys of a mapping that nothing here reads: nothing is left out in
// silence.
func (d *draft) others(at branch, known ...string) {
	for _, one := range at.each() {
		if one.there() && !slices.Contains(known, one.own) {
			d.note(one, "not carried over")
		}
	}
}

// scalarOf is the text of a scalar, and of anything else nothing.
func scalarOf(b branch) string {
	if b.list() != nil || pairs(b.n) != nil {
		return ""
	}
	return b.text()
}

// toolkitQuery takes a query over, with its tolerance where that is a number or a range.
func (d *draft) toolkitQuery(p branch, name, promql string, tolerance branch) {
	expect, also := "", ""
	limits := tolerance.get("range").list()
	if v, ok := numberOf(scalarOf(tolerance)); ok {
		expect = fmt.Sprintf("== %g", v)
	} else if len(limits) == 2 {
		low, okLow := limits[0].number()
		high, okHigh := limits[1].number()
		if okLow && okHigh {
			expect, also = fmt.Sprintf(">= %g", low), fmt.Sprintf("<= %g", high)
		}
	}
	if expect == "" {
		d.note(tolerance, "a tolerance of %q is not carried over: say what is healthy under expect", cut(cmp.Or(tolerance.get("type").text(), "this kind")))
	}
	d.query(p, name, promql, expect)
	if also != "" {
		d.query(p, name+" at the most", promql, also)
	}
}

func (d *draft) toolkitProcess(p branch, name string, provider branch) {
	path := provider.get("path").text()
	if !filepath.IsAbs(path) || provider.get("arguments").there() {
		d.note(p, "the probe %q runs a program; it is not carried over: write it as exec: {argv: [/its/path, …]}, and have the policy name it", cut(name))
		return
	}
	d.others(provider, "type", "path", "timeout")
	d.probes = append(d.probes, probe{name: name, look: "exec: {argv: [" + quoted(path) + "]}", timeout: d.patience(provider.get("timeout"))})
	d.note(p, "the probe %q runs a program: the policy must name it under exec", cut(name))
}

// toolkitStep takes an action over, and the pauses about it.
func (d *draft) toolkitStep(s branch) {
	name := cmp.Or(s.get("name").text(), s.get("ref").text())
	before, after := s.get("pauses").get("before"), s.get("pauses").get("after")
	d.pause(before)
	provider := s.get("provider")
	module, function, arguments := provider.get("module").text(), provider.get("func").text(), provider.get("arguments")
	s.consume()
	if module == "chaostoxi.toxic.actions" || module == "chaostoxi.proxy.actions" {
		if d.toolkitToxi(s, function, arguments) {
			d.pause(after)
			return
		}
	}
	kills := strings.HasPrefix(module, "chaosk8s.") && (function == "terminate_pods" || function == "kill_microservice" || function == "delete_pods")
	switch {
	case s.get("type").text() == "probe":
		d.note(s, "the probe %q of the method is not carried over: what the steady state has is looked at all the time", cut(name))
	case kills:
		d.toolkitKill(s, arguments)
	case provider.get("type").text() == "process":
		d.note(s, "the action %q runs a program; it is not carried over, and never executed%s", cut(name), native(provider.get("path").text()))
	case strings.HasPrefix(module, "chaosk8s.") || strings.HasPrefix(module, "chaosaws.") || strings.HasPrefix(module, "chaosgcp.") || strings.HasPrefix(module, "chaosazure."):
		d.note(s, "the action %q (%s) is not carried over: waiting for a backend for Kubernetes or a cloud", cut(name), cut(module+"."+function))
	default:
		d.note(s, "the action %q (%s) is not carried over: no fault here does that, and Python is not executed", cut(name), cut(strings.Trim(module+"."+function, ".")))
	}
	d.pause(after)
}

// native is the fault here that does what a program is usually run for.
func native(path string) string {
	fault := map[string]string{
		"kill": "process.kill or process.pause", "pkill": "process.kill or process.pause", "killall": "process.kill or process.pause",
		"tc": "net.delay, net.loss or net.rate", "iptables": "net.drop or net.reject", "nft": "net.drop or net.reject",
		"stress": "cpu.burn, mem.fill or io.burn", "stress-ng": "cpu.burn, mem.fill or io.burn", "dd": "disk.fill or io.burn", "fallocate": "disk.fill",
		"docker": "container.pause, container.stop or container.kill", "toxiproxy-cli": "toxic.latency and the like",
	}[filepath.Base(path)]
	if fault == "" {
		return "; custom.exec runs programs that the policy names"
	}
	return "; here " + fault + " does that"
}

func (d *draft) pause(at branch) {
	if v, ok := at.number(); ok && v > 0 && v < 1e6 {
		d.add(at, step{wait: time.Duration(v * float64(time.Second))})
	}
}

// toolkitKill takes the end of pods over as the end of a process.
func (d *draft) toolkitKill(s, arguments branch) {
	all := d.selector(s, arguments.get("label_selector").text())
	if all == nil {
		return
	}
	if name := arguments.get("name").text(); name != "" {
		all["service"] = name
	}
	d.labels(s, all)
	if n, ok := arguments.get("qty").number(); ok && n >= 1 && n <= 5 {
		d.most = int(n)
	}
	d.pods(s)
	d.add(s, step{fault: "process.kill", duration: 10 * time.Second, comment: "the end of a pod"})
}
