package imports

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// toxiproxy reads a list of proxies, of toxiproxy.json or its HTTP API. Source:
// github.com/Shopify/toxiproxy, README, "Toxics".
func (b branch) toxiproxy() *draft {
	d := &draft{format: "toxiproxy", at: b, name: "toxiproxy"}
	for _, p := range b.list() {
		name, peer := p.get("name").text(), p.get("upstream").text()
		d.name = cut(name)
		_ = p.get("listen").text()
		switch {
		case p.get("enabled").text() == "false":
			d.add(p, step{fault: "net.drop", with: map[string]string{"peer": peer}, comment: "the proxy " + name + " is disabled"})
		case len(p.get("toxics").list()) == 0:
			d.note(p, "the proxy %q has no toxic: it hurts nobody, and there is nothing to carry over", cut(name))
		}
		for _, t := range p.get("toxics").list() {
			d.toxic(t, peer)
		}
	}
	if len(b.list()) > 1 {
		d.name = "toxiproxy"
	}
	return d
}

// toxic takes one over as a fault of the network to the proxy's upstream.
func (d *draft) toxic(t branch, peer string) {
	kind, name, attributes := t.get("type").text(), t.get("name").text(), t.get("attributes")
	t.consume()
	d.others(t, "type", "name", "attributes", "stream", "toxicity")
	s := step{comment: "the toxic " + name, with: map[string]string{"peer": peer}}
	if t.get("stream").text() != "upstream" {
		s.with["direction"] = "in"
	}
	switch kind {
	case "latency":
		s.fault, s.with["latency"] = "net.delay", milliseconds(attributes.get("latency").text(), "100ms")
		if j := attributes.get("jitter"); j.there() && j.text() != "0" {
			s.with["jitter"] = milliseconds(j.text(), "0s")
		}
	case "bandwidth":
		s.fault, s.with["rate"] = "net.rate", or(attributes.get("rate").text(), "1")+"KB"
	case "timeout":
		s.fault = "net.drop"
	case "reset_peer":
		s.fault = "net.reject"
	default:
		d.note(t, "the toxic %q (%s) is not carried over: %s", cut(name), cut(kind), insteadOf(kind, attributes))
		return
	}
	for _, a := range attributes.each() {
		if v, ok := a.number(); s.with[a.own] == "" && (!ok || v != 0) {
			d.note(a, "not carried over: %s has nothing like it", s.fault)
		}
	}
	if share, ok := t.get("toxicity").number(); ok && share < 1 {
		d.note(t, "a toxicity of %s is not carried over: every connection is meant", strconv.FormatFloat(share, 'g', 3, 64))
	}
	d.add(t, s)
}

// insteadOf is the fault that does what no fault of the network does, in the Toxiproxy.
func insteadOf(kind string, attributes branch) string {
	with, ok := toxicWith(kind, attributes)
	if !ok {
		return "no fault here does that"
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(with)) {
		all = append(all, k+": "+with[k])
	}
	return "no fault of the network does that; toxic." + kind + " has the Toxiproxy do it: name the proxy under chaos.toxiproxies, and write {fault: toxic." + kind + ", with: {" + strings.Join(all, ", ") + "}, duration: 30s}"
}
