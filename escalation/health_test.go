package escalation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// An engine with nothing to do looks once a minute, and nobody is told anything
// twice.
func TestIdleEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		defer w.runOn(s, "ana@bastion 1")()
		p := trusting()
		patient := p.Severities[incident.Sev1]
		patient.ResolveWithin = p.Severities[incident.Sev4].ResolveWithin
		p.Severities[incident.Sev1] = patient
		open, over := w.declareUnder(p, incident.Sev1), w.declareUnder(p, incident.Sev1)
		w.after(time.Minute)
		for _, inc := range []incident.Incident{open, over} {
			_, err := w.desk.Acknowledge(t.Context(), w.by("ana"), inc.ID)
			require.NoError(t, err)
		}
		_, err := w.desk.Resolve(t.Context(), w.by("ana"), over.ID, "rolled back")
		require.NoError(t, err)
		w.after(25 * time.Minute) // the reminder of the update that is due after 20 has come
		last, err := w.store.Last(t.Context())
		require.NoError(t, err)
		s.mu.Lock()
		s.asked = nil
		s.mu.Unlock()
		w.after(85 * time.Minute)
		s.mu.Lock()
		defer s.mu.Unlock()
		require.Zero(t, s.asked["turn"], "nothing is due")
		require.LessOrEqual(t, s.asked["due"], 61, "one look a minute")
		require.GreaterOrEqual(t, s.asked["due"], 59, "and not fewer")
		require.LessOrEqual(t, s.asked["heads"], 61)
		require.LessOrEqual(t, s.asked["wait"], 61)
		now, err := w.store.Last(t.Context())
		require.NoError(t, err)
		require.Equal(t, last, now, "no event comes of looking")
	})
}

// A sink that failed is probed with one request; its success lets the others go.
func TestOneRequestProbesASinkThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 6 {
			w.declare(incident.Sev1)
		}
		w.pd.answer(failing(escalation.NotSent, "connection refused", 6)...)
		w.pd.hang = 2 * time.Second
		defer w.run("ana@bastion 1")()
		w.after(30 * time.Second)
		require.Len(t, w.pages(), 6, "all were under way when the third failed")
		w.pd.answer(failing(escalation.NotSent, "connection refused", 1)...)
		w.after(63 * time.Second)
		require.Len(t, w.pages(), 7, "62 s: the probe goes alone, and fails")
		w.after(2*time.Minute + 3*time.Second)
		require.Len(t, w.pages(), 7)
		w.after(2*time.Minute + 5*time.Second)
		require.Len(t, w.pages(), 8, "the second one goes alone too")
		w.after(2*time.Minute + 30*time.Second)
		require.Len(t, w.pages(), 13, "and is accepted: every page is out")
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Equal(t, escalation.SinkState{Name: "pagerduty", State: escalation.SinkOK}, w.state.Sinks[0])
	})
}

// Another request was accepted just before the sink asked to slow down, and its
// answer came later: the sink is left alone all the same.
func TestThrottlingOutlastsAnEarlierSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.declare(incident.Sev1)
		w.pd.hang = 2 * time.Second
		defer w.run("ana@bastion 1")()
		w.after(time.Second)
		w.pd.mu.Lock()
		w.pd.hang = 0
		w.pd.mu.Unlock()
		w.pd.answer(escalation.Outcome{Class: escalation.Throttled, After: 20 * time.Second, Err: errors.New("429")})
		w.declare(incident.Sev1)
		w.after(3 * time.Second)
		w.declare(incident.Sev1)
		w.after(20 * time.Second)
		require.Len(t, w.pages(), 2)
		w.after(22 * time.Second)
		require.Len(t, w.pages(), 4)
	})
}

// A sink that says it is asked too often, but not for how long, is not asked
// again at once.
func TestThrottlingWithoutATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 5 {
			w.pd.answer(escalation.Outcome{Class: escalation.Throttled, Err: errors.New("429")})
		}
		w.declare(incident.Sev1)
		defer w.run("ana@bastion 1")()
		w.after(3500 * time.Millisecond)
		require.Len(t, w.pages(), 4, "at 0, 1, 2 and 3 s")
	})
}

