package pane

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

const onCallIndex = 7 // of Views

// rota is who answers at night, as PagerDuty and the policy say.
func rota() []escalation.Contact {
	asked := night.Add(-20 * time.Second)
	return []escalation.Contact{
		{Level: "L1", Sink: "pagerduty:primary", Person: "alice", Name: "Alice Ang", Phones: []string{"+1 2025550101", "+44 20 7946 0101"}, Email: "alice@example.com", Schedule: "Primary rota", Rule: 1, Until: night.Add(3 * time.Hour), AskedAt: asked, Automatic: true},
		{Level: "L1", Sink: "pagerduty:primary", Name: "Bob Backup", Phones: []string{"+1 2025550105"}, Schedule: "Shadow", Rule: 2, Until: night.Add(50 * time.Hour), AskedAt: asked, Automatic: true},
		{Level: "L2", Sink: "pagerduty:lead", Name: "Lena Lead", Phones: []string{"+1 2025550102"}, Rule: 1, AskedAt: asked, Automatic: true},
		{Level: "L2", Person: "senior or lead"},
		{Level: "L3", Sink: "pagerduty:manager", Name: "Max Manager", Rule: 1, AskedAt: asked, Automatic: true},
		{Level: "L4", Person: "cto", Phones: []string{"+49 30 901820"}},
	}
}

func inboxOf() Inbox {
	return Inbox{At: night.Add(-4 * time.Second), Items: []InboxItem{
		{ID: "Q1SEARCH", Number: 4712, Title: "Search index is 3 h behind", URL: "https://lab.pagerduty.com/incidents/Q1SEARCH", Service: "search", Policy: "Checkout", Created: night.Add(-12 * time.Minute), Assigned: []string{"Lena Lead"}, Alerts: 1},
		{ID: "Q2OURS", Number: 4713, Title: "SEV-1 INC-204 L1: checkout 5xx ratio > 5%", Service: "sitrep primary", Created: night.Add(-14 * time.Minute), Assigned: []string{"Alice Ang", "Bob Backup"}, Ours: "INC-204", Mine: true, Alerts: 3},
		{ID: "Q3HAD", Title: "Mail queue grows", Service: "mail", Created: night.Add(-3 * time.Hour), Acked: true, AckedBy: []string{"Max Manager"}, Alerts: 1},
		{ID: "Q4LOW", Title: "Certificate of img.example.com ends in 6 days", Low: true, Service: "search", Created: night.Add(-50 * time.Hour), Assigned: []string{"Alice Ang"}, Mine: true, Acked: true, Has: true, AckedBy: []string{"Alice Ang"}, Alerts: 1},
	}}
}

func onCallWorld(testing.TB) *World {
	return &World{OnCall: &OnCall{Contacts: rota(), At: night.Add(-20 * time.Second), Inbox: inboxOf()}}
}

func onCallWithoutToken(testing.TB) *World {
	return &World{OnCall: &OnCall{
		Contacts: []escalation.Contact{{Level: "L1", Person: "alice", Phones: []string{"+1 2025550101"}}, {Level: "L2", Person: "bob"}},
		Faults:   []string{"pagerduty.api_token is not set: only what the configuration knows is shown"}, At: night, Inbox: Inbox{Off: true},
	}}
}

func onCallDown(testing.TB) *World {
	list := rota()
	for i := range list {
		if list[i].Automatic {
			list[i].AskedAt = night.Add(-3*time.Hour - 5*time.Minute)
		}
	}
	in := inboxOf()
	in.At, in.Err = night.Add(-4*time.Minute), "pagerduty: api.pagerduty.com: 503"
	return &World{OnCall: &OnCall{
		Contacts: list, At: night, Down: true, Inbox: in,
		Faults: []string{"pagerduty:primary: shown is what PagerDuty said 3h05m ago (2026-11-24 00:07:44Z): pagerduty: api.pagerduty.com: 503"},
	}}
}

func onCallNothingOpen(testing.TB) *World {
	return &World{OnCall: &OnCall{Service: "checkout", Contacts: rota(), At: night, Inbox: Inbox{At: night}}}
}

