package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// underway is chaos or load that runs.
type underway struct {
	name string         // CH-3 payments-latency
	left time.Duration  // until the last of its steps ends by plan, or its recovery
	step time.Duration  // until the present one of several does; 0 if it is the last
	gone bool           // what hurt is undone; only the recovery is watched yet
	run  *pane.ChaosRun // nil: it is load

	others bool // of load: another process sends it
}

// running lists what is under way, chaos first.
func (m *model) running() []underway {
	var out []underway
	for i := range m.world.Chaos.Runs {
		r := &m.world.Chaos.Runs[i]
		if r.Outcome == nil {
			u := underway{name: strings.TrimSpace(r.Run + " " + r.Experiment), left: r.Ends.Sub(m.now), gone: r.Last.Phase == chaos.Recovering, run: r}
			if over := r.Over.Sub(m.now); !r.Over.IsZero() && r.Last.Steps > 1 && over > u.left {
				u.left, u.step = over, max(u.left, 0)
			}
			out = append(out, u)
		}
	}
	if live := m.world.Load.Live; live != nil {
		out = append(out, underway{name: strings.TrimSpace(m.world.Load.Run + " load"), left: live.Remaining, others: m.world.Load.Others})
	}
	return out
}

// startingChaos says whom an experiment hurts, how, how long, and what ends it.
func (m *model) startingChaos(o pane.StartChaos) (errand, bool) {
	at := slices.IndexFunc(m.world.Chaos.Experiments, func(e chaos.Experiment) bool { return e.Name == o.Name })
	if at < 0 {
		m.complain("chaos %s: no such experiment is configured", o.Name)
		return errand{}, false
	}
	for _, r := range m.world.Chaos.Runs {
		switch {
		case r.Outcome != nil || r.Left != "" && r.Experiment != o.Name: // of what is left a rule says what to do
		case r.Experiment == o.Name:
			m.inform("%s runs already as %s; %s ends it", o.Name, r.Run, m.keyFor(keys.Abort))
			return errand{}, false
		default:
			m.inform("%s is not started: %s %s goes on, and there is one run at a time (R3); %s ends it", o.Name, r.Run, r.Experiment, m.keyFor(keys.Abort))
			return errand{}, false
		}
	}
	x := m.world.Chaos.Experiments[at]
	e := errand{
		order: pane.StartChaos{Name: o.Name}, fault: true, title: "start " + x.Name, yes: fmt.Sprintf("start in %d s", armTime/time.Second), wait: armTime,
		brief: fmt.Sprintf("%s: %s on %s for %s, %s", x.Name, pane.Faults(x), pane.Victims(x), span(x.Length()), pane.Aborts(x)),
		says: []string{
			fmt.Sprintf("Injects %s on %s.", pane.Faults(x), pane.Victims(x)),
			fmt.Sprintf("Undone after %s, and before if this program dies or by %s; %s.", span(x.Length()), m.keyFor(keys.Abort), pane.Aborts(x)),
		},
	}
	if x.Hypothesis != "" {
		e.says = append(e.says, "Expected: "+x.Hypothesis)
	}
	if why := m.production(x.Name); why != "" {
		e.order = pane.StartChaos{Name: x.Name, Confirm: x.ConfirmText()}
		e.name, e.wait = x.ConfirmText(), undoTime
		e.yes = fmt.Sprintf("start in production in %d s", e.wait/time.Second)
		e.says = append(e.says, "This is production: "+why+".")
	}
	return e, true
}

// startingLoad says what is put on which host.
func (m *model) startingLoad(o pane.StartLoad) (errand, bool) {
	at := slices.IndexFunc(m.world.Load.Plans, func(p loadtest.Plan) bool { return p.Name == o.Name })
	if at < 0 {
		m.complain("load %s: no such plan is configured", o.Name)
		return errand{}, false
	}
	if m.world.Load.Live != nil {
		m.inform("%s runs already; %s ends it", m.world.Load.Run, m.keyFor(keys.Abort))
		return errand{}, false
	}
	p := m.world.Load.Plans[at]
	e := errand{
		order: o, fault: true, title: "start " + p.Name, yes: fmt.Sprintf("start in %d s", armTime/time.Second), wait: armTime,
		brief: fmt.Sprintf("%s: %s", p.Name, loadOf(p)),
		says:  []string{capital(loadOf(p)) + ".", fmt.Sprintf("%s ends it at once.", m.keyFor(keys.Abort))},
	}
	if p.HTTP.TLS.Insecure {
		e.says = append(e.says, "INSECURE: no certificate is verified.")
	}
	if limits := limitsOf(p); limits != "" {
		e.says = append(e.says, "It passes if "+limits+".")
	}
	if m.o.Prod {
		e.name, e.wait = p.Host(), undoTime
		e.yes = fmt.Sprintf("start on %s in %d s", m.o.Context, e.wait/time.Second)
	}
	return e, true
}

