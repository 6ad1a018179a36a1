package query

import (
	"context"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
)

// RawTarget is an endpoint that the server scrapes.
type RawTarget struct {
	Pool, URL         string
	Labels            Labels // as its series have them
	Health, LastError string // up, down or unknown
	LastScrape        time.Time
	Took              time.Duration
	Interval, Timeout time.Duration // 0 where the server does not say
}

// Targets are the active targets of the server. What does not scrape (Thanos,
// Mimir, VictoriaMetrics' storage) has none, or refuses.
func (c *Client) Targets(ctx context.Context) ([]RawTarget, error) {
	var got struct {
		ActiveTargets []struct {
			Labels             Labels    `json:"labels"`
			ScrapePool         string    `json:"scrapePool"`
			ScrapeURL          string    `json:"scrapeUrl"`
			LastError          string    `json:"lastError"`
			LastScrape         time.Time `json:"lastScrape"`
			LastScrapeDuration float64   `json:"lastScrapeDuration"`
			Health             string    `json:"health"`
			ScrapeInterval     string    `json:"scrapeInterval"`
			ScrapeTimeout      string    `json:"scrapeTimeout"`
		} `json:"activeTargets"`
	}
	if err := c.get(ctx, "/api/v1/targets", url.Values{"state": {"active"}}, &got); err != nil {
		return nil, err
	}
	targets := make([]RawTarget, 0, len(got.ActiveTargets))
	for _, t := range got.ActiveTargets {
		targets = append(targets, RawTarget{
			Pool: t.ScrapePool, URL: t.ScrapeURL, Labels: t.Labels, Health: t.Health, LastError: t.LastError,
			LastScrape: t.LastScrape.UTC(), Took: duration(t.LastScrapeDuration),
			Interval: promDuration(t.ScrapeInterval), Timeout: promDuration(t.ScrapeTimeout),
		})
	}
	return targets, nil
}

// promDuration reads 1m30s; 0 if it is none.
func promDuration(s string) time.Duration {
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0
	}
	return time.Duration(d)
}
