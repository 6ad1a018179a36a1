package gameday

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func seconds(n int) strictyaml.Duration { return strictyaml.Duration(time.Duration(n) * time.Second) }

// known has a plan of 30 s and an experiment of 10 s, before which it looks for 5 s, and
// after which it waits for up to 20 s.
func known() Known {
	return Known{
		Plans: []loadtest.Plan{{Name: "shop", Stages: []loadtest.Stage{{From: 10, To: 10, For: 30 * time.Second}}, Timeout: time.Second}},
		Experiments: []chaos.Experiment{{
			Name: "late", Baseline: chaos.Calibration{For: seconds(5)}, Method: []chaos.Step{{Fault: "http.latency", Duration: seconds(10)}}, Recovery: seconds(20),
		}},
		Roles: []string{"commander", "scribe"}, Severities: []string{"SEV-3", "SEV-4"},
	}
}

const whole = `name: payments-day
hypothesis: People still buy.
owner: ana
service: payments
severity: SEV-3
roles: {commander: ana, scribe: bob}
window: {days: [mon, tue], hours: "09:30-16:00", tz: Europe/Berlin}
abort_on: [deviated]
steps:
  - {id: ready, ask: "Is everybody here?", of: [commander, scribe], within: 2m}
  - {load: shop}
  - {id: late, load: shop, chaos: [{run: late, at: 5s}, {run: late}]}
  - {wait: 30s}
`

func TestLoadReadsADay(t *testing.T) {
	d, err := Load("day.yaml", []byte(whole), known())
	require.NoError(t, err)
	require.Equal(t, []chaos.Verdict{chaos.Deviated}, d.AbortOn)
	require.Equal(t, []Step{
		{ID: "ready", Ask: "Is everybody here?", Of: []string{"commander", "scribe"}, Within: seconds(120)},
		{ID: "2", Load: "shop"},
		{ID: "late", Load: "shop", Chaos: []Run{{"late", seconds(5)}, {Run: "late"}}},
		{ID: "4", Wait: seconds(30)},
	}, d.Steps)

	least, err := Load("day.yaml", []byte("name: d\nsteps: [{load: shop}, {ask: ready?}]\n"), known())
	require.NoError(t, err)
	require.Equal(t, "SEV-4", least.Severity, "the mildest")
	require.Equal(t, defaultWithin, least.Steps[1].Within.D())
}

// From when each part is planned, for how long, and at the most.
func TestSchedule(t *testing.T) {
	d, err := Load("day.yaml", []byte(whole), known())
	require.NoError(t, err)
	slots, most := d.Schedule(known())
	s := func(n int) chaos.Seconds { return chaos.Seconds(time.Duration(n) * time.Second) }
	require.Equal(t, []Slot{
		{"ready", "ask commander, scribe: Is everybody here?", 0, 0, s(120)},
		{"2", "load shop", 0, s(30), s(32)},
		{"late", "load shop", s(30), s(30), s(32)},
		{"late", "chaos late", s(35), s(15), s(35)},
		{"late", "chaos late", s(50), s(15), s(55)},
		{"4", "wait 30s", s(65), s(30), s(30)},
	}, slots)
	require.Equal(t, time.Duration(120+32+75+30)*time.Second, most)
	require.Equal(t, []string{"step late: chaos late has its fault in place until 35s after the step began, and load shop is over after 30s: let the load last longer"}, d.Doubts(known()))
}

func TestLoadSaysWhatIsWrongAndWhere(t *testing.T) {
	for src, want := range map[string]string{
		"name: D\nsteps: [{load: shop}]":            "1:7: a game day needs a name of small letters",
		"name: d":                                   "want 1 to 50 steps; there are 0",
		"name: d\nsteps: [{wait: 1s}]":              "2:10: it only waits and asks",
		"name: d\nsteps: [{load: shop, wait: 1s}]":  "2:10: a step has load and chaos (or one of them), or wait, or ask; this has 2 of the three",
		"name: d\nsteps: [{id: a}]":                 "this has 0 of the three",
		"name: d\nsteps: [{load: shopp}]":           `2:16: the configuration has no plan "shopp"; it has shop`,
		"name: d\nsteps: [{chaos: [{run: latte}]}]": `2:24: the configuration has no experiment "latte"; it has late`,
		"name: d\nsteps: [{chaos: [{run: late, at: 9s}, {run: late, at: 3s}]}]": "3s is before the experiment above it (9s)",
		"name: d\nsteps: [{chaos: [{run: late, at: 2h}]}]":                      "2h is more than the cap of 1h",
		"name: d\nsteps: [{load: shop, id: a}, {wait: 1s, id: a}]":              `two steps have the id "a"`,
		"name: d\nsteps: [{load: shop, id: A}]":                                 "an id is small letters",
		"name: d\nsteps: [{load: shop, within: 1m}]":                            "of and within belong to a step that asks",
		"name: d\nsteps: [{ask: \"a?\", of: [scribe]}, {load: shop}]":           `roles names nobody who is "scribe"`,
		"name: d\nsteps: [{ask: \"a\\tb\"}, {load: shop}]":                      "want a question on one line",
		"name: d\nsteps: [{wait: 2h}, {load: shop}]":                            "2h is more than the cap of 1h",
		"name: d\nroles: {boss: ana}\nsteps: [{load: shop}]":                    `"boss" is no role; the roles are commander, scribe`,
		"name: d\nroles: {scribe: \"\"}\nsteps: [{load: shop}]":                 "want the name of a person",
		"name: d\nseverity: SEV-9\nsteps: [{load: shop}]":                       `2:11: "SEV-9" is not one of SEV-3, SEV-4`,
		"name: d\nabort_on: [aborted]\nsteps: [{load: shop}]":                   `2:12: "aborted" is not one of deviated, inconclusive`,
		"name: d\nwindow: {hours: nine}\nsteps: [{load: shop}]":                 `"nine" are no hours`,
		"name: d\nowner: \"a\\nb\"\nsteps: [{load: shop}]":                      "want one line",
		"name: d\npin: F1\nsteps: [{load: shop}]":                               `2:6: "F1" cannot be pinned; the keys are F5 to F9`,
		"name: d\nsteps: [{lod: shop}]":                                         `unknown key "lod"; did you mean "load"?`,
	} {
		_, err := Load("day.yaml", []byte(src), known())
		require.ErrorContains(t, err, want, src)
		require.ErrorContains(t, err, "day.yaml:", src)
	}
}

