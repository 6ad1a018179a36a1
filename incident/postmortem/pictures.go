package postmortem

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
)

// Gallery is what is drawn of an incident: charts of kept series, all with the same
// moments. The zero value draws nothing.
type Gallery struct {
	Charts []Shown
	Marks  []Mark
	Rug    []time.Time // every event that is listed
	Note   string      // what could not be drawn, for people; may be empty
}

// Shown is a chart and where its numbers come from. The moments are not in the chart
// yet.
type Shown struct {
	Chart   plot.Chart
	Queries []string
	Source  string // who answered
	Kept    string // at which moment they were kept
}

// Mark is an event with a number above the charts.
type Mark struct {
	Number int
	At     time.Time
	Text   string // without markup
}

// mostMarks is how many events have a number: more cannot be told apart.
const mostMarks = 60

const chartsName = "Charts"

// ofSignals says whether the charts stand behind a section: every template has one of
// that name in the chapter that suits it.
func ofSignals(key string) bool { return key == "signals" || strings.HasSuffix(key, ".signals") }

// telling is how much a kind of event tells somebody who looks at a chart, 1 the most;
// 0 is not numbered, however few there are.
func telling(k incident.Kind) int {
	switch k {
	case incident.Declared, incident.Acknowledged, incident.SeverityChanged, incident.Mitigated, incident.Resolved, incident.Reopened,
		incident.ActionTaken, incident.ChangeRecorded, incident.ChaosInjected, incident.ChaosUndone, incident.ChaosGuardTripped:
		return 1
	case incident.AlertFired, incident.AlertResolved, incident.StatusChanged, incident.EscalationEntered, incident.Unacknowledged,
		incident.LoadStarted, incident.LoadFinished, incident.LoadAborted, incident.BurnBegan, incident.BurnEnded, "metric.left_band", "metric.returned":
		return 2
	case incident.NoteAdded:
		return 3
	}
	return 0
}

// Marks are the moments for charts of inc: every event that is listed is one of the
// rug, and those that tell the most have numbers, in the order of their times. Events
// are those that Draft takes; what people had told otherwise is told so here.
func Marks(inc incident.Incident, events []incident.Event, now time.Time) (marks []Mark, rug []time.Time) {
	f := gather(inc, events, now)
	var told []Row
	for _, r := range f.rows() {
		if r.Hidden {
			continue
		}
		rug = append(rug, r.At)
		if telling(r.kind) > 0 {
			told = append(told, r)
		}
	}
	slices.SortStableFunc(told, func(a, b Row) int { return cmp.Compare(telling(a.kind), telling(b.kind)) })
	told = told[:min(len(told), mostMarks)]
	slices.SortStableFunc(told, func(a, b Row) int { return a.At.Compare(b.At) })
	for i, r := range told {
		marks = append(marks, Mark{i + 1, r.At, happened(r.kind) + ": " + r.Text})
	}
	return marks, rug
}

// chart is the chart with its moments.
func (g Gallery) chart(i int) plot.Chart {
	c := g.Charts[i].Chart
	c.Zone, c.Rug = "UTC", g.Rug
	for _, m := range g.Marks {
		c.Flags = append(c.Flags, plot.Flag{At: m.At, Number: m.Number, Title: fmt.Sprintf("%d: %s %s", m.Number, clock(m.At), m.Text)})
	}
	return c
}

// SVG is chart i as a file of its own.
func (g Gallery) SVG(i int) []byte { return plot.SVG(g.chart(i), g.alt(i), true) }

// PNG is chart i as pixels, for readers that show no SVG.
func (g Gallery) PNG(i int) ([]byte, error) { return plot.PNG([]plot.Chart{g.chart(i)}) }

// Name is that of chart i as a file, without the ending.
func (g Gallery) Name(i int) string {
	name := slug(g.Charts[i].Chart.Title)
	return fmt.Sprintf("%02d-%s", i+1, strings.TrimRight(name[:min(len(name), 40)], "-"))
}

