package pane

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// reader is a person in front of one view.
type reader struct {
	t    *testing.T
	view View
	s    *Screen
	w, h int
	said Effect // what the last key did
}

func newReader(t *testing.T, view int, w *World, id incident.ID, width, height int) *reader {
	r := &reader{t: t, view: Views()[view], s: screenOf(w, id), w: width, h: height}
	r.sees()
	return r
}

// press presses keys, with the screen drawn in between.
func (r *reader) press(actions ...keys.Action) Effect {
	for _, a := range actions {
		r.said = r.view.Press(a, r.s)
		r.sees()
	}
	return r.said
}

// sees draws, and holds that the texts are in the picture.
func (r *reader) sees(texts ...string) string {
	r.t.Helper()
	got := picture(r.view, r.s, r.w, r.h).Plain()
	for _, text := range texts {
		require.Contains(r.t, got, text)
	}
	return got
}

func (r *reader) seesNot(texts ...string) {
	r.t.Helper()
	got := r.sees()
	for _, text := range texts {
		require.NotContains(r.t, got, text)
	}
}

// reads holds that the last key opened a text with these parts.
func (r *reader) reads(texts ...string) {
	r.t.Helper()
	require.NotNil(r.t, r.said.Read)
	whole := r.said.Read.Title + "\n" + text(r.said.Read.Lines)
	for _, part := range texts {
		require.Contains(r.t, whole, part)
	}
}

func text(lines []safe.Text) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// with is the world after something happened.
func with(w *World, change func(*World)) *World {
	next := *w
	change(&next)
	return &next
}

func more(w *World, id incident.ID, e incident.Event) *World {
	return with(w, func(w *World) {
		all := map[incident.ID][]incident.Event{}
		for k, v := range w.Events {
			all[k] = v
		}
		e.Incident = id
		all[id] = append(all[id][:len(all[id]):len(all[id])], e)
		w.Events = all
	})
}

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
	quiet := with(richWorld(t), func(w *World) { w.Incidents, w.Alerts.List, w.Chaos.Runs = nil, nil, nil })
	r := newReader(t, 0, quiet, "", 119, 34)
	r.sees("F5 hurts at most 1 of service=payments:", "^X ends and undoes it")
	r.s.World = with(quiet, func(w *World) { w.Chaos.Runs = []ChaosRun{{Run: "CH-9", Experiment: "payments-latency"}} })
	r.sees("CH-9 payments-latency runs. When an alert")
	r.s.World, r.s.Prod = quiet, true
	r.seesNot("hurts")
}

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

func TestTheBoardAsksForWindowsThatFit(t *testing.T) {
	views, s := Views(), screenOf(richWorld(t), "INC-204")
	one := func(e Effect) Window {
		require.Len(t, e.Orders, 1)
		return e.Orders[0].(Window)
	}
	board := views[1]
	w := one(board.Resize(199, 54, s))
	require.Equal(t, Window{Columns: 164}, w, "live, the board's own range")
	require.Empty(t, board.Resize(198, 54, s).Orders, "windows come in steps: the answer would be the same")

	w = one(board.Press(keys.ZoomIn, s))
	require.Equal(t, 30*time.Minute, w.Span)
	w = one(board.Press(keys.PanLeft, s))
	require.Equal(t, night.Add(-15*time.Minute), w.End)
	require.True(t, one(board.Press(keys.PanRight, s)).End.IsZero(), "what reaches the present is live again")
	for _, want := range []time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour} {
		require.Equal(t, want, one(board.Press(keys.ZoomOut, s)).Span)
	}

	w = one(views[0].Resize(199, 54, s))
	require.True(t, w.Span == 0 && w.End.IsZero(), "the first view is always live")
	require.Equal(t, 6*time.Hour, one(board.Resize(199, 54, s)).Span, "and the board is where it was")
	board.Press(keys.PanLeft, s)
	w = one(board.Press(keys.Live, s))
	require.True(t, w.Span == 6*time.Hour && w.End.IsZero())
	require.Equal(t, time.Duration(0), one(board.Press(keys.Live, s)).Span, "once more: as it was in the beginning")
}

