// Package imports makes load plans of files that others' tools read: plans of JMeter, and
// targets of vegeta. It runs nothing of what they say. What of a file is in no plan is in
// a note, with its place; passwords and tokens are in neither.
package imports

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// MaxSize is how large a file may be.
const MaxSize = 16 << 20

// Imported is a plan that was made.
type Imported struct {
	Name    string            `json:"name"`
	Format  string            `json:"format"` // JMeter, vegeta
	Line    int               `json:"line"`   // where it begins
	Column  int               `json:"column"`
	YAML    string            `json:"yaml,omitempty"`    // of the plan; empty if it is refused
	Files   map[string][]byte `json:"files,omitempty"`   // that the plan names, to be written beside it
	Refused string            `json:"refused,omitempty"` // why there is no plan
	Notes   []Note            `json:"notes"`             // what is carried over otherwise than it stood, or not at all
}

// Note is something of a file that a person should know.
type Note struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"text"`
}

// Options say what a file does not.
type Options struct {
	To         string            // the directory where the plan will be; files that it names are told from there
	Properties map[string]string // of JMeter, which its plans ask for with ${__P(name)}
}

// Check says what is wrong with the plan as the file of that name, beside which what it
// names is by now. What a person must add is marked FILL IN, and fails there.
func (i Imported) Check(file string) error {
	_, err := loadtest.LoadPlan(file, []byte(i.YAML))
	return err
}

// Import makes plans of a file: one of targets, one of every thread group of JMeter. The
// error is that of a file that cannot be read; its place is in it. A file may hold
// anything.
func Import(file string, src []byte, o Options) ([]Imported, error) {
	text := bytes.TrimLeft(src, "\ufeff \t\r\n")
	switch {
	case len(src) > MaxSize:
		return nil, &strictyaml.Error{File: file, Message: fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20)}
	case len(text) == 0:
		return nil, &strictyaml.Error{File: file, Message: "the file is empty"}
	case text[0] == '<':
		return importJMX(file, src, o)
	}
	return importTargets(file, src, o)
}

// finish makes what was drafted what is returned: names are unique, notes in order.
func finish(drafts []*draft) (list []Imported) {
	seen := map[string]bool{}
	for _, d := range drafts {
		name := cmp.Or(slug(d.name), "plan")
		unique := name
		for n := 2; seen[unique]; n++ {
			unique = fmt.Sprintf("%s-%d", name, n)
		}
		seen[unique] = true
		d.name = unique
		list = append(list, d.finish())
	}
	return list
}

// sorted are notes in the order of the file, each once: what is repeated is told once.
func sorted(notes []Note) []Note {
	slices.SortStableFunc(notes, func(a, b Note) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	out := []Note{}
	for _, n := range notes {
		if !slices.Contains(out[max(0, len(out)-20):], n) {
			out = append(out, n)
		}
	}
	return out
}