// alt says what is to be seen, for those who do not see it.
func (g Gallery) alt(i int) string {
	c := &g.Charts[i].Chart
	format := c.Format
	if format == nil {
		format = plot.SI
	}
	text := plain(c.Title) + ", " + window(c)
	lo, hi, ok := plot.Range(slices.Concat(c.Series...))
	if !ok {
		return text + ": no data"
	}
	text += fmt.Sprintf(": between %s and %s", format(lo), format(hi))
	for _, l := range c.Limits {
		text += ", threshold " + format(l)
	}
	return text
}

// window is from when to when a chart is, and its step.
func window(c *plot.Chart) string {
	n := 0
	for _, s := range c.Series {
		n = max(n, len(s))
	}
	end := c.Start.Add(time.Duration(max(0, n-1)) * c.Step)
	until := clock(end)
	if end.UTC().Format(time.DateOnly) != c.Start.UTC().Format(time.DateOnly) {
		until = end.UTC().Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("%s to %s UTC, step %s", c.Start.UTC().Format("2006-01-02 15:04:05"), until, span(c.Step))
}

// caption is where the numbers of a chart come from.
func (s Shown) caption() string {
	text := fmt.Sprintf("%s: %s", plain(s.Chart.Title), window(&s.Chart))
	if s.Source != "" {
		text += ", from " + plain(s.Source)
	}
	if s.Kept != "" {
		text += ", kept when it was " + plain(s.Kept)
	}
	return text + "."
}

// about says how the charts are to be read.
func (g Gallery) about() string {
	text := "Times are UTC. A broken line across is a threshold; a gap is no data."
	if len(g.Marks) > 0 {
		text += fmt.Sprintf(" The numbers above are %s, explained below; every listed event is a short line on the axis.", count(len(g.Marks), "event"))
	}
	if g.Note != "" {
		text += " " + plain(g.Note)
	}
	return text
}

// Markdown is the post-mortem with the charts as pictures in a folder beside it, in
// files that end in ext.
func (g Gallery) Markdown(s Stored, folder, ext string) string {
	if len(g.Charts) == 0 {
		return s.Markdown()
	}
	level := "##"
	at := slices.IndexFunc(s.Sections, func(k Kept) bool { return ofSignals(k.Key) && k.Text() != "" })
	if at >= 0 {
		level = "###"
	} else {
		at = len(s.Sections) - 1
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n", level, chartsName, escape(g.about()))
	for i, c := range g.Charts {
		fmt.Fprintf(&b, "\n![%s](%s/%s.%s)\n\n%s", escape(g.alt(i)), linkPath(folder), g.Name(i), ext, escape(c.caption()))
		for _, q := range c.Queries {
			b.WriteString(" " + code(q))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, m := range g.Marks {
		fmt.Fprintf(&b, "%d. %s %s\n", m.Number, clock(m.At), escape(m.Text))
	}
	with := s
	with.Sections = slices.Insert(slices.Clone(s.Sections), at+1, Kept{Key: "_charts", Generated: strings.TrimRight(b.String(), "\n")})
	return with.Markdown()
}

// linkPath is the name of a folder within a link.
func linkPath(folder string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "(", "%28", ")", "%29", "<", "%3C", ">", "%3E", `\`, "%5C").Replace(folder)
}

// pageCharts is what page.html draws of a Gallery.
type pageCharts struct {
	About  string
	Charts []pageChart
	Marks  []pageMark
}

type pageChart struct {
	SVG     template.HTML
	Caption string
	Queries []string
}

type pageMark struct {
	Number     int
	When, Text string
}

func (g Gallery) page() *pageCharts {
	p := &pageCharts{About: g.about()}
	for i, c := range g.Charts {
		one := pageChart{SVG: template.HTML(plot.SVG(g.chart(i), g.alt(i), false)), Caption: c.caption()} // plot escapes
		for _, q := range c.Queries {
			one.Queries = append(one.Queries, plain(q))
		}
		p.Charts = append(p.Charts, one)
	}
	for _, m := range g.Marks {
		p.Marks = append(p.Marks, pageMark{m.Number, clock(m.At), plain(m.Text)})
	}
	return p
}
