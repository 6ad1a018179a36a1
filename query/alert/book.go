package alert

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Rules are how alerts are put together. The zero value groups and holds nothing.
type Rules struct {
	// What fires within Window after the last alert of an incident and shares the
	// value of one of the By labels, or its name, belongs to that incident.
	Window time.Duration
	By     []string

	// An alert that fired Times times Within flaps: another firing opens nothing
	// until it has lasted Hold. Times 0 is never.
	Times        int
	Within, Hold time.Duration
}

// Book is what is known of alerts: which fire, how often each has fired, and what
// belongs to which incident. It is filled with what is on the timeline, in order,
// and decides nothing that is not in it. It is for one goroutine at a time.
type Book struct {
	firing map[id]*Alert
	newest map[string]id          // by fingerprint: of those that fire
	fired  map[string][]time.Time // by fingerprint: the beginnings of its firings
	cases  map[string]*caseOf     // by incident
	groups map[string]string      // incident by group key
	told   map[string]int         // how many fire, by whose word
	cover  map[string]askers      // by the alert's name
}

// caseOf is what makes an alert belong to an incident.
type caseOf struct {
	last   time.Time
	shared map[string]bool // service=checkout
}

// NewBook is an empty one.
func NewBook() *Book {
	return &Book{
		firing: map[id]*Alert{}, newest: map[string]id{}, fired: map[string][]time.Time{}, cases: map[string]*caseOf{}, groups: map[string]string{}, told: map[string]int{}, cover: map[string]askers{},
	}
}

// longestMemory bounds the beginnings that are kept of one alert.
const longestMemory = 64

// Fired notes that an alert began to fire, heard at.
func (b *Book) Fired(a Alert, at time.Time, by []string) {
	if _, known := b.firing[a.id()]; !known {
		b.told[source(a)]++
		b.stale(a)
		times := append(b.fired[a.Fingerprint], at)
		b.fired[a.Fingerprint] = times[max(0, len(times)-longestMemory):]
	}
	b.firing[a.id()], b.newest[a.Fingerprint] = &a, a.id()
	if a.Incident != "" {
		b.Belongs(a, a.Incident, at, by)
	}
}

// Ended notes that it ended.
func (b *Book) Ended(a Alert) {
	f := b.firing[a.id()]
	if f == nil {
		return
	}
	delete(b.firing, a.id())
	if b.newest[a.Fingerprint] == a.id() {
		delete(b.newest, a.Fingerprint)
	}
	b.told[source(*f)]--
	b.stale(*f)
}

// Belongs notes that an alert is part of an incident since then.
func (b *Book) Belongs(a Alert, incident string, at time.Time, by []string) {
	c := b.cases[incident]
	if c == nil {
		c = &caseOf{shared: map[string]bool{}}
		b.cases[incident] = c
	}
	if at.After(c.last) {
		c.last = at
	}
	for _, k := range shares(a, by) {
		c.shared[k] = true
	}
	if a.Group != "" {
		b.groups[a.Group] = incident
	}
	if f := b.firing[a.id()]; f != nil {
		f.Incident = incident
	}
}

// Moved notes that an incident goes on as another one.
func (b *Book) Moved(from, into string) {
	c := b.cases[from]
	if c == nil {
		return
	}
	to := b.cases[into]
	if to == nil {
		to = &caseOf{shared: map[string]bool{}}
		b.cases[into] = to
	}
	maps.Copy(to.shared, c.shared)
	if c.last.After(to.last) {
		to.last = c.last
	}
	delete(b.cases, from)
	for g, id := range b.groups {
		if id == from {
			b.groups[g] = into
		}
	}
	for _, a := range b.firing {
		if a.Incident == from {
			a.Incident = into
		}
	}
}

// Forget drops an incident that is over: nothing joins it any more.
func (b *Book) Forget(incident string) {
	delete(b.cases, incident)
	maps.DeleteFunc(b.groups, func(_, id string) bool { return id == incident })
}

// Find is the firing that a report is about, as it is in the book. A source that
// does not say when an alert began means the one that fires.
func (b *Book) Find(a Alert) (Alert, bool) {
	if f := b.firing[a.id()]; f != nil {
		return *f, true
	}
	if a.ActiveAt.IsZero() {
		for k, f := range b.firing {
			if k.fingerprint == a.Fingerprint {
				return *f, true
			}
		}
	}
	return Alert{}, false
}

// Annotate says of an alert that a source lists what the book knows of its firing,
// whoever told of that: Prometheus and Alertmanager do not agree on when it began.
func (b *Book) Annotate(a *Alert) {
	if a.State != Firing {
		return
	}
	f := b.firing[a.id()]
	for _, fingerprint := range []string{a.managed, a.Fingerprint} {
		if k, fires := b.newest[fingerprint]; f == nil && fires {
			f = b.firing[k]
		}
	}
	if f != nil {
		a.Incident, a.Flapping, a.Recorded = f.Incident, f.Flapping, f.Cause()
	}
}

// askers are the covers of one name by who asks.
type askers map[string]*cover

// cover is what other sources say of one name: for each set of label names that
// was asked for, or that they use, the values that fire.
type cover struct {
	theirs map[string]coverSet // by the label names of their alerts
	ours   map[string]coverSet // by those of alerts that were asked about
}

