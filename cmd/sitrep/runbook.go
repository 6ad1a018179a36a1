package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// loadRunbook reads a runbook, and its queries as Prometheus would.
func loadRunbook(file string, src []byte) (runbook.Runbook, error) {
	r, err := runbook.Load(file, src)
	if err != nil {
		return r, err
	}
	for _, s := range r.Steps {
		for _, q := range s.Queries() {
			if err := checkQuery(file, q); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// longestQuery is how long a step's query may be, in bytes.
const longestQuery = 4 << 10

// checkQuery is what is wrong with a query, at its place in the file. It is asked
// as it is written: a board's variables have no meaning here.
func checkQuery(file string, q runbook.Block) error {
	if len(q.Text) > longestQuery { // the parser takes its square
		return &strictyaml.Error{File: file, Line: q.Line, Column: max(q.Col, 1), Message: fmt.Sprintf("the query has %d bytes, at most %d are asked: a recording rule can hold the rest", len(q.Text), longestQuery)}
	}
	f := query.CheckExpr(q.Text)
	if at := strings.Index(q.Text, "$__"); f == nil && at >= 0 {
		f = &query.Fault{Msg: "a board's variable means nothing in a runbook: write the time that is meant, such as [5m]", Pos: at}
	}
	if f == nil {
		return nil
	}
	before := q.Text[:min(max(f.Pos, 0), len(q.Text))]
	line := q.Line + strings.Count(before, "\n")
	column := max(q.Col, 1) + utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:])
	return &strictyaml.Error{File: file, Line: line, Column: column, Message: "the query: " + f.Msg, Excerpt: q.Text}
}

// runbooks loads the runbooks of the configuration.
func (a *app) runbooks() ([]runbook.Runbook, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	all, err := loadAll(c, "runbooks", c.Runbooks, loadRunbook)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, r := range all {
		if other, taken := files[r.Name]; taken {
			return nil, usage("%s and %s are both called %s: a tick names its runbook, so each needs its own name", other, r.File, r.Name)
		}
		files[r.Name] = r.File
	}
	return all, nil
}

// runbookNamed finds a runbook of the configuration by name, or reads a file.
func (a *app) runbookNamed(name string) (runbook.Runbook, error) {
	if isFile(name) {
		return loadFile(name, loadRunbook)
	}
	all, err := a.runbooks()
	if err != nil {
		return runbook.Runbook{}, err
	}
	if r, ok := runbook.Named(all, name); ok {
		return r, nil
	}
	return runbook.Runbook{}, usage("there is no runbook %q; the configuration has: %s", name, orNone(namesOf(all)))
}

func namesOf(all []runbook.Runbook) []string {
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Name
	}
	return names
}

