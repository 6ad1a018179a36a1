package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// mostTargetPanels bounds what is asked while a run goes on.
const mostTargetPanels = 12

// targetBoard are the panels of the service that a plan loads: those of the boards whose
// queries name it, and how full what it runs on is. Without a service they are the signals.
func targetBoard(service string, boards []query.Board) query.Board {
	out := query.Board{Name: "load-target", Title: "target"}
	for i := range boards {
		for _, p := range boards[i].Panels {
			if len(out.Panels) < mostTargetPanels && p.Type.Asks() && p.Repeat == "" && (service == "" && p.Signal || service != "" && asksAbout(&p, service)) {
				p.Place, p.Compare, p.LastSpan, p.Shift = nil, nil, 0, 0
				if p.Source == "" {
					p.Source = boards[i].Source
				}
				out.Panels = append(out.Panels, p)
			}
		}
	}
	out.Panels = append(out.Panels, saturation(service)...)
	return out
}

// asksAbout says that a panel's queries name the service, by its label or its job.
func asksAbout(p *query.Panel, service string) bool {
	named := regexp.MustCompile(`\b(service|job)\s*=~?\s*"` + regexp.QuoteMeta(regexp.QuoteMeta(service)) + `"|\b(service|job)\s*=~?\s*"` + regexp.QuoteMeta(service) + `"`)
	return slices.ContainsFunc(p.Queries, func(q query.Query) bool {
		return named.MatchString(q.Expr) && !strings.Contains(q.Expr, "$") // its variables have no values here
	})
}

// saturation are panels of what a service runs on. What nobody measures has no series, and
// is not shown. The host is that of node_exporter's targets: which of them the service runs
// on no metric says.
func saturation(service string) []query.Panel {
	one := func(title, unit string, queries ...query.Query) query.Panel {
		return query.Panel{Title: title, Type: query.TimeSeries, Queries: queries, Field: query.Field{Unit: unit, Min: new(float64)}}
	}
	q := func(legend, expr string) query.Query { return query.Query{Expr: expr, Legend: legend} }
	var of []query.Panel
	if service != "" {
		both := func(metric string) string {
			return fmt.Sprintf(strings.ReplaceAll(metric, "{}", "{%s}"), "service="+quoted(service)) + " or " + fmt.Sprintf(strings.ReplaceAll(metric, "{}", "{%s}"), "job="+quoted(service))
		}
		of = append(of,
			one("CPU of "+service, "short", q("{{instance}}", both(`rate(process_cpu_seconds_total{}[15s])`)), q("{{pod}}", `sum by (pod) (rate(container_cpu_usage_seconds_total{container=`+quoted(service)+`}[1m]))`)),
			one("memory of "+service, "bytes", q("{{instance}}", both(`process_resident_memory_bytes{}`)), q("{{pod}}", `sum by (pod) (container_memory_working_set_bytes{container=`+quoted(service)+`})`)),
		)
	}
	return append(of,
		one("host: in use", "percentunit",
			q("CPU", `max(1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[15s])))`),
			q("memory", `max(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)`),
			q("disk", `max(rate(node_disk_io_time_seconds_total[15s]))`)),
		one("host: waiting (PSI)", "percentunit",
			q("CPU", `max(rate(node_pressure_cpu_waiting_seconds_total[15s]))`),
			q("memory", `max(rate(node_pressure_memory_waiting_seconds_total[15s]))`),
			q("io", `max(rate(node_pressure_io_waiting_seconds_total[15s]))`)),
		one("host: network", "Bps",
			q("in", `max(sum by (instance) (rate(node_network_receive_bytes_total[15s])))`),
			q("out", `max(sum by (instance) (rate(node_network_transmit_bytes_total[15s])))`)),
	)
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }
