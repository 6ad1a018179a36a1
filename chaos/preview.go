package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Ask is a run that is only looked at.
type Ask struct {
	ID       string // a ULID
	Seed     uint64 // of the draw; 0 draws one
	StateDir string
	Sources  Sources
	Confirm  string        // what a person has typed
	Scrape   time.Duration // how often Prometheus looks at the targets; 0 is not known
}

// Preview is what a run would be now.
type Preview struct {
	Text    string // what `chaos run --dry-run` prints
	Refused error  // the first rule that says no, whatever is typed; nil if none does
	Confirm string // why ConfirmText has to be typed: a target is production; empty if it has not, or was
}

// Preview says whom a run would hurt, the exact operations and their undo, what ends it
// and how soon, how long it takes, and what every rule says of it. It reads the targets
// and touches nothing. Where there is no plan, as with no target, the error is why.
func (m Means) Preview(ctx context.Context, e Experiment, ask Ask) (Preview, error) {
	all, err := ask.Sources.Find(ctx)
	if err != nil {
		return Preview{}, err
	}
	p, err := Resolve(ctx, e, m.Faults, all, ask.ID, ask.Seed)
	if err != nil {
		return Preview{}, err
	}
	var b strings.Builder
	b.WriteString(p.Text(ask.Scrape))
	if ask.Seed == 0 && e.Targets.Seed == 0 && len(p.Choice.Chosen) < len(p.Choice.Matched) {
		b.WriteString("draw        one of several; a run draws its own targets\n")
	}
	m.windowLines(&b, e)
	words, err := m.words(ctx, p, ask)
	if err != nil {
		return Preview{}, err
	}
	ruleLines(&b, words)
	said := Preview{Text: b.String()}
	for _, w := range words {
		r := (*Refusal)(nil)
		switch {
		case w.Says == nil:
		case errors.As(w.Says, &r) && r.Rule == "production":
			said.Confirm = r.Reason
		case said.Refused == nil:
			said.Refused = w.Says
		}
	}
	return said, nil
}

// windowLines says when such a run may start.
func (m Means) windowLines(b *strings.Builder, e Experiment) {
	sets := m.Policy.allWindows()
	if !e.Window.Always() {
		sets = append([][]Window{{e.Window}}, sets...)
	}
	for _, set := range sets {
		fmt.Fprintf(b, "window      %s\n", windowsText(set))
	}
}

// words is what every rule says now that can be asked before a run.
func (m Means) words(ctx context.Context, p Plan, ask Ask) ([]Word, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("what is this host called: %w", err)
	}
	state := admissible(ask.StateDir)
	var halt, journal error
	if r := (*Refusal)(nil); errors.As(state, &r) && r.Rule == "halt" {
		halt = state
	} else {
		journal = state
	}
	words := []Word{
		{"policy", m.Refused},
		{"open-journal", journal},
		{"halt", halt},
		{"incident", CheckIncidents(ctx, m.Incidents, p.Experiment.Guards)},
	}
	return append(words, m.Policy.Judge(Judgement{Plan: p, Host: host, Now: time.Now(), Confirm: ask.Confirm})...), nil
}

func ruleLines(b *strings.Builder, words []Word) {
	looked := []string{ruleID("no-target"), ruleID("no-undo"), ruleID("lab-only")} // or there was no plan
	for _, w := range words {
		if w.Says != nil {
			fmt.Fprintf(b, "would be    %v\n", w.Says)
			continue
		}
		looked = append(looked, ruleID(w.Rule))
	}
	var late, fine []string
	for _, r := range Rules() {
		refused := slices.ContainsFunc(words, func(w Word) bool { return w.Says != nil && ruleID(w.Rule) == r.ID })
		switch {
		case refused || slices.Contains(fine, r.ID) || slices.Contains(late, r.ID):
		case slices.Contains(looked, r.ID):
			fine = append(fine, r.ID)
		default:
			late = append(late, r.ID)
		}
	}
	fmt.Fprintf(b, "rules       %s say nothing against it; %s are asked when it runs (sitrep chaos rules)\n", strings.Join(fine, ", "), strings.Join(late, ", "))
}

// text is a guard in the plan. scrape is how often the metrics are read, 0 if that is
// not known.
func (g Guard) text(b *strings.Builder, scrape time.Duration) {
	switch {
	case g.Incident != "":
		fmt.Fprintf(b, "guard       %s: abort when %s (no drill), every %s\n", g.Name, g.Trips(), strictyaml.FormatDuration(incidentEvery))
		return
	case g.Operator != nil:
		fmt.Fprintf(b, "guard       %s: abort when %s\n", g.Name, g.Trips())
		return
	}
	stale := ""
	if g.StaleAfter > 0 {
		stale = " or older than " + g.StaleAfter.String()
	}
	fmt.Fprintf(b, "guard       %s: abort when %s, every %s, %d in a row, no data%s: %s\n            %q\n", g.Name, g.AbortWhen, g.Interval, g.For, stale, g.NoData, g.PromQL)
	if g.Reason != "" {
		fmt.Fprintf(b, "            because %q\n", g.Reason)
	}
	seen := g.Interval.D()*time.Duration(g.For) + undoTimeout
	fmt.Fprintf(b, "            undone at the latest %s after the metric shows it", strictyaml.FormatDuration(seen))
	if scrape > 0 {
		fmt.Fprintf(b, ", %s after it begins (read every %s; the range of a rate comes on top)", strictyaml.FormatDuration(seen+scrape), strictyaml.FormatDuration(scrape))
	}
	b.WriteByte('\n')
}
