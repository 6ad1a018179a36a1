package grafana

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// plainPanel is as much of a panel as a minimal reader of today's schema needs. It
// shares no code with the import.
type plainPanel struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Targets []struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Hide         bool   `json:"hide"`
		Instant      bool   `json:"instant"`
		Range        *bool  `json:"range"`
		Format       string `json:"format"`
	} `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit       string   `json:"unit"`
			Min        *float64 `json:"min"`
			Max        *float64 `json:"max"`
			Decimals   *int     `json:"decimals"`
			Thresholds struct {
				Mode  string `json:"mode"`
				Steps []struct {
					Color string   `json:"color"`
					Value *float64 `json:"value"`
				} `json:"steps"`
			} `json:"thresholds"`
			Custom struct {
				Stacking struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
		Overrides []struct {
			Properties []struct {
				ID    string `json:"id"`
				Value any    `json:"value"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
	Panels []plainPanel `json:"panels"`
}

// Dashboards that people have: everything is carried over or named, boards can be
// written and read, queries parse, and nothing is other than it was.
func TestPublicDashboards(t *testing.T) {
	files := []string{"testdata/everything.json"}
	if dir := os.Getenv("SITREP_CORPUS"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "dashboards", "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, more)
		files = append(files, more...)
	}
	all := Totals{}
	named := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		results, err := Import(file, src, "")
		require.NoError(t, err)
		require.Len(t, results, 1)
		r := results[0]
		survives(t, src)
		if file != files[0] {
			all.Panels += r.Report.Totals.Panels
			all.Drawn += r.Report.Totals.Drawn + r.Report.Totals.Simplified
			all.Queries += r.Report.Totals.Queries
			all.Carried += r.Report.Totals.Carried
		}
		for _, p := range r.Report.Panels {
			require.True(t, p.Outcome == Drawn || len(p.Notes) > 0, "%s: %s has no reason", file, p.Title)
			for _, q := range p.Queries {
				require.True(t, q.Carried || q.Why != "", "%s: a query of %s has no reason", file, p.Title)
				if q.Why != "" {
					named++
				}
			}
		}
		parses(t, file, &r)
		same(t, file, src, &r)
	}
	if len(files) > 1 {
		require.GreaterOrEqual(t, float64(all.Drawn)/float64(all.Panels), 0.99)
		require.GreaterOrEqual(t, float64(all.Carried)/float64(all.Queries), 0.995)
		t.Logf("%d of %d panels on the screen, %d of %d queries carried, %d named", all.Drawn, all.Panels, all.Carried, all.Queries, named)
	}
}

// parses: every expression is PromQL when its variables have their first values, or
// the report says that it is not.
func parses(t *testing.T, file string, r *Result) {
	choices := r.Board.Assumed()
	doubtful := map[string]bool{}
	for _, p := range r.Report.Panels {
		for _, q := range p.Queries {
			doubtful[strings.TrimSpace(q.Text)] = doubtful[strings.TrimSpace(q.Text)] || q.Why != ""
		}
	}
	for _, p := range r.Board.Panels {
		for _, q := range p.Queries {
			if p.Type == query.NotDrawn || doubtful[q.Expr] {
				continue
			}
			filled := choices.Fill(q.Expr)
			require.Nil(t, query.CheckExpr(filled), "%s: %s: %s", file, p.Title, filled)
		}
	}
}

