package main

import (
	"context"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// alertmanager is the client that the configuration describes; nil if it names none.
func (a *app) alertmanager(ctx context.Context) (*alert.Manager, error) {
	c, err := a.config()
	if err != nil || len(c.Manager.URL) == 0 {
		return nil, err
	}
	m := c.Manager
	read := func(s secret) func() (string, error) {
		if s == "" {
			return nil
		}
		return func() (string, error) { return s.read(ctx, c.dir) }
	}
	return alert.NewManager(m.URL, query.Config{
		Headers: m.Headers, User: m.User, Bearer: read(m.Bearer), Password: read(m.Password), Timeout: m.Timeout.D(),
	})
}

// mustAlertmanager is the client for a command that cannot do without.
func (a *app) mustAlertmanager(ctx context.Context) (*alert.Manager, error) {
	m, err := a.alertmanager(ctx)
	if err == nil && m == nil {
		err = usage("no Alertmanager is configured: set alertmanager.url in sitrep.yaml")
	}
	return m, err
}
