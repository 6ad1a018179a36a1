package escalation_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

func TestRoomNamesAreSlacks(t *testing.T) {
	for title, want := range map[string]string{
		"Checkout 5xx":              "inc-12-checkout-5xx",
		"<!channel> ☃ ../etc":       "inc-12-channel-etc",
		"Платёж":                    "inc-12",
		"":                          "inc-12",
		strings.Repeat("long ", 40): "inc-12" + strings.Repeat("-long", 13),
	} {
		require.Equal(t, want, escalation.RoomName("inc", incident.Incident{ID: "INC-12", Title: title}), title)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := escalation.RoomName("inc", incident.Incident{ID: incident.NumberedID(rapid.IntRange(1, 1e6).Draw(t, "n")), Title: rapid.String().Draw(t, "title")})
		require.Regexp(t, regexp.MustCompile(`^[a-z0-9_-]{1,73}$`), name)
	})
}

// chatty is a world whose chat makes rooms and keeps a dead man's message.
func (w *world) chatty(owner string, chat escalation.Chat) (end func()) {
	e := escalation.New(escalation.Config{
		Book: w.store, Leases: w.store, Timeline: w.store, Install: "test0000", Owner: owner, Chat: chat,
		Senders: map[string]escalation.Sender{"pagerduty": w.pd, "slack": w.slack}, Rand: func() float64 { return 0.5 },
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = e.Run(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

func rooms() escalation.Chat {
	return escalation.Chat{Rooms: escalation.Rooms{
		Severities: []incident.Severity{incident.Sev1, incident.Sev2}, Prefix: "inc", Invite: []string{"U0BOSS"}, Archive: true,
		Bookmarks: map[string]string{"Dashboard": "https://grafana.example/d/1"},
		Member:    func(p incident.Person) bool { return p == "ana" || p == "bob" },
	}}
}

// The life of a channel: everything once, in order, and again what changes.
func TestAChannelOfTheIncidentsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.chatty("ana@bastion 1", rooms())()
		inc := w.declare(incident.Sev2)
		w.after(time.Minute)
		creates := w.slack.calls(escalation.OpCreate)
		require.Len(t, creates, 1)
		require.Equal(t, "inc-1-checkout-5xx", creates[0].m.Content().Room.Name)
		room := "slack/" + creates[0].m.ID // what the sink calls it
		in := func(op escalation.Operation) (list []escalation.Content) {
			for _, c := range w.slack.calls(op) {
				if c.m.Content().Room != nil {
					require.Equal(t, room, c.m.Content().Room.Channel)
				}
				list = append(list, c.m.Content())
			}
			return list
		}
		require.Equal(t, "INC-1 SEV-2 Checkout 5xx", in(escalation.OpTopic)[0].Text)
		require.Equal(t, []string{"U0BOSS"}, in(escalation.OpInvite)[0].Room.Invite)
		require.Equal(t, []incident.Person{"ana"}, in(escalation.OpInvite)[0].Who, "she declared it; nobody else is known to the chat")
		require.Equal(t, "https://grafana.example/d/1", in(escalation.OpBookmark)[0].Room.Link)
		require.Len(t, headlines(w, inc.ID), 2, "one in the channel of all incidents, one in its own")
		require.Equal(t, "slack/"+headlines(w, inc.ID)[1].ID, in(escalation.OpPin)[0].Room.Message)
		var newest escalation.Message
		for _, c := range append(w.slack.calls(escalation.OpPost), w.slack.calls(escalation.OpUpdate)...) {
			if c.m.Sink == "slack:#incidents" && c.m.Content().Headline {
				newest = c.m
			}
		}
		require.Equal(t, room, newest.Content().Room.Channel, "the headline leads there")

		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(2 * time.Minute)
		require.Equal(t, []incident.Person{"bob"}, in(escalation.OpInvite)[1].Who)
		_, err = w.desk.ChangeSeverity(t.Context(), w.by("bob"), inc.ID, incident.Sev1, "payments too")
		require.NoError(t, err)
		_, err = w.desk.Resolve(t.Context(), w.by("bob"), inc.ID, "rolled back")
		require.NoError(t, err)
		w.after(3 * time.Minute)
		topics := in(escalation.OpTopic) // whether the severity had one of its own depends on who was faster
		require.Equal(t, "[resolved] INC-1 SEV-1 Checkout 5xx", topics[len(topics)-1].Text)
		var last escalation.Message
		for _, c := range w.slack.calls(escalation.OpPost) {
			if c.m.Sink == "slack:"+room {
				last = c.m
			}
		}
		require.True(t, last.Content().Top)
		require.Contains(t, last.Content().Text, "acknowledged after 1m0s by bob")
		require.Contains(t, last.Content().Text, "resolution: rolled back")
		require.Empty(t, in(escalation.OpArchive), "it may be reopened")
		_, err = w.desk.Close(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(4 * time.Minute)
		require.Len(t, in(escalation.OpArchive), 1)
		require.Len(t, w.slack.calls(escalation.OpCreate), 1)
		require.Len(t, in(escalation.OpInvite), 2)
		require.Empty(t, w.everDue())
	})
}

// What was put away comes back when the incident is reopened, and goes away again.
func TestAReopenedIncidentHasItsChannelBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.chatty("ana@bastion 1", rooms())()
		inc := w.declare(incident.Sev2)
		w.after(time.Minute)
		end := func() {
			t.Helper()
			_, err := w.desk.Resolve(t.Context(), w.by("bob"), inc.ID, "rolled back")
			require.NoError(t, err)
			_, err = w.desk.Close(t.Context(), w.by("bob"), inc.ID)
			require.NoError(t, err)
		}
		end()
		w.after(3 * time.Minute)
		require.Len(t, w.slack.calls(escalation.OpArchive), 1)
		require.Empty(t, w.slack.calls(escalation.OpUnarchive))
		_, err := w.desk.Reopen(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(5 * time.Minute)
		back := w.slack.calls(escalation.OpUnarchive)
		require.Len(t, back, 1)
		require.Equal(t, w.slack.calls(escalation.OpArchive)[0].m.Content().Room.Channel, back[0].m.Content().Room.Channel)
		end()
		w.after(8 * time.Minute)
		require.Len(t, w.slack.calls(escalation.OpArchive), 2)
		require.Len(t, w.slack.calls(escalation.OpUnarchive), 1)
		require.Empty(t, w.everDue())
	})
}