func TestRangesByName(t *testing.T) {
	s := screenOf(richWorld(t), "INC-204")
	board := Views()[1]
	ask := board.Press(keys.Range, s).Ask
	require.Equal(t, "1h", ask.Initial)
	require.Equal(t, 36*time.Hour, ask.Then("36h").Orders[0].(Window).Span, "typed by name it may be any")
	require.Contains(t, ask.Then("soon").Toast, `range "soon"`)
	w := ask.Then(aroundIncident).Orders[0].(Window)
	require.Equal(t, 29*time.Minute+32*time.Second, w.Span, "from a quarter of an hour before it began")
	require.True(t, w.End.IsZero())
	past := screenOf(s.World, "INC-202")
	w = Views()[1].Press(keys.Range, past).Ask.Then(aroundIncident).Orders[0].(Window)
	require.Equal(t, night.Add(-195*time.Minute), w.End)
}

func TestRangesBeforeNow(t *testing.T) {
	s := screenOf(richWorld(t), "INC-204")
	board := Views()[1]
	ask := board.Press(keys.Range, s).Ask
	for text, want := range map[string]Window{
		"now-40m to now-10m": {Span: 30 * time.Minute, End: s.Now.Add(-10 * time.Minute)},
		"-2h to -1h":         {Span: time.Hour, End: s.Now.Add(-time.Hour)},
		"-3h to now":         {Span: 3 * time.Hour},
		"now-45m":            {Span: 45 * time.Minute},
		"-45m":               {Span: 45 * time.Minute},
	} {
		got := ask.Then(text).Orders[0].(Window)
		require.Equal(t, want.Span, got.Span, text)
		require.True(t, want.End.Equal(got.End), text)
	}
	between := ask.Then(fromTo).Ask
	require.Equal(t, 45*time.Minute, between.Then("45m").Orders[0].(Window).Span)
	wrong := between.Then("-2h to soon")
	require.Contains(t, wrong.Toast, `range "-2h to soon"`)
	require.Equal(t, "-2h to soon", wrong.Ask.Initial, "what was typed is there to be mended")
	require.Contains(t, ask.Then("-1h to -2h").Toast, "10s to 366d")
}

func TestOneCrosshairForAllCharts(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 199, 54)
	r.press(keys.CrosshairLeft)
	r.sees("03:12:30  T+14m")
	r.press(keys.CrosshairFarLeft, keys.CrosshairRight)
	require.GreaterOrEqual(t, strings.Count(r.sees("03:08:00  T+9m"), "03:08:00"), 1+2*8, "in the title and on the axis of every chart with values there")
	ask := r.press(keys.MarkInstant).Ask
	require.Equal(t, "5xx ratio 7.9% (checkout): ", ask.Initial)
	require.Equal(t, []Order{Note{"INC-204", "03:08:00 here it turned"}}, ask.Then("here it turned").Orders)
	require.True(t, r.press(keys.Cancel).Handled)
	r.seesNot("03:08:00")
	require.False(t, r.press(keys.Cancel).Handled)
}

// Where the window moves on, the crosshair does not point at nothing.
func TestTheCrosshairStaysInTheWindow(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 119, 34)
	r.press(keys.CrosshairLeft)
	r.sees("03:12:30  T+14m")
	r.s.World = with(r.s.World, func(w *World) { w.Board = shopBoard(night.Add(2 * time.Hour)) })
	r.seesNot("03:12:30")
}

func TestMarkNeedsAnIncident(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "", 119, 34)
	require.Contains(t, r.press(keys.MarkInstant).Toast, "D declares one")
}

func TestSeriesAreToggledAndIsolated(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 119, 34)
	r.press(keys.Down, keys.Down, keys.Fullscreen, keys.Down)
	r.sees("› ● checkout", "427 req/s", "mean")
	r.press(keys.ToggleSeries)
	r.sees("› ○ checkout", "  ● payments")
	r.press(keys.ToggleSeries, keys.IsolateSeries)
	require.Equal(t, 4, strings.Count(r.sees("› ● checkout"), "○"))
	r.press(keys.IsolateSeries)
	require.Equal(t, 0, strings.Count(r.sees(), "○"))
	r.press(keys.LogAxis, keys.Fullscreen)
	r.sees("5xx ratio")
	ask := r.press(keys.Yank).Ask
	require.Equal(t, "sum(reqps)", ask.Then(ask.Choices[0].Value).Copy)
	require.Equal(t, "requests 427 req/s", ask.Then(ask.Choices[1].Value).Copy)
}

func TestTheBoardScrollsToTheFocus(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 79, 18)
	r.sees("panels 1-4 of 12", "5xx ratio")
	r.press(keys.Up) // around the end
	r.sees("panels 9-12 of 12", "processes up", "bad below 5")
	r.seesNot("5xx ratio")
	r.press(keys.Grid, keys.Grid)
	r.sees("of 12")
	r.s.Filter = "cpu|memory"
	r.sees("cpu", "error: prometheus")
	r.seesNot("panels")
}