func onCallHostile(testing.TB) *World {
	evil := "x\x1b]52;c;cm0gLXJm\a\x1b[2J\u202egnp\u009b31m\r\n支払い😀" + strings.Repeat("W", 300)
	in := Inbox{At: night}
	for i := range 3 {
		in.Items = append(in.Items, InboxItem{ID: fmt.Sprint(evil, i), Title: "支払い" + evil, URL: "javascript:" + evil, Service: evil, Policy: evil, Assigned: []string{evil, evil}, Alerts: 1 << 30, Mine: i == 1})
	}
	return &World{OnCall: &OnCall{
		Service: evil, Contacts: []escalation.Contact{{Level: "L1\x1b[2J", Sink: evil, Name: evil, Phones: []string{evil}, Schedule: evil, Automatic: true}, {Level: "L2", Name: "日本語の名前", Phones: []string{"+81 3"}, Automatic: true, Rule: 3}},
		Faults: []string{evil}, At: night, Inbox: in,
	}}
}

// whatever is any state of the view, for the law of all views.
func whatever() *rapid.Generator[*OnCall] {
	return rapid.Custom(func(t *rapid.T) *OnCall {
		if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
			return nil
		}
		o := &OnCall{Service: hostile().Draw(t, "whose"), Faults: rapid.SliceOfN(hostile(), 0, 3).Draw(t, "faults"), At: when().Draw(t, "asked"), Down: rapid.Bool().Draw(t, "down")}
		for range rapid.IntRange(0, 6).Draw(t, "contacts") {
			o.Contacts = append(o.Contacts, escalation.Contact{
				Sink: hostile().Draw(t, "sink"), Name: hostile().Draw(t, "name"), Phones: rapid.SliceOfN(hostile(), 0, 3).Draw(t, "phones"), Until: when().Draw(t, "until"),
				AskedAt: when().Draw(t, "said"), Automatic: rapid.Bool().Draw(t, "automatic"), Rule: rapid.IntRange(-1, 9).Draw(t, "rule"),
			})
		}
		o.Inbox = Inbox{Off: rapid.IntRange(0, 9).Draw(t, "off") == 0, More: rapid.Bool().Draw(t, "more"), At: when().Draw(t, "inbox asked"), Err: hostile().Draw(t, "inbox error")}
		for i := range rapid.IntRange(0, 9).Draw(t, "items") {
			o.Inbox.Items = append(o.Inbox.Items, InboxItem{
				ID: fmt.Sprint(hostile().Draw(t, "there"), i), Title: hostile().Draw(t, "incident"), Service: hostile().Draw(t, "service"), Created: when().Draw(t, "created"),
				Assigned: rapid.SliceOfN(hostile(), 0, 3).Draw(t, "assigned"), Acked: rapid.Bool().Draw(t, "acked"), Alerts: rapid.IntRange(-1, 2000).Draw(t, "alerts"),
			})
		}
		return o
	})
}

func TestTheNumbersToDialAreOnTheScreen(t *testing.T) {
	r := newReader(t, onCallIndex, onCallWorld(t), "", 79, 18)
	r.sees("L1  alice, Alice Ang (you)  +1 2025550101  and 1 more", "no phone", "+49 30 901820  by the policy")
	r.seesNot("senior or lead")
	r.press(keys.PreviousPane, keys.Detail)
	r.reads("+44 20 7946 0101", "alice@example.com", "until      2026-11-24 06:12 UTC")
	require.Contains(t, r.press(keys.Yank).Copy, "L1 alice +1 2025550101, +44 20 7946 0101")
	r.press(keys.NextPane)
	require.Equal(t, []Order{LookInto{ID: "Q1SEARCH"}}, r.press(keys.Detail).Orders)
}

// What is shown when PagerDuty is down says how old it is; a lack says what mends it.
func TestOldAnswersSaySo(t *testing.T) {
	r := newReader(t, onCallIndex, onCallDown(t), "", 119, 34)
	r.sees("PagerDuty does not answer: as it said 3h05m ago", "PagerDuty does not answer: as of 4m ago", "said 3h05m ago", "Search index is 3 h behind")
	newReader(t, onCallIndex, onCallWithoutToken(t), "", 79, 18).sees("+1 2025550101", "set pagerduty.api_token in sitrep.yaml to see it (docs/pagerduty.md)")
	newReader(t, onCallIndex, onCallNothingOpen(t), "", 79, 18).sees("who answers now for checkout", "nothing is open in the account")
}

