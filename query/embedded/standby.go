package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Mode is what a Standby does while the server answers.
type Mode string

// The modes.
const (
	Cold Mode = "cold" // nothing: no target is asked twice
	Warm Mode = "warm" // it scrapes too, so that no window has to fill when it is needed
)

// StandbyConfig tunes a Standby; Client, Probe and Load are needed.
type StandbyConfig struct {
	Client *query.Client // of the server, for alerts and rules
	Probe  *query.Client // likewise, but of its own: whoever waits for slow queries must not delay it
	Cached query.Source  // that panels ask while the server answers
	Mode   Mode
	Server Config // of the scraper; Spread and RampUp are set
	Keys   Keys

	WarmInterval time.Duration // the least between two scrapes of a target while the server answers; default 15 s

	Load    func(context.Context) (Learned, error) // what was learned before; the zero value if nothing was
	Save    func(context.Context, Learned) error
	Problem func(string)

	// Recall gives what other processes have scraped in the server's place, in order of
	// time (Standby.Scraped); nil: there were none.
	Recall func(context.Context) ([]Stretch, error)
}

// Standby goes on when a Prometheus does not: while it answers it learns from it what
// is scraped and which rules are evaluated, and when it stops to it scrapes the same
// targets under the same labels and evaluates the same rules. It is a query.Source
// and a source of alerts in front of the server. All methods but Run may be called
// from any goroutine.
type Standby struct {
	cfg    StandbyConfig
	server *Server
	direct *query.Client // of server, in the process
	poke   chan struct{} // probe now

	mu      sync.Mutex
	health  health
	learned Learned
	heard   time.Time // when the alerts of learned were told, if by more than learning
	plan    plan
	outages []outage      // the last may go on
	closing bool          // the server is back, and its windows fill
	replay  string        // how far a server that starts is
	active  bool          // scraping
	since   time.Time     // scraping without a break
	began   time.Time     // scraping for the first time
	longest time.Duration // that anybody looked back
	reach   map[string]time.Duration
	alerts  map[string]time.Duration // how far rules look back, by alert
	last    map[frameKey]query.Frame // of the server
	turned  time.Time                // the last turn of Run
}

type frameKey struct {
	expr string
	step time.Duration
}

const (
	probeEvery   = 3 * time.Second
	probeTimeout = 2 * time.Second
	learnEvery   = time.Minute
	mostFrames   = 512
	longestReach = time.Hour // a window that is longer is not waited for
)

// NewStandby starts nothing.
func NewStandby(cfg StandbyConfig) (*Standby, error) {
	cfg.Server.Spread, cfg.Server.RampUp = true, true
	if cfg.WarmInterval <= 0 {
		cfg.WarmInterval = 15 * time.Second
	}
	if cfg.Keys == nil {
		cfg.Keys = func(string) (Auth, bool) { return Auth{}, false }
	}
	server, err := New(cfg.Server)
	if err != nil {
		return nil, err
	}
	direct, err := query.NewClient(query.Config{URL: Address, HTTP: server.Transport()})
	if err != nil {
		return nil, err
	}
	return &Standby{
		cfg: cfg, server: server, direct: direct, poke: make(chan struct{}, 1), reach: map[string]time.Duration{}, last: map[frameKey]query.Frame{},
	}, nil
}

// Direct is the scraper, for what it has recorded.
func (s *Standby) Direct() *Server { return s.server }

