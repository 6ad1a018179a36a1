package keys

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Check says everything that is wrong with the table: a key with two meanings
// in one place, and acts that reach people or targets on keys that are pressed
// by accident. The evidence for each rule is in the issues of k9s and lazygit.
func (m Map) Check() error {
	errs := m.conflicts()
	for _, b := range m.rows {
		for _, k := range b.Keys {
			errs = append(errs, b.checkKey(k)...)
		}
	}
	return errors.Join(errs...)
}

// conflicts finds keys with two meanings in one place. Places that can be on
// the screen at once count as one.
func (m Map) conflicts() []error {
	var errs []error
	reported := map[string]bool{}
	for _, s := range Scopes() {
		owner := map[string]Binding{}
		for _, b := range m.Help(s) {
			for _, k := range b.Keys {
				first, taken := owner[k]
				report := fmt.Sprintf("key %q: means both %s (%s) and %s (%s)", k, first.Action, first.Scope, b.Action, b.Scope)
				if taken && !reported[report] {
					reported[report] = true
					errs = append(errs, errors.New(report))
				}
				owner[k] = b
			}
		}
	}
	return errs
}

var keyShape = regexp.MustCompile(`^((ctrl|alt|shift|meta|hyper|super)\+)*(\S|up|down|left|right|home|end|pgup|pgdown|insert|delete|enter|esc|tab|backspace|space|f([1-9]|1[0-9]|20))$`)

// checkKey holds the rules about which act may stand on which key.
func (b Binding) checkKey(key string) []error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("key %q for %s: %s", key, b.Action, fmt.Sprintf(format, args...)))
	}
	if !keyShape.MatchString(key) {
		fail("no such key; write it as a, E, ctrl+p, shift+tab, space, f5")
		return errs
	}
	if (b.Scope == Input || b.Scope == Explore) && typed(key) {
		fail("it is needed for typing")
	}
	switch {
	case b.Action == Abort && b.Scope == Always && typed(key):
		fail("it must work while text is typed")
	case b.Reach == People && !b.Safe && !upper(key):
		fail("what pages or posts to people stands on an upper-case letter")
	case b.Reach == People && b.Safe && (utf8.RuneCountInString(key) != 1 || key == " "):
		fail("what reaches people stands on a letter")
	case b.Reach == Faults && !pinKey(key):
		fail("chaos and load start from F5 to F9 or from their pickers")
	}
	return errs
}

func upper(key string) bool {
	r, size := utf8.DecodeRuneInString(key)
	return size == len(key) && unicode.IsUpper(r)
}

// typed reports keys that put a character into a text.
func typed(key string) bool {
	return utf8.RuneCountInString(key) == 1 || key == "space" || key == "backspace" || key == "left" || key == "right"
}

func pinKey(key string) bool {
	return slices.Contains([]string{"f5", "f6", "f7", "f8", "f9"}, key)
}

// Rebind gives actions other keys (all of them: what is not listed is free
// afterwards) and checks the outcome. Names are those of Action, for one view
// only as "board.up". The error names every fault.
func (m Map) Rebind(own map[string][]string) (Map, error) {
	rows := slices.Clone(m.rows)
	var errs []error
	names := make([]string, 0, len(own))
	for name := range own {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { // the particular after the general
		if d := strings.Count(a, ".") - strings.Count(b, "."); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if !rebind(rows, name, own[name]) {
			errs = append(errs, fmt.Errorf("keys: %q: no such action%s", name, m.suggest(name)))
		}
	}
	out := newMap(rows)
	if err := out.Check(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return m, errors.Join(errs...)
	}
	return out, nil
}

func rebind(rows []Binding, name string, ks []string) bool {
	found := false
	for i, b := range rows {
		if name == string(b.Action) || name == string(b.Scope)+"."+string(b.Action) {
			rows[i].Keys = slices.Clone(ks)
			found = true
		}
	}
	return found
}

// suggest names an action that begins alike.
func (m Map) suggest(name string) string {
	_, short, ok := strings.Cut(name, ".")
	if !ok {
		short = name
	}
	for n := min(len(short), 8); n >= 3; n-- {
		for _, b := range m.rows {
			if strings.HasPrefix(string(b.Action), short[:n]) {
				return fmt.Sprintf("; did you mean %q?", b.Action)
			}
		}
	}
	return ""
}
