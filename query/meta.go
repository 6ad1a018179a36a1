package query

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// RawAlert is an alert as Prometheus' rules see it, pending ones included.
type RawAlert struct {
	State       string // pending or firing
	Labels      Labels // alertname among them; external labels are not
	Annotations Labels
	ActiveAt    time.Time // when the expression became true, before its `for`
	Value       float64   // Absent if it could not be read
}

// RawRule is an alerting rule and how its last evaluation went.
type RawRule struct {
	Group, File, Name, Query string
	Labels, Annotations      Labels
	For                      time.Duration
	State                    string // inactive, pending, firing
	Health                   string // ok, err, unknown (not evaluated yet)
	LastError                string
	LastEvaluation           time.Time // the zero time before the first
	Took                     time.Duration
}

// BuildInfo is what the server says it is.
type BuildInfo struct {
	Version, Revision, GoVersion string // empty for a server that does not say
}

// Alerts are the pending and firing alerts of the server's own rules.
func (c *Client) Alerts(ctx context.Context) ([]RawAlert, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, err := c.meta.Alerts(ctx)
	if err != nil {
		return nil, c.readable(err)
	}
	if got.Alerts == nil { // Prometheus sends [] when there are none
		return nil, &Error{URL: c.shown, Status: http.StatusOK, Kind: ErrNotPrometheus, Msg: "answered without a list of alerts"}
	}
	alerts := make([]RawAlert, 0, len(got.Alerts))
	for _, a := range got.Alerts {
		v, err := strconv.ParseFloat(a.Value, 64)
		if err != nil {
			v = Absent()
		}
		alerts = append(alerts, RawAlert{
			State: string(a.State), Labels: fromModel(a.Labels), Annotations: fromModel(a.Annotations),
			ActiveAt: Plausible(a.ActiveAt), Value: v,
		})
	}
	return alerts, nil
}

// Rules are the alerting rules of the server, in the order of its files.
func (c *Client) Rules(ctx context.Context) ([]RawRule, error) {
	groups, err := c.ruleGroups(ctx)
	if err != nil {
		return nil, err
	}
	var rules []RawRule
	for _, g := range groups {
		for _, r := range g.Rules {
			a, ok := r.(promv1.AlertingRule)
			if !ok {
				continue
			}
			rules = append(rules, RawRule{
				Group: g.Name, File: g.File, Name: a.Name, Query: a.Query,
				Labels: fromModel(a.Labels), Annotations: fromModel(a.Annotations), For: duration(a.Duration),
				State: a.State, Health: string(a.Health), LastError: a.LastError,
				LastEvaluation: Plausible(a.LastEvaluation), Took: duration(a.EvaluationTime),
			})
		}
	}
	return rules, nil
}

func (c *Client) ruleGroups(ctx context.Context) ([]promv1.RuleGroup, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, err := c.meta.Rules(ctx, nil)
	if err != nil {
		return nil, c.readable(err)
	}
	return got.Groups, nil
}

// Ready asks whether the server can answer queries and what it is. A server
// without build information is asked a query instead.
func (c *Client) Ready(ctx context.Context) (BuildInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, err := c.meta.Buildinfo(ctx)
	if err != nil {
		err = c.readable(err)
		var e *Error
		if !errors.As(err, &e) || e.Status != http.StatusNotFound && e.Kind != ErrNotPrometheus {
			return BuildInfo{}, err
		}
	}
	// Prometheus answers buildinfo while it still replays its log; only a query
	// proves that queries are answered.
	if _, _, qerr := c.Instant(ctx, "vector(1)", time.Time{}); qerr != nil {
		return BuildInfo{}, qerr
	}
	return BuildInfo{Version: got.Version, Revision: got.Revision, GoVersion: got.GoVersion}, nil
}

// ScrapeInterval is the most common scrape interval of the server's active
// targets (of equally common ones the longest), for $__rate_interval. It is 0
// where no target says it.
func (c *Client) ScrapeInterval(ctx context.Context) (time.Duration, error) {
	targets, err := c.Targets(ctx)
	if err != nil {
		return 0, err
	}
	votes := map[time.Duration]int{}
	var best time.Duration
	for _, t := range targets {
		if t.Interval > 0 {
			votes[t.Interval]++
		}
	}
	for d, n := range votes {
		if n > votes[best] || n == votes[best] && d > best {
			best = d
		}
	}
	return best, nil
}

// get asks an endpoint that client_golang does not know, or not in full, and
// decodes its data.
func (c *Client) get(ctx context.Context, path string, args url.Values, data any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u := c.wire.URL(path, nil)
	u.RawQuery = merged(u, args).Encode()
	req, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	_, body, err := strict{c.wire}.Do(ctx, req)
	if err != nil {
		return err
	}
	got := struct {
		Data any `json:"data"`
	}{data}
	if err := json.Unmarshal(body, &got); err != nil {
		return notPrometheus(c.shown, http.StatusOK, body)
	}
	return nil
}

// readable makes an error of client_golang's decoder one of ours; those of the
// transport are already.
func (c *Client) readable(err error) error {
	var own *Error
	if errors.As(err, &own) || errors.Is(err, context.Canceled) {
		return err
	}
	var theirs *promv1.Error
	if errors.As(err, &theirs) && theirs.Type != promv1.ErrBadResponse {
		return &Error{URL: c.shown, Kind: ErrQuery, Cause: err, Msg: oneLine(theirs.Msg)}
	}
	e := notPrometheus(c.shown, http.StatusOK, []byte("{")).(*Error)
	e.Cause = err
	return e
}

func fromModel(set model.LabelSet) Labels {
	l := make(Labels, len(set))
	for k, v := range set {
		l[string(k)] = string(v)
	}
	return l
}

// Plausible is t in UTC, or the zero time for what no clock shows: a time that came
// from outside may have a year that cannot be written as JSON.
func Plausible(t time.Time) time.Time {
	if t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}
	}
	return t.UTC()
}

// duration is float seconds, of a server that may send anything.
func duration(seconds float64) time.Duration {
	if !(seconds > 0) || seconds > 1e9 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
