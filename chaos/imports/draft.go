package imports

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// draft is an experiment on its way into a file.
type draft struct {
	format, name, hypothesis string
	at                       branch
	probes                   []probe
	guards                   []guard
	choose                   map[string]string // labels of the targets
	percent                  float64           // 0 is all
	most                     int               // 0 is one
	steps                    []step
	refused                  string
	notes                    []Note
}

// probe is a sentence of the steady state.
type probe struct {
	name, look string // look is as it is written: http: {…}
	promql     string // instead of look
	timeout    string // of look; empty is ours
	expect     string // empty is left to a person where it is a query
	phases     string
	weightless string // a comment: why nothing is expected
}

// guard ends the run.
type guard struct{ name, promql, when, comment string }

// step is a fault, or a wait.
type step struct {
	fault, mechanism string
	with             map[string]string
	duration, wait   time.Duration
	comment          string
}

func (d *draft) note(at branch, format string, args ...any) {
	d.notes = append(d.notes, noteAt(at, format, args...))
}

// refuse says why there can be no experiment; the first reason counts.
func (d *draft) refuse(at branch, format string, args ...any) {
	d.refused = cmp.Or(d.refused, noteAt(at, format, args...).Text)
}

// longestStep is the cap of one experiment; see chaos.Load.
const longestStep = 10 * time.Minute

// add takes a step over. A time that is missing or too long is another one, and said so.
func (d *draft) add(at branch, s step) {
	switch {
	case s.fault != "" && s.duration == 0:
		s.duration = 30 * time.Second
		d.note(at, "%s has no duration there; every fault has an end here: 30s is written", s.fault)
	case s.duration > longestStep:
		d.note(at, "%s is more than the cap of %s, which is written", strictyaml.FormatDuration(s.duration), strictyaml.FormatDuration(longestStep))
		s.duration = longestStep
	case s.wait > longestStep:
		d.note(at, "a pause of %s is more than the cap of %s, which is written", strictyaml.FormatDuration(s.wait), strictyaml.FormatDuration(longestStep))
		s.wait = longestStep
	}
	d.steps = append(d.steps, s)
}

var notName = regexp.MustCompile(`[^a-z0-9_.-]+`)

// slug is a text as a name.
func slug(text string) string {
	text = strings.Trim(notName.ReplaceAllString(strings.ToLower(text), "-"), "-._")
	return strings.TrimRight(text[:min(len(text), 50)], "-._")
}

var notLabel = regexp.MustCompile(`[^a-z0-9_]+`)

// selector reads labels as Kubernetes writes them: app=shop,tier==web. What chooses
// otherwise (!=, in, a key alone) has no counterpart here, and without it the experiment
// would hurt others than it was written for: it is refused.
func (d *draft) selector(at branch, text string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, equal := strings.Cut(pair, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(strings.TrimPrefix(v, "="))
		if !equal || k == "" || strings.ContainsAny(k, "!<> ()") {
			d.refuse(at, "its selector %q chooses by more than labels with one value each (app=shop), which targets.select cannot say", cut(text))
			return nil
		}
		if was, twice := all[k]; twice && was != v {
			d.refuse(at, "its selector %q wants two values of %s, which nothing has", cut(text), cut(k))
			return nil
		}
		all[k] = v
	}
	return all
}

// labels takes the labels of a selector over, with names as ours can have them. An
// experiment has one choice of targets for all its steps: one that has two is refused.
func (d *draft) labels(at branch, all map[string]string) {
	choose := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		ours := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(name), "_"), "_")
		if ours == "" || isTemplate(all[name]) {
			d.note(at, "a label of the selector is not carried over: write it under targets.select")
			continue
		}
		if ours != name {
			d.note(at, "the label %q is %s here", cut(name), ours)
		}
		if was, twice := choose[ours]; twice && was != all[name] {
			d.refuse(at, "two labels of its selector would both be %s here, with different values", ours)
		}
		choose[ours] = all[name]
	}
	if d.choose != nil && !maps.Equal(d.choose, choose) {
		d.refuse(at, "its actions choose their targets differently, and here an experiment has one choice: make a file of each")
	}
	d.choose = choose
}

