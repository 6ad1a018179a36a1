package tui

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// onDuty is who answers now, and an inbox: one of somebody else's, one that calls the
// person at the screen, and one of ours.
func onDuty(w *pane.World, now time.Time) {
	w.OnCall = &pane.OnCall{
		At: now.Add(-3 * time.Second),
		Contacts: []escalation.Contact{
			{Level: "L1", Sink: "pagerduty:primary", Person: "alice", Phones: []string{"+1 2025550101"}, Schedule: "Primary rota", Until: now.Add(3 * time.Hour), AskedAt: now, Automatic: true},
			{Level: "L2", Sink: "pagerduty:lead", Name: "Lena Lead", Phones: []string{"+1 2025550102"}, AskedAt: now, Automatic: true},
		},
		Inbox: pane.Inbox{At: now.Add(-3 * time.Second), Items: []pane.InboxItem{
			{ID: "Q1SEARCH", Title: "Search index is 3 h behind", URL: "https://lab.pagerduty.com/incidents/Q1SEARCH", Service: "search", Policy: "Checkout", Created: now.Add(-12 * time.Minute), Assigned: []string{"Lena Lead"}},
			{ID: "Q2MINE", Title: "Mail queue grows", URL: "javascript:alert(1)", Service: "mail", Created: now.Add(-2 * time.Minute), Assigned: []string{"Alice"}, Mine: true},
			{ID: "Q3OURS", Title: "SEV-1 INC-204 L1: checkout", Service: "sitrep primary", Created: now.Add(-14 * time.Minute), Assigned: []string{"Alice"}, Mine: true, Ours: "INC-204"},
		}},
	}
}

func atInbox(t *testing.T, story func(p *player)) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { onDuty(w, time.Now()) })
		p.press("6")
		p.sees("who answers now", "+1 2025550101", "PagerDuty's inbox  3 open")
		p.desk.taken()
		story(p)
	})
}

func TestWhoIsCalledAcknowledgesThereAtOnce(t *testing.T) {
	atInbox(t, func(p *player) {
		p.press("down", "a")
		require.Equal(t, []pane.Order{pane.InboxAck{ID: "Q2MINE"}}, p.desk.taken())
	})
}

