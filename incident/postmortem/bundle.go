package postmortem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Bundle is a post-mortem with all that it was made of, for another store: the
// timeline of its incident, what happened around it, and what the boards showed.
type Bundle struct {
	Version    int              `json:"version"`
	Store      string           `json:"store"` // what tells the store that it comes from from others
	Incident   incident.ID      `json:"incident"`
	Postmortem Stored           `json:"postmortem"`
	Events     []incident.Event `json:"events"`             // of the incident, in the order of recording
	Outside    []incident.Event `json:"outside,omitempty"`  // of none, or of what was merged into it
	Evidence   []Series         `json:"evidence,omitempty"` // of the boards
}

// Series is what a board showed at a moment: bytes that package query reads.
type Series struct {
	Event  string    `json:"event"` // ID of the one at which it was taken
	Board  string    `json:"board"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Series []byte    `json:"series"`
}

// bundleVersion is that of Bundle; it grows with every key, for an import is strict.
const bundleVersion = 1

// What a bundle may hold. A year of an incident is far below it; what is above was
// made to hurt.
const (
	MostBundle   = 64 << 20 // bytes of a file
	mostEvents   = 50_000
	mostSections = 500
	mostSeries   = 500
	mostAround   = 3 << 20 // bytes of what happened outside, as JSON: it becomes the payload of one event
)

// Pack makes a bundle. An incident that goes on is refused: wherever it was imported
// somebody would be called for it.
func Pack(store string, inc incident.Incident, s Stored, events []incident.Event, evidence []Series) (Bundle, error) {
	b := Bundle{Version: bundleVersion, Store: store, Incident: inc.ID, Postmortem: s, Events: []incident.Event{}, Evidence: evidence}
	if !inc.Status.Over() {
		return b, fmt.Errorf("export %s with its evidence: %s is %s; resolve it first, or export Markdown", s.ID, inc.ID, inc.Status)
	}
	around := 0
	for _, e := range events {
		if e.Incident == inc.ID {
			b.Events = append(b.Events, e)
			continue
		}
		e.Evidence = nil
		b.Outside = append(b.Outside, e)
		around += len(incident.Payload(e))
	}
	slices.SortStableFunc(b.Outside, func(a, b incident.Event) int { return a.At.Compare(b.At) })
	for around > mostAround { // the farthest from the incident says the least
		around -= len(incident.Payload(b.Outside[0]))
		b.Outside = b.Outside[1:]
	}
	return b, b.check()
}

// JSON is the post-mortem as data, for people's programs, with the bundle beside it.
func (b Bundle) JSON() ([]byte, error) { return b.Postmortem.json(&b) }

// ErrNoBundle says that a file holds no bundle.
var ErrNoBundle = errors.New("this is no post-mortem with its evidence (sitrep postmortem export INC-1 --format json writes one)")

// ParseBundle reads the JSON of an export. What people read there is passed over, the
// bundle itself is read strictly: a key that this version does not know is an error,
// because something would be lost.
func ParseBundle(text []byte) (Bundle, error) {
	var b Bundle
	if len(text) > MostBundle {
		return b, fmt.Errorf("it has more than %d MiB, and no post-mortem has", MostBundle>>20)
	}
	var file struct {
		Bundle json.RawMessage `json:"bundle"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return b, fmt.Errorf("%w: %w", ErrNoBundle, err)
	}
	var version struct {
		Version int `json:"version"`
	}
	if len(file.Bundle) == 0 || json.Unmarshal(file.Bundle, &version) != nil || version.Version < 1 {
		return b, ErrNoBundle
	}
	if version.Version > bundleVersion {
		return b, fmt.Errorf("the bundle has version %d, this sitrep knows %d: it was written by a newer sitrep, use that one", version.Version, bundleVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(file.Bundle))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return b, fmt.Errorf("the bundle cannot be read: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return b, errors.New("the bundle goes on after its end")
	}
	for _, list := range [][]incident.Event{b.Events, b.Outside} {
		for i := range list { // as it was recorded, without the line breaks of the file
			list[i].Data, list[i].Evidence = compact(list[i].Data), compact(list[i].Evidence)
		}
	}
	return b, b.check()
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if len(raw) == 0 || string(raw) == "null" || json.Compact(&b, raw) != nil {
		return nil
	}
	return b.Bytes()
}