// A channel takes one message a second, and three at once.
func TestAChannelIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 8 {
			w.declare(incident.Sev4)
		}
		defer w.run("ana@bastion 1")()
		w.after(time.Minute)
		var at []string
		for _, c := range w.slack.calls(escalation.OpPost) {
			at = append(at, c.at.Sub(w.start).Round(time.Millisecond).String())
		}
		require.Equal(t, []string{"0s", "0s", "0s", "1s", "2s", "3s", "4s", "5s"}, at)
	})
}

// A chat that hangs holds up no page, however many messages wait for it.
func TestPagesDoNotWaitForAChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.hang = 9 * time.Second
		channels := make([]string, 20)
		for i := range channels {
			channels[i] = fmt.Sprintf(`"slack:#c%d"`, i)
		}
		declareWith := func(notify string) {
			p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders: {default: [{level: L1, until: resolved, notify: [`+notify+`]}]}`))
			require.NoError(t, err)
			_, err = w.desk.Declare(t.Context(), w.by("ana"), "", incident.Declaration{Title: "x", Severity: incident.Sev1, Policy: p.Frozen("")})
			require.NoError(t, err)
		}
		list := channels[0]
		for _, c := range channels[1:] {
			list += ", " + c
		}
		declareWith(list)
		defer w.run("ana@bastion 1")()
		w.after(time.Second)
		declareWith(`"pagerduty:primary"`)
		w.after(2 * time.Second)
		require.Equal(t, []string{"1s L1 r1 critical"}, w.pages())
	})
}

// A rung may call through several pagers: each gets a page of its own, and each
// page its end.
func TestTwoPagersOnOneRung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders: {default: [{level: L1, respond_within: 5m, until: resolved, notify: ["pagerduty:primary", "pagerduty:backup"]}]}`))
		require.NoError(t, err)
		inc, err := w.desk.Declare(t.Context(), w.by("ana"), "", incident.Declaration{Title: "x", Severity: incident.Sev1, Policy: p.Frozen("")})
		require.NoError(t, err)
		defer w.run("ana@bastion 1")()
		w.after(6 * time.Minute)
		keys := map[string]string{}
		for _, c := range w.pd.calls(escalation.OpTrigger) {
			keys[c.m.DedupKey] = c.m.Sink
		}
		require.Len(t, keys, 4, "two rounds, two pagers: %v", keys)
		_, err = w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "rolled back")
		require.NoError(t, err)
		w.after(7 * time.Minute)
		for _, c := range w.pd.calls(escalation.OpResolve) {
			require.Equal(t, keys[c.m.DedupKey], c.m.Sink)
			delete(keys, c.m.DedupKey)
		}
		require.Empty(t, keys)
	})
}

