package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// night is a store, sinks that misbehave, and people: the ladder is run by
// children.
type night struct {
	t     *testing.T
	path  string
	db    *store.DB
	desk  *incident.Desk
	sinks *badSinks
}

func newNight(t *testing.T) *night {
	n := &night{t: t, path: filepath.Join(t.TempDir(), "s.db"), sinks: newBadSinks(t, hasty().Attempt, hasty().Settle)}
	var err error
	n.db, err = store.Open(t.Context(), n.path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.db.Close()) })
	n.desk = incident.NewDesk(n.db)
	return n
}

func (n *night) life() life {
	return life{DB: n.path, PagerDuty: n.sinks.url("pagerduty"), Slack: n.sinks.url("slack")}
}

func (n *night) by() incident.By { return incident.By{Actor: "ana", Source: "test", At: time.Now()} }

// nightPolicy calls again within seconds, through the i-th keys and channel.
func nightPolicy(t *testing.T, i int, l1, l2 string) escalation.Policy {
	p, err := escalation.LoadPolicy("night.yaml", fmt.Appendf(nil, `ladders:
  default:
    - {level: L1, respond_within: %[1]s, escalate_after: %[2]s, until: acknowledged, notify: ["pagerduty:first%[3]d", "slack:#night%[4]d"]}
    - {level: L2, respond_within: 30s, until: resolved, notify: ["pagerduty:second%[3]d"]}
severities: {SEV-3: {scale: 1}}
`, l1, l2, i%nightKeys, i%nightChannels))
	require.NoError(t, err)
	return p
}

func (n *night) declare(i int, sev incident.Severity, p escalation.Policy) (inc incident.Incident) {
	n.insist(func() (err error) {
		inc, err = n.desk.Declare(context.Background(), n.by(), "", incident.Declaration{Title: fmt.Sprint("night ", i), Severity: sev, Policy: p.Frozen("")})
		return err
	})
	return inc
}

// insist does as people do whom the store tells to try again: processes that are
// stopped inside a transaction, one after the other, hold it for longer than ten
// seconds where the machine is busy.
func (n *night) insist(do func() error) {
	for began := time.Now(); ; {
		err := do()
		if held := (*sqlite.Error)(nil); errors.As(err, &held) && held.Code()&0xff == sqlite3.SQLITE_BUSY && time.Since(began) < time.Minute {
			continue
		}
		require.NoError(n.t, err)
		return
	}
}

func (n *night) messages(id incident.ID) []escalation.Message {
	all, err := n.db.Messages(context.Background(), id)
	require.NoError(n.t, err)
	return all
}

// settled says whether nothing is left to be sent.
func (n *night) settled() bool {
	if slices.ContainsFunc(n.messages(""), escalation.Message.Open) {
		return false
	}
	lease, err := n.db.Lease(context.Background())
	require.NoError(n.t, err)
	due, _, err := n.db.Due(context.Background(), lease, time.Now())
	require.NoError(n.t, err)
	return len(due) == 0
}

// verdict is what a night must not leave behind. Each is a list of what did.
type verdict struct {
	lost, twice, afterResolve, ghosts, slackLost, slackTwice, stale, overtaken, tooFast, impatient, invalid []string
}

func (v verdict) columns() [][]string {
	return [][]string{v.lost, v.twice, v.afterResolve, v.ghosts, v.slackLost, v.slackTwice, v.stale, v.overtaken, v.tooFast, v.impatient, v.invalid}
}

// clean holds that there is nothing.
func (v verdict) clean(t *testing.T) {
	t.Helper()
	for i, what := range []string{
		"pages lost", "paged twice", "sent after the resolution", "open, and the incident is over", "lost in Slack", "to be seen twice in Slack", "headlines that are old",
		"overtaken in their streams", "above the rate limit", "before Retry-After", "invalid by the contract",
	} {
		require.Empty(t, v.columns()[i], what)
	}
}

