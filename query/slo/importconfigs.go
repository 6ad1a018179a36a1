package slo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What slo_configs does not say, because it names no metric: those of the usual
// instrumentation. Every one is told.
const (
	usualCounter   = "http_requests_total"
	usualHistogram = "http_request_duration_seconds"
	usualProbe     = "up"
)

// configs is the entries of slo_configs.
func (b branch) configs() (list []*draft) {
	for _, one := range b.each() {
		base := draft{format: "slo_configs", at: one, name: slug(strings.ReplaceAll(one.name(), "_", "-")), title: one.get("name").text()}
		if m := one.get("measurement_window"); m.there() {
			base.note(m, "not carried over: %s is how often it was measured, not the time that a budget is of; the window is 30d", secondsText(m.text()))
		}
		switch kind := one.get("sli_type"); kind.text() {
		case "latency":
			list = append(list, base.percentiles(one)...)
			continue
		case "availability":
			base.form("probe", entry{"promql", quoted(usualProbe)})
			base.note(one, "it names no metric: the probe is %s; write a selector of the service's targets", usualProbe)
			if e := one.get("health_check_endpoint"); e.there() {
				base.note(e, "not carried over: sitrep asks Prometheus, which has to scrape or probe %s", e.text())
			}
		case "throughput":
			least := one.get("min_requests_per_second")
			base.form("throughput", entry{"counter", quoted(usualCounter)}, entry{"at_least", least.text()})
			base.note(one, "it names no metric: the counter is %s; write a selector of the service's", usualCounter)
		default:
			base.refuse(kind, "the sli_type %q is not known: latency, availability or throughput", kind.text())
		}
		base.setTarget(one.get("target"), true)
		list = append(list, &base)
	}
	return list
}

func secondsText(text string) string {
	if v, err := strconv.ParseFloat(text, 64); err == nil && v > 0 && v < 1e9 {
		return short(time.Duration(v * float64(time.Second)))
	}
	return text
}

// percentiles are objectives of their own: that the 95th is below 500 ms means that 95 %
// of the requests are.
func (d *draft) percentiles(one branch) (list []*draft) {
	target := one.get("target")
	for _, p := range one.get("thresholds").each() {
		own := *d
		own.notes = nil
		if len(list) == 0 {
			own.notes = d.notes
			own.note(one, "it names no metric: the histogram is %s; write a selector of the service's", usualHistogram)
			own.note(target, "not carried over: %s %% is of no percentile; each percentile is an objective of its own", target.text())
		}
		share, err := strconv.ParseFloat("0."+strings.TrimPrefix(p.name(), "p"), 64)
		if err != nil || share <= 0 {
			own.refuse(p, "%q is no percentile such as p95", p.name())
		}
		own.name, own.title, own.at = d.name+"-"+p.name(), fmt.Sprintf("%s, %s", d.title, p.name()), p
		own.target = share * 100
		own.form("latency", entry{"histogram", quoted(usualHistogram)}, entry{"below", quoted(p.text())})
		list = append(list, &own)
	}
	if len(list) == 0 {
		d.refuse(one, "there are no thresholds in it")
		list = append(list, d)
	}
	return list
}
