package imports

import (
	"fmt"
	"strings"
)

// litmus reads a ChaosEngine of LitmusChaos. Source: the CRD of chaos-operator and the
// environment of the experiments of litmus-go.
func (b branch) litmus(kind string) *draft {
	d := &draft{format: "LitmusChaos", at: b, name: b.get("metadata").get("name").text()}
	if kind != "ChaosEngine" {
		why := map[string]string{
			"ChaosExperiment": "it says how LitmusChaos does a fault, and of whom nothing: import the ChaosEngine that names it",
			"ChaosResult":     "it is what came of a run",
			"ChaosSchedule":   "sitrep has no schedules: import the ChaosEngine in it by itself",
		}[kind]
		if why == "" {
			why = "only a ChaosEngine is an experiment"
		}
		d.refuse(b.get("kind"), "a %s is not carried over: %s", cut(kind), why)
		return d
	}
	spec := b.get("spec")
	info := spec.get("appinfo")
	d.labels(info.get("applabel"), d.selector(info.get("applabel"), info.get("applabel").text()))
	if info.get("applabel").there() {
		d.pods(info.get("applabel"))
	}
	for _, key := range []string{"appns", "appkind"} {
		if at := info.get(key); at.there() {
			d.note(at, "not carried over: targets are chosen by labels")
		}
	}
	for _, key := range []string{"annotationCheck", "engineState", "chaosServiceAccount", "jobCleanUpPolicy"} {
		if at := spec.get(key); at.there() {
			d.note(at, "not carried over: it is about how LitmusChaos runs, not about what is done")
		}
	}
	for _, e := range spec.get("experiments").list() {
		d.litmusExperiment(e)
	}
	return d
}

// env is the environment of an experiment.
type env map[string]branch

func (d *draft) litmusExperiment(e branch) {
	name := e.get("name").text()
	spec := e.get("spec")
	vars := env{}
	for _, v := range spec.get("components").get("env").list() {
		vars[v.get("name").text()] = v.get("value")
	}
	s, known := litmusFault(name, vars)
	if !known {
		d.note(e.get("name"), "%q is not carried over: no fault here does that", cut(name))
	} else {
		s.comment = name
		s.duration, _ = durationOf(vars.take("TOTAL_CHAOS_DURATION"))
		d.add(e.get("name"), s)
	}
	if v, ok := numberOf(vars.take("PODS_AFFECTED_PERC")); ok && v > 0 && v <= 100 {
		d.percent, d.most = v, 5
	}
	for _, one := range spec.get("components").get("env").list() {
		if at, left := vars[one.get("name").text()]; left && at.there() {
			d.note(one, "%s is not carried over", cut(one.get("name").text()))
		}
	}
	for _, p := range spec.get("probe").list() {
		d.litmusProbe(p)
	}
	d.monitor(spec.get("components").get("monitor"))
	d.monitor(spec.get("monitor"))
}

// monitor takes over the queries of a block that LitmusChaos stores and never reads.
func (d *draft) monitor(at branch) {
	if !at.there() {
		return
	}
	d.note(at, "LitmusChaos itself ignores this block: no query of it was ever asked, and nothing ends the experiment. Its queries are observations here; give one a threshold, and a guard")
	for _, m := range append(at.list(), at) {
		if address := m.get("url"); address.there() {
			d.note(address, "not carried over: the server is that of the configuration (prometheus.url)")
		}
		_ = m.get("name").text()
		for _, q := range m.get("queries").list() {
			d.observe(q, q.get("name").text(), q.get("query").text())
		}
	}
}

// take is the value of a variable, which is carried over then.
func (v env) take(name string) string {
	text := v[name].textOrNone()
	delete(v, name)
	return text
}

func (b branch) textOrNone() string {
	if b.in == nil || isTemplate(b.text()) {
		return ""
	}
	return b.text()
}