func (a *app) runbookCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "runbook", Short: "checklists: what to do, and what is done",
		Long: "Runbooks are Markdown files that the configuration names (runbooks: [runbooks/*.md]). Their steps are ticked on\n" +
			"the timeline of an incident. A step's ```promql is a read-only query that run asks; its ```sh is shown, and never run.",
	}
	var of, from, note string
	var tick bool
	show := &cobra.Command{
		Use: "show NAME|FILE", Short: "a runbook in full", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showRunbook(cmd.Context(), args[0], of) },
	}
	show.Flags().StringVar(&of, "incident", "", "with the ticks of the incident `ID`")
	ticked := &cobra.Command{
		Use: "tick ID STEP", Short: "say that a step is done, by its number or its name", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onStep(cmd.Context(), args, from, func(d *incident.Desk, by incident.By, id incident.ID, r runbook.Runbook, s runbook.Step) (incident.Incident, error) {
				return d.Tick(cmd.Context(), by, id, incident.Step{Runbook: r.Name, Step: s.ID, Text: s.Text, Note: note})
			})
		},
	}
	ticked.Flags().StringVar(&note, "note", "", "what is to be said about it")
	unticked := &cobra.Command{
		Use: "untick ID STEP", Short: "say that it is not, after all", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onStep(cmd.Context(), args, from, func(d *incident.Desk, by incident.By, id incident.ID, r runbook.Runbook, s runbook.Step) (incident.Incident, error) {
				return d.Untick(cmd.Context(), by, id, r.Name, s.ID)
			})
		},
	}
	run := &cobra.Command{
		Use: "run ID STEP", Short: "ask the queries of a step; --tick records the answer", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runStep(cmd.Context(), args, from, tick)
		},
	}
	run.Flags().BoolVar(&tick, "tick", false, "say that the step is done, with the answer")
	for _, c := range []*cobra.Command{ticked, unticked, run} {
		c.Flags().StringVar(&from, "runbook", "", "of the runbook `NAME` (default the one that fits best)")
	}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "runbooks of the configuration, and what they fit", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			all, err := a.runbooks()
			if err != nil {
				return err
			}
			return a.printRunbooks(all)
		}},
		show,
		&cobra.Command{Use: "check FILE...", Short: "read runbooks and say what is wrong with them", Args: cobra.MinimumNArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			return a.checkRunbooks(args)
		}},
		ticked, unticked, run,
		a.act("use ID NAME", "follow a runbook, whatever fits by itself", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
			r, err := a.runbookNamed(o.args[0])
			if err != nil {
				return incident.Incident{}, err
			}
			all, err := a.runbooks()
			if err != nil {
				return incident.Incident{}, err
			}
			if _, known := runbook.Named(all, r.Name); !known {
				return incident.Incident{}, usage("%s is no runbook of the configuration, and nobody else would find it: add it to runbooks: [%s]", o.args[0], o.args[0])
			}
			return d.Attach(ctx, o.by, o.id, r.Name)
		}),
	)
	return group
}

func (a *app) printRunbooks(all []runbook.Runbook) error {
	views := []runbookView{}
	rows := [][]string{{"NAME", "STEPS", "FITS", "TITLE"}}
	for _, r := range all {
		views = append(views, runbookViewOf(r, incident.Incident{}))
		rows = append(rows, []string{r.Name, fmt.Sprint(len(r.Steps)), orDash(fits(r)), r.Title})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(all) == 0:
		_, err := fmt.Fprintln(a.stdout, "no runbooks; the configuration's runbooks: [runbooks/*.md] names them")
		return err
	}
	return table(a.stdout, rows)
}

// fits is what a runbook matches, in a line.
func fits(r runbook.Runbook) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Match)) {
		parts = append(parts, name+"="+strings.Join(r.Match[name], "|"))
	}
	return strings.Join(append(parts, r.URLs...), " ")
}

