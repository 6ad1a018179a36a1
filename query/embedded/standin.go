package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Range implements query.Source: the server's answer, and where it has nothing, or
// less of the window than was scraped here, that. What was scraped is never put into
// the cache.
func (s *Standby) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	key := frameKey{expr, g.Step}
	s.mu.Lock()
	down := s.health.down
	window := s.window(expr)
	before := s.last[key]
	s.mu.Unlock()
	if down {
		return s.standIn(ctx, expr, g, window, before)
	}
	f, err := s.cfg.Cached.Range(ctx, expr, g)
	if err != nil {
		return s.failed(f, err)
	}
	s.mu.Lock()
	if len(s.last) >= mostFrames {
		clear(s.last)
	}
	s.last[key] = f
	outages := slices.Clone(s.outages)
	s.mu.Unlock()
	return s.fillGap(ctx, expr, f, outages, window)
}

// StandIn says who answers an expression in the server's place and how well, in short
// and in full; empty while the server answers.
func (s *Standby) StandIn(expr string) (short, whole string) {
	s.mu.Lock()
	down, known := s.health.down, len(s.learned.Targets) > 0
	window := s.window(expr)
	s.mu.Unlock()
	if !down || !known {
		return "", ""
	}
	whole = s.badge(window, time.Now())
	return amiss(whole), whole
}

// amiss is a badge as a panel has room for it: without that all is well.
func amiss(badge string) string { return strings.TrimSuffix(badge, " · "+fillText(1)) }

