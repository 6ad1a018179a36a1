package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// checksSource is the source of boards and objectives that asks what the checks found.
const checksSource = "checks"

// checks loads the checks of the configuration.
func (a *app) checks() ([]health.Check, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	files, err := loadAll(c, "checks", c.Checks, func(file string, src []byte) ([]health.Check, error) { return health.Load(file, src, c.reveal()) })
	if err != nil {
		return nil, err
	}
	var all []health.Check
	seen := map[string]bool{}
	for _, list := range files {
		for _, check := range list {
			if seen[check.Name] {
				return nil, usage("there are two checks %q in the files of the configuration (checks)", check.Name)
			}
			seen[check.Name] = true
			all = append(all, check)
		}
	}
	return all, nil
}

// reveal reads the secrets that checks name.
func (c *config) reveal() health.Reveal {
	return func(ctx context.Context, s health.Secret) (string, error) { return secret(s).read(ctx, c.dir) }
}

// checker runs the checks, and is the Prometheus that remembers what they found.
type checker struct {
	runner *health.Runner
	server *embedded.Server
	client *query.Client
}

// Checks are remembered so long, and looked up so often: as often as the most
// impatient of them is looked at.
const checksRemembered = 24 * time.Hour

func newChecker(checks []health.Check) (*checker, error) {
	c := &checker{runner: health.NewRunner(checks)}
	reg := prometheus.NewRegistry()
	reg.MustRegister(c.runner)
	every := time.Minute
	for _, one := range checks {
		every = min(every, one.Every)
	}
	var err error
	c.server, err = embedded.New(embedded.Config{
		ScrapeInterval: every, Retention: checksRemembered, Client: &http.Client{Transport: embedded.InProcess(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))},
	})
	if err != nil {
		return nil, err
	}
	c.server.SetTargets([]embedded.Target{{Job: "sitrep", Instance: "checks", URL: "http://checks.invalid/metrics"}})
	c.client, err = query.NewClient(query.Config{URL: embedded.Address, HTTP: c.server.Transport()})
	return c, err
}

// once looks at everything, and remembers that alone.
func (c *checker) once(ctx context.Context) {
	c.runner.Once(ctx)
	c.server.Scrape(ctx, time.Now())
}

// checksOnce is a client of the checks for a command that does not stay.
func (a *app) checksOnce(ctx context.Context) (*query.Client, error) {
	checks, err := a.checks()
	if err != nil {
		return nil, err
	}
	if len(checks) == 0 {
		return nil, usage("the configuration has no checks: docs/checks.md says how to write some")
	}
	c, err := newChecker(checks)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(a.stderr, "sitrep: looking at %d checks once\n", len(checks))
	c.once(ctx)
	return c.client, nil
}
