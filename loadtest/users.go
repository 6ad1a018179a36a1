package loadtest

import (
	"context"
	"time"
)

// live is the life of one user of a closed plan: one request, or scenario, after the
// other, for as long as the stages want so many users. Nobody waits for a user, so
// response times are those of the answers alone; all users together send at most what the cap is.
func (w *worker) live(ctx context.Context) {
	e := w.engine
	for {
		now := time.Since(e.start)
		from, ok := e.table.Load().above(float64(w.id), now)
		if !ok || from > now && !w.wait(from-now) || e.stopped() {
			return
		}
		if from > now {
			continue
		}
		n := e.tickets.Add(1) - 1
		pace := time.Duration(float64(n) / e.most * 1e9)
		if now = time.Since(e.start); pace > now {
			if !w.wait(pace - now) {
				return
			}
			now = time.Since(e.start)
		}
		if now >= e.table.Load().Length() {
			return
		}
		e.pool.idle.Add(-1)
		e.pool.busy.Add(1)
		w.serve(ctx, arrival{n: n, stage: e.table.Load().Stage(now), due: now}, e.start)
		e.pool.enterIdle()
	}
}

// above is the first time from now on at which the rate is more than x; ok is false if
// it never is again.
func (s Schedule) above(x float64, now time.Duration) (at time.Duration, ok bool) {
	for _, g := range s.segments {
		start, end := g.start, g.start+g.length
		from := max(start, now.Seconds())
		if from >= end {
			continue
		}
		level := g.from + (g.to-g.from)*(from-start)/g.length
		if level > x {
			return max(time.Duration(from*1e9), now), true
		}
		if g.to > x { // it rises to it
			t := start + (x-g.from)/(g.to-g.from)*g.length
			return max(time.Duration(t*1e9)+time.Microsecond, now), true
		}
	}
	return 0, false
}
