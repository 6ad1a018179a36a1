package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

// chatPicture draws what the signals did up to an event of an incident: from the series
// that were kept at it, else from the lines frozen into it. It says in words what
// is to be seen, for those who do not see it.
func chatPicture(db *store.DB) func(context.Context, incident.Incident, escalation.PictureOf) ([]byte, string, error) {
	return func(ctx context.Context, inc incident.Incident, of escalation.PictureOf) ([]byte, string, error) {
		boards, err := thawed(ctx, db, of.Event)
		if err != nil {
			return nil, "", err
		}
		charts, words := chartsOf(boards, of.At)
		if len(charts) == 0 {
			events, err := db.Timeline(ctx, inc.ID)
			if err != nil {
				return nil, "", err
			}
			if i := slices.IndexFunc(events, func(e incident.Event) bool { return e.ID == of.Event }); i >= 0 {
				charts, words = sparksOf(events[i])
			}
		}
		if len(charts) == 0 {
			return nil, "", errors.New("no signal was kept at that moment")
		}
		raw, err := plot.PNG(charts)
		alt := fmt.Sprintf("%s %s at %s: %s", inc.ID, of.What, of.At.UTC().Format("15:04 UTC"), strings.Join(words, ", "))
		return raw, alt, err
	}
}

// chartsOf are the signals of boards, and their last values in words.
func chartsOf(boards []*query.Snapshot, at time.Time) (charts []plot.Chart, words []string) {
	for _, b := range boards {
		for i := range b.Board.Panels {
			p, data := &b.Board.Panels[i], b.Panels[i]
			if !p.Signal || len(data.Frame.Series) == 0 {
				continue
			}
			charts = append(charts, chartOf(p, &data, at))
		}
		for _, sig := range query.Signals(b) {
			words = append(words, inWords(sig))
		}
	}
	return charts, words
}

// chartOf is one panel with all its series, as the screen draws them, and a mark at a
// moment.
func chartOf(p *query.Panel, data *query.PanelData, at time.Time) plot.Chart {
	c := plot.Chart{
		Title: p.Title, Start: data.Frame.Grid.Start, Step: data.Frame.Grid.Step, Mark: at,
		Format: func(v float64) string { return query.FormatValue(p.Unit, v) },
	}
	shape := p.Shape(&data.Frame)
	for i := range shape.Lines {
		line := &shape.Lines[i]
		if line.Field.Hidden {
			continue
		}
		look := lookOf(line)
		if look.Percent {
			c.Format = func(v float64) string { return query.FormatValue("percentunit", v) }
		}
		c.Series, c.Names, c.Looks = append(c.Series, line.Values), append(c.Names, sanitise(line.Legend)), append(c.Looks, look)
	}
	for _, t := range p.Thresholds {
		c.Limits = append(c.Limits, t.Value)
	}
	return c
}

// lookOf is how the screen draws a series, for a picture.
func lookOf(line *query.Drawn) plot.Look {
	f := &line.Field
	look := plot.Look{
		Negative: f.Negative, Behind: line.Ago != 0,
		Stacked: f.Stack == query.StackNormal || f.Stack == query.StackPercent, Percent: f.Stack == query.StackPercent,
	}
	switch f.Draw {
	case query.Area:
		look.Form = plot.Area
	case query.Bars:
		look.Form = plot.Pillars
	case query.Points:
		look.Form = plot.Points
	case query.StepLine:
		look.Form = plot.Steps
	}
	switch {
	case look.Behind:
		look.Form, look.Stacked, look.Percent = plot.Line, false, false
	case look.Stacked && look.Form == plot.Line:
		look.Form = plot.Area // lines on lines read as values
	}
	return look
}

// sparksOf are the signals that were frozen into an event.
func sparksOf(e incident.Event) (charts []plot.Chart, words []string) {
	var signals []query.Signal
	if json.Unmarshal(e.Evidence, &signals) != nil { // of another version, or damaged
		return nil, nil
	}
	for _, sig := range signals {
		n := len(sig.Spark)
		if n < 2 {
			continue
		}
		step := 2 * sig.Step // see newSignals: a piece of the line is two points
		c := plot.Chart{
			Title: sig.Name, Start: sig.At.Add(-time.Duration(n-1) * step), Step: step, Series: [][]float64{sig.Spark}, Mark: e.At,
			Format: func(v float64) string { return query.FormatValue(sig.Unit, v) },
		}
		if sig.Threshold != nil {
			c.Limits = []float64{*sig.Threshold}
		}
		charts, words = append(charts, c), append(words, inWords(sig))
	}
	return charts, words
}

func inWords(sig query.Signal) string {
	if sig.State == query.NoData {
		return sig.Name + " no data"
	}
	return fmt.Sprintf("%s %s (%s)", sig.Name, query.FormatValue(sig.Unit, sig.Value), sig.State)
}
