package escalation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// gameday is what a game day tells of its drill: a step that asks, answers, how it ended.
func (w *world) gameday(id incident.ID, kind incident.Kind, who incident.Person, payload map[string]any) {
	w.t.Helper()
	payload["run"], payload["id"], payload["day"] = "GD-1", "01JD", "shop-day"
	_, err := w.store.Append(w.t.Context(), incident.Event{Incident: id, At: time.Now(), Kind: kind, Actor: who, Source: "test", Data: incident.Payload(payload)})
	require.NoError(w.t, err)
}

func (w *world) asks(id incident.ID, step string, of ...string) {
	w.gameday(id, incident.GamedayStepBegun, "ana", map[string]any{"step": map[string]any{
		"id": step, "what": "ask", "asks": true, "question": "Ready?", "of": of, "until": time.Now().Add(10 * time.Minute),
	}})
}

func (w *world) answers(id incident.ID, step string, who incident.Person, goes bool, note string) {
	w.gameday(id, incident.GamedayAnswered, who, map[string]any{"answer": map[string]any{"step": step, "by": "somebody else", "go": goes, "note": note}})
}

func (w *world) stepEnds(id incident.ID, step, verdict, reason string) {
	w.gameday(id, incident.GamedayStepEnded, "ana", map[string]any{"step": map[string]any{"id": step, "asks": true, "verdict": verdict, "reason": reason}})
}

// drill declares one in which that policy's sinks are its own.
func (w *world) drill(p escalation.Policy) incident.ID {
	inc, err := w.desk.Declare(w.t.Context(), w.now("ana"), "", incident.Declaration{Title: "game day shop-day", Severity: incident.Sev4, Drill: true, Policy: p.Frozen("")})
	require.NoError(w.t, err)
	return inc.ID
}

// asked is the questions that were posted, and how they were changed.
func (s *sink) asked() (posts, changes []call) {
	for _, c := range s.calls(escalation.OpPost) {
		if c.m.Content().Question != nil {
			posts = append(posts, c)
		}
	}
	for _, c := range s.calls(escalation.OpUpdate) {
		if c.m.Content().Question != nil {
			changes = append(changes, c)
		}
	}
	return posts, changes
}

// A question hangs in the thread, is kept true while people answer, and says what came of
// it. Nothing is said of a question that nobody asked.
func TestAQuestionIsAskedAndDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.slack, "one")
		id := w.drill(escalation.Default())
		w.tell(e)
		w.asks(id, "ready", "ana", "bob")
		w.tell(e)
		posts, changes := w.slack.asked()
		require.Len(t, posts, 1)
		require.Empty(t, changes)
		m := posts[0].m
		require.Equal(t, "slack:#incidents", m.Sink)
		require.NotEmpty(t, m.Parent, "in the thread of the headline")
		require.Equal(t, []incident.Person{"ana", "bob"}, m.Content().Who, "who is asked is mentioned")
		require.Contains(t, m.Content().Text, "[DRILL] GD-1 shop-day asks: Ready?")
		require.Contains(t, m.Content().Text, "Go is wanted of ana, bob by 00:10:0")
		require.Equal(t, "01JD", m.Content().Question.Key)

		w.answers(id, "ready", "ana", true, "board\nis up")
		w.answers(id, "another", "cem", false, "")
		w.tell(e)
		_, changes = w.slack.asked()
		require.Len(t, changes, 1)
		require.Equal(t, "slack/"+m.ID, changes[0].m.Parent, "the question itself is changed")
		require.Contains(t, changes[0].m.Content().Text, "ana: go: board is up")
		require.NotContains(t, changes[0].m.Content().Text, "somebody else", "the event says who it was")
		require.Empty(t, changes[0].m.Content().Who)
		require.Empty(t, changes[0].m.Content().Question.Outcome)

		w.answers(id, "ready", "bob", true, "")
		w.stepEnds(id, "ready", "held", "")
		w.tell(e)
		_, changes = w.slack.asked()
		require.Len(t, changes, 2)
		require.Contains(t, changes[1].m.Content().Text, "ana: go: board is up\n")
		require.Contains(t, changes[1].m.Content().Text, "bob: go\nGO: it goes on")
		require.NotContains(t, changes[1].m.Content().Text, "Go is wanted")

		w.answers(id, "ready", "cem", false, "too late")
		w.asks(id, "seen")
		w.tell(e)
		posts, changes = w.slack.asked()
		require.Len(t, posts, 2)
		require.Len(t, changes, 2, "what is decided stays")
		require.Contains(t, posts[1].m.Content().Text, "Go is wanted of anybody")
		_, err := w.desk.Resolve(t.Context(), w.now("bob"), id, "halted by bob in Slack")
		require.NoError(t, err)
		w.tell(e)
		_, changes = w.slack.asked()
		require.Len(t, changes, 3)
		require.Contains(t, changes[2].m.Content().Text, "ENDED: INC-1 is resolved: halted by bob in Slack")
	})
}

