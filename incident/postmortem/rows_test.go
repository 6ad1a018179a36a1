package postmortem_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// event finds what was recorded with that text.
func (n *night) event(text string) incident.Event {
	for _, e := range n.events {
		if strings.Contains(e.Text, text) {
			return e
		}
	}
	require.Fail(n.t, "no event "+text)
	return incident.Event{}
}

func (n *night) list() string {
	for _, s := range n.draft().Sections {
		if s.Key == "timeline.every-event-utc" {
			return s.Text
		}
	}
	return ""
}

func (n *night) retell(clock, text string, r incident.Retelling) {
	n.add(n.inc.Retell(by("dana", clock), n.event(text), r))
}

func TestRowsAreToldOtherwise(t *testing.T) {
	n := sev1(t)
	before, numbers := n.list(), n.draft().Numbers
	note := "payments is waiting for a connection"
	n.add(n.inc.Note(by("bob", "03:20:00"), note))
	plain := n.list()
	require.Contains(t, plain, "- 03:20:00 "+note+" (note.added, bob, tui)")

	words, remark, early, yes, no := "the pool of payments* was full", "bob saw it in the [log]", at("03:02:00"), true, false
	n.retell("09:00:00", note, incident.Retelling{Text: &words, Note: &remark, At: &early})
	told := n.list()
	require.Contains(t, told, "- 03:02:00 the pool of payments\\* was full (note.added, bob, tui, reworded by dana, at 03:20:00 by the record)\n  - bob saw it in the \\[log\\]\n")
	require.NotContains(t, told, note)
	require.Less(t, strings.Index(told, words[:20]), strings.Index(told, "03:07:30"), "it stands at its new time")
	require.Equal(t, note, n.event("payments is waiting").Text, "the record stays")

	n.retell("09:01:00", note, incident.Retelling{Hidden: &yes})
	require.NotContains(t, n.list(), "was full")
	require.Contains(t, n.list(), "\n\nNot listed: 1 row (`sitrep postmortem rows INC-12` lists them).")
	i := 0
	rows := postmortem.Rows(n.inc, n.events, at("10:00:00"))
	for rows[i].Event != n.event(note).ID {
		i++
	}
	r := rows[i]
	require.Equal(t, []any{true, words, remark, note, incident.Person("dana")}, []any{r.Hidden, r.Text, r.Note, r.Was, r.By})
	require.Equal(t, at("03:20:00"), r.WasAt)

	n.retell("09:02:00", note, incident.Retelling{Hidden: &no, Text: new(string), Note: new(string), At: new(time.Time)})
	require.Equal(t, plain, n.list(), "and back")
	n.retell("09:03:00", note, incident.Retelling{Hidden: &yes})
	require.Equal(t, before, strings.Split(n.list(), "\n\nNot listed")[0])
	numbers.Counts.Events, numbers.Counts.Notes = numbers.Counts.Events+1, numbers.Counts.Notes+1
	require.Equal(t, numbers, n.draft().Numbers, "what is told does not change what is counted")
}

// All of a page is one row, and so are equal events, until one of them is to be
// told otherwise.
func TestRowsOfSeveralEvents(t *testing.T) {
	n := sev1(t)
	remark := "her telephone was in the kitchen"
	var page incident.Event
	for _, e := range n.events {
		if e.Kind == incident.PageAccepted {
			page = e
		}
	}
	n.add(n.inc.Retell(by("dana", "09:00:00"), page, incident.Retelling{Note: &remark}))
	require.Equal(t, 1, strings.Count(n.list(), remark))
	require.Regexp(t, `page L[12] to .*: accepted after .*\n  - `+remark, n.list())

	for range 3 {
		n.outside("03:30:00", incident.AlertFired, "alert", "QueueDepth fired", "")
	}
	require.Contains(t, n.list(), "QueueDepth fired (3 times, until 03:30:00)")
	n.retell("09:05:00", "QueueDepth fired", incident.Retelling{Note: &remark})
	require.Contains(t, n.list(), "QueueDepth fired (alert.fired, alert)\n  - "+remark)
	require.Contains(t, n.list(), "QueueDepth fired (2 times, until 03:30:00)")
}

func TestItemsAreToldAsTheyAreNow(t *testing.T) {
	n := sev1(t)
	n.add(n.inc.AddItem(by("ana", "09:00:00"), "look at the pool", "", time.Time{}))
	n.add(n.inc.AddItem(by("ana", "09:00:10"), "ask around", "", time.Time{}))
	last := len(n.inc.Items)
	name := func(i int) string { return n.inc.Items[i].Item.Item }
	words, who, due, remark, why, yes := "alert on a full pool", incident.Person("dana"), at("00:00:00").AddDate(0, 0, 7), "as carts has it", "nobody knows whom", true
	n.add(n.inc.ChangeItem(by("dana", "09:10:00"), incident.ItemChange{Item: name(last - 2), Text: &words, Owner: &who, Due: &due, Note: &remark}))
	n.add(n.inc.ChangeItem(by("dana", "09:11:00"), incident.ItemChange{Item: name(last - 1), Dropped: &yes, Note: &why}))
	md := n.markdown()
	require.Contains(t, md, "- [ ] "+name(last-2)+": alert on a full pool - dana - 2026-12-01\n  - as carts has it\n")
	require.Contains(t, md, "\n\nDropped: "+name(last-1)+" ask around (nobody knows whom).")
	require.NotContains(t, md, "] "+name(last-1))
	require.Contains(t, n.list(), "look at the pool", "the record stays")
}
