package escalation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The model is the ladder as DESIGN tells it to people, by somebody who looks at
// the clock every minute: it knows no next look, no events and no fold. All that
// it has in common with the ladder is the words in which calls are compared.

// plan is a policy in whole minutes.
type plan struct {
	ladders map[string][]planRung
	wants   map[string][5]want // by service; "" is every other. By the number of the severity
	quiet   []planQuiet
	zone    *time.Location
	sandbox map[string]string // what a drill calls in the place of others
	wakes   int               // how many levels a drill calls all the same
}

type planRung struct {
	again, climb, repeat int
	stopsOnAck           bool
	sinks                []string
}

type want struct {
	page   escalation.Page
	ladder string
	reach  int // index
	scale  float64
}

type planQuiet struct {
	sevs     []int
	from, to int // hours on the wall; to may be 24
	days     []string
}

func anyPlan(t *rapid.T) plan {
	minutes := func(label string, of ...int) int { return rapid.SampledFrom(of).Draw(t, label) }
	p := plan{
		ladders: map[string][]planRung{}, wants: map[string][5]want{}, sandbox: map[string]string{}, wakes: minutes("a drill wakes", 0, 1, 1, 2),
		zone: rapid.SampledFrom([]*time.Location{time.UTC, zone("Europe/Berlin"), zone("America/St_Johns")}).Draw(t, "zone"),
	}
	for _, name := range []string{"default", "other"} {
		n := rapid.IntRange(1, 4).Draw(t, "levels of "+name)
		for i := range n {
			r := planRung{
				again: minutes("again", 0, 2, 6, 30), climb: minutes("climb", 2, 10, 30, 120), stopsOnAck: rapid.Bool().Draw(t, "an acknowledgement stops it"),
				sinks: [][]string{{"pagerduty:" + name, "slack:#a"}, {"pagerduty:lead"}, {}}[minutes("sinks", 0, 0, 0, 1, 1, 2)],
			}
			if i == n-1 {
				r.climb, r.repeat = minutes("last climb", 0, 10), minutes("repeat", 0, 10, 60)
			}
			p.ladders[name] = append(p.ladders[name], r)
		}
	}
	for _, service := range []string{"", "payments"} {
		var sevs [5]want
		for sev := 1; sev <= 4; sev++ {
			w := want{
				page:   rapid.SampledFrom([]escalation.Page{escalation.PageCritical, escalation.PageError, escalation.PageWarning, escalation.PageNone}).Draw(t, "page"),
				ladder: rapid.SampledFrom([]string{"default", "other"}).Draw(t, "ladder"), scale: rapid.SampledFrom([]float64{1, 1, 4, 0.5, 1.5}).Draw(t, "scale"),
			}
			w.reach = rapid.IntRange(0, len(p.ladders[w.ladder])-1).Draw(t, "reach")
			sevs[sev] = w
		}
		p.wants[service] = sevs
	}
	for range rapid.IntRange(0, 2).Draw(t, "quiet hours") {
		p.quiet = append(p.quiet, rapid.SampledFrom([]planQuiet{
			{[]int{3, 4}, 22, 7, nil}, {[]int{4}, 18, 9, nil}, {[]int{2, 3}, 12, 13, nil}, {[]int{3}, 0, 24, []string{"sat", "sun"}}, {[]int{3, 4}, 20, 6, []string{"fri", "tue"}},
		}).Draw(t, "quiet"))
	}
	for _, sink := range []string{"pagerduty:lead", "pagerduty:other", "slack:#a"} {
		if rapid.Bool().Draw(t, "a drill replaces "+sink) {
			p.sandbox[sink] = "slack:#game-day"
		}
	}
	return p
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// policy is the plan as a file would say it: of a service only what is otherwise.
func (p plan) policy(t *rapid.T) escalation.Policy {
	level := func(i int) incident.Level { return incident.Level(fmt.Sprintf("L%d", i+1)) }
	span := func(minutes int) strictyaml.Duration {
		return strictyaml.Duration(time.Duration(minutes) * time.Minute)
	}
	out := escalation.Policy{Severities: map[incident.Severity]escalation.Response{}, Ladders: map[string][]escalation.LevelRule{}}
	for name, rungs := range p.ladders {
		for i, r := range rungs {
			until := escalation.UntilResolved
			if r.stopsOnAck {
				until = escalation.UntilAcknowledged
			}
			out.Ladders[name] = append(out.Ladders[name], escalation.LevelRule{
				Level: level(i), RespondWithin: span(r.again), EscalateAfter: span(r.climb), RepeatEvery: span(r.repeat), Until: until, Notify: r.sinks,
			})
		}
	}
	own := map[incident.Severity]escalation.Override{}
	for i, sev := range incident.Severities() {
		w, other := p.wants[""][i+1], p.wants["payments"][i+1]
		out.Severities[sev] = escalation.Response{
			RespondWithin: span(5), ResolveWithin: span(60), UpdateEvery: span(20), Page: w.page, Ladder: w.ladder, Reaches: level(w.reach), Scale: w.scale,
		}
		o := escalation.Override{Reaches: level(other.reach)}
		if other.page != w.page {
			o.Page = other.page
		}
		if other.ladder != w.ladder {
			o.Ladder = other.ladder
		}
		if other.scale != w.scale {
			o.Scale = &other.scale
		}
		own[sev] = o
	}
	out.Services = []escalation.ServiceRule{{Match: []string{"pay*"}, Severities: own}}
	for _, q := range p.quiet {
		hours := escalation.QuietHours{From: fmt.Sprintf("%02d:00", q.from), To: fmt.Sprintf("%02d:00", q.to), Timezone: p.zone.String(), Days: q.days}
		for _, sev := range q.sevs {
			hours.Severities = append(hours.Severities, incident.Severities()[sev-1])
		}
		out.QuietHours = append(out.QuietHours, hours)
	}
	out.GameDay = &escalation.GameDay{Notify: p.sandbox, WakesUpTo: escalation.WakesNobody}
	if p.wakes > 0 {
		out.GameDay.WakesUpTo = level(p.wakes - 1)
	}
	_, err := escalation.Thaw(out.Frozen("payments"))
	require.NoError(t, err)
	return out
}

// quietAt says whether a wall clock shows quiet hours of a severity.
func (p plan) quietAt(sev int, at time.Time) bool {
	wall := at.In(p.zone)
	for _, q := range p.quiet {
		hour, begun := wall.Hour(), wall
		inside := q.from <= hour && hour < q.to
		if q.to <= q.from {
			inside = hour >= q.from || hour < q.to
			if hour < q.to {
				begun = wall.AddDate(0, 0, -1)
			}
		}
		day := strings.ToLower(begun.Format("Mon"))
		if inside && slices.Contains(q.sevs, sev) && (q.days == nil || slices.Contains(q.days, day)) {
			return true
		}
	}
	return false
}

// model is an incident and who was called.
type model struct {
	plan
	start   time.Time
	service string
	drill   bool

	now     int // minutes since the declaration
	sev     int
	told    int // the severity under which the present level was called; 0 = none
	acked   bool
	over    bool
	level   int // index, -1 before the first call
	entered int
	last    int // call
	rounds  [4]int
	until   int    // snoozed
	wish    string // a level by hand
	owed    bool   // it was given back, or opened again
	calls   []string
}

func (m *model) wants() want {
	if m.service == "payments" {
		return m.plan.wants["payments"][m.sev]
	}
	return m.plan.wants[""][m.sev]
}

func (m *model) rungs() []planRung { return m.ladders[m.wants().ladder] }
func (m *model) quiet(at int) bool { return m.quietAt(m.sev, m.moment(at)) }
func (m *model) scaled(n int) int  { return int(float64(n) * m.wants().scale) }
func (m *model) stands() int       { return min(m.level, len(m.rungs())-1) }
func (m *model) moment(at int) time.Time {
	return m.start.Add(time.Duration(at) * time.Minute)
}

// sinks is who is told on a level: of a drill only what it replaces, above the
// levels that it wakes.
func (m *model) sinks(level int) []string {
	if !m.drill {
		return m.rungs()[level].sinks
	}
	var out []string
	for _, s := range m.rungs()[level].sinks {
		to, replaced := m.sandbox[s]
		if !replaced {
			to = s
		}
		if (replaced || level < m.wakes) && !slices.Contains(out, to) {
			out = append(out, to)
		}
	}
	return out
}

// call calls a level: the first one as loud as the severity says, those above it
// always critical.
func (m *model) call(level int, restart bool, reason string, due int) {
	page := m.wants().page
	switch begins := reason == "declared" || reason == "reopened"; {
	case len(m.sinks(level)) == 0 || begins && m.acked:
		page = escalation.PageNone
	case level > 0 || reason == "by_hand" && page == escalation.PageNone:
		page = escalation.PageCritical
	}
	m.rounds[level]++
	if restart {
		m.entered, m.wish = m.now, ""
	}
	m.level, m.last, m.told, m.owed = level, m.now, m.sev, false
	m.calls = append(m.calls, callLine(m.now, level, m.rounds[level], reason, page, m.sinks(level), m.now-due))
}

func callLine(at, level, round int, reason string, page escalation.Page, sinks []string, late int) string {
	return fmt.Sprintf("%dm L%d r%d %s %s %s late %dm", at, level+1, round, reason, page, strings.Join(sinks, "+"), late)
}

// due is the first minute from at on that is neither snoozed nor quiet.
func (m *model) due(at int) int {
	for at = max(at, m.until); m.quiet(at); at++ {
	}
	return at
}

// look is one look at the clock. It says whether somebody was called.
func (m *model) look() bool {
	if m.over {
		return false
	}
	quiet := m.quiet(m.now)
	if m.level < 0 && !quiet {
		wished := m.wished()
		m.begin()
		if wished > 0 {
			m.call(wished, true, "by_hand", m.now)
		}
		return true
	}
	at, w := m.stands(), m.wants()
	switch to := m.wished(); {
	case to >= 0:
		m.call(to, true, "by_hand", m.now)
		return true
	case quiet:
		return false
	case m.owed:
		m.call(at, m.rungs()[at].stopsOnAck, "unacknowledged", m.now)
		return true
	case m.sev < m.told:
		m.call(at, m.climbs(at) && m.now >= m.entered+m.scaled(m.rungs()[at].climb), "severity", m.now)
		return true
	}
	r := m.rungs()[at]
	if due := m.due(m.entered + m.scaled(r.climb)); m.climbs(at) && due <= m.now {
		m.call(at+1, true, "climbed", due)
		return true
	}
	if r.repeat > 0 && at <= w.reach && !(r.stopsOnAck && m.acked) {
		next := m.entered + m.scaled(r.repeat)
		for next <= m.last {
			next += m.scaled(r.repeat)
		}
		if due := m.due(next); due <= m.now {
			m.call(at, false, "repeat", due)
			return true
		}
	}
	silent := len(m.sinks(at)) == 0 || at == 0 && w.page == escalation.PageNone
	if due := m.due(m.last + m.scaled(r.again)); r.again > 0 && !m.acked && !silent && due <= m.now {
		m.call(at, false, "unanswered", due)
		return true
	}
	return false
}

// begin is the first call, or the first after it was opened again.
func (m *model) begin() {
	reason, due := "declared", 0
	for ; m.quiet(due); due++ {
	}
	if m.rounds != [4]int{} {
		reason = "reopened"
	}
	waited := false // in the quiet hours of a severity that it had
	for sev := 1; sev <= 4; sev++ {
		waited = waited || m.quietAt(sev, m.start)
	}
	if reason == "reopened" || m.owed || m.acked || waited && !m.quiet(0) {
		due = m.now
	}
	m.call(0, true, reason, due)
}

// climbs says whether the ladder goes on from a level by itself.
func (m *model) climbs(at int) bool {
	r := m.rungs()[at]
	return at < m.wants().reach && r.climb > 0 && !(r.stopsOnAck && m.acked)
}

// wished is the level that a person asked for and that can be had, or -1.
func (m *model) wished() int {
	top := len(m.rungs()) - 1
	switch m.wish {
	case "":
		return -1
	case "next":
		return min(m.stands()+1, top)
	}
	to := int(m.wish[1] - '1')
	if to > top || to < m.stands() {
		return -1
	}
	return to
}

// real is the same incident under the real ladder.
type real struct {
	policy escalation.Policy
	inc    incident.Incident
	start  time.Time
	now    time.Time
	calls  []string
}

// run lets the ladder look whenever it wants to, up to end.
func (r *real) run(t *rapid.T, end time.Time) {
	rules := r.policy.For(r.inc)
	for looks := 0; ; looks++ {
		require.Less(t, looks, 10_000, "it looks and looks")
		due, next := escalation.Next(r.inc, rules, r.now)
		for _, s := range due {
			level := int(s.Level[1] - '1')
			r.calls = append(r.calls, callLine(int(r.now.Sub(r.start).Minutes()), level, s.Round, s.Reason, s.Page, s.Notify, int(s.Late.Minutes())))
			r.inc = r.inc.Apply(s.Event(r.inc, r.now))
		}
		if len(due) > 0 {
			require.Equal(t, r.now, next)
			continue
		}
		if next.IsZero() || next.After(end) {
			r.now = end
			return
		}
		require.True(t, next.After(r.now))
		r.now = next
	}
}

// act is what a person does, to both. A command that the incident refuses
// changes neither.
type act struct {
	name string
	do   func(incident.Incident, incident.By) ([]incident.Event, error)
	then func(*model)
}

func (d act) String() string { return d.name }

func anyAct(t *rapid.T) act {
	sev := rapid.IntRange(1, 4).Draw(t, "severity")
	level := rapid.SampledFrom([]incident.Level{incident.NextLevel, "L1", "L2", "L3", "L4", "L9"}).Draw(t, "level")
	length := rapid.SampledFrom([]int{1, 15, 240}).Draw(t, "length")
	return rapid.SampledFrom([]act{
		{"acknowledge", incident.Incident.Acknowledge, func(m *model) { m.acked, m.owed = true, false }},
		{"give back", incident.Incident.Unacknowledge, func(m *model) { m.acked, m.owed = false, true }},
		{fmt.Sprintf("SEV-%d", sev), severity(incident.Severities()[sev-1]), func(m *model) {
			m.sev = sev
			if m.told > 0 {
				m.told = max(m.told, sev) // whoever was told the worse one hears when it comes back
			}
		}},
		{"escalate to " + string(level), escalate(level), func(m *model) { m.wish = string(level) }},
		{fmt.Sprintf("snooze %dm", length), snooze(time.Duration(length) * time.Minute), func(m *model) { m.until = m.now + length }},
		{"resolve", resolve, func(m *model) { m.over, m.wish, m.owed = true, "", false }},
		{"reopen", incident.Incident.Reopen, func(m *model) {
			m.over, m.acked, m.owed, m.wish, m.level, m.told, m.until = false, false, true, "", -1, 0, 0
		}},
		{"close", incident.Incident.Close, func(*model) {}},
		{"merge into another", func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
			return inc.Merge(by, incident.Incident{ID: "INC-2", Status: incident.StatusOpen, Drill: inc.Drill})
		}, func(m *model) { m.over = true }},
		{"another is merged into it", func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
			return incident.Incident{ID: "INC-2", Status: incident.StatusOpen, Drill: inc.Drill}.Merge(by, inc)
		}, func(*model) {}},
		{"split", func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
			note := incident.Event{ID: "01K0000000000000000000000B", Incident: inc.ID, Kind: incident.NoteAdded}
			return inc.Split(by, []incident.Event{note}, "INC-3", incident.Declaration{Title: "x", Severity: incident.Sev1})
		}, func(*model) {}},
		{"note", func(inc incident.Incident, by incident.By) ([]incident.Event, error) { return inc.Note(by, "looking") }, func(*model) {}},
	}).Draw(t, "act")
}

