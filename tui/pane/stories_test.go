package pane

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

func TestTheStateOfEveryPageIsOnTheScreen(t *testing.T) {
	r := newReader(t, 0, richWorld(t), "INC-204", 119, 34)
	r.sees("L1  alice", "PagerDuty primary", "ambiguous", "failed, try 3", "L2  bob", "in 28 s", "a acknowledges")
	for state, word := range map[escalation.MessageState]string{
		escalation.Pending: "pending", escalation.Sending: "sending", escalation.Superseded: "superseded", escalation.Accepted: "accepted 4 s",
	} {
		r.s.World = with(r.s.World, func(w *World) {
			m := w.Delivery.Messages[0]
			m.State = state
			w.Delivery.Messages = []escalation.Message{m}
		})
		r.sees(word)
	}
	r.s.World = with(r.s.World, func(w *World) { w.Delivery.Messages[0].AcknowledgedAt = night })
	r.sees("ended by the ack 14m31s")
	r.s.World = with(r.s.World, func(w *World) { w.Delivery.Holder = "" })
	r.sees("nobody runs it: sitrep daemon")
}

func TestChangesNearestBeforeTheStartComeFirst(t *testing.T) {
	got := newReader(t, 0, richWorld(t), "INC-204", 119, 34).sees()
	at := -1
	for _, text := range []string{"T-2m    deploy checkout", "T-10m   flag", "T-11m   chaos", "T-16m   load", "T+13m   chaos"} {
		next := strings.Index(got, text)
		require.Greater(t, next, at, text)
		at = next
	}
}

func TestEnterOnAnAlertDeclares(t *testing.T) {
	r := newReader(t, 0, with(richWorld(t), func(w *World) { w.Incidents = nil }), "", 119, 34)
	r.sees("4 firing", "enter declares", "4 alerts fire. D declares")
	ask := r.press(keys.Detail).Ask
	require.NotNil(t, ask)
	require.Equal(t, "SEV-1", ask.Initial, "what the policy says of this alert")
	o := ask.Then("SEV-2").Orders
	require.Equal(t, []Order{Declare{Title: "checkout 5xx ratio > 5%", Service: "checkout", Severity: incident.Sev2, Alert: r.s.World.Alerts.List[0].Fingerprint}}, o)

	open := incident.Incident{ID: "INC-9", Labels: r.s.World.Alerts.List[0].Labels, Severity: incident.Sev1}
	r.s.World = with(r.s.World, func(w *World) { w.Incidents = []incident.Incident{open} })
	require.Equal(t, incident.ID("INC-9"), r.press(keys.Detail).Select, "one that is open already is not declared again")

	open.Status, open.MergedInto = incident.StatusClosed, "INC-8"
	survivor := incident.Incident{ID: "INC-8", Severity: incident.Sev1, Merged: []incident.ID{"INC-9"}}
	r.s.World = with(r.s.World, func(w *World) { w.Incidents = []incident.Incident{survivor, open} })
	require.Equal(t, incident.ID("INC-8"), r.press(keys.Detail).Select, "nor one that goes on as another")
}

func TestWithAnIncidentEnterReadsTheAlert(t *testing.T) {
	r := newReader(t, 0, richWorld(t), "INC-204", 119, 34)
	r.press(keys.NextPane, keys.Detail)
	r.reads("payments pool exhausted", "same words payments, pool", "raised the pool to 64", "a query without an index held connections", "after 34m", "sitrep incident timeline INC-117")
	r.press(keys.NextPane, keys.NextPane, keys.Detail)
	r.reads("CheckoutErrorRatio", "https://runbooks.example.com/CheckoutErrorRatio", `region=us-east-1`)
	r.press(keys.PreviousPane, keys.Down, keys.Detail)
	r.reads("ambiguous, try 2, again in 11 s", "it may have been accepted", "L1, round 3")
}