// failed explains an answer that did not come while the server is thought to be there.
func (s *Standby) failed(f query.Frame, err error) (query.Frame, error) {
	if errors.Is(err, query.ErrUnreachable) || errors.Is(err, query.ErrTimeout) || errors.Is(err, query.ErrStarting) {
		s.nudge()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *query.Error
	if s.replay != "" && errors.As(err, &e) && e.Kind == query.ErrStarting {
		said := *e
		said.Msg = s.replay
		return f, &said
	}
	return f, err
}

// window is how far an expression looks back, and at least two scrapes. The caller
// holds the lock.
func (s *Standby) window(expr string) time.Duration {
	reach, ok := s.reach[expr]
	if !ok {
		if len(s.reach) >= mostFrames {
			clear(s.reach)
		}
		reach = Reach(expr)
		s.reach[expr] = reach
	}
	s.longest = max(s.longest, reach)
	return max(reach, 2*s.interval())
}

// standIn answers without the server: what it said last, and what was scraped since.
func (s *Standby) standIn(ctx context.Context, expr string, g query.Grid, window time.Duration, before query.Frame) (query.Frame, error) {
	s.mu.Lock()
	outages := slices.Clone(s.outages)
	nothing := len(s.learned.Targets) == 0
	replay := s.replay
	s.mu.Unlock()
	if nothing {
		return query.Frame{}, &query.Error{
			URL: s.cfg.Client.URL(), Kind: query.ErrUnreachable, Msg: "it does not answer, and nothing was learned from it yet that could be scraped in its stead",
		}
	}
	direct, err := s.server.Range(ctx, expr, g)
	if err != nil {
		return query.Frame{}, err
	}
	f, _ := blend(moved(before, g), direct, outages, window)
	f.Warnings = direct.Warnings
	said := s.badge(window, time.Now())
	f.Infos = append(direct.Infos, said)
	f.StandIn = amiss(said)
	if replay != "" {
		f.Infos = append(f.Infos, replay)
	}
	f.At, f.Took = direct.At, direct.Took
	return f, nil
}

// badge says how good what is scraped here is: which targets were reached, and how
// much of the window is known.
func (s *Standby) badge(window time.Duration, now time.Time) string {
	good, all := s.server.Up()
	s.mu.Lock()
	shut := s.plan.shutText()
	total := len(s.learned.Targets)
	s.mu.Unlock()
	text := "direct"
	if good < total {
		text = fmt.Sprintf("direct %d/%d targets", good, total)
	}
	if all > good {
		text += fmt.Sprintf(" (%d unreachable)", all-good)
	}
	text += " · " + fillText(s.server.Fill(window, now))
	if shut != "" {
		text += " · " + shut
	}
	return text
}

// fillGap puts what was scraped into an answer of the server.
func (s *Standby) fillGap(ctx context.Context, expr string, f query.Frame, outages []outage, window time.Duration) (query.Frame, error) {
	if !slices.ContainsFunc(outages, func(o outage) bool {
		return !o.gap.from.IsZero() && o.gap.from.Before(f.Grid.End()) && o.reaches(f.Grid.Start)
	}) {
		return f, nil
	}
	direct, err := s.server.Range(ctx, expr, f.Grid)
	if err != nil {
		return f, nil //nolint:nilerr // the server's own answer is there
	}
	out, taken := blend(f, direct, outages, window)
	if taken > 0 {
		last := outages[len(outages)-1]
		out.StandIn = filledText(last.gap, window, time.Now())
		out.Infos = append(slices.Clone(f.Infos), out.StandIn)
	}
	return out, nil
}

// filledText says which points are those of this process: up to the first of which the
// server knows the whole window. That may still be to come.
func filledText(gap span, window time.Duration, now time.Time) string {
	from := gap.from.UTC().Format("15:04:05")
	if end := gap.to.Add(window); !gap.to.IsZero() && end.Before(now) {
		return fmt.Sprintf("filled from direct scrape, %s to %s UTC", from, end.UTC().Format("15:04:05"))
	}
	return fmt.Sprintf("filled from direct scrape, %s UTC to now", from)
}

// Skew is that of the server's clock; of what is scraped here there is none.
func (s *Standby) Skew() (time.Duration, bool) {
	s.mu.Lock()
	down := s.health.down
	s.mu.Unlock()
	if down {
		return 0, false
	}
	return s.cfg.Client.Skew()
}

// ScrapeInterval is that of the server, or what was learned of it.
func (s *Standby) ScrapeInterval(ctx context.Context) (time.Duration, error) {
	s.mu.Lock()
	down, learned := s.health.down, s.interval()
	s.mu.Unlock()
	if down {
		return learned, nil
	}
	return s.cfg.Client.ScrapeInterval(ctx)
}

// Alerts implements alert.Source. After an outage an alert that fires by what is
// known here does not end before the server knows as much.
func (s *Standby) Alerts(ctx context.Context) ([]query.RawAlert, error) {
	s.mu.Lock()
	down, closing, known := s.health.down, s.closing, len(s.learned.Targets) > 0
	s.mu.Unlock()
	if down && known {
		return s.direct.Alerts(ctx)
	}
	list, err := s.cfg.Client.Alerts(ctx)
	if err != nil {
		_, err = s.failed(query.Frame{}, err)
		return nil, err
	}
	if !closing {
		s.hearAlerts(list)
		return list, nil
	}
	mine, err := s.direct.Alerts(ctx)
	if err != nil {
		return list, nil //nolint:nilerr // the server's own answer is there
	}
	return s.join(list, mine, time.Now()), nil
}

// hearAlerts keeps what the server told last: an alert that began since it was learned
// from must not end with the server.
func (s *Standby) hearAlerts(list []query.RawAlert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learned.Alerts, s.heard = slices.Clone(list), time.Now()
}

// join adds to the server's alerts those that its rules cannot know yet.
func (s *Standby) join(list, mine []query.RawAlert, now time.Time) []query.RawAlert {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := s.outages[len(s.outages)-1].gap.to
	for _, a := range mine {
		if !back.IsZero() && now.Sub(back) > s.alerts[a.Labels["alertname"]] {
			continue
		}
		if !slices.ContainsFunc(list, func(b query.RawAlert) bool { return sameLabels(a.Labels, b.Labels) }) {
			list = append(list, a)
		}
	}
	return list
}

// Rules implements alert.Source.
func (s *Standby) Rules(ctx context.Context) ([]query.RawRule, error) {
	s.mu.Lock()
	down, known := s.health.down, len(s.learned.Targets) > 0
	s.mu.Unlock()
	if down && known {
		return s.direct.Rules(ctx)
	}
	return s.cfg.Client.Rules(ctx)
}

// Recorded is since when something is recorded here; zero if nothing ever was.
func (s *Standby) Recorded() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began
}
