package health

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// mostLooks is how many checks are looked at in the same moment.
const mostLooks = 32

// Runner looks at all its checks again and again, and knows what came of it. Its
// methods may be called from any goroutine.
type Runner struct {
	checks []*Check
	mu     sync.Mutex
	known  []standing
}

// standing is the latest look at a check, and how many there were.
type standing struct {
	Result
	good, bad uint64
	trouble   Trouble
}

// NewRunner is a runner of checks, which has not looked yet. Only one runner may look
// at a check.
func NewRunner(checks []Check) *Runner {
	r := &Runner{}
	for i := range checks {
		c := &checks[i]
		r.checks = append(r.checks, c)
		r.known = append(r.known, standing{Result: Result{Check: c, Status: Unknown, Reason: "not looked at yet"}})
	}
	return r
}

// Run looks until ctx ends, and then returns nil. Each check has an instant of its own
// within its interval, so that not all of them look at once.
func (r *Runner) Run(ctx context.Context) error {
	var g errgroup.Group
	slots := make(chan struct{}, mostLooks)
	for i, c := range r.checks {
		g.Go(func() error {
			for wait := c.offset(); ; wait = c.Every {
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(wait):
				}
				select {
				case <-ctx.Done():
					return nil
				case slots <- struct{}{}:
				}
				r.note(ctx, i, c.Look(ctx))
				<-slots
			}
		})
	}
	return g.Wait()
}

// offset is when within the first interval, at most a second of it, a check is looked
// at: by its name, so that two processes look at the same instants.
func (c *Check) offset() time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.Name))
	return time.Duration(h.Sum32()) % min(c.Every, time.Second)
}

func (r *Runner) note(ctx context.Context, i int, found Result) {
	if ctx.Err() != nil {
		return // it was torn away: that says nothing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.known[i]
	s.Result, s.trouble = found, s.trouble.follow(found)
	switch found.Status {
	case Healthy:
		s.good++
	case Unhealthy:
		s.bad++
	}
}

// Once looks at all checks, several at a time, and gives what it found in their order.
func (r *Runner) Once(ctx context.Context) []Result {
	var g errgroup.Group
	g.SetLimit(mostLooks)
	for i, c := range r.checks {
		g.Go(func() error {
			r.note(ctx, i, c.Look(ctx))
			return nil
		})
	}
	_ = g.Wait()
	return r.Results()
}

// Results are the latest, in the order of the checks.
func (r *Runner) Results() []Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Result, len(r.known))
	for i, s := range r.known {
		list[i] = s.Result
	}
	return list
}

// standings is a copy for the metrics.
func (r *Runner) standings() []standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.known)
}

// Verdict of several results: unhealthy if any is, else unknown if nothing is known of
// any, else healthy.
func Verdict(list []Result) Status {
	known := false
	for _, r := range list {
		if r.Status == Unhealthy {
			return Unhealthy
		}
		known = known || r.Status == Healthy
	}
	if !known && len(list) > 0 {
		return Unknown
	}
	return Healthy
}
