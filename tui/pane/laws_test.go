package pane

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// hostile is text as an attacker, or a careless person, would write it.
func hostile() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "checkout", "\x1b[2J\x1b]52;c;cm0gLXJm\a", "支払い😀支払い", "a\rb\nc\td", "\u202egnp.exe", "e\u0301\u0301\u0301", strings.Repeat("W", 3000), "INC-204", "L1", "region"}),
		rapid.StringN(0, 20, -1),
	)
}

func when() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
			return time.Time{}
		}
		return night.Add(time.Duration(rapid.Int64Range(-int64(400*24*time.Hour), int64(2*time.Hour)).Draw(t, "at")))
	})
}

func number64() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), query.Absent(), math.Inf(1), math.Inf(-1), 0.05, 1e300, -3}))
}

func kinds() *rapid.Generator[incident.Kind] {
	return rapid.OneOf(rapid.SampledFrom([]incident.Kind{
		incident.Declared, incident.Acknowledged, incident.NoteAdded, incident.ChangeRecorded, incident.ChaosInjected, incident.ChaosUndone, incident.ChaosFinished,
		incident.LoadStarted, incident.LoadFinished, incident.AlertFired, incident.PageQueued, incident.EscalationEntered, incident.ItemAdded, incident.Resolved,
	}), rapid.Map(hostile(), func(s string) incident.Kind { return incident.Kind(s) }))
}

func events(id incident.ID) *rapid.Generator[[]incident.Event] {
	one := rapid.Custom(func(t *rapid.T) incident.Event {
		e := incident.Event{
			ID: hostile().Draw(t, "id"), Incident: id, At: when().Draw(t, "at"), Recorded: when().Draw(t, "recorded"), Kind: kinds().Draw(t, "kind"),
			Actor: incident.Person(hostile().Draw(t, "actor")), Text: hostile().Draw(t, "text"),
		}
		e.Data = rapid.SampledFrom([][]byte{nil, []byte("{"), []byte(`{"run":"CH-1"}`), []byte(`{"type":"deploy"}`), []byte(`{"title":"x","severity":"SEV-1","item":"AI-1","text":"t","level":"L2","round":3}`)}).Draw(t, "data")
		e.Evidence = rapid.SampledFrom([][]byte{nil, []byte("["), []byte(`[{"name":"x","value":null,"at":"2026-11-24T03:00:00Z","state":"ok","spark":[1,null,2]}]`), []byte(`{}`)}).Draw(t, "evidence")
		return e
	})
	return rapid.SliceOfN(one, 0, 12)
}