// A channel that cannot be made holds up neither the page nor the headline, and
// neither low severities nor drills get one.
func TestAChannelHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := &sink{name: "slack", lease: w.slack.lease}
		rest := w.slack
		sender := escalation.New(escalation.Config{
			Book: w.store, Leases: w.store, Timeline: w.store, Install: "test0000", Owner: "ana@bastion 1", Chat: rooms(),
			Senders: map[string]escalation.Sender{"pagerduty": w.pd, "slack": split{slow, rest}}, Rand: func() float64 { return 0.5 },
		})
		slow.hang = 9 * time.Second
		slow.answer(failing(escalation.NotSent, "no answer", 50)...)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = sender.Run(ctx)
		}()
		inc := w.declare(incident.Sev1)
		_, err := w.desk.Declare(t.Context(), w.by("ana"), "", incident.Declaration{Title: "drill", Severity: incident.Sev1, Drill: true, Policy: escalation.Default().Frozen("")})
		require.NoError(t, err)
		w.declare(incident.Sev3)
		w.after(time.Second)
		require.Len(t, w.pd.calls(escalation.OpTrigger), 3)
		require.Len(t, w.slack.calls(escalation.OpPost), 3)
		w.after(20 * time.Minute)
		require.NotEmpty(t, slow.calls(escalation.OpCreate))
		for _, c := range slow.calls(escalation.OpCreate) {
			require.Equal(t, inc.ID, c.m.Incident)
		}
		cancel()
		<-over
	})
}

// split sends what is beside the response one way, and the rest another.
type split struct{ beside, rest *sink }

func (s split) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	if m.Beside() {
		return s.beside.Send(ctx, m, inc)
	}
	return s.rest.Send(ctx, m, inc)
}