// check says why a bundle is none that a store of ours could have written.
func (b Bundle) check() error {
	if len(b.Events) == 0 || b.Events[0].Kind != incident.Declared {
		return errors.New("the events do not begin with a declaration")
	}
	if n := len(b.Events) + len(b.Outside); n > mostEvents {
		return fmt.Errorf("it has %d events, at most %d are taken", n, mostEvents)
	}
	seen := map[string]bool{}
	for i, e := range b.Events {
		if e.Incident != b.Incident {
			return fmt.Errorf("event %d is of %q, not of %s", i, cutTo(string(e.Incident)), b.Incident)
		}
		if err := checkEvent(e, seen); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	for i, e := range b.Outside {
		if err := checkEvent(e, seen); err != nil {
			return fmt.Errorf("event %d outside: %w", i, err)
		}
	}
	if _, err := incident.ParseID(string(b.Incident)); err != nil {
		return err
	}
	before, after := b.Adopted(b.Incident, incident.By{}) // as it will be there: what comes along otherwise ends nothing
	inc := incident.Fold(append(before, after...)...)
	if inc.ID != b.Incident || !inc.Declared() {
		return errors.New("its declaration cannot be read")
	}
	if !inc.Status.Over() {
		return fmt.Errorf("%s is %s: an incident that goes on is not imported, somebody would be called for it", b.Incident, inc.Status)
	}
	if len(b.Store) == 0 || len(b.Store) > 64 || strings.ContainsFunc(b.Store, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("it does not say which store it comes from")
	}
	return errors.Join(b.checkText(), b.checkEvidence())
}

func checkEvent(e incident.Event, seen map[string]bool) error {
	switch {
	case len(e.ID) != 26 || strings.Trim(e.ID, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "":
		return fmt.Errorf("%q is no ID of an event", cutTo(e.ID))
	case seen[e.ID]:
		return fmt.Errorf("%s is there twice", e.ID)
	case e.Kind == "" || len(e.Kind) > 100:
		return errors.New("it says not what happened")
	case len(e.Evidence) > incident.MaxData:
		return fmt.Errorf("its evidence has %d bytes", len(e.Evidence))
	case e.At.Year() < 1990 || e.At.Year() > 9000:
		return fmt.Errorf("it happened in the year %d", e.At.Year())
	}
	seen[e.ID] = true
	return e.Check()
}

func (b Bundle) checkText() error {
	s := b.Postmortem
	if s.Incident != b.Incident {
		return fmt.Errorf("its text is of %q", cutTo(string(s.Incident)))
	}
	if len(s.Sections) == 0 || len(s.Sections) > mostSections {
		return fmt.Errorf("its text has %d sections", len(s.Sections))
	}
	keys := map[string]bool{}
	for _, k := range s.Sections {
		switch {
		case k.Key == "" || keys[k.Key] || len(k.Key) > incident.MaxName || len(k.Heading) > incident.MaxName:
			return fmt.Errorf("two sections are called %q, or none", cutTo(k.Key))
		case !slices.Contains([]State{Untouched, ByHand, Merged, NewFacts}, k.State):
			return fmt.Errorf("section %s: %q is no state of a section", k.Key, cutTo(string(k.State)))
		case len(k.Generated)+len(k.Human) > incident.MaxData:
			return fmt.Errorf("section %s has %d bytes", k.Key, len(k.Generated)+len(k.Human))
		case slices.ContainsFunc(append(lineList(k.Generated), lineList(k.Human)...), isMarker):
			return fmt.Errorf("section %s holds a mark of the edit form", k.Key)
		}
		keys[k.Key] = true
	}
	return nil
}

func (b Bundle) checkEvidence() error {
	if len(b.Evidence) > mostSeries {
		return fmt.Errorf("it has the series of %d boards, at most %d are taken", len(b.Evidence), mostSeries)
	}
	captured := b.Captures()
	for i, s := range b.Evidence {
		switch {
		case captured[s.Event] == "":
			return fmt.Errorf("series %d: no event says that something was kept at %q", i, cutTo(s.Event))
		case len(s.Series) > incident.MostFrozen || len(s.Board) > incident.MaxName:
			return fmt.Errorf("series %d has %d bytes", i, len(s.Series))
		case s.To.Before(s.From) || s.From.Year() < 1990 || s.To.Year() > 9000:
			return fmt.Errorf("series %d ends before it begins", i)
		}
	}
	return nil
}

// Captures are the IDs of the events that tell of series, by those of the moments.
func (b Bundle) Captures() map[string]string {
	out := map[string]string{}
	for _, e := range b.Events {
		var c incident.Capture
		if e.Kind == incident.EvidenceCaptured && e.Payload(&c) == nil {
			out[c.Event] = e.ID
		}
	}
	return out
}

// Key is what tells the incident from all others in the world.
func (b Bundle) Key() string { return b.Events[0].ID }

// Adopted is the events as they stand in the store that takes them in, as those of
// incident id: before and after the event of the text, which is the store's to make.
// What engines of that store would take for their own (runs, alerts, deploys) comes
// along within one event. Whoever acted there is here only said to have.
func (b Bundle) Adopted(id incident.ID, by incident.By) (before, after []incident.Event) {
	brought := incident.Import{From: b.Incident, Store: b.Store}
	for _, e := range b.Outside {
		if e.Incident != "" {
			e.Incident = id // of what was merged into it
		}
		e.Seq = 0
		brought.Outside = append(brought.Outside, e)
	}
	for _, e := range b.Events[1:] {
		e.Incident, e.Seq = id, 0
		switch {
		case e.Kind == incident.PostmortemDrafted || e.Kind == incident.PostmortemEdited || e.Kind == incident.PostmortemImported:
		case !told(e.Kind):
			e.Evidence = nil
			brought.Outside = append(brought.Outside, e)
		default:
			after = append(after, claimed(e, by))
		}
	}
	first := b.Events[0]
	first.Incident, first.Seq = id, 0
	from := fmt.Sprintf("%s of store %s", b.Incident, b.Store)
	return []incident.Event{claimed(first, by), {
		Incident: id, At: by.At, Kind: incident.PostmortemImported, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source,
		Text: "imported, with its post-mortem: " + from, Data: incident.Payload(brought), Once: "postmortem.imported/" + b.Key(),
	}}, after
}

// told says whether an event of an incident means the same in any store.
func told(k incident.Kind) bool {
	room, _, _ := strings.Cut(string(k), ".")
	if k == incident.Merged || k == incident.Split || k == incident.EvidenceRecorded { // their data names incidents, and samples that did not come along
		return false
	}
	return slices.Contains([]string{"incident", "note", "update", "action", "item", "escalation", "page", "runbook", "evidence", "postmortem"}, room) || k == incident.BudgetCost
}

const imports = "import by "

func claimed(e incident.Event, by incident.By) incident.Event {
	if e.Actor != incident.Sitrep {
		e.Claimed, e.Via = true, imports+string(by.Actor) // users of elsewhere are not those of here
	}
	return e
}

func cutTo(s string) string { return string([]rune(s)[:min(len([]rune(s)), 40)]) }

// Bundle is a bundle without what is not to leave. The series are left out: what is
// in them is drawn, not read, but their labels name hosts.
func (r *Redactor) Bundle(b Bundle) (Bundle, error) {
	b.Evidence = nil
	text, err := json.Marshal(b)
	if err != nil {
		return b, err
	}
	var any any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&any); err != nil {
		return b, err
	}
	if text, err = json.Marshal(r.value(any)); err != nil {
		return b, err
	}
	var out Bundle
	if err := json.Unmarshal(text, &out); err != nil {
		return b, err
	}
	return out, out.check()
}

// value takes what is not to leave out of every text of a JSON value. The names of
// keys are of the format, or of labels.
func (r *Redactor) value(v any) any {
	switch v := v.(type) {
	case string:
		text, _ := r.Text(v, 1)
		return text
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) { // in one order, so that what is numbered has its number
			of := v[key]
			s, isText := of.(string)
			if isText && secretKey.MatchString(key) && s != "" && !r.allowed(s) {
				v[key] = gone
				continue
			}
			v[key] = r.value(of)
		}
	}
	return v
}
