package escalation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// ill is a store that fails when it is told to, and counts what it is asked.
// Nothing that fails has been written.
type ill struct {
	*storetest.Memory

	mu    sync.Mutex
	fails func(verb string, id incident.ID) error // nil is well
	asked map[string]int
}

func (s *ill) ask(verb string, id incident.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[verb]++
	if s.fails == nil {
		return nil
	}
	return s.fails(verb, id)
}

func (s *ill) fail(f func(verb string, id incident.ID) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = f
}

func (s *ill) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.asked {
		n += k
	}
	return n
}

func (s *ill) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	if err := s.ask("turn", id); err != nil {
		return err
	}
	return s.Memory.Turn(ctx, l, now, id, decide)
}

func (s *ill) Due(ctx context.Context, l escalation.Lease, now time.Time) ([]incident.ID, time.Time, error) {
	if err := s.ask("due", ""); err != nil {
		return nil, time.Time{}, err
	}
	return s.Memory.Due(ctx, l, now)
}

func (s *ill) Heads(ctx context.Context) ([]escalation.Message, error) {
	if err := s.ask("heads", ""); err != nil {
		return nil, err
	}
	return s.Memory.Heads(ctx)
}

func (s *ill) Last(ctx context.Context) (int64, error) {
	if err := s.ask("last", ""); err != nil {
		return 0, err
	}
	return s.Memory.Last(ctx)
}

func (s *ill) Wait(ctx context.Context, seq int64) error {
	if err := s.ask("wait", ""); err != nil {
		return err
	}
	return s.Memory.Wait(ctx, seq)
}

func (s *ill) Renew(ctx context.Context, l escalation.Lease, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := s.ask("renew", ""); err != nil {
		return l, err
	}
	return s.Memory.Renew(ctx, l, now, ttl)
}

var errDisk = errors.New("disk I/O error")

// runOn starts an engine on an ill store.
func (w *world) runOn(s *ill, owner string) (end func()) {
	c := w.engine(owner).Config
	c.Book, c.Leases, c.Timeline = s, s, s
	ctx, cancel := context.WithCancel(w.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = escalation.New(c).Run(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

// A store that fails for a minute is asked now and then, not as fast as the
// machine can, and everything goes on when it is well again.
func TestStoreThatFailsIsNotHammered(t *testing.T) {
	for _, verbs := range []string{"turn", "heads", "last", "wait", "last wait", "turn heads last wait"} {
		t.Run(verbs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := &ill{Memory: w.store}
				s.fail(func(verb string, _ incident.ID) error {
					if s.asked[verb] > 20000 {
						panic("hammered: " + verb)
					}
					if strings.Contains(verbs, verb) {
						return errDisk
					}
					return nil
				})
				w.declare(incident.Sev1)
				defer w.runOn(s, "ana@bastion 1")()
				w.after(time.Minute)
				require.Less(t, s.count(), 1000)
				s.fail(nil)
				w.after(63 * time.Second)
				require.NotEmpty(t, w.pages())
			})
		})
	}
}

// What came of an attempt cannot be written for five seconds: it is tried
// until it can, and the page does not go out twice.
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		s.fail(func(verb string, _ incident.ID) error {
			if s.asked[verb] > 20000 {
				panic("hammered: " + verb)
			}
			if verb == "turn" && len(w.pd.calls(escalation.OpTrigger)) > 0 && time.Since(w.start) < 5*time.Second {
				return errDisk
			}
			return nil
		})
		inc := w.declare(incident.Sev1)
		defer w.runOn(s, "ana@bastion 1")()
		w.after(time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical"}, w.pages())
		require.Equal(t, escalation.Accepted, trigger(w, inc.ID).State)
	})
}

// trigger is the first page of an incident.
func trigger(w *world, id incident.ID) escalation.Message {
	w.t.Helper()
	all, err := w.store.Messages(w.t.Context(), id)
	require.NoError(w.t, err)
	i := slices.IndexFunc(all, func(m escalation.Message) bool { return m.Operation == escalation.OpTrigger })
	require.GreaterOrEqual(w.t, i, 0, "nothing is queued")
	return all[i]
}

// An incident that cannot be read is no reason to forget the others.
func TestOneDamagedIncidentHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		bad, good := w.declare(incident.Sev1), w.declare(incident.Sev1)
		s.fail(func(verb string, id incident.ID) error {
			if id == bad.ID {
				return errDisk
			}
			return nil
		})
		defer w.runOn(s, "ana@bastion 1")()
		w.after(time.Second)
		calls := w.pd.calls(escalation.OpTrigger)
		require.Len(t, calls, 1)
		require.Equal(t, good.ID, calls[0].m.Incident)
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Contains(t, w.problems[0], "INC-1")
	})
}

