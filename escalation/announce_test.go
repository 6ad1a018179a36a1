package escalation_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// audiences is a policy that tells people outside.
func audiences(t *testing.T) escalation.Policy {
	p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders:
  default:
    - {level: L1, respond_within: 1m, escalate_after: 3m, until: acknowledged, notify: ["pagerduty:primary", "slack:#a", "webhook:ops"]}
    - {level: L2, respond_within: 2m, repeat_every: 5m, until: resolved, notify: ["command:call"]}
audiences:
  all stakeholders: ["slack:#a", "slack:#stakeholders", "webhook:news"]
  status page: ["statuspage:main"]
  engineering: ["slack:#eng"]
`))
	require.NoError(t, err)
	return p
}

// judgeAnnouncements holds what people outside were told to the laws: every
// update stands in the outbox once for every sink of its audience, and nothing
// stays open on a status page.
func (n *lawful) judgeAnnouncements(inc incident.Incident, events []incident.Event, all []escalation.Message) {
	p, err := escalation.Thaw(inc.Policy)
	n.must(err)
	var then incident.Incident
	for _, e := range events {
		if e.Kind == incident.UpdateSent {
			for _, sink := range p.For(then).AudienceSinks(then.Severity) {
				n.onceAnnounced(sink, e, all)
			}
		}
		then = then.Apply(e)
	}
	if !inc.Status.Over() {
		return
	}
	for _, m := range all {
		tells := m.Incident == inc.ID && m.Kind() == "statuspage" && m.Operation == escalation.OpAnnounce && m.State == escalation.Accepted
		if tells && m.QueuedAt.Before(inc.Clocks.Resolved) && !slices.ContainsFunc(all, func(o escalation.Message) bool {
			return o.Stream == m.Stream && o.Operation == escalation.OpResolve && o.Seq > m.Seq && (o.State == escalation.Accepted || o.State == escalation.Failed)
		}) {
			n.breaks("%s is %s, and %s was not told in %s", inc.ID, inc.Status, m.Sink, m.Stream)
		}
	}
}

func (n *lawful) onceAnnounced(sink string, e incident.Event, all []escalation.Message) {
	times := 0
	for _, m := range all {
		if m.Sink == sink && m.Operation == escalation.OpAnnounce && m.Content().Event == e.ID {
			times++
		}
	}
	if times != 1 {
		n.breaks("the update %d of %s is %d times in the outbox for %s", e.Seq, e.Incident, times, sink)
	}
}

// said is what a sink was told of an operation, oldest first: "SINK: TEXT", lines
// joined by a bar.
func said(s *sink, op escalation.Operation) (texts []string) {
	for _, c := range s.calls(op) {
		texts = append(texts, c.m.Sink+": "+strings.ReplaceAll(c.m.Content().Text, "\n", " | "))
	}
	slices.Sort(texts)
	return texts
}

// An update reaches everybody of its audience once, and a thread does not say it
// twice.
func TestAnUpdateReachesItsAudience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.pd, "one")
		id := w.declared(audiences(t), incident.Sev1)
		w.tell(e)
		update := incident.Update{Conditions: "Checkouts fail", Actions: "we roll back", Needs: "a DBA"}
		_, err := w.desk.Update(t.Context(), w.now("ana"), id, update)
		require.NoError(t, err)
		w.tell(e)
		w.tell(e)
		const text = "Checkouts fail | Actions: we roll back | Needs: a DBA"
		require.Equal(t, []string{"slack:#a: " + text, "slack:#stakeholders: " + text, "statuspage:main: " + text, "webhook:news: " + text}, said(w.pd, escalation.OpAnnounce))
		for _, c := range w.pd.calls(escalation.OpAnnounce) {
			require.Equal(t, update, c.m.Content().Update)
			require.Equal(t, c.m.Sink == "slack:#a", c.m.Parent != "", "a reply where there is a thread: %s", c.m.Sink)
		}
		for _, c := range w.pd.calls(escalation.OpPost) {
			require.NotContains(t, c.m.Content().Text, "we roll back")
		}

		inc, err := w.desk.Note(t.Context(), w.now("ana"), id, "not for outside")
		require.NoError(t, err)
		events, err := w.store.Timeline(t.Context(), id)
		require.NoError(t, err)
		i := slices.IndexFunc(events, func(e incident.Event) bool { return e.Kind == incident.UpdateSent })
		_, err = w.desk.Correct(t.Context(), w.now("ana"), inc.ID, incident.Ref{ID: events[i].ID}, "A third of the checkouts fail")
		require.NoError(t, err)
		w.tell(e)
		corrected := said(w.pd, escalation.OpAnnounce)
		require.Len(t, corrected, 8)
		require.Contains(t, corrected, "statuspage:main: Corrected: A third of the checkouts fail")
		require.NotContains(t, strings.Join(corrected, "\n"), "not for outside")
	})
}

// Whoever runs the ladder next does not tell it again; sinks that were down are
// told when they are back, in order.
func TestAnUpdateSurvivesWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.declared(audiences(t), incident.Sev3) // engineering
		e := w.engineOn(w.pd, "one")
		w.tell(e)
		down := escalation.Outcome{Class: escalation.NotSent, Err: errDisk}
		w.pd.answer(down, down) // the thread and the audience are told at once, in any order
		for _, text := range []string{"first", "second"} {
			_, err := w.desk.Update(t.Context(), w.now("ana"), id, incident.Update{Conditions: text})
			require.NoError(t, err)
		}
		w.tell(e)
		w.tell(w.engineOn(w.pd, "two"))
		var texts []string
		for _, c := range w.pd.calls(escalation.OpAnnounce) {
			texts = append(texts, c.m.Content().Text+" "+c.end)
		}
		require.Equal(t, "first not sent", texts[0])
		texts = slices.DeleteFunc(texts, func(text string) bool { return strings.HasSuffix(text, "not sent") })
		require.Equal(t, []string{"first accepted", "second accepted"}, texts)
	})
}

// A status page is told until the end, whatever becomes of the severity, and is
// told of the end; a reopening begins anew there.
func TestTheStatusPageIsToldUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.pd, "one")
		id := w.declared(audiences(t), incident.Sev1)
		update := func(text string) {
			_, err := w.desk.Update(t.Context(), w.now("ana"), id, incident.Update{Conditions: text})
			require.NoError(t, err)
			w.tell(e)
		}
		w.tell(e)
		require.Empty(t, w.pd.calls(escalation.OpAnnounce), "nobody has written anything yet")
		update("one")
		_, err := w.desk.ChangeSeverity(t.Context(), w.now("ana"), id, incident.Sev3, "")
		require.NoError(t, err)
		update("two")
		require.Contains(t, said(w.pd, escalation.OpAnnounce), "slack:#eng: two")
		require.NotContains(t, said(w.pd, escalation.OpAnnounce), "webhook:news: two")
		_, err = w.desk.Resolve(t.Context(), w.now("ana"), id, "it was bob's flag")
		require.NoError(t, err)
		w.tell(e)
		update("three: it is over")
		_, err = w.desk.Reopen(t.Context(), w.now("ana"), id)
		require.NoError(t, err)
		w.tell(e)
		_, err = w.desk.ChangeSeverity(t.Context(), w.now("ana"), id, incident.Sev1, "")
		require.NoError(t, err)
		update("four")
		_, err = w.desk.Resolve(t.Context(), w.now("ana"), id, "really")
		require.NoError(t, err)
		w.tell(e)

		var page []string
		first := map[string]string{}
		w.pd.mu.Lock()
		defer w.pd.mu.Unlock()
		for _, c := range w.pd.sent {
			if c.m.Kind() != "statuspage" {
				continue
			}
			page = append(page, string(c.m.Operation)+" "+c.m.Content().Text)
			if first[c.m.Stream] == "" {
				require.Empty(t, c.m.Parent, "it opens an incident")
				first[c.m.Stream] = "pd/" + c.m.ID
				continue
			}
			require.Equal(t, first[c.m.Stream], c.m.Parent)
		}
		require.Equal(t, []string{"announce one", "announce two", "resolve ", "announce three: it is over", "announce four", "resolve "}, page)
		require.Len(t, first, 2)
	})
}

// A drill is announced where the game day says, and not to the public, whatever
// it says.
func TestADrillIsNotForThePublic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.pd, "one")
		p := audiences(t)
		p.GameDay = &escalation.GameDay{WakesUpTo: "L1", Notify: map[string]string{"slack:#stakeholders": "slack:#game-day", "statuspage:main": "statuspage:main"}}
		inc, err := w.desk.Declare(t.Context(), w.now("ana"), "", incident.Declaration{Title: "Practice", Severity: incident.Sev1, Drill: true, Policy: p.Frozen("")})
		require.NoError(t, err)
		_, err = w.desk.Update(t.Context(), w.now("ana"), inc.ID, incident.Update{Conditions: "we practise"})
		require.NoError(t, err)
		w.tell(e)
		require.Equal(t, []string{"slack:#game-day: we practise"}, said(w.pd, escalation.OpAnnounce))
	})
}

// An update that could not be told for hours is not news any more.
func TestAnOldUpdateIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.declared(audiences(t), incident.Sev4)
		for range 8 {
			w.pd.answer(escalation.Outcome{Class: escalation.Dead, Err: errDisk})
		}
		_, err := w.desk.Update(t.Context(), w.now("ana"), id, incident.Update{Conditions: "old"})
		require.NoError(t, err)
		e := w.engineOn(w.pd, "one")
		w.tell(e)
		time.Sleep(3 * time.Hour)
		w.tell(e)
		all, err := w.store.Messages(t.Context(), id)
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(m escalation.Message) bool { return m.Operation == escalation.OpAnnounce })
		require.Equal(t, escalation.Superseded, all[i].State)
		require.Equal(t, "it is too old to help", all[i].Error)
	})
}

// Where an update goes is known before it is written.
func TestUpdateReaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.pd, "one")
		id := w.declared(audiences(t), incident.Sev3)
		w.tell(e)
		inc, err := w.store.Incident(t.Context(), id)
		require.NoError(t, err)
		all, err := w.store.Messages(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, []string{"slack:#eng", "slack:#a"}, escalation.UpdateReaches(inc, all))
	})
}
