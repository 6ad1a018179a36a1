package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	pm "github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// postmortem is the view of the written record: the selected incident's draft,
// or without one the drafts that there are.
type postmortem struct {
	list   list
	filter filter
	id     incident.ID // whose draft is on the screen
	top    int         // its first row on the screen
	rows   int         // of the last picture

	laid  prose // markdown, laid out for
	width int   // this width, from
	text  string
}

// Scope implements View.
func (v *postmortem) Scope() keys.Scope { return keys.Postmortem }

// The width at which prose reads well, and that of the column beside it.
const (
	proseWidth   = 96
	asideFrom    = 134
	leastPMWidth = 20
)

// Draw implements View.
func (v *postmortem) Draw(f *frame.Frame, s *Screen) {
	d, ok := s.World.Drafts[s.Incident]
	if !ok || s.Incident == "" {
		v.drawList(f, s)
		return
	}
	v.turnTo(s.Incident)
	_, body := f.Bounds().Top(1)
	text, aside := body, frame.Rect{}
	if body.W >= asideFrom && len(d.Findings) > 0 {
		text, aside = body.Left(proseWidth + 4)
	}
	text.W = min(text.W, proseWidth+4)
	v.lay(d.Markdown, text.W-4)
	v.rows = text.H
	v.top = max(min(v.top, len(v.laid.lines)-text.H), 0)
	v.laid.draw(f.Sub(text), v.top, markedLines(d.Findings))
	inc, _ := selected(s)
	note := noteOf(d, inc, s)
	if n := len(v.laid.lines); n > text.H {
		note.text = safe.Sprintf("%s · %d%%", note.text, 100*(v.top+text.H)/n)
	}
	heading(f, theme.Title, titleOf(d, s), note)
	if aside.W > leastPMWidth {
		f.VLine(aside.X, aside.Y, aside.H, theme.Border)
		aside.X, aside.W = aside.X+1, aside.W-1
		drawFindings(f.Sub(aside), d.Findings)
	}
}

// turnTo begins another draft at its top.
func (v *postmortem) turnTo(id incident.ID) {
	if v.id != id {
		v.id, v.top = id, 0
	}
}

// lay lays the text out, if it is not what it was.
func (v *postmortem) lay(text string, width int) {
	if text != v.text || width != v.width {
		v.text, v.width, v.laid = text, width, newProse(text, width)
	}
}

func titleOf(d Draft, s *Screen) safe.Text {
	title := ""
	if inc, ok := selected(s); ok {
		title = "  " + stageOf(inc) + "  " + inc.Title
		if inc.Drill {
			title = "  " + stageOf(inc) + "  DRILL " + inc.Title
		}
	}
	return safe.Sprintf("%s of %s%s", d.ID, s.Incident, title)
}

// stageOf is how far a post-mortem has come among people.
func stageOf(inc incident.Incident) string {
	if inc.Review.Changed {
		return inc.Review.Stage.String() + ", changed"
	}
	return inc.Review.Stage.String()
}

// dueOf is until when it is to be reviewed; empty once it is, or if nobody wants
// it.
func dueOf(inc incident.Incident, now time.Time) (text string, late bool) {
	due := pm.Due(inc)
	switch {
	case due.IsZero(), inc.Review.Stage == incident.StageReviewed, inc.Review.Stage == incident.StagePublished:
		return "", false
	case pm.Late(inc, now):
		return "due " + due.UTC().Format(time.DateOnly), true
	}
	return "due in " + Ago(due.Sub(now)), false
}

// noteOf is what is to be done about a post-mortem, and who has touched it.
func noteOf(d Draft, inc incident.Incident, s *Screen) piece {
	var parts, asks []string
	if n := len(d.Missing); n > 0 {
		asks = append(asks, fmt.Sprintf("%d missing", n))
	}
	if n := len(d.Findings); n > 0 {
		asks = append(asks, plural(n, "finding"))
	}
	style := theme.Dim
	if len(asks) > 0 {
		style, parts = theme.Warn, append(parts, fmt.Sprintf("%s: %s", strings.Join(asks, ", "), s.Keys.Label(keys.LintDraft)))
	}
	due, late := dueOf(inc, s.Now)
	if due != "" {
		parts = append(parts, due)
	}
	if late {
		style = theme.Warn
	}
	if d.EditedAt.IsZero() {
		parts = append(parts, "drafted from the timeline, not edited")
	} else {
		parts = append(parts, fmt.Sprintf("edited by %s %s ago", d.EditedBy, Ago(s.Now.Sub(d.EditedAt))))
	}
	return piece{safe.New(strings.Join(parts, " · "), safe.Line), style}
}

