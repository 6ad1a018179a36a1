package escalation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Case is an incident with everything that was queued about it.
type Case struct {
	Incident incident.Incident
	News     []incident.Event // of the incident, after those that a Decision has Told
	Messages []Message        // all, in the order of Seq
}

// Decision is what one turn changes, all of it or nothing.
type Decision struct {
	Events []incident.Event
	Queue  []Message    // new; the book gives them their Seq
	Put    []Message    // those of the case that changed
	Told   int64        // Seq up to which News were dealt with; 0 leaves it alone
	Health []SinkHealth // of the sinks that were asked
	Looked bool         // the whole incident was looked at, and Next holds
	Next   time.Time    // when to look at it again; zero is not before something happens
}

// Book is the outbox together with the timeline, as the engine needs them.
type Book interface {
	// Turn runs decide in one write transaction on the case of an incident and
	// writes what it decided. Nothing is written, and the error is ErrLeaseLost,
	// unless lease is the store's at now. An error of decide is returned as it
	// is, and nothing is written either.
	Turn(ctx context.Context, lease Lease, now time.Time, id incident.ID, decide func(Case) (Decision, error)) error
	// Due lists the incidents that a turn could change at now: those whose Next
	// has come, that had an event since a Decision Told them, or that another
	// lease was sending something about. Next is when the first of the others is
	// due, zero if none ever is.
	Due(ctx context.Context, lease Lease, now time.Time) (ids []incident.ID, next time.Time, err error)
	// Health lists what Decisions have noted of the sinks, the latest of each.
	Health(ctx context.Context) ([]SinkHealth, error)
	// Heads lists the first open message of every stream.
	Heads(ctx context.Context) ([]Message, error)
}

// Ledger is the outbox as people read it.
type Ledger interface {
	// Messages lists what was queued about an incident, in the order of Seq;
	// about every incident if id is empty.
	Messages(ctx context.Context, id incident.ID) ([]Message, error)
}

// Leases is who may decide and send: at most one process of all on the store.
type Leases interface {
	// Take makes owner the holder until now+ttl, under a new epoch, if the lease
	// is not Held at now by a process that may live; else the error is a *HeldError.
	Take(ctx context.Context, owner string, now time.Time, ttl time.Duration) (Lease, error)
	// Renew extends a lease that is still the store's; else ErrLeaseLost.
	Renew(ctx context.Context, l Lease, now time.Time, ttl time.Duration) (Lease, error)
	// Release frees a lease, so that the next process need not wait for its end.
	// One that is not the store's any more is left alone.
	Release(ctx context.Context, l Lease) error
}

// Follower says when the timeline has grown.
type Follower interface {
	// Last is the Seq of the newest event.
	Last(ctx context.Context) (int64, error)
	// Wait returns when there is an event above seq, or with the error of ctx.
	Wait(ctx context.Context, seq int64) error
}

// Lease is the right to decide and send, from one Take to Expires. The epoch
// grows by one with every Take; what an older one still tries to write is
// refused.
type Lease struct {
	Owner   string
	Epoch   int64
	Expires time.Time
}

// Live says whether somebody holds the lease at now.
func (l Lease) Live(now time.Time) bool { return l.Owner != "" && l.Expires.After(now) }

// Held says whether a Take at now, for ttl, has to leave the lease alone. One
// that lasts for more than twice as long was taken before the clock went back:
// whoever holds it takes it again if he lives, and must not be waited for if not.
func (l Lease) Held(now time.Time, ttl time.Duration) bool {
	return l.Live(now) && !l.Expires.After(now.Add(2*ttl))
}

// ErrLeaseLost says that another process runs the ladder by now.
var ErrLeaseLost = errors.New("another process runs the ladder now")

// HeldError says who runs the ladder.
type HeldError struct{ Lease }

func (e *HeldError) Error() string {
	return fmt.Sprintf("the ladder is run by %s until %s", e.Owner, e.Expires.UTC().Format(time.RFC3339))
}
