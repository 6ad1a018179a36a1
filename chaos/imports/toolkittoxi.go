package imports

import (
	"strings"
	"time"
)

// toolkitToxics are the actions of chaostoxi.toxic.actions that make a toxic, with its
// type. Source: github.com/chaostoolkit-incubator/chaostoolkit-toxiproxy.
var toolkitToxics = map[string]string{
	"create_latency_toxic":               "latency",
	"create_bandwith_degradation_toxic":  "bandwidth",
	"create_slow_connection_close_toxic": "slow_close",
	"create_timeout_toxic":               "timeout",
	"create_slicer_toxic":                "slicer",
	"create_limiter_toxic":               "limit_data",
}

// toolkitToxi takes over an action on a Toxiproxy, as a fault of that proxy. What takes
// a toxic away, or enables a proxy again, is the end of the fault before it. It says
// whether it did.
func (d *draft) toolkitToxi(s branch, function string, arguments branch) bool {
	kind, proxy := toolkitToxics[function], arguments.get("for_proxy").text()
	attributes := arguments
	switch function {
	case "create_toxic":
		kind, attributes = arguments.get("toxic_type").text(), arguments.get("attributes")
	case "disable_proxy":
		kind, proxy = "down", arguments.get("proxy_name").text()
	case "delete_toxic", "enable_proxy":
		d.endToxic(s)
		return true
	}
	with, ok := toxicWith(kind, attributes)
	if !ok {
		return false
	}
	if kind != "down" {
		if v := arguments.get("stream").text(); v == "upstream" {
			with["stream"] = v
		}
		if v := arguments.get("toxicity").text(); v != "" && v != "1" && v != "1.0" {
			with["toxicity"] = v
		}
	}
	if have := d.choose["name"]; have != "" && have != proxy {
		d.note(s, "the proxy %q is not carried over: an experiment here hurts one selection, and %q is that; make a second one", cut(proxy), cut(have))
		return true
	}
	d.labels(s, map[string]string{"name": proxy})
	d.note(s, "it hurts the proxy %q of a Toxiproxy: name it under chaos.toxiproxies", cut(proxy))
	d.add(s, step{fault: "toxic." + kind, with: with, duration: 30 * time.Second, comment: "30s, unless something there ends it"})
	return true
}

// toxicWith are the parameters of a toxic as we write them; false of a type that there
// is not.
func toxicWith(kind string, from branch) (with map[string]string, ok bool) {
	with = map[string]string{}
	take := func(key, source, unit string) {
		if v, ok := from.get(source).number(); ok && v >= 0 {
			with[key] = strings.TrimSpace(from.get(source).text()) + unit
		}
	}
	switch kind {
	case "latency":
		take("latency", "latency", "ms")
		take("jitter", "jitter", "ms")
	case "timeout", "reset_peer":
		take("timeout", "timeout", "ms")
	case "bandwidth":
		take("rate", "rate", "KB")
	case "slow_close":
		take("delay", "delay", "ms")
	case "slicer":
		take("average_size", "average_size", "B")
		take("size_variation", "size_variation", "B")
		take("delay", "delay", "us")
	case "limit_data":
		if take("bytes", "bytes_limit", "B"); with["bytes"] == "" {
			take("bytes", "bytes", "B")
		}
	case "down":
	default:
		return nil, false
	}
	return with, true
}

// endToxic makes the pauses since the last toxic its duration.
func (d *draft) endToxic(s branch) {
	at := len(d.steps) - 1
	held := time.Duration(0)
	for at >= 0 && d.steps[at].wait > 0 {
		held += d.steps[at].wait
		at--
	}
	if at < 0 || !strings.HasPrefix(d.steps[at].fault, "toxic.") {
		d.note(s, "it takes away what nothing here has made: not carried over")
		return
	}
	if held > 0 {
		d.steps[at].duration, d.steps[at].comment = min(held, longestStep), "until it is taken away there"
		d.steps = d.steps[:at+1]
	}
}
