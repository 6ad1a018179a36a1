package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
)

// experiment is a prepared experiment together with the file that says so: the
// runner reads the text itself.
type experiment struct {
	chaos.Experiment
	file   string
	source []byte
}

func loadExperiment(file string, src []byte) (experiment, error) {
	e, err := chaos.Load(file, src, fault.All())
	return experiment{e, file, src}, err
}

// queryFault reads a query as Prometheus would.
func queryFault(promql string) (offset int, why string) {
	if f := query.CheckPlain(promql); f != nil {
		return f.Pos, f.Msg
	}
	return 0, ""
}

// checked says what is wrong with the queries of an experiment that can be read.
func (e experiment) checked() error {
	_, err := chaos.LoadWith(e.file, e.source, fault.All(), queryFault)
	return err
}

// brokenExperiment is a file of the configuration that is none, or no game day: it keeps
// nobody from the others.
type brokenExperiment struct {
	name string // what it calls itself, else that of the file
	file string
	src  []byte
	err  error // with its place in the file
}

// brief is what is wrong with it, on one line.
func (b brokenExperiment) brief() string {
	first, _, _ := strings.Cut(b.err.Error(), "\n")
	return first
}

// saidName is the name of an experiment, as far as a file that is wrong tells it.
var saidName = regexp.MustCompile(`(?m)^name:[ \t]*["']?([a-z0-9][a-z0-9._-]{0,63})`)

// experiments loads the experiments of the configuration, and says which of its files
// are none.
func (a *app) experiments() (all []experiment, broken []brokenExperiment, err error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	files, err := c.files("experiments", c.Experiments)
	if err != nil {
		return nil, nil, withCode(exitUsage, err)
	}
	for _, file := range files {
		e, err := loadFile(file, loadExperiment)
		if err == nil {
			all = append(all, e)
			continue
		}
		broken = append(broken, brokenFile(file, e.source, err))
	}
	return all, broken, nil
}

// brokenFile is a file with what is wrong with it, by the name that it says.
func brokenFile(file string, source []byte, err error) brokenExperiment {
	b := brokenExperiment{strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), file, source, err}
	if said := saidName.FindSubmatch(source); said != nil {
		b.name = string(said[1])
	}
	return b
}

// experimentNamed finds an experiment of the configuration by name, or reads a
// file.
func (a *app) experimentNamed(name string) (experiment, error) {
	if isFile(name) {
		return loadFile(name, loadExperiment)
	}
	all, broken, err := a.experiments()
	if err != nil {
		return experiment{}, err
	}
	var names []string
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	for _, b := range broken {
		if b.name == name {
			return experiment{file: b.file, source: b.src}, b.err
		}
	}
	return experiment{}, usage("there is no experiment %q, and no such file; the configuration has: %s", name, orNone(names))
}

// checkPins refuses two prepared files on one key, or two of one name.
func checkPins(experiments []experiment, plans []loadtest.Plan, days ...gameday.Day) error {
	pins, names := map[string]string{}, map[string]bool{}
	claim := func(kind, name, pin string) error {
		what := kind + " " + name
		if names[what] {
			return usage("two files describe the %s: a name is how it is started, so each needs its own", what)
		}
		names[what] = true
		if other, taken := pins[pin]; pin != "" && taken {
			return usage("%s is pinned twice, by the %s and by the %s: give one of them another key, F5 to F9", pin, other, what)
		}
		pins[pin] = what
		return nil
	}
	for _, e := range experiments {
		if err := claim("experiment", e.Name, e.Pin); err != nil {
			return err
		}
	}
	for _, p := range plans {
		if err := claim("plan", p.Name, p.Pin); err != nil {
			return err
		}
	}
	for _, d := range days {
		if err := claim("game day", d.Name, d.Pin); err != nil {
			return err
		}
	}
	return nil
}

// prepared is everything that one key can start.
type prepared struct {
	experiments []experiment
	broken      []brokenExperiment
	plans       []loadtest.Plan
	days        []gameday.Day
}

// prepared reads it, and checks it together.
func (a *app) prepared() (p prepared, err error) {
	if p.experiments, p.broken, err = a.experiments(); err != nil {
		return p, err
	}
	if p.plans, err = a.plans(); err != nil {
		return p, err
	}
	return p, checkPins(p.experiments, p.plans)
}

// whom is the selection of an experiment as a person types it in production:
// the service, else the whole selection.
func whom(e chaos.Experiment) string {
	if s := e.Targets.Select["service"]; s != "" {
		return s
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(e.Targets.Select)) {
		parts = append(parts, k+"="+e.Targets.Select[k])
	}
	return strings.Join(parts, ",")
}

// confirm asks for what a person would have to say and type in a context that is
// marked as production: it is read-only without --write. Any of the others says as much.
func (a *app) confirm(what string, others ...string) error {
	write, err := a.writeLength()
	if err != nil {
		return err
	}
	prod, err := a.prod()
	switch {
	case err != nil || !prod:
		return err
	case write == 0:
		return withCode(exitRefused, fmt.Errorf("context %s is production, and read-only: to do this to %s say --write --confirm %s", a.flags.context, what, what))
	case a.flags.confirm == what || slices.Contains(others, a.flags.confirm):
		return nil
	}
	return withCode(exitRefused, fmt.Errorf("context %s is production%s: to do this to %s say --confirm %s", a.flags.context, a.wrongConfirm(), what, what))
}

// wrongConfirm says that something was confirmed that is not what is wanted: what is, follows.
func (a *app) wrongConfirm() string {
	if a.flags.confirm == "" {
		return ""
	}
	return fmt.Sprintf(", and --confirm %q is not what it wants", a.flags.confirm)
}

// prod says whether the chosen context is marked as production.
func (a *app) prod() (bool, error) {
	c, err := a.config()
	if err != nil || a.flags.context == "" {
		return false, err
	}
	chosen, ok := c.Contexts[a.flags.context]
	if !ok {
		return false, usage("there is no context %q; the configuration has: %s", a.flags.context, orNone(slices.Sorted(maps.Keys(c.Contexts))))
	}
	return chosen.Prod, nil
}
