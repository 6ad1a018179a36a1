package escalation_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// deadSinks runs an engine all of whose sinks refuse connections, and remembers
// each state that it showed.
func (w *world) deadSinks(owner string, class escalation.Class) (shown func() []escalation.State, asked func() int, end func()) {
	never := &sink{name: "never", lease: w.pd.lease}
	never.answer(failing(class, "connection refused", 10_000)...)
	var states []escalation.State
	e := w.engine(owner)
	e.Senders = map[string]escalation.Sender{"pagerduty": never, "slack": never}
	e.State = func(s escalation.State) {
		w.mu.Lock()
		defer w.mu.Unlock()
		states = append(states, s)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = e.Run(ctx)
	}()
	return func() []escalation.State {
			w.mu.Lock()
			defer w.mu.Unlock()
			return states
		}, func() int {
			never.mu.Lock()
			defer never.mu.Unlock()
			return len(never.sent)
		}, func() {
			cancel()
			<-over
		}
}

// A screen with an old configuration runs the ladder, and reaches nobody. Another
// one could: it does, within two minutes, and the page is one and the same.
func TestWhoeverReachesNoSinkGivesTheLadderUp(t *testing.T) {
	for name, class := range map[string]escalation.Class{"refused connections": escalation.NotSent, "keys that are refused": escalation.Dead} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				_, _, end := w.deadSinks("bob@bastion 1", class)
				defer end()
				w.after(time.Second)
				defer w.run("ana@bastion 2")()
				inc := w.declare(incident.Sev1)
				w.after(2 * time.Minute)
				require.Len(t, w.pages(), 1)
				require.Equal(t, escalation.Accepted, trigger(w, inc.ID).State)
			})
		})
	}
}

// Where nobody else is, nothing is gained by it and next to nothing lost: people
// are not told that nobody runs the ladder, and it goes on as soon as it can.
func TestWhoeverIsAloneRunsTheLadderOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shown, asked, end := w.deadSinks("bob@bastion 1", escalation.NotSent)
		w.declare(incident.Sev1)
		w.after(time.Hour)
		for _, s := range shown() {
			require.True(t, s.Mine && s.Holder == "bob@bastion 1", "%+v", s)
		}
		tries := asked()
		require.Greater(t, tries, 60)
		require.Less(t, tries, 60*12, "and asks no more often than the breakers let it, but for a few times")
		end()
		require.Equal(t, escalation.State{}, shown()[len(shown())-1])
	})
}

// PagerDuty comes back and takes a page for one key: those for the others follow at
// once, although their own breakers have a while to go.
func TestAServiceThatAnswersIsAskedForAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 6)...)
		p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders: {default: [
  {level: L1, respond_within: 1h, escalate_after: 50s, until: resolved, notify: ["pagerduty:primary", "slack:#incidents"]},
  {level: L2, respond_within: 1h, until: resolved, notify: ["pagerduty:lead", "slack:#incidents"]}]}`))
		require.NoError(t, err)
		w.declareUnder(p, incident.Sev1)
		defer w.run("ana@bastion 1")()
		w.after(58 * time.Second)
		require.Len(t, w.pages(), 6, "three refusals each, the lead's a minute later")
		require.Empty(t, accepted(w.pd))
		w.after(3 * time.Minute)
		when := accepted(w.pd)
		require.Len(t, when, 2)
		require.Less(t, when[1].Sub(when[0]), time.Second)
	})
}

// accepted is when a sink took triggers.
func accepted(s *sink) (when []time.Time) {
	for _, c := range s.calls(escalation.OpTrigger) {
		if c.end == escalation.Done.String() {
			when = append(when, c.at)
		}
	}
	return when
}
