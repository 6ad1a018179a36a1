package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// alertGroup is the alerts of one rule.
type alertGroup struct {
	name   string
	state  string // firing, if any of them fires
	list   []alert.Alert
	sev    incident.Severity // that the policy gives it; "" = only listed
	newest time.Time
}

// id tells groups apart.
func (g alertGroup) id() string { return g.state + " " + g.name }

// grouping is the groups of the newest list, and how they were made: ten thousand
// alerts are not put together anew for every picture.
type grouping struct {
	list                      []alert.Alert
	typed                     string
	groups                    *[]alertGroup
	firing, pending, silenced int
}

// of is the groups of the alerts that pass the filter.
func (c *grouping) of(s *Screen, policy escalation.Policy, f *filter) *[]alertGroup {
	list := s.World.Alerts.List
	same := len(list) == len(c.list) && (len(list) == 0 || &list[0] == &c.list[0])
	if c.groups != nil && same && c.typed == f.typed {
		return c.groups
	}
	*c = grouping{list: list, typed: f.typed}
	groups := groupAlerts(list, policy, f)
	for _, g := range groups {
		for _, a := range g.list {
			switch {
			case a.Hidden():
				c.silenced++
			case a.State == alert.Firing:
				c.firing++
			default:
				c.pending++
			}
		}
	}
	c.groups = &groups
	return c.groups
}

// title is how many there are; where there is little room the rows alone say what
// is pending.
func (c *grouping) title(brief bool) safe.Text {
	t := safe.Sprintf("alerts  %d firing", c.firing)
	if c.pending > 0 && !brief {
		t = safe.Sprintf("%s, %d pending", t, c.pending)
	}
	if c.silenced > 0 {
		t = safe.Sprintf("%s, %d silenced", t, c.silenced)
	}
	return t
}

// groupAlerts puts alerts together by their rule: what fires first, the worst
// first, of equals the newest first.
func groupAlerts(list []alert.Alert, policy escalation.Policy, f *filter) []alertGroup {
	var out []alertGroup
	index := map[string]int{}
	for _, a := range list {
		if !f.empty() && !f.text(alertText(a)) {
			continue
		}
		key := a.State + " " + a.Name
		i, known := index[key]
		if !known {
			i, index[key] = len(out), len(out)
			sev, _, _ := policy.DeclareFor(a.Labels)
			out = append(out, alertGroup{name: a.Name, state: a.State, sev: sev})
		}
		g := &out[i]
		g.list = append(g.list, a)
		g.newest = later(a.ActiveAt, g.newest)
	}
	slices.SortStableFunc(out, func(a, b alertGroup) int {
		return cmp.Or(cmp.Compare(a.state, b.state), cmp.Compare(a.sev.Rank(), b.sev.Rank()), b.newest.Compare(a.newest), cmp.Compare(a.name, b.name))
	})
	return out
}

// alertText is what a filter looks for in an alert.
func alertText(a alert.Alert) string {
	return a.Name + " " + a.Labels.String() + " " + a.Annotations["summary"] + " " + a.Teller()
}

// alertSection lists the alerts by rule. Enter reads one, or with declares set
// opens an incident from it.
func alertSection(s *Screen, c *grouping, policy escalation.Policy, f *filter, declares bool) section {
	groups := *c.of(s, policy, f)
	name := 0
	for _, g := range groups {
		name = max(name, safe.New(g.name, 80).Width())
	}
	runs := hurtings(s.World, s.Now)
	title, none := c.title(true), safe.Const("no alert fires")
	if s.World.Alerts.At.IsZero() {
		title, none = safe.Const("alerts"), safe.Const("alerts are not known yet")
	}
	sec := section{
		name: "alerts", title: title, note: alertNote(s, declares && len(groups) > 0), dear: 6, least: 1, want: max(len(groups), 1),
		rows: &rows{
			n: len(groups), id: func(i int) string { return groups[i].id() },
			draw: func(f *frame.Frame, i int) { drawAlert(f, groups[i], name, runs, s) },
			open: func(i int, s *Screen) Effect { return readAlerts(groups[i], s) },
			none: none, newest: true,
			hidden: func(first, end int) safe.Text { return outOfSight(groups[:first], groups[end:]) },
		},
	}
	if declares {
		sec.rows.open = func(i int, s *Screen) Effect { return declareFrom(groups[i], s) }
	}
	return sec
}

