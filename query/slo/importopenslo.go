package slo

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// indicatorsOf are the SLI documents of a file by their names: objectives may name one.
func indicatorsOf(docs []ast.Node) map[string]ast.Node {
	found := map[string]ast.Node{}
	for _, doc := range docs {
		in := &importing{read: map[*ast.MappingValueNode]bool{}, opened: map[ast.Node]bool{}}
		b := in.root(doc)
		if b.get("kind").text() == "SLI" && strings.HasPrefix(b.get("apiVersion").text(), "openslo") {
			if spec := b.get("spec"); spec.there() {
				found[b.get("metadata").get("name").text()] = spec.n
			}
		}
	}
	return found
}

// openSLO is the objectives of an SLO, each one of ours.
func (b branch) openSLO(indicators map[string]ast.Node) (list []*draft) {
	meta, spec := b.get("metadata"), b.get("spec")
	base := draft{
		format: "OpenSLO", at: b, name: meta.get("name").text(), title: meta.get("displayName").text(),
		description: spec.get("description").text(), service: spec.get("service").text(),
	}
	for _, l := range meta.get("labels").each() {
		base.label(l, l.name(), l.text())
	}
	base.openWindow(spec)
	method := spec.get("budgetingMethod")
	indicator := spec.indicator(&base, indicators)
	if policies := spec.get("alertPolicies"); policies.there() {
		policies.consume()
		base.note(policies, "not carried over: which burns are told is alerts.profile, and who is called is the policy's")
	}
	goals := spec.get("objectives").list()
	for i, goal := range goals {
		d := base
		d.labels = base.labels
		if name := goal.get("displayName"); len(goals) > 1 {
			d.name = base.name + "-" + cmp.Or(slug(name.text()), strconv.Itoa(i+1))
			d.title = strings.Trim(base.title+": "+name.text(), ": ")
		} else if name.there() && base.title == "" {
			d.title = name.text()
		} else if name.there() {
			d.note(name, "not carried over: the title is the SLO's, %s", base.title)
		}
		if i > 0 {
			d.notes = nil // what is about the whole SLO stands with the first
		} else {
			d.notes = append([]ImportNote{}, d.notes...)
		}
		if percent := goal.get("targetPercent"); percent.there() {
			d.setTarget(percent, true)
		} else {
			d.setTarget(goal.get("target"), false)
		}
		d.openSLI(goal, indicator, method)
		list = append(list, &d)
	}
	if len(goals) == 0 {
		base.refuse(spec, "there are no objectives in it")
		list = append(list, &base)
	}
	return list
}

// indicator is the SLI of an SLO: in it, or named.
func (b branch) indicator(d *draft, indicators map[string]ast.Node) branch {
	if own := b.get("indicator"); own.there() {
		if name := own.get("metadata").get("displayName"); name.there() {
			d.note(name, "not carried over: an SLI has no title of its own")
		}
		_ = own.get("metadata").get("name")
		return own.get("spec")
	}
	ref := b.get("indicatorRef")
	if !ref.there() {
		return branch{in: b.in, at: b.at, key: b.key}
	}
	n, known := indicators[ref.text()]
	if !known {
		d.refuse(ref, "the SLI %q is not in this file: put its document beside the SLO's", ref.text())
		return branch{in: b.in, at: ref.at, key: ref.key}
	}
	return branch{in: b.in, n: plain(n), key: "spec", at: tokenOf(n)}
}

// openWindow reads timeWindow (v1), or timeWindows (v1alpha).
func (d *draft) openWindow(spec branch) {
	list := append(spec.get("timeWindow").list(), spec.get("timeWindows").list()...)
	if len(list) == 0 {
		d.note(spec, "there is no timeWindow: the window is 30d")
		return
	}
	w := list[0]
	for _, more := range list[1:] {
		d.note(more, "not carried over: an objective has one window")
		more.consume()
	}
	duration := w.get("duration")
	text := duration.text()
	if count := w.get("count"); count.there() { // v1alpha
		duration = count
		text = count.text() + map[string]string{"Minute": "m", "Hour": "h", "Day": "d", "Week": "w", "Month": "M", "Quarter": "Q", "Year": "Y"}[w.get("unit").text()]
	}
	rolling := w.get("isRolling")
	if !rolling.there() || rolling.yes() {
		var about bool
		if d.window, about = spanOf(text); about {
			d.note(duration, "%s is %s here: a rolling window is of days", text, d.window)
		}
		return
	}
	part, known := map[string]string{"1w": "week", "7d": "week", "1M": "month", "1m": "month", "30d": "month", "1Q": "quarter", "3M": "quarter"}[text]
	if !known {
		d.refuse(duration, "a window of the calendar is a week, a month or a quarter here, not %q: make it roll", text)
		return
	}
	d.calendar = part
	if text == "1m" || text == "30d" {
		d.note(duration, "%s of the calendar is taken as a month", text)
	}
	calendar := w.get("calendar")
	d.zone = calendar.get("timeZone").text()
	if start := calendar.get("startTime"); start.there() {
		d.note(start, "not carried over: weeks begin on Monday, months and quarters on their first day")
	}
}

// openSLI makes the SLI of an objective.
func (d *draft) openSLI(goal, indicator, method branch) {
	if old := goal.get("ratioMetrics"); old.there() { // v1alpha
		indicator = goal
	}
	ratio, threshold := indicator.get("ratioMetric", "ratioMetrics"), indicator.get("thresholdMetric")
	if old := goal.get("ratioMetrics"); old.there() {
		ratio = old
	}
	switch {
	case ratio.there():
		d.openRatio(goal, ratio, method)
	case threshold.there():
		d.openThreshold(goal, threshold, method)
	default:
		d.refuse(indicator, "there is no ratioMetric and no thresholdMetric")
	}
}

