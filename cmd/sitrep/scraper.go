package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// scraper is what is scraped in place of a Prometheus; client asks it.
type scraper struct {
	server    *embedded.Server
	discovery *embedded.Discovery
	client    *query.Client
	interval  time.Duration
}

// scrapeFlags puts --scrape, --scrape-config and --rules into the configuration.
func (a *app) scrapeFlags(c *config) error {
	f := a.flags
	given := len(f.scrape) > 0 || f.scrapeConfig != ""
	switch {
	case given && f.prometheus != "":
		return usage("--scrape and --scrape-config are in place of a Prometheus: leave out --prometheus")
	case f.prometheus != "":
		c.Embedded.Scrape, c.Embedded.ScrapeConfig = nil, ""
	}
	for _, u := range f.scrape {
		if err := checkURL(u); err != nil {
			return usage("--scrape: %w", err)
		}
	}
	if given {
		c.Embedded.Scrape, c.Embedded.ScrapeConfig, c.Embedded.Rules = f.scrape, "", nil
		if f.scrapeConfig != "" {
			c.Embedded.ScrapeConfig = absolute(f.scrapeConfig)
		}
	}
	if len(f.rules) > 0 && !c.Embedded.scrapes() {
		return usage("--rules goes with --scrape or --scrape-config; a Prometheus has rules of its own")
	}
	for _, file := range f.rules {
		c.Embedded.Rules = append(c.Embedded.Rules, absolute(file))
	}
	return nil
}

// absolute is a path of the command line, which no configuration moves.
func absolute(file string) string {
	if abs, err := filepath.Abs(file); err == nil {
		return abs
	}
	return file
}

// newScraper is nil if there is a Prometheus. What of a prometheus.yml is not carried
// over is told to problem.
func (a *app) newScraper(ctx context.Context, problem func(string)) (*scraper, error) {
	c, err := a.config()
	if err != nil || !c.Embedded.scrapes() {
		return nil, err
	}
	file, err := c.scrapeFile()
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	for _, l := range file.Left {
		problem(fmt.Sprintf("%s:%s", c.path(c.Embedded.ScrapeConfig), l))
	}
	cfg := c.Embedded.server()
	cfg.ScrapeInterval = cmp.Or(cfg.ScrapeInterval, file.Interval, 15*time.Second)
	cfg.ScrapeTimeout, cfg.EvaluationInterval, cfg.ExternalLabels = file.Timeout, file.Evaluation, file.External
	cfg.ScrapeTimeout = min(cfg.ScrapeTimeout, cfg.ScrapeInterval)
	cfg.Spread, cfg.RampUp = true, true
	server, err := embedded.New(cfg)
	if err != nil {
		return nil, err
	}
	rules, err := c.ruleFiles(file.RuleFiles)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if err := server.SetRules(rules...); err != nil {
		return nil, withCode(exitUsage, err)
	}
	keys := c.keys(ctx)
	jobs := file.Jobs
	for i := range jobs {
		if auth, ok := keys(jobs[i].Name); ok {
			jobs[i].Auth = auth
		}
	}
	for i := range jobs {
		jobs[i].Options.Interval = cmp.Or(jobs[i].Options.Interval, cfg.ScrapeInterval)
		jobs[i].Options.Timeout = cmp.Or(jobs[i].Options.Timeout, cfg.ScrapeTimeout, min(jobs[i].Options.Interval*9/10, 10*time.Second))
	}
	s := &scraper{
		server: server, interval: cfg.ScrapeInterval,
		discovery: &embedded.Discovery{Server: server, Jobs: jobs, Problem: func(err error) { problem(err.Error()) }},
	}
	s.client, err = query.NewClient(query.Config{URL: embedded.Address, HTTP: server.Transport()})
	return s, err
}

// scrapeFile is the jobs of the file that is named, and one of the URLs.
func (c *config) scrapeFile() (file embedded.File, err error) {
	if name := c.Embedded.ScrapeConfig; name != "" {
		path := c.path(name)
		src, err := readConfig(path)
		if err != nil {
			return file, err
		}
		if file, err = embedded.ReadFile(path, filepath.Dir(path), src); err != nil {
			return file, err
		}
	}
	for i, raw := range c.Embedded.Scrape {
		u, err := url.Parse(raw)
		if err != nil { // it has been checked
			return file, err
		}
		job := embedded.Job{
			Name: "scrape", Scheme: u.Scheme, Path: cmp.Or(u.Path, "/metrics"), Params: u.Query(), Static: []embedded.TargetGroup{{Targets: []string{u.Host}}},
		}
		if i > 0 || slices.ContainsFunc(file.Jobs, func(j embedded.Job) bool { return j.Name == job.Name }) {
			job.Name = fmt.Sprintf("scrape-%d", i+1)
		}
		file.Jobs = append(file.Jobs, job)
	}
	return file, nil
}

// ruleFiles reads the rules that the configuration and a prometheus.yml name, a file
// that both name once: its alerts would fire twice.
func (c *config) ruleFiles(more []string) (rules []embedded.RuleFile, err error) {
	files := make([]string, 0, len(c.Embedded.Rules))
	for _, f := range c.Embedded.Rules {
		files = append(files, c.path(f))
	}
	for _, pattern := range more {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("rule_files: %q is not a file pattern", pattern)
		}
		files = append(files, found...)
	}
	seen := map[string]bool{}
	for _, f := range files {
		if seen[absolute(f)] {
			continue
		}
		seen[absolute(f)] = true
		src, err := readConfig(f)
		if err != nil {
			return nil, fmt.Errorf("read the rules: %w", err)
		}
		rules = append(rules, embedded.RuleFile{Name: f, Src: src})
	}
	return rules, nil
}

// scrapedOnce is a client for a command that does not stay: the targets are scraped
// when it asks, and again after their interval.
func (a *app) scrapedOnce(ctx context.Context) (*query.Client, error) {
	if a.once == nil {
		s, err := a.newScraper(ctx, func(text string) { fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(text)) })
		if err != nil {
			return nil, err
		}
		if err := s.discovery.Look(); err != nil {
			fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(err.Error()))
		}
		lazy := &lazyScrape{scraper: s, next: s.server.Transport()}
		if s.client, err = query.NewClient(query.Config{URL: embedded.Address, HTTP: lazy}); err != nil {
			return nil, err
		}
		lazy.scrape(ctx)
		a.once = s
	}
	return a.once.client, nil
}

// lazyScrape scrapes before it asks, if that was not done for an interval.
type lazyScrape struct {
	*scraper
	next http.RoundTripper

	mu   sync.Mutex
	last time.Time
}

// RoundTrip implements http.RoundTripper.
func (l *lazyScrape) RoundTrip(r *http.Request) (*http.Response, error) {
	l.scrape(r.Context())
	return l.next.RoundTrip(r)
}

func (l *lazyScrape) scrape(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.last) >= l.interval {
		l.last = now
		l.server.Scrape(ctx, now)
		l.server.Evaluate(ctx, now)
	}
}