// A question that was decided before it went out is not asked any more, and one that a chat
// refused is not changed.
func TestAQuestionThatNobodySawIsNotChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.slack, "one")
		id := w.drill(escalation.Default())
		w.tell(e)
		w.asks(id, "ready")
		w.answers(id, "ready", "ana", true, "")
		w.stepEnds(id, "ready", "held", "")
		w.tell(e)
		posts, changes := w.slack.asked()
		require.Empty(t, posts)
		require.Empty(t, changes)

		w.slack.answer(escalation.Outcome{Class: escalation.Dead, Err: errors.New("restricted_action")})
		w.asks(id, "seen")
		w.tell(e)
		w.stepEnds(id, "seen", "aborted", "nobody said go within 10m")
		w.tell(e)
		posts, changes = w.slack.asked()
		require.Len(t, posts, 1)
		require.Empty(t, changes)
	})
}

// In a channel of the drill's own it is asked there, and nowhere else; where there is no
// thread about the drill, whoever is told of it is asked.
func TestWhereAQuestionIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		chat := escalation.Chat{Rooms: escalation.Rooms{Severities: []incident.Severity{incident.Sev4}, DrillPrefix: "drill"}}
		defer w.chatty("one", chat)()
		id := w.drill(escalation.Default())
		w.after(time.Minute)
		w.asks(id, "ready")
		w.after(2 * time.Minute)
		posts, _ := w.slack.asked()
		require.Len(t, posts, 1)
		require.Equal(t, []string{strings.TrimPrefix(posts[0].m.Sink, "slack:")}, w.made())
		require.True(t, posts[0].m.Content().Top)
	})
	p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders: {default: [{level: L1, respond_within: 1m, until: acknowledged, notify: ["pagerduty:primary"]}]}
severities: {SEV-4: {audience: [days]}}
audiences: {days: ["slack:#days", "webhook:news"]}
game_day: {notify: {"slack:#days": "slack:#days", "webhook:news": "webhook:news"}}
`))
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.slack, "one")
		id := w.drill(p)
		w.tell(e)
		w.asks(id, "ready")
		w.tell(e)
		posts, _ := w.slack.asked()
		require.Len(t, posts, 1)
		require.Equal(t, "slack:#days", posts[0].m.Sink)
		require.Empty(t, posts[0].m.Parent)
	})
}

// made is the channels that were made.
func (w *world) made() (refs []string) {
	messages, err := w.store.Messages(w.t.Context(), "")
	require.NoError(w.t, err)
	for _, m := range messages {
		if m.Operation == escalation.OpCreate {
			refs = append(refs, m.Ref)
		}
	}
	return refs
}

// Whatever the chat answers, and from one process to the next: a question is posted at
// least once if the chat takes anything, and when all is quiet the last that it was told of
// it has every answer, and the outcome.
func TestLawsOfQuestions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bad := rapid.SliceOfN(rapid.SampledFrom([]escalation.Class{escalation.NotSent, escalation.Throttled, escalation.Done, escalation.Unsure}), 0, 12).Draw(rt, "answers")
		gaps := rapid.SliceOfN(rapid.IntRange(0, 40), 2, 6).Draw(rt, "seconds between answers")
		restart := rapid.IntRange(0, 6).Draw(rt, "another process takes over before answer")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for i, c := range bad {
				o := escalation.Outcome{Class: c, After: 3 * time.Second, Err: fmt.Errorf("answer %d", i)}
				if c == escalation.Done {
					o = escalation.Outcome{Class: c, Ref: fmt.Sprint("slack/", i)}
				}
				w.slack.answer(o)
			}
			id := w.drill(escalation.Default())
			end := w.run("ana@bastion 1")
			w.asks(id, "ready")
			for i, gap := range gaps {
				if i == restart {
					end()
					end = w.run("ana@bastion 2")
				}
				time.Sleep(time.Duration(gap) * time.Second)
				w.answers(id, "ready", incident.Person(fmt.Sprintf("p%d", i)), true, "")
			}
			w.stepEnds(id, "ready", "held", "")
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			end()
			posts, changes := w.slack.asked()
			told := ""
			for _, c := range append(posts, changes...) {
				if c.end == escalation.Done.String() {
					told = c.m.Content().Text
				}
			}
			if told == "" {
				return // it was over before anything was taken
			}
			require.Contains(rt, told, "GO: it goes on")
			for i := range gaps {
				require.Equal(rt, 1, strings.Count(told, fmt.Sprintf("p%d: go", i)), told)
			}
		})
	})
}
