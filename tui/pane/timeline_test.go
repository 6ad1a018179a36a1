package pane

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

func TestTheTimelineFollowsUntilSomebodyReads(t *testing.T) {
	w := richWorld(t)
	r := newReader(t, 2, w, "INC-204", 79, 8)
	note := func(at time.Time, text string) incident.Event {
		return incident.Event{ID: text, At: at, Kind: incident.NoteAdded, Actor: "bob", Text: text}
	}
	r.s.World = more(r.s.World, "INC-204", note(night, "one"))
	r.sees("›03:12:44 T+14m   note    bob: one")
	r.press(keys.Up)
	r.s.World = more(r.s.World, "INC-204", note(night.Add(time.Second), "two"))
	r.s.World = more(r.s.World, "INC-204", note(night.Add(-2*time.Hour), "long before")) // back-dated: it comes in above
	r.sees("stays here", "›03:12:10")
	r.press(keys.Follow)
	r.sees("follows", "›03:12:45 T+14m   note    bob: two")
	r.press(keys.Top)
	r.sees("›01:12:44", "long before")
	r.press(keys.Bottom)
	r.sees("follows")
}

func TestTheTimelineNarrows(t *testing.T) {
	r := newReader(t, 2, richWorld(t), "INC-204", 119, 34)
	r.s.Filter = "@alice #note"
	r.sees("1 of 16 events", "payments pool exhausted?")
	r.s.Filter = "!@alice pool"
	r.seesNot("payments pool exhausted?")
	r.s.Filter = "pool ("
	r.sees("/pool ( cannot be read: missing closing )", "deploy")
	r.s.Filter = ""
	ask := r.press(keys.Kinds).Ask
	require.Contains(t, ask.Choices[2].Text, "10  what people did and said")
	ask.Then("chaos")
	r.sees("3 of 16 events  #chaos")
	r.seesNot("deploy")
	ask.Then(byPeople)
	r.seesNot("notified again")
	require.True(t, r.press(keys.Cancel).Handled, "esc takes the choice back first")
	require.False(t, r.press(keys.Cancel).Handled)
	r.sees("16 events")
}

// Every page leaves three events; the timeline tells what became of it, and
// the steps to who asks for them.
func TestTheStepsOfPagesAreFolded(t *testing.T) {
	w := richWorld(t)
	for i, kind := range []incident.Kind{incident.PageQueued, incident.PageAttempted, incident.PageAccepted} {
		w = more(w, "INC-204", incident.Event{ID: string(kind), At: night.Add(time.Duration(i-9) * time.Second), Kind: kind, Actor: incident.Sitrep, Text: "L1 round 4 trigger to pagerduty:primary: " + strings.TrimPrefix(string(kind), "page.")})
	}
	r := newReader(t, 2, w, "INC-204", 119, 34)
	r.sees("17 of 19 events, steps folded (K)", "pagerduty:primary: accepted")
	r.seesNot("pagerduty:primary: queued")
	r.s.Filter = "attempted"
	r.sees("1 of 19 events", "pagerduty:primary: attempted")
	r.s.Filter = ""
	r.press(keys.Kinds).Ask.Then(everything)
	r.sees("19 events  #everything", "pagerduty:primary: queued")
	now := newReader(t, 0, w, "INC-204", 119, 34)
	now.sees("03:12:37 page    L1 round 4")
	now.seesNot("attempted")
}

func TestAnEventInFull(t *testing.T) {
	r := newReader(t, 2, richWorld(t), "INC-204", 119, 34)
	r.s.Filter = "SEV-1 checkout"
	r.press(keys.Detail)
	r.reads("incident.declared", `"service": "checkout"`, "the signals at that moment", "5xx ratio: 8.41% (threshold 5%) crit, getting worse", "▁", "sum(percentunit)")
	require.Contains(t, r.press(keys.Yank).Copy, "incident.declared sitrep: SEV-1 checkout")
}

// What a view notes beside a moment is dated to that moment, whenever that was
// in the last days, by the rules that notes are read by.
func TestNotesAreDatedToTheirMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		back := time.Duration(rapid.Int64Range(0, int64(6*24*time.Hour/time.Second)).Draw(t, "seconds")) * time.Second
		at := night.Add(-back)
		o := noteAt("INC-204", at, "it began here", night).Orders
		got, rest, err := incident.ParseNote(o[0].(Note).Text, night)
		require.NoError(t, err)
		require.Equal(t, at, got)
		require.Equal(t, "it began here", rest)
	})
}

func TestAKeyMoment(t *testing.T) {
	r := newReader(t, 2, richWorld(t), "INC-204", 119, 34)
	r.s.Filter = "#deploy"
	ask := r.press(keys.KeyMoment).Ask
	require.Equal(t, "Key moment at 02:55:44", ask.Title)
	require.Equal(t, []Order{Note{"INC-204", "02:55:44 key moment: the pool was halved"}}, ask.Then("the pool was halved").Orders)
	require.Empty(t, ask.Then("").Orders)
}

// The newest line is on the first screen however many came, and whether or not
// somebody reads in the list, as long as nobody has moved down in it.
func TestTheTailShowsTheNewest(t *testing.T) {
	for _, tabs := range []int{0, 1, 2, 3} {
		r := newReader(t, 0, richWorld(t), "INC-204", 79, 18)
		for range tabs {
			r.press(keys.NextPane)
		}
		for i := range 9 {
			at := night.Add(time.Duration(i-20) * time.Second)
			r.s.World = more(r.s.World, "INC-204", incident.Event{ID: fmt.Sprintf("more-%d", i), At: at, Kind: incident.NoteAdded, Actor: "ana", Text: fmt.Sprintf("news %d", i)})
			r.sees(fmt.Sprintf("news %d", i))
		}
	}
}

// A correction stands in the place of the first words, which the event itself
// still has; what was split off is on both timelines, and says so.
func TestCorrectedAndMovedEventsSayIt(t *testing.T) {
	w := richWorld(t)
	c := &scribe{t: t, events: w.Events, seq: 1000}
	one := incident.Fold(w.Events["INC-204"]...)
	var note incident.Event
	for _, e := range w.Events["INC-204"] {
		if e.Kind == incident.NoteAdded {
			note = e
		}
	}
	one = c.add(one.ID, c.must(one.Correct(by("alice", night.Add(-time.Minute)), note, "orders pool exhausted"))...)
	w.Incidents[0] = one
	r := newReader(t, 2, w, one.ID, 120, 40)
	r.sees("(corrected) orders pool exhausted")
	r.seesNot("payments pool exhausted?")
	r.s.Filter = "orders pool"
	r.sees("(corrected)")
	said := r.press(keys.Detail)
	require.NotNil(t, said.Read)
	var page []string
	for _, l := range said.Read.Lines {
		page = append(page, l.String())
	}
	require.Contains(t, strings.Join(page, "\n"), "it first said: payments pool exhausted?")

	events := c.must(one.Split(by("alice", night), []incident.Event{note}, "INC-205", incident.Declaration{Title: "orders", Severity: incident.Sev4}))
	two := c.add("INC-205", events[:2]...)
	w.Incidents[0] = c.add(one.ID, events[2:]...)
	w.Incidents = append(w.Incidents, two)
	newReader(t, 2, w, one.ID, 120, 40).sees("(corrected, moved to INC-205) orders pool exhausted")
	newReader(t, 2, w, two.ID, 120, 40).sees("(corrected, from INC-204) orders pool exhausted", "split from INC-204")
}