// judge holds the sinks' ledgers against the store's.
func (n *night) judge() (v verdict) {
	seen := n.sinks.arrivals()
	alerts := map[string][]pdAlert{}
	for _, a := range n.sinks.pd.list() {
		alerts["pagerduty:"+a.Key+" "+a.DedupKey] = append(alerts["pagerduty:"+a.Key+" "+a.DedupKey], a)
	}
	shown := n.visible()
	incidents, err := n.db.Incidents(context.Background(), false, 0)
	require.NoError(n.t, err)
	for _, inc := range incidents {
		messages := n.messages(inc.ID)
		n.judgePages(&v, inc, messages, alerts)
		n.judgeCalls(&v, inc, messages)
		n.judgePosts(&v, inc, messages, shown)
	}
	v.overtaken = append(v.overtaken, overtakenKeys(seen)...)
	v.tooFast = tooFast(seen)
	v.impatient = impatient(seen, notesOf(n.t, n.path))
	for _, a := range seen {
		if a.Fault == "too often" {
			v.tooFast = append(v.tooFast, fmt.Sprintf("%s %s: the stand-in refused it", a.Sink, a.Operation))
		} else if a.Fault != "" {
			v.invalid = append(v.invalid, fmt.Sprintf("%s %s: %s", a.Sink, a.Operation, a.Fault))
		}
	}
	return v
}

func (n *night) judgePages(v *verdict, inc incident.Incident, messages []escalation.Message, alerts map[string][]pdAlert) {
	for _, m := range messages {
		if m.Operation != escalation.OpTrigger {
			if m.Open() {
				v.lost = append(v.lost, fmt.Sprintf("%s: %s to %s is %s: %s", inc.ID, m.Operation, m.Sink, m.State, m.Error))
			}
			continue
		}
		at := alerts[m.Sink+" "+m.DedupKey]
		switch {
		case m.State != escalation.Accepted && m.State != escalation.Superseded:
			v.lost = append(v.lost, fmt.Sprintf("%s: %s is %s: %s", inc.ID, m.DedupKey, m.State, m.Error))
		case m.State == escalation.Accepted && len(at) == 0 && m.Kind() != "command": // those are counted by the program
			v.lost = append(v.lost, fmt.Sprintf("%s: %s counts as accepted, and nobody has it", inc.ID, m.DedupKey))
		}
		if len(at) > 1 {
			v.twice = append(v.twice, fmt.Sprintf("%s: %s %+v", inc.ID, m.DedupKey, at))
		}
		if inc.Status.Over() && slices.ContainsFunc(at, func(a pdAlert) bool { return a.Status != "resolved" }) {
			v.ghosts = append(v.ghosts, fmt.Sprintf("%s: %s", inc.ID, m.DedupKey))
		}
	}
}

// judgeCalls follows the timeline: every call of a rung has its pages, and no page
// is tried after the end.
func (n *night) judgeCalls(v *verdict, inc incident.Incident, messages []escalation.Message) {
	events, err := n.db.Timeline(context.Background(), inc.ID)
	require.NoError(n.t, err)
	var then incident.Incident
	for _, e := range events {
		then = then.Apply(e)
		var call incident.Escalation
		var page escalation.PageData
		switch {
		case (e.Kind == incident.EscalationEntered || e.Kind == incident.EscalationRenotified) && e.Payload(&call) == nil && !strings.Contains(e.Text, "nobody paged"):
			for _, sink := range call.Notify {
				if strings.HasPrefix(sink, "pagerduty:") && !slices.ContainsFunc(messages, func(m escalation.Message) bool {
					return m.Operation == escalation.OpTrigger && m.Sink == sink && m.Level == call.Level && m.Round == call.Round
				}) {
					v.lost = append(v.lost, fmt.Sprintf("%s: %s: %s was not paged", inc.ID, e.Text, sink))
				}
			}
		case e.Kind == incident.PageAttempted && e.Payload(&page) == nil && page.Operation == escalation.OpTrigger && then.Status.Over():
			v.afterResolve = append(v.afterResolve, fmt.Sprintf("%s: %s", inc.ID, e.Text))
		}
	}
	if len(inc.Rung.Level) == 0 && !inc.Status.Over() {
		v.lost = append(v.lost, fmt.Sprintf("%s: nobody was called", inc.ID))
	}
}

