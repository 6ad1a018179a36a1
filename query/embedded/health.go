package embedded

import (
	"errors"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// health is what is known of whether the server answers. It decides on what its
// owner hears; the time is the owner's.
type health struct {
	down     bool
	good     time.Time // the last answer
	timeouts int       // in a row
	starting time.Time // since then it says that it starts; zero if it does not
}

// startGrace is how long a server may start up before it is stood in for: a restart
// is shorter, the replay of a large log is not.
const startGrace = 30 * time.Second

// hear takes the outcome of a probe: the server is down when it refuses connections
// or says 503 without starting up, or with the second silence in a row. A refusal of
// the question itself proves that somebody is there.
func (h *health) hear(err error, starts bool, now time.Time) {
	switch {
	case err == nil, errors.Is(err, query.ErrQuery), errors.Is(err, query.ErrDenied), errors.Is(err, query.ErrBusy), errors.Is(err, query.ErrTooLarge):
		*h = health{good: now}
		return
	case errors.Is(err, query.ErrStarting) && starts:
		if h.starting.IsZero() {
			h.starting = now
		}
		h.timeouts = 0
		h.down = h.down || now.Sub(h.starting) >= startGrace
		return
	case errors.Is(err, query.ErrTimeout), errors.Is(err, query.ErrServer), errors.Is(err, query.ErrNotPrometheus):
		h.timeouts++
		h.down = h.down || h.timeouts >= 2
	default: // refused, not found, broken off, or 503
		h.timeouts = 0
		h.down = true
	}
	h.starting = time.Time{}
}
