package escalation

import "time"

// Timing is the engine's clocks. DefaultTiming is what production uses; tests
// on real sockets use shorter ones.
type Timing struct {
	LeaseTTL, LeaseRenew time.Duration
	Stay                 time.Duration // whoever reaches no sink keeps the lease so long; 0 is for ever
	Attempt              time.Duration // of one request, at most
	Settle               time.Duration // after an ambiguous attempt, before the next operation of its stream
	Resweep              time.Duration // between a resolve and the second one
	Sweep                time.Duration // before second copies of a post are looked for
	Thread               time.Duration // between two replies in one thread
	HistoryLag           time.Duration // until a chat shows what it accepted
	BackoffBase          time.Duration
	BackoffCap           time.Duration
	PageBackoffCap       time.Duration
	RetryDead            time.Duration // a refused page is offered again so often
	StaleText            time.Duration // replies older than this are not sent any more
	BreakerOpen          time.Duration // a sink that fails is left alone so long
	Audit                time.Duration // the ladder looks at everything at least so often
}

// DefaultTiming holds together: an attempt is over long before the lease, and
// the settling time is two attempts.
func DefaultTiming() Timing {
	return Timing{
		LeaseTTL: 30 * time.Second, LeaseRenew: 10 * time.Second, Stay: 20 * time.Second, Attempt: 10 * time.Second,
		Settle: 20 * time.Second, Resweep: 90 * time.Second, Sweep: 60 * time.Second, Thread: 5 * time.Second, HistoryLag: 2 * time.Second,
		BackoffBase: time.Second, BackoffCap: 5 * time.Minute, PageBackoffCap: time.Minute, RetryDead: time.Minute,
		StaleText: 2 * time.Hour, BreakerOpen: time.Minute, Audit: time.Minute,
	}
}

// grace is how old the last look at a message may be when its request begins.
func (t Timing) grace() time.Duration { return t.Attempt / 5 }
