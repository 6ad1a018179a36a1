package grafana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/grafana"
)

// scrape is how often the server looks at the exporter, and how many samples a test
// waits for.
const (
	scrape  = time.Second
	samples = 12
)

// TestNodeExporterBoards holds what panels show of this host against what the server
// says to the dashboard's own expressions, as Grafana would send them. The small
// dashboard is ours; SITREP_CORPUS adds Node Exporter Full, all of its rows open.
func TestNodeExporterBoards(t *testing.T) {
	url, node := startNode(t)
	files := []string{"testdata/node.json"}
	if dir := os.Getenv("SITREP_CORPUS"); dir != "" {
		files = append(files, filepath.Join(dir, "dashboards", "node-exporter-full.json"))
	}
	client, err := query.NewClient(query.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	conn, err := api.NewClient(api.Config{Address: url})
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			results, err := grafana.Import(file, src, "")
			require.NoError(t, err)
			board := results[0].Board
			for i := range board.Rows {
				board.Rows[i].Collapsed = false
			}
			end := time.Now().Add(-2 * scrape) // what is older does not change any more
			snap := query.Look(t.Context(), client, &board, query.Past{Span: 5 * time.Minute, Columns: 300, End: end, Sources: query.Sources{"": client}}, time.Now())
			for i, o := range snap.Offers {
				require.NoError(t, o.Err, snap.Board.Variables[i].Name)
			}
			g := asGrafana{t: t, api: promv1.NewAPI(conn), end: end, variables: strings.NewReplacer("$node", node, "$job", "node", "${node}", node, "${job}", "node")}
			panels := g.panels(src)
			require.Len(t, snap.Board.Panels, len(panels))
			for i := range panels {
				g.holds(&panels[i], &snap.Board.Panels[i], &snap.Panels[i])
			}
			require.Greater(t, g.agreed, 2*len(g.bare), "most of it is there")
			t.Logf("%d panels, %d values agree; without any on this host, here and there: %s", g.agreed, g.values, strings.Join(g.bare, ", "))
		})
	}
}

