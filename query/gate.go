package query

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// longestPatience is the longest that a server is left alone on its own word.
const longestPatience = 5 * time.Minute

// gate is what all requests to one server pass: so many at a time, and none
// while it asks for patience.
type gate struct {
	slots chan struct{}

	mu     sync.Mutex
	until  time.Time
	status string
}

func newGate(most int) *gate { return &gate{slots: make(chan struct{}, most)} }

// enter waits for a slot; leave gives it back.
func (g *gate) enter(ctx context.Context, shown string) error {
	if err := g.patience(shown); err != nil {
		return err
	}
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return unreachable(shown, ctx.Err(), 0)
	}
	if err := g.patience(shown); err != nil { // it was asked for while we waited
		g.leave()
		return err
	}
	return nil
}

func (g *gate) leave() { <-g.slots }

func (g *gate) patience(shown string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := time.Until(g.until)
	if left <= 0 {
		return nil
	}
	return &Error{
		URL: shown, Kind: ErrBusy,
		Msg: fmt.Sprintf("it answered %s and is left alone for %v more, as it asked", g.status, left.Round(time.Second)),
	}
}

// hear takes note of a Retry-After and returns how long that is; 0 without one.
func (g *gate) hear(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	now := time.Now()
	wait := retryAfter(resp.Header.Get("Retry-After"), now)
	if wait <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := now.Add(wait); until.After(g.until) {
		g.until = until
		g.status = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return wait
}

// retryAfter reads seconds or a date; 0 if it is neither, or over.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if !(n > 0) {
			return 0
		}
		return time.Duration(min(n, longestPatience.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), longestPatience)
}
