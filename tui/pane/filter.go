package pane

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// filter is what a person typed to see less: words that have to be there (a
// regular expression), and @who, #kind and sev:1; ! before any of them is the
// opposite.
type filter struct {
	typed string
	wants []want
	wrong safe.Text // why it cannot be read; then everything passes

	matched map[string]bool // by event: an event never changes, and expressions are slow
}

// want is one thing that has to hold, or not to.
type want struct {
	not     bool
	who     string // part of the actor's name
	kind    string // beginning of the kind or of its word
	rank    int    // of the severity; 0: not asked for
	pattern *regexp.Regexp
}

// read parses what was typed, if it is not what it was.
func (f *filter) read(typed string) {
	if typed == f.typed {
		return
	}
	*f = filter{typed: typed, matched: map[string]bool{}}
	var words []string
	for _, token := range strings.Fields(typed) {
		w, ok := special(token)
		switch {
		case ok:
			f.wants = append(f.wants, w)
		default:
			words = append(words, token)
		}
	}
	if len(words) == 0 {
		return
	}
	text, not := strings.CutPrefix(strings.Join(words, " "), "!")
	if text == "" {
		return
	}
	pattern, err := regexp.Compile("(?i)" + text)
	if err != nil {
		f.wants = nil
		f.wrong = safe.New(fmt.Sprintf("/%s cannot be read: %s", text, strings.TrimPrefix(err.Error(), "error parsing regexp: ")), safe.Line)
		return
	}
	f.wants = append(f.wants, want{not: not, pattern: pattern})
}

// special reads @who, #kind and sev:1.
func special(token string) (want, bool) {
	rest, not := strings.CutPrefix(token, "!")
	if len(rest) < 2 {
		return want{}, false
	}
	w := want{not: not}
	switch {
	case rest[0] == '@':
		w.who = strings.ToLower(rest[1:])
		return w, true
	case rest[0] == '#':
		w.kind = strings.ToLower(rest[1:])
		return w, true
	}
	digits, ok := strings.CutPrefix(strings.ToLower(rest), "sev:")
	rank, err := strconv.Atoi(digits)
	if !ok || err != nil || rank < 1 {
		return want{}, false
	}
	w.rank = rank
	return w, true
}

// without is what to say of a list without rows: that nothing passes, or why
// there is nothing.
func (f *filter) without(why safe.Text) safe.Text {
	if f.empty() {
		return why
	}
	return safe.New("nothing here matches /"+f.typed, safe.Line)
}

// empty says that everything passes.
func (f *filter) empty() bool { return len(f.wants) == 0 }

// events appends those that pass to out; without any filter it is the list
// itself.
func (f *filter) events(out, list []*incident.Event, s *Screen) []*incident.Event {
	if f.empty() {
		return list
	}
	severities := map[incident.ID]incident.Severity{}
	for _, inc := range s.World.Incidents {
		severities[inc.ID] = inc.Severity
	}
	for _, e := range list {
		if f.event(e, severities[e.Incident]) {
			out = append(out, e)
		}
	}
	return out
}

// event says whether an event of an incident of that severity passes.
func (f *filter) event(e *incident.Event, sev incident.Severity) bool {
	for _, w := range f.wants {
		if f.holds(w, e, sev) == w.not {
			return false
		}
	}
	return true
}

// holds says whether what is wanted is so, whatever that means for the filter.
func (f *filter) holds(w want, e *incident.Event, sev incident.Severity) bool {
	switch {
	case w.who != "":
		return strings.Contains(strings.ToLower(string(e.Actor)), w.who)
	case w.kind != "":
		k := string(e.Kind)
		return strings.HasPrefix(k, w.kind) || strings.Contains(k, "."+w.kind) || strings.HasPrefix(word(e).String(), w.kind)
	case w.rank > 0:
		return sev.Rank() == w.rank
	}
	id := eventID(e)
	if e.Was != "" {
		id += e.Text // a correction gave it other words
	}
	is, known := f.matched[id]
	if !known {
		is = w.pattern.MatchString(e.Text) || w.pattern.MatchString(string(e.Kind)) || w.pattern.MatchString(string(e.Actor))
		f.matched[id] = is
	}
	return is
}

// text says whether something that has no kind and no actor passes: only the
// words count.
func (f *filter) text(s string) bool {
	for _, w := range f.wants {
		if w.pattern != nil && w.pattern.MatchString(s) == w.not {
			return false
		}
	}
	return true
}