// A refresh moves no choice to another incident; one that is gone keeps its row, and
// is not what a key is about, until the cursor leaves it.
func TestARefreshMovesNoChoice(t *testing.T) {
	r := newReader(t, onCallIndex, onCallWorld(t), "", 119, 34)
	chosen := func() string {
		it, ok := r.view.(Chooser).Chosen(r.s)
		if !ok {
			return ""
		}
		return it.ID
	}
	publish := func(change func([]InboxItem) []InboxItem) {
		r.s.World = with(r.s.World, func(w *World) {
			on := *w.OnCall
			on.Inbox.Items = change(slices.Clone(on.Inbox.Items))
			w.OnCall = &on
		})
	}
	require.Equal(t, "Q1SEARCH", chosen())
	r.press(keys.Down)
	require.Equal(t, "Q2OURS", chosen())
	publish(func(list []InboxItem) []InboxItem { return append([]InboxItem{{ID: "Q0NEW", Title: "new"}}, list...) })
	require.Equal(t, "Q2OURS", chosen(), "before it is drawn")
	r.sees("new")
	require.Equal(t, "Q2OURS", chosen())
	publish(func(list []InboxItem) []InboxItem { slices.Reverse(list); return list })
	r.sees()
	require.Equal(t, "Q2OURS", chosen())

	publish(func(list []InboxItem) []InboxItem {
		return slices.DeleteFunc(list, func(it InboxItem) bool { return it.ID == "Q2OURS" })
	})
	require.Empty(t, chosen(), "before it is drawn")
	r.sees("INC-204", "not open now")
	require.Empty(t, chosen())
	require.Contains(t, r.press(keys.Detail).Toast, "not open any more")
	r.press(keys.Down)
	r.seesNot("INC-204")
	require.NotEmpty(t, chosen())

	publish(func([]InboxItem) []InboxItem { return nil })
	r.sees("not open now")
	require.Empty(t, chosen())
}

func TestChoiceIsAnIDWhateverComes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v, s := Views()[onCallIndex], screenOf(onCallWorld(t), "")
		picture(v, s, 119, 34)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			before, was := v.(Chooser).Chosen(s)
			if rapid.Bool().Draw(rt, "moves") {
				v.Press(rapid.SampledFrom([]keys.Action{keys.Up, keys.Down, keys.Top, keys.Bottom}).Draw(rt, "move"), s)
				continue
			}
			ids := rapid.Permutation([]int{0, 1, 2, 3}).Draw(rt, "order")[:rapid.IntRange(0, 4).Draw(rt, "left")]
			in := inboxOf()
			all := in.Items
			in.Items = nil
			for _, i := range ids {
				in.Items = append(in.Items, all[i])
			}
			s.World = &World{OnCall: &OnCall{Inbox: in}}
			for range rapid.IntRange(0, 2).Draw(rt, "pictures") {
				picture(v, s, 119, 34)
			}
			if after, is := v.(Chooser).Chosen(s); is && was {
				require.Equal(rt, before.ID, after.ID)
			}
		}
	})
}

func TestFilterOfTheInbox(t *testing.T) {
	r := newReader(t, onCallIndex, onCallWorld(t), "", 119, 34)
	r.s.Filter = "mail"
	r.sees("Mail queue grows")
	r.s.Filter = "nonsense"
	r.sees("nothing here matches /nonsense")
}

func TestReadInboxHasItAll(t *testing.T) {
	d := &InboxDetail{
		Item: inboxOf().Items[0], Status: "triggered", Notes: []InboxEntry{{At: night, Text: "Lena: reindexing\x1b[2J"}}, Log: []InboxEntry{{At: night, Text: "Triggered through the API"}},
		Alerts: []InboxAlert{{Summary: "lag", Severity: "critical", Status: "triggered", Links: []InboxLink{{"Runbook", "https://wiki.example.com/a"}, {"graph", "https://grafana.example.com/d/1"}}}},
	}
	r := ReadInbox(d, screenOf(onCallWorld(t), ""))
	all := text(r.Lines)
	for _, want := range []string{"runbook    https://wiki.example.com/a", "graph https://grafana.example.com/d/1", "Lena: reindexing␛[2J", "triggered, high urgency", "Triggered through the API"} {
		require.Contains(t, all, want)
	}
	require.Equal(t, []safe.Text{}, slices.DeleteFunc(r.Lines, func(l safe.Text) bool { return !strings.Contains(l.String(), "\x1b") }))
}