// Run watches the server, learns and stands in, until ctx ends.
func (s *Standby) Run(ctx context.Context) error {
	if err := s.remember(ctx); err != nil {
		return err
	}
	s.recall(ctx, time.Now())
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running.Go(func() { s.learnOn(ctx) })
	scraping := scraping{standby: s}
	defer scraping.stop()
	for {
		s.probe(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.wake(time.Now())
		scraping.follow(ctx, time.Now())
		wait := probeEvery
		if s.doubtful() {
			wait = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-s.poke:
		case <-time.After(wait):
		}
	}
}

// remember takes up what was learned by an earlier process.
func (s *Standby) remember(ctx context.Context) error {
	l, err := s.cfg.Load(ctx)
	if err != nil {
		return fmt.Errorf("read what was learned from the server: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learned = l
	return nil
}

// learnOn learns once a minute while the server answers, and sooner until it has told
// something: one that has just started has no targets yet.
func (s *Standby) learnOn(ctx context.Context) {
	for pause := time.Second; ; pause = min(2*pause, learnEvery) {
		if s.learn(ctx) {
			pause = learnEvery
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (s *Standby) learn(ctx context.Context) bool {
	s.mu.Lock()
	before, down := s.learned, s.health.down || s.closing
	s.mu.Unlock()
	if down {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, learnEvery/2)
	defer cancel()
	began := time.Now()
	l, err := Learn(ctx, s.cfg.Probe, before, began)
	if err != nil || len(l.Targets) == 0 {
		return false // a server that does not scrape, or is not there: the probe says so
	}
	s.mu.Lock()
	if s.heard.After(began) {
		l.Alerts = s.learned.Alerts
	}
	s.learned = l
	s.mu.Unlock()
	if err := s.cfg.Save(ctx, l.withoutSecrets()); err != nil && ctx.Err() == nil {
		s.cfg.Problem(fmt.Sprintf("what was learned from Prometheus is not kept: %v", err))
	}
	return true
}

// doubtful says that one answer was missed: the next decides.
func (s *Standby) doubtful() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.health.down && s.health.timeouts > 0
}

// nudge has the server probed now: somebody got no answer.
func (s *Standby) nudge() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// probe asks the server whether it is there, and notes what changes.
func (s *Standby) probe(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, _, err := s.cfg.Probe.Instant(short, "vector(1)", time.Time{})
	starts, text := false, ""
	if errors.Is(err, query.ErrStarting) {
		var done, all int
		if done, all, starts = s.cfg.Probe.Replay(short); starts {
			text = "Prometheus starts up"
			if all > 0 {
				text = fmt.Sprintf("Prometheus starts up: %d of %d segments of its log are read", done, all)
			}
		}
	}
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	was, good := s.health.down, s.health.good
	s.health.hear(err, starts, now)
	is := s.health.down
	s.replay = text
	switch {
	case is && !was:
		if good.IsZero() {
			good = now
		}
		if n := len(s.outages); n == 0 || !s.outages[n-1].recalled || !s.outages[n-1].reaches(now.Add(-longestBreak)) {
			s.outages = append(s.outages[max(0, n-15):], outage{gap: span{from: good}})
		} else { // it goes on since before this process
			s.outages[n-1].recalled = false
		}
		s.closing = false
	case was && !is:
		s.closing = true
	}
	closing := s.closing
	s.mu.Unlock()
	switch {
	case is && !was:
		s.cfg.Problem(fmt.Sprintf("Prometheus does not answer: %v; its targets are scraped from here", err))
	case was && !is:
		s.cfg.Problem("Prometheus answers again; what was scraped from here fills its gap")
	}
	if closing && !is {
		s.settle(ctx, now)
	}
	if !is && err == nil {
		s.compare(ctx, now)
	}
}

// settle learns which samples the server has of the time in which it did not answer,
// and ends the outage when its windows are full again.
func (s *Standby) settle(ctx context.Context, now time.Time) {
	s.mu.Lock()
	o := s.outages[len(s.outages)-1]
	window := 2 * s.interval()
	longest := s.longest
	for _, r := range s.alerts {
		longest = max(longest, r)
	}
	s.mu.Unlock()
	longest = min(max(longest, window), longestReach)
	gap, missing, known := s.gapSince(ctx, o.gap.from, now, window)
	s.mu.Lock()
	defer s.mu.Unlock()
	last := &s.outages[len(s.outages)-1]
	switch {
	case !known: // the next probe asks again
	case !missing:
		last.gap = span{} // it only could not be reached: it has everything
		s.closing = false
		last.shut(now)
	case !gap.to.IsZero():
		last.gap = gap
		if now.Sub(gap.to) >= longest+window {
			s.closing = false
			last.shut(now)
		}
	default:
		last.gap.from = gap.from
	}
}

// gapSince asks the server for the last stretch of which it has no samples. known is
// false if it does not say.
func (s *Standby) gapSince(ctx context.Context, from, to time.Time, window time.Duration) (gap span, missing, known bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	step := max(window/2, to.Sub(from)/1000).Round(time.Millisecond)
	g := query.Steps(from.Add(-4*window), to, step)
	f, err := s.cfg.Probe.Range(ctx, fmt.Sprintf("max(present_over_time(up[%dms]))", window.Milliseconds()), g)
	if err != nil {
		return span{}, false, false
	}
	gap, missing = gapIn(f, window)
	return gap, missing, missing || len(f.Series) > 0
}

// interval is the longest between two scrapes of a learned target. The caller holds
// the lock.
func (s *Standby) interval() time.Duration {
	longest := time.Duration(0)
	for _, t := range s.learned.Targets {
		longest = max(longest, t.Interval)
	}
	if longest == 0 {
		return 15 * time.Second
	}
	return longest
}

// scraping starts and stops the scraper; Run's goroutine owns it.
type scraping struct {
	standby *Standby
	cancel  context.CancelFunc
	ended   chan struct{}
	by      Learned // what it runs by
	eager   bool    // it runs at the server's own intervals
}

// follow has the scraper run if it is needed now, by what is known now.
func (r *scraping) follow(ctx context.Context, now time.Time) {
	s := r.standby
	s.mu.Lock()
	eager := s.health.down || s.closing
	want := len(s.learned.Targets) > 0 && (eager || s.cfg.Mode == Warm)
	other := !eager && !r.by.asks(s.learned) || r.eager != eager && s.cfg.Mode == Warm
	s.mu.Unlock()
	if r.cancel != nil && (!want || other) {
		r.stop()
	}
	if want && r.cancel == nil {
		r.start(ctx, now, eager)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.outages); n > 0 && s.active && eager && !s.outages[n-1].recalled {
		s.outages[n-1].open(s.since)
	}
}

func (r *scraping) start(ctx context.Context, now time.Time, eager bool) {
	s := r.standby
	s.mu.Lock()
	learned := s.learned
	s.mu.Unlock()
	p := learned.plan(s.cfg.Keys)
	if !eager {
		for i := range p.targets {
			p.targets[i].Options.Interval = max(p.targets[i].Options.Interval, s.cfg.WarmInterval)
		}
	}
	if err := learned.apply(s.server, p); err != nil {
		s.cfg.Problem(fmt.Sprintf("the rules that were learned cannot be evaluated here: %v", err))
	}
	s.server.Resume(learned.Alerts)
	ctx, r.cancel = context.WithCancel(ctx)
	r.ended, r.by, r.eager = make(chan struct{}), learned, eager
	s.mu.Lock()
	s.plan, s.alerts = p, s.server.alertReach()
	if !s.active {
		s.since = now
	}
	if s.began.IsZero() {
		s.began = now
	}
	s.active = true
	s.mu.Unlock()
	go func() {
		defer close(r.ended)
		_ = s.server.Run(ctx) // it ends with ctx only
	}()
}

// stop ends the scraper; a warm one that begins again at once goes on.
func (r *scraping) stop() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	<-r.ended
	r.cancel = nil
	s := r.standby
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Mode != Warm {
		s.active = false
	}
}
