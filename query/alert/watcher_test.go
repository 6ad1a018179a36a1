package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// script is a server whose answers are set by the test. The test and the watcher
// take turns in virtual time; the baton tells the race detector so.
type script struct {
	baton       sync.Mutex
	alerts      []query.RawAlert
	rules       []query.RawRule
	err, rulErr error
	hang        bool
	asked       []time.Time
}

func (s *script) Alerts(ctx context.Context) ([]query.RawAlert, error) {
	s.baton.Lock()
	s.asked = append(s.asked, time.Now())
	alerts, err, hang := s.alerts, s.err, s.hang
	s.baton.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return alerts, err
}

func (s *script) Rules(context.Context) ([]query.RawRule, error) { return s.rules, s.rulErr }

func firing(names ...string) (raw []query.RawAlert) {
	for _, n := range names {
		raw = append(raw, query.RawAlert{State: Firing, Labels: query.Labels{"alertname": n}, ActiveAt: night})
	}
	return raw
}

// watch runs w within a bubble of virtual time, and ends it with the test.
func watch(t *testing.T, w *Watcher, s *script, story func()) {
	w.Source = s
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	synctest.Wait() // the first poll is over
	s.baton.Lock()
	story()
	s.baton.Unlock()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// pass lets so much time go by, and what it begins come to rest.
func (s *script) pass(d time.Duration) {
	s.baton.Unlock()
	time.Sleep(d)
	synctest.Wait()
	s.baton.Lock()
}

func TestWatchesAndTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{alerts: firing("A"), rules: []query.RawRule{{Name: "A", Health: "ok", LastEvaluation: night}, {Name: "B", Health: "err", LastEvaluation: night}}}
		var heard []string
		var latest []Alert
		var rules []Rule
		w := &Watcher{
			Interval: 10 * time.Second,
			Report:   func(_ context.Context, c []Change) error { heard = append(heard, told(c)...); return nil },
			Latest:   func(l []Alert, err error) { require.NoError(t, err); latest = l },
			Rules:    func(r []Rule) { rules = r },
		}
		watch(t, w, s, func() {
			require.Equal(t, []string{"fired A since 0s"}, heard, "at once, not after the first interval")
			require.Len(t, latest, 1)
			require.Equal(t, s.rules, rules)
			s.pass(10 * time.Second)
			s.alerts = nil
			s.pass(10 * time.Second)
			require.Empty(t, latest)
			require.Len(t, heard, 1)
			s.pass(10 * time.Second)
			require.Equal(t, []string{"fired A since 0s", "resolved A since 0s"}, heard)
			require.Len(t, s.asked, 4)
			require.Equal(t, 30*time.Second, s.asked[3].Sub(s.asked[0]))
		})
	})
}

// A server that does not answer ends no alert, and is asked again soon.
func TestErrorsEndNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{alerts: firing("A")}
		var heard []string
		var latest []Alert
		var failed error
		w := &Watcher{
			Interval: time.Minute,
			Report:   func(_ context.Context, c []Change) error { heard = append(heard, told(c)...); return nil },
			Latest:   func(l []Alert, err error) { latest, failed = l, err },
		}
		watch(t, w, s, func() {
			s.err = query.ErrUnreachable
			s.pass(time.Minute)
			for range 20 {
				require.ErrorIs(t, failed, query.ErrUnreachable)
				require.Len(t, latest, 1, "the last that is known")
				s.pass(5 * time.Second)
			}
			require.Len(t, s.asked, 22)
			s.err, s.alerts = nil, nil
			s.pass(5 * time.Second)
			require.NoError(t, failed)
			require.Empty(t, latest)
			require.Len(t, heard, 1, "one answer without it is not enough")
			s.pass(time.Minute)
			require.Equal(t, []string{"fired A since 0s", "resolved A since 0s"}, heard)
		})
	})
}