// Somebody else's is asked about, and the key is about the row and not about the
// incident in the header, which calls the same person.
func TestSomebodyElsesIsAskedAbout(t *testing.T) {
	atInbox(t, func(p *player) {
		p.sees("YOU ARE PAGED")
		p.press("a")
		p.sees("Acknowledge Q1SEARCH", "Tells PagerDuty that alice has Q1SEARCH: Search index is 3 h behind.", "stops calling Lena Lead")
		p.press("enter")
		p.seesNot("Tells PagerDuty")
		p.press("a", "y")
		p.sees("in 5 s")
		p.wait(4 * time.Second)
		require.Empty(t, p.desk.taken())
		p.wait(2 * time.Second)
		require.Equal(t, []pane.Order{pane.InboxAck{ID: "Q1SEARCH"}}, p.desk.taken())
		p.press("a", "y", "u")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

// What was chosen when the key was pressed is what the order is about; what ended
// meanwhile is not acted on.
func TestTheInboxMayChangeWhileItIsAsked(t *testing.T) {
	atInbox(t, func(p *player) {
		p.press("S")
		p.world(func(w *pane.World) {
			on := *w.OnCall
			on.Inbox.Items = append([]pane.InboxItem{{ID: "Q0NEW", Title: "new"}}, on.Inbox.Items[1:]...)
			w.OnCall = &on
		})
		p.press("a")
		p.sees("Q1SEARCH is not open in PagerDuty any more")
		p.press("esc", "a")
		p.sees("no open incident is chosen")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

func TestNoteSnoozeAndMergeThere(t *testing.T) {
	atInbox(t, func(p *player) {
		p.press("n")
		p.typed("reindexing")
		p.press("enter")
		p.sees("Writes a note in PagerDuty on Q1SEARCH", "It says: reindexing")
		p.press("y")
		p.wait(6 * time.Second)
		p.press("S", "b")
		p.sees("PagerDuty calls nobody about Q1SEARCH")
		p.press("y")
		p.wait(6 * time.Second)
		p.press("down", "down", "I")
		p.sees("Merge Q3OURS into", "Q2MINE")
		p.press("a")
		p.sees("becomes part of Q1SEARCH: Search index", "It belongs to INC-204")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{
			pane.InboxNote{ID: "Q1SEARCH", Text: "reindexing"}, pane.InboxSnooze{ID: "Q1SEARCH", Length: 30 * time.Minute}, pane.InboxMerge{ID: "Q3OURS", Into: "Q1SEARCH"},
		}, p.desk.taken())
	})
}

func TestEscalateThereSaysWhomItCalls(t *testing.T) {
	atInbox(t, func(p *player) {
		p.desk.answer = func(o pane.Order) (pane.Receipt, error) {
			return pane.Receipt{Looked: &pane.InboxDetail{
				Item: p.m.world.OnCall.Inbox.Items[0], Levels: []pane.InboxLevel{{Level: 1, Who: []string{"Alice"}}, {Level: 2, Who: []string{"Lena Lead", "Bob"}}},
			}}, nil
		}
		p.press("E")
		p.sees("Escalate Q1SEARCH to", "level 2  Lena Lead, Bob")
		p.wait(time.Second)
		p.press("b")
		p.sees("PagerDuty calls Lena Lead, Bob (level 2 of Checkout) about Q1SEARCH")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{
			pane.LookInto{ID: "Q1SEARCH", For: pane.ToHandOn}, pane.InboxEscalate{ID: "Q1SEARCH", Level: 2, Who: "Lena Lead, Bob"},
		}, p.desk.taken())
	})
}

// Details take the place of the dialog that waits for them, and of no other.
func TestDetailsOpenNothingByThemselves(t *testing.T) {
	detail := &pane.InboxDetail{Item: pane.InboxItem{ID: "Q1SEARCH", Title: "Search index"}, Notes: []pane.InboxEntry{{Text: "Lena: reindexing"}}}
	atInbox(t, func(p *player) {
		p.desk.answer = func(pane.Order) (pane.Receipt, error) {
			time.Sleep(2 * time.Second)
			return pane.Receipt{Looked: detail}, nil
		}
		p.press("enter")
		p.sees("asking PagerDuty")
		p.wait(3 * time.Second)
		p.sees("notes", "Lena: reindexing")
		p.press("esc", "enter", "esc", "n")
		p.wait(3 * time.Second)
		p.sees("Note on Q1SEARCH")
		p.seesNot("Lena: reindexing")
		p.press("esc")
		p.desk.answer = func(pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errors.New("pagerduty: 503") }
		p.press("enter")
		p.sees("pagerduty: 503")
		require.Nil(t, p.m.asked)
	})
}

func TestRunbookAndLinkOfOneThere(t *testing.T) {
	atInbox(t, func(p *player) {
		p.desk.answer = func(pane.Order) (pane.Receipt, error) {
			return pane.Receipt{Looked: &pane.InboxDetail{Alerts: []pane.InboxAlert{{Links: []pane.InboxLink{{Text: "Runbook", URL: "https://wiki.example.com/search"}, {Text: "graph", URL: "https://g.example.com"}}}}}}, nil
		}
		p.press("w")
		p.sees("Link", "https://wiki.example.com/search")
		p.press("esc", "o")
		p.sees("https://lab.pagerduty.com/incidents/Q1SEARCH")
		p.press("esc", "down", "o")
		p.sees("PagerDuty gives no link to it")
		p.press("down", "w")
		require.Equal(t, runbookView, p.m.place.at, "of ours the checklist")
	})
}

// Without a token there is no inbox, and the keys are about the incident as elsewhere.
func TestWithoutAnInboxKeysAreAboutTheIncident(t *testing.T) {
	play(t, 100, 30, func(p *player) {
		p.world(func(w *pane.World) { w.OnCall = &pane.OnCall{Inbox: pane.Inbox{Off: true}} })
		p.press("6", "a")
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-204"}}, p.desk.taken())
	})
}

func TestOnCallByName(t *testing.T) {
	for _, name := range []string{"oncall", "on-call", "inbox"} {
		play(t, 100, 30, func(p *player) {
			p.press(":")
			p.typed(name)
			p.press("enter")
			require.Equal(t, onCallView, p.m.place.at, name)
			p.press("?")
			p.sees("here a E S n w A U are about PagerDuty's chosen one")
		})
	}
}

func TestShowsTellsTheView(t *testing.T) {
	var told []string
	play(t, 100, 30, func(p *player) {
		p.press("6", "?", "esc", "1", "6", "esc")
		require.Equal(t, []string{"now", "oncall", "now", "oncall", "now"}, told)
	}, func(o *Options) { o.Shows = func(s keys.Scope) { told = append(told, string(s)) } })
}

// Help is asked for from whom PagerDuty has on call or the configuration names, with a
// reason; an update goes to subscribers. Both are asked about first.
func TestHelpAndUpdatesThere(t *testing.T) {
	atInbox(t, func(p *player) {
		p.press("A")
		p.sees("Who is to help with Q1SEARCH?", "somebody else")
		p.wait(time.Second)
		p.press("b")
		p.sees("What is Lena Lead needed for?")
		p.typed("the pool is full")
		p.press("enter")
		p.sees("PagerDuty calls Lena Lead about Q1SEARCH", "It says: the pool is full")
		p.press("y")
		p.wait(6 * time.Second)
		p.press("U")
		p.sees("Status update on Q1SEARCH")
		p.typed("searching is slow")
		p.press("enter")
		p.sees("PagerDuty tells the subscribers of Q1SEARCH", "It says: searching is slow")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{
			pane.InboxRequest{ID: "Q1SEARCH", Who: "Lena Lead", Message: "the pool is full"},
			pane.InboxUpdate{ID: "Q1SEARCH", Text: "searching is slow"},
		}, p.desk.taken())
	})
}
