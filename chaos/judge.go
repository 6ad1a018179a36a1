package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Judgement is what a policy is asked about: a run, on a host, at a time, with what a
// person has said.
type Judgement struct {
	Plan    Plan
	Host    string // the name of this host
	Now     time.Time
	Confirm string // what was typed
}

// Word is one rule with what it says of a run.
type Word struct {
	Rule string // its name
	Says error  // a *Refusal, or nil
}

// ConfirmText is what a person must say who wants to hurt production.
func (e Experiment) ConfirmText() string {
	return fmt.Sprintf("%s %s%%", e.Name, strconv.FormatFloat(e.Targets.Percent, 'g', -1, 64))
}

// Judge holds a run against the policy, rule by rule. The draw itself, the faults and
// the state of the host have been looked at before.
func (p Policy) Judge(j Judgement) []Word {
	why := p.production(j)
	limits, tier := p.Limits, p.MinTier
	if why != "" {
		limits, tier = p.Limits.join(p.Production.Limits), stricter(p.MinTier, p.Production.MinTier)
	}
	return []Word{
		{"production", confirmed(j, why)},
		{"blast-radius", limits.hold(j.Plan, why != "")},
		{"protected", p.Protected.hold(j.Plan)},
		{"tier", tier.hold(j.Plan)},
		{"exec", p.execs(j.Plan)},
		{"window", p.windows(j)},
	}
}

// Check is the first refusal of Judge, or nil.
func (p Policy) Check(j Judgement) error {
	for _, w := range p.Judge(j) {
		if w.Says != nil {
			return w.Says
		}
	}
	return nil
}

// production says why the run counts as one on production, or nothing. What the lab
// lists is the lab's, which the faults prove before they touch it; anything else must
// say what it is.
func (p Policy) production(j Judgement) string {
	e := j.Plan.Experiment
	if why := p.Production.matches(e.Labels); why != "" {
		return "the experiment has " + why
	}
	for _, t := range j.Plan.Choice.Chosen {
		switch why := p.Production.matches(t.Labels); {
		case why != "":
			return t.Name + " has " + why
		case t.Listed && e.Labels["env"] == "" && t.Labels["env"] == "":
			return t.Name + " has no label env, nor has the experiment: unlabelled counts as production"
		}
	}
	for _, h := range p.Production.Hosts {
		if re, err := anchored(h); err == nil && re.MatchString(j.Host) {
			return "this host is " + j.Host
		}
	}
	return ""
}

// matches is the label that says production, as name=value.
func (r ProductionRule) matches(labels map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		re, err := anchored(r.Labels[k])
		if err != nil {
			continue // it was refused when the policy was read
		}
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			if v := strings.TrimSpace(labels[name]); strings.EqualFold(name, k) && re.MatchString(v) {
				return name + "=" + v
			}
		}
	}
	return ""
}

func confirmed(j Judgement, why string) error {
	want := j.Plan.Experiment.ConfirmText()
	if why == "" || j.Confirm == want {
		return nil
	}
	if j.Confirm != "" {
		return Refuse("production", fmt.Sprintf("say --confirm %q, word for word", want), "%s; --confirm %q is not what it wants", why, j.Confirm)
	}
	return Refuse("production", fmt.Sprintf("say --confirm %q, or label the experiment with the env that it is for", want), "%s", why)
}

// hold says what of a plan is above the limits.
func (l Limits) hold(plan Plan, production bool) error {
	of := "the policy's limit"
	if production {
		of = "the policy's limit for production"
	}
	refuse := func(remedy, reason string, args ...any) error {
		return Refuse("blast-radius", remedy+", or have the policy raise it", reason, args...)
	}
	chosen, matched, length := len(plan.Choice.Chosen), len(plan.Choice.Matched), plan.Experiment.Length()
	share := max(1, int(l.Percent*float64(matched)/100))
	switch {
	case l.Percent > 0 && chosen > share:
		return refuse(fmt.Sprintf("set targets.max to %d", share), "it would hurt %d of %d; %s is %g %%", chosen, matched, of, l.Percent)
	case l.Targets > 0 && chosen > l.Targets:
		return refuse(fmt.Sprintf("set targets.max to %d", l.Targets), "it would hurt %d; %s is %d", chosen, of, l.Targets)
	case l.Duration > 0 && length > l.Duration.D():
		return refuse("shorten its steps", "its steps last %s; %s is %s", strictyaml.FormatDuration(length), of, l.Duration)
	}
	return nil
}