func boards() *rapid.Generator[*query.Snapshot] {
	return rapid.Custom(func(t *rapid.T) *query.Snapshot {
		if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
			return nil
		}
		s := &query.Snapshot{At: when().Draw(t, "at"), Source: hostile().Draw(t, "source"), Board: &query.Board{Title: hostile().Draw(t, "title"), Range: time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "range"))}}
		s.Grid = query.Grid{Start: when().Draw(t, "start"), Step: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "step")), N: rapid.IntRange(0, 40).Draw(t, "n")}
		for range rapid.IntRange(0, 14).Draw(t, "panels") {
			p := query.Panel{
				Title: hostile().Draw(t, "panel"), Field: query.Field{Unit: rapid.SampledFrom([]string{"", "s", "bytes", "percentunit", "reqps", "€"}).Draw(t, "unit")}, Signal: rapid.Bool().Draw(t, "signal"),
				Type: rapid.SampledFrom([]query.PanelType{query.TimeSeries, query.Stat, query.Gauge, query.BarGauge, query.Table, query.Heatmap, query.StateTimeline, query.TopN, query.Text, query.AlertList, query.EventList, query.NotDrawn, ""}).Draw(t, "type"), Better: rapid.SampledFrom([]query.Better{query.Lower, query.Higher, ""}).Draw(t, "better"),
			}
			p.Queries = []query.Query{{Expr: hostile().Draw(t, "query"), Format: rapid.SampledFrom([]query.Format{"", query.AsTable, query.AsHeatmap}).Draw(t, "format"), Instant: rapid.Bool().Draw(t, "instant")}}
			p.Draw, p.Stack = rapid.SampledFrom([]query.Draw{"", query.Area, query.Bars, query.Points, query.StepLine}).Draw(t, "draw"), rapid.SampledFrom([]query.Stack{"", query.StackNormal, query.StackPercent}).Draw(t, "stack")
			p.Markdown, p.Every, p.Log, p.Top = hostile().Draw(t, "markdown"), rapid.Bool().Draw(t, "every"), rapid.SampledFrom([]int{0, 2, 10}).Draw(t, "base"), rapid.IntRange(0, 2).Draw(t, "top")
			p.Right, p.Negative, p.Cell = rapid.Bool().Draw(t, "right"), rapid.Bool().Draw(t, "negative"), rapid.SampledFrom([]query.CellForm{"", query.CellGauge, query.CellBackground}).Draw(t, "cell")
			p.Legend.Calc = rapid.SampledFrom([][]query.Reducer{nil, {query.ReduceMax, query.ReduceMean}}).Draw(t, "calc")
			p.Mappings = []query.Mapping{{Value: "1", Text: hostile().Draw(t, "word"), State: query.OK}}
			if rapid.Bool().Draw(t, "has a place") {
				x := rapid.IntRange(0, 23).Draw(t, "x")
				p.Place = &query.Place{X: x, Y: rapid.IntRange(0, 60).Draw(t, "y"), W: rapid.IntRange(1, 24-x).Draw(t, "wide"), H: rapid.IntRange(1, 30).Draw(t, "tall")}
			}
			for range rapid.IntRange(0, 2).Draw(t, "thresholds") {
				p.Thresholds = append(p.Thresholds, query.Threshold{Value: number64().Draw(t, "line"), State: query.Crit})
			}
			d := query.PanelData{At: when().Draw(t, "panel at")}
			if rapid.Bool().Draw(t, "fails") {
				d.Err = errors.New(hostile().Draw(t, "error"))
			}
			d.Frame.Grid = s.Grid
			for range rapid.IntRange(0, 4).Draw(t, "series") {
				d.Frame.Series = append(d.Frame.Series, query.Series{Legend: hostile().Draw(t, "legend"), Expr: hostile().Draw(t, "expr"), Values: rapid.SliceOfN(number64(), 0, 40).Draw(t, "values"), Labels: query.Labels{"le": rapid.SampledFrom([]string{"1", "+Inf", "x"}).Draw(t, "le")}, Ago: rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(t, "ago")})
			}
			s.Board.Panels = append(s.Board.Panels, p)
			if rapid.IntRange(0, 9).Draw(t, "missing") > 0 {
				s.Panels = append(s.Panels, d)
			}
		}
		for from := rapid.IntRange(0, len(s.Board.Panels)).Draw(t, "first row"); from < len(s.Board.Panels); {
			to := rapid.IntRange(from+1, len(s.Board.Panels)).Draw(t, "row")
			s.Board.Rows = append(s.Board.Rows, query.Row{Title: hostile().Draw(t, "row's title"), Collapsed: rapid.Bool().Draw(t, "collapsed"), From: from, To: to})
			from = to
		}
		return s
	})
}

// figures are statistics of incidents that nobody has had yet.
func figures() *rapid.Generator[*Figures] {
	return rapid.Custom(func(t *rapid.T) *Figures {
		if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
			return nil
		}
		return FiguresOf(pastIncidents().Draw(t, "past"), night)
	})
}

func pastIncidents() *rapid.Generator[[]incident.Incident] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Incident {
		inc := ended(rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(0, 400).Draw(t, "days"), hostile().Draw(t, "service"), rapid.SampledFrom([]incident.Severity{incident.Sev1, incident.Sev4, "SEV-9", ""}).Draw(t, "severity"))
		inc.Drill, inc.Clocks.Mitigated, inc.Clocks.Resolved = rapid.Bool().Draw(t, "drill"), when().Draw(t, "mitigated"), when().Draw(t, "resolved")
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			inc.Items = append(inc.Items, incident.OpenItem{Item: incident.Item{Item: hostile().Draw(t, "item"), Text: hostile().Draw(t, "what"), Due: when().Draw(t, "due")}, Added: when().Draw(t, "added")})
		}
		return inc
	}), 0, 30)
}