// listNote is what a list says of a post-mortem: what is to be done about it, else
// who has touched it.
func listNote(d Draft, inc incident.Incident, s *Screen) piece {
	due, late := dueOf(inc, s.Now)
	var parts []string
	if due != "" {
		parts = append(parts, due)
	}
	if n := len(d.Missing); n > 0 {
		parts = append(parts, fmt.Sprintf("%d missing", n))
	}
	switch {
	case late:
		return piece{safe.New(strings.Join(parts, " · "), safe.Line), theme.Warn}
	case len(parts) > 0:
		return piece{safe.New(strings.Join(parts, " · "), safe.Line), theme.Dim}
	case d.EditedAt.IsZero():
		return piece{safe.Const("not edited"), theme.Dim}
	}
	return piece{safe.Sprintf("edited by %s %s ago", d.EditedBy, Ago(s.Now.Sub(d.EditedAt))), theme.Dim}
}

// markedLines are the lines that the lint speaks of: findings begin with their
// line's number.
func markedLines(findings []string) map[int]bool {
	out := map[int]bool{}
	for _, text := range findings {
		first, _, _ := strings.Cut(text, " ")
		if n, err := strconv.Atoi(first); err == nil {
			out[n] = true
		}
	}
	return out
}

func drawFindings(f *frame.Frame, findings []string) {
	f.Put(2, 0, theme.Title, safe.Const("the reviewer asks"))
	y := 2
	for _, text := range findings {
		line, rest, _ := strings.Cut(text, " ")
		for i, l := range safe.Wrap(rest, max(f.Width()-8, 1)) {
			if y >= f.Height() {
				return
			}
			if i == 0 {
				f.PutRight(5, y, theme.Dim, safe.New(line, 4))
			}
			f.Put(6, y, theme.Plain, l)
			y++
		}
	}
}

// drawList shows what drafts there are, and how to make one.
func (v *postmortem) drawList(f *frame.Frame, s *Screen) {
	heading(f, theme.Title, safe.Const("post-mortems"), piece{})
	_, body := f.Bounds().Top(1)
	if inc, ok := selected(s); ok {
		text := safe.Sprintf("%s has no post-mortem yet. %s drafts it from %s; what you write into it is kept.", inc.ID, s.Keys.Label(keys.Draft), plural(len(s.World.Events[inc.ID]), "event"))
		for _, l := range safe.Wrap(text.String(), max(body.W-2, 1)) {
			f.PutFit(1, body.Y, body.W-1, theme.Plain, l)
			_, body = body.Top(1)
		}
		_, body = body.Top(1)
	}
	v.list.draw(f.Sub(body), v.drafts(s), true)
}

// drafts lists all drafts, the newest incident first and drills last.
func (v *postmortem) drafts(s *Screen) rows {
	v.filter.read(s.Filter)
	var list []incident.Incident
	for _, inc := range s.World.Incidents {
		d, ok := s.World.Drafts[inc.ID]
		if ok && v.filter.text(strings.Join([]string{d.ID, string(inc.ID), string(inc.Severity), inc.Title, inc.Service}, " ")) {
			list = append(list, inc)
		}
	}
	slices.SortStableFunc(list, func(a, b incident.Incident) int {
		return cmp.Or(practice(a)-practice(b), b.Clocks.Declared.Compare(a.Clocks.Declared), cmp.Compare(a.ID, b.ID))
	})
	return rows{
		n: len(list), id: func(i int) string { return string(list[i].ID) },
		draw: func(f *frame.Frame, i int) {
			inc, d := list[i], s.World.Drafts[list[i].ID]
			p := pen{f: f}
			p.left(7, theme.Bright, safe.New(d.ID, 7))
			p.left(8, theme.Plain, safe.New(string(inc.ID), 8))
			p.left(4, theme.Sev(inc.Severity.Rank()), safe.New(strings.ReplaceAll(string(inc.Severity), "-", ""), 4))
			if inc.Drill {
				p.left(5, theme.Accent, safe.Const("DRILL"))
			}
			p.left(10, theme.Plain, safe.New(stageOf(inc), 10))
			note := listNote(d, inc, s)
			right := f.PutRight(f.Width(), 0, note.style, note.text.Fit(p.room()/2)) - 1
			f.PutFit(p.x, 0, right-p.x, theme.Plain, safe.New(inc.Title, safe.Line))
		},
		open: func(i int, _ *Screen) Effect { return Effect{Handled: true, Select: list[i].ID} },
		none: v.filter.without(safe.Const("no post-mortem is written yet")),
	}
}

