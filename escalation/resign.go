package escalation

import "time"

// Whoever runs the ladder may be the only one who cannot: with a key that has
// expired, an old configuration, a network of its own. While it keeps the lease,
// nobody else pages either. So it gives the lease up for a moment when pages wait
// and none of its sinks takes any, and works on if nobody wants it.

// standAside is how long the lease is free for others; they ask for it every
// takeEvery.
const standAside = 3 * takeEvery

// longestStay bounds how long one that has given the lease up in vain keeps it
// before it does so again.
const longestStay = 10 * time.Minute

// hopeless says that a page has waited for at least stay for a sink that fails, and
// that none takes pages, or what stands in for them. With requests under way it waits
// for what comes of them.
func (s *shift) hopeless(heads []Message, now time.Time) bool {
	if s.stay <= 0 || now.Sub(s.began) < s.stay || s.busy() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := false
	for _, m := range heads {
		waits = waits || m.Operation == OpTrigger && now.Sub(m.QueuedAt) >= s.stay && (m.State == Failed || s.health(m.Sink).Broken)
	}
	for _, h := range s.sinks {
		waits = waits && !h.carries
	}
	return waits
}

// carried remembers whether a sink takes pages. The caller holds the mutex.
func (h *sinkHealth) carried(m Message, o Outcome) {
	switch {
	case o.Class == Dead, o.Class == NotSent, o.Class == Unsure:
		h.carries = false
	case o.Class == Done && (m.Operation == OpTrigger || m.Content().Diverts != ""):
		h.carries = true
	}
}

// resign gives the lease up. What the sinks did to this process says little about
// what they will do to the next: it may try at once.
func (s *shift) resign(heads []Message, now time.Time) error {
	s.mu.Lock()
	var known []SinkHealth
	for _, h := range s.sinks {
		h.tryNow()
		known = append(known, h.SinkHealth)
	}
	s.mu.Unlock()
	err := s.Book.Turn(s.ctx, s.present(), now, heads[0].Incident, func(Case) (Decision, error) {
		return Decision{Health: known}, nil
	})
	if err == nil {
		s.resigned = true
		s.lose()
	}
	return err
}