// worlds are worlds that nobody has seen yet.
func worlds() *rapid.Generator[*World] {
	return rapid.Custom(func(t *rapid.T) *World {
		w := &World{Figures: figures().Draw(t, "figures"), Promised: pastIncidents().Draw(t, "promised"), Board: boards().Draw(t, "board"), Events: map[incident.ID][]incident.Event{"": events("").Draw(t, "outside")}, Drafts: map[incident.ID]Draft{}}
		for i := range rapid.IntRange(0, 3).Draw(t, "incidents") {
			id := incident.NumberedID(i + 1)
			list := events(id).Draw(t, "events")
			inc := incident.Fold(list...)
			inc.ID, inc.Severity = id, rapid.SampledFrom([]incident.Severity{incident.Sev1, incident.Sev3, incident.Sev4, "SEV-9", ""}).Draw(t, "severity")
			inc.Service, inc.Title = hostile().Draw(t, "service"), hostile().Draw(t, "title")
			w.Events[id], w.Incidents = list, append(w.Incidents, inc)
			if rapid.Bool().Draw(t, "draft") {
				w.Drafts[id] = Draft{ID: "PM-1", Markdown: strings.Join(rapid.SliceOfN(rapid.OneOf(hostile(), rapid.SampledFrom([]string{"# a", "|", "| a | b |", "```", "- x", "  - [ ] y", "**b** _i_ `c` [l](u)", "<!-- -->"})), 0, 20).Draw(t, "markdown"), "\n"), Findings: rapid.SliceOfN(hostile(), 0, 4).Draw(t, "findings")}
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "messages") {
			w.Delivery.Messages = append(w.Delivery.Messages, escalation.Message{
				ID: hostile().Draw(t, "message"), Incident: incident.NumberedID(rapid.IntRange(1, 3).Draw(t, "of")), Sink: hostile().Draw(t, "sink"), Level: incident.Level(rapid.SampledFrom([]string{"", "L1", "L2"}).Draw(t, "level")),
				Operation: rapid.SampledFrom([]escalation.Operation{escalation.OpTrigger, escalation.OpPost, "?"}).Draw(t, "op"), State: rapid.SampledFrom([]escalation.MessageState{escalation.Accepted, escalation.Failed, escalation.Ambiguous, "?"}).Draw(t, "state"),
				QueuedAt: when().Draw(t, "queued"), NotBefore: when().Draw(t, "not before"), Error: hostile().Draw(t, "error"), Attempts: rapid.IntRange(0, 3).Draw(t, "attempts"),
			})
		}
		for range rapid.IntRange(0, 5).Draw(t, "alerts") {
			l := query.Labels{"region": hostile().Draw(t, "region"), "service": hostile().Draw(t, "of service")}
			w.Alerts.List = append(w.Alerts.List, alert.Alert{Name: hostile().Draw(t, "alert"), State: rapid.SampledFrom([]string{alert.Firing, alert.Pending, ""}).Draw(t, "alert state"), Labels: l, ActiveAt: when().Draw(t, "active"), Fingerprint: alert.Fingerprint(l)})
		}
		v := number64().Draw(t, "value")
		for i := range rapid.IntRange(0, 3).Draw(t, "experiments") {
			w.Chaos.Experiments = append(w.Chaos.Experiments, chaos.Experiment{Name: fmt.Sprint("x", i), Hypothesis: hostile().Draw(t, "hypothesis"), SteadyState: []chaos.Probe{{Name: hostile().Draw(t, "probe")}}, Guards: []chaos.Guard{{Name: "g"}}, Method: []chaos.Step{{Fault: hostile().Draw(t, "fault")}}})
			run := ChaosRun{Run: hostile().Draw(t, "run"), Experiment: fmt.Sprint("x", i), Ends: when().Draw(t, "ends"), Last: chaos.Report{Text: hostile().Draw(t, "says"), Sample: &chaos.Sample{Name: "g", Value: &v}}}
			if rapid.Bool().Draw(t, "over") {
				run.Outcome = &chaos.Outcome{Verdict: chaos.Verdict(hostile().Draw(t, "verdict")), Score: &v}
			}
			w.Chaos.Runs = append(w.Chaos.Runs, run)
		}
		w.Load.Plans = []loadtest.Plan{{Name: hostile().Draw(t, "plan"), Stages: []loadtest.Stage{{To: v}}}, {Targets: []loadtest.Target{{URL: hostile().Draw(t, "url")}}}}
		if rapid.Bool().Draw(t, "live") {
			w.Load.Live = &loadtest.Progress{RequestedRate: v, AchievedRate: v, ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{"x": {}}, Remaining: time.Duration(rapid.Int64().Draw(t, "remaining")), Elapsed: time.Duration(rapid.Int64().Draw(t, "elapsed"))}
		}
		if rapid.Bool().Draw(t, "result") {
			w.Load.Result = &loadtest.Result{Run: hostile().Draw(t, "load run"), Totals: loadtest.Totals{AchievedRate: v, RequestedRate: v}, Thresholds: []loadtest.ThresholdResult{{Expr: hostile().Draw(t, "threshold")}}}
		}
		for range rapid.IntRange(0, 3).Draw(t, "ledger") {
			w.Ledger = append(w.Ledger, LedgerEntry{At: when().Draw(t, "sent"), Service: hostile().Draw(t, "stand-in"), Summary: hostile().Draw(t, "summary"), Status: rapid.IntRange(-1, 600).Draw(t, "status")})
		}
		w.OnCall, w.Readiness = whatever().Draw(t, "on call"), readinesses().Draw(t, "readiness")
		return w
	})
}

// actionsOf are the actions that a view can be asked for.
func actionsOf(v View) []keys.Action {
	out := []keys.Action{keys.NextPane, keys.PreviousPane, keys.Refresh, keys.Yank, keys.Cancel, "no_such_action"}
	for _, b := range keys.Default().All() {
		if b.Scope == v.Scope() {
			out = append(out, b.Action)
		}
	}
	return out
}

var onlyColours = regexp.MustCompile("\x1b\\[(0(;\\d+)+)?m")

// draws draws v into the middle of a frame that is covered with #, and holds
// that nothing else was touched and nothing but colours reaches the terminal.
func draws(t require.TestingT, v View, s *Screen, w, h int, glyphs theme.Glyphs) {
	th, err := theme.New(theme.Options{Profile: theme.Colour256, Dark: true, Glyphs: glyphs})
	require.NoError(t, err)
	f := frame.New(w+5, h+4, th)
	f.Fill(f.Bounds(), theme.Plain, '#')
	f.Fill(frame.Rect{X: 2, Y: 2, W: w, H: h}, theme.Plain, ' ')
	v.Draw(f.Sub(frame.Rect{X: 2, Y: 2, W: w, H: h}), s)
	for y, row := range strings.Split(strings.TrimSuffix(f.Plain(), "\n"), "\n") {
		if y < 2 || y >= h+2 {
			require.Equal(t, strings.Repeat("#", w+4), row)
			continue
		}
		require.True(t, strings.HasPrefix(row, "##") && strings.HasSuffix(row, "##"), "%q", row)
	}
	for _, r := range onlyColours.ReplaceAllString(f.String(), "") {
		require.True(t, r == '\n' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f), "%q", r)
	}
}

