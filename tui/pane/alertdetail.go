package pane

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// fact is a line about an alert: what it is, and its text in its style.
type fact struct {
	label, text string
	style       theme.Style
}

// facts gathers those that there are.
type facts []fact

func (l *facts) add(label, text string) { l.styled(label, text, theme.Plain) }

func (l *facts) styled(label, text string, style theme.Style) {
	if text != "" {
		*l = append(*l, fact{label, text, style})
	}
}

// factsOf is what a person wants to know of a group of alerts of one rule, or of one
// alert: first what it is and what to do, then why, then its past.
func factsOf(g alertGroup, s *Screen) facts {
	var l facts
	newest := &g.list[0]
	for i := range g.list {
		if g.list[i].ActiveAt.After(newest.ActiveAt) {
			newest = &g.list[i]
		}
	}
	l.styled("", cmp.Or(newest.Annotations["summary"], newest.Name), theme.Bright)
	l.add("", newest.Annotations["description"])
	l.state(g, s)
	if h, when, n := during(g.list, hurtings(s.World, s.Now)); n > 0 {
		text := h.says(s)
		if n < len(g.list) {
			text = fmt.Sprintf("%d of them. %s", n, text)
		}
		l.styled(when, text, theme.Warn)
	}
	l.homes(g.list, s)
	l.styled("runbook", runbookOf(*newest), theme.Accent)
	l.told(g.list, s)
	l.tellers(g.list, s)
	l.labels(g.list)
	rule, known := ruleOf(*newest, s.World.Alerts.Rules)
	if known {
		wait := ""
		if rule.For > 0 {
			wait = "for " + strictyaml.FormatDuration(rule.For) + ", "
		}
		l.add("rule", rule.Query+"\n"+wait+"group "+rule.Group)
		if rule.Health == "err" {
			l.styled("broken", rule.LastError, theme.Warn)
		}
	}
	l.past(g, s)
	for _, k := range slices.Sorted(maps.Keys(newest.Annotations)) {
		if !slices.Contains([]string{"summary", "description", "runbook_url", "runbook", "runbook_link"}, k) {
			l.add(k, newest.Annotations[k])
		}
	}
	return l
}

// state is since when it is how, with the value.
func (l *facts) state(g alertGroup, s *Screen) {
	oldest := g.list[0].ActiveAt
	flapping := 0
	for i := range g.list {
		if at := g.list[i].ActiveAt; at.Before(oldest) {
			oldest = at
		}
		if g.list[i].Flapping {
			flapping++
		}
	}
	since := func(at time.Time) string {
		return fmt.Sprintf("%s ago, %s", Ago(s.Now.Sub(at)), at.In(s.Zone).Format("Jan 2 15:04:05 MST"))
	}
	if n := len(g.list); n > 1 {
		l.add(g.state, fmt.Sprintf("%d alerts of this rule", n))
		l.add("first", since(oldest))
		l.add("last", since(g.newest))
	} else {
		l.add(g.state, "since "+since(oldest))
		if v := g.list[0].Value; !query.IsAbsent(v) {
			l.add("value", fmt.Sprintf("%.4g", v))
		}
	}
	if flapping > 0 {
		l.styled("flapping", some(flapping, len(g.list), "fired")+" too often: nothing is opened before it lasts", theme.Warn)
	}
}

// homes are the incidents that alerts belong to, with their titles.
func (l *facts) homes(list []alert.Alert, s *Screen) {
	counts := map[string]int{}
	for i := range list {
		if id := list[i].Incident; id != "" {
			counts[id]++
		}
	}
	for i, id := range slices.Sorted(maps.Keys(counts)) {
		if i == 3 {
			l.add("", fmt.Sprintf("and %d more incidents", len(counts)-i))
			break
		}
		text := id
		if at := slices.IndexFunc(s.World.Incidents, func(inc incident.Incident) bool { return string(inc.ID) == id }); at >= 0 {
			inc := &s.World.Incidents[at]
			text = fmt.Sprintf("%s %s %s: %s", id, inc.Severity, inc.Status, inc.Title)
			if inc.Alerts > 1 {
				text += fmt.Sprintf(" (%d alerts in all)", inc.Alerts)
			}
		}
		l.styled("incident", text, theme.Accent)
	}
	if len(counts) == 0 {
		l.add("incident", "none")
	}
}