func TestChartsSayWhatIsWrongWithThem(t *testing.T) {
	r := newReader(t, 1, richWorld(t), "INC-204", 199, 54)
	r.sees("error: prometheus http://", "restarts loading", "threads partial", "kafka lag no data 4 min")
	r.seesNot("cache hits 1") // nothing is said of what is fine
	r.s.Now = night.Add(40 * time.Second)
	r.sees("43 s old")
}

func TestActionsShowWhatRuns(t *testing.T) {
	r := newReader(t, 3, richWorld(t), "INC-204", 119, 34)
	r.sees("CH-4 payments-pause", "▸hold", "22 s left", "0.034 ✗  expect < 0.01", "0.18 ✓", "no data ✗  2 of 3  abort > 0.9", "deviated 83%",
		"hurts  process.pause on payments-1 for 38 s", "undo D undone by runner", "lost   this terminal: the runner undoes it",
		"188/s of 200/s · 94.2%", "p99", "412 ms", "1.19% 14 of 1180 requests · 5xx 12 · timeout 2", "#incidents: alice: pay")
	r.press(keys.Detail)
	r.reads("holding", "A payments process that hangs", "expect", "injected 03:12:06", "latency 1500ms", "looked at every 1s, 3 in a row, no data: abort")
	require.Equal(t, "payments-pause", *r.press(keys.ChaosHistory).Past)
}

func TestActionsReadInFull(t *testing.T) {
	w := with(richWorld(t), func(w *World) { w.Load.Live, w.Chaos.Runs = nil, w.Chaos.Runs[:1] })
	r := newReader(t, 3, w, "INC-204", 119, 34)
	require.Equal(t, "payments-latency", r.press(keys.Detail).Plan, "what it would do now")
	require.Equal(t, "payments-latency", *r.press(keys.ChaosHistory).Past)
	r.press(keys.NextPane, keys.Bottom, keys.Detail)
	r.reads("FAIL  LT-6  smoke", "errors < 1%", "p99.9")
	r.sees("last: LT-6 smoke fail errors < 1% does not hold", "✓ p95 < 200ms", "✗ errors < 1%")
	r.press(keys.NextPane, keys.Detail)
	r.reads("failed", "channel_not_found: invite the bot", "L1, round 3")
	r.press(keys.NextPane, keys.Detail)
	r.reads("sitrep item close INC-204 AI-1")
	r.press(keys.NextPane, keys.Detail)
	r.reads("/api/chat.postMessage", "429")
}

// A narrow view opens the section that has the keys; the others have what rows
// are left, and in any case their headings.
func TestNarrowActionsUnfold(t *testing.T) {
	r := newReader(t, 3, richWorld(t), "", 79, 18)
	r.sees("CH-4 payments-pause", "▸holding", "LT-7 runs: ^X ends it", "3 on the way")
	r.press(keys.NextPane)
	r.sees("whole run", "F8 peak", "CH-4 payments-pause", "^X ends and undoes it")
	r.seesNot("guard checkout errors")
	r.press(keys.PreviousPane, keys.PreviousPane)
	r.sees("PagerDuty trigger INC-204")
}

func TestTheOldestPromiseComesFirst(t *testing.T) {
	got := newReader(t, 3, richWorld(t), "", 119, 34).sees("3 open", "1 overdue", "late 30m", "nobody")
	require.Less(t, strings.Index(got, "INC-202  AI-1"), strings.Index(got, "INC-204  AI-1"))
}

func TestPostmortemReadsAndMarks(t *testing.T) {
	r := newReader(t, 4, richWorld(t), "INC-202", 119, 20)
	r.sees("PM-1 of INC-202", "edited by carol 1h00m ago", "3 findings: l", "! The index was obviously")
	r.press(keys.Bottom)
	r.sees("100%", "! [ ] AI-2: a timeout - owner - due date", "a snake_case name with *stars* stays")
	r.press(keys.Top, keys.PageDown, keys.Up)
	r.press(keys.LintDraft)
	r.reads("line 14", "it was not obvious then", "name who does it")
	require.Equal(t, draft, r.press(keys.Yank).Copy)
	require.False(t, r.press(keys.EditDraft).Handled, "an editor is not ours to open")
	require.False(t, r.press(keys.ExportDraft).Handled)
}