func (p Protection) hold(plan Plan) error {
	for _, t := range plan.Choice.Chosen {
		if why := p.protects(t); why != "" {
			return Refuse("protected", "select something else", "%s: %s, which the policy protects", t.Name, why)
		}
	}
	return nil
}

func (p Protection) protects(t Target) string {
	if slices.Contains(p.Services, t.Service) {
		return "it is of service " + t.Service
	}
	if port := t.port(); slices.Contains(p.Ports, port) && port != 0 {
		return fmt.Sprintf("its port is %d", port)
	}
	if t.PID <= 0 {
		return ""
	}
	names, _ := programNames(t.PID)
	for _, program := range p.Programs {
		if slices.Contains(names, program) || slices.Contains(names, asComm(program)) {
			return "it runs " + program
		}
	}
	for _, port := range p.Ports {
		if listensOn(t.PID, port) {
			return fmt.Sprintf("it listens on port %d", port)
		}
	}
	return ""
}

// hold refuses what is undone less surely than the tier.
func (t Tier) hold(plan Plan) error {
	for _, s := range plan.Steps {
		for _, inj := range s.Injections {
			if t != "" && inj.Tier.rank() > t.rank() {
				return Refuse("tier", "choose another mechanism or fault, or have the policy lower min_tier",
					"%s on %s is of tier %s (%s); the policy asks for %s or better", inj.Kind, inj.Target, inj.Tier, inj.Tier.Means(), t)
			}
		}
	}
	return nil
}

// execs asks for every program that the file has it run.
func (p Policy) execs(plan Plan) error {
	for _, probe := range plan.Experiment.SteadyState {
		if probe.Exec != nil && !p.Allows(probe.Exec.Argv[0]) {
			return Refuse("exec", "have the policy name it under exec", "%s would run %s", probe.Name, probe.Exec.Argv[0])
		}
	}
	for _, s := range plan.Steps {
		for _, inj := range s.Injections {
			for _, program := range inj.Programs {
				if !p.Allows(program) {
					return Refuse("exec", "have the policy name it under exec", "%s on %s would run %s", inj.Kind, inj.Target, program)
				}
			}
		}
	}
	return nil
}

// windows asks the experiment's window and those of every policy.
func (p Policy) windows(j Judgement) error {
	e, length := j.Plan.Experiment, j.Plan.Experiment.Longest()
	sets := p.allWindows()
	if !e.Window.Always() {
		sets = append(sets, []Window{e.Window})
	}
	for _, set := range sets {
		if err := CheckWindows(set, j.Now, length); err != nil {
			return err
		}
	}
	return nil
}

// CheckWindows refuses what takes so long from a time on unless one of the windows is open
// all the while.
func CheckWindows(set []Window, now time.Time, length time.Duration) error {
	if slices.ContainsFunc(set, func(w Window) bool { return w.Covers(now, length) }) {
		return nil
	}
	var next time.Time
	for _, w := range set {
		if t := w.Next(now, length); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	remedy := "it is never open for so long"
	if !next.IsZero() {
		remedy = "it may start at " + next.UTC().Format("Mon 2 Jan 15:04") + " UTC"
	}
	return Refuse("window", remedy, "up to %s from now are not within %s", strictyaml.FormatDuration(length), windowsText(set))
}

func windowsText(set []Window) string {
	var texts []string
	for _, w := range set {
		texts = append(texts, w.String())
	}
	return strings.Join(texts, " or ")
}