// alarms is a chat that says scheduled messages by itself.
type alarms struct {
	*sink
	mu    sync.Mutex
	stand map[string]*time.Timer // by incident
	said  []string
	moved []time.Time
}

// words is what was said without anybody stopping it.
func (a *alarms) words() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.said)
}

// standing is when it was moved, and how many stand.
func (a *alarms) standing() ([]time.Time, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.moved), len(a.stand)
}

func (a *alarms) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch m.Operation {
	case escalation.OpSchedule, escalation.OpUnschedule:
		if t := a.stand[string(inc.ID)]; t != nil {
			t.Stop()
		}
		delete(a.stand, string(inc.ID))
		a.moved = append(a.moved, time.Now())
		if m.Operation == escalation.OpSchedule {
			alarm := m.Content().Alarm
			a.stand[string(inc.ID)] = time.AfterFunc(time.Until(alarm.At), func() {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.said = append(a.said, fmt.Sprintf("%s %s", inc.ID, alarm.Level))
			})
		}
		return escalation.Outcome{Class: escalation.Done, Ref: "Q"}
	}
	return a.sink.Send(ctx, m, inc)
}

// While a ladder lives, through a whole day of it, the chat never says that it is
// silent; it is moved no more often than the chat takes; and nothing stands once
// the incident is over.
func TestTheDeadManIsSilentWhileTheLadderLives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		deeds := rapid.SliceOfN(anyDeed(escalation.Default()), 1, 10).Draw(rt, "deeds")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			a := &alarms{sink: w.slack, stand: map[string]*time.Timer{}}
			run := w.alarmed(a)
			inc := w.declare(incident.Sev1)
			for _, d := range deeds {
				if d.what == "command" {
					_, _ = w.store.Decide(t.Context(), inc.ID, func(inc incident.Incident) ([]incident.Event, error) {
						return d.command.do(inc, w.by("ana"))
					})
				}
				time.Sleep(d.length)
				synctest.Wait()
			}
			time.Sleep(6 * time.Hour)
			synctest.Wait()
			if said := a.words(); len(said) > 0 {
				rt.Fatalf("the chat said that sitrep is silent: %v", said)
			}
			moved, _ := a.standing()
			for i, at := range moved {
				if i >= 30 && at.Sub(moved[i-30]) < 5*time.Minute {
					rt.Fatalf("moved more than 30 times in five minutes")
				}
			}
			now, err := w.store.Incident(t.Context(), inc.ID)
			require.NoError(rt, err)
			if !now.Status.Over() {
				_, err = w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "rolled back")
				require.NoError(rt, err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if _, stand := a.standing(); stand > 0 {
				rt.Fatal("a message stands although the incident is over")
			}
			run()
		})
	})
}

func (w *world) alarmed(a *alarms) (end func()) {
	e := escalation.New(escalation.Config{
		Book: w.store, Leases: w.store, Timeline: w.store, Install: "test0000", Owner: "ana@bastion 1", Chat: escalation.Chat{DeadMan: 2 * time.Minute},
		Senders: map[string]escalation.Sender{"pagerduty": w.pd, "slack": a}, Rand: func() float64 { return 0.5 },
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = e.Run(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

// When the process is gone the chat says who is to be called, two minutes after
// that was due; once somebody runs the ladder again it is quiet.
func TestTheDeadManSpeaksWhenNobodyRunsTheLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := &alarms{sink: w.slack, stand: map[string]*time.Timer{}}
		end := w.alarmed(a)
		w.declare(incident.Sev1)
		w.after(11 * time.Minute) // L1 called three times; L2 is due at 15m
		end()
		w.after(17*time.Minute - time.Second)
		require.Empty(t, a.words())
		w.after(17 * time.Minute)
		require.Equal(t, []string{"INC-1 L2"}, a.words())
		w.after(time.Hour)
		require.Len(t, a.words(), 1)
		end = w.alarmed(a)
		w.after(5 * time.Hour)
		require.Len(t, a.words(), 1)
		require.True(t, slices.ContainsFunc(w.slack.calls(escalation.OpPost), func(c call) bool { return c.m.Level == "L2" }))
		end()
	})
}
