package slo

// sloth is Sloth's service, in its own form or as the spec of Kubernetes'.
func (b branch) sloth() (list []*draft) {
	service := b.get("service").text()
	common := b.get("labels").each()
	for _, one := range b.get("slos").list() {
		d := &draft{format: "Sloth", at: one, name: one.get("name").text(), description: one.get("description").text(), service: service, profile: "sloth"}
		d.setTarget(one.get("objective"), true)
		for _, l := range append(common[:len(common):len(common)], one.get("labels").each()...) {
			d.label(l, l.name(), l.text())
		}
		d.slothSLI(one.get("sli"))
		d.slothAlerting(one.get("alerting"))
		list = append(list, d)
	}
	if len(list) == 0 {
		b.note("there are no slos in it")
	}
	return list
}

func (d *draft) slothSLI(sli branch) {
	events, raw, plugin := sli.get("events"), sli.get("raw"), sli.get("plugin")
	switch {
	case events.there():
		d.events("bad", events.get("error_query", "errorQuery"), events.get("total_query", "totalQuery"))
	case raw.there():
		q := raw.get("error_ratio_query", "errorRatioQuery")
		expr, fixed := windowed(q.text())
		if fixed != "" {
			d.note(q, "its range of %s is replaced: sitrep asks minute by minute", fixed)
		}
		d.form("error_ratio", entry{"promql", quoted(expr)})
		d.note(q, "a ratio without a total: every minute weighs the same, however much happened in it; give sli.error_ratio.total to weigh them")
	case plugin.there():
		id := plugin.get("id").text()
		plugin.consume()
		d.refuse(plugin, "the SLI is made by the plugin %s, a program in Go: take the PromQL that `sloth generate` makes of it", id)
	default:
		d.refuse(sli, "there is no SLI of events or raw")
	}
}

// slothAlerting takes over which alerts there are; how they are called and sent is the
// policy's.
func (d *draft) slothAlerting(alerting branch) {
	page, ticket := alerting.get("page_alert", "pageAlert"), alerting.get("ticket_alert", "ticketAlert")
	noPage, noTicket := page.get("disable").yes(), ticket.get("disable").yes()
	switch {
	case noPage && noTicket:
		d.profile = "none"
	case noPage:
		d.rules = half("sloth", Ticket)
	case noTicket:
		d.rules = half("sloth", Page)
	}
}
