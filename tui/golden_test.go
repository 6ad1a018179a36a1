package tui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

var update = flag.Bool("update", false, "write the pictures anew")

// still is the screen at one moment of the bad night at the shop, after some
// keys. What commands would do is not done.
func still(t testing.TB, w, h int, press []string, opts ...func(*Options)) *model {
	now := time.Date(2026, 11, 25, 3, 12, 44, 0, time.UTC)
	box := NewMailbox()
	world := shopWorld(t, now)
	box.Update(func(w *pane.World) { *w = *world })
	o := Options{Mailbox: box, Operator: &desk{}, Theme: theme.Default(), Keys: keys.Default(), Actor: "alice", Host: "bastion", Now: func() time.Time { return now }, Zone: time.UTC, Env: []string{}}
	for _, opt := range opts {
		opt(&o)
	}
	m := newModel(context.Background(), o)
	m.Update(tea.WindowSizeMsg{Width: w, Height: h})
	for _, k := range press {
		m.Update(key(k))
	}
	return m
}

// with changes the world that a picture shows.
func with(change func(*pane.World, time.Time)) func(*Options) {
	return func(o *Options) { o.Mailbox.Update(func(w *pane.World) { change(w, o.Now()) }) }
}

func underFire(w *pane.World, now time.Time) {
	w.Chaos.Runs = []pane.ChaosRun{{Run: "CH-3", Experiment: "payments-latency", Targets: "payments-1", Last: chaos.Report{Phase: chaos.Holding, Text: "latency 300 ms on payments-1"}, Ends: now.Add(23 * time.Second)}}
	w.Load.Run, w.Load.Live = "LT-1", &loadtest.Progress{Elapsed: 2 * time.Second, Remaining: 8 * time.Second, RequestedRate: 400, AchievedRate: 399, Requests: 790, Stages: 1}
	w.Delivery.Sinks[0] = pane.Sink{Name: "pagerduty", State: "down", Why: "events.pagerduty.com: 503"}
	w.Present = []pane.Present{{Name: "bob", Incident: w.Incidents[0].ID}, {Name: "carol"}, {Name: "alice", Incident: w.Incidents[0].ID}}
	w.Problems = []pane.Problem{{Text: "prometheus http://127.0.0.1:9090: cannot reach the server; is it running?", At: now}}
}

// poolAsked has the answer to a query, some seconds old.
func poolAsked(w *pane.World, now time.Time) {
	q := w.Runbooks[0].Steps[1].Queries()[0].Text
	w.Answers = map[string]runbook.Answer{q: {At: now.Add(-12 * time.Second), Done: true, Values: []runbook.Value{{Series: "payments-1", Text: "97.5%"}, {Series: "payments-2", Text: "8%"}}}}
}

// linkless has a second incident whose alert names a page that nobody has here.
func linkless(w *pane.World, _ time.Time) {
	w.Incidents[1].RunbookURL = "https://wiki.example.com/queues"
}

func quiet(w *pane.World, _ time.Time) {
	w.Incidents, w.Alerts.List = w.Incidents[2:], nil
	w.Delivery.Holder = ""
	w.Present = []pane.Present{{Name: "bob", Incident: "INC-202"}, {Name: "carol"}}
	w.Delivery.Sinks[1] = pane.Sink{Name: "slack", State: "no key", Why: "slack.bot_token"}
}

