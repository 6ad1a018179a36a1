package query

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"regexp"
	"sync"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// How late a sample may become visible in what takes its samples from elsewhere:
// collectors buffer, ingesters replicate, out-of-order samples are taken. It is
// what Mimir's own result cache leaves out (max_cache_freshness).
const settleDistributed = 10 * time.Minute

// settleLeast is the least that a server of its own gets: a scrape may hang, and
// clocks are read to about half a second.
const settleLeast = 15 * time.Second

// Never is the settle time of a server whose answers to two windows need not agree:
// nothing of them can be held. VictoriaMetrics guesses how far a series looks back
// from the first samples of the window, so the value of a point depends on where the
// window begins.
const Never = time.Duration(math.MaxInt64)

// backend is what answers the Prometheus API.
type backend struct {
	version     string // and revision
	single      bool   // one process that scrapes and evaluates by itself
	victoria    bool   // VictoriaMetrics, single or the query nodes of a cluster
	started     string // of a single process; empty if it does not say
	distributed bool   // samples come from others
	about       About
}

// unnamed is one whose build information is that of Thanos or Cortex.
const unnamed = "Thanos or Cortex"

// ownRelease is a version of Prometheus itself. Thanos counts from 0.
var ownRelease = regexp.MustCompile(`^v?[23]\.\d`)

// examine asks what answers. What refuses to say is taken for the slowest kind.
func (c *Client) examine(ctx context.Context) (backend, error) {
	var got struct {
		Version, Revision, GoVersion, Application string
		Features                                  map[string]any
	}
	switch err := c.get(ctx, "/api/v1/status/buildinfo", nil, &got); {
	case saysNothing(err): // Cortex, and proxies that only let queries through
		b := backend{distributed: true, about: About{Kind: "a server that does not say what it is: Cortex, or a proxy"}}
		return b, c.rollCall(ctx, &b.about)
	case err != nil:
		return backend{}, err
	}
	b := backend{version: got.Version + " " + got.Revision, about: About{Version: oneLine(got.Version)}}
	switch {
	case got.Application != "" || len(got.Features) > 0:
		b.distributed, b.about.Kind = true, cmp.Or(oneLine(got.Application), "Grafana Mimir")
	case got.Revision == "" && got.GoVersion == "": // VictoriaMetrics calls itself a version of Prometheus
		b.victoria, b.about.Kind = true, "VictoriaMetrics"
	case ownRelease.MatchString(got.Version):
		b.single, b.about.Kind = true, "Prometheus"
	default:
		b.distributed, b.about.Kind = true, unnamed
	}
	switch {
	case b.victoria, b.distributed && b.about.Kind != unnamed:
		return b, nil
	case b.distributed:
		return b, c.rollCall(ctx, &b.about)
	}
	var run struct{ StartTime string }
	if err := c.get(ctx, "/api/v1/status/runtimeinfo", nil, &run); err != nil && !saysNothing(err) {
		return backend{}, err
	}
	b.started = run.StartTime
	return b, nil
}

// saysNothing reports an answer that only means that this is not to be asked here.
func saysNothing(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Status == 0 {
		return false
	}
	switch e.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return e.Status/100 == 2 && errors.Is(err, ErrNotPrometheus)
}

// Identity tells servers apart for a Cache: another replica has another start
// time, and so has this one after a restart. The processes of a distributed
// store are all the same, as they answer from the same samples; which of its parts
// answer is told by Known then.
func (c *Client) Identity(ctx context.Context) (string, error) {
	b, err := c.examine(ctx)
	if err != nil {
		return "", err
	}
	c.known.Store(&b.about)
	if !b.single {
		return "", nil
	}
	return b.version + " " + b.started, nil
}

// Settle is how long after a time samples of that time may still come, for a
// Cache. A sample has the time at which its scrape began and is there when the
// scrape is over; a rule that looks at it runs up to its interval later:
//
//	max(longest scrape timeout + longest rule interval, 15 s)
//
// A server that does not say gets a minute, one that does not scrape itself 10. Of
// VictoriaMetrics it is Never.
func (c *Client) Settle(ctx context.Context) (time.Duration, error) {
	var (
		groups   []promv1.RuleGroup
		noGroups error
		targets  []RawTarget
		noTarget error
		all      sync.WaitGroup
	)
	all.Go(func() { targets, noTarget = c.Targets(ctx) }) // at once: a board waits for it
	all.Go(func() { groups, noGroups = c.ruleGroups(ctx) })
	b, err := c.examine(ctx)
	all.Wait()
	switch {
	case err != nil:
		return 0, err
	case b.victoria:
		return Never, nil
	case b.distributed:
		return settleDistributed, nil
	}
	if noTarget != nil || len(targets) == 0 { // it need not tell; or others write into it
		return settleUnknown, nil
	}
	scrape, rule := time.Duration(0), time.Duration(0)
	for _, t := range targets {
		if t.Timeout == 0 { // before 2.31 they do not say it
			return settleUnknown, nil
		}
		scrape = max(scrape, t.Timeout)
	}
	if noGroups != nil {
		return settleUnknown, nil // likewise
	}
	for _, g := range groups {
		rule = max(rule, duration(g.Interval))
	}
	return max(scrape+rule, settleLeast), nil
}