// pods says what becomes of targets that are pods.
func (d *draft) pods(at branch) {
	d.note(at, "its targets are pods: waiting for a Kubernetes backend. As it stands it hurts processes of this host that chaos.processes gives these labels")
}

// finish writes the file, and reads it as it will be read.
func (d *draft) finish(file string, faults []chaos.Fault) Imported {
	where := noteAt(d.at, "")
	out := Imported{Name: cmp.Or(slug(d.name), "experiment"), Format: d.format, Line: where.Line, Column: where.Column, Refused: d.refused, Notes: append([]Note{}, d.notes...)}
	if out.Refused == "" && !slices.ContainsFunc(d.steps, func(s step) bool { return s.fault != "" }) {
		out.Refused = "nothing of what it does can be done by a fault that there is here; the notes say what it was"
	}
	if out.Refused != "" {
		return out
	}
	if len(d.guards) == 0 {
		d.proposeGuard()
		out.Notes = append([]Note{}, d.notes...)
	}
	out.YAML = d.yaml(out.Name, file)
	if strictyaml.Hide(out.YAML) != out.YAML {
		out.YAML, out.Refused = "", "what would be carried over holds what looks like a password or a token: take it out first"
		return out
	}
	_, err := chaos.Load(out.Name+".yaml", []byte(out.YAML), faults)
	if at := (*strictyaml.Error)(nil); errors.As(err, &at) {
		out.Missing = fmt.Sprintf("line %d: %s", at.Line, at.Message)
	} else if err != nil {
		out.Missing = err.Error()
	}
	if out.Missing != "" && !strings.Contains(out.YAML, fillIn) {
		out.YAML, out.Refused, out.Missing = "", "what it says makes no experiment: "+out.Missing, ""
	}
	return out
}

// proposeGuard makes one of the first probe with a query and a tolerance: what leaves it
// ends the run. A range is two probes of one query, and so two guards.
func (d *draft) proposeGuard() {
	for i, p := range d.probes {
		if !d.guardOf(p) {
			continue
		}
		d.note(d.at, "it has no guard that ends it: one is proposed from the probe %q", cut(p.name))
		for _, other := range d.probes[i+1:] {
			if other.promql == p.promql && d.guardOf(other) {
				d.note(d.at, "and one from the probe %q: the query has two bounds", cut(other.name))
			}
		}
		return
	}
	d.note(d.at, "it has no guard that ends it, and no query to make one of: write one under guards")
}

// guardOf makes a guard of the opposite of what a probe expects, if it can be one.
func (d *draft) guardOf(p probe) bool {
	opposite := map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
	c, err := chaos.ParseCondition(p.expect)
	if p.promql == "" || p.weightless != "" || err != nil || c.OfBaseline {
		return false
	}
	c.Op = opposite[c.Op]
	d.guards = append(d.guards, guard{p.name, p.promql, c.String(), "proposed: what the steady state does not bear ends the run; give it a number of its own"})
	return true
}

// fillIn marks what a person must write: until then `chaos check` fails there.
const fillIn = "# FILL IN: "

