package pane

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
)

// Faults is what an experiment does, in order: "http.latency, then
// process.pause".
func Faults(x chaos.Experiment) string {
	var kinds []string
	for _, s := range x.Method {
		if s.Fault != "" { // else it waits
			kinds = append(kinds, s.Fault)
		}
	}
	return strings.Join(slices.Compact(kinds), ", then ")
}

// Victims is the blast radius: "at most 1 of service=payments".
func Victims(x chaos.Experiment) string {
	var wanted []string
	for _, k := range slices.Sorted(maps.Keys(x.Targets.Select)) {
		wanted = append(wanted, k+"="+x.Targets.Select[k])
	}
	who := strings.Join(wanted, ", ")
	if who == "" {
		who = "all targets"
	}
	if x.Targets.Percent > 0 && x.Targets.Percent < 100 {
		return fmt.Sprintf("at most %d (%g%%) of %s", max(x.Targets.Max, 1), x.Targets.Percent, who)
	}
	return fmt.Sprintf("at most %d of %s", max(x.Targets.Max, 1), who)
}

// Aborts is what ends an experiment early: "aborts if errors > 0.05".
func Aborts(x chaos.Experiment) string {
	var conditions []string
	for _, g := range x.Guards {
		name := g.Name
		if name == "" {
			name = g.PromQL
		}
		conditions = append(conditions, name+" "+g.Trips())
	}
	if len(conditions) == 0 {
		return "no guard aborts it"
	}
	return "aborts if " + strings.Join(conditions, " or ")
}