// Press implements View.
func (v *postmortem) Press(a keys.Action, s *Screen) Effect {
	d, ok := s.World.Drafts[s.Incident]
	if !ok || s.Incident == "" {
		return v.pressList(a, s)
	}
	v.turnTo(s.Incident)
	page := max(v.rows-2, 1)
	switch a {
	case keys.Up:
		v.top--
	case keys.Down:
		v.top++
	case keys.PageUp:
		v.top -= page
	case keys.PageDown:
		v.top += page
	case keys.Top:
		v.top = 0
	case keys.Bottom:
		v.top = len(v.laid.lines)
	case keys.LintDraft:
		inc, _ := selected(s)
		return readFindings(d, inc, s)
	case keys.Yank:
		return Effect{Handled: true, Copy: d.Markdown}
	default:
		return Effect{} // edit and export ask for an editor and a file
	}
	v.top = max(min(v.top, len(v.laid.lines)-v.rows), 0)
	return Effect{Handled: true}
}

// pressList is the keys while there is no draft to read.
func (v *postmortem) pressList(a keys.Action, s *Screen) Effect {
	r := v.drafts(s)
	if v.list.press(a, r) {
		return Effect{Handled: true}
	}
	switch a {
	case keys.EditDraft:
		if r.n > 0 {
			return r.open(v.list.at, s)
		}
		if s.Incident != "" {
			return Effect{} // it is drafted when it is opened
		}
	case keys.LintDraft, keys.ExportDraft:
	default:
		return Effect{}
	}
	return Effect{Handled: true, Toast: "no post-mortem is selected; " + s.Keys.Label(keys.Draft) + " drafts one of the incident"}
}

// readFindings is how far it has come, what is missing, what was said about it, and
// what the lint found, in full.
func readFindings(d Draft, inc incident.Incident, s *Screen) Effect {
	var p page
	p.labelled("stage", stageOf(inc))
	p.labelled("owner", cmp.Or(string(pm.Owner(inc)), "nobody"))
	if due, late := dueOf(inc, s.Now); late {
		p.labelled("late", due)
	} else if due != "" {
		p.labelled("due", strings.TrimPrefix(due, "due "))
	}
	if len(inc.Review.Comments) > 0 {
		p.heading("said about it")
	}
	for _, c := range inc.Review.Comments {
		on, answer := "", ""
		if c.Section != "" {
			on = " on " + c.Section
		}
		if !c.Closed.IsZero() {
			answer = fmt.Sprintf(" [closed by %s: %s]", c.Closer, cmp.Or(c.Answer, "no word"))
		}
		p.labelled(c.Comment, c.Who()+on+": "+c.Text+answer)
	}
	p.heading("missing before its next stage")
	p.byLine(d.Missing, "nothing")
	p.heading("what a reviewer would ask besides")
	p.byLine(slices.DeleteFunc(slices.Clone(d.Findings), func(text string) bool {
		_, rest, _ := strings.Cut(text, " ")
		rule, _, _ := strings.Cut(rest, ":")
		return pm.Gates(rule)
	}), "nothing: no word blames, every action item can be finished")
	return p.reading(d.ID + " among people")
}

// byLine adds texts that begin with the line that each is about.
func (p *page) byLine(texts []string, none string) {
	for _, text := range texts {
		line, rest, _ := strings.Cut(text, " ")
		if line == "0" {
			p.labelled("as a whole", rest)
			continue
		}
		p.labelled("line "+line, rest)
	}
	if len(texts) == 0 {
		p.text(none)
	}
}

// Resize implements View.
func (v *postmortem) Resize(int, int, *Screen) Effect { return Effect{Handled: true} }