func (d *draft) yaml(name, file string) string {
	var b strings.Builder
	from := "# from " + oneLine(filepath.Base(file)) + ": "
	fmt.Fprintf(&b, "%san experiment of %s\nname: %s\n", from, d.format, quoted(name))
	if d.hypothesis != "" {
		fmt.Fprintf(&b, "hypothesis: %s\n", quoted(strictyaml.Hide(d.hypothesis)))
	}
	b.WriteString("# label it with the env that it is for, or it counts as production: labels: {env: staging}\n")
	d.probesText(&b, from)
	d.guardsText(&b, from)
	if len(d.choose) == 0 {
		fmt.Fprintf(&b, "%swhom it hurts, such as {service: payments}; what may be hurt is named under chaos.processes or chaos.hosts\n", fillIn)
	}
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(d.choose)) {
		labels = append(labels, k+": "+quoted(d.choose[k]))
	}
	fmt.Fprintf(&b, "targets: {select: {%s}", strings.Join(labels, ", "))
	if d.percent > 0 {
		fmt.Fprintf(&b, ", percent: %s, min_one: true", strconv.FormatFloat(d.percent, 'f', -1, 64))
	}
	fmt.Fprintf(&b, ", max: %d}\nmethod:\n", max(1, d.most))
	for _, s := range d.steps {
		s.text(&b, from)
	}
	return b.String()
}

func (d *draft) probesText(b *strings.Builder, from string) {
	if len(d.probes) == 0 {
		fmt.Fprintf(b, "%swhat healthy means, such as {name: errors, promql: '…', expect: \"< 0.01\"}\nsteady_state: []\n", fillIn)
		return
	}
	b.WriteString("steady_state:\n")
	for _, p := range d.probes {
		if p.weightless != "" {
			fmt.Fprintf(b, "  %s%s\n", from, p.weightless)
		}
		fmt.Fprintf(b, "  - name: %s\n", quoted(strictyaml.Hide(cut(p.name))))
		if p.promql != "" {
			fmt.Fprintf(b, "    promql: %s\n", quoted(p.promql))
		} else {
			look := p.look
			if p.timeout != "" {
				look = strings.TrimSuffix(look, "}") + ", timeout: " + p.timeout + "}"
			}
			fmt.Fprintf(b, "    %s\n", look)
		}
		switch {
		case p.expect != "":
			fmt.Fprintf(b, "    expect: %s\n", quoted(p.expect))
		case p.promql != "":
			fmt.Fprintf(b, "    %sexpect: \"< 0.01\", or what is healthy\n", fillIn)
		}
		if p.phases != "" {
			fmt.Fprintf(b, "    phases: [%s]\n", p.phases)
		}
	}
}

func (d *draft) guardsText(b *strings.Builder, from string) {
	if len(d.guards) == 0 {
		fmt.Fprintf(b, "%swhat ends it when users are hurt, such as {promql: '…', abort_when: \"> 0.05\"}\nguards: []\n", fillIn)
		return
	}
	b.WriteString("guards:\n")
	for _, g := range d.guards {
		fmt.Fprintf(b, "  %s%s\n  - {name: %s, promql: %s, abort_when: %s}\n", from, g.comment, quoted(strictyaml.Hide(cut(g.name))), quoted(g.promql), quoted(g.when))
	}
}

func (s step) text(b *strings.Builder, from string) {
	if s.comment != "" {
		fmt.Fprintf(b, "  %s%s\n", from, strictyaml.Hide(oneLine(cut(s.comment))))
	}
	if s.fault == "" {
		fmt.Fprintf(b, "  - wait: %s\n", strictyaml.FormatDuration(s.wait))
		return
	}
	if strings.HasPrefix(s.fault, "net.") && s.with["peer"] == "" {
		fmt.Fprintf(b, "  %sto whom: peer: \"10.0.3.7:5432\", port, local_port, uid or cgroup\n", fillIn)
	}
	fmt.Fprintf(b, "  - fault: %s\n", s.fault)
	if s.mechanism != "" {
		fmt.Fprintf(b, "    mechanism: %s\n", s.mechanism)
	}
	if len(s.with) > 0 {
		var all []string
		for _, k := range slices.Sorted(maps.Keys(s.with)) {
			all = append(all, k+": "+quoted(s.with[k]))
		}
		fmt.Fprintf(b, "    with: {%s}\n", strings.Join(all, ", "))
	}
	fmt.Fprintf(b, "    duration: %s\n", strictyaml.FormatDuration(s.duration))
}

// quoted is a text as YAML reads it back.
func quoted(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// oneLine keeps a text from ending the comment that it stands in.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