// The pictures of testdata are read by people, and changed only with reason:
// go test ./tui -update.
func TestPictures(t *testing.T) {
	sizes := [][2]int{{80, 24}, {120, 40}, {200, 60}}
	for _, c := range []struct {
		name  string
		sizes [][2]int
		press []string
		opts  []func(*Options)
	}{
		{"now", sizes, nil, nil},
		{"board", sizes, []string{"2"}, nil},
		{"timeline", sizes, []string{"3"}, nil},
		{"actions", sizes, []string{"4"}, nil},
		{"postmortem", sizes, []string{"[", "5"}, nil},
		{"runbook", sizes, []string{"w"}, []func(*Options){with(poolAsked)}},
		{"runbook_code", sizes[:1], []string{"w", "j"}, nil},
		{"runbook_none", sizes[:1], []string{"]", "w"}, []func(*Options){with(linkless)}},
		{"runbook_choose", sizes[:1], []string{"w", "w"}, nil},
		{"quiet", sizes[:1], nil, []func(*Options){with(quiet)}},
		{"underfire", sizes[:2], []string{"f5"}, []func(*Options){with(underFire)}},
		{"prod", sizes[:1], []string{"f5", "p", "a", "y"}, []func(*Options){inProd}},
		{"escalate", sizes[:1], []string{"E", "enter"}, nil},
		{"countdown", sizes[:1], []string{"f5", "E", "enter", "y"}, nil},
		{"severity", sizes[:1], []string{"]", "s", "up"}, nil},
		{"declare", sizes[:1], []string{"D", "enter"}, nil},
		{"chaos", sizes[:2], []string{"x", "down"}, []func(*Options){with(pastRuns), with(planned)}},
		{"chaos_plan", sizes, []string{"x", "enter"}, []func(*Options){with(pastRuns), with(planned)}},
		{"chaos_past", sizes, []string{"4", "h"}, []func(*Options){with(calmShop), with(pastRuns)}},
		{"chaos_live", sizes, []string{"4"}, []func(*Options){with(busy), with(pastRuns)}},
		{"chaos_confirm", sizes, []string{"2"}, []func(*Options){with(confirming)}},
		{"chaos_prod", append(sizes[:1:1], sizes[2]), []string{"f5", "p", "a", "y", "M", "enter"}, []func(*Options){inProd}},
		{"chaos_refused", sizes[:2], []string{"x", "down"}, []func(*Options){with(refusals(haltRefusal, haltRefusal)), with(halted)}},
		{"chaos_halt", sizes, []string{"4"}, []func(*Options){with(calmShop), with(halted)}},
		{"chaos_other", sizes, []string{"4"}, []func(*Options){with(others)}},
		{"chaos_follow", sizes, []string{"4", "h"}, []func(*Options){with(runs)}},
		{"chaos_quit", sizes[:1], []string{"q"}, []func(*Options){with(runs)}},
		{"chaos_now", sizes, nil, []func(*Options){with(runs)}},
		{"gameday_list", sizes, []string{"4", "tab", "tab"}, []func(*Options){with(calmShop), with(days)}},
		{"gameday_plan", sizes, []string{"f8"}, []func(*Options){with(dayJudged(pane.Judged{Plan: dayPlan}))}},
		{"gameday_refused", sizes[:1], []string{"f8"}, []func(*Options){with(dayJudged(pane.Judged{Plan: dayPlan, Refused: dayRefusals}))}},
		{"gameday_asks", sizes, nil, []func(*Options){with(dayAt(0))}},
		{"gameday_vote", sizes, []string{"V", "a", "b", "enter"}, []func(*Options){with(dayAt(0))}},
		{"gameday_live", sizes, []string{"4"}, []func(*Options){with(dayAt(1)), with(underFire)}},
		{"gameday_read", sizes[:1], []string{"4", "tab", "tab", "G", "k", "enter"}, []func(*Options){with(calmShop), with(days)}},
		{"verify_ask", sizes[:1], []string{"X", "o", "k", "enter"}, nil},
		{"verify_pick", sizes[:1], []string{"X", "o", "k", "enter", "tab"}, nil},
		{"verify_sure", sizes[:1], []string{"X", "o", "k", "enter", "tab", "enter"}, nil},
		{"board_help", sizes[:2], append([]string{"2", "?"}, slices.Repeat([]string{"down"}, 46)...), nil},
		{"update", sizes[:2], []string{"U", "h", "i", "enter"}, nil},
		{"update_foot", sizes[:1], []string{"U", "x", "enter", "enter", "enter"}, nil},
		{"roles", sizes[:1], []string{"A"}, nil},
		{"person", sizes[:1], []string{"]", "A", "b"}, []func(*Options){with(underFire)}},
		{"item", sizes[:1], []string{"4", "i"}, nil},
		{"scorecard", sizes, []string{"C", "l"}, []func(*Options){with(routine)}},
		{"sign", sizes[:1], []string{"C", "l", "space", "b", "y", "enter"}, []func(*Options){with(routine)}},
		{"oncall", sizes, []string{"6"}, []func(*Options){with(onDuty)}},
		{"oncall_merge", sizes[:1], []string{"6", "g", "I"}, []func(*Options){with(onDuty)}},
		{"oncall_ack", sizes[:1], []string{"6", "g", "a"}, []func(*Options){with(onDuty)}},
		{"drill", sizes[:1], nil, []func(*Options){with(drills)}},
		{"doubt", sizes, nil, []func(*Options){with(questioned("alice"))}},
		{"doubt_other", sizes[:1], nil, []func(*Options){with(questioned("bob"))}},
		{"unheard", append(sizes, [2]int{60, 16}, [2]int{40, 10}, [2]int{24, 4}), nil, []func(*Options){with(nobodyReached)}},
		{"unheard_has", sizes[:2], nil, []func(*Options){with(nobodyReached), with(aliceHasIt)}},
		{"help", sizes[:2], []string{"?"}, nil},
		{"palette", sizes[:1], []string{":", "s", "e"}, nil},
		{"ascii", sizes[:1], nil, []func(*Options){inASCII}},
		{"survival", [][2]int{{40, 10}, {59, 15}, {24, 4}}, nil, nil},
	} {
		for _, size := range c.sizes {
			name := fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				isPicture(t, name, still(t, size[0], size[1], c.press, c.opts...), size)
			})
		}
	}
}

// isPicture compares what is shown with testdata.
func isPicture(t *testing.T, name string, m *model, size [2]int) {
	t.Helper()
	fits(t, m.View().Content, size[0], size[1])
	got := m.picture.frame.Plain()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test ./tui -update writes it")
	require.Equal(t, string(want), got)
}

// drills makes the incidents practice: none of them may pass for real.
func drills(w *pane.World, _ time.Time) {
	list := slices.Clone(w.Incidents)
	for i := range list {
		list[i].Drill = true
	}
	w.Incidents = list
}

func inASCII(o *Options) {
	th, err := theme.New(theme.Options{Glyphs: theme.ASCII})
	if err != nil {
		panic(err) // the name is ours
	}
	o.Theme = th
}