// Whatever people do and whenever nobody looks, the ladder calls whom the model
// calls, when it calls them, as loud and through the same sinks, and says the same
// of being late. It runs 20 000 nights by -rapid.checks=20000.
func TestLadderIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan(t)
		start := rapid.SampledFrom([]time.Time{
			three, time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC), time.Date(2026, 11, 27, 21, 30, 0, 0, time.UTC),
		}).Draw(t, "start")
		m := &model{
			plan: p, start: start, level: -1, sev: rapid.IntRange(1, 4).Draw(t, "declared as"),
			service: rapid.SampledFrom([]string{"", "payments", "search"}).Draw(t, "service"), drill: rapid.Bool().Draw(t, "drill"),
		}
		r := &real{policy: p.policy(t), start: start, now: start}
		e, err := incident.Declare(incident.By{Actor: "ana", At: start}, "INC-1", incident.Declaration{
			Title: "checkout 5xx", Severity: incident.Severities()[m.sev-1], Service: m.service, Drill: m.drill, Policy: r.policy.Frozen(m.service),
		})
		require.NoError(t, err)
		r.inc = r.inc.Apply(e)
		if rapid.Bool().Draw(t, "frozen") {
			r.policy, err = escalation.Thaw(r.inc.Policy)
			require.NoError(t, err)
		}
		for range rapid.IntRange(1, 14).Draw(t, "things that happen") {
			for range rapid.IntRange(0, 3).Draw(t, "at once") {
				d := anyAct(t)
				events, err := d.do(r.inc, incident.By{Actor: "ana", At: r.now})
				if err != nil {
					continue
				}
				for _, e := range events {
					if e.Incident == r.inc.ID {
						r.inc = r.inc.Apply(e)
					}
				}
				d.then(m)
			}
			length := rapid.SampledFrom([]int{0, 1, 3, 7, 16, 47, 180, 700, 3000}).Draw(t, "a while")
			if rapid.IntRange(0, 4).Draw(t, "nobody looks") == 0 {
				m.now += length
				r.now = m.moment(m.now)
				continue
			}
			end := m.now + length
			for {
				for m.look() {
				}
				if m.now == end {
					break
				}
				m.now++
			}
			r.run(t, m.moment(end))
			require.Equal(t, m.calls, r.calls)
			require.Equal(t, m.over, r.inc.Status.Over())
		}
	})
}
