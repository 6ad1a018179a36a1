package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// dayRow is a row of the game days.
type dayRow struct {
	id   string
	draw func(*frame.Frame)
	open func(*Screen) Effect
}

// gamedaySection is the day that goes on, those that may be held, and how they went; none
// where there is none of all that.
func gamedaySection(s *Screen, f *filter) (_ []section, goesOn bool) {
	g := &s.World.Gamedays
	r, goesOn := g.Present()
	if len(g.Days)+len(g.Broken)+len(g.Runs) == 0 {
		return nil, false
	}
	var list []dayRow
	note := piece{safe.Sprintf("%s shows the plan", s.Keys.Label(keys.Detail)), theme.Dim}
	if goesOn {
		list = append(list, liveDayRows(&r, s)...)
		note = piece{safe.Sprintf("%s ends it", s.Keys.Label(keys.Abort)), theme.Accent}
	}
	list = append(list, preparedDayRows(g, f)...)
	list = append(list, pastDayRows(g, s, f)...)
	return []section{{
		name: "gamedays", title: safe.Sprintf("game days  %d", len(g.Days)), note: note, dear: 8, least: 1, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].id },
			draw: func(f *frame.Frame, i int) { list[i].draw(f) },
			open: func(i int, s *Screen) Effect { return list[i].open(s) },
			none: f.without(safe.Const("no game day is configured (gamedays: in sitrep.yaml)")),
		},
	}}, goesOn
}

// liveDayRows are the run that goes on: where it stands, what it asks of whom, its steps.
func liveDayRows(r *gameday.Result, s *Screen) (list []dayRow) {
	read := func(s *Screen) Effect { return readDay(r, s) }
	answer := func(*Screen) Effect { return Effect{Handled: true, Act: keys.AnswerGameday} }
	add := func(id string, open func(*Screen) Effect, draw func(*frame.Frame)) {
		list = append(list, dayRow{r.Run + " " + id, draw, open})
	}
	add("run", read, func(f *frame.Frame) { drawLiveDay(f, r, s) })
	if step := r.Present(); step != nil && step.Asks {
		add("asks", answer, func(f *frame.Frame) { drawLabelled(f, "asks", theme.Bright, Question(step)) })
		add("wants", answer, func(f *frame.Frame) {
			drawLabelled(f, "wants", theme.Accent, fmt.Sprintf("%s within %s: %s answers", Wanted(step), Until(step.Left(s.Now)), s.Keys.Label(keys.AnswerGameday)))
		})
		for i, a := range step.Answers {
			add(fmt.Sprint("answer ", i), answer, func(f *frame.Frame) { drawLabelled(f, "said", theme.Plain, a.String()) })
		}
	}
	for i := range r.Steps {
		add("step "+r.Steps[i].ID, read, func(f *frame.Frame) { drawDayStep(f, &r.Steps[i], s) })
	}
	return list
}

// Question is what a step asks, without the words for whom.
func Question(s *gameday.StepResult) string {
	if _, text, ok := strings.Cut(s.What, ": "); ok && s.Asks {
		return text
	}
	return s.What
}

// Wanted says whose go a question still wants.
func Wanted(s *gameday.StepResult) string {
	switch missing := s.Missing(); {
	case len(s.Of) == 0:
		return "go of anybody"
	case len(missing) > 0:
		return "go of " + strings.Join(missing, ", ")
	}
	return "nobody any more"
}

func drawLiveDay(f *frame.Frame, r *gameday.Result, s *Screen) {
	right := f.PutRight(f.Width(), 0, theme.Accent, safe.Sprintf("up to %s left", Until(r.Left(s.Now)))) - 2
	p := pen{f: f.Sub(frame.Rect{W: right, H: 1})}
	p.flow(theme.Bright, safe.Sprintf("%s %s", r.Run, r.Day))
	p.flow(theme.Dim, safe.Sprintf("step %d of %d, drill %s", r.At(), len(r.Steps), r.Drill))
}

// The columns of steps.
const (
	stepMark = 1
	stepName = 12
	stepWord = 12
)

