package embedded_test

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

const someFile = `
global: {scrape_interval: 10s, evaluation_interval: 20s, external_labels: {region: eu}, query_log_file: x}
rule_files: [rules/*.yml]
remote_write: [{url: "http://x"}]
scrape_configs:
- &base
  job_name: shop
  scrape_interval: 5s
  scheme: https
  metrics_path: /m
  params: {mod: [a, b]}
  honor_labels: true
  sample_limit: 100
  body_size_limit: 2MB
  basic_auth: {username: u, password: <secret>}
  static_configs: [{targets: ["a:1", "b:2"], labels: {env: lab}}]
  relabel_configs:
  - {source_labels: [__address__], regex: "b:.*", action: drop}
  - {source_labels: [env], target_label: __param_mod, replacement: "x-$1"}
  - {target_label: __scrape_timeout__, replacement: 2s}
  kubernetes_sd_configs: [{role: pod}]
  label_limit: 5
- <<: *base
  job_name: merged
  relabel_configs: []
`

func TestAPrometheusFileIsCarriedOver(t *testing.T) {
	f, err := embedded.ReadFile("p.yml", "/etc/prometheus", []byte(someFile))
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, f.Interval)
	require.Equal(t, []string{"/etc/prometheus/rules/*.yml"}, f.RuleFiles)
	require.Len(t, f.Jobs, 2)
	j := f.Jobs[0]
	require.Equal(t, int64(2<<20), j.Options.MaxBody)
	require.Equal(t, "basic_auth.password", j.Auth.Needs())
	targets, errs := j.Targets(j.Static)
	require.Empty(t, errs)
	require.Len(t, targets, 1, "the other is dropped")
	require.Equal(t, "https://a:1/m?mod=x-lab&mod=b", targets[0].URL)
	require.Equal(t, map[string]string{"env": "lab", "instance": "a:1", "job": "shop"}, targets[0].Labels)
	require.Equal(t, 5*time.Second, targets[0].Options.Interval)
	require.Equal(t, 2*time.Second, targets[0].Options.Timeout)
	merged, errs := f.Jobs[1].Targets(f.Jobs[1].Static)
	require.Empty(t, errs)
	require.Len(t, merged, 2)
	var left []string
	for _, l := range f.Left {
		left = append(left, l.String())
	}
	require.Contains(t, left, `2:89: query_log_file of global is not carried over`)
	require.Contains(t, left, `4:1: remote_write is not carried over`)
	require.Contains(t, left, `21:3: job "shop": kubernetes_sd_configs is not carried over: only static_configs and file_sd_configs find targets`)
	require.Contains(t, left, `22:3: job "shop": label_limit is not carried over`)
}

func TestAPrometheusFileWithAFaultSaysWhere(t *testing.T) {
	for src, want := range map[string]string{
		"":                                "p.yml: the file is empty",
		"scrape_configs: 1":               "p.yml:1:17: scrape_configs is a list",
		"scrape_configs: [{}]":            "p.yml:1:18: a job needs a job_name",
		"global: {scrape_interval: soon}": `p.yml:1:27: "soon" is not a duration such as 15s`,
		"scrape_configs: [{job_name: a, scheme: ftp}]":                          "p.yml:1:40: the scheme is http or https",
		"scrape_configs: [{job_name: a, relabel_configs: [{action: explode}]}]": "unknown relabel action",
		"scrape_configs: [{job_name: a}, {job_name: a}]":                        `there are two jobs "a"`,
		"a: &a [*a, *a]":    "",
		"&a {<<: *a, b: 1}": "merged too often",
		"\x00":              "p.yml: ",
	} {
		_, err := embedded.ReadFile("p.yml", ".", []byte(src))
		if want == "" {
			continue // it ends
		}
		require.ErrorContains(t, err, want, src)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add(someFile)
	f.Add("a: &a {<<: *a}")
	f.Fuzz(func(t *testing.T, src string) {
		file, err := embedded.ReadFile("p.yml", ".", []byte(src))
		if err != nil {
			return
		}
		for _, j := range file.Jobs {
			_, _ = j.Targets(j.Static)
			_, _ = j.Auth.Client()
		}
	})
}

// Targets of files come and go with them; a file that breaks keeps what it had.
func TestFilesOfTargets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.json")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(`[{"targets": ["127.0.0.1:1"], "labels": {"x": "y"}}]`)
	s, err := embedded.New(embedded.Config{})
	require.NoError(t, err)
	d := embedded.Discovery{Server: s, Jobs: []embedded.Job{{Name: "j", Scheme: "http", Path: "/metrics", Files: []string{filepath.Join(dir, "*.json")}, Options: embedded.Options{Interval: time.Second, Timeout: time.Second}}}}
	require.NoError(t, d.Look())
	_, all := s.Up()
	require.Equal(t, 1, all)
	write(`[{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}]`)
	require.NoError(t, d.Look())
	_, all = s.Up()
	require.Equal(t, 2, all)
	write(`[{`)
	require.ErrorContains(t, d.Look(), "a.json")
	_, all = s.Up()
	require.Equal(t, 2, all, "what was known stays")
}

// exporter answers with a page, and takes down what it was asked with.
func exporter(t *testing.T, contentType string, page func(*http.Request) []byte) (*httptest.Server, *http.Header) {
	t.Helper()
	var last http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = r.Header.Clone()
		w.Header().Set("Content-Type", contentType)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(page(r))
			_ = z.Close()
			return
		}
		_, _ = w.Write(page(r))
	}))
	t.Cleanup(s.Close)
	return s, &last
}

