// Package embedded is a small Prometheus inside the process: the real PromQL
// engine over an in-memory chunk store of our own, a scraper, rule evaluation
// and the Prometheus HTTP API. It keeps numbers and native histograms, and forgets
// everything when the process ends.
package embedded

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Target is one endpoint to scrape. Job and Instance become the labels of the
// same names; Labels are added to every series, and win over what the endpoint
// says (its own value is kept as exported_<name>), as in Prometheus.
type Target struct {
	Job, Instance, URL string // without Job or Instance those of Labels stay
	Labels             map[string]string
	Options            Options
}

// Config says how often the server looks, how long it remembers and which
// rules it evaluates. The zero value is usable: every 15 s, for 6 h, at most
// 100 000 series, no rules.
type Config struct {
	ScrapeInterval, EvaluationInterval, Retention time.Duration
	ScrapeTimeout                                 time.Duration // default 9/10 of ScrapeInterval, at most 10 s
	MaxSeries                                     int           // more are refused, and counted in sitrep_embedded_samples_refused_total
	MaxBody                                       int64         // bytes of one scrape, unpacked; default 16 MiB
	Rules                                         []byte        // a Prometheus rule file
	RulesFile                                     string        // its name, for errors and /api/v1/rules
	ExternalLabels                                map[string]string
	ExternalURL                                   string       // for templates
	Client                                        *http.Client // for scrapes; default: a client without proxy

	Spread bool // the targets over their interval after the first look, instead of all at the same instants
	RampUp bool // a rule waits until samples reach back as far as it looks
}

func (c Config) withDefaults() Config {
	c.ScrapeInterval = cmp.Or(c.ScrapeInterval, 15*time.Second)
	c.EvaluationInterval = cmp.Or(c.EvaluationInterval, c.ScrapeInterval)
	c.ScrapeTimeout = cmp.Or(c.ScrapeTimeout, min(c.ScrapeInterval*9/10, 10*time.Second))
	c.Retention = cmp.Or(c.Retention, 6*time.Hour)
	c.MaxSeries = cmp.Or(c.MaxSeries, 100_000)
	c.MaxBody = cmp.Or(c.MaxBody, 16<<20)
	c.RulesFile = cmp.Or(c.RulesFile, "rules.yml")
	if c.Client == nil {
		c.Client = &http.Client{Transport: plainTransport(), CheckRedirect: quietly}
	}
	return c
}

// plainTransport asks an endpoint directly, and keeps one connection to it.
func plainTransport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 1 << 20}
}

// lookback is how old a sample may be and still answer an instant query, if no
// staleness marker came after it. Prometheus' default.
const lookback = 5 * time.Minute

// Server is the Prometheus. All its methods may be called from any goroutine.
type Server struct {
	cfg         Config
	externalURL *url.URL
	store       *store
	engine      *promql.Engine
	parser      parser.Parser
	groups      []*group
	meta        metadata
	external    atomic.Pointer[map[string]string]
	slots       chan struct{} // scrapes under way
	pages       pageTurns
	changed     chan struct{} // wakes the schedule: there are other targets
	since       atomic.Int64  // Unix milliseconds of the first scrape of this Run; 0 = none yet
	ended       time.Time     // of the last Run; Run's own

	mu      sync.Mutex
	targets []*target
	leaving []*target // no longer wanted, their series not yet ended
}

// New checks cfg and its rules; it starts nothing. A fault in the rules is
// reported with the file's name and the line.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	for name, d := range map[string]time.Duration{
		"scrape interval": cfg.ScrapeInterval, "evaluation interval": cfg.EvaluationInterval,
		"retention": cfg.Retention, "scrape timeout": cfg.ScrapeTimeout,
	} {
		if d < time.Millisecond {
			return nil, fmt.Errorf("embedded Prometheus: %s %v is too short; at least 1ms", name, d)
		}
	}
	external, err := url.Parse(cfg.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("embedded Prometheus: external URL: %w", err)
	}
	s := &Server{cfg: cfg, externalURL: external, store: newStore(cfg.MaxSeries), slots: make(chan struct{}, mostScrapes), pages: newPageTurns(), changed: make(chan struct{}, 1)}
	s.external.Store(&cfg.ExternalLabels)
	s.parser = parser.NewParser(parser.Options{})
	s.engine = promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 5_000_000, Timeout: 20 * time.Second, LookbackDelta: lookback,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: s.parser,
		NoStepSubqueryIntervalFn: func(int64) int64 { return cfg.EvaluationInterval.Milliseconds() },
	})
	if err := s.SetRules(RuleFile{cfg.RulesFile, cfg.Rules}); err != nil {
		return nil, err
	}
	return s, nil
}

// Run scrapes and evaluates until ctx ends, and then waits for what is under
// way. A target that has not answered yet is left out of a turn, not waited for.
// It may be called again when it has returned: what was recorded is still there.
func (s *Server) Run(ctx context.Context) error {
	var running sync.WaitGroup
	if time.Since(s.ended) > 2*s.cfg.ScrapeInterval {
		s.since.Store(0) // there is a hole in what was recorded
	}
	defer func() { s.ended = time.Now() }()
	running.Go(func() { s.schedule(ctx, &running) })
	for _, g := range s.ruleGroups() {
		running.Go(func() {
			every(ctx, g.interval, func(now time.Time) { s.evaluate(ctx, g, now) })
		})
	}
	running.Wait()
	s.cfg.Client.CloseIdleConnections()
	return nil
}

// every calls turn at once and then after each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, turn func(now time.Time)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		turn(time.Now())
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
