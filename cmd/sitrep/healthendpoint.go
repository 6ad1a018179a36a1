package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/sitrep-dev/sitrep/health"
)

// healthEndpoint answers /health: whether this daemon can do its work, and what the checks
// of the configuration found. It is 503 when any of them is unhealthy.
type healthEndpoint struct{ c *centre }

// healthView is /health, and `health --json`.
type healthView struct {
	Status    health.Status         `json:"status"`
	Timestamp time.Time             `json:"timestamp"`
	Checks    map[string]healthItem `json:"checks"`
}

type healthItem struct {
	Status  health.Status `json:"status"`
	Value   any           `json:"value"` // a number in the unit, or the name of whoever does it
	Unit    health.Unit   `json:"unit,omitempty"`
	Type    health.Type   `json:"type,omitempty"`
	Service string        `json:"service,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	At      *time.Time    `json:"at,omitempty"`
}

func viewOfResult(r health.Result) healthItem {
	v := healthItem{Status: r.Status, Unit: r.Check.Type.Unit(), Type: r.Check.Type, Service: r.Check.Service, Reason: sanitise(r.Reason), At: moment(r.At)}
	if !math.IsNaN(r.Value) && !r.At.IsZero() {
		v.Value = r.Value
	}
	return v
}

// healthOf is the view of what checks found, at now.
func healthOf(list []health.Result, now time.Time) healthView {
	v := healthView{Status: health.Verdict(list), Timestamp: now.UTC(), Checks: map[string]healthItem{}}
	for _, r := range list {
		v.Checks[r.Check.Name] = viewOfResult(r)
	}
	return v
}

// healthPatience is how long /health waits for the store and for a server of metrics.
const healthPatience = 3 * time.Second

// ServeHTTP implements http.Handler. What is sitrep's own has names that no check can
// have.
func (h healthEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthPatience)
	defer cancel()
	now := time.Now()
	v := healthView{Status: health.Healthy, Checks: map[string]healthItem{}}
	if h.c.checker != nil {
		v = healthOf(h.c.checker.runner.Results(), now)
		if v.Status == health.Unknown {
			v.Status = health.Healthy // nothing has failed
		}
	}
	v.Timestamp = now.UTC()
	own := map[string]func(context.Context) (any, health.Unit, error){"sitrep/store": h.store, "sitrep/ladder": h.ladder, "sitrep/prometheus": h.prometheus}
	for name, ask := range own {
		item := healthItem{Status: health.Healthy}
		var err error
		if item.Value, item.Unit, err = ask(ctx); err != nil {
			item.Status, item.Reason, v.Status = health.Unhealthy, sanitise(err.Error()), health.Unhealthy
		}
		v.Checks[name] = item
	}
	w.Header().Set("Content-Type", "application/json")
	if v.Status == health.Unhealthy {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(v) // whoever asked may be gone
}

// store is how long it takes to read it.
func (h healthEndpoint) store(ctx context.Context) (any, health.Unit, error) {
	began := time.Now()
	_, err := h.c.db.Lease(ctx)
	return time.Since(began).Seconds(), health.Seconds, err
}

// ladder is who runs it.
func (h healthEndpoint) ladder(ctx context.Context) (any, health.Unit, error) {
	lease, err := h.c.db.Lease(ctx)
	switch {
	case err != nil:
		return nil, "", err
	case !lease.Live(time.Now()):
		return nil, "", errors.New("nobody runs the ladder")
	}
	return lease.Owner, "", nil
}

// prometheus is how long the server of metrics takes, whoever stands in for it.
func (h healthEndpoint) prometheus(ctx context.Context) (any, health.Unit, error) {
	began := time.Now()
	if _, _, err := h.c.client.Instant(ctx, "1", began); err != nil {
		return nil, "", fmt.Errorf("it does not answer: %w", err)
	}
	return time.Since(began).Seconds(), health.Seconds, nil
}
