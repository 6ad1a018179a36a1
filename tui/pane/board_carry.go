package pane

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// What is not copied but written to a file, by the values of its choices.
const (
	toPicture = "\x00png"
	toCSV     = "\x00csv"
	toJSON    = "\x00json"
)

// yank copies what the focused panel is made of, or writes it to a file.
func (b *board) yank(i int, s *Screen) Effect {
	c, l := b.panels.at(i), b.look(i)
	var choices []Choice
	for _, expr := range c.queries() {
		choices = append(choices, Choice{Value: expr, Text: "PromQL  " + expr})
	}
	if link := b.pageOf(c, s); link != "" {
		choices = append(choices, Choice{Value: link, Text: "link    " + link})
	}
	if series := c.shape.Lines; len(series) > 0 {
		lead := &series[b.seriesIndex(c, l)]
		v := fieldFigure(&lead.Field, b.valueAt(c, lead.Values))
		choices = append(choices,
			Choice{Value: c.panel.Title + " " + v, Text: "value   " + c.panel.Title + " " + v},
			Choice{Value: lead.Labels.String(), Text: "labels  " + lead.Labels.String()},
			Choice{Value: seriesTable(series), Text: fmt.Sprintf("table   all %d series", len(series))},
			Choice{Value: toCSV, Text: "CSV     every value, to a file"},
			Choice{Value: toJSON, Text: "JSON    every value, to a file"},
			Choice{Value: toPicture, Text: "PNG     a picture, to a file"})
	}
	if len(choices) == 0 {
		return Effect{Handled: true, Toast: "nothing to copy here"}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Copy", Choices: choices,
		Then: func(answer string) Effect {
			if form, is := strings.CutPrefix(answer, "\x00"); is {
				return b.export(c.panel.Title, form, s)
			}
			return Effect{Handled: true, Copy: answer}
		},
	}}
}

// pageOf is the server's own page about what a panel asks, over the board's window;
// "" where no server has one.
func (b *board) pageOf(c *panelChart, s *Screen) string {
	sent := c.queries()
	if s.World.Server == "" || len(sent) == 0 || s.World.Board == nil {
		return ""
	}
	asked := func(q query.Query) bool { return !q.Hidden }
	if i := slices.IndexFunc(c.panel.Queries, asked); i >= 0 && s.World.Board.Board.SourceOf(c.panel, &c.panel.Queries[i], nil) != "" {
		return "" // another server
	}
	span, end := Shown(s)
	return query.PageURL(s.World.Server, sent[0], span, end)
}

// export asks for the file.
func (b *board) export(panel, form string, s *Screen) Effect {
	snap, mark := s.World.Board, b.crosshair
	return Effect{Handled: true, Ask: &Ask{
		Title: "Write " + panel + " to", Help: "a new file that ends in .csv, .json or .png", Initial: fileName(panel) + "-" + s.Now.UTC().Format("20060102-1504") + "." + form,
		Then: func(path string) Effect {
			if path = strings.TrimSpace(path); path == "" {
				return Effect{Handled: true}
			}
			return Effect{Handled: true, Orders: []Order{ExportPanel{Snapshot: snap, Panel: panel, Path: path, Mark: mark}}}
		},
	}}
}

// fileName is a title as a file can be called.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, title)
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	name = strings.Trim(name, "-")
	if name == "" {
		return "panel"
	}
	return name[:min(len(name), 40)]
}

// open asks for the addresses that lead from here: the panel's, the board's, and
// those of the configuration.
func (b *board) open(i int, s *Screen) Effect {
	c, l := b.panels.at(i), b.look(i)
	snap := s.World.Board
	order := FindLinks{Place: query.LinkPlace{
		Incident: string(s.Incident), From: snap.Grid.Start, To: snap.Grid.End(), At: b.crosshair, Variables: map[string][]string{},
	}}
	order.Links = append(append(order.Links, c.panel.Links...), snap.Board.Links...)
	for _, v := range snap.Board.Variables {
		order.Place.Variables[v.Name] = v.Value
	}
	for _, v := range snap.Board.Shown {
		order.Place.Variables[v.Name] = v.Texts
	}
	if series := c.shape.Lines; len(series) > 0 {
		lead := &series[b.seriesIndex(c, l)]
		order.Place.Labels, order.Place.Expr = lead.Labels, lead.Expr
	} else if sent := c.queries(); len(sent) > 0 {
		order.Place.Expr = sent[0]
	}
	order.Place.Service = servedBy(order.Place.Labels)
	if inc, ok := selected(s); ok && order.Place.Service == "" {
		order.Place.Service = inc.Service
	}
	return Effect{Handled: true, Orders: []Order{order}}
}

// servedBy is the service that labels name.
func servedBy(l query.Labels) string {
	for _, name := range []string{"service", "service_name", "app", "job"} {
		if l[name] != "" {
			return l[name]
		}
	}
	return ""
}

// keep keeps the board as evidence of the selected incident.
func (b *board) keep(s *Screen) Effect {
	if s.Frozen != nil {
		return Effect{Handled: true, Toast: "this board is kept already"}
	}
	return KeepNow(s, "")
}

// KeepNow orders that what the board shows is kept with the selected incident.
func KeepNow(s *Screen, why string) Effect {
	switch snap := s.World.Board; {
	case s.Incident == "":
		return Effect{Handled: true, Toast: "no incident to keep it with; sitrep board show writes a panel to a file"}
	case snap == nil || snap.Board == nil:
		return Effect{Handled: true, Toast: "the board has not answered yet"}
	default:
		return Effect{Handled: true, Orders: []Order{KeepBoard{Snapshot: snap, Incident: string(s.Incident), Text: why}}}
	}
}

// Shown is the stretch that the board shows, for what is asked beside it.
func Shown(s *Screen) (span time.Duration, end time.Time) {
	if s.World.Board == nil || s.World.Board.Board == nil {
		return time.Hour, time.Time{}
	}
	span = s.World.Board.Grid.Span()
	if !live(s.World.Board) {
		end = s.World.Board.Grid.End()
	}
	return span, end
}
