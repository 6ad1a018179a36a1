package grafana

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

func all(t *testing.T) (map[string]query.Panel, Result) {
	t.Helper()
	r := one(t, everything(t))
	panels := map[string]query.Panel{}
	for _, p := range r.Board.Panels {
		panels[p.Title] = p
	}
	return panels, r
}

func TestTheDashboardAsAWhole(t *testing.T) {
	_, r := all(t)
	b := r.Board
	require.Equal(t, "Everything", b.Title)
	require.Equal(t, "of all kinds", b.Description)
	require.Equal(t, 6*time.Hour, b.Range)
	require.Equal(t, 30*time.Second, b.Refresh)
	require.Equal(t, "$datasource", b.Source)
	require.Equal(t, []query.Link{{Title: "Runbook", URL: "https://wiki.example.com/x?q=$job"}}, b.Links)
	require.Equal(t, []query.Row{
		{Title: "Tables of $env", Collapsed: true, Repeat: "env", From: 5, To: 17}, {Title: "Old", From: 17, To: 20},
	}, b.Rows)
	require.Equal(t, []query.Variable{
		{Name: "datasource", Type: query.SourceVariable, Regex: "^prod"},
		{Name: "job", Label: "Job", Type: query.QueryVariable, Query: "label_values(up, job)", Multi: true, All: true, AllValue: ".*", Regex: "(?i)(.*)-svc", Sort: query.SortAlpha, Value: []string{"$__all"}},
		{Name: "env", Type: query.CustomVariable, Options: []query.Option{{Text: "Production", Value: "prod"}, {Value: "staging"}, {Value: "a,b"}}, Value: []string{"prod"}},
		{Name: "window", Type: query.IntervalVariable, Options: []query.Option{{Value: "1m"}, {Value: "5m"}, {Value: "1h"}}, Auto: 30, AutoMin: 10e9, Value: []string{"$__auto"}},
		{Name: "limit", Type: query.ConstantVariable, Value: []string{"5"}, Hide: true},
		{Name: "words", Type: query.TextVariable, Value: []string{"a"}, Hide: true},
	}, b.Variables)
	require.Equal(t, []string{
		`the annotation "Deploys": marks on charts are what is on the timeline`, "the link to all dashboards tagged a",
		"the resolution of 1 queries (intervalFactor): the step follows from the width of the screen", "exemplars of 1 queries are not drawn",
	}, r.Report.Notes)
	require.Equal(t, VariableReport{Name: "filters", Type: "adhoc", Note: "filters that a person adds to every query"}, r.Report.Variables[6])
}

func TestAChartOfToday(t *testing.T) {
	panels, r := all(t)
	p := panels["Requests"]
	require.Equal(t, []query.Query{
		{Expr: `rate(requests_total{job=~"$job"}[$__rate_interval])`, Legend: "{{job}}", MinStep: "$window"}, {Expr: "rate(sent_total[5m])", Hidden: true},
	}, p.Queries)
	require.Equal(t, []query.Threshold{{Value: 80, State: query.Crit}}, p.Thresholds, "a line shows them")
	require.Equal(t, "{{job}}", p.Name)
	require.Equal(t, query.Area, p.Draw)
	require.Equal(t, query.StackNormal, p.Stack)
	require.Equal(t, query.Connect, p.Nulls)
	require.Equal(t, 10, p.Log)
	require.Equal(t, query.Legend{Calc: []query.Reducer{query.ReduceMean, query.ReduceMax}, Sort: query.ReduceMax}, p.Legend)
	require.Equal(t, 2*time.Hour, p.LastSpan.D())
	require.Equal(t, 24*time.Hour, p.Shift.D())
	require.Equal(t, "1m", p.MinStep)
	require.Equal(t, "job", p.Repeat)
	two := 2
	require.Equal(t, []query.Override{
		{Match: query.Match{Regex: "out$"}, Set: query.Field{Unit: "Bps", Negative: true, Right: true}},
		{Match: query.Match{Except: []string{"a"}}, Set: query.Field{Hidden: true}},
		{Match: query.Match{Value: &query.Compare{Reduce: query.ReduceMax, Op: ">=", Value: 3}}, Set: query.Field{Draw: query.StepLine}},
		{Match: query.Match{Ref: "B"}, Set: query.Field{Thresholds: []query.Threshold{{Value: 3, State: query.Warn}}}},
		{Match: query.Match{Type: "number"}, Set: query.Field{Decimals: &two, Stack: query.StackNone}},
	}, p.Overrides)
	require.Equal(t, Simplified, r.Report.Panels[0].Outcome)
	require.Equal(t, QueryReport{Ref: "C", Text: `{app="x"} |= "error"`, Why: "it is LogQL"}, r.Report.Panels[0].Queries[2])
	require.Contains(t, r.Report.Panels[0].Notes, "query C: it is LogQL")
}

