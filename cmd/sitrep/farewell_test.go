package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// Whoever leaves the screen reads below it what became of what went on.
func TestFarewell(t *testing.T) {
	own := func(id, run string) pane.ChaosRun {
		return pane.ChaosRun{ID: id, Run: run, Experiment: "pay", Last: chaos.Report{ID: id}}
	}
	w := &pane.World{}
	w.Chaos.Runs = []pane.ChaosRun{own("a", "CH-1"), own("b", "CH-2"), {ID: "c", Run: "CH-3"}, own("z", "CH-0")}
	w.Chaos.Runs[3].Outcome = &chaos.Outcome{}
	w.Load.Run, w.Load.Plan, w.Load.Live = "LT-1", "smoke", &loadtest.Progress{}
	w.Gamedays.Here = "GD-4"
	open := []chaos.OpenRun{{ID: "b", Run: "CH-2"}, {ID: "c", Run: "CH-3", Experiment: "db", Live: true}, {ID: "d", Run: "CH-4"}}
	require.Equal(t, []string{
		"CH-1 pay ended with the screen; everything that it did is undone",
		"CH-2 pay is NOT PROVEN UNDONE: run sitrep chaos recover",
		"LT-1 smoke ended with the screen",
		"GD-4 ended with the screen; sitrep gameday show GD-4 says how far it came",
		"CH-3 db goes on, in " + open[1].Holder() + ": sitrep chaos halt ends and undoes it",
		"CH-4 is NOT UNDONE and its processes are dead: run sitrep chaos recover",
	}, farewell(w, open))
	require.Empty(t, farewell(&pane.World{}, nil))
	others := &pane.World{Load: w.Load}
	others.Load.Others = true
	require.Equal(t, []string{"LT-1 smoke goes on, in another process: sitrep load stop ends it"}, farewell(others, nil))
}
