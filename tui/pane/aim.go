package pane

import (
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// aim is the time by which an incident is to be resolved.
type aim struct {
	by   time.Time
	then incident.Level // is called when it is missed; "" is nobody
}

// aimOf is the target of an open incident, nil if it has none. When it is missed,
// the level that the acknowledgement holds back is called.
func aimOf(inc incident.Incident, rules escalation.Rules, rungs []escalation.Rung) *aim {
	within := rules.Response(inc.Severity).ResolveWithin.D()
	if within <= 0 || inc.Status.Over() {
		return nil
	}
	a := &aim{by: inc.Clocks.Declared.Add(within)}
	for i, r := range rungs {
		held := i > 0 && rungs[i-1].State == escalation.RungNow && r.State == escalation.RungStopped
		if held && inc.Acknowledged() {
			a.then = r.Level
		}
	}
	return a
}

func (a aim) draw(f *frame.Frame, s *Screen) {
	end := piece{in(a.by.Sub(s.Now)), theme.Dim}
	if late := s.Now.Sub(a.by); late > 0 {
		end = piece{safe.Sprintf("missed %s ago", Ago(late)), theme.Warn}
	}
	right := f.PutRight(f.Width(), 0, end.style, end.text)
	text := safe.Sprintf("resolve by %s", stamp(a.by, s.Now, s.Zone))
	if a.then != "" && a.by.After(s.Now) {
		text = safe.Sprintf("%s, else %s is called", text, a.then)
	}
	f.PutFit(0, 0, right-1, theme.Dim, text)
}

// phones are the telephones of those whom the configuration knows.
func phones(who []incident.Person, s *Screen) string {
	var out []string
	for _, p := range who {
		if n := s.World.Phones[p]; n != "" {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

// through names the ways out of a rung: "PD lead, Slack #incidents".
func through(notify []string) string {
	var out []string
	for _, sink := range notify {
		kind, target, _ := strings.Cut(sink, ":")
		out = append(out, strings.TrimSpace(strings.ReplaceAll(brand(kind), "PagerDuty", "PD")+" "+target))
	}
	return strings.Join(out, ", ")
}