// No attempt starts that could still be under way when the lease has run out:
// the next process may send the same by then.
func TestNoAttemptOutlivesTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		s.fail(func(verb string, _ incident.ID) error {
			if verb == "renew" {
				return errDisk
			}
			return nil
		})
		w.declare(incident.Sev1)
		w.pd.answer(failing(escalation.NotSent, "refused", 1000)...)
		w.slack.answer(failing(escalation.NotSent, "refused", 1000)...)
		defer w.runOn(s, "ana@bastion 1")()
		w.after(25 * time.Minute)
		timing := escalation.DefaultTiming()
		require.NotEmpty(t, w.pd.calls(escalation.OpTrigger))
		for _, c := range w.pd.calls(escalation.OpTrigger) {
			// The lease is taken anew when it has run out, every 30 s or so.
			require.GreaterOrEqual(t, c.left, timing.Attempt, "at %s", c.at.Sub(w.start))
		}
	})
}

// A command that is interrupted ends soon, and not in a busy loop.
func TestDeliverInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		s.fail(func(verb string, _ incident.ID) error {
			if s.asked[verb] > 20000 {
				panic("hammered: " + verb)
			}
			return nil
		})
		w.pd.hang = time.Hour
		w.declare(incident.Sev1)
		c := w.engine("ana@bastion 1").Config
		c.Book, c.Leases, c.Timeline = s, s, s
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, escalation.New(c).Deliver(ctx, 10*time.Second), context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(w.start), 4*time.Second)
		_, err := w.store.Take(t.Context(), "bob@bastion 2", time.Now(), time.Minute)
		require.NoError(t, err, "the lease was given back")
	})
}

// sleepy stops once, between the commit of a claim and the wire.
type sleepy struct {
	*storetest.Memory
	once  sync.Once
	sleep time.Duration
}

func (s *sleepy) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	claimed := false
	err := s.Memory.Turn(ctx, l, now, id, func(c escalation.Case) (escalation.Decision, error) {
		d, err := decide(c)
		claimed = slices.ContainsFunc(d.Put, func(m escalation.Message) bool {
			return m.State == escalation.Sending && m.Operation == escalation.OpTrigger
		})
		return d, err
	})
	if claimed {
		s.once.Do(func() { time.Sleep(s.sleep) })
	}
	return err
}

// A process is stopped, or its machine sleeps, between the last look and the
// wire. The incident is over when it goes on: nobody is paged any more.
func TestStoppedBeforeTheWire(t *testing.T) {
	for name, sleep := range map[string]time.Duration{"while the lease lasts": 5 * time.Second, "longer than the lease": 100 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := w.engine("ana@bastion 1").Config
				c.Book = &sleepy{Memory: w.store, sleep: sleep}
				ctx, cancel := context.WithCancel(t.Context())
				over := make(chan struct{})
				go func() {
					defer close(over)
					_ = escalation.New(c).Run(ctx)
				}()
				inc := w.declare(incident.Sev1)
				w.after(time.Second)
				_, err := w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "it was a test")
				require.NoError(t, err)
				w.after(10 * time.Minute)
				require.Empty(t, w.pages())
				require.Equal(t, escalation.Superseded, trigger(w, inc.ID).State)
				cancel()
				<-over
			})
		})
	}
}

// The chat refuses its token when the incident is declared and when PagerDuty
// fails. Somebody mends the token: the chat then learns of the incident, and of
// the page that still waits.
func TestRefusedChatIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.answer(failing(escalation.Dead, "invalid_auth", 2)...)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 100)...)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(30 * time.Second)
		require.Len(t, w.slack.calls(escalation.OpPost), 2, "the headline, and that nobody was paged")
		w.after(3 * time.Minute)
		require.Equal(t, escalation.Accepted, headlines(w, inc.ID)[0].State)
		all, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(m escalation.Message) bool { return m.Content().Diverts != "" })
		require.Equal(t, escalation.Accepted, all[i].State)
	})
}

// A chat that refuses for good is not asked any more when the incident is over.
func TestRefusedChatIsLeftAloneInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.answer(failing(escalation.Dead, "channel_not_found", 1000)...)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(90 * time.Second)
		_, err := w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "rolled back")
		require.NoError(t, err)
		w.after(10 * time.Minute)
		tries := len(w.slack.sent)
		w.after(48 * time.Hour)
		require.Len(t, w.slack.sent, tries)
		require.Empty(t, w.everDue())
	})
}

// Problems are told one at a time: callers collect them without a lock.
func TestProblemsComeOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		for range 8 {
			w.declare(incident.Sev1)
		}
		s.fail(func(verb string, _ incident.ID) error {
			if verb == "turn" && s.asked[verb] > 8 || verb == "renew" {
				return errDisk
			}
			return nil
		})
		c := w.engine("ana@bastion 1").Config
		c.Book, c.Leases, c.Timeline = s, s, s
		var problems []error
		c.Problem = func(err error) { problems = append(problems, err) } // the race detector watches
		require.NoError(t, escalation.New(c).Deliver(t.Context(), 12*time.Second))
		require.Greater(t, len(problems), 8)
	})
}
