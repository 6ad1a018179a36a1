package query

import (
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Board is a page of panels. A loaded Board is read by several goroutines and
// must not be written to.
type Board struct {
	Name        string // the file's name without its ending
	Title       string // what a person sees
	Description string
	Range       time.Duration // of the charts at first; default 1 h
	Refresh     time.Duration // between polls; default 5 s, at least 1 s
	Source      string        // a name of sources: in sitrep.yaml; "" is prometheus:
	Variables   []Variable    // in the order of the file
	Rows        []Row         // titles over runs of panels, in their order
	Panels      []Panel       // those of no row first, then row by row
	Presets     []Preset
	Links       []Link
	Shown       []Shown // the values of the variables that it was filled in with; none in a file
}

// Row is a title over some of a board's panels.
type Row struct {
	Title     string
	Collapsed bool   // at first: its panels are not asked for until it is opened
	Repeat    string // a variable: the row stands once for each of its values
	From, To  int    // its panels are Board.Panels[From:To]
}

// Preset is a choice of panels, range and values that a name brings back.
type Preset struct {
	Name   string              `json:"name"`
	Panels []string            `json:"panels,omitempty"` // titles; none are all
	Range  strictyaml.Duration `json:"range,omitempty"`
	Values map[string][]string `json:"values,omitempty"` // of variables
}

// Link is an address that o opens, with $variables, ${__from}, ${__to} and the
// like filled in.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// PanelType is how a panel is drawn.
type PanelType string

// The panel types there are.
const (
	TimeSeries    PanelType = "timeseries"
	Stat          PanelType = "stat"
	Gauge         PanelType = "gauge"
	BarGauge      PanelType = "bargauge"
	Table         PanelType = "table"
	Heatmap       PanelType = "heatmap"
	StateTimeline PanelType = "state-timeline"
	TopN          PanelType = "topn" // the largest series as bars, the rest folded into one
	Text          PanelType = "text"
	AlertList     PanelType = "alertlist"
	EventList     PanelType = "eventlist"
	NotDrawn      PanelType = "not-drawn" // imported, of a kind that has no form here: title and queries only
)

func panelTypes() []PanelType {
	return []PanelType{TimeSeries, Stat, Gauge, BarGauge, Table, Heatmap, StateTimeline, TopN, Text, AlertList, EventList, NotDrawn}
}

// Asks reports whether panels of the type have queries.
func (t PanelType) Asks() bool { return t != Text && t != AlertList && t != EventList && t != NotDrawn }

// Panel is one chart, table, number or text.
type Panel struct {
	Title       string    `json:"title"`
	Description string    `json:"description,omitempty"`
	Type        PanelType `json:"type,omitempty"`
	Place       *Place    `json:"place,omitempty"`  // nil: it flows after the one before
	Source      string    `json:"source,omitempty"` // as Board.Source; "" is the board's
	Queries     []Query   `json:"queries,omitempty"`

	Field     `yaml:",inline"` // how values are read and drawn
	Overrides []Override       `json:"overrides,omitempty"` // the later wins

	Signal bool   `json:"signal,omitempty"` // shown on the first screen and frozen as evidence
	Better Better `json:"better,omitempty"` // default Lower

	Transforms []Transform           `json:"transforms,omitempty"` // one after the other, before anything is drawn
	Reduce     Reducer               `json:"reduce,omitempty"`     // a series to one number: stat, gauge, bargauge, topn; default last
	Every      bool                  `json:"every,omitempty"`      // stat, gauge, bargauge: every value of a table is one, nothing is reduced
	Spark      bool                  `json:"spark,omitempty"`      // stat: with a spark line
	Show       StatText              `json:"show,omitempty"`       // stat: what stands beside the value
	Top        int                   `json:"top,omitempty"`        // topn, bargauge: how many before the rest are folded; default 10
	Legend     Legend                `json:"legend_box,omitzero"`
	Log        int                   `json:"log,omitempty"` // base of a logarithmic value axis: 2 or 10; 0 is linear
	AxisLabel  string                `json:"axis_label,omitempty"`
	Compare    []strictyaml.Duration `json:"compare,omitempty"` // the same so long ago, drawn behind
	Markdown   string                `json:"markdown,omitempty"`
	SortBy     []SortBy              `json:"sort_by,omitempty"` // table: at first

	Repeat   string              `json:"repeat,omitempty"`    // a variable: the panel stands once for each of its values
	MinStep  string              `json:"min_step,omitempty"`  // a duration or a variable: no finer step is asked for
	LastSpan strictyaml.Duration `json:"last_span,omitempty"` // shows so much time, whatever the board shows
	Shift    strictyaml.Duration `json:"shift,omitempty"`     // shows the time so long ago
	Links    []Link              `json:"links,omitempty"`
}

// Place is where a panel stands within its row: 24 columns wide, and heights in
// Grafana's units, of which 8 are a usual chart.
type Place struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// The grid that panels stand on.
const (
	GridColumns   = 24
	usualWidth    = 12
	usualHeight   = 8
	highestPlace  = 1_000
	farthestPlace = 100_000
)

// Query is one PromQL expression of a panel. Legend may hold {{label}}, or be
// __auto, or empty for the labels in Prometheus' form.
type Query struct {
	Expr    string `json:"expr"`
	Legend  string `json:"legend,omitempty"`
	Ref     string `json:"ref,omitempty"`      // A, B, ...: what overrides and transforms call it; default by position
	Instant bool   `json:"instant,omitempty"`  // only the newest value is asked for
	Format  Format `json:"format,omitempty"`   // default series
	Hidden  bool   `json:"hidden,omitempty"`   // is not asked: kept for the person who edits
	MinStep string `json:"min_step,omitempty"` // as Panel.MinStep
	Source  string `json:"source,omitempty"`   // as Panel.Source
}

// Format is what a query's answer is made into.
type Format string

// The formats there are.
const (
	AsSeries  Format = "series"
	AsTable   Format = "table"   // a row a series (or sample), a column a label
	AsHeatmap Format = "heatmap" // le buckets, from cumulative to each alone
)

// Legend is the box of names beside or below a chart.
type Legend struct {
	Hide bool      `json:"hide,omitempty"`
	Calc []Reducer `json:"calc,omitempty"` // figures beside the names; default last
	Sort Reducer   `json:"sort,omitempty"`
	Asc  bool      `json:"asc,omitempty"` // sorted from the smallest
}

// SortBy orders a table's rows.
type SortBy struct {
	Column string `json:"column"`
	Desc   bool   `json:"desc,omitempty"`
}

// StatText is what a stat writes.
type StatText string

// The texts of a stat; the empty one is both where there are several values.
const (
	ShowValue StatText = "value"
	ShowName  StatText = "name"
	ShowBoth  StatText = "both"
)

// asked is how many queries of the panel are sent.
func (p *Panel) asked() (n int) {
	for i := range p.Queries {
		if !p.Queries[i].Hidden {
			n++
		}
	}
	return n
}

// Ref is what overrides and transforms call query i of the panel.
func (p *Panel) Ref(i int) string {
	if ref := p.Queries[i].Ref; ref != "" {
		return ref
	}
	if i < 26 {
		return string(rune('A' + i))
	}
	return "Q" + strconv.Itoa(i+1)
}

// Better tells which way is good.
type Better string

// Error rates and latencies are better low; availability and free space high.
const (
	Lower  Better = "lower"
	Higher Better = "higher"
)

// State of a value against the thresholds of its panel.
type State string

// The states, from good to bad, and the one that nothing can be said about.
const (
	OK     State = "ok"
	Warn   State = "warn"
	Crit   State = "crit"
	NoData State = "no data"
)

func (s State) rank() int {
	switch s {
	case Crit:
		return 2
	case Warn:
		return 1
	}
	return 0
}

// Format writes v in the panel's unit, with its decimals where it has any.
func (p *Panel) Format(v float64) string { return p.Field.Format(v) }

// Judge is the worst state whose threshold v has reached, with that threshold.
// Of a value that is fine it is OK with the threshold nearest to it, which is
// the next one to be crossed; nil if the panel has none. No value is NoData.
func (p *Panel) Judge(v float64) (State, *Threshold) {
	f := &p.Field
	if f.Percent {
		lines := f.Absolute(0, 100)
		f = &lines
	}
	return p.JudgeBy(f, v)
}

// JudgeBy is Judge by the thresholds of a series or column, which are in its unit.
func (p *Panel) JudgeBy(f *Field, v float64) (State, *Threshold) {
	if v != v { // NaN, absent or computed
		return NoData, nil
	}
	var crossed, next *Threshold
	for i := range f.Thresholds {
		t := &f.Thresholds[i]
		switch {
		case !p.reached(v, t.Value):
			if next == nil || p.worse(next.Value, t.Value) {
				next = t
			}
		case crossed == nil || t.State.rank() > crossed.State.rank() ||
			t.State.rank() == crossed.State.rank() && p.worse(t.Value, crossed.Value):
			crossed = t
		}
	}
	if crossed != nil {
		return crossed.State, crossed
	}
	return OK, next
}

// reached: at the line is over it, as in Grafana, and where higher is better
// only below it.
func (p *Panel) reached(v, line float64) bool {
	if p.Better == Higher {
		return v < line
	}
	return v >= line
}

// worse reports whether a is worse than b.
func (p *Panel) worse(a, b float64) bool {
	if p.Better == Higher {
		return a < b
	}
	return a > b
}
