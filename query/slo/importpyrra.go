package slo

import (
	"strings"
)

// pyrra is one ServiceLevelObjective.
func (b branch) pyrra() []*draft {
	meta, spec := b.get("metadata"), b.get("spec")
	d := &draft{format: "Pyrra", at: b, name: meta.get("name").text(), description: spec.get("description").text(), profile: "pyrra"}
	if ns := meta.get("namespace"); ns.there() {
		d.label(ns, "namespace", ns.text())
	}
	for _, l := range meta.get("labels").each() {
		if name, its := strings.CutPrefix(l.name(), "pyrra.dev/"); its { // those go to its rules, without the prefix
			d.label(l, name, l.text())
			continue
		}
		d.note(l, "not carried over: a label of the Kubernetes object, not of the objective")
	}
	d.setTarget(spec.get("target"), true)
	d.window = spec.get("window").text()
	d.pyrraIndicator(spec.get("indicator"))
	if spec.get("alerting").get("disabled").yes() {
		d.profile = "none"
	}
	return []*draft{d}
}

func (d *draft) pyrraIndicator(of branch) {
	metric := func(b branch) branch { return b.get("metric") }
	ratio, latency, native, gauge := of.get("ratio"), of.get("latency"), of.get("latencyNative", "latency_native"), of.get("bool_gauge", "boolGauge")
	switch {
	case ratio.there():
		d.events("bad", metric(ratio.get("errors")), metric(ratio.get("total")))
		d.grouping(ratio)
	case latency.there():
		d.events("good", metric(latency.get("success")), metric(latency.get("total")))
		d.grouping(latency)
	case native.there():
		d.form("latency", entry{"histogram", quoted(metric(native.get("total")).text())}, entry{"below", quoted(native.get("latency").text())}, entry{"native", "true"})
		d.grouping(native)
	case gauge.there():
		d.form("probe", entry{"promql", quoted(metric(gauge).text())})
		d.note(gauge, "a probe weighs every minute the same")
		d.grouping(gauge)
	default:
		d.refuse(of, "there is no indicator of ratio, latency, latencyNative or bool_gauge")
	}
}

// grouping is one objective for each group there; here it is one for all of them.
func (d *draft) grouping(of branch) {
	var names []string
	for _, g := range of.get("grouping").list() {
		names = append(names, g.text())
	}
	if len(names) > 0 {
		d.note(of.get("grouping"), "not carried over: there it is an objective for each %s, here one for all together; write a file for each that matters", strings.Join(names, ", "))
	}
}