func loadOf(p loadtest.Plan) string {
	unit := "requests/s"
	switch {
	case p.Closed:
		unit = "users"
	case p.Baseline != "":
		unit = "times the baseline"
	}
	return fmt.Sprintf("up to %g %s on %s for %s", p.PeakRate(), unit, p.Host(), span(p.Duration()))
}

// hostOf is whom a plan loads: the first target's host.
func limitsOf(p loadtest.Plan) string {
	var out []string
	for _, t := range p.Thresholds {
		out = append(out, t.Expr)
	}
	return strings.Join(out, " and ")
}

// start begins what was asked for by a key of its own: the countdown is the
// question, unless the context is prod. What was chosen by Enter asks first.
func (m *model) start(o pane.Order, by how) tea.Cmd {
	e, ok := m.errandFor(o)
	if !ok {
		return nil
	}
	if by == byName || e.name != "" {
		m.confirm(e)
		return nil
	}
	return m.countDown(e)
}

// rehearsed asks the rules about an experiment that counts down, so that whoever armed
// it hears no before its time is over.
func (m *model) rehearsed(e errand) tea.Cmd {
	o, chaos := e.order.(pane.StartChaos)
	if !chaos {
		return nil
	}
	return m.do(pane.JudgeChaos{Names: []string{o.Name}})
}

// pinned starts what is pinned to a key.
func (m *model) pinned(a keys.Action, by how) tea.Cmd {
	pin := strings.ToUpper(strings.TrimPrefix(string(a), "pinned_"))
	for _, x := range m.world.Chaos.Experiments {
		if strings.EqualFold(x.Pin, pin) {
			return m.start(pane.StartChaos{Name: x.Name}, by)
		}
	}
	for _, p := range m.world.Load.Plans {
		if strings.EqualFold(p.Pin, pin) {
			return m.start(pane.StartLoad{Name: p.Name}, by)
		}
	}
	for _, d := range m.world.Gamedays.Days {
		if strings.EqualFold(d.Pin, pin) {
			return m.showDay(d.Name)
		}
	}
	m.inform("nothing is pinned to %s (pin: %s in the file of an experiment, a plan or a game day)", pin, pin)
	return nil
}

// pickLoad lists the load plans; a letter arms one.
func (m *model) pickLoad() {
	var rows []dialog.Choice
	for _, p := range m.world.Load.Plans {
		rows = append(rows, dialog.Choice{Value: p.Name, Key: strings.ToLower(p.Pin), Text: rowOf(p.Name, fmt.Sprintf("%g/s", p.PeakRate()), span(p.Duration()), p.Pin), Note: safe.New(loadOf(p), safe.Line)})
	}
	m.pickStart("Load", "no load plan is configured (plans: in sitrep.yaml)", rows, func(name string) pane.Order { return pane.StartLoad{Name: name} })
}

func rowOf(name, what, length, pin string) safe.Text {
	return safe.Sprintf("%-24s %-24s %6s  %s", safe.New(name, 24), safe.New(what, 24), length, pin)
}

func (m *model) pickStart(title, none string, rows []dialog.Choice, order func(string) pane.Order) {
	if len(rows) == 0 {
		m.inform("%s", none)
		return
	}
	help := m.armHelp(safe.Const("it"))
	if m.o.Prod && !m.readOnly() {
		help = safe.Sprintf("%s is prod: you will be asked for the name of the target", m.o.Context)
	}
	p := dialog.NewPicker(safe.New(title, 40), help, m.keys, rows, "").Careful(m.now)
	m.ask(p, "", func(name string) tea.Cmd { return m.start(order(name), how(!p.ByLetter())) })
}

// armHelp is what a letter of a picker does, to what.
func (m *model) armHelp(what safe.Text) safe.Text {
	if m.readOnly() {
		return safe.Sprintf("%s is read-only: :write 15m first", m.o.Context)
	}
	return safe.Sprintf("a letter starts %s in %d s, %s takes it back", what, armTime/time.Second, m.keyFor(undoKey))
}
