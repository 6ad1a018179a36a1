package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Scraped is the source of panels where there is no server at all: what is scraped here,
// behind a cache. It says on every answer what of it is not known yet, or not reached.
type Scraped struct {
	*query.Cache
	Server   *Server
	Interval time.Duration // of most scrapes
}

// Range implements query.Source.
func (s Scraped) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	f, err := s.Cache.Range(ctx, expr, g)
	if short, whole := s.StandIn(expr); err == nil && short != "" {
		f.StandIn, f.Infos = short, append(append([]string{}, f.Infos...), whole)
	}
	return f, err
}

// StandIn says what is amiss with an answer to expr; empty if all is well: nobody is
// stood in for.
func (s Scraped) StandIn(expr string) (short, whole string) {
	good, all := s.Server.Up()
	fill := s.Server.Fill(max(Reach(expr), 2*s.Interval), time.Now())
	if good == all && fill >= 1 {
		return "", ""
	}
	text := "direct"
	if good < all {
		text = fmt.Sprintf("direct %d/%d targets (%d unreachable)", good, all, all-good)
	}
	text += " · " + fillText(fill)
	return amiss(text), text
}