// litmusFault is what does here what an experiment of theirs does.
func litmusFault(name string, v env) (step, bool) {
	switch name {
	case "pod-delete":
		signal := "KILL"
		if strings.EqualFold(v.take("FORCE"), "false") {
			signal = "TERM"
		}
		return step{fault: "process.kill", with: map[string]string{"signal": signal}}, true
	case "container-kill":
		return step{fault: "process.kill"}, true
	case "pod-network-latency":
		return step{fault: "net.delay", with: v.peer(map[string]string{"latency": milliseconds(v.take("NETWORK_LATENCY"), "2s"), "jitter": milliseconds(v.take("JITTER"), "0s")})}, true
	case "pod-network-loss":
		return step{fault: "net.loss", with: v.peer(map[string]string{"percent": or(v.take("NETWORK_PACKET_LOSS_PERCENTAGE"), "100")})}, true
	case "pod-network-partition":
		return step{fault: "net.drop", with: v.peer(map[string]string{"direction": "both"})}, true
	case "pod-cpu-hog":
		return step{fault: "cpu.burn", with: map[string]string{"cores": or(v.take("CPU_CORES"), "1"), "cgroup": "target"}}, true
	case "pod-memory-hog":
		return step{fault: "mem.fill", with: map[string]string{"bytes": or(v.take("MEMORY_CONSUMPTION"), "500") + "MiB", "cgroup": "target"}}, true
	case "pod-http-latency":
		return step{fault: "http.latency", with: map[string]string{"latency": milliseconds(v.take("LATENCY"), "2s")}}, true
	case "pod-http-status-code":
		return step{fault: "http.error", with: map[string]string{"status": or(v.take("STATUS_CODE"), "503")}}, true
	}
	return step{}, false
}

// peer adds whom a fault of the network is about, where that is one address.
func (v env) peer(with map[string]string) map[string]string {
	for _, name := range []string{"DESTINATION_IPS", "DESTINATION_HOSTS"} {
		if text := v[name].textOrNone(); text != "" && !strings.Contains(text, ",") && with["peer"] == "" {
			with["peer"] = v.take(name)
		}
	}
	return with
}

func or(text, fallback string) string {
	if text == "" || text == "0" {
		return fallback
	}
	return text
}

func milliseconds(text, fallback string) string {
	if v, ok := numberOf(text); ok && v >= 0 && v < 1e6 {
		return fmt.Sprintf("%gms", v)
	}
	return fallback
}

// litmusProbe takes a probe over; a query that stops the experiment when it fails is a
// guard too.
func (d *draft) litmusProbe(p branch) {
	name, kind := p.get("name").text(), p.get("type").text()
	inputs := p.get(kind + "/inputs")
	p.consume()
	phases := map[string]string{"SOT": "before", "EOT": "after", "Edge": "before, after"}[p.get("mode").text()]
	switch kind {
	case "promProbe":
		comparator := inputs.get("comparator")
		op, value := comparator.get("criteria").text(), comparator.get("value").text()
		if _, ok := numberOf(value); !ok {
			d.note(comparator, "the comparison of the probe %q is no number; say what is healthy under expect", cut(name))
			op, value = "", ""
		}
		made := d.query(p, name, inputs.get("query").text(), strings.TrimSpace(op+" "+value))
		if made != nil {
			made.phases = phases
		}
		if made != nil && strings.EqualFold(p.get("runProperties").get("stopOnFailure").text(), "true") && op != "" && d.guardOf(*made) {
			d.note(p, "the probe %q stops the experiment when it fails: it is a guard too", cut(name))
		}
	case "httpProbe":
		method := inputs.get("method").get("get")
		var status []string
		if code, ok := method.get("responseCode").number(); ok {
			status = []string{fmt.Sprintf("%.0f", code)}
		}
		before := len(d.probes)
		d.get(p, name, inputs.get("url").text(), status)
		if len(d.probes) > before {
			d.probes[before].phases = phases
		}
	default:
		d.note(p, "the probe %q is a %s; it is not carried over, and never executed", cut(name), cut(kind))
	}
}