// outOfSight is the worst of what fires above and below the rows that are shown.
func outOfSight(above, below []alertGroup) safe.Text {
	worst := func(list []alertGroup) (g alertGroup, n int) {
		for _, one := range list {
			if one.state != alert.Firing || one.sev == "" {
				continue
			}
			if n == 0 || one.sev.WorseThan(g.sev) {
				g, n = one, 0
			}
			if one.sev == g.sev {
				n += len(one.list)
			}
		}
		return g, n
	}
	if g, n := worst(above); n > 0 {
		return safe.Sprintf("%d %s above", n, severityWord(g))
	}
	if g, n := worst(below); n > 0 {
		return safe.Sprintf("%d %s below", n, severityWord(g))
	}
	return safe.Text{}
}

// alertNote is what is wrong with the answer, or what enter does.
func alertNote(s *Screen, declares bool) piece {
	a := s.World.Alerts
	switch age := s.Now.Sub(a.At); {
	case a.Err != nil && len(a.Tellers) > 1:
		return piece{silentText(a.Tellers, s.Now), theme.Warn}
	case a.Err != nil:
		return piece{safe.New(a.Err.Error(), safe.Line), theme.Warn}
	case !a.At.IsZero() && age > time.Minute:
		return piece{safe.Sprintf("%s old", Ago(age)), theme.Warn}
	case declares:
		return piece{safe.Const("enter declares"), theme.Dim}
	}
	return piece{}
}

// silentText is who of several does not answer, for how long, and why.
func silentText(tellers []AlertTeller, now time.Time) safe.Text {
	text := safe.Text{}
	for _, t := range tellers {
		if t.Err == nil {
			continue
		}
		one := safe.Sprintf("%s is silent", safe.New(t.Name, 40))
		if !t.At.IsZero() {
			one = safe.Sprintf("%s for %s", one, Ago(now.Sub(t.At)))
		}
		if text.Width() > 0 {
			text = safe.Concat(text, safe.Const(", "))
		}
		text = safe.Concat(text, one)
	}
	return text
}

func drawAlert(f *frame.Frame, g alertGroup, name int, runs []hurting, s *Screen) {
	p := pen{f: f}
	style := theme.Plain
	if inc, ok := selected(s); ok && inc.Service != "" && serviceOf(g.list[0]) == inc.Service {
		style = theme.Bright
	}
	if g.state != alert.Firing {
		style = theme.Dim
	}
	p.left(4, severityStyle(g), severityWord(g))
	p.right(5, theme.Dim, safe.New(Ago(s.Now.Sub(g.newest)), 5))
	const places = 8
	counts := 3
	if len(g.list) > 99 {
		counts = len(strconv.Itoa(len(g.list))) + 1
	}
	name = min(name, max(p.room()-counts-1, 0))
	p.left(name, style, safe.New(g.name, 80))
	count := safe.Text{}
	if len(g.list) > 1 {
		count = safe.Sprintf("×%d", len(g.list))
	}
	p.right(counts, theme.Plain, count)
	if b := becameOf(g.list); b.text.Width() > 0 && p.room() > b.text.Width() {
		p.flow(b.style, b.text)
	}
	drawDuring(&p, duringWords(g.list, runs))
	if p.room() >= places {
		p.flow(theme.Dim, placeOf(g))
	}
}

func severityWord(g alertGroup) safe.Text {
	switch {
	case g.state != alert.Firing:
		return safe.Const("wait")
	case g.sev != "":
		return safe.New(strings.ReplaceAll(string(g.sev), "-", ""), 4)
	}
	return safe.Const("-")
}

func severityStyle(g alertGroup) theme.Style {
	if g.state != alert.Firing || g.sev == "" {
		return theme.Dim
	}
	return theme.Sev(g.sev.Rank())
}

// becameOf is what became of alerts: the incident that they belong to, who hides them,
// and whether they flap.
func becameOf(list []alert.Alert) piece {
	silenced, muted, flapping := 0, 0, 0
	var ids []string
	for _, a := range list {
		switch {
		case len(a.Silenced) > 0:
			silenced++
		case a.Muted != "":
			muted++
		}
		if a.Flapping {
			flapping++
		}
		if a.Incident != "" && len(ids) < 3 && !slices.Contains(ids, a.Incident) {
			ids = append(ids, a.Incident)
		}
	}
	some := func(n int, word string) string {
		if n == len(list) {
			return word
		}
		return fmt.Sprintf("%d %s", n, word)
	}
	var words []string
	if silenced > 0 {
		words = append(words, some(silenced, "silenced"))
	}
	if muted > 0 {
		words = append(words, some(muted, "muted"))
	}
	if flapping > 0 {
		words = append(words, some(flapping, "flapping"))
	}
	words = append(ids, words...)
	style := theme.Accent
	if silenced+muted == len(list) {
		style = theme.Dim
	}
	return piece{safe.New(strings.Join(words, " "), 60), style}
}

