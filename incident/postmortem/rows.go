package postmortem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Row is a line of the list of events: an event, several equal ones in a row, or
// all that happened to one page. People may have it told otherwise; what was
// recorded stays beside.
type Row struct {
	Event  string          `json:"event"` // its ID; of several, that of the first
	Seq    int64           `json:"seq"`
	At     time.Time       `json:"at"`
	Text   string          `json:"text"` // as told, without markup but for that of a page
	Hidden bool            `json:"hidden"`
	Note   string          `json:"note,omitempty"`
	Was    string          `json:"was,omitempty"`       // what was recorded, if other words stand for it
	WasAt  time.Time       `json:"was_at,omitzero"`     // when it happened by the record, if another time stands for it
	By     incident.Person `json:"retold_by,omitempty"` // who changed it last

	line string // Markdown, without the time
	kind incident.Kind
}

// retold is how an event is told, and who said so last.
type retold struct {
	incident.Retelling
	by incident.Person
}

// retellings are those of an incident, by the ID of the event, or of the page that
// it is about: a row tells all of a page.
func retellings(id incident.ID, events []incident.Event) map[string]retold {
	var said []incident.Event
	pages := map[string]string{}
	for _, e := range events {
		if e.Kind == incident.PostmortemRetold && e.Incident == id {
			said = append(said, e)
		}
		if isPage(e.Kind) {
			_, pages[e.ID] = pageOf(e)
		}
	}
	if len(said) == 0 {
		return nil
	}
	slices.SortStableFunc(said, func(a, b incident.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	out := map[string]retold{}
	for _, e := range said {
		var r incident.Retelling
		if e.Payload(&r) != nil || r.Event == "" {
			continue
		}
		key := cmp.Or(pages[r.Event], r.Event)
		out[key] = retold{out[key].And(r), e.Actor}
	}
	return out
}

// rows are the events as a person reads them, those that are hidden too, in the
// order in which they are told. Equal events in a row are one, unless somebody
// said something of one of them, and so is all that happened to one page.
func (f *facts) rows() []Row {
	var out []Row
	told := map[string]bool{}
	for i := 0; i < len(f.events); i++ {
		e := f.events[i]
		first, again := e, 0
		for i+1 < len(f.events) && sameNews(e, f.events[i+1]) && f.plain(e) && f.plain(f.events[i+1]) {
			i, again = i+1, again+1
		}
		key, text := e.ID, cmp.Or(plain(e.Text), "(no text)")
		if isPage(e.Kind) {
			_, key = pageOf(e)
			if told[key] {
				continue
			}
			told[key] = true
		}
		line := escape(text)
		if whole := f.pageRow(key); whole != "" {
			text, line, again = whole, whole, 0
		}
		if again > 0 {
			line += fmt.Sprintf(" (%d times, until %s)", again+1, clock(f.events[i].At))
		}
		out = append(out, f.row(first, key, text, line))
	}
	slices.SortStableFunc(out, func(a, b Row) int { return a.At.Compare(b.At) })
	return out
}

// plain says whether nobody wanted an event told otherwise.
func (f *facts) plain(e incident.Event) bool {
	_, changed := f.retold[e.ID]
	return !changed
}

// row is an event with what people want to be told of it.
func (f *facts) row(e incident.Event, key, text, line string) Row {
	r := Row{Event: e.ID, Seq: e.Seq, At: e.At, Text: text, kind: e.Kind}
	t, changed := f.retold[key]
	var marks []string
	if changed {
		r.By = t.by
		r.Hidden = t.Hidden != nil && *t.Hidden
		if t.Text != nil && *t.Text != "" {
			r.Was, r.Text, line = text, plain(*t.Text), escape(*t.Text)
			marks = append(marks, "reworded by "+escape(string(t.by)))
		}
		if t.At != nil && !t.At.IsZero() && !t.At.Equal(e.At) {
			r.WasAt, r.At = e.At, *t.At
			marks = append(marks, "at "+f.when(e.At)+" by the record")
		}
		if t.Note != nil {
			r.Note = plain(*t.Note)
		}
	}
	r.line = line + frozen(e) + f.origin(e, marks...)
	if r.Note != "" {
		r.line += "\n  - " + escape(r.Note)
	}
	return r
}

// Rows are the lines of the list of events of inc, for whoever wants one of them
// told otherwise; events are those that Draft takes.
func Rows(inc incident.Incident, events []incident.Event, now time.Time) []Row {
	f := gather(inc, events, now)
	return append([]Row{}, f.rows()...)
}

// eventList is every row that is not hidden.
func (f *facts) eventList() string {
	all := f.rows()
	shown := slices.DeleteFunc(slices.Clone(all), func(r Row) bool { return r.Hidden })
	hidden := ""
	if n := len(all) - len(shown); n > 0 {
		hidden = fmt.Sprintf("Not listed: %s (`sitrep postmortem rows %s` lists them).", count(n, "row"), plain(string(f.inc.ID)))
	}
	if len(shown) == 0 {
		return cmp.Or(hidden, "No data.")
	}
	today := shown[0].At.UTC().Format(time.DateOnly)
	var rows []string
	for _, r := range shown {
		when := clock(r.At)
		if d := r.At.UTC().Format(time.DateOnly); d != today {
			when = d + " " + when
		}
		rows = append(rows, "- "+when+" "+r.line)
	}
	text := "Day: " + today + ".\n\n" + strings.Join(rows, "\n")
	if hidden != "" {
		text += "\n\n" + hidden
	}
	return text
}
