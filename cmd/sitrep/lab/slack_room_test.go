package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// direct is a connection to the stand-in without a network, so that time may be
// virtual. Before it hands a request on it asks fate what becomes of it.
type direct struct {
	to   http.Handler
	fate func(method string) string // "", "refused", "lost" (handled, the answer is lost), "503"

	mu    sync.Mutex
	calls []string
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	d.mu.Lock()
	d.calls = append(d.calls, method)
	fate := ""
	if d.fate != nil {
		fate = d.fate(method)
	}
	d.mu.Unlock()
	if fate == "refused" {
		return nil, errors.New("connection refused")
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	w := httptest.NewRecorder()
	if fate == "503" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return w.Result(), nil
	}
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.Host = r.URL.Host
	d.to.ServeHTTP(w, r)
	if fate == "lost" {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

func (d *direct) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.calls...)
}

// mortal is a store whose process may die: from then on it writes nothing.
type mortal struct {
	*storetest.Memory
	mu   sync.Mutex
	dead bool
}

var errKilled = errors.New("killed")

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

func (m *mortal) alive() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errKilled
	}
	return nil
}

func (m *mortal) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	if err := m.alive(); err != nil {
		return err
	}
	return m.Memory.Turn(ctx, l, now, id, decide)
}

func (m *mortal) Take(ctx context.Context, owner string, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := m.alive(); err != nil {
		return escalation.Lease{}, err
	}
	return m.Memory.Take(ctx, owner, now, ttl)
}

func (m *mortal) Renew(ctx context.Context, l escalation.Lease, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := m.alive(); err != nil {
		return l, err
	}
	return m.Memory.Renew(ctx, l, now, ttl)
}

func (m *mortal) Release(ctx context.Context, l escalation.Lease) error {
	if err := m.alive(); err != nil {
		return err
	}
	return m.Memory.Release(ctx, l)
}

// lives is an engine of its own on the store, until it is ended.
func lives(t *testing.T, book *mortal, conn *direct) (end func()) {
	sender := slack.New(slack.Config{
		APIURL: "http://slack.lab/api/", HTTP: &http.Client{Transport: conn}, Buttons: true,
		Token:   func(context.Context) (string, error) { return labSlackToken, nil },
		Mention: func(p incident.Person) string { return map[incident.Person]string{"ana": slackAna, "bob": slackBob}[p] },
		Phone:   func(incident.Person) string { return "+49 1" },
		Picture: func(context.Context, incident.Incident, escalation.PictureOf) ([]byte, string, error) {
			return nil, "", errors.New("not here")
		},
	})
	e := escalation.New(escalation.Config{
		Book: book, Leases: book, Timeline: book, Install: "test0000", Owner: fmt.Sprintf("%p", book),
		Senders: map[string]escalation.Sender{"slack": sender, "pagerduty": sender}, Rand: func() float64 { return 0.5 },
		Chat: escalation.Chat{DeadMan: 2 * time.Minute, Rooms: escalation.Rooms{
			Severities: []incident.Severity{incident.Sev1}, Prefix: "inc", Invite: []string{slackAna},
			Bookmarks: map[string]string{"Dashboard": "https://grafana.example/d/1"},
		}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = e.Run(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

const chatOnly = `ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["slack:#incidents"], who: [ana]}
    - {level: L2, respond_within: 15m, repeat_every: 1h, until: resolved, notify: ["slack:#incidents"], who: [bob]}
`

// evening is an incident from its declaration to its end in a workspace, with one
// request of it going wrong: the n-th from 0 on, or none if n is negative. It answers
// with the requests of the first minute.
func evening(t *testing.T, n int, how string) (calls []string) {
	s := newSlackStandIn(newLedger(), time.Now)
	policy, err := escalation.LoadPolicy("p.yaml", []byte(chatOnly))
	require.NoError(t, err)
	m := storetest.NewMemory()
	book := &mortal{Memory: m}
	conn := &direct{to: s}
	count := -1
	conn.fate = func(string) string {
		if book.alive() != nil {
			return "refused" // the dead ask for nothing
		}
		if count++; count != n {
			return ""
		}
		switch how {
		case "killed before":
			book.kill()
			return "refused"
		case "killed after":
			book.kill()
			return "lost"
		}
		return how
	}
	end := lives(t, book, conn)
	desk := incident.NewDesk(m)
	by := incident.By{Actor: "ana", Source: "test", At: time.Now()}
	inc, err := desk.Declare(t.Context(), by, "", incident.Declaration{Title: "Checkout <!channel> 5xx", Severity: incident.Sev1, Policy: policy.Frozen("")})
	require.NoError(t, err)
	time.Sleep(time.Minute)
	synctest.Wait()
	end()
	calls = conn.asked()
	end = lives(t, &mortal{Memory: m}, &direct{to: s})
	defer func() { end() }()
	time.Sleep(3 * time.Minute)
	synctest.Wait()

	what := fmt.Sprintf("%s of request %d", how, n)
	s.mu.Lock()
	var rooms []*slackChannel
	for _, c := range s.channels {
		if c.creator == slackSelf {
			rooms = append(rooms, c)
		}
	}
	require.Len(t, rooms, 1, what)
	room := rooms[0]
	require.Equal(t, "inc-1-checkout-channel-5xx", room.name, what)
	require.Equal(t, "INC-1 SEV-1 Checkout &lt;!channel&gt; 5xx", room.topic, what)
	require.ElementsMatch(t, []string{slackSelf, slackAna}, room.users, what)
	require.Len(t, room.bookmarks, 1, what)
	require.Len(t, room.pinned, 1, what)
	headline := room.find(room.pinned[0])
	require.NotNil(t, headline, what)
	require.Contains(t, headline.Text, "INC-1 SEV-1", what)
	tops := 0
	for _, msg := range room.messages {
		if strings.Contains(msg.Text, "declared:") {
			tops++
		}
	}
	require.Equal(t, 1, tops, "%s: the headline is there once", what)
	incidents := s.channels[1].messages
	require.Contains(t, incidents[0].Text, "<#"+room.id+">", what)
	require.Len(t, s.plans, 1, "%s: one message stands for when nobody runs the ladder", what)
	require.Contains(t, s.plans[0].content.text, "+49 1", what)
	s.mu.Unlock()

	by.At = time.Now()
	_, err = desk.Resolve(t.Context(), by, inc.ID, "rolled back")
	require.NoError(t, err)
	time.Sleep(3 * time.Minute)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Empty(t, s.plans, "%s: nothing stands when it is over", what)
	require.Contains(t, room.messages[len(room.messages)-1].Text, "resolution: rolled back", what)
	require.Equal(t, "[resolved] INC-1 SEV-1 Checkout &lt;!channel&gt; 5xx", room.topic, what)
	return calls
}

// The crash matrix: whichever request goes wrong, in whichever way, in the end
// everything stands once.
func TestEveryStepOfARoomMayGoWrong(t *testing.T) {
	var calls []string
	synctest.Test(t, func(t *testing.T) { calls = evening(t, -1, "") })
	require.Contains(t, calls, "conversations.create")
	require.Contains(t, calls, "chat.scheduleMessage")
	for _, how := range []string{"refused", "lost", "503", "killed before", "killed after"} {
		t.Run(how, func(t *testing.T) {
			for n := range calls {
				synctest.Test(t, func(t *testing.T) { evening(t, n, how) })
			}
		})
	}
}