// placeOf is where the alerts of a group are: "eu-west-1 +1".
func placeOf(g alertGroup) safe.Text {
	for _, label := range []string{"region", "zone", "cluster", "instance", "service", "job"} {
		var values []string
		for _, a := range g.list {
			if v := a.Labels[label]; v != "" && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		switch n := len(values); {
		case n == 1:
			return safe.New(values[0], 60)
		case n > 1:
			return safe.Sprintf("%s +%d", safe.New(values[0], 60), n-1)
		}
	}
	return safe.New(g.list[0].Annotations["summary"], 60)
}

// tellerOf is where, with who says so if that is not the first server: where there are
// several, a row is to say which.
func tellerOf(g alertGroup, s *Screen) safe.Text {
	place := placeOf(g)
	if len(s.World.Alerts.Tellers) < 2 {
		return place
	}
	var names []string
	for i := range g.list {
		if name := g.list[i].Teller(); name != alert.FromPrometheus && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return place
	}
	return safe.Sprintf("%s: %s", safe.New(strings.Join(names, ", "), 40), place)
}

func serviceOf(a alert.Alert) string { return cmp.Or(a.Labels["service"], a.Labels["job"]) }

// readAlerts is all that is known of the alerts of a rule: of several what they have in
// common, and then each.
func readAlerts(g alertGroup, s *Screen) Effect {
	var p page
	factsOf(g, s).read(&p)
	if len(g.list) > 1 {
		shared := alert.Shared(g.list)
		p.heading(fmt.Sprintf("%d alerts", len(g.list)))
		for i, a := range g.list {
			if i == mostRead {
				p.text(fmt.Sprintf("and %d more", len(g.list)-i))
				break
			}
			p.text(fmt.Sprintf("%s %s %s", Ago(s.Now.Sub(a.ActiveAt)), a.Own(shared), a.Incident))
		}
	}
	return p.reading(g.name)
}

// OpenFor is the open incident that each alert was declared as, by the alert's
// fingerprint; of one that was merged it is the incident that goes on.
func (w *World) OpenFor() map[string]incident.ID {
	goesOn, found := map[incident.ID]incident.ID{}, map[string]incident.ID{}
	for _, inc := range w.Incidents {
		if inc.Status.Over() {
			continue
		}
		goesOn[inc.ID] = inc.ID
		for _, id := range inc.Merged {
			goesOn[id] = inc.ID
		}
	}
	for _, inc := range w.Incidents {
		if id := goesOn[inc.ID]; id != "" && len(inc.Labels) > 0 {
			found[alert.Fingerprint(inc.Labels)] = id
		}
	}
	return found
}

// declareFrom opens an incident from the first alert of a group, or goes to the
// one that was opened from it. The severity is asked for; whom that pages is
// said before anything goes out.
func declareFrom(g alertGroup, s *Screen) Effect {
	a := g.list[0]
	if id, open := s.World.OpenFor()[a.Fingerprint]; open {
		return Effect{Handled: true, Select: id}
	}
	o := Declare{Title: cmp.Or(a.Annotations["summary"], a.Name), Service: serviceOf(a), Alert: a.Fingerprint}
	var choices []Choice
	for i, sev := range incident.Severities() {
		choices = append(choices, Choice{Value: string(sev), Text: string(sev) + severityMeans(sev), Letter: rune('1' + i)})
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "How bad is it? " + o.Title, Choices: choices, Initial: string(cmp.Or(g.sev, incident.Sev2)),
		Help: "you are told whom it pages before it goes out",
		Then: func(answer string) Effect {
			o.Severity = incident.Severity(answer)
			return Effect{Handled: true, Orders: []Order{o}}
		},
	}}
}

// severityMeans is a severity in words.
func severityMeans(sev incident.Severity) string {
	switch sev {
	case incident.Sev1:
		return "  customers cannot use it"
	case incident.Sev2:
		return "  a part is broken, or all of it is slow"
	case incident.Sev3:
		return "  it can wait until the morning"
	}
	return "  it can wait for days"
}

// declareKey is what to press to open an incident.
func declareKey(s *Screen) string { return s.Keys.Label(keys.Declare) }