func drawDayStep(f *frame.Frame, step *gameday.StepResult, s *Screen) {
	p := pen{f: f, x: 1}
	mark, style, word := safe.Const(" "), theme.Faint, safe.Text{}
	switch {
	case step.EndedAt != nil:
		mark, style, word = safe.Const("✓"), VerdictStyle(step.Verdict), safe.New(verdictWords(step.Verdict), stepWord)
		if step.Verdict != chaos.Held {
			mark = safe.Const("✗")
		}
	case step.StartedAt != nil:
		mark, style, word = safe.Const("▸"), theme.Accent, safe.Sprintf("up to %s", Until(step.Left(s.Now)))
	}
	text := theme.Plain
	if step.StartedAt == nil {
		text = theme.Dim
	}
	p.left(stepMark, style, mark)
	p.left(stepName, text, safe.New(step.ID, stepName))
	p.left(stepWord, style, word)
	what := step.What
	if step.Reason != "" {
		what = step.Reason + " (" + step.What + ")"
	}
	p.flow(text, safe.New(what, safe.Line))
}

// verdictWords is a verdict as people say it.
func verdictWords(v chaos.Verdict) string { return strings.ReplaceAll(string(v), "_", " ") }

func preparedDayRows(g *Gamedays, f *filter) (list []dayRow) {
	days := slices.Clone(g.Days)
	slices.SortStableFunc(days, func(a, b PreparedDay) int { return byPin(a.Pin, b.Pin) })
	for i := range days {
		d := &days[i]
		if f.text(d.Name + " " + d.Hypothesis + " " + d.Service) {
			list = append(list, dayRow{
				"day " + d.Name, func(f *frame.Frame) { drawPreparedDay(f, d, LastDay(g.Runs, d.Name)) },
				func(*Screen) Effect { return Effect{Handled: true, Day: d.Name} },
			})
		}
	}
	for i := range g.Broken {
		b := &g.Broken[i]
		if f.text(b.Name + " " + b.Error) {
			list = append(list, dayRow{"broken " + b.Name, func(f *frame.Frame) { drawBroken(f, b) }, func(*Screen) Effect { return readBrokenDay(b) }})
		}
	}
	return list
}

func readBrokenDay(b *BrokenExperiment) Effect {
	var p page
	p.labelled("broken", b.Error)
	p.text("Mend the file, or what it names, then start sitrep again. The other game days are as they were.")
	return p.reading(b.Name)
}

// LastDay is how a game day went last; nil if it has not been held to its end.
func LastDay(runs []gameday.Result, name string) *gameday.Result {
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Day == name && runs[i].EndedAt != nil {
			return &runs[i]
		}
	}
	return nil
}

func drawPreparedDay(f *frame.Frame, d *PreparedDay, last *gameday.Result) {
	p := pen{f: f}
	p.left(2, theme.Key, safe.New(d.Pin, 2))
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(d.Name, 60))
	p.right(6, theme.Dim, safe.New(strictyaml.FormatDuration(d.Most.Round(time.Second)), 8))
	p.x++
	if last != nil && f.Width() >= 56 {
		end := safe.New(verdictWords(last.Verdict), 14)
		f.PutRight(f.Width(), 0, VerdictStyle(last.Verdict), end)
		p.f = f.Sub(frame.Rect{W: f.Width() - end.Width() - 1, H: 1})
	}
	p.flow(theme.Dim, safe.Sprintf("%s  %s", plural(len(d.Steps), "step"), d.Hypothesis))
}

// pastDayRows are how days went, the newest first.
func pastDayRows(g *Gamedays, s *Screen, f *filter) (list []dayRow) {
	for i := len(g.Runs) - 1; i >= 0; i-- {
		r := &g.Runs[i]
		if r.EndedAt != nil && f.text(r.Run+" "+r.Day+" "+string(r.Verdict)+" "+r.Reason) {
			list = append(list, dayRow{r.Run + " " + r.ID, func(f *frame.Frame) { drawPastDay(f, r, s) }, func(s *Screen) Effect { return readDay(r, s) }})
		}
	}
	return list
}

func drawPastDay(f *frame.Frame, r *gameday.Result, s *Screen) {
	p := pen{f: f}
	p.left(stampWidth, theme.Dim, safe.New(stamp(r.StartedAt, s.Now, s.Zone), stampWidth))
	p.left(6, theme.Plain, safe.New(r.Run, 6))
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(r.Day, 60))
	p.left(12, VerdictStyle(r.Verdict), safe.New(verdictWords(r.Verdict), 12))
	p.flow(theme.Dim, safe.New(r.Reason, safe.Line))
}