// One day goes on in a directory at a time, as long as whoever holds it lives, and to ask
// is in nobody's way.
func TestOneDayAtATime(t *testing.T) {
	dir := t.TempDir()
	who, err := Walking(dir)
	require.NoError(t, err)
	require.Empty(t, who)
	held, err := Hold(dir, "GD-1 payments-day")
	require.NoError(t, err)
	for range 2 {
		who, err = Walking(dir)
		require.NoError(t, err)
		require.Equal(t, "GD-1 payments-day", who)
	}
	_, err = Hold(dir, "GD-2 payments-day")
	require.ErrorIs(t, err, chaos.ErrRefused)
	require.ErrorContains(t, err, "R3 one-at-a-time: the game day GD-1 payments-day goes on")
	require.Empty(t, held.Lost())

	// The file is no more than its name: without it nothing begins either, and the day ends.
	file := filepath.Join(dir, "gameday")
	require.NoError(t, os.Remove(file))
	require.Equal(t, "its file "+file+" is gone: who removed or moved it left nothing by which others could end this game day", held.Lost())
	_, err = Hold(dir, "GD-2 payments-day")
	require.ErrorContains(t, err, "R3 one-at-a-time: the game day whose file "+file+" somebody has removed goes on")
	require.NotEmpty(t, held.Lost(), "another file is not its own")
	require.NoError(t, held.Release())
	who, err = Walking(dir)
	require.NoError(t, err)
	require.Empty(t, who)
	again, err := Hold(dir, "GD-2")
	require.NoError(t, err)
	who, _ = Walking(dir)
	require.Equal(t, "GD-2", who)
	require.NoError(t, again.Release())
}

// TestWhatIsNoFileOfADay is told at once: it says nothing of a day, and none begins there.
func TestWhatIsNoFileOfADay(t *testing.T) {
	for what, put := range map[string]func(path string) error{
		"a link":      func(path string) error { return os.Symlink("/dev/null", path) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a fifo":      func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		dir := t.TempDir()
		require.NoError(t, put(filepath.Join(dir, "gameday")))
		_, err := Walking(dir)
		require.ErrorIs(t, err, ErrNoFile, what)
		require.ErrorContains(t, err, filepath.Join(dir, "gameday")+" is no plain file; remove it")
		_, err = Hold(dir, "GD-1")
		require.ErrorIs(t, err, ErrNoFile, what)
	}
}

// How far a run has come, how long it takes yet, and who is still asked, is said by what is
// recorded of it: whoever looks need not have its file.
func TestARunSaysWhereItStands(t *testing.T) {
	d, err := Load("day.yaml", []byte(whole), known())
	require.NoError(t, err)
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	r := d.Head("GD-1", "01JD", "INC-1", known(), began)
	all := time.Duration(120+32+75+30) * time.Second
	require.Equal(t, 1, r.At())
	require.Equal(t, all, r.Left(began))
	require.Equal(t, []string{"ana", "bob"}, r.Steps[0].Of)
	require.Empty(t, r.Steps[1].Of)

	step := r.Steps[0]
	step.StartedAt = &began
	r = r.Apply(Report{Kind: KindStepBegun, Step: &step})
	r = r.Apply(Report{Kind: KindAnswered, Answer: &Answer{Step: "ready", By: "bob", Go: true}})
	r = r.Apply(Report{Kind: KindAnswered, Answer: &Answer{Step: "ready", By: "eve", Go: true}})
	now := began.Add(20 * time.Second)
	require.Equal(t, []string{"ana"}, r.Present().Missing())
	require.Equal(t, 100*time.Second, r.Present().Left(now))
	require.Equal(t, all-20*time.Second, r.Left(now))
	require.Zero(t, r.Present().Left(began.Add(time.Hour)), "it is over its time, which a plan did not foresee")

	step = *r.Present()
	step.EndedAt = &now
	r = r.Apply(Report{Kind: KindStepEnded, Step: &step})
	require.Equal(t, 2, r.At())
	r.EndedAt = &now
	require.Zero(t, r.Left(now))
}
