package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// picture is the ladder of a severity, drawn for 80 columns without colour.
type picture struct {
	explanation
	sev    incident.Severity
	phones phonebook
	brief  bool // a line a level
	out    strings.Builder
}

// The columns of a picture: when it is, the rung, and what is to be said of it.
const (
	pictureWidth = 80
	whenWidth    = 11
	rungWidth    = 8
)

func (p *picture) draw() string {
	inc := p.script.Incident(p.sev)
	rules := p.policy.For(inc)
	prospects := escalation.Prospects(p.policy, p.sev, p.script, p.horizon)
	p.heading(rules.Response(p.sev))
	p.held(prospects)
	if !p.brief {
		p.line("")
	}
	uncalled := prospects
	for i, r := range prospects {
		if r.First == nil {
			break
		}
		uncalled = prospects[i+1:]
		if p.brief {
			p.row(r)
		} else {
			p.rung(r, i == 0, i+1 < len(prospects) && prospects[i+1].First != nil)
		}
	}
	p.rest(uncalled)
	return p.out.String()
}

// line writes a line that is no wider than the picture, in the characters that
// this terminal has.
func (p *picture) line(format string, args ...any) {
	text := safe.New(strings.TrimRight(fmt.Sprintf(format, args...), " "), pictureWidth).String()
	if theme.FromEnv(os.Getenv).Glyphs == theme.ASCII {
		text = strings.Map(theme.Fold, text)
	}
	p.out.WriteString(text + "\n")
}

// heading is what the severity asks for.
func (p *picture) heading(r escalation.Response) {
	what := string(p.sev)
	if p.script.Drill {
		what = "DRILL " + what
	}
	if p.script.Service != "" {
		what += " of " + p.script.Service
	}
	p.line("%s, declared %s", what, p.script.At.Format("Mon 2006-01-02 15:04 UTC"))
	p.wrapped("", "  ", fmt.Sprintf("answer within %s, resolve within %s, an update every %s%s", r.RespondWithin, r.ResolveWithin, r.UpdateEvery, forWhom(r.Audience)))
	if p.brief {
		return
	}
	var notes []string
	if r.AckTimeout > 0 {
		notes = append(notes, fmt.Sprintf("still on it? after %s without a word", r.AckTimeout))
	}
	if r.CommanderWithin > 0 {
		notes = append(notes, fmt.Sprintf("a commander within %s", r.CommanderWithin))
	}
	if r.Scale != 1 {
		notes = append(notes, fmt.Sprintf("the ladder's clocks x%g", r.Scale))
	}
	p.wrapped("", "  ", strings.Join(notes, ", "))
	for _, line := range p.diverted() {
		p.wrapped("", "  ", line)
	}
	if p.script.Service != "" {
		rule, ok := p.policy.ServiceRule(p.script.Service)
		said := "the policy has no rule for this service"
		if ok {
			said = "by the rule for the services " + strings.Join(rule.Match, ", ")
		}
		p.wrapped("", "  ", said)
	}
	if g := p.policy.GameDay; p.script.Drill && g != nil {
		p.wrapped("", "  ", drillSays(*g))
	}
	if d := p.script.Acknowledged; d > 0 {
		p.line("  somebody acknowledges after %s", short(d))
	}
}

// diverted says where pages go that are not taken: once if it is the same for all
// levels.
func (p *picture) diverted() (said []string) {
	rules := p.policy.For(p.script.Incident(p.sev))
	var levels [][]incident.Level
	var ways []string
	for _, rung := range rules.Ladder(p.sev) {
		way := wayRound(rules.Divert(rung.Level))
		if n := len(ways); n > 0 && ways[n-1] == way {
			levels[n-1] = append(levels[n-1], rung.Level)
			continue
		}
		ways, levels = append(ways, way), append(levels, []incident.Level{rung.Level})
	}
	for i, way := range ways {
		of := ""
		switch n := len(levels[i]); {
		case len(ways) > 1 && n > 1:
			of = fmt.Sprintf(" of %s-%s", levels[i][0], levels[i][n-1])
		case len(ways) > 1:
			of = fmt.Sprintf(" of %s", levels[i][0])
		}
		said = append(said, fmt.Sprintf("a page%s that is not taken %s", of, way))
	}
	return said
}