// readDay is all that is known of a run, while it goes on and then how it ended.
func readDay(r *gameday.Result, s *Screen) Effect {
	id := r.ID
	e := dayPage(r, s).reading(r.Run + " " + r.Day)
	e.Read.Again = func(s *Screen) *Reading {
		runs := s.World.Gamedays.Runs
		i := slices.IndexFunc(runs, func(r gameday.Result) bool { return r.ID == id })
		if i < 0 {
			return nil
		}
		return dayPage(&runs[i], s).reading("").Read
	}
	return e
}

// ReadDays is how a game day went, run by run, the newest first.
func ReadDays(runs []gameday.Result, name string, s *Screen) Effect {
	var p page
	for i := len(runs) - 1; i >= 0; i-- {
		if r := &runs[i]; r.Day == name {
			if len(p.lines) > 0 {
				p.heading("")
			}
			p.add(dayPage(r, s))
		}
	}
	if len(p.lines) == 0 {
		p.text("It has not been held yet.")
	}
	return p.reading("Runs of " + name)
}

// add puts another page below.
func (p *page) add(other *page) {
	for len(p.hang) < len(p.lines) {
		p.hang = append(p.hang, 0)
	}
	p.lines, p.hang = append(p.lines, other.lines...), append(p.hang, other.hang...)
}

func dayPage(r *gameday.Result, s *Screen) *page {
	var p page
	if r.EndedAt == nil {
		p.labelled(r.Run, fmt.Sprintf("goes on, step %d of %d, up to %s left; %s ends it and undoes everything", r.At(), len(r.Steps), Until(r.Left(s.Now)), s.Keys.Label(keys.Abort)))
	} else {
		p.labelled(r.Run, strings.TrimSuffix(verdictWords(r.Verdict)+": "+r.Reason, ": "))
	}
	p.labelled("expected", r.Hypothesis)
	p.labelled("drill", r.Drill)
	p.labelled("began", r.StartedAt.In(s.Zone).Format("2006-01-02 15:04:05 MST"))
	if r.EndedAt != nil {
		p.labelled("lasted", took(r.EndedAt.Sub(r.StartedAt)))
	}
	p.heading("steps")
	for i := range r.Steps {
		p.dayStep(&r.Steps[i], s)
	}
	for i, found := range r.Findings {
		if i == 0 {
			p.heading("found: each is an action item of " + r.Drill)
		}
		p.text(found)
	}
	return &p
}

func (p *page) dayStep(step *gameday.StepResult, s *Screen) {
	state := "not begun"
	switch {
	case step.EndedAt != nil:
		state = verdictWords(step.Verdict)
		if step.StartedAt != nil {
			state += " after " + took(step.EndedAt.Sub(*step.StartedAt))
		}
	case step.StartedAt != nil:
		state = "goes on, up to " + Until(step.Left(s.Now)) + " left"
		if step.Asks {
			state += ", wants " + Wanted(step)
		}
	}
	lines := []string{step.What, strings.TrimSuffix(state+": "+step.Reason, ": ")}
	for _, a := range step.Answers {
		lines = append(lines, a.String())
	}
	if l := step.Load; l != nil && l.Run != "" {
		lines = append(lines, fmt.Sprintf("%s %s: %s of %s, p50 %s, p95 %s, p99 %s, %d of %d failed", l.Run, l.Plan, perSecond(l.AchievedRate), perSecond(l.RequestedRate),
			latency(l.Latency.P50), latency(l.Latency.P95), latency(l.Latency.P99), l.Errors, l.Requests))
	}
	for _, c := range step.Chaos {
		text := strings.TrimSpace(c.Run+" "+c.Experiment) + ": " + verdictWords(c.Verdict)
		if c.Score != nil {
			text += fmt.Sprintf(" %.0f%%", 100**c.Score)
		}
		lines = append(lines, strings.TrimSuffix(text+": "+c.Reason, ": "))
	}
	p.labelled(cmp.Or(step.ID, "-"), strings.Join(lines, "\n"))
}
