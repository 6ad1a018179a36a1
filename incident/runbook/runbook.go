// Package runbook reads runbooks: Markdown files whose task list or numbered
// items are the steps of a checklist. It finds those that fit an incident and
// says how far a checklist has come. It runs nothing: a step's queries are asked
// by whoever has a Prometheus, and a step's shell commands are read by people.
package runbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// Runbook is a file as it was read. It is not changed afterwards and may be
// shared.
type Runbook struct {
	Name  string              // of the file, without its ending; commands and ticks call it that
	File  string              //
	Title string              // of the front matter, else the first heading, else Name
	URLs  []string            // the runbook_url's that it answers to
	Match map[string][]string // labels, and for each the values of which one has to be there; empty matches nothing
	Steps []Step              // never empty
	After []Block             // what stands after the last step
}

// Step is one item of the checklist.
type Step struct {
	ID     string // unique within the runbook: {#id} in the file, else made of Text
	Number int    // its place, from 1
	Group  string // the heading above it, if any
	Before []Block
	Text   string // one line of Markdown
	Body   []Block
	Line   int // in the file
}

// Block is a part of a runbook besides the words of its steps.
type Block struct {
	Code  bool
	Lang  string // of code, in lower case: promql, sh, or nothing
	Unit  string // of a query's values, one of Grafana's names: ```promql unit=percentunit
	Text  string // lines without a newline at the end; of prose, one paragraph or list item
	Depth int    // of prose: how far it is indented
	Line  int    // of the first line of Text, in the file
	Col   int    // of code: where its lines begin, from 1
}

// Query says whether a block is a read-only question to Prometheus.
func (b Block) Query() bool { return b.Code && b.Lang == "promql" }

// Queries are the step's questions to Prometheus, in their order.
func (s Step) Queries() []Block {
	return slices.DeleteFunc(slices.Clone(s.Body), func(b Block) bool { return !b.Query() })
}

// Step finds a step by its number or its ID.
func (r Runbook) Step(ref string) (Step, error) {
	ref = strings.TrimPrefix(strings.TrimSpace(ref), "#")
	n, err := strconv.Atoi(ref)
	for _, s := range r.Steps {
		if err == nil && s.Number == n || s.ID == ref {
			return s, nil
		}
	}
	return Step{}, fmt.Errorf("%s has no step %q: it has 1 to %d (sitrep runbook show %s lists them with their names)", r.Name, ref, len(r.Steps), r.Name)
}

// Named finds a runbook by its name.
func Named(all []Runbook, name string) (Runbook, bool) {
	i := slices.IndexFunc(all, func(r Runbook) bool { return r.Name == name })
	if i < 0 {
		return Runbook{}, false
	}
	return all[i], true
}

// Done counts the steps that are ticked on an incident.
func (r Runbook) Done(inc incident.Incident) (n int) {
	for _, s := range r.Steps {
		if _, done := inc.Ticked(r.Name, s.ID); done {
			n++
		}
	}
	return n
}

// Next is the first step that is not ticked; false once all are.
func (r Runbook) Next(inc incident.Incident) (Step, bool) {
	for _, s := range r.Steps {
		if _, done := inc.Ticked(r.Name, s.ID); !done {
			return s, true
		}
	}
	return Step{}, false
}

// Gone are the ticks whose step the file no longer has.
func (r Runbook) Gone(inc incident.Incident) []incident.Tick {
	var gone []incident.Tick
	for _, t := range inc.Ticks {
		if t.Runbook == r.Name && !slices.ContainsFunc(r.Steps, func(s Step) bool { return s.ID == t.Step.Step }) {
			gone = append(gone, t)
		}
	}
	return gone
}

// Progress is where a checklist stands: "step 3/6" is the next one to do.
func (r Runbook) Progress(inc incident.Incident) string {
	next, ok := r.Next(inc)
	if !ok {
		return fmt.Sprintf("all %d done", len(r.Steps))
	}
	return fmt.Sprintf("step %d/%d", next.Number, len(r.Steps))
}