// Whatever the world is, whatever is pressed and at whatever size: the picture
// stays inside, no control character gets out, and a key alone never reaches
// anybody: a view asks for windows, and for the rest only what was answered to
// its own question.
func TestAnyWorldAnyKeyAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(Views())-1).Draw(t, "view")
		v := Views()[at]
		s := screenOf(worlds().Draw(t, "world"), "")
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				s = screenOf(worlds().Draw(t, "next world"), s.Incident)
			case 1:
				s = screenOf(s.World, incident.ID(rapid.SampledFrom([]string{"", "INC-1", "INC-2", "INC-9"}).Draw(t, "selected")))
			case 2:
				filtered := *s
				filtered.Filter = rapid.OneOf(hostile(), rapid.SampledFrom([]string{"[", "@ali", "#page", "!sev:1", "! x", "(a|b)"})).Draw(t, "filter")
				s = &filtered
			}
			w, h := rapid.IntRange(0, 210).Draw(t, "w"), rapid.IntRange(0, 64).Draw(t, "h")
			onlyWindows(t, v.Resize(w, h, s))
			draws(t, v, s, w, h, rapid.SampledFrom([]theme.Glyphs{theme.Braille, theme.Block, theme.ASCII}).Draw(t, "glyphs"))
			e := v.Press(rapid.SampledFrom(actionsOf(v)).Draw(t, "action"), s)
			onlyWindows(t, e)
			require.True(t, e.Handled || isZero(e), "an effect without being handled is lost")
			if e.Ask != nil {
				answer := hostile().Draw(t, "answer")
				if n := len(e.Ask.Choices); n > 0 {
					answer = e.Ask.Choices[rapid.IntRange(0, n-1).Draw(t, "choice")].Value
				}
				require.NotEmpty(t, e.Ask.Title)
				e.Ask.Then(answer)
			}
			if e.Form != nil {
				var answers []string
				for range e.Form.Fields {
					answers = append(answers, hostile().Draw(t, "field"))
				}
				e.Form.Then(answers)
			}
			draws(t, v, s, w, h, theme.Braille)
		}
	})
}

