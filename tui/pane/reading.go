package pane

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// page gathers the lines of a Reading.
type page struct {
	lines []safe.Text
	hang  []int // the cell in which what a label stands before begins; 0 without one
}

// labelled adds "label    text"; nothing for an empty text. Further lines of
// the text stand below its first, as do those without a label.
func (p *page) labelled(label, text string) {
	width := max(11, len(label)+1)
	for i, line := range safe.Lines(text, safe.Line) {
		if i > 0 {
			label = ""
		}
		p.lines = append(p.lines, safe.Sprintf("%-*s%s", width, label, line))
		for len(p.hang) < len(p.lines) {
			p.hang = append(p.hang, 0)
		}
		p.hang[len(p.hang)-1] = width
	}
}

// text adds lines as they are.
func (p *page) text(raw string) { p.lines = append(p.lines, safe.Lines(raw, safe.Line)...) }

// heading adds a heading with a line before it.
func (p *page) heading(text string) {
	p.lines = append(p.lines, safe.Text{}, safe.New(text, safe.Line))
}

// reading is the finished page.
func (p *page) reading(title string) Effect {
	return Effect{Handled: true, Read: &Reading{Title: title, Lines: p.lines, Hang: p.hang}}
}

// readEvent is all that is known of an event.
func readEvent(e *incident.Event, s *Screen) Effect {
	var p page
	p.text(e.Text)
	p.runEvent(e, s)
	p.text(" ")
	if e.Was != "" {
		p.labelled("corrected", "it first said: "+e.Was)
	}
	p.labelled("when", e.At.In(s.Zone).Format("2006-01-02 15:04:05.000 MST")+", "+Ago(s.Now.Sub(e.At))+" ago")
	if late := e.Recorded.Sub(e.At); late > time.Minute && !e.At.IsZero() {
		p.labelled("recorded", e.Recorded.In(s.Zone).Format("2006-01-02 15:04:05 MST")+", "+took(late)+" later")
	}
	p.labelled("kind", string(e.Kind))
	p.labelled("who", e.Who())
	p.labelled("through", e.Source)
	p.labelled("incident", string(e.Incident))
	p.labelled("moved to", string(e.Moved))
	p.labelled("event", e.ID)
	p.evidence(e.Evidence)
	if data := pretty(e.Data); data != "" {
		p.heading("data")
		p.text(data)
	}
	return p.reading(e.At.In(s.Zone).Format("15:04:05") + " " + word(e).String())
}

// evidence writes the signals as an event froze them; what cannot be read is
// shown as it is.
func (p *page) evidence(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	var signals []query.Signal
	if json.Unmarshal(raw, &signals) != nil {
		p.heading("evidence")
		p.text(pretty(raw))
		return
	}
	p.heading("the signals at that moment")
	for _, g := range signals {
		line := Figure(g.Unit, g.Value)
		if g.Threshold != nil {
			line += " (threshold " + Figure(g.Unit, *g.Threshold) + ")"
		}
		line += " " + string(g.State)
		switch {
		case g.Trend > 0:
			line += ", getting worse"
		case g.Trend < 0:
			line += ", getting better"
		}
		p.text(g.Name + ": " + line)
		if spark := plot.Sparkline(g.Spark, query.SparkPoints); strings.TrimSpace(spark) != "" {
			p.text("  " + spark)
		}
		p.text("  " + g.Query)
	}
}

// pretty is JSON on lines of its own, or what there is instead.
func pretty(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" || string(raw) == "{}" {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(b.String()) // Go's encoder escapes them, for web pages
}
