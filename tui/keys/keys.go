// Package keys is the one table of what every key does. The help screen, the
// palette, the documentation, the user's own bindings and the check that no key
// means two things are all made from it. Keys are named as Bubble Tea's
// KeyPressMsg.String() names them: "a", "E", "ctrl+x", "shift+tab", "space".
package keys

import (
	"slices"
	"strings"
)

// Scope is the place where a binding holds.
type Scope string

// The scopes. Always holds everywhere, text inputs and dialogs included. Global
// and Incident hold in every view, beside the view's own. Unheard, Dialog, Input and Explore hold
// alone (with Always): while one is open, nothing else is reachable.
const (
	Always     Scope = "always"
	Global     Scope = "global"
	Incident   Scope = "incident"
	Now        Scope = "now"
	Board      Scope = "board"
	Timeline   Scope = "timeline"
	Actions    Scope = "actions"
	Postmortem Scope = "postmortem"
	Stats      Scope = "stats"
	Checklist  Scope = "runbook"
	OnCall     Scope = "oncall"
	Unheard    Scope = "nobody_reached"
	Alerts     Scope = "alerts"
	SLO        Scope = "slo"
	Scorecard  Scope = "scorecard"
	Dialog     Scope = "dialog"
	Input      Scope = "input"
	Explore    Scope = "explore"
)

// Scopes lists all scopes in the order of the help screen.
func Scopes() []Scope {
	return []Scope{Always, Global, Incident, Now, Board, Timeline, Actions, Postmortem, OnCall, Stats, Alerts, SLO, Scorecard, Checklist, Unheard, Dialog, Input, Explore}
}

// visible are the scopes whose keys can be pressed while s is on the screen,
// most particular first.
func (s Scope) visible() []Scope {
	switch s {
	case Always:
		return []Scope{Always}
	case Unheard, Dialog, Input, Explore:
		return []Scope{s, Always}
	case Global:
		return []Scope{Global, Always}
	case Incident:
		return []Scope{Incident, Global, Always}
	}
	return []Scope{s, Incident, Global, Always}
}

// Reach says who feels it when the key's act is done.
type Reach uint8

// How far acts reach.
const (
	Local  Reach = iota // this screen and this timeline
	People              // it pages people or posts to them
	Faults              // it starts chaos or load
	Undo                // it only ever ends or takes back what reaches out
)

// Outward reports whether the act is felt outside of this host.
func (r Reach) Outward() bool { return r == People || r == Faults }

// Tier is how an act is confirmed.
type Tier uint8

// The tiers.
const (
	T0 Tier = iota // done at once
	T1             // a sentence, y or n, and a countdown that u cancels
	T2             // the target's name is typed
)

// Binding is one row of the table.
type Binding struct {
	Action Action
	Scope  Scope
	Keys   []string // the first is the one that is shown
	Name   string   // what the palette calls it: unique, lower case
	Help   string   // one line
	Reach  Reach
	Tier   Tier // in a context that is not prod
	Safe   bool // outward, and still on an easy key, because not to press it is worse (ack)
	Opens  bool // it opens a picker, whose choice is confirmed by Tier
}

// Map is the table in use: the default, or with the user's own keys. It is
// immutable and safe for concurrent use.
type Map struct {
	rows  []Binding
	index map[Scope]map[string]int
}

func newMap(rows []Binding) Map {
	m := Map{rows: rows, index: map[Scope]map[string]int{}}
	for i, b := range rows {
		for _, k := range b.Keys {
			if m.index[b.Scope] == nil {
				m.index[b.Scope] = map[string]int{}
			}
			m.index[b.Scope][k] = i
		}
	}
	return m
}

// Lookup is what key does while scope is on the screen: the scope's own
// bindings, then those that hold beside it. Key is KeyPressMsg.String().
func (m Map) Lookup(scope Scope, key string) (Binding, bool) {
	for _, s := range scope.visible() {
		if i, ok := m.index[s][key]; ok {
			return m.rows[i], true
		}
	}
	return Binding{}, false
}

// Action is Lookup for callers that only switch on what to do; "" is nothing.
func (m Map) Action(scope Scope, key string) Action {
	b, _ := m.Lookup(scope, key)
	return b.Action
}

// All are the bindings in the order of the table.
func (m Map) All() []Binding { return slices.Clone(m.rows) }

// Of is the first row that does action; views share some actions (up, down),
// whose keys are the same in each.
func (m Map) Of(action Action) (Binding, bool) {
	i := slices.IndexFunc(m.rows, func(b Binding) bool { return b.Action == action })
	if i < 0 {
		return Binding{}, false
	}
	return m.rows[i], true
}

// Label is the key to show for action ("E", "^X", "F5"), or "" if it has none.
func (m Map) Label(action Action) string {
	b, ok := m.Of(action)
	if !ok || len(b.Keys) == 0 {
		return ""
	}
	return Label(b.Keys[0])
}

// Label is how a key is written on the screen.
func Label(key string) string {
	if rest, ok := strings.CutPrefix(key, "ctrl+"); ok && len(rest) == 1 {
		return "^" + strings.ToUpper(rest)
	}
	if len(key) > 1 && key[0] == 'f' && key[1] >= '0' && key[1] <= '9' {
		return strings.ToUpper(key)
	}
	switch key {
	case "left":
		return "←"
	case "right":
		return "→"
	case "up":
		return "↑"
	case "down":
		return "↓"
	}
	return key
}

// Help are the bindings that can be pressed while scope is on the screen, its
// own first.
func (m Map) Help(scope Scope) []Binding {
	var out []Binding
	for _, s := range scope.visible() {
		for _, b := range m.rows {
			if b.Scope == s {
				out = append(out, b)
			}
		}
	}
	return out
}

// Palette are the bindings that can be run by name while scope is on the
// screen. Moves (up, down, close) are left out: by name they are of no use.
func (m Map) Palette(scope Scope) []Binding {
	var out []Binding
	seen := map[Action]bool{}
	for _, b := range m.Help(scope) {
		if b.Name != "" && !seen[b.Action] {
			seen[b.Action] = true
			out = append(out, b)
		}
	}
	return out
}

// Markdown is the table for the documentation, one section a scope.
func (m Map) Markdown() string {
	var b strings.Builder
	for _, s := range Scopes() {
		b.WriteString("## " + string(s) + "\n\n| Key | Command | What it does | Confirmed by |\n|---|---|---|---|\n")
		for _, r := range m.rows {
			if r.Scope == s {
				b.WriteString("| " + keyList(r.Keys) + " | " + r.Name + " | " + r.Help + " | " + r.confirmation() + " |\n")
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func keyList(ks []string) string {
	quoted := make([]string, len(ks))
	for i, k := range ks {
		quoted[i] = "`" + k + "`"
		if strings.Contains(k, "`") {
			quoted[i] = "`` " + k + " ``"
		}
	}
	return strings.Join(quoted, " ")
}

func (b Binding) confirmation() string {
	switch {
	case b.Action == ChaosPicker || b.Action == LoadPicker || b.Tier == T1 && b.Reach == Faults:
		return "a countdown (`u` cancels); in production exact words before it"
	case b.Action == Ack:
		return "nothing, if you were paged; else y, then a countdown (`u` cancels)"
	}
	switch b.Tier {
	case T1:
		return "y, then a countdown (`u` cancels)"
	case T2:
		return "typing the target's name"
	}
	return ""
}