// checkRunbooks reads files as the screen would, and says beside what is wrong
// what is odd.
func (a *app) checkRunbooks(files []string) error {
	for _, file := range files {
		r, err := loadFile(file, loadRunbook)
		if err != nil {
			return err
		}
		queries := 0
		for _, s := range r.Steps {
			for _, q := range s.Queries() {
				queries++
				for _, w := range query.Lint(q.Text) {
					fmt.Fprintf(a.stderr, "sitrep: %s:%d: warning: %s\n", sanitise(file), q.Line, sanitise(w.Message))
				}
			}
		}
		if len(r.Match) == 0 && len(r.URLs) == 0 {
			fmt.Fprintf(a.stderr, "sitrep: %s: it has neither match nor url: it fits where a runbook_url ends in %s, or by hand\n", sanitise(file), sanitise(r.Name))
		}
		if _, err := fmt.Fprintf(a.stdout, "%s: %d steps, %d queries\n", sanitise(file), len(r.Steps), queries); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showRunbook(ctx context.Context, name, of string) error {
	r, err := a.runbookNamed(name)
	if err != nil {
		return err
	}
	if of == "" {
		return a.printRunbook(r, incident.Incident{}, "")
	}
	id, err := incident.ParseID(of)
	if err != nil {
		return withCode(exitUsage, err)
	}
	return a.withStore(ctx, func(db *store.DB) error {
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return err
		}
		return a.printRunbook(r, inc, "")
	})
}

// incidentRunbookCommand is `sitrep incident runbook`.
func (a *app) incidentRunbookCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "runbook ID", Short: "the checklist that fits an incident, with what is done", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := incident.ParseID(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				inc, err := db.Incident(cmd.Context(), id)
				if err != nil {
					return err
				}
				m, others, err := a.runbookFor(inc, name)
				if errors.Is(err, errNoRunbook) {
					return a.noRunbook(inc, err)
				}
				if err != nil {
					return err
				}
				if err := a.printRunbook(m.Runbook, inc, m.Why); err != nil {
					return err
				}
				if len(others) > 0 {
					fmt.Fprintf(a.stderr, "sitrep: also fits: %s (--runbook NAME shows it)\n", sanitise(strings.Join(others, ", ")))
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&name, "runbook", "", "the runbook `NAME` instead (default the one that fits best)")
	return c
}

// errNoRunbook says that none fits an incident.
var errNoRunbook = errors.New("no runbook fits")

// runbookFor is the runbook of that name, or the best one for an incident, and the
// names of the others that fit.
func (a *app) runbookFor(inc incident.Incident, name string) (m runbook.Match, others []string, err error) {
	if name != "" {
		m.Runbook, err = a.runbookNamed(name)
		return m, nil, err
	}
	all, err := a.runbooks()
	if err != nil {
		return m, nil, err
	}
	found := runbook.For(inc, all)
	if len(found) == 0 {
		link := ""
		if u := runbook.URL(inc); u != "" {
			link = " (its alert names " + u + ")"
		}
		return m, nil, fmt.Errorf("%s: %w%s; sitrep runbook use %s NAME attaches one of: %s", inc.ID, errNoRunbook, link, inc.ID, orNone(namesOf(all)))
	}
	for _, f := range found[1:] {
		others = append(others, f.Name)
	}
	return found[0], others, nil
}

// noRunbook tells what is there all the same: ticks of runbooks that are gone.
func (a *app) noRunbook(inc incident.Incident, why error) error {
	if len(inc.Ticks) == 0 {
		return why
	}
	r := runbook.Runbook{Name: inc.Ticks[0].Runbook}
	if err := a.printRunbook(r, inc, ""); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(why.Error()))
	return nil
}

// stepOrder is what is done about a step.
type stepOrder func(d *incident.Desk, by incident.By, id incident.ID, r runbook.Runbook, s runbook.Step) (incident.Incident, error)

// onStep carries an order about a step out, and shows the step as it stands then.
func (a *app) onStep(ctx context.Context, args []string, from string, do stepOrder) error {
	id, err := incident.ParseID(args[0])
	if err != nil {
		return withCode(exitUsage, err)
	}
	by, err := a.by(a.evidence(ctx))
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		r, s, err := a.stepOf(ctx, db, id, from, args[1])
		if err != nil {
			return err
		}
		inc, err := do(incident.NewDesk(db), by, id, r, s)
		if err != nil {
			return err
		}
		return a.printStep(ctx, db, by, r, s, inc)
	})
}

// stepOf finds the runbook and the step that are meant.
func (a *app) stepOf(ctx context.Context, db *store.DB, id incident.ID, from, ref string) (r runbook.Runbook, s runbook.Step, err error) {
	inc, err := db.Incident(ctx, id)
	if err != nil {
		return r, s, err
	}
	m, _, err := a.runbookFor(inc, from)
	if err != nil {
		return r, s, err
	}
	s, err = m.Step(ref)
	return m.Runbook, s, withCode(exitUsage, err)
}

// printStep says where a step stands after an order; the draft follows.
func (a *app) printStep(ctx context.Context, db *store.DB, by incident.By, r runbook.Runbook, s runbook.Step, inc incident.Incident) error {
	if inc.Status.Over() && inc.MergedInto == "" {
		if _, err := refreshDraft(ctx, db, inc.ID, by); err != nil {
			return err
		}
	}
	if a.flags.json {
		return a.print(stepViewOf(r, s, inc))
	}
	_, err := fmt.Fprintf(a.stdout, "%s\n%s %s: %s\n", sanitise(stepLine(r, s, inc)), inc.ID, sanitise(r.Name), r.Progress(inc))
	return err
}

