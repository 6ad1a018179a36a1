package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// standby stands in for the Prometheus of the configuration while that one does not
// answer; nil if nothing shall.
func (a *app) standby(ctx context.Context, db *store.DB, client *query.Client, cached query.Source, problem func(string)) (*embedded.Standby, error) {
	c, err := a.config()
	if err != nil || c.Embedded.Fallback == "off" {
		return nil, err
	}
	probe, err := c.client(ctx, c.Prometheus)
	if err != nil {
		return nil, err
	}
	mode := embedded.Cold
	if c.Embedded.Fallback == "warm" {
		mode = embedded.Warm
	}
	return embedded.NewStandby(embedded.StandbyConfig{
		Client: client, Probe: probe, Cached: cached, Mode: mode, Server: c.Embedded.server(), Keys: c.keys(ctx), WarmInterval: c.Embedded.WarmInterval.D(),
		Load: func(ctx context.Context) (embedded.Learned, error) { return loadLearned(ctx, db, client.URL()) },
		Save: func(ctx context.Context, l embedded.Learned) error {
			body, err := json.Marshal(l)
			if err != nil {
				return err
			}
			return db.KeepAnswer(ctx, learnedFrom(client.URL()), time.Now(), body)
		},
		Problem: problem,
		Recall:  func(ctx context.Context) ([]embedded.Stretch, error) { return recallScraped(ctx, db, client.URL()) },
	})
}