// judgePosts looks at what people see in Slack.
func (n *night) judgePosts(v *verdict, inc incident.Incident, messages []escalation.Message, shown map[string][]*slackMessage) {
	last := map[string]int64{} // by stream
	for _, m := range messages {
		if m.Kind() != "slack" {
			continue
		}
		copies := shown[m.ID]
		if len(copies) > 1 {
			v.slackTwice = append(v.slackTwice, fmt.Sprintf("%s: %s", inc.ID, copies[0].Text))
		}
		if m.Operation != escalation.OpPost || m.State != escalation.Accepted {
			continue
		}
		if len(copies) == 0 {
			v.slackLost = append(v.slackLost, fmt.Sprintf("%s: %s", inc.ID, m.Content().Text))
			continue
		}
		if copies[0].micros < last[m.Stream] {
			v.overtaken = append(v.overtaken, fmt.Sprintf("%s: %s", inc.ID, copies[0].Text))
		}
		last[m.Stream] = copies[0].micros
		if m.Content().Headline && !strings.Contains(copies[0].Text, string(inc.Status)) {
			v.stale = append(v.stale, fmt.Sprintf("%s is %s, and Slack shows: %s", inc.ID, inc.Status, copies[0].Text))
		}
	}
}

// visible are the messages in Slack by the ID in their metadata.
func (n *night) visible() map[string][]*slackMessage {
	s := n.sinks.slack
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]*slackMessage{}
	for _, c := range s.channels {
		for _, m := range c.messages {
			meta, _ := m.Metadata.(map[string]any)
			payload, _ := meta["event_payload"].(map[string]any)
			if id, _ := payload["id"].(string); id != "" {
				all[id] = append(all[id], m)
			}
		}
	}
	return all
}

// overtakenKeys are keys of which PagerDuty took the end before the beginning.
func overtakenKeys(seen []arrival) (faults []string) {
	first := map[string]time.Time{} // by operation and key
	for _, a := range seen {
		if name := a.Operation + " " + a.Sink + " " + a.ID; a.Service == "pagerduty" && !a.Counted.IsZero() && a.Fault == "" && (first[name].IsZero() || a.Counted.Before(first[name])) {
			first[name] = a.Counted
		}
	}
	order := []string{"trigger ", "acknowledge ", "resolve "}
	for name, at := range first {
		op, key, _ := strings.Cut(name, " ")
		for _, earlier := range order[:slices.Index(order, op+" ")] {
			if first[earlier+key].After(at) { // one that never arrived is overtaken by nobody
				faults = append(faults, fmt.Sprintf("%s of %s before its %s", op, key, earlier))
			}
		}
	}
	return faults
}

// The pace that a sink allows. Of any window of a minute a key takes 120 events;
// of any window a channel takes a message a second, and a few at once. Between
// leave and sending they may come a little closer together.
const (
	mostAMinute = pdPerMinute
	mostAtOnce  = 3
	closer      = 500 * time.Millisecond
)

// tooFast are the windows in which a sink was asked too often.
func tooFast(seen []arrival) (faults []string) {
	by := map[string][]time.Time{}
	for _, a := range seen {
		if a.Service == "pagerduty" || a.Operation == "chat.postMessage" || a.Operation == "chat.update" {
			by[a.Sink] = append(by[a.Sink], a.Sent)
		}
	}
	for sink, times := range by {
		slices.SortFunc(times, time.Time.Compare)
		for i := range times {
			for j := i; j < len(times); j++ {
				n, window := j-i+1, times[j].Sub(times[i])
				if strings.HasPrefix(sink, "slack:") && float64(n) > mostAtOnce+(window+closer).Seconds() || strings.HasPrefix(sink, "pagerduty:") && n > mostAMinute && window < time.Minute {
					faults = append(faults, fmt.Sprintf("%s: %d requests within %s", sink, n, window))
				}
			}
		}
	}
	return faults
}

// impatient are the attempts that began at a sink which the store said was to be
// left alone. Whoever died before it could write that down told nobody.
func impatient(seen []arrival, notes []string) (faults []string) {
	known := map[string][]time.Time{}
	for _, line := range notes {
		words := strings.Fields(line)
		if len(words) != 4 || words[0] != "quiet" {
			continue
		}
		at, _ := strconv.ParseInt(words[2], 10, 64)
		known[words[1]] = append(known[words[1]], time.UnixMicro(at))
	}
	for _, told := range seen {
		if told.Quiet.IsZero() {
			continue
		}
		since := time.Time{}
		for _, at := range known[told.Sink] {
			if at.After(told.Answered) && (since.IsZero() || at.Before(since)) {
				since = at
			}
		}
		for _, a := range seen {
			if !since.IsZero() && a.Sink == told.Sink && a.Claimed.After(since) && a.At.Before(told.Quiet) {
				faults = append(faults, fmt.Sprintf("%s %s: %s before the time", a.Sink, a.Operation, told.Quiet.Sub(a.At)))
			}
		}
	}
	return faults
}