// told is who hides alerts, and what is marked of them.
func (l *facts) told(list []alert.Alert, s *Screen) {
	for _, x := range silences(s) {
		hits := 0
		for i := range list {
			if x.Matchers.Match(list[i].Labels) || slices.Contains(list[i].Silenced, x.ID) {
				hits++
			}
		}
		if hits > 0 {
			l.styled("silence", fmt.Sprintf("%s %s: %s for %s more, by %s: %s", some(hits, len(list), "hit by"), x.Matchers.Shown(), x.State, Until(x.EndsAt.Sub(s.Now)), x.CreatedBy, x.Comment), theme.Warn)
		}
	}
	muted := map[string]int{}
	marks := map[string]int{}
	for i := range list {
		if list[i].Muted != "" {
			muted[list[i].Muted]++
		}
		if x, is := s.World.Record.said(&list[i]); is {
			marks[saidText(x, s)]++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(muted)) {
		l.styled("not told", some(muted[why], len(list), why), theme.Warn)
	}
	for i, text := range slices.Sorted(maps.Keys(marks)) {
		if i == 3 {
			break
		}
		l.styled("mark", some(marks[text], len(list), text), theme.Accent)
	}
}

// tellers are whom alerts were heard from, where there are several who are asked, and
// which of them does not answer now: what it said last stands.
func (l *facts) tellers(list []alert.Alert, s *Screen) {
	all := s.World.Alerts.Tellers
	if len(all) < 2 {
		return
	}
	counts := map[string]int{}
	for i := range list {
		counts[list[i].Teller()]++
		for _, also := range list[i].Also {
			counts[alert.Alert{From: also}.Teller()]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		text, style := some(counts[name], len(list), "told by "+name), theme.Plain
		if i := slices.IndexFunc(all, func(t AlertTeller) bool { return t.Name == name && t.Err != nil }); i >= 0 {
			text, style = text+", which does not answer now: "+all[i].Err.Error(), theme.Warn
		}
		l.styled("source", text, style)
	}
}

// labels are those that all have, and of the others the values.
func (l *facts) labels(list []alert.Alert) {
	shared := alert.Shared(list)
	l.add("labels", shared.String())
	if len(list) == 1 {
		return
	}
	values := map[string]map[string]bool{}
	for i := range list {
		for k, v := range list[i].Labels {
			if _, same := shared[k]; same {
				continue
			}
			if values[k] == nil {
				values[k] = map[string]bool{}
			}
			values[k][v] = true
		}
	}
	const shown = 4
	for _, k := range slices.Sorted(maps.Keys(values)) {
		some := slices.Sorted(maps.Keys(values[k]))
		text := fmt.Sprintf("%s: %s", k, strings.Join(some[:min(len(some), shown)], ", "))
		if rest := len(some) - shown; rest > 0 {
			text += fmt.Sprintf(" +%d", rest)
		}
		l.add("differ in", text)
	}
}

// past is how often it fired, and what that was worth.
func (l *facts) past(g alertGroup, s *Screen) {
	r := s.World.Record
	if r == nil {
		return
	}
	p := r.rule(g.name)
	what := "this alert"
	if len(g.list) > 1 {
		what = "these alerts"
	}
	l.add("fired", fmt.Sprintf("%d times in 7 days (%s)", r.week(g.list), what))
	l.add("its rule", recordText(p))
	style := theme.Plain
	if p.MostlyNoise() {
		style = theme.Warn
	}
	l.styled("precision", worthText(p), style)
}

// some is "2 of 5 silenced", or the words alone where it is all of them.
func some(n, of int, words string) string {
	if n == of {
		return words
	}
	return fmt.Sprintf("%d of %d %s", n, of, words)
}

// ruleOf is the rule that an alert is of: by name, and of several with one name that
// whose labels the alert has.
func ruleOf(a alert.Alert, rules []alert.Rule) (found alert.Rule, known bool) {
	for _, r := range rules {
		if r.Name != a.Name {
			continue
		}
		all := true
		for k, v := range r.Labels {
			all = all && a.Labels[k] == v
		}
		if all {
			return r, true
		}
		if !known {
			found, known = r, true
		}
	}
	return found, known
}

// runbookOf is where an alert says that its runbook is.
func runbookOf(a alert.Alert) string {
	return cmp.Or(a.Annotations["runbook_url"], a.Annotations["runbook"], a.Annotations["runbook_link"])
}

// read is the facts as a page.
func (l facts) read(p *page) {
	for _, x := range l {
		if x.label == "" {
			p.text(x.text)
			continue
		}
		p.labelled(x.label, x.text)
	}
}

// draw writes the facts, wrapped beside their labels; what has no room is left out and
// said.
func (l facts) draw(f *frame.Frame) {
	const column = 11
	y := 0
	for _, x := range l {
		at, width := column+1, f.Width()-column-2
		if x.label == "" {
			at, width = 1, f.Width()-2
		}
		for i, line := range safe.Wrap(x.text, max(width, 1)) {
			if y == f.Height() {
				f.PutRight(f.Width()-1, y-1, theme.Dim, safe.Const(" …"))
				return
			}
			if i == 0 && x.label != "" {
				f.PutFit(1, y, column-1, theme.Dim, safe.New(x.label, column-1))
			}
			f.PutFit(at, y, width, x.style, line)
			y++
		}
	}
}
