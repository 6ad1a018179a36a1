package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

// mostPictures is how many charts a post-mortem shows: those of the signals first.
const mostPictures = 12

// gallery is what can be drawn of an incident from what its store holds; no server is
// asked. Where no series were kept, or not any more, the lines that were frozen into
// its events stand for them.
func gallery(ctx context.Context, db *store.DB, id incident.ID, now time.Time) (g postmortem.Gallery, err error) {
	inc, events, err := draftedFrom(ctx, db, id, now)
	if err != nil {
		return g, err
	}
	g.Marks, g.Rug = postmortem.Marks(inc, events, now)
	kept := capturesOf(events)
	for _, m := range pictured(incident.Moments(ownEvents(events, id)), kept) {
		boards, err := thawed(ctx, db, m.Event)
		if err != nil {
			g.Note = fmt.Sprintf("What was kept when it was %s cannot be read: %v.", m.What, err)
			continue
		}
		for _, signals := range []bool{true, false} {
			for _, b := range boards {
				g.Charts = append(g.Charts, shownOf(b, signals, m.What)...)
			}
		}
	}
	if len(g.Charts) == 0 {
		g.Charts = sparkCharts(events, id)
		if len(g.Charts) > 0 && len(kept) > 0 && g.Note == "" {
			g.Note = "The series that were kept are not there any more; these are the lines frozen into the events."
		}
	}
	if more := len(g.Charts) - mostPictures; more > 0 {
		g.Charts = g.Charts[:mostPictures]
		g.Note = strings.TrimSpace(g.Note + fmt.Sprintf(" %s more were kept: sitrep incident evidence %s.", count(more, "chart"), id))
	}
	return g, nil
}

// ownEvents are those of the incident itself, in the order of recording.
func ownEvents(events []incident.Event, id incident.ID) (own []incident.Event) {
	for _, e := range events {
		if e.Incident == id {
			own = append(own, e)
		}
	}
	slices.SortStableFunc(own, func(a, b incident.Event) int { return int(a.Seq - b.Seq) })
	return own
}

// capturesOf are what was kept, by the event at which it was.
func capturesOf(events []incident.Event) map[string]incident.Capture {
	kept := map[string]incident.Capture{}
	for _, e := range events {
		var c incident.Capture
		if e.Kind == incident.EvidenceCaptured && e.Payload(&c) == nil {
			kept[c.Event] = c
		}
	}
	return kept
}

// pictured are the moments whose windows together show the incident: the last
// resolution looks back to before the declaration, unless that was too long ago.
func pictured(moments []incident.Moment, kept map[string]incident.Capture) []incident.Moment {
	moments = slices.DeleteFunc(moments, func(m incident.Moment) bool { return len(kept[m.Event].Boards) == 0 })
	if len(moments) == 0 {
		return nil
	}
	last := moments[len(moments)-1]
	for _, b := range kept[last.Event].Boards {
		if b.From.After(last.Declared) && moments[0].Event != last.Event {
			return []incident.Moment{moments[0], last}
		}
	}
	return []incident.Moment{last}
}

// shownOf are the charts of a board, of its signals or of its other panels.
func shownOf(b *query.Snapshot, signals bool, kept string) (out []postmortem.Shown) {
	for i := range b.Board.Panels {
		p, data := &b.Board.Panels[i], &b.Panels[i]
		if p.Signal != signals || !signals && p.Type != query.TimeSeries || len(data.Frame.Series) == 0 {
			continue
		}
		s := postmortem.Shown{Chart: chartOf(p, data, time.Time{}), Source: b.Source, Kept: kept}
		if len(s.Chart.Series) == 0 {
			continue
		}
		for _, q := range p.Queries {
			if !q.Hidden {
				s.Queries = append(s.Queries, q.Expr)
			}
		}
		out = append(out, s)
	}
	return out
}

// sparkCharts are the lines frozen into the last event of an incident that has any, and
// into its declaration.
func sparkCharts(events []incident.Event, id incident.ID) (out []postmortem.Shown) {
	for _, kinds := range [][]incident.Kind{{incident.Declared}, {incident.Resolved, incident.ActionTaken, incident.Acknowledged}} {
		for _, e := range slices.Backward(ownEvents(events, id)) {
			charts, _ := sparksOf(e)
			if len(charts) == 0 || !slices.Contains(kinds, e.Kind) {
				continue
			}
			for _, c := range charts {
				c.Mark = time.Time{}
				out = append(out, postmortem.Shown{Chart: c, Kept: "at the event " + stamp(e.At)})
			}
			break
		}
	}
	return out
}

// pictureFolder is where the pictures of a file in Markdown lie.
func pictureFolder(out string) string {
	return strings.TrimSuffix(out, filepath.Ext(out)) + ".pictures"
}

// exportPictures writes the pictures of a file in Markdown beside it, and says what the
// Markdown is then. Form is svg or png.
func exportPictures(s postmortem.Stored, g postmortem.Gallery, out, form string) (markdown string, err error) {
	folder := pictureFolder(out)
	if len(g.Charts) > 0 {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return "", fmt.Errorf("make a folder for the pictures: %w", err)
		}
	}
	for i := range g.Charts {
		body := g.SVG(i)
		if form == "png" {
			if body, err = g.PNG(i); err != nil {
				return "", fmt.Errorf("draw %s: %w", g.Name(i), err)
			}
		}
		if err := writeNew(filepath.Join(folder, g.Name(i)+"."+form), body); err != nil {
			return "", err
		}
	}
	return g.Markdown(s, filepath.Base(folder), form), nil
}