func (d *draft) openRatio(goal, ratio, method branch) {
	_ = ratio.get("counter") // a counter, or what grows: both are asked for how much they grow
	if raw := ratio.get("raw"); raw.there() {
		d.openRaw(raw, ratio.get("rawType"))
		return
	}
	good, bad, total := ratio.get("good"), ratio.get("bad"), ratio.get("total")
	kind, part := "good", good
	if !good.there() {
		kind, part = "bad", bad
	} else if bad.there() {
		bad.consume()
		d.note(bad, "not carried over: good and total say it")
	}
	a, b := d.promQL(part), d.promQL(total)
	if d.refused != "" {
		return
	}
	share := goal.get("timeSliceTarget")
	window := goal.get("timeSliceWindow")
	switch method.text() {
	case "", "Occurrences":
		d.events(kind, a, b)
		return
	case "Timeslices":
		d.slices(kind, a, b, share)
	case "RatioTimeslices":
		d.form("error_ratio", entry{"promql", quoted(badShare(kind, a, b))})
	default:
		d.refuse(method, "the budgeting method %q is not known", method.text())
	}
	if window.there() && window.text() != "1m" && window.text() != "1" {
		d.note(window, "slices are of a minute here, not of %s", window.text())
	}
}

// badShare is PromQL of the share of bad events over $window.
func badShare(kind string, part, total branch) string {
	a, _ := counted(part.text())
	b, _ := counted(total.text())
	if kind == "good" {
		return fmt.Sprintf("1 - (%s) / (%s)", asCount(a), asCount(b))
	}
	return fmt.Sprintf("(%s) / (%s)", asCount(a), asCount(b))
}

// asCount is PromQL with $window of a counter's selector.
func asCount(expr string) string {
	if strings.Contains(expr, windowMark) || !selects(expr) {
		return expr
	}
	return fmt.Sprintf("sum(increase(%s[%s]))", expr, windowMark)
}

// slices is minutes that are good if enough of what happened in them was.
func (d *draft) slices(kind string, part, total, share branch) {
	v, err := strconv.ParseFloat(share.text(), 64)
	if err != nil || v <= 0 || v > 1 {
		d.refuse(share, "timeSliceTarget is the share of good events that makes a minute good, such as 0.95")
		return
	}
	d.form("error_ratio", entry{"promql", quoted(fmt.Sprintf("(%s) > bool %s", badShare(kind, part, total), trimmed(roundShare(1-v))))})
}

func roundShare(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	return r
}

// openRaw is a ratio that is measured as one.
func (d *draft) openRaw(raw, kind branch) {
	q := d.promQL(raw)
	if d.refused != "" {
		return
	}
	expr := templateWindow.ReplaceAllLiteralString(q.text(), windowMark)
	success := kind.text() != "failure"
	switch {
	case strings.Contains(expr, windowMark) && success:
		d.form("error_ratio", entry{"promql", quoted("1 - (" + expr + ")")})
	case strings.Contains(expr, windowMark):
		d.form("error_ratio", entry{"promql", quoted(expr)})
	case success:
		d.form("probe", entry{"promql", quoted(expr)})
	default:
		d.form("probe", entry{"promql", quoted("1 - (" + expr + ")")})
	}
	d.note(raw, "a ratio without a total: every minute weighs the same, however much happened in it")
}

// openThreshold is minutes in which a number is on the right side of a value.
func (d *draft) openThreshold(goal, threshold, method branch) {
	q := d.promQL(threshold)
	op, known := map[string]string{"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}[goal.get("op").text()]
	value := goal.get("value")
	v, err := strconv.ParseFloat(value.text(), 64)
	switch {
	case d.refused != "":
		return
	case !known:
		d.refuse(goal.get("op"), "op is lt, lte, gt or gte, not %q", goal.get("op").text())
		return
	case err != nil:
		d.refuse(value, "%q is no number", value.text())
		return
	}
	expr, fixed := windowed(q.text())
	if fixed != "" || strings.Contains(expr, windowMark) {
		expr = strings.ReplaceAll(expr, windowMark, cmp.Or(fixed, "1m"))
	}
	d.form("probe", entry{"promql", quoted(fmt.Sprintf("(%s) %s bool %s", expr, op, trimmed(v)))})
	if method.text() != "Timeslices" {
		d.note(threshold, "minutes are counted, not occurrences: of a number over time nobody knows how many events it is of; a histogram's objective has sli.latency")
	}
	for _, spare := range []string{"timeSliceTarget", "timeSliceWindow"} {
		if s := goal.get(spare); s.there() {
			d.note(s, "not carried over: every minute counts by the share of it that was good")
		}
	}
}

// promQL is the query of a metric, of v1 or v1alpha; of Prometheus alone.
func (d *draft) promQL(of branch) branch {
	source := of.get("metricSource")
	query := of.get("query")
	if !source.there() { // v1alpha
		if kind := of.get("queryType"); kind.there() && !strings.EqualFold(kind.text(), "promql") {
			d.refuse(kind, "its query is of %s: only PromQL is asked", kind.text())
		}
		_ = of.get("source")
		if !query.there() {
			d.refuse(of, "there is no metricSource with a query")
		}
		return query
	}
	kind, spec := source.get("type"), source.get("spec")
	if ref := source.get("metricSourceRef"); ref.there() {
		d.note(ref, "not carried over: the server is the one under prometheus; source: NAME in the file names another one of sources")
	}
	query = spec.get("query", "promql")
	if kind.there() && !strings.EqualFold(kind.text(), "prometheus") {
		d.refuse(kind, "its metrics are of %s: only Prometheus is asked", kind.text())
	}
	if !query.there() {
		d.refuse(spec, "there is no query in it")
	}
	return query
}