// wayRound is where a page goes that is not taken.
func wayRound(sinks []string, inTurn bool) string {
	switch {
	case len(sinks) == 0:
		return "is told to nobody else"
	case inTurn:
		return "goes to " + strings.Join(sinks, ", then ")
	}
	return "is told to " + strings.Join(sinks, ", ")
}

// held says that quiet hours hold the first call back.
func (p *picture) held(rungs []escalation.Prospect) {
	if len(rungs) == 0 {
		return
	}
	first := rungs[0].Due
	if c := rungs[0].First; c != nil {
		first = c.At
	}
	switch held := first.Sub(p.script.At); {
	case held > 7*24*time.Hour:
		p.line("  quiet hours without an end: nobody is called")
	case held > 0:
		p.line("  quiet hours: nobody is called before %s", first.UTC().Format("Mon 2006-01-02 15:04 UTC"))
	}
}

// drillSays is whom a drill calls, in a sentence.
func drillSays(g escalation.GameDay) string {
	says := "a drill: only sinks that game_day names in the place of others are told"
	if g.WakesUpTo != escalation.WakesNobody {
		says = fmt.Sprintf("a drill: above %s, and of audiences, only sinks that game_day names in the place of others are told", g.WakesUpTo)
	}
	for _, service := range slices.Sorted(maps.Keys(g.Also)) {
		says += fmt.Sprintf("; what is done to %s may burn the budgets of %s too", service, strings.Join(g.Also[service], ", "))
	}
	return says
}

func forWhom(audience []string) string {
	if len(audience) == 0 {
		return ""
	}
	return " to " + strings.Join(audience, ", ")
}

// row is a rung on a line.
func (p *picture) row(r escalation.Prospect) {
	said := p.phones.names(r.First.Who)
	if r.First.Page == escalation.PageNone {
		said += ": " + p.whyNobody(r)
	} else {
		said += " by " + strings.Join(r.First.Notify, ", ")
	}
	p.wrapped(fmt.Sprintf("  %-*s%-8s%-4s%-9s", whenWidth, p.clock(r.First.At), "+"+short(r.First.After), r.Level, loud(r.First.Page)), "", strings.TrimPrefix(said, ": "))
}

// rung is a box with what is said of it.
func (p *picture) rung(r escalation.Prospect, first, more bool) {
	top, bottom, below := "┌────┐", "└────┘", ""
	if !first {
		top = "┌─┴──┐"
	}
	if more {
		bottom, below = "└─┬──┘", "  │"
	}
	c := r.First
	how := "through " + strings.Join(c.Notify, ", ")
	if c.Page == escalation.PageNone {
		how = p.whyNobody(r)
	}
	const width = pictureWidth - whenWidth - rungWidth
	said := slices.Concat(wrap(p.who(c.Who)+loud(c.Page), width), wrap(how, width), p.clocks(r))
	left := []string{p.clock(c.At), "+" + short(c.After)}
	boxes := []string{top, fmt.Sprintf("│ %-2s │", r.Level), bottom}
	for i := range max(len(said)+1, len(boxes)) { // what is said begins beside the name
		when, box, text := "", below, ""
		if i < len(left) {
			when = left[i]
		}
		if i < len(boxes) {
			box = boxes[i]
		}
		if i > 0 && i <= len(said) {
			text = said[i-1]
		}
		p.line("%-*s%-*s%s", whenWidth, when, rungWidth, box, text)
	}
}

// clocks says how a rung goes on, and what stops it.
func (p *picture) clocks(r escalation.Prospect) (said []string) {
	climbs := r.Climbs > 0 && r.Level != p.reaches()
	if r.Again > 0 && !(climbs && r.Again >= r.Climbs) && r.First.Page != escalation.PageNone {
		said = append(said, fmt.Sprintf("again every %s until somebody ACKNOWLEDGES", short(r.Again)))
		if chats := p.policy.For(p.script.Incident(p.sev)).Elsewhere(r.First.Notify); len(chats) > 0 {
			said = append(said, wrap(fmt.Sprintf("%s is told each time: call by phone", strings.Join(chats, ", ")), pictureWidth-whenWidth-rungWidth)...)
		}
	}
	unless := strings.ToUpper(string(r.Until))
	switch {
	case r.Repeat > 0:
		said = append(said, fmt.Sprintf("again every %s until it is %s", short(r.Repeat), unless))
	case climbs:
		said = append(said, fmt.Sprintf("climbs after %s unless it is %s", short(r.Climbs), unless))
	}
	return said
}