func TestNoPostmortemYet(t *testing.T) {
	r := newReader(t, 4, richWorld(t), "INC-204", 79, 18)
	r.sees("INC-204 has no post-mortem yet. P drafts it from 8 events", "›PM-1    INC-202  SEV2 search slow")
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

// Marks stand for what happened: an interval lasts until its run is over, an
// alert's incident has one mark, and other incidents explain nothing here.
func TestMarks(t *testing.T) {
	w := richWorld(t)
	var m marks
	var got []string
	for _, one := range m.of(screenOf(w, "INC-204")) {
		line := one.At.Format("15:04:05 ") + string(one.Kind.Glyph())
		if !one.Until.IsZero() {
			line += one.Until.Format(" 15:04:05")
		}
		if one.Running {
			line += " runs"
		}
		got = append(got, line)
	}
	require.Equal(t, []string{
		"02:41:44 ≈ 02:42:44", "02:46:44 ✗ 02:50:44", "02:47:44 ▲", "02:55:44 ▲", "02:57:14 !", "03:03:44 •", "03:12:04 ✗ runs",
	}, got)
	others := m.of(screenOf(w, ""))
	require.Len(t, others, 10, "with the acknowledgements and ends of the others")
	require.Equal(t, chart.End, others[1].Kind)
}

// A call that a climbing ladder makes has a mark, that of the declaration none beside
// it; and the crosshair says what happened there.
func TestTheCrosshairSaysWhatHappened(t *testing.T) {
	w := richWorld(t)
	call := func(at time.Duration, reason string) incident.Event {
		return incident.Event{
			ID: reason, Incident: "INC-204", At: night.Add(-at), Kind: incident.EscalationEntered, Actor: incident.Sitrep, Text: "L2 is called: \x1b[2J" + reason,
			Data: incident.Payload(incident.Escalation{Level: "L2", Reason: reason}),
		}
	}
	w.Events["INC-204"] = append(w.Events["INC-204"], call(5*time.Minute, "declared"), call(4*time.Minute, "climbed"))
	var m marks
	s := screenOf(w, "INC-204")
	var pages int
	for _, one := range m.of(s) {
		if one.Kind == chart.Page {
			pages++
		}
	}
	require.Equal(t, 1, pages)
	one, n := m.near(s, night.Add(-4*time.Minute), 10*time.Second)
	require.Equal(t, 1, n)
	require.Equal(t, "climbed", one.event.ID)
	one, _ = m.near(s, night.Add(-24*time.Minute), 10*time.Second)
	require.NotNil(t, one, "it lasted then")
	require.Equal(t, chart.Chaos, one.Kind)
	one, _ = m.near(s, night.Add(-20*time.Minute), 10*time.Second)
	require.Nil(t, one)

	r := newReader(t, 1, w, "INC-204", 119, 34)
	r.press(keys.CrosshairLeft)
	for range 8 {
		r.press(keys.CrosshairLeft)
	}
	r.sees("P L2 is called")
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

// A figure in a title is that of the worst series, whichever comes first.
func TestATitleSaysTheWorst(t *testing.T) {
	got := newReader(t, 0, richWorld(t), "INC-204", 119, 34).sees()
	require.Regexp(t, `cpu +22\.4%`, got)
	require.Contains(t, newReader(t, 1, richWorld(t), "INC-204", 199, 54).sees(), "● payments-1 9.63%  ● payments-2 22.4%")
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

// What was promised after an incident that was merged stays in front of those
// who run the one that goes on.
func TestItemsOfMergedIncidentsStayInView(t *testing.T) {
	w := richWorld(t)
	c := &scribe{t: t, events: w.Events, seq: 1000}
	one, two := w.Incidents[0], w.Incidents[1]
	two = c.add(two.ID, c.must(two.AddItem(by("carol", night.Add(-time.Minute)), "drain the queue", "carol", time.Time{}))...)
	newReader(t, 3, w, one.ID, 200, 60).seesNot("drain the queue")
	events := c.must(two.Merge(by("alice", night), one))
	two = c.add(two.ID, events[0])
	one = c.add(one.ID, events[1])
	w.Incidents[0], w.Incidents[1] = one, two
	newReader(t, 3, w, one.ID, 200, 60).sees("drain the queue", "INC-203")
	newReader(t, 2, w, one.ID, 200, 60).sees("INC-203 was merged into this one: queue backlog")
}
