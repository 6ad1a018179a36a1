package lab

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
)

func testFiles(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "lab")
	require.NoError(t, writeFiles(dir, Ready{
		Prometheus: "http://127.0.0.1:1", PagerDuty: "http://127.0.0.1:2", Slack: "http://127.0.0.1:3", Webhook: "http://127.0.0.1:6", StatusPage: "http://127.0.0.1:7", Targets: "http://127.0.0.1:4/targets",
		Services: map[string]string{"storefront": "http://127.0.0.1:5"},
	}, `o"brien: [x]`))
	return dir
}

// load reads every file of a section with the room's own loader.
func load[T any](t *testing.T, dir, section string, read func(string, []byte) (T, error)) []T {
	files, err := filepath.Glob(filepath.Join(dir, section))
	require.NoError(t, err)
	var all []T
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		v, err := read(file, src)
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

func loadExperiment(file string, src []byte) (chaos.Experiment, error) {
	return chaos.Load(file, src, fault.All())
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := testFiles(t)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, path)
		require.False(t, strings.HasSuffix(path, ".tmpl"), path)
		return nil
	}))
	src, err := os.ReadFile(filepath.Join(dir, "sitrep.yaml"))
	require.NoError(t, err)
	require.NotContains(t, string(src), labSlackToken)
	for _, key := range labRoutingKeys() {
		require.NotContains(t, string(src), key)
	}
}

func TestConfigLeadsToTheLab(t *testing.T) {
	dir := testFiles(t)
	src, err := os.ReadFile(filepath.Join(dir, "sitrep.yaml"))
	require.NoError(t, err)
	var c struct {
		Prometheus struct{ URL string }
		PagerDuty  struct {
			Events string            `yaml:"events_url"`
			API    string            `yaml:"api_url"`
			Keys   map[string]string `yaml:"routing_keys"`
		}
		Slack struct {
			API   string `yaml:"api_url"`
			Token string `yaml:"bot_token"`
		}
		Policy                               string
		Boards, Experiments, Plans, Runbooks []string
		Chaos                                struct{ Targets string }
		Contexts                             map[string]struct{ Prod bool }
	}
	require.NoError(t, yaml.Unmarshal(src, &c))
	require.Equal(t, "http://127.0.0.1:1", c.Prometheus.URL)
	require.Equal(t, "http://127.0.0.1:2", c.PagerDuty.Events)
	require.Equal(t, "http://127.0.0.1:2", c.PagerDuty.API)
	require.Equal(t, "http://127.0.0.1:3/api/", c.Slack.API)
	require.Equal(t, "http://127.0.0.1:4/targets", c.Chaos.Targets)
	require.False(t, c.Contexts["lab"].Prod)
	secrets := map[string]string{c.Slack.Token: labSlackToken}
	for name, key := range labRoutingKeys() {
		secrets[c.PagerDuty.Keys[name]] = key
	}
	for ref, want := range secrets {
		file, ok := strings.CutPrefix(ref, "file:")
		require.True(t, ok, ref)
		got, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimSpace(string(got)))
	}
	for _, patterns := range [][]string{{c.Policy}, c.Boards, c.Experiments, c.Plans, c.Runbooks} {
		require.Len(t, patterns, 1)
		found, err := filepath.Glob(filepath.Join(dir, patterns[0]))
		require.NoError(t, err)
		require.NotEmpty(t, found, patterns)
	}
}

func TestPreparedFilesLoad(t *testing.T) {
	dir := testFiles(t)
	pins := map[string]string{}
	pin := func(key, name string) {
		if key == "" {
			return
		}
		require.Empty(t, pins[key], "%s is pinned twice", key)
		pins[key] = name
	}
	experiments := load(t, dir, "experiments/*.yaml", loadExperiment)
	for _, e := range experiments {
		pin(e.Pin, e.Name)
		for _, p := range e.SteadyState {
			clean(t, p.PromQL)
		}
		for _, g := range e.Guards {
			clean(t, g.PromQL)
		}
	}
	require.GreaterOrEqual(t, len(experiments), 4)
	for _, p := range load(t, dir, "plans/*.yaml", loadtest.LoadPlan) {
		pin(p.Pin, p.Name)
		require.NoError(t, p.Check(t.Context()))
	}
	require.Equal(t, map[string]string{"F5": "payments-latency", "F6": "payments-pause", "F7": "smoke", "F8": "peak", "F9": "payments-kill"}, pins)

	boards := load(t, dir, "boards/*.yaml", query.LoadBoard)
	require.Len(t, boards, 2)
	require.Len(t, boards[0].Panels, 12)
	for _, p := range boards[1].Panels { // the one of all kinds
		for _, q := range p.Queries {
			if p.Type.Asks() {
				clean(t, q.Expr)
			}
		}
	}
	signals := 0
	for _, p := range boards[0].Panels {
		for _, q := range p.Queries {
			clean(t, q.Expr)
		}
		if p.Signal {
			signals++
			require.NotEmpty(t, p.Thresholds, p.Title)
		}
	}
	require.Equal(t, 2, signals)

	books := load(t, dir, "runbooks/*.md", runbook.Load)
	require.Len(t, books, 2)
	for _, r := range books {
		require.NotEmpty(t, r.Match, r.Name)
		for _, s := range r.Steps {
			for _, q := range s.Queries() {
				clean(t, q.Text)
			}
		}
	}

	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	src, err := os.ReadFile(filepath.Join(dir, "rules.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(src, &rules))
	require.Len(t, rules.Groups[0].Rules, 4)
	for _, r := range rules.Groups[0].Rules {
		clean(t, r.Expr)
	}
}

// clean is an expression that parses and says something.
func clean(t *testing.T, expr string) {
	require.Nil(t, query.CheckExpr(expr), expr)
	require.Empty(t, query.Lint(expr), expr)
}

func TestPolicyCountsInSeconds(t *testing.T) {
	p := load(t, testFiles(t), "policy.yaml", escalation.LoadPolicy)[0]
	require.Equal(t, []incident.Person{`o"brien: [x]`}, p.Ladders["default"][0].Who, "whatever a person is called")
	rules, usual := p.For(incident.Incident{}), escalation.Default().For(incident.Incident{})
	rungs := rules.Ladder(incident.Sev1)
	require.Len(t, rungs, 4)
	require.Equal(t, 10*time.Second, rungs[0].RespondWithin.D())
	require.Equal(t, 20*time.Second, rungs[0].EscalateAfter.D())
	for i, r := range rungs {
		d := usual.Ladder(incident.Sev1)[i]
		require.Equal(t, d.Level, r.Level)
		require.Equal(t, d.Until, r.Until)
		require.Equal(t, d.Notify, r.Notify)
		require.LessOrEqual(t, r.RespondWithin.D(), time.Minute)
	}
	for _, sev := range incident.Severities() {
		lab, usual := rules.Response(sev), usual.Response(sev)
		require.Equal(t, usual.Page, lab.Page, sev)
		require.Equal(t, usual.Reaches, lab.Reaches, sev)
		require.Equal(t, usual.Scale, lab.Scale, sev)
		require.Less(t, lab.RespondWithin.D(), usual.RespondWithin.D(), sev)
	}
	keys := labRoutingKeys()
	for _, sink := range p.Sinks() {
		if name, ok := strings.CutPrefix(sink, "pagerduty:"); ok {
			require.NotEmpty(t, keys[name], sink)
		}
	}
}
