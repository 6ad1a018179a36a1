package fault

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// hurt is what a fault does to the requests that it is about, as holders and proxies are
// told; where the connections are encrypted, to those.
type hurt struct {
	ID      string        `json:"id"`
	Kind    string        `json:"kind"`
	Match   match         `json:"match"`
	Latency time.Duration `json:"latency,omitempty"`
	Jitter  time.Duration `json:"jitter,omitempty"`
	Status  int           `json:"status,omitempty"`
	Body    string        `json:"body,omitempty"`
	Keep    int64         `json:"keep,omitempty"`      // bytes of a body that get through, -1 is half of it
	Rate    int64         `json:"rate,omitempty"`      // bytes a second
	Expires time.Time     `json:"expires_at,omitzero"` // over by itself then
}

// What a hurt is limited to.
const (
	longestBody = 64 << 10
	slowestRate = 128     // bytes a second
	largestSize = 1 << 50 // bytes, and bytes a second; as much as an experiment may say
)

// does is what a plan says of it.
func (h hurt) does() string {
	switch h.Kind {
	case "http.latency":
		text := "delay " + h.Match.String() + " by " + strictyaml.FormatDuration(h.Latency)
		if h.Jitter > 0 {
			text += " ± " + strictyaml.FormatDuration(h.Jitter)
		}
		return text
	case "http.error":
		return fmt.Sprintf("answer %s with %d %s", h.Match, h.Status, http.StatusText(h.Status))
	case "http.abort":
		return "reset the connection of " + h.Match.String()
	case "http.truncate":
		if h.Keep < 0 {
			return "reset the connection in the middle of the answer to " + h.Match.String()
		}
		return fmt.Sprintf("reset the connection after %s of the body of the answer to %s", chaos.FormatSize(h.Keep), h.Match)
	}
	return fmt.Sprintf("let %s a second through of %s, and of its answer", chaos.FormatSize(h.Rate), h.Match)
}

// check refuses what no plan would ask for: a proxy is told by whoever may write to its
// socket.
func (h *hurt) check() error {
	takes, known := map[string][]string{
		"http.latency": {"latency", "jitter"}, "http.error": {"status", "body"}, "http.abort": nil, "http.truncate": {"keep"}, "http.throttle": {"rate"},
	}[h.Kind]
	if !known {
		return fmt.Errorf("kind %.40q is not one that a proxy can do", h.Kind)
	}
	for _, n := range []struct {
		key, says   string
		given, fits bool
		want        string
	}{
		{"latency", h.Latency.String(), h.Latency != 0, h.Latency >= time.Millisecond && h.Latency <= maxLatency, fmt.Sprintf("1ms to %s, in nanoseconds", maxLatency)},
		{"jitter", h.Jitter.String(), h.Jitter != 0, h.Jitter >= 0 && h.Jitter <= h.Latency, "0 to the latency"},
		{"status", strconv.Itoa(h.Status), h.Status != 0, h.Status >= 400 && h.Status <= 599, "400 to 599"},
		{"body", fmt.Sprintf("%d bytes", len(h.Body)), h.Body != "", len(h.Body) <= longestBody, "at most " + chaos.FormatSize(longestBody)},
		{"keep", strconv.FormatInt(h.Keep, 10), h.Keep != 0, h.Keep >= -1 && h.Keep <= largestSize, "bytes up to " + chaos.FormatSize(largestSize) + ", or -1, which is half of the body"},
		{"rate", strconv.FormatInt(h.Rate, 10), h.Rate != 0, h.Rate >= slowestRate && h.Rate <= largestSize, fmt.Sprintf("%d to %d bytes a second", slowestRate, int64(largestSize))},
	} {
		mine := slices.Contains(takes, n.key)
		switch {
		case mine && !n.fits:
			return fmt.Errorf("%s: %s %s: want %s", h.Kind, n.key, n.says, n.want)
		case !mine && n.given:
			return fmt.Errorf("%s takes no %s", h.Kind, n.key)
		}
	}
	return h.Match.check()
}

// delay is of one request.
func (h hurt) delay() time.Duration {
	if h.Jitter == 0 {
		return h.Latency
	}
	return h.Latency - h.Jitter + rand.N(2*h.Jitter+1)
}

// liveHurt is one in place.
type liveHurt struct {
	hurt
	ctx             context.Context // ends with it
	end             context.CancelFunc
	touched, passed atomic.Int64 // requests
}

// hurts are those of one proxy. The zero value has none. It is safe for concurrent use,
// and costs a request nothing while there is none.
type hurts struct {
	live atomic.Pointer[[]*liveHurt]

	mu     sync.Mutex           // of those who change it
	undone map[string]time.Time // when: what comes late must not bring one back
}

const (
	maxHurts    = 16
	maxUndone   = 10_000
	maxHurtLife = 15 * time.Minute
)

func (s *hurts) all() []*liveHurt {
	if live := s.live.Load(); live != nil {
		return *live
	}
	return nil
}

// add puts a checked one in place. The text of an error is for whoever wanted it.
func (s *hurts) add(h hurt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := slices.DeleteFunc(slices.Clone(s.all()), func(l *liveHurt) bool { return l.ctx.Err() != nil })
	_, undone := s.undone[h.ID]
	switch {
	case undone:
		return fmt.Errorf("%s was undone already", h.ID)
	case slices.ContainsFunc(live, func(l *liveHurt) bool { return l.ID == h.ID }):
		return fmt.Errorf("%s is there already", h.ID)
	case len(live) >= maxHurts:
		return fmt.Errorf("there are %d faults already", maxHurts)
	}
	l := &liveHurt{hurt: h}
	if h.Expires.IsZero() {
		l.ctx, l.end = context.WithCancel(context.Background())
	} else {
		l.ctx, l.end = context.WithDeadline(context.Background(), h.Expires)
	}
	live = append(live, l)
	s.live.Store(&live)
	return nil
}

// remove takes one away, and whatever comes later under its ID.
func (s *hurts) remove(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := slices.DeleteFunc(slices.Clone(s.all()), func(l *liveHurt) bool {
		if l.ID == id {
			l.end()
		}
		return l.ID == id || l.ctx.Err() != nil
	})
	s.live.Store(&live)
	if s.undone == nil {
		s.undone = map[string]time.Time{}
	}
	if len(s.undone) >= maxUndone {
		maps.DeleteFunc(s.undone, func(_ string, at time.Time) bool { return now.Sub(at) > maxHurtLife })
	}
	s.undone[id] = now
}

// draw is what is done to a request.
func (s *hurts) draw(h *head) (drawn []*liveHurt) {
	for _, l := range s.all() {
		switch {
		case l.ctx.Err() != nil:
		case l.Match.draws(h):
			drawn = append(drawn, l)
		default:
			l.passed.Add(1)
		}
	}
	return drawn
}

// drawBlind is what is done to a connection that nobody can look into.
func (s *hurts) drawBlind() (drawn []*liveHurt) {
	for _, l := range s.all() {
		switch {
		case l.ctx.Err() != nil:
		case !l.Match.narrows() && l.Match.lot():
			drawn = append(drawn, l)
		default:
			l.passed.Add(1)
		}
	}
	return drawn
}
