package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// farewell is what became of everything that went on when the screen was left: the picture
// that said so is gone from the terminal. Open are the runs of this host that are not closed
// now.
func farewell(left *pane.World, open []chaos.OpenRun) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	mine := map[string]bool{}
	for _, r := range left.Chaos.Runs {
		if r.Outcome != nil || !r.Here() {
			continue
		}
		mine[r.ID] = true
		name := strings.TrimSpace(r.Run + " " + r.Experiment)
		if slices.ContainsFunc(open, func(o chaos.OpenRun) bool { return o.ID == r.ID && !o.Undone }) {
			say("%s is NOT PROVEN UNDONE: run sitrep chaos recover", name)
			continue
		}
		say("%s ended with the screen; everything that it did is undone", name)
	}
	switch l := left.Load; {
	case l.Live != nil && l.Others:
		say("%s goes on, in another process: sitrep load stop ends it", strings.TrimSpace(l.Run+" "+l.Plan))
	case l.Live != nil:
		say("%s ended with the screen", strings.TrimSpace(l.Run+" "+l.Plan))
	}
	if run := left.Gamedays.Here; run != "" {
		say("%s ended with the screen; sitrep gameday show %s says how far it came", run, run)
	}
	for _, o := range open {
		name := strings.TrimSpace(o.Run + " " + o.Experiment)
		switch {
		case mine[o.ID]:
		case o.Live:
			say("%s goes on, in %s: sitrep chaos halt ends and undoes it", name, o.Holder())
		default:
			say("%s is NOT UNDONE and its processes are dead: run sitrep chaos recover", name)
		}
	}
	return lines
}

// sayFarewell prints that below the shell's line.
func (a *app) sayFarewell(left *pane.World) {
	var open []chaos.OpenRun
	dir, err := chaosDir()
	if err == nil {
		open, err = chaos.Active(dir)
	}
	for _, line := range farewell(left, open) {
		fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(line))
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "sitrep: whether anything is left injected is not known: %s\n", sanitise(err.Error()))
	}
}