// same holds boards against the plain reader, panel by panel.
func same(t *testing.T, file string, src []byte, r *Result) {
	var whole struct {
		Panels []plainPanel `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(src, &whole))
	var plain []plainPanel
	for _, p := range whole.Panels {
		plain = append(append(plain, p), p.Panels...)
	}
	boards := map[string][]query.Panel{}
	for _, p := range r.Board.Panels {
		boards[p.Title] = append(boards[p.Title], p)
	}
	kinds := map[string]query.PanelType{
		"timeseries": query.TimeSeries, "stat": query.Stat, "gauge": query.Gauge, "bargauge": query.BarGauge, "table": query.Table,
		"state-timeline": query.StateTimeline,
	}
	for _, p := range plain {
		kind, known := kinds[p.Type]
		title := strings.Join(strings.Fields(p.Title), " ")
		if !known || title == "" || len(boards[title]) != 1 || len(p.Targets) > 0 && p.Targets[0].Expr == "" {
			continue // old forms are held by tests of their own
		}
		got, of := boards[title][0], file+": "+title
		if got.Type == query.NotDrawn {
			continue // named, with the reason
		}
		require.Equal(t, kind, got.Type, of)
		sameQueries(t, of, p, got)
		d := p.FieldConfig.Defaults
		require.Equal(t, d.Unit, got.Unit, of)
		require.Equal(t, d.Decimals, got.Decimals, of)
		if d.Min == nil || d.Max == nil || *d.Min < *d.Max {
			require.Equal(t, d.Min, got.Min, of)
			require.Equal(t, d.Max, got.Max, of)
		}
		require.Equal(t, strings.TrimPrefix(d.Custom.Stacking.Mode, "none"), string(got.Stack), of)
		sameThresholds(t, of, p, got)
		sameOverrides(t, of, p, got)
	}
}

func sameQueries(t *testing.T, of string, p plainPanel, got query.Panel) {
	at := 0
	for _, want := range p.Targets {
		if strings.TrimSpace(want.Expr) == "" || strings.Contains(want.Expr, "|=") {
			continue
		}
		q := got.Queries[at]
		require.Equal(t, strings.TrimSpace(strings.ReplaceAll(want.Expr, "\r\n", "\n")), q.Expr, of)
		require.Equal(t, strings.Join(strings.Fields(want.LegendFormat), " "), q.Legend, of)
		require.Equal(t, want.Hide, q.Hidden, of)
		require.Equal(t, want.Instant && (want.Range == nil || !*want.Range), q.Instant, of)
		require.Equal(t, want.Format == "table", q.Format == query.AsTable, of)
		if want.RefID != "" {
			require.Equal(t, want.RefID, got.Ref(at), of)
		}
		at++
	}
	require.Len(t, got.Queries, at, of)
}

var reds, yellows = regexp.MustCompile(`(?i)red|245, ?54`), regexp.MustCompile(`(?i)yellow|orange|EAB839|237, ?129`)

// sameThresholds: a value just above each step is in the state of its colour.
func sameThresholds(t *testing.T, of string, p plainPanel, got query.Panel) {
	if got.Thresholds == nil {
		return // not shown in Grafana either, of one colour, or named
	}
	steps := p.FieldConfig.Defaults.Thresholds.Steps
	require.Equal(t, p.FieldConfig.Defaults.Thresholds.Mode == "percentage", got.Percent, of)
	for i, s := range steps {
		v := -1e300
		if s.Value != nil && i > 0 {
			v = *s.Value
		}
		want := query.OK
		switch {
		case reds.MatchString(s.Color):
			want = query.Crit
		case yellows.MatchString(s.Color):
			want = query.Warn
		}
		state, _ := got.JudgeBy(&got.Field, v) // where thresholds are percentages, v is one
		require.Equal(t, want, state, "%s: at %v", of, v)
	}
}

// sameOverrides: of the properties that change a picture none is lost.
func sameOverrides(t *testing.T, of string, p plainPanel, got query.Panel) {
	want, have := map[string]int{}, map[string]int{}
	for _, o := range p.FieldConfig.Overrides {
		for _, prop := range o.Properties {
			switch {
			case prop.ID == "custom.transform" && prop.Value == "negative-Y", prop.ID == "custom.axisPlacement" && prop.Value == "right",
				prop.ID == "unit" && prop.Value != "":
				want[prop.ID]++
			}
		}
	}
	for _, o := range got.Overrides {
		for id, is := range map[string]bool{"custom.transform": o.Set.Negative, "custom.axisPlacement": o.Set.Right, "unit": o.Set.Unit != ""} {
			if is {
				have[id]++
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		require.Equal(t, want[id], have[id], "%s: %s", of, id)
	}
}
