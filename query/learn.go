package query

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/common/model"
)

// What is learned from a server, so that somebody else can go on without it.

// ConfigText is the server's configuration as it shows it: secrets are <secret>.
func (c *Client) ConfigText(ctx context.Context) (string, error) {
	var got struct {
		YAML string `json:"yaml"`
	}
	err := c.get(ctx, "/api/v1/status/config", nil, &got)
	return got.YAML, err
}

// RulesFile is every rule of the server, alerting and recording, as one file of
// Prometheus' rules (JSON, which is YAML too); nil if it has none. Groups of the same
// name in several files are told apart by their file's name.
func (c *Client) RulesFile(ctx context.Context) ([]byte, error) {
	var got struct {
		Groups []struct {
			Name, File string
			Interval   float64
			Limit      int
			Rules      []struct {
				Type, Name, Query       string
				Duration, KeepFiringFor float64
				Labels, Annotations     Labels
			}
		}
	}
	if err := c.get(ctx, "/api/v1/rules", nil, &got); err != nil || len(got.Groups) == 0 {
		return nil, err
	}
	type rule struct {
		Alert       string `json:"alert,omitempty"`
		Record      string `json:"record,omitempty"`
		Expr        string `json:"expr"`
		For         string `json:"for,omitempty"`
		Keep        string `json:"keep_firing_for,omitempty"`
		Labels      Labels `json:"labels,omitempty"`
		Annotations Labels `json:"annotations,omitempty"`
	}
	type group struct {
		Name     string `json:"name"`
		Interval string `json:"interval,omitempty"`
		Limit    int    `json:"limit,omitempty"`
		Rules    []rule `json:"rules"`
	}
	out := struct {
		Groups []group `json:"groups"`
	}{}
	taken := map[string]bool{}
	for _, g := range got.Groups {
		one := group{Name: g.Name, Interval: promSeconds(g.Interval), Limit: g.Limit, Rules: []rule{}}
		if taken[one.Name] {
			one.Name = g.File + ": " + g.Name
		}
		taken[one.Name] = true
		for _, r := range g.Rules {
			if r.Type == "alerting" {
				one.Rules = append(one.Rules, rule{Alert: r.Name, Expr: r.Query, For: promSeconds(r.Duration), Keep: promSeconds(r.KeepFiringFor), Labels: r.Labels, Annotations: r.Annotations})
			} else {
				one.Rules = append(one.Rules, rule{Record: r.Name, Expr: r.Query, Labels: r.Labels})
			}
		}
		out.Groups = append(out.Groups, one)
	}
	return json.Marshal(out)
}

// promSeconds writes seconds as Prometheus writes durations; empty for none.
func promSeconds(s float64) string {
	if s <= 0 {
		return ""
	}
	return model.Duration(duration(s).Round(time.Millisecond)).String()
}

// Replay is how far a server that starts has read its log; ok is false if it does not
// start, or does not say.
func (c *Client) Replay(ctx context.Context) (done, all int, ok bool) {
	var got struct {
		Min, Max, Current int
		State             string
	}
	err := c.get(ctx, "/api/v1/status/walreplay", nil, &got)
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusServiceUnavailable || err != nil || got.State == "done" {
		return 0, 0, false
	}
	return max(got.Current-got.Min+1, 0), max(got.Max-got.Min+1, 0), true
}
