package embedded

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v3"

	"github.com/sitrep-dev/sitrep/query"
)

// Learned is what a server has told of how it scrapes and what it evaluates, so that
// somebody else can. The server says <secret> where one belongs, but tells the whole
// address of a target: see withoutSecrets.
type Learned struct {
	At       time.Time                   `json:"at"`
	Targets  []LearnedTarget             `json:"targets"`
	Config   string                      `json:"config"` // scrape_configs, as far as a scrape needs them
	Rules    []byte                      `json:"rules"`  // a rule file
	Alerts   []query.RawAlert            `json:"alerts"` // pending and firing
	Metadata map[string][]query.Metadata `json:"metadata"`
}

// LearnedTarget is an endpoint with the labels that its series have in the server.
type LearnedTarget struct {
	Job      string            `json:"job"`
	URL      string            `json:"url"`
	Labels   map[string]string `json:"labels"`
	Interval time.Duration     `json:"interval_ns"`
	Timeout  time.Duration     `json:"timeout_ns"`
}

// asks says whether what others learned asks for the same scrapes and rules.
func (l Learned) asks(o Learned) bool {
	return l.Config == o.Config && bytes.Equal(l.Rules, o.Rules) && reflect.DeepEqual(l.Targets, o.Targets)
}

// mostLearned bounds what is kept of a server.
const mostLearned = 10_000

// Learn asks a server. What it does not tell beside the targets (its configuration,
// rules, metadata) is taken from what was known before.
func Learn(ctx context.Context, c *query.Client, before Learned, now time.Time) (Learned, error) {
	targets, err := c.Targets(ctx)
	if err != nil {
		return before, err
	}
	l := before
	l.At, l.Targets = now, nil
	for _, t := range targets[:min(len(targets), mostLearned)] {
		l.Targets = append(l.Targets, LearnedTarget{Job: t.Pool, URL: t.URL, Labels: t.Labels, Interval: t.Interval, Timeout: t.Timeout})
	}
	if text, err := c.ConfigText(ctx); err == nil {
		l.Config = distil(text)
	}
	if rules, err := c.RulesFile(ctx); err == nil {
		l.Rules = rules
	}
	if alerts, err := c.Alerts(ctx); err == nil {
		l.Alerts = alerts
	}
	if meta, err := c.Metadata(ctx, "", mostLearned); err == nil {
		l.Metadata = meta
	}
	return l, nil
}

// scrapeKeys are what is kept of a job: nothing of how its targets are found.
var scrapeKeys = []string{
	"job_name", "honor_labels", "honor_timestamps", "sample_limit", "body_size_limit", "metric_relabel_configs", "basic_auth", "authorization",
	"bearer_token", "bearer_token_file", "oauth2", "sigv4", "tls_config", "proxy_url", "follow_redirects",
}

