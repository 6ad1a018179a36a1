package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

const (
	maxFaults    = 16 // before one instance at a time
	maxUndone    = 10_000
	maxLatency   = time.Minute
	maxFaultLife = 15 * time.Minute
)

// faults are what is done to the requests before one instance. The zero value
// holds none.
type faults struct {
	mu     sync.Mutex
	live   []*heldFault
	undone map[string]time.Time // when; a late injection must not bring a fault back
}

type heldFault struct {
	chaos.ProxyFault
	hits int64
	over chan struct{} // closed when it is taken away: whom it delays goes on
}

var (
	faultID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

	errUndone = errors.New("was undone already")
	errExists = errors.New("is there already")
	errFull   = fmt.Errorf("there are %d faults already", maxFaults)
)

// checkFault says what is wrong with a fault that somebody wants to inject now.
func checkFault(f chaos.ProxyFault, now time.Time) error {
	latency, jitter := milliseconds(f.LatencyMS), milliseconds(f.JitterMS)
	switch {
	case !faultID.MatchString(f.ID):
		return fmt.Errorf("id %.80q: want 1 to 64 letters, digits, dots, dashes or underscores", f.ID)
	case f.Hits != nil:
		return errors.New("hits: that is counted here")
	case f.LatencyMS < 0 || latency > maxLatency:
		return fmt.Errorf("latency_ms %g: want 0 to %d", f.LatencyMS, maxLatency.Milliseconds())
	case f.JitterMS < 0 || jitter > maxLatency:
		return fmt.Errorf("jitter_ms %g: want 0 to %d", f.JitterMS, maxLatency.Milliseconds())
	case f.ErrorRatio < 0 || f.ErrorRatio > 1:
		return fmt.Errorf("error_ratio %g: want 0 to 1", f.ErrorRatio)
	case f.ErrorRatio > 0 && (f.ErrorStatus < 400 || f.ErrorStatus > 599):
		return fmt.Errorf("error_status %d: want 400 to 599", f.ErrorStatus)
	case f.ErrorRatio == 0 && f.ErrorStatus != 0:
		return fmt.Errorf("error_status %d without an error_ratio", f.ErrorStatus)
	case f.LatencyMS == 0 && f.JitterMS == 0 && f.ErrorRatio == 0:
		return errors.New("it does nothing: latency_ms, jitter_ms and error_ratio are 0")
	case f.ExpiresAt.IsZero():
		return errors.New("expires_at is missing: every fault has an end")
	case !f.ExpiresAt.After(now):
		return fmt.Errorf("expires_at %s is over: it is %s", f.ExpiresAt.UTC().Format(time.RFC3339Nano), now.UTC().Format(time.RFC3339Nano))
	case f.ExpiresAt.Sub(now) > maxFaultLife:
		return fmt.Errorf("expires_at is more than %v away", maxFaultLife)
	}
	return nil
}

// milliseconds caps what would overflow.
func milliseconds(ms float64) time.Duration {
	return time.Duration(min(ms, float64(2*maxLatency.Milliseconds())) * float64(time.Millisecond))
}

// add puts a checked fault in place.
func (s *faults) add(f chaos.ProxyFault, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	_, undone := s.undone[f.ID]
	switch {
	case undone:
		return fmt.Errorf("%s %w", f.ID, errUndone)
	case slices.ContainsFunc(s.live, func(x *heldFault) bool { return x.ID == f.ID }):
		return fmt.Errorf("%s %w", f.ID, errExists)
	case len(s.live) >= maxFaults:
		return errFull
	}
	s.live = append(s.live, &heldFault{ProxyFault: f, over: make(chan struct{})})
	return nil
}

// remove takes a fault away, and whatever comes later under its id.
func (s *faults) remove(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	s.drop(func(f *heldFault) bool { return f.ID == id })
	if s.undone == nil {
		s.undone = map[string]time.Time{}
	}
	for other := range s.undone {
		if len(s.undone) < maxUndone {
			break
		}
		delete(s.undone, other)
	}
	s.undone[id] = now
}

// list is what is in place now.
func (s *faults) list(now time.Time) []chaos.ProxyFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	out := []chaos.ProxyFault{}
	for _, f := range s.live {
		copied, hits := f.ProxyFault, f.hits
		copied.Hits = &hits
		out = append(out, copied)
	}
	return out
}

// expire drops what is over, and forgets undone faults that could not be
// injected any more. The caller holds mu.
func (s *faults) expire(now time.Time) {
	s.drop(func(f *heldFault) bool { return !f.ExpiresAt.After(now) })
	maps.DeleteFunc(s.undone, func(_ string, at time.Time) bool { return now.Sub(at) > maxFaultLife })
}

func (s *faults) drop(gone func(*heldFault) bool) {
	s.live = slices.DeleteFunc(s.live, func(f *heldFault) bool {
		if gone(f) {
			close(f.over)
			return true
		}
		return false
	})
}

// blow is what one fault does to one request.
type blow struct {
	delay   time.Duration
	status  int // 0: the request goes on
	over    <-chan struct{}
	expires time.Time
}

// blows draws what the faults in place do to a request that arrives now.
func (s *faults) blows(now time.Time) []blow {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	var out []blow
	for _, f := range s.live {
		b := blow{over: f.over, expires: f.ExpiresAt}
		b.delay = max(0, milliseconds(f.LatencyMS+f.JitterMS*(2*rand.Float64()-1)))
		if rand.Float64() < f.ErrorRatio {
			b.status = f.ErrorStatus
		}
		if b.delay > 0 || b.status != 0 {
			f.hits++
			out = append(out, b)
		}
	}
	return out
}

// suffer lets the faults in place have their way with a request. The status is
// that of an error to answer with, or 0 to go on.
func (s *faults) suffer(ctx context.Context) (status int) {
	for _, b := range s.blows(time.Now()) {
		left := time.Until(b.expires)
		if left < b.delay {
			b.status = 0 // it will be over by then
		}
		wait := time.NewTimer(min(b.delay, left))
		select {
		case <-wait.C:
			status = max(status, b.status)
		case <-b.over: // undone: neither delay nor error any more
		case <-ctx.Done():
			status = http.StatusGatewayTimeout // nobody reads it
		}
		wait.Stop()
	}
	return status
}