func TestNumbersAndTables(t *testing.T) {
	panels, r := all(t)
	up := panels["Up"]
	require.Equal(t, query.Higher, up.Better, "red below, green above")
	require.Equal(t, []query.Threshold{{Value: 90, State: query.Crit}, {Value: 95, State: query.Warn}}, up.Thresholds)
	require.True(t, up.Percent && !up.Spark && up.Queries[0].Instant)
	require.Equal(t, query.ShowBoth, up.Show)
	require.Equal(t, query.ReduceMean, up.Reduce)
	one, two, three := 1.0, 2.0, 3.0
	require.Equal(t, []query.Mapping{
		{Value: "1", Text: "up"},
		{Value: "0", Text: "down", State: query.Crit},
		{From: &two, To: &three, Text: "odd"},
		{Regex: "a.*", Text: "b"},
		{Special: query.SpecialNullAndNaN, Text: "none", State: query.Warn},
		{Special: query.SpecialNull, Text: "old"},
		{From: &one, To: &two, Text: "range"},
	}, up.Mappings)
	require.Equal(t, query.ShowName, panels["Version"].Show)
	require.Equal(t, "{{version}}", panels["Version"].Name)
	require.True(t, panels["Bars"].Every)
	disks := panels["Disks"]
	require.Equal(t, &query.Place{X: 20, W: 4, H: 9}, disks.Place, "from the top of its row, within the page")
	require.Len(t, disks.Transforms, 18, "includeByName is a step of its own, and prepareTimeSeries is none")
	require.Equal(t, &query.Where{Any: true, If: []query.Condition{{Column: "a", Op: ">", Value: 3}, {Column: "b", Text: "x"}, {Column: "b", Regex: "^(?:x)$"}}}, disks.Transforms[13].Where)
	require.Equal(t, query.CellBackground, disks.Overrides[0].Set.Cell)
	require.Equal(t, "A\nb & c", panels["Words"].Markdown)
	require.Equal(t, "s", panels["Heat"].Unit)
	require.Equal(t, "up", panels["Shared"].Queries[0].Expr)
	var lost, elsewhere PanelReport
	for _, p := range r.Report.Panels {
		switch p.Title {
		case "Graph":
			lost = p
		case "Elsewhere":
			elsewhere = p
		}
	}
	require.Equal(t, []string{`there is no panel of the type "nodeGraph"`}, lost.Notes)
	require.Equal(t, []query.Query{{Expr: "up"}, {Expr: "select 1"}}, panels["Graph"].Queries)
	require.Equal(t, query.PanelType(""), elsewhere.As)
	require.Contains(t, elsewhere.Notes[0], `the library panel "Elsewhere" is not in the file`)
}

func TestPanelsOfOldGrafanas(t *testing.T) {
	panels, r := all(t)
	g := panels["Old graph"]
	require.Equal(t, &query.Place{W: 12, H: 8}, g.Place)
	require.Equal(t, query.Area, g.Draw)
	require.Equal(t, query.StackPercent, g.Stack)
	require.Equal(t, query.Zero, g.Nulls)
	require.Equal(t, "Bps", g.Unit)
	require.Equal(t, 10.0, *g.Max)
	require.Equal(t, 2, g.Log)
	require.Equal(t, []query.Threshold{{Value: 2, State: query.Warn}, {Value: 3, State: query.Crit}}, g.Thresholds)
	require.Equal(t, query.Legend{Calc: []query.Reducer{query.ReduceLast, query.ReduceMean}, Sort: query.ReduceMean}, g.Legend)
	require.Equal(t, query.Override{
		Match: query.Match{Regex: "^out"}, Set: query.Field{Unit: "s", Negative: true, Right: true, Stack: query.StackNone, Nulls: query.Connect, Draw: query.Line},
	}, g.Overrides[0])
	require.Contains(t, r.Report.Panels[len(r.Report.Panels)-3].Notes, `its alert rule "Rule": rules are Prometheus' here`)

	s := panels["Old stat"]
	require.Equal(t, query.Gauge, s.Type)
	require.Equal(t, 100.0, *s.Max)
	require.Equal(t, []query.Threshold{{Value: 70, State: query.Warn}, {Value: 90, State: query.Crit}}, s.Thresholds)
	require.Equal(t, []query.Mapping{{Special: query.SpecialNull, Text: "N/A"}}, s.Mappings)
	require.Equal(t, query.Reducer(""), s.Reduce, "current is the last")

	tab := panels["Old table"]
	require.Equal(t, query.Match{Except: []string{"Value"}}, tab.Overrides[0].Match, "hides all but what was named before")
	require.True(t, tab.Overrides[0].Set.Hidden)
	require.Equal(t, "Used", tab.Overrides[1].Set.Name)
	require.Equal(t, query.CellBackground, tab.Overrides[1].Set.Cell)
	require.Len(t, tab.Overrides[1].Set.Mappings, 2)
}

// Grafana's default of green and red from 80 is in most charts and shown in none.
func TestThresholdsThatNobodySeesAreNotCarried(t *testing.T) {
	const field = `"fieldConfig": {"defaults": {"thresholds": {"steps": [{"color": "green", "value": null}, {"color": "red", "value": 80}]}}}`
	for kind, want := range map[string]int{"timeseries": 0, "piechart": 0, "table": 0, "stat": 1, "gauge": 1, "bargauge": 1} {
		r := one(t, `{"panels": [{"type": "`+kind+`", "title": "a", "targets": [{"expr": "up"}], `+field+`}]}`)
		require.Len(t, r.Board.Panels[0].Thresholds, want, kind)
	}
}

func TestColoursAsStates(t *testing.T) {
	for colour, want := range map[string]query.State{
		"green": query.OK, "dark-red": query.Crit, "semi-dark-orange": query.Warn, "#EAB839": query.Warn, "#F2495C": query.Crit, "#d44a3a": query.Crit,
		"rgba(237, 129, 40, 0.89)": query.Warn, "rgb(50,172,45)": query.OK, "#299c46": query.OK, "#5794F2": query.OK, "purple": "", "#808080": "", "": "", "#zz": "", "#f00": query.Crit,
	} {
		got, ok := stateOf(colour)
		require.Equal(t, want, got, colour)
		require.Equal(t, want != "", ok, colour)
	}
}
