package grafana

import (
	"fmt"
	"slices"

	"github.com/sitrep-dev/sitrep/query"
)

// Outcome is what became of a panel.
type Outcome string

// The outcomes. What is only cosmetic (colours of series, widths of lines, how a
// tooltip looks) is carried by being left out.
const (
	Drawn      Outcome = "drawn"
	Simplified Outcome = "simplified" // drawn, and what is said about it is missing
	NotDrawn   Outcome = "not drawn"
)

// Report says of everything in a dashboard what became of it.
type Report struct {
	Title     string           `json:"title"`
	Panels    []PanelReport    `json:"panels"`
	Variables []VariableReport `json:"variables"`
	Notes     []string         `json:"notes"` // about the dashboard as a whole
	Totals    Totals           `json:"totals"`
}

// PanelReport is one panel.
type PanelReport struct {
	Title   string          `json:"title"`
	Row     string          `json:"row,omitempty"`
	Type    string          `json:"type"`         // Grafana's
	As      query.PanelType `json:"as,omitempty"` // empty: the board has no such panel
	Outcome Outcome         `json:"outcome"`
	Notes   []string        `json:"notes"`
	Queries []QueryReport   `json:"queries"`
}

// QueryReport is one query of a panel.
type QueryReport struct {
	Ref     string `json:"ref"`
	Text    string `json:"text"`
	Carried bool   `json:"carried"`
	Why     string `json:"why,omitempty"` // it is not, or what may be wrong with it
}

// VariableReport is one variable.
type VariableReport struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // Grafana's
	Carried bool   `json:"carried"`
	Note    string `json:"note,omitempty"`
}

// Totals counts. Percent is of all: 100 where there are none.
type Totals struct {
	Panels         int     `json:"panels"`
	Drawn          int     `json:"drawn"`
	Simplified     int     `json:"simplified"`
	NotDrawn       int     `json:"not_drawn"`
	PanelsPercent  float64 `json:"panels_percent"` // drawn or simplified
	Queries        int     `json:"queries"`
	Carried        int     `json:"queries_carried"`
	QueriesPercent float64 `json:"queries_percent"`
}

// Summary is the totals in a line.
func (t Totals) Summary() string {
	return fmt.Sprintf("%d panels: %d drawn, %d simplified, %d not drawn (%.1f %% on the screen); %d of %d queries carried (%.1f %%)",
		t.Panels, t.Drawn, t.Simplified, t.NotDrawn, t.PanelsPercent, t.Carried, t.Queries, t.QueriesPercent)
}

func (r *Report) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// add counts what the panels and queries came to.
func (r *Report) add() {
	t := Totals{Panels: len(r.Panels), PanelsPercent: 100, QueriesPercent: 100}
	for _, p := range r.Panels {
		switch p.Outcome {
		case Drawn:
			t.Drawn++
		case Simplified:
			t.Simplified++
		case NotDrawn:
			t.NotDrawn++
		}
		t.Queries += len(p.Queries)
		for _, q := range p.Queries {
			if q.Carried {
				t.Carried++
			}
		}
	}
	if t.Panels > 0 {
		t.PanelsPercent = 100 * float64(t.Drawn+t.Simplified) / float64(t.Panels)
	}
	if t.Queries > 0 {
		t.QueriesPercent = 100 * float64(t.Carried) / float64(t.Queries)
	}
	r.Totals = t
}

// lacks says that something of the panel that has a meaning is not carried.
func (p *PanelReport) lacks(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}