type coverSet struct {
	names  []string
	values map[string]bool
}

// Covered says that the same alert fires already by the word of another source:
// Prometheus adds its external labels only on the way to Alertmanager, and the two
// count the beginning before and after the rule's for. So the labels of one may be
// more than those of the other.
func (b *Book) Covered(a Alert) bool {
	if len(b.firing) == b.told[source(a)] {
		return false
	}
	names := a.Labels.Names()
	c := b.coverOf(a)
	key := strings.Join(names, "\xff")
	mine, known := c.ours[key]
	if !known {
		mine = coverSet{names, map[string]bool{}}
		for _, f := range b.firing {
			if f.Name == a.Name && source(*f) != source(a) {
				mine.values[only(f.Labels, names)] = true
			}
		}
		c.ours[key] = mine
	}
	if mine.values[only(a.Labels, names)] {
		return true
	}
	for _, set := range c.theirs {
		if len(set.names) <= len(names) && set.values[only(a.Labels, set.names)] {
			return true
		}
	}
	return false
}

func (b *Book) coverOf(a Alert) *cover {
	if c := b.cover[a.Name][source(a)]; c != nil {
		return c
	}
	c := &cover{theirs: map[string]coverSet{}, ours: map[string]coverSet{}}
	for _, f := range b.firing {
		if f.Name != a.Name || source(*f) == source(a) {
			continue
		}
		names := f.Labels.Names()
		key := strings.Join(names, "\xff")
		if c.theirs[key].values == nil {
			c.theirs[key] = coverSet{names, map[string]bool{}}
		}
		c.theirs[key].values[only(f.Labels, names)] = true
	}
	if b.cover[a.Name] == nil {
		b.cover[a.Name] = askers{}
	}
	b.cover[a.Name][source(a)] = c
	return c
}

// stale forgets what others were told of alerts of that name.
func (b *Book) stale(a Alert) {
	maps.DeleteFunc(b.cover[a.Name], func(asks string, _ *cover) bool { return asks != source(a) })
}

func source(a Alert) string {
	if a.From == "" {
		return FromPrometheus
	}
	return a.From
}

// only is the values of these labels, as a key.
func only(l query.Labels, names []string) string {
	var s strings.Builder
	for _, n := range names {
		s.WriteString(l[n])
		s.WriteByte(0xff)
	}
	return s.String()
}

// Flaps says whether a firing that begins at now is one too many.
func (b *Book) Flaps(fingerprint string, r Rules, now time.Time) bool {
	if r.Times <= 0 {
		return false
	}
	n := 0
	for _, t := range b.fired[fingerprint] {
		if now.Sub(t) < r.Within {
			n++
		}
	}
	return n >= r.Times
}

// Lasting are the flapping alerts that fire for so long now that they do not flap
// any more, and that belong to no incident yet.
func (b *Book) Lasting(r Rules, now time.Time) []Alert {
	var out []Alert
	for k, a := range b.firing {
		times := b.fired[k.fingerprint]
		if a.Flapping && a.Incident == "" && (len(times) == 0 || now.Sub(times[len(times)-1]) >= r.Hold) {
			out = append(out, *a)
		}
	}
	sortAlerts(out)
	return out
}

// Steady notes that a flapping alert counts again.
func (b *Book) Steady(a Alert) {
	if f := b.firing[a.id()]; f != nil {
		f.Flapping = false
	}
}

// Prune drops the beginnings that lie before then; what fires keeps its last one.
func (b *Book) Prune(before time.Time) {
	for fingerprint, times := range b.fired {
		if len(times) > 0 && times[len(times)-1].Before(before) {
			delete(b.fired, fingerprint)
		}
	}
}

// OfGroup is the incident that the alerts of this group belong to; empty if none.
func (b *Book) OfGroup(group string) string { return b.groups[group] }

// Storm is the incidents that an alert which begins at now may be part of, the
// liveliest first. Which of them is still open the caller has to know.
func (b *Book) Storm(a Alert, r Rules, now time.Time) []string {
	mine := shares(a, r.By)
	var out []string
	for name, c := range b.cases {
		if now.Sub(c.last) < r.Window && slices.ContainsFunc(mine, func(k string) bool { return c.shared[k] }) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(x, y string) int {
		if d := b.cases[y].last.Compare(b.cases[x].last); d != 0 {
			return d
		}
		return strings.Compare(x, y)
	})
	return out
}

// shares is what an alert can have in common with others. Where no label says the
// service, the job does.
func shares(a Alert, by []string) []string {
	var out []string
	if a.Name != "" {
		out = append(out, "alertname="+a.Name)
	}
	for _, name := range by {
		v := a.Labels[name]
		if v == "" && name == "service" {
			v = a.Labels["job"]
		}
		if v != "" {
			out = append(out, name+"="+v)
		}
	}
	return out
}

// Firing is all that fires, by the word of that source, oldest first.
func (b *Book) Firing(from string) []Alert {
	var out []Alert
	for _, a := range b.firing {
		if source(*a) == from {
			out = append(out, *a)
		}
	}
	sortAlerts(out)
	return out
}