// once scrapes a target once and returns what it said of itself.
func once(t *testing.T, url string, o embedded.Options) (*embedded.Server, string) {
	t.Helper()
	s, err := embedded.New(embedded.Config{ScrapeInterval: 5 * time.Second})
	require.NoError(t, err)
	s.SetTargets([]embedded.Target{{Job: "j", Instance: "i", URL: url, Options: o}})
	s.Scrape(t.Context(), start)
	c, err := query.NewClient(query.Config{URL: embedded.Address, HTTP: s.Transport()})
	require.NoError(t, err)
	targets, err := c.Targets(t.Context())
	require.NoError(t, err)
	return s, targets[0].LastError
}

func value(t *testing.T, s *embedded.Server, expr string) []string {
	t.Helper()
	f, err := s.Range(t.Context(), expr, query.Grid{Start: start, Step: time.Second, N: 1})
	require.NoError(t, err)
	var out []string
	for _, x := range f.Series {
		out = append(out, fmt.Sprintf("%s %v", x.Labels, x.Values[0]))
	}
	return out
}

func TestHostilePages(t *testing.T) {
	text := "text/plain; version=0.0.4"
	for name, c := range map[string]struct {
		kind, page string
		options    embedded.Options
		complaint  string
		up         string
	}{
		"html":       {"text/html", "<html>", embedded.Options{}, "answered HTML", "0"},
		"protobuf":   {"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "\x01\x02", embedded.Options{}, "the protobuf cannot be read: ", "0"},
		"huge":       {text, strings.Repeat("a 1\n", 1000), embedded.Options{MaxBody: 1000}, "longer than 1000 bytes", "0"},
		"cut":        {text, "a 1\nb{x=\"", embedded.Options{}, "", "0"},
		"limit":      {text, "a 1\nb 2\n", embedded.Options{SampleLimit: 1}, "sample limit of 1", "0"},
		"twice":      {text, "a 1\na 2\n", embedded.Options{}, "1 samples were left out", "1"},
		"future":     {text, fmt.Sprintf("a 1 %d\nb 2\n", start.Add(time.Hour).UnixMilli()), embedded.Options{}, "more than 10m0s ahead", "1"},
		"exemplars":  {"application/openmetrics-text; version=1.0.0", "# TYPE a counter\na_total 1 # {trace_id=\"x\"} 1\n# EOF\n", embedded.Options{}, "", "1"},
		"nan":        {text, "a NaN\nb +Inf\n", embedded.Options{}, "", "1"},
		"no newline": {"application/openmetrics-text; version=1.0.0", "a 1", embedded.Options{}, "", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := exporter(t, c.kind, func(*http.Request) []byte { return []byte(c.page) })
			s, said := once(t, e.URL, c.options)
			require.Contains(t, said, c.complaint)
			require.Equal(t, c.up == "0", strings.HasSuffix(value(t, s, "up")[0], " 0"), said)
		})
	}
}

func TestHonorLabelsAndRelabeling(t *testing.T) {
	f, err := embedded.ReadFile("p.yml", ".", []byte(`scrape_configs: [{job_name: j, honor_labels: true, metric_relabel_configs: [{source_labels: [__name__], regex: "drop_.*", action: drop}, {regex: secret, action: labeldrop}]}]`))
	require.NoError(t, err)
	e, asked := exporter(t, "text/plain; version=0.0.4", func(*http.Request) []byte { return []byte("a{job=\"mine\",secret=\"x\"} 1\ndrop_me 1\n") })
	s, said := once(t, e.URL, f.Jobs[0].Options)
	require.Empty(t, said)
	require.Equal(t, []string{`a{instance="i", job="mine"} 1`}, value(t, s, `{__name__=~"a|drop.*"}`))
	require.Equal(t, "4.5", asked.Get("X-Prometheus-Scrape-Timeout-Seconds"))
}

// What a target asks for goes to it, and not where it redirects to.
func TestTargetsAreAskedWithTheirSecrets(t *testing.T) {
	other, stolen := exporter(t, "text/plain; version=0.0.4", func(*http.Request) []byte { return []byte("a 1\n") })
	first, asked := exporter(t, "text/plain; version=0.0.4", func(r *http.Request) []byte { return []byte("a 1\n") })
	auth := embedded.Auth{Bearer: func() (string, error) { return "swordfish", nil }, Headers: map[string]string{"X-A": "b"}}
	client, err := auth.Client()
	require.NoError(t, err)
	_, said := once(t, first.URL, embedded.Options{Client: client})
	require.Empty(t, said)
	require.Equal(t, "Bearer swordfish", asked.Get("Authorization"))
	require.Equal(t, "b", asked.Get("X-A"))

	redirect := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer redirect.Close()
	_, said = once(t, redirect.URL, embedded.Options{Client: client})
	require.Empty(t, said)
	require.Empty(t, stolen.Get("Authorization"))

	basic := embedded.Auth{User: "u", Password: func() (string, error) { return "", fmt.Errorf("env:X is not set") }}
	client, err = basic.Client()
	require.NoError(t, err)
	_, said = once(t, first.URL, embedded.Options{Client: client})
	require.Contains(t, said, "env:X is not set")
}