// reaches is the last level that the severity climbs to by itself.
func (p *picture) reaches() incident.Level {
	return p.policy.For(p.script.Incident(p.sev)).Response(p.sev).Reaches
}

// whyNobody says why a rung pages nobody: it goes into the chats at most.
func (p *picture) whyNobody(r escalation.Prospect) string {
	notify := r.First.Notify
	chats := slices.DeleteFunc(slices.Clone(notify), func(sink string) bool { return !strings.HasPrefix(sink, "slack:") })
	switch {
	case len(chats) > 0:
		return "nobody is paged; " + strings.Join(chats, ", ") + " is told"
	case len(notify) > 0:
		return "nobody is paged"
	case p.script.Drill && p.names(r.Level):
		return "no sink of this level takes part in a drill"
	}
	return "this level names no sink: nobody is called"
}

// names says whether the policy itself names a sink for a level, whatever a drill
// leaves out of it.
func (p *picture) names(level incident.Level) bool {
	real := p.script
	real.Drill = false
	return slices.ContainsFunc(p.policy.For(real.Incident(p.sev)).Ladder(p.sev), func(r escalation.LevelRule) bool {
		return r.Level == level && len(r.Notify) > 0
	})
}

// rest is the rungs that are not called, and why.
func (p *picture) rest(rungs []escalation.Prospect) {
	for len(rungs) > 0 {
		r, n := rungs[0], 1
		for n < len(rungs) && rungs[n].State == r.State && r.State != escalation.RungNext && r.State != escalation.RungContinues {
			n++
		}
		label := string(r.Level)
		if n > 1 {
			label += "-" + string(rungs[n-1].Level)
		}
		why := "not called: somebody has acknowledged"
		switch r.State {
		case escalation.RungBeyond:
			why = fmt.Sprintf("not for a %s; a person can ask for it (sitrep incident escalate)", p.sev)
		case escalation.RungNext, escalation.RungContinues:
			why = fmt.Sprintf("called at %s, later than --for %s", r.Due.UTC().Format("Mon 2006-01-02 15:04"), short(p.horizon))
		}
		if p.brief {
			p.wrapped(fmt.Sprintf("  %-*s%-8s%-6s", whenWidth, "", "", label), "", why)
		} else {
			p.wrapped(fmt.Sprintf("%-*s%-*s", whenWidth, "", rungWidth, label), "", why)
		}
		rungs = rungs[n:]
	}
}

func (p *picture) who(people []incident.Person) string {
	if len(people) == 0 {
		return ""
	}
	return p.phones.names(people) + ", "
}

// clock is a time of the picture, with the day where it is another one.
func (p *picture) clock(t time.Time) string {
	if t.Format(time.DateOnly) == p.script.At.Format(time.DateOnly) {
		return t.UTC().Format("15:04Z")
	}
	return t.UTC().Format("Mon 15:04Z")
}

// loud is a page in words.
func loud(page escalation.Page) string {
	if page == escalation.PageNone {
		return "no page"
	}
	return string(page)
}

func short(d time.Duration) string { return strictyaml.FormatDuration(d) }

// wrapped writes text behind first, and its further lines below it; an empty text
// writes nothing.
func (p *picture) wrapped(first, indent, text string) {
	margin := strings.Repeat(" ", safe.New(first, pictureWidth).Width()) + indent
	for i, l := range wrap(text, pictureWidth-len(margin)) {
		if i == 0 {
			p.line("%s%s", first, indent+l)
			continue
		}
		p.line("%s%s", margin, l)
	}
}

// wrap breaks text at blanks into lines of at most width cells; a longer word is
// cut.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, w := range strings.Fields(text) {
		w = safe.New(w, width).String()
		if joined := strings.TrimPrefix(line+" "+w, " "); safe.New(joined, maxLine).Width() <= width {
			line = joined
			continue
		}
		lines = append(lines, line)
		line = w
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