func isZero(e Effect) bool {
	return !e.Handled && len(e.Orders) == 0 && e.Select == "" && e.Toast == "" && e.Copy == "" && e.Ask == nil && e.Form == nil && e.Read == nil
}

func onlyWindows(t require.TestingT, e Effect) {
	for _, o := range e.Orders {
		switch o.(type) {
		case LookInto, AskPanels, ShowBoard, SetValues, CompareWith, FindLinks, KeepBoard:
			continue // they read, or write to this host
		}
		w, is := o.(Window)
		require.True(t, is, "%T", o)
		require.True(t, w.Columns >= 1 && w.Span >= 0, "%+v", w)
	}
}

// Every size from nothing up, with everything in sight.
func TestEverySize(t *testing.T) {
	for _, sc := range scenes() {
		v, s := Views()[sc.view], screenOf(sc.world(t), sc.id)
		for _, a := range sc.press {
			v.Press(a, s)
		}
		for w := 0; w <= 210; w += 1 + w/5 {
			for h := 0; h <= 64; h += 1 + h/4 {
				v.Resize(w, h, s)
				draws(t, v, s, w, h, theme.Braille)
			}
		}
	}
}

// Attempts on the terminal stay visible as what they are.
func TestEscapeCodesAreShownAndNotObeyed(t *testing.T) {
	w := richWorld(t)
	w.Events["INC-204"] = append(w.Events["INC-204"], incident.Event{ID: "x", Incident: "INC-204", At: night, Kind: incident.NoteAdded, Actor: "mallory", Text: "pwned \x1b]0;title\a"})
	v, s := Views()[2], screenOf(w, "INC-204")
	draws(t, v, s, 119, 34, theme.Braille)
	require.Contains(t, picture(v, s, 119, 34).Plain(), "pwned ␛]0;title")
	e := v.Press(keys.Detail, s)
	require.Contains(t, e.Read.Lines[0].String(), "␛]0;title")
}

// Heights use what there is and no more, and the dearest section lasts longest.
func TestHeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sections []section
		for i := range rapid.IntRange(1, 6).Draw(t, "n") {
			sections = append(sections, section{name: fmt.Sprint(i), dear: rapid.IntRange(0, 9).Draw(t, "dear"), least: rapid.IntRange(0, 5).Draw(t, "least"), want: rapid.IntRange(0, 20).Draw(t, "want"), grow: rapid.Bool().Draw(t, "grow")})
		}
		h := rapid.IntRange(0, 70).Draw(t, "h")
		sum, dearest := 0, 0
		for i, got := range heights(h, sections) {
			sum += got
			require.True(t, got == 0 || got >= 1+sections[i].least)
			if sections[i].dear > sections[dearest].dear {
				dearest = i
			}
		}
		require.LessOrEqual(t, sum, h)
		if h >= 1+sections[dearest].least {
			require.Positive(t, heights(h, sections)[dearest])
		}
	})
}

// Whatever comes and goes around it, the cursor stays on what was chosen.
func TestASelectionIsAnID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 999), 1, 30, rapid.ID[int]).Draw(t, "rows")
		of := func(ids []int) rows {
			return rows{n: len(ids), id: func(i int) string { return fmt.Sprint(ids[i]) }, draw: func(*frame.Frame, int) {}, none: safe.Const("none")}
		}
		var l list
		for range rapid.IntRange(0, 20).Draw(t, "moves") {
			l.press(rapid.SampledFrom([]keys.Action{keys.Up, keys.Down, keys.PageDown, keys.Top, keys.Bottom}).Draw(t, "move"), of(ids))
		}
		l.settle(of(ids))
		chosen := l.chosen
		fresh := append(rapid.SliceOfNDistinct(rapid.IntRange(1000, 1999), 0, 9, rapid.ID[int]).Draw(t, "new"), ids...)
		l.draw(frame.New(40, rapid.IntRange(1, 12).Draw(t, "h"), theme.Default()), of(fresh), true)
		require.Equal(t, chosen, l.chosen)
		require.Equal(t, chosen, fmt.Sprint(fresh[l.at]))
		require.True(t, l.at >= l.top && l.at < l.top+l.page)
	})
}