// A policy may name a sink that this sitrep cannot reach: the chat hears of it,
// and the engine does not try as fast as it can.
func TestASinkThatNobodyReaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders: {default: [{level: L1, until: resolved, notify: ["webhook:phones", "slack:#incidents"]}]}`))
		require.NoError(t, err)
		inc, err := w.desk.Declare(t.Context(), w.by("ana"), "", incident.Declaration{Title: "Checkout 5xx", Severity: incident.Sev1, Policy: p.Frozen("")})
		require.NoError(t, err)
		defer w.runOn(s, "ana@bastion 1")()
		w.after(10 * time.Minute)
		require.Less(t, s.count(), 1000)
		m := trigger(w, inc.ID)
		require.Equal(t, escalation.Failed, m.State)
		require.True(t, m.Open(), "somebody may mend it")
		require.InDelta(t, 10, m.Attempts, 1, "once a minute")
		posts := w.slack.calls(escalation.OpPost)
		require.Len(t, posts, 2)
		require.Contains(t, posts[1].m.Content().Text+posts[0].m.Content().Text, `no way to reach a sink of kind "webhook"`)
	})
}

// What was to say "call by phone" is not said when the page has gone through by
// then, or when all is over.
func TestLateDiversionIsNotSaid(t *testing.T) {
	diverted := func(w *world, id incident.ID) escalation.Message {
		all, err := w.store.Messages(w.t.Context(), id)
		require.NoError(w.t, err)
		for _, m := range all {
			if m.Content().Diverts != "" {
				return m
			}
		}
		w.t.Fatal("nothing was diverted")
		return escalation.Message{}
	}
	t.Run("the page was accepted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.pd.answer(failing(escalation.NotSent, "connection refused", 3)...)
			w.slack.answer(failing(escalation.NotSent, "connection refused", 10)...)
			defer w.run("ana@bastion 1")()
			inc := w.declare(incident.Sev1)
			w.after(4 * time.Minute)
			m := diverted(w, inc.ID)
			require.Equal(t, escalation.Superseded, m.State)
			require.Equal(t, "pagerduty:primary has taken the page by now", m.Error)
		})
	})
	t.Run("the incident is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.pd.answer(failing(escalation.NotSent, "connection refused", 1000)...)
			w.slack.answer(failing(escalation.NotSent, "connection refused", 1000)...)
			defer w.run("ana@bastion 1")()
			inc := w.declare(incident.Sev1)
			w.after(30 * time.Second)
			require.True(t, diverted(w, inc.ID).Open())
			_, err := w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "rolled back")
			require.NoError(t, err)
			w.after(40 * time.Second)
			require.Equal(t, "the incident is resolved", diverted(w, inc.ID).Error)
		})
	})
}

// Deliver does not leave while a message waits for the one before it.
func TestDeliverSendsWhatWaitsInAStream(t *testing.T) {
	for _, hang := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			inc := w.declare(incident.Sev2)
			w.pd.hang, w.slack.hang = hang, hang
			require.NoError(t, w.engine("ana@bastion 1").Deliver(t.Context(), 10*time.Second))
			_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
			require.NoError(t, err)
			_, err = w.desk.ChangeSeverity(t.Context(), w.by("bob"), inc.ID, incident.Sev1, "payments too")
			require.NoError(t, err)
			require.NoError(t, w.engine("ana@bastion 1").Deliver(t.Context(), 10*time.Second))
			all, err := w.store.Messages(t.Context(), inc.ID)
			require.NoError(t, err)
			for _, m := range all {
				rings := m.Operation == escalation.OpAcknowledge && m.Round == 2 // for a minute
				require.Equal(t, rings, m.Open(), "%s to %s is %s", m.Operation, m.Sink, m.State)
			}
			require.Len(t, w.slack.calls(escalation.OpUpdate), 1)
			posts := w.slack.calls(escalation.OpPost)
			require.Len(t, posts, 2, "the headline, and what happened as one reply")
			require.Contains(t, posts[1].m.Content().Text, "payments too")
			require.Contains(t, posts[1].m.Content().Text, "bob")
		})
	}
}

// Whoever runs the ladder is said, and so is that nobody does.
func TestStateTellsWhoRunsTheLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run("ana@bastion 1")
		synctest.Wait()
		w.mu.Lock()
		require.Equal(t, escalation.State{Holder: "ana@bastion 1", Mine: true, Sinks: []escalation.SinkState{{Name: "pagerduty", State: "ok"}, {Name: "slack", State: "ok"}}}, w.state)
		w.mu.Unlock()
		end()
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Equal(t, escalation.State{}, w.state)
		require.Empty(t, w.problems)
	})
}

// A resolve that waits until a late trigger cannot arrive any more takes nothing
// of what the sink allows.
func TestWaitingCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var all []incident.Incident
		for range 8 { // both attempts of all are well below what the sink allows at once
			all = append(all, w.declare(incident.Sev1))
			w.pd.answer(escalation.Outcome{Err: errors.New("timeout")}, escalation.Outcome{Class: escalation.Done})
		}
		defer w.run("ana@bastion 1")()
		w.after(15 * time.Second)
		for _, inc := range all {
			_, err := w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "rolled back")
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Less(t, len(w.pd.calls(escalation.OpResolve)), 6, "the others wait")
		w.declare(incident.Sev1)
		synctest.Wait()
		calls := w.pd.calls(escalation.OpTrigger)
		require.Equal(t, 15*time.Second, calls[len(calls)-1].at.Sub(w.start), "and hold up no page")
		require.Equal(t, incident.ID("INC-9"), calls[len(calls)-1].m.Incident)
	})
}

// The store fails while a page waits to be tried again: it is asked once a
// second, and the page goes out when it is well.
func TestAClaimThatFailsIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		w.pd.answer(failing(escalation.NotSent, "connection refused", 1)...)
		s.fail(func(verb string, _ incident.ID) error {
			if s.asked[verb] > 20000 {
				panic("hammered: " + verb)
			}
			if d := time.Since(w.start); verb == "turn" && d > 0 && d < time.Minute {
				return errDisk
			}
			return nil
		})
		w.declare(incident.Sev1)
		defer w.runOn(s, "ana@bastion 1")()
		w.after(time.Minute)
		require.Less(t, s.count(), 1000)
		w.after(62 * time.Second)
		require.Len(t, w.pages(), 2)
	})
}

// What came of an attempt could not be written before it counted as lost: it is
// made again when the store is well, and not looked for meanwhile.
func TestAnOutcomeThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := &ill{Memory: w.store}
		s.fail(func(verb string, _ incident.ID) error {
			if s.asked[verb] > 20000 {
				panic("hammered: " + verb)
			}
			if verb == "turn" && len(w.pd.calls(escalation.OpTrigger)) > 0 && time.Since(w.start) < 12*time.Second {
				return errDisk
			}
			return nil
		})
		inc := w.declare(incident.Sev1)
		defer w.runOn(s, "ana@bastion 1")()
		w.after(time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical", "20s L1 r1 critical"}, w.pages(), "under the same key: it wakes nobody twice")
		require.Less(t, s.count(), 1000)
		m := trigger(w, inc.ID)
		require.Equal(t, escalation.Accepted, m.State)
		require.True(t, m.Murky)
	})
}

// A sink was down for three rounds: it hears of the last one.
func TestOnlyTheNewestRoundGoesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 14)...)
		inc := w.declare(incident.Sev1)
		defer w.run("ana@bastion 1")()
		w.after(14 * time.Minute)
		all, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		var pages []string
		for _, m := range all {
			if m.Operation == escalation.OpTrigger {
				pages = append(pages, fmt.Sprintf("r%d %s %s", m.Round, m.State, m.Error))
			}
		}
		require.Equal(t, []string{"r1 superseded a newer round of the level is due", "r2 superseded a newer round of the level is due", "r3 accepted "}, pages)
	})
}

// An acknowledgement that was taken back before PagerDuty heard of it is not
// said.
func TestAnAcknowledgementTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		inc := w.declare(incident.Sev1)
		defer w.run("ana@bastion 1")()
		w.after(time.Second)
		w.pd.answer(escalation.Outcome{Class: escalation.Throttled, After: 30 * time.Second, Err: errors.New("429")})
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(10 * time.Second)
		require.Len(t, w.pd.calls(escalation.OpAcknowledge), 1)
		_, err = w.desk.Unacknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(time.Minute)
		require.Len(t, w.pd.calls(escalation.OpAcknowledge), 1)
		require.Equal(t, []string{"0s L1 r1 critical", "31s L1 r2 critical"}, w.pages())
		_, err = w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(2 * time.Minute)
		require.Len(t, w.pd.calls(escalation.OpAcknowledge), 3, "both rounds are acknowledged")
	})
}

// The lease of a process that died is taken in the moment in which it runs out.
func TestADeadLeaseIsTakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.declare(incident.Sev1)
		_, err := w.store.Take(t.Context(), "dead@bastion 1", time.Now(), 30*time.Second+200*time.Millisecond)
		require.NoError(t, err)
		defer w.run("bob@bastion 2")()
		w.after(30*time.Second + 250*time.Millisecond)
		require.Len(t, w.pages(), 1)
	})
}

// A command whose lease is taken away in its midst says who has it.
func TestDeliverLosesTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.declare(incident.Sev1)
		w.pd.hang = 5 * time.Second
		over := make(chan error, 1)
		go func() { over <- w.engine("ana@bastion 1").Deliver(t.Context(), 10*time.Second) }()
		w.after(time.Second)
		_, err := w.store.Take(t.Context(), "bob@bastion 2", time.Now().Add(31*time.Second), 20*time.Second) // bob reads the clock too late
		require.NoError(t, err)
		var held *escalation.HeldError
		require.ErrorAs(t, <-over, &held)
		require.Equal(t, "bob@bastion 2", held.Owner)
	})
}

// A sink that was given no key is never called ok, before and after its first failure.
func TestASinkWithoutAKeyIsNotOK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.engine("ana@bastion 1").Config
		c.Missing = map[string]string{"pagerduty": "pagerduty.routing_keys.lead"}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- escalation.New(c).Run(ctx) }()
		want := []escalation.SinkState{
			{Name: "pagerduty", State: escalation.SinkNoKey, Why: "pagerduty.routing_keys.lead"},
			{Name: "slack", State: escalation.SinkOK},
		}
		w.after(time.Second)
		w.mu.Lock()
		require.Equal(t, want, w.state.Sinks)
		w.mu.Unlock()
		w.declare(incident.Sev1)
		w.pd.answer(failing(escalation.NotSent, "no key", 6)...)
		w.after(time.Minute)
		w.mu.Lock()
		require.Equal(t, want, w.state.Sinks)
		w.mu.Unlock()
		cancel()
		<-over
	})
}

// Whoever takes the ladder over asks a sink no faster than the last one would
// have, and knows what that one was told.
func TestATakeoverAsksNoFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 130 {
			w.declare(incident.Sev1)
		}
		for n := range 12 {
			end := w.run(fmt.Sprintf("ana@bastion %d", n))
			w.after(time.Duration(n+1) * 5 * time.Second)
			end()
		}
		triggers := w.pd.calls(escalation.OpTrigger)
		require.LessOrEqual(t, len(triggers), 120, "in the first minute, whoever asked")
		require.GreaterOrEqual(t, len(triggers), 100, "and it is not left idle")
	})
}

func TestATakeoverLeavesAThrottledSinkAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(escalation.Outcome{Class: escalation.Throttled, After: 3 * time.Minute, Err: errors.New("asked too often")})
		w.declare(incident.Sev1)
		end := w.run("ana@bastion 1")
		w.after(10 * time.Second)
		require.Len(t, w.pd.calls(escalation.OpTrigger), 1)
		end()
		w.declare(incident.Sev1)
		defer w.run("bob@bastion 2")()
		w.after(3*time.Minute - time.Second)
		require.Len(t, w.pd.calls(escalation.OpTrigger), 1, "the second one waits for what the first was told")
		w.after(4 * time.Minute)
		require.Greater(t, len(w.pd.calls(escalation.OpTrigger)), 2)
	})
}

// A process that does not run the ladder shows how the sinks do all the same.
func TestEverybodySeesHowTheSinksDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 10 {
			w.pd.answer(escalation.Outcome{Class: escalation.NotSent, Err: errors.New("connection refused")})
		}
		defer w.run("ana@bastion 1")()
		w.declare(incident.Sev1)
		w.after(30 * time.Second)
		defer w.run("bob@bastion 2")() // his state is the latest told
		w.after(33 * time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Equal(t, escalation.State{Holder: "ana@bastion 1", Sinks: []escalation.SinkState{
			{Name: "pagerduty", State: escalation.SinkDown, Why: "connection refused", Until: w.state.Sinks[0].Until}, {Name: "slack", State: escalation.SinkOK},
		}}, w.state)
	})
}