// runStep asks the queries of a step, and ticks it if that is wanted and all of
// them were answered.
func (a *app) runStep(ctx context.Context, args []string, from string, tick bool) error {
	id, err := incident.ParseID(args[0])
	if err != nil {
		return withCode(exitUsage, err)
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	return a.withStore(ctx, func(db *store.DB) error {
		r, s, err := a.stepOf(ctx, db, id, from, args[1])
		if err != nil {
			return err
		}
		queries := s.Queries()
		if len(queries) == 0 {
			return usage("step %d of %s has no query: it is done by hand, and sitrep runbook tick %s %d says so", s.Number, r.Name, id, s.Number)
		}
		now := time.Now()
		answers := askAll(ctx, client, queries, now)
		if err := a.printAnswers(queries, answers); err != nil {
			return err
		}
		for i, q := range queries {
			if e := answers[q.Text].Err; e != "" {
				return withCode(exitInconclusive, fmt.Errorf("step %d of %s, query %d: %s; it is not ticked", s.Number, r.Name, i+1, e))
			}
		}
		if !tick {
			return nil
		}
		by, err := a.by(a.evidence(ctx))
		if err != nil {
			return err
		}
		inc, err := incident.NewDesk(db).Tick(ctx, by, id, s.Tick(r, answers))
		if err != nil || a.flags.json {
			return err
		}
		return a.printStep(ctx, db, by, r, s, inc)
	})
}

// askAll asks queries of runbooks; every one has an answer afterwards, be it why
// there is none.
func askAll(ctx context.Context, client *query.Client, queries []runbook.Block, now time.Time) map[string]runbook.Answer {
	answers := map[string]runbook.Answer{}
	for _, q := range queries {
		if _, asked := answers[q.Text]; !asked {
			answers[q.Text] = askOne(ctx, client, q, now)
		}
	}
	return answers
}

func askOne(ctx context.Context, client *query.Client, q runbook.Block, now time.Time) runbook.Answer {
	a := runbook.Answer{At: now, Done: true}
	samples, warnings, err := client.Instant(ctx, q.Text, now)
	if err != nil {
		a.Err = err.Error()
		return a
	}
	a.Warnings = warnings
	names := query.Apart(samples)
	for i, s := range samples {
		a.Values = append(a.Values, runbook.Value{Series: names[i], Text: s.Words(cmp.Or(q.Unit, "short")), Number: s.Value})
	}
	a.Sort(q.Text)
	return a
}

func (a *app) printAnswers(queries []runbook.Block, answers map[string]runbook.Answer) error {
	type view struct {
		Query   string          `json:"query"`
		AskedAt time.Time       `json:"asked_at"`
		Values  []runbook.Value `json:"values"`
		More    int             `json:"more"`
		Error   string          `json:"error"`
	}
	views := []view{}
	for i, q := range queries {
		got := answers[q.Text]
		views = append(views, view{q.Text, got.At.UTC(), append([]runbook.Value{}, got.Values...), got.More, got.Err})
		if a.flags.json {
			continue
		}
		a.warn(got.Warnings)
		rows := [][]string{}
		for _, v := range got.Values {
			rows = append(rows, []string{v.Text, v.Series})
		}
		if len(rows) == 0 && got.Err == "" {
			rows = append(rows, []string{"no data"})
		}
		if got.More > 0 {
			rows = append(rows, []string{fmt.Sprintf("and %d more", got.More)})
		}
		if i > 0 {
			rows = slices.Insert(rows, 0, []string{""})
		}
		if err := table(a.stdout, rows); err != nil {
			return err
		}
	}
	if a.flags.json {
		return a.print(views)
	}
	return nil
}
