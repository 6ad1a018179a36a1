package escalation_test

import (
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

// replies is what went into the thread, and when.
func (w *world) replies() (list []call) {
	for _, c := range w.slack.calls(escalation.OpPost) {
		if !c.m.Content().Headline {
			list = append(list, c)
		}
	}
	return list
}

// A burst of facts is one reply now and one for all the rest, five seconds later.
func TestThreadPostsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev2)
		w.after(time.Minute)
		for i := range 8 {
			_, err := w.desk.Did(t.Context(), w.by("ana"), inc.ID, incident.Action{Text: fmt.Sprintf("step %d", i)})
			require.NoError(t, err)
			w.after(time.Minute + time.Duration(i+1)*500*time.Millisecond)
		}
		w.after(2 * time.Minute)
		replies := w.replies()
		require.Len(t, replies, 2)
		require.Equal(t, time.Minute, replies[0].at.Sub(w.start))
		require.Equal(t, time.Minute+5*time.Second, replies[1].at.Sub(w.start))
		require.Equal(t, 7, strings.Count(replies[1].m.Content().Text, "step"))
	})
}

// Who is called is called when it is due, and the call takes along what waited.
func TestACallDoesNotWaitForTheThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev2)
		for i, at := range []time.Duration{14*time.Minute + 57*time.Second, 14*time.Minute + 58*time.Second} {
			w.after(at)
			_, err := w.desk.Did(t.Context(), w.by("ana"), inc.ID, incident.Action{Text: fmt.Sprintf("step %d", i)})
			require.NoError(t, err)
		}
		w.after(16 * time.Minute)
		var last call
		for _, c := range w.replies() {
			if c.at.Sub(w.start) == 15*time.Minute {
				last = c
			}
		}
		require.Equal(t, incident.Level("L2"), last.m.Level, "the call")
		require.Contains(t, last.m.Content().Text, "step 1")
		require.Contains(t, last.m.Content().Text, "L2")
	})
}

// Whatever happens when, through failures and from one process to the next:
// two replies of a thread that call nobody are five seconds apart, and every fact
// is told, in order.
func TestThreadLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		gaps := rapid.SliceOfN(rapid.IntRange(0, 7000), 1, 25).Draw(rt, "milliseconds between facts")
		bad := rapid.SliceOfN(rapid.SampledFrom([]escalation.Class{escalation.NotSent, escalation.Throttled, escalation.Done, escalation.Unsure}), 0, 10).Draw(rt, "answers")
		restart := rapid.IntRange(0, 25).Draw(rt, "another process takes over before fact")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			inc := w.declare(incident.Sev4)
			end := w.run("ana@bastion 1")
			w.after(time.Minute)
			for i, c := range bad {
				if c != escalation.Done {
					w.slack.answer(escalation.Outcome{Class: c, After: 3 * time.Second, Err: fmt.Errorf("answer %d", i)})
				} else {
					w.slack.answer(escalation.Outcome{Class: c, Ref: fmt.Sprint("slack/", i)})
				}
			}
			var facts strings.Builder
			for i, gap := range gaps {
				if i == restart {
					end()
					end = w.run("ana@bastion 2")
				}
				_, err := w.desk.Did(t.Context(), w.by("ana"), inc.ID, incident.Action{Text: fmt.Sprintf("step %d.", i)})
				require.NoError(t, err)
				fmt.Fprintf(&facts, "step %d.", i)
				time.Sleep(time.Duration(gap) * time.Millisecond)
			}
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			end()
			var told strings.Builder
			last := map[string]time.Time{}
			for _, c := range w.replies() {
				for id, at := range last {
					if id != c.m.ID && c.at.Sub(at) < 5*time.Second {
						rt.Fatalf("two replies %s apart", c.at.Sub(at))
					}
				}
				last[c.m.ID] = c.at
				if c.end == escalation.Done.String() {
					for _, word := range strings.Split(c.m.Content().Text, "\n") {
						if _, step, ok := strings.Cut(word, "step "); ok {
							told.WriteString("step " + step)
						}
					}
				}
			}
			require.Equal(rt, facts.String(), told.String())
		})
	})
}
