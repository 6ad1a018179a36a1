package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// preflight is what a game day would be now.
type preflight struct {
	day    gameday.Day
	parts  dayParts
	window error
	halted error
	plans  []planBefore
	runs   []runBefore
	typed  string
}

// planBefore is a plan as it would be run, or why it would not be.
type planBefore struct {
	loadtest.Plan
	live []string // hosts beside this machine that are production
	err  error
}

// runBefore is the same of an experiment.
type runBefore struct {
	experiment
	chaos.Preview
	err error
}

// foresee asks every rule, and every guard once, about all that a day would do. It touches
// nothing.
func (a *app) foresee(ctx context.Context, day gameday.Day, parts dayParts) (preflight, error) {
	f := preflight{day: day, parts: parts, typed: a.flags.confirm}
	dir, err := chaosDir()
	if err != nil {
		return f, err
	}
	if who, err := gameday.Walking(dir); err != nil {
		return f, err
	} else if who != "" {
		f.halted = chaos.Refuse("one-at-a-time", "wait for its end, or end it with sitrep chaos halt", "the game day %s goes on", who)
	}
	if text, is := chaos.Halted(dir); is {
		f.halted = chaos.Refuse("halt", "sitrep chaos halt --clear allows runs again", "HALT is raised: %s", text)
	}
	f.window = f.within(time.Now())
	f.gather()
	means, closeAll := a.loadMeans()
	defer closeAll()
	for i := range f.plans {
		p := &f.plans[i]
		reached, err := p.Beyond(ctx)
		if p.live, p.err = productionHosts(reached), err; err == nil {
			p.Plan, p.err = means.Rehearse(ctx, p.Plan)
		}
	}
	for i := range f.runs {
		r := &f.runs[i]
		r.Preview, r.err = a.preview(ctx, r.experiment, f.confirmFor(r.experiment))
	}
	return f, ctx.Err()
}

// within refuses a day that would not be over before its window closes.
func (f preflight) within(now time.Time) error {
	if f.day.Window.Always() {
		return nil
	}
	_, most := f.day.Schedule(f.parts.known)
	return chaos.CheckWindows([]chaos.Window{f.day.Window}, now, most)
}

// gather finds the plans and experiments of the day, each once.
func (f *preflight) gather() {
	for _, s := range f.day.Steps {
		for _, p := range f.parts.plans {
			if p.Name == s.Load && !slices.ContainsFunc(f.plans, func(o planBefore) bool { return o.Name == p.Name }) {
				f.plans = append(f.plans, planBefore{Plan: p})
			}
		}
		for _, r := range s.Chaos {
			for _, e := range f.parts.experiments {
				if e.Name == r.Run && !slices.ContainsFunc(f.runs, func(o runBefore) bool { return o.Name == e.Name }) {
					f.runs = append(f.runs, runBefore{experiment: e})
				}
			}
		}
	}
}

// confirmText is what a person types who wants all of it in production: what each
// experiment alone would ask for, and where the load goes.
func (f preflight) confirmText() string {
	var parts []string
	for _, r := range f.runs {
		parts = append(parts, r.ConfirmText())
	}
	for _, p := range f.plans {
		for _, host := range append([]string{p.Host()}, p.live...) {
			if !slices.Contains(parts, host) {
				parts = append(parts, host)
			}
		}
	}
	return strings.Join(parts, " and ")
}

// confirmFor is what was typed for an experiment: who has confirmed the day has confirmed it.
func (f preflight) confirmFor(e experiment) string {
	if f.typed == f.confirmText() {
		return e.ConfirmText()
	}
	return f.typed
}

// refusals are what says no to the day, whatever is typed.
func (f preflight) refusals() (all []error) {
	if f.halted != nil {
		return []error{f.halted} // its parts would say the same
	}
	if f.window != nil {
		all = append(all, f.window)
	}
	for _, p := range f.plans {
		if p.err != nil {
			all = append(all, p.err)
		}
	}
	for _, r := range f.runs {
		if err := errors.Join(r.err, r.Refused); err != nil {
			all = append(all, fmt.Errorf("experiment %s: %w", r.Name, err))
		}
	}
	return all
}

// production is why confirmText has to be typed; empty if it has not, or was.
func (f preflight) production() (why string) {
	for _, p := range f.plans {
		if len(p.live) > 0 && f.typed != f.confirmText() {
			why = fmt.Sprintf("load %s goes to %s, which is production", p.Name, strings.Join(p.live, " and "))
		}
	}
	for _, r := range f.runs {
		if r.Confirm != "" && why == "" {
			why = r.Name + ": " + r.Confirm
		}
	}
	return why
}

// against is everything that stands in the way of the day.
func (f preflight) against() []error {
	all := f.refusals()
	if why := f.production(); why != "" && f.halted == nil {
		if f.typed != "" {
			why += fmt.Sprintf("; --confirm %q is not what it wants", f.typed)
		}
		all = append(all, chaos.Refuse("production", fmt.Sprintf("say --confirm %q, once for all of it", f.confirmText()), "%s", why))
	}
	return all
}

// err is all of that with its exit code.
func (f preflight) err() error {
	all := f.against()
	refused := slices.ContainsFunc(all, func(err error) bool { return errors.Is(err, chaos.ErrRefused) || errors.Is(err, loadtest.ErrRefused) })
	if err := errors.Join(all...); !refused {
		return withCode(exitInconclusive, err)
	}
	return withCode(exitRefused, fmt.Errorf("game day %s is refused, nothing was touched: %w", f.day.Name, errors.Join(all...)))
}

// printPreflight prints the whole schedule, and what every rule says of each part.
func (a *app) printPreflight(f preflight) error {
	if a.flags.json {
		type run struct {
			Name    string `json:"name"`
			Plan    string `json:"plan"`
			Confirm string `json:"confirm"`
			Error   string `json:"error"`
		}
		against, plans, runs := []string{}, []planDetail{}, []run{}
		for _, err := range f.against() {
			against = append(against, err.Error())
		}
		for _, p := range f.plans {
			plans = append(plans, planDetails(p.Plan))
		}
		for _, r := range f.runs {
			one := run{Name: r.Name, Plan: r.Text, Confirm: r.Confirm}
			if err := errors.Join(r.err, r.Refused); err != nil {
				one.Error = err.Error()
			}
			runs = append(runs, one)
		}
		return errors.Join(a.print(map[string]any{
			"gameday": viewOfDay(f.day, f.parts.known), "plans": plans, "experiments": runs, "against": against, "confirm": f.confirmText(),
		}), f.err())
	}
	return errors.Join(a.printSchedule(f.day, f.parts.known), a.printParts(f), f.err())
}

// printParts prints what would be sent and hurt.
func (a *app) printParts(f preflight) error {
	for _, p := range f.plans {
		fmt.Fprintf(a.stdout, "\nload %s: %s; nothing was sent\n", p.Name, describePlan(p.Plan))
		if err := a.printPlan(p.Plan); err != nil {
			return err
		}
	}
	for _, r := range f.runs {
		if _, err := fmt.Fprintf(a.stdout, "\nchaos %s; nothing was touched\n%s", r.Name, sanitise(r.Text)); err != nil {
			return err
		}
	}
	return nil
}
