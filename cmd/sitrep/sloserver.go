package main

import (
	"context"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/slo"
)

// sloServers are the servers that objectives of a command are measured by, each
// connected once. It is safe for concurrent use.
type sloServers struct {
	app *app

	mu      sync.Mutex
	clients map[string]*query.Client
}

func (s *sloServers) client(ctx context.Context, name string) (*query.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[name]; c != nil {
		return c, nil
	}
	c, err := s.app.server(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.clients == nil {
		s.clients = map[string]*query.Client{}
	}
	s.clients[name] = c
	return c, nil
}

// scrape is how often the server scrapes what an objective measures; 0 if it does not
// say.
func (s *sloServers) scrape(ctx context.Context, o slo.Objective) (time.Duration, error) {
	c, err := s.client(ctx, o.Source)
	if err != nil {
		return 0, err
	}
	return c.ScrapeInterval(ctx)
}

func (s *sloServers) close() {
	for _, c := range s.clients {
		c.CloseIdle()
	}
}
