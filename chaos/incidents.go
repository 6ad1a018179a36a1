package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Incidents tells what is wrong for real.
type Incidents interface {
	// Open lists the incidents that are not over. Drills are left out: a game day does
	// not end its own experiments.
	Open(ctx context.Context) ([]Incident, error)
}

// Incident is one that is not over.
type Incident struct {
	ID, Title string
	Severity  string // "SEV-2"
}

// interlock is the severity at which an open incident ends every run.
const interlock = "SEV-2"

// withInterlock adds the guard that is always on. On the lab incidents are exercises:
// there it is on where the experiment asks for it.
func withInterlock(guards []Guard, chosen []Target) []Guard {
	has := slices.ContainsFunc(guards, func(g Guard) bool { return g.Incident != "" })
	if has || !slices.ContainsFunc(chosen, func(t Target) bool { return t.Listed }) {
		return guards
	}
	return append(slices.Clone(guards), Guard{Name: "incident", Incident: interlock})
}

// worst is the worst open incident that is as bad as a severity, or worse.
func worst(open []Incident, atOrAbove string) (Incident, bool) {
	var found Incident
	for _, inc := range open {
		if severity.MatchString(inc.Severity) && inc.Severity <= atOrAbove && (found.ID == "" || inc.Severity < found.Severity) {
			found = inc
		}
	}
	return found, found.ID != ""
}

// strictest is the severity at which an incident ends the run, empty if none does.
func strictest(guards []Guard) (severity string) {
	for _, g := range guards {
		severity = max(severity, g.Incident)
	}
	return severity
}

// CheckIncidents refuses (R4) a run of these guards while there is such an incident, or
// while nobody can say.
func CheckIncidents(ctx context.Context, from Incidents, guards []Guard) error {
	limit := strictest(guards)
	if limit == "" {
		return nil
	}
	if from == nil {
		return Refuse("incident", "start it by sitrep", "nobody here knows of incidents")
	}
	ctx, cancel := context.WithTimeout(ctx, maxTimeout)
	defer cancel()
	open, err := from.Open(ctx)
	if err != nil {
		return Refuse("incident", "mend the store, or name another with --db", "it is not known whether an incident is open: %v", err)
	}
	if inc, is := worst(open, limit); is {
		return Refuse("incident", "resolve it first, or declare it a drill if it is one", "%s %s %s is open", inc.ID, inc.Severity, inc.Title)
	}
	return nil
}

const (
	incidentEvery = time.Second
	// blindLooks is how often in a row the incidents may be unreadable: a store is
	// busy for a moment now and then.
	blindLooks = 5
)

// incidentGuard ends the run at an incident of its severity, and when nobody can say any
// more whether there is one.
func (e *engine) incidentGuard(ctx context.Context, end context.CancelCauseFunc, i int) {
	g := e.plan.Experiment.Guards[i]
	every := time.NewTicker(incidentEvery)
	defer every.Stop()
	for blind := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		look, cancel := context.WithTimeout(ctx, incidentEvery)
		open, err := e.incidents.Open(look)
		cancel()
		if ctx.Err() != nil {
			return
		}
		inc, is := worst(open, g.Incident)
		blind++
		if err == nil {
			blind = 0
		}
		n := float64(len(open))
		why := ""
		switch {
		case err != nil && blind >= blindLooks:
			why = fmt.Sprintf("guard %s: it is not known whether an incident is open: %v", g.Name, err)
		case is:
			why = fmt.Sprintf("guard %s: %s %s %s is open", g.Name, inc.ID, inc.Severity, inc.Title)
		}
		value := &n
		if err != nil {
			value = nil
		}
		e.guardSample(i, Sample{Value: value, OK: err == nil && !is, Tripped: why != "", For: 1})
		if why != "" {
			end(ending{Aborted, why})
			return
		}
	}
}