// shown is a panel of a dashboard as this test reads it.
type shown struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Targets []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Instant      bool   `json:"instant"`
		Range        bool   `json:"range"`
		Hide         bool   `json:"hide"`
	} `json:"targets"`
	Options struct {
		Legend struct {
			Calcs []string `json:"calcs"`
		} `json:"legend"`
		ReduceOptions struct {
			Calcs []string `json:"calcs"`
		} `json:"reduceOptions"`
	} `json:"options"`
	FieldConfig struct {
		Overrides []struct {
			Matcher struct {
				ID      string `json:"id"`
				Options any    `json:"options"`
			} `json:"matcher"`
			Properties []struct {
				ID    string `json:"id"`
				Value any    `json:"value"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
	Panels []shown `json:"panels"`
}

// renamed is what the dashboard calls a series with that legend.
func (p *shown) renamed(legend string) string {
	name := legend
	for _, o := range p.FieldConfig.Overrides {
		for _, prop := range o.Properties {
			if prop.ID == "displayName" && o.Matcher.ID == "byName" && o.Matcher.Options == legend {
				name = fmt.Sprint(prop.Value)
			}
		}
	}
	return name
}

// asGrafana asks what Grafana would, with client_golang, and sums up by itself.
type asGrafana struct {
	t         *testing.T
	api       promv1.API
	end       time.Time
	variables *strings.Replacer
	agreed    int
	values    int
	bare      []string // panels without any value, there as here
}

// panels are those of the dashboard with its rows opened, in their order.
func (g *asGrafana) panels(src []byte) (out []shown) {
	var whole shown
	require.NoError(g.t, json.Unmarshal(src, &whole))
	for _, p := range whole.Panels {
		if p.Type != "row" {
			out = append(out, p)
		}
		out = append(out, p.Panels...)
	}
	return out
}

// series is what is known of one: its legend, and its values without holes.
type series struct {
	legend string
	values []float64
}

// ask is the answers to the panel's queries on the grid that the panel has.
func (g *asGrafana) ask(p *shown, grid query.Grid) (out []series) {
	interval := max(grid.Step+scrape, 4*scrape)
	for _, q := range p.Targets {
		if q.Hide {
			continue
		}
		expr := strings.NewReplacer("$__rate_interval", interval.String(), "$__interval", grid.Step.String()).Replace(g.variables.Replace(q.Expr))
		if q.Instant && !q.Range {
			got, _, _, err := g.api.Query(g.t.Context(), expr, g.end)
			require.NoError(g.t, err, expr)
			vector, ok := got.(model.Vector)
			require.True(g.t, ok, expr)
			for _, s := range vector {
				out = append(out, series{p.renamed(legend(q.LegendFormat, s.Metric)), []float64{float64(s.Value)}})
			}
			continue
		}
		got, _, _, err := g.api.QueryRange(g.t.Context(), expr, promv1.Range{Start: grid.Start, End: grid.End(), Step: grid.Step})
		require.NoError(g.t, err, expr)
		matrix, ok := got.(model.Matrix)
		require.True(g.t, ok, expr)
		for _, s := range matrix {
			one := series{legend: p.renamed(legend(q.LegendFormat, s.Metric))}
			for _, v := range s.Values {
				one.values = append(one.values, float64(v.Value))
			}
			out = append(out, one)
		}
	}
	return out
}

var label = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func legend(format string, m model.Metric) string {
	if format == "" || format == "__auto" {
		return ""
	}
	return label.ReplaceAllStringFunc(strings.Join(strings.Fields(format), " "), func(is string) string {
		return string(m[model.LabelName(strings.Trim(is, "{} "))])
	})
}

// sum is a calculation of Grafana's over what is a number.
func sum(calc string, values []float64) float64 {
	lo, hi, total, last, n := math.Inf(1), math.Inf(-1), 0.0, math.NaN(), 0.0
	for _, v := range values {
		if v == v {
			lo, hi, total, last, n = min(lo, v), max(hi, v), total+v, v, n+1
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return map[string]float64{"min": lo, "max": hi, "mean": total / n, "lastNotNull": last, "last": last, "": last}[calc]
}

// holds compares a panel with what Grafana would show: all calculations of its
// legend, or the one of its figures, of every series.
func (g *asGrafana) holds(p *shown, panel *query.Panel, data *query.PanelData) {
	t := g.t
	require.Equal(t, strings.Join(strings.Fields(p.Title), " "), panel.Title)
	require.NoError(t, data.Err, p.Title)
	want := g.ask(p, data.Frame.Grid)
	if len(want) == 0 {
		require.Empty(t, data.Frame.Series, p.Title)
		g.bare = append(g.bare, p.Title)
		return
	}
	shape := panel.Shape(&data.Frame)
	require.NoError(t, shape.Err, p.Title)
	calcs := slices.Concat(p.Options.Legend.Calcs, p.Options.ReduceOptions.Calcs)
	if len(calcs) == 0 {
		calcs = []string{"last"}
	}
	var theirs, ours []string
	for _, one := range want {
		theirs = append(theirs, g.words(one.legend, calcs, func(calc string) float64 { return sum(calc, one.values) }))
	}
	switch {
	case panel.Type == query.Table:
		ours = g.cells(&shape.Sheet)
	case panel.Type == query.TimeSeries:
		reducers := panel.Legend.Calc
		if len(reducers) == 0 {
			reducers = []query.Reducer{query.ReduceLast}
		}
		require.Len(t, reducers, len(calcs), p.Title)
		for _, line := range shape.Lines {
			ours = append(ours, g.words(g.named(p, line.Legend), calcs, func(calc string) float64 { return reducers[slices.Index(calcs, calc)].Of(line.Values) }))
		}
	default:
		for _, one := range panel.Singles(&shape) {
			ours = append(ours, g.words(g.named(p, one.Name), calcs[:1], func(string) float64 { return one.Value }))
		}
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	require.Equal(t, theirs, ours, "%s (theirs, ours)", p.Title)
	g.agreed++
}

// named is a legend where the dashboard says what it is.
func (g *asGrafana) named(p *shown, name string) string {
	for _, q := range p.Targets {
		if q.LegendFormat != "" && q.LegendFormat != "__auto" {
			return name
		}
	}
	return ""
}

// words is a series in a line, to twelve digits: sums differ by their order.
func (g *asGrafana) words(name string, calcs []string, of func(calc string) float64) string {
	text := name
	for _, calc := range calcs {
		text += fmt.Sprintf(" %s %.12g", calc, of(calc))
		g.values++
	}
	return text
}

// cells are the numbers of a table.
func (g *asGrafana) cells(sheet *query.Sheet) (out []string) {
	for _, c := range sheet.Columns {
		for _, v := range c.Numbers {
			if c.Kind == query.NumberKind {
				out = append(out, g.words("", []string{"last"}, func(string) float64 { return v }))
			}
		}
	}
	return out
}

// startNode runs an exporter of this host and a server that scrapes it, and returns
// when there are samples enough for every rate.
func startNode(t *testing.T) (url, node string) {
	t.Helper()
	node = run(t, "prometheus-node-exporter", "--web.listen-address=127.0.0.1:0", "--collector.processes", "--collector.tcpstat", "--collector.interrupts")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "global: {scrape_interval: %s, scrape_timeout: %s}\nscrape_configs: [{job_name: node, static_configs: [{targets: [%q]}]}]\n", scrape, scrape, node), 0o600))
	url = "http://" + run(t, "prometheus", "--config.file="+config, "--web.listen-address=127.0.0.1:0", "--storage.tsdb.path="+filepath.Join(dir, "data"))
	conn, err := api.NewClient(api.Config{Address: url})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		got, _, _, err := promv1.NewAPI(conn).Query(t.Context(), `count_over_time(node_load1[5m])`, time.Now())
		vector, ok := got.(model.Vector)
		return err == nil && ok && len(vector) == 1 && vector[0].Value >= samples
	}, time.Minute, 200*time.Millisecond, "prometheus does not scrape the exporter")
	return url, node
}

var listens = regexp.MustCompile(`address=(127\.0\.0\.1:[1-9][0-9]*)`)

// run starts a server and returns where it listens; it is ended with the test.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath(name)
	require.NoError(t, err, "the tests need %s, which is missing: run make setup", name)
	out := &written{}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // it was interrupted
	})
	var at []byte
	require.Eventually(t, func() bool {
		found := listens.FindSubmatch(out.bytes())
		if found != nil {
			at = found[1]
		}
		return found != nil
	}, 30*time.Second, 20*time.Millisecond, "%s does not listen: %s", name, out.bytes())
	return string(at)
}

// written is what a process has written so far.
type written struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(p)
}

func (w *written) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.all.Bytes())
}
