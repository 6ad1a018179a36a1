package imports

import (
	"strings"
	"time"
)

// chaosMesh reads an object of Chaos Mesh. Source: its CRDs, v1alpha1.
func (b branch) chaosMesh(kind string) *draft {
	d := &draft{format: "Chaos Mesh", at: b, name: b.get("metadata").get("name").text()}
	spec := b.get("spec")
	at := b.get("kind")
	if remote := spec.get("remoteCluster"); remote.there() {
		d.refuse(remote, "its targets are in another cluster: waiting for a Kubernetes backend")
		return d
	}
	switch kind {
	case "NetworkChaos":
		d.meshNetwork(spec)
	case "PodChaos":
		d.meshPod(spec)
	case "StressChaos":
		d.meshStress(spec.get("stressors"), "target")
	case "HTTPChaos":
		d.meshHTTP(spec)
	case "PhysicalMachineChaos":
		d.meshMachine(spec)
	case "Schedule", "Workflow":
		d.refuse(at, "a %s is not carried over: sitrep runs one experiment at a time, and by a person; import what is in it by itself", kind)
	default:
		d.refuse(at, "a %s is not carried over: no fault here does that; waiting for a Kubernetes backend", cut(kind))
	}
	if d.refused != "" {
		return d
	}
	d.meshTargets(spec, kind != "PhysicalMachineChaos")
	if length := spec.get("duration"); length.there() {
		for i := range d.steps {
			if v, ok := durationOf(length.text()); ok {
				d.steps[i].duration = min(v, longestStep)
			}
		}
		if v, ok := durationOf(length.text()); ok && v > longestStep {
			d.note(length, "%s is more than the cap of 10m, which is written", length.text())
		} else if !ok {
			d.note(length, "%q is no length of time: 30s is written", cut(length.text()))
		}
	} else if len(d.steps) > 0 {
		d.note(spec, "it has no duration; every fault has an end here: 30s is written")
	}
	return d
}

// meshTargets takes the selector over.
func (d *draft) meshTargets(spec branch, pods bool) {
	selector := spec.get("selector")
	all := map[string]string{}
	for _, l := range selector.get("labelSelectors").each() {
		all[l.own] = l.text()
	}
	d.labels(selector.get("labelSelectors"), all)
	for _, one := range selector.each() {
		if one.own != "labelSelectors" {
			d.note(one.consume(), "not carried over: targets are chosen by labels")
		}
	}
	if pods {
		d.pods(selector)
	}
	mode, value := spec.get("mode"), spec.get("value")
	n, ok := value.number()
	switch mode.text() {
	case "", "one":
	case "all":
		d.most = 5
		d.note(mode, "all of them: at most 5 here, and never every instance of a service")
	case "fixed":
		d.most = int(min(max(1, n), 5))
	case "fixed-percent", "random-max-percent":
		d.most = 5
		if ok && n > 0 && n <= 100 {
			d.percent = n
		}
	default:
		d.note(mode, "the mode %q is not known: one target is taken", cut(mode.text()))
	}
}

// meshNetwork takes the faults of the network over, each as a step of its own.
func (d *draft) meshNetwork(spec branch) {
	with := map[string]string{}
	if direction := map[string]string{"from": "in", "both": "both"}[spec.get("direction").text()]; direction != "" {
		with["direction"] = direction
	}
	outside := spec.get("externalTargets").list()
	if len(outside) > 0 {
		with["peer"] = outside[0].text()
	}
	if len(outside) > 1 {
		d.note(spec.get("externalTargets"), "a step is about one peer: %s is taken, %d more are not carried over", cut(outside[0].text()), len(outside)-1)
	}
	if to := spec.get("target"); to.there() {
		d.note(to.consume(), "a peer that is chosen by labels is not carried over: write its address as peer")
	}
	action := spec.get("action").text()
	many := action == "netem" || action == ""
	done := len(d.steps)
	if delay := spec.get("delay"); delay.there() && (many || action == "delay") {
		d.correlation(delay)
		d.mesh(delay, "net.delay", with, "latency", delay.get("latency").text(), "jitter", zeroless(delay.get("jitter").text()))
	}
	if loss := spec.get("loss"); loss.there() && (many || action == "loss") {
		d.correlation(loss)
		d.mesh(loss, "net.loss", with, "percent", loss.get("loss").text())
	}
	if band := spec.get("bandwidth"); band.there() && (many || action == "bandwidth") {
		for _, key := range []string{"limit", "buffer", "peakrate", "minburst"} {
			if at := band.get(key); at.there() {
				d.note(at, "not carried over: net.rate has a bucket of its own")
			}
		}
		d.mesh(band, "net.rate", with, "rate", meshRate(band.get("rate").text()))
	}
	if action == "partition" {
		d.mesh(spec.get("action"), "net.drop", with)
	}
	for _, key := range []string{"duplicate", "corrupt"} {
		if at := spec.get(key); at.there() {
			d.note(at.consume(), "not carried over: no fault here does that")
		}
	}
	if len(d.steps)-done > 1 {
		d.note(spec, "they hold at the same time there, and one after the other here")
	}
}

