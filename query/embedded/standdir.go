package embedded

import (
	"context"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// answering is whoever answers now: the server, or what was scraped here.
func (s *Standby) answering() *query.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.health.down {
		return s.direct
	}
	return s.cfg.Client
}

// Instant is the value of a moment: the server's, or of what was scraped here. StandIn
// says which.
func (s *Standby) Instant(ctx context.Context, expr string, at time.Time) (samples []query.Sample, warnings []string, err error) {
	return s.answering().Instant(ctx, expr, at)
}

// LabelValues implements query.Directory.
func (s *Standby) LabelValues(ctx context.Context, label string, sel query.Selection) (values, warnings []string, err error) {
	return s.answering().LabelValues(ctx, label, sel)
}

// LabelNames implements query.Directory.
func (s *Standby) LabelNames(ctx context.Context, sel query.Selection) (names, warnings []string, err error) {
	return s.answering().LabelNames(ctx, sel)
}

// Targets are those of whoever answers.
func (s *Standby) Targets(ctx context.Context) ([]query.RawTarget, error) {
	return s.answering().Targets(ctx)
}
