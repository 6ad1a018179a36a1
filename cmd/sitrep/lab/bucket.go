package lab

import "time"

// tokenBucket lets through a burst at once and then one call every interval. It
// is guarded by its owner.
type tokenBucket struct {
	burst int
	every time.Duration
	full  time.Time // when it will be full again: each token taken moves that on
}

// take spends a token, or says how long until there is one.
func (b *tokenBucket) take(now time.Time) (wait time.Duration, ok bool) {
	if b.full.Before(now) {
		b.full = now
	}
	next := b.full.Add(b.every)
	if room := time.Duration(b.burst) * b.every; next.Sub(now) > room {
		return next.Sub(now) - room, false
	}
	b.full = next
	return 0, true
}