func (d *draft) correlation(at branch) {
	if c := at.get("correlation"); c.there() && c.text() != "0" {
		d.note(c, "not carried over: every packet has its chance for itself")
	}
}

func zeroless(text string) string {
	if v, ok := durationOf(text); ok && v == 0 {
		return ""
	}
	return text
}

// meshRate is a rate of tc (1mbps is a megabyte a second there) as ours.
func meshRate(text string) string {
	for theirs, ours := range map[string]string{"kbps": "KB", "mbps": "MB", "bps": "B"} {
		if n, ok := strings.CutSuffix(text, theirs); ok && strings.Trim(n, "0123456789.") == "" {
			return n + ours
		}
	}
	return text
}

// mesh adds a step; parameters without a value are left out.
func (d *draft) mesh(at branch, fault string, with map[string]string, more ...string) {
	all := map[string]string{}
	for k, v := range with {
		all[k] = v
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			all[more[i]] = more[i+1]
		}
	}
	d.add(at, step{fault: fault, with: all, duration: meshLength})
}

// meshLength stands until the duration of the whole object is known.
const meshLength = 30 * time.Second

func (d *draft) meshPod(spec branch) {
	action := spec.get("action")
	for _, key := range []string{"containerNames", "gracePeriod"} {
		if at := spec.get(key); at.there() {
			d.note(at.consume(), "not carried over")
		}
	}
	switch action.text() {
	case "pod-kill", "container-kill":
		d.mesh(action, "process.kill", nil)
	case "pod-failure":
		d.note(action, "pod-failure is written as a pause: the process keeps its sockets and answers nobody")
		d.mesh(action, "process.pause", nil)
	default:
		d.refuse(action, "the action %q is not known", cut(action.text()))
	}
}

// meshStress takes stressors over; cgroup is that of the target, or nothing for the host.
func (d *draft) meshStress(stressors branch, cgroup string) {
	if cpu := stressors.get("cpu"); cpu.there() {
		if options := cpu.get("options"); options.there() {
			d.note(options.consume(), "not carried over")
		}
		if load := cpu.get("load"); load.there() && load.text() != "100" {
			d.note(load, "a load of %s %% of each worker is not carried over: whole CPUs are kept busy", cut(load.text()))
		}
		d.mesh(cpu, "cpu.burn", nil, "cores", or(cpu.get("workers").text(), "1"), "cgroup", cgroup)
	}
	if memory := stressors.get("memory"); memory.there() {
		for _, key := range []string{"workers", "options", "oomScoreAdj"} {
			if at := memory.get(key); at.there() {
				d.note(at.consume(), "not carried over: one process takes it all")
			}
		}
		key, size := "bytes", strings.NewReplacer("MB", "MiB", "GB", "GiB", "KB", "KiB").Replace(memory.get("size").text())
		if strings.HasSuffix(size, "%") {
			key = "percent"
		}
		d.mesh(memory, "mem.fill", nil, key, size, "cgroup", cgroup)
	}
}

func (d *draft) meshHTTP(spec branch) {
	for _, key := range []string{"port", "path", "method", "target", "code", "tls", "request_headers", "response_headers"} {
		if at := spec.get(key); at.there() {
			d.note(at.consume(), "not carried over: every request to the target is meant")
		}
	}
	if delay := spec.get("delay"); delay.there() {
		d.mesh(delay, "http.latency", nil, "latency", delay.text())
	}
	if code := spec.get("replace").get("code"); code.there() {
		d.mesh(code, "http.error", nil, "status", code.text())
	}
	for _, key := range []string{"abort", "patch"} {
		if at := spec.get(key); at.there() {
			d.note(at.consume(), "not carried over: no fault here does that")
		}
	}
}

// meshMachine takes a fault of a host over, which is ours where it is this one.
func (d *draft) meshMachine(spec branch) {
	action := spec.get("action")
	at := spec.get(action.text())
	for _, key := range []string{"address"} {
		if a := spec.get(key); a.there() {
			d.note(a.consume(), "not carried over: run it on that host")
		}
	}
	switch action.text() {
	case "stress-cpu":
		d.mesh(at, "cpu.burn", nil, "cores", or(at.get("workers").text(), "1"))
	case "stress-mem":
		d.mesh(at, "mem.fill", nil, "bytes", strings.NewReplacer("MB", "MiB", "GB", "GiB").Replace(at.get("size").text()))
	case "process":
		d.mesh(at, "process.kill", nil)
		d.labels(at, map[string]string{"service": at.get("process").text()})
	case "network-delay":
		d.mesh(at, "net.delay", nil, "peer", at.get("ip-address").text(), "latency", at.get("latency").text(), "jitter", zeroless(at.get("jitter").text()))
	case "network-loss":
		d.mesh(at, "net.loss", nil, "peer", at.get("ip-address").text(), "percent", at.get("percent").text())
	case "network-partition":
		d.mesh(at, "net.drop", nil, "peer", at.get("ip-address").text())
	default:
		d.refuse(action, "the action %q is not carried over: no fault here does that", cut(action.text()))
	}
}
