package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
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
	if m.Prober != nil {
		words = append(words, Word{"guard-blind", m.guardsNow(ctx, &b, p.Experiment.Guards)})
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
	words := append([]Word{{"policy", m.Refused}}, standing(ask.StateDir)...)
	words = append(words, Word{"incident", CheckIncidents(ctx, m.Incidents, p.Experiment.Guards)})
	return append(words, m.Policy.Judge(Judgement{Plan: p, Host: host, Now: time.Now(), Confirm: ask.Confirm})...), nil
}

// guardsNow asks every guard once, side by side, and says what each sees. The refusal is
// of the first that sees nothing.
func (m Means) guardsNow(ctx context.Context, b *strings.Builder, guards []Guard) (blind error) {
	values, errs := make([]*float64, len(guards)), make([]error, len(guards))
	var all sync.WaitGroup
	for i, g := range guards {
		if g.asks() {
			all.Go(func() { values[i], errs[i] = measure(ctx, m.Prober, g.PromQL, g.StaleAfter.D(), probeEvery) })
		}
	}
	all.Wait()
	for i, g := range guards {
		switch v := values[i]; {
		case !g.asks():
		case v == nil:
			fmt.Fprintf(b, "guard now   %s has no data%s\n", g.Name, because(errs[i], probeEvery))
			if blind == nil {
				blind = blindGuard(g, errs[i])
			}
		case g.AbortWhen.Holds(*v):
			fmt.Fprintf(b, "would be    inconclusive: guard %s is %s already (abort when %s): never inject into a sick system\n", g.Name, number(v), g.AbortWhen)
		default:
			fmt.Fprintf(b, "guard now   %s is %s: it sees\n", g.Name, number(v))
		}
	}
	return blind
}

// standing is what the rules about the directory of the journals say.
func standing(stateDir string) []Word {
	var halt, first, journal error
	err := admissible(stateDir)
	open, _ := Active(stateDir)
	switch r := (*Refusal)(nil); {
	case errors.As(err, &r) && r.Rule == "halt":
		halt = err
	case err != nil && slices.ContainsFunc(open, func(o OpenRun) bool { return o.Live }):
		first = another(stateDir)
	default:
		journal = err
	}
	return []Word{{"open-journal", journal}, {"halt", halt}, {"one-at-a-time", first}}
}

func ruleLines(b *strings.Builder, words []Word) {
	looked := []string{ruleID("no-target"), ruleID("no-undo"), ruleID("lab-only"), ruleID("control-path")} // or there was no plan
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
	are := "are"
	if len(late) == 1 {
		are = "is"
	}
	fmt.Fprintf(b, "rules       %s say nothing against it; %s %s asked when it runs (sitrep chaos rules)\n", strings.Join(fine, ", "), strings.Join(late, ", "), are)
}

// text is a guard in the plan. scrape is how often the metrics are read, 0 if that is
// not known; final says that there is nothing that could be undone, irreversible that some of it
// cannot.
func (g Guard) text(b *strings.Builder, scrape time.Duration, final, irreversible bool) {
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
	fmt.Fprintf(b, "guard       %s: abort when %s, every %s, %d in a row, no data%s: %s\n            %s\n", g.Name, g.AbortWhen, g.Interval, g.For, stale, g.NoData, typed(g.PromQL))
	if g.Reason != "" {
		fmt.Fprintf(b, "            because %s\n", typed(g.Reason))
	}
	seen := g.Interval.D()*time.Duration(g.For) + undoTimeout
	if final {
		fmt.Fprintf(b, "            ends the run within %s of the metric showing it; what tier I has done stays done\n", strictyaml.FormatDuration(seen-undoTimeout))
		return
	}
	fmt.Fprintf(b, "            undone at the latest %s after the metric shows it", strictyaml.FormatDuration(seen))
	if scrape > 0 {
		fmt.Fprintf(b, ", %s after it begins (Prometheus reads every %s; a rate over 1m may take up to 1m more to show it)", strictyaml.FormatDuration(seen+scrape), strictyaml.FormatDuration(scrape))
	}
	if irreversible {
		b.WriteString("; what tier I has done stays done")
	}
	b.WriteByte('\n')
}