// An interval shorter than the longest pause is kept while the server fails.
func TestShortInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{err: errors.New("no")}
		watch(t, &Watcher{Interval: time.Second}, s, func() {
			s.pass(10 * time.Second)
			require.Len(t, s.asked, 11)
		})
		s = &script{}
		watch(t, &Watcher{}, s, func() {
			s.pass(10 * time.Second)
			require.Len(t, s.asked, 3, "every five seconds, if nothing else is said")
		})
	})
}

// What could not be recorded is offered again, and told once it was.
func TestAReportThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{alerts: firing("A", "B")}
		full := errors.New("disk full")
		var tries int
		var heard []string
		var latest []Alert
		var failed error
		w := &Watcher{
			Interval: time.Second,
			Report: func(_ context.Context, c []Change) error {
				if tries++; tries <= 3 {
					return fmt.Errorf("append: %w", full)
				}
				heard = append(heard, told(c)...)
				return nil
			},
			Latest: func(l []Alert, err error) { latest, failed = l, err },
		}
		watch(t, w, s, func() {
			require.ErrorIs(t, failed, full)
			require.Len(t, latest, 2, "the screen sees what is there")
			s.pass(2 * time.Second)
			require.Empty(t, heard)
			require.ErrorIs(t, failed, full)
			s.pass(time.Second)
			require.NoError(t, failed)
			require.Equal(t, []string{"fired A since 0s", "fired B since 0s"}, heard)
			s.pass(10 * time.Second)
			require.Equal(t, 4, tries)
		})
	})
}

// Not every backend has rules: then the alerts decide alone.
func TestWithoutRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{alerts: firing("A"), rulErr: errors.New("404")}
		var heard []string
		w := &Watcher{
			Interval: time.Second,
			Report:   func(_ context.Context, c []Change) error { heard = append(heard, told(c)...); return nil },
			Rules:    func([]Rule) { t.Error("rules from nowhere") },
		}
		watch(t, w, s, func() {
			s.alerts = nil
			s.pass(2 * time.Second)
			require.Equal(t, []string{"fired A since 0s", "resolved A since 0s"}, heard)
		})
	})
}

// After a restart nothing is told twice, and what ended meanwhile ends.
func TestGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{alerts: firing("A")}
		known := From(firing("A", "B"))
		var heard []string
		w := &Watcher{
			Interval: time.Second, Known: known,
			Report: func(_ context.Context, c []Change) error { heard = append(heard, told(c)...); return nil },
		}
		watch(t, w, s, func() {
			require.Empty(t, heard)
			s.pass(5 * time.Second)
			require.Equal(t, []string{"resolved B since 0s"}, heard)
		})
	})
}

// It ends when it is told to, also in the middle of a question, and says
// nothing about that.
func TestEndsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{hang: true}
		w := &Watcher{Latest: func([]Alert, error) { t.Error("an error that is none") }}
		watch(t, w, s, func() { s.pass(time.Hour); require.Len(t, s.asked, 1) })
	})
}

// What is put off comes again, and keeps nothing else from ending.
func TestWhatIsPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{alerts: firing("A", "B")}
		var heard []string
		holds := true
		w := &Watcher{Interval: time.Second, Report: func(_ context.Context, changes []Change) error {
			var later Later
			for _, c := range changes {
				if c.Alert.Name == "B" && holds {
					later = append(later, c)
				} else {
					heard = append(heard, told([]Change{c})...)
				}
			}
			if len(later) > 0 {
				return later
			}
			return nil
		}}
		watch(t, w, s, func() {
			s.alerts = firing("B")
			s.pass(3 * time.Second)
			require.Equal(t, []string{"fired A since 0s", "resolved A since 0s"}, heard)
			holds = false
			s.pass(time.Second)
			require.Equal(t, "fired B since 0s", heard[2])
			holds, s.alerts = true, nil
			s.pass(5 * time.Second)
			require.Len(t, heard, 3)
			holds = false
			s.pass(time.Second)
			require.Equal(t, "resolved B since 0s", heard[3])
			s.pass(5 * time.Second)
			require.Len(t, heard, 4)
		})
	})
}