// distil keeps of a configuration what a scrape of known targets needs.
func distil(text string) string {
	var doc struct {
		Global struct {
			External map[string]string `yaml:"external_labels,omitempty"`
		} `yaml:"global"`
		Jobs []map[string]yaml.Node `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return ""
	}
	for _, j := range doc.Jobs {
		maps.DeleteFunc(j, func(key string, _ yaml.Node) bool { return !slices.Contains(scrapeKeys, key) })
	}
	var b bytes.Buffer
	if err := yaml.NewEncoder(&b).Encode(doc); err != nil {
		return ""
	}
	return b.String()
}

// Keys gives the ways in to the targets of a job that the configuration of this
// program knows.
type Keys func(job string) (Auth, bool)

// plan is what can be scraped of what was learned, and what cannot.
type plan struct {
	targets  []Target
	shut     map[string]string // jobs whose secrets are not known, and which
	external map[string]string
}

// plan makes targets. Where the server's own way in is not known here, keys have to
// give one.
func (l Learned) plan(keys Keys) plan {
	out := plan{shut: map[string]string{}}
	file, err := ReadFile("the server's configuration", "/", []byte(l.Config))
	if err != nil {
		file = File{}
	}
	out.external = file.External
	jobs := map[string]*Job{}
	options := map[string]Options{}
	for i := range file.Jobs {
		jobs[file.Jobs[i].Name] = &file.Jobs[i]
	}
	for _, t := range l.Targets {
		how, known := options[t.Job]
		if !known && out.shut[t.Job] == "" {
			j := jobs[t.Job]
			if j == nil {
				j = &Job{Name: t.Job}
			}
			var why string
			if how, why = j.enter(keys); why != "" {
				out.shut[t.Job] = why
			}
			options[t.Job] = how
		}
		if name := withheldParam(t.URL); name != "" {
			out.shut[t.Job] = paramOf + name
		}
		if out.shut[t.Job] != "" {
			continue
		}
		how.Interval, how.Timeout = t.Interval, t.Timeout
		out.targets = append(out.targets, Target{URL: t.URL, Labels: t.Labels, Options: how})
	}
	return out
}

// enter is the options of a learned job with a way in, or what is missing.
func (j *Job) enter(keys Keys) (how Options, missing string) {
	auth := j.Auth
	if own, ok := keys(j.Name); ok {
		auth = own
	} else {
		auth.Withheld = append(slices.Clone(auth.Withheld), unreadable(auth)...)
	}
	if needs := auth.Needs(); needs != "" {
		return j.Options, needs
	}
	client, err := auth.Client()
	if err != nil {
		return j.Options, err.Error()
	}
	how = j.Options
	how.Client = client
	return how, ""
}

// unreadable are the files that a server on another host has and this one has not.
func unreadable(a Auth) (list []string) {
	for _, file := range append([]string{a.CAFile, a.CertFile, a.KeyFile}, a.files...) {
		if file == "" {
			continue
		}
		if f, err := os.Open(file); err != nil {
			list = append(list, file)
		} else {
			_ = f.Close() // it was only looked at
		}
	}
	return list
}

// shutText says which jobs are not scraped and what would supply their secrets.
func (p plan) shutText() string {
	var parts []string
	for _, job := range slices.Sorted(maps.Keys(p.shut)) {
		if name, is := strings.CutPrefix(p.shut[job], paramOf); is {
			parts = append(parts, fmt.Sprintf("job %s needs its parameter %s, which is not kept: it is scraped when the server has told it again", job, name))
			continue
		}
		parts = append(parts, fmt.Sprintf("job %s needs auth (%s): set embedded.auth.%s", job, p.shut[job], job))
	}
	return strings.Join(parts, "; ")
}

// apply makes a server what was learned; Run must not run.
func (l Learned) apply(s *Server, p plan) error {
	s.external.Store(&p.external)
	s.SetTargets(p.targets)
	for name, list := range l.Metadata {
		if len(list) > 0 {
			s.meta.set([]byte(name), func(m *meta) { *m = meta{Type: list[0].Type, Help: list[0].Help, Unit: list[0].Unit} })
		}
	}
	return s.SetRules(RuleFile{Name: "learned from the server", Src: l.Rules})
}

// Up says of how many targets the last scrape was good; a target without any yet
// does not count as good.
func (s *Server) Up() (good, all int) {
	for _, t := range s.active() {
		all++
		if st := t.status.Load(); st != nil && st.up {
			good++
		}
	}
	return good, all
}

// alertReach is how far the rules look back that make alerts, by the alert's labels'
// alertname; the longest counts.
func (s *Server) alertReach() map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, g := range s.ruleGroups() {
		for _, r := range g.rules {
			if r.alert != nil {
				out[r.name] = max(out[r.name], r.reach+g.interval)
			}
		}
	}
	return out
}

// sameLabels compares what came by JSON.
func sameLabels(a, b query.Labels) bool {
	return labels.Equal(labels.FromMap(a), labels.FromMap(b))
}