func TestWhatToDoFirst(t *testing.T) {
	quiet := with(richWorld(t), func(w *World) { w.Incidents, w.Alerts.List, w.Chaos.Runs, w.Load.Live = nil, nil, nil, nil })
	r := newReader(t, 0, quiet, "", 119, 34)
	r.sees("F5 hurts at most 1 of service=payments:", "^X ends and undoes it")
	r.s.World = with(quiet, func(w *World) { w.Chaos.Runs = []ChaosRun{{Run: "CH-9", Experiment: "payments-latency"}} })
	r.sees("CH-9 payments-latency hurts payments: ^X", "When an alert fires, D declares")
	r.s.World = with(quiet, func(w *World) {
		w.Load.Run, w.Load.Live = "LT-2", &loadtest.Progress{}
		w.Alerts.List = []alert.Alert{{Name: "HighErrorRate", State: alert.Firing}}
	})
	r.sees("LT-2", "An alert fires")
	r.s.World, r.s.Prod = quiet, true
	r.seesNot("hurts")
}

func TestPostmortemReadsAndMarks(t *testing.T) {
	w := with(richWorld(t), func(w *World) {
		d := w.Drafts["INC-202"]
		d.Missing = []string{"16 action-items: no owner: a timeout", "0 action-items: there is no action item: add one"}
		w.Drafts = map[incident.ID]Draft{"INC-202": d}
		w.Incidents = slices.Clone(w.Incidents)
		for i, inc := range w.Incidents {
			if inc.ID == "INC-202" {
				w.Incidents[i].Review.Comments = []incident.Comment{{Comment: "C-1", Text: "which index?", By: "dan", Closed: inc.Clocks.Resolved, Closer: "carol", Answer: "that of orders"}}
			}
		}
	})
	r := newReader(t, 4, w, "INC-202", 119, 20)
	r.sees("PM-1 of INC-202  draft", "2 missing, 3 findings: l · due in 6d · edited by carol 1h00m ago", "! The index was obviously")
	r.press(keys.Bottom)
	r.sees("100%", "! [ ] AI-2: a timeout - owner - due date", "a snake_case name with *stars* stays")
	r.press(keys.Top, keys.PageDown, keys.Up)
	r.press(keys.LintDraft)
	r.reads("line 14", "it was not obvious then", "name who does it", "draft", "in 6d", "which index?", "closed by carol: that of orders", "line 16", "action-items: no owner", "as a whole")
	require.Equal(t, draft, r.press(keys.Yank).Copy)
	require.False(t, r.press(keys.EditDraft).Handled, "an editor is not ours to open")
	require.False(t, r.press(keys.ExportDraft).Handled)
}

func TestNoPostmortemYet(t *testing.T) {
	r := newReader(t, 4, richWorld(t), "INC-204", 79, 18)
	r.sees("INC-204 has no post-mortem yet. P drafts it from 8 events", "›PM-1    INC-202  SEV2 draft      search slow", "due in 6d")
	require.Contains(t, r.press(keys.LintDraft).Toast, "P drafts one")
	require.Equal(t, incident.ID("INC-202"), r.press(keys.EditDraft).Select)
	r.s.World = with(r.s.World, func(w *World) { w.Drafts = nil })
	require.False(t, r.press(keys.EditDraft).Handled, "it is drafted when it is opened")
}

func TestAlertsAreGroupedTheWorstFirst(t *testing.T) {
	w := richWorld(t)
	var f filter
	groups := groupAlerts(w.Alerts.List, w.Delivery.Policy, &f)
	var names []string
	for _, g := range groups {
		names = append(names, strings.TrimSpace(string(g.sev)+" "+g.name))
	}
	require.Equal(t, []string{"SEV-1 CheckoutErrorRatio", "SEV-2 PaymentsPoolExhausted", "SEV-3 QueueBacklog", "DiskFillsUp"}, names)
	require.Len(t, groups[0].list, 2)
	require.Equal(t, "eu-west-1 +1", placeOf(groups[0]).String())
	f.read("!checkout")
	require.Equal(t, "PaymentsPoolExhausted", groupAlerts(w.Alerts.List, w.Delivery.Policy, &f)[0].name)
	require.Equal(t, alert.Pending, groups[3].state)
}

// A filter that nothing passes is not taken for an empty world.
func TestAFilterSaysThatItHides(t *testing.T) {
	for view, left := range map[int]string{3: "payments-pause", 4: "search slow"} {
		r := newReader(t, view, richWorld(t), "", 119, 34)
		r.sees(left)
		r.s.Filter = "nothing-is-called-so"
		r.sees("nothing here matches /nothing-is-called-so")
	}
}
