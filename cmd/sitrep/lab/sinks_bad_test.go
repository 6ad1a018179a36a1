package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fate is how a request to a sink ends.
type fate string

// The fates. Of those that begin with "taken" the sink has the request.
const (
	fine          fate = ""
	unavailable   fate = "503"
	takenGateway  fate = "taken, then 503 from something in between"
	slowDown0     fate = "429, Retry-After 0"
	slowDown2     fate = "429, Retry-After 2 seconds"
	slowDownDate  fate = "429, Retry-After a date"
	slowDownBare  fate = "429 without Retry-After"
	slowDownHuge  fate = "429, Retry-After a year"
	takenReset    fate = "taken, then the connection is reset"
	takenHung     fate = "taken, then no answer"
	takenLate     fate = "taken after the client gave up"
	takenHalf     fate = "taken, then half a body"
	htmlOK        fate = "HTML with 200"
	takenHTML     fate = "taken, then HTML with 200"
	emptyNo       fate = "ok:false without an error"
	takenEmptyNo  fate = "taken, then ok:false without an error"
	loginPage     fate = "redirect to a login page"
	refusedFate   fate = "refused: nobody listens"
	headerProcess      = "Sitrep-Test-Process"
	headerClaimed      = "Sitrep-Test-Claimed"
	headerSent         = "Sitrep-Test-Sent"
)

// counts says whether the sink has the request.
func (f fate) counts() bool { return f == fine || strings.HasPrefix(string(f), "taken") }

// arrival is one request that reached a sink.
type arrival struct {
	At, Claimed time.Time // Claimed is when the process began the attempt that it belongs to
	Sent        time.Time // by the clock of the process, which is the sink's: the way may take any time
	Process     string
	Service     string // "pagerduty", "slack"
	Operation   string // "trigger", "chat.postMessage"
	Sink        string // "pagerduty:NAME", "slack:#NAME"; of a call that is about no channel "slack:"
	ID          string // the dedup key, or the message's ID in the metadata
	Fate        fate
	Counted     time.Time // when the sink took it; zero if it did not
	Status      int
	Answered    time.Time
	Quiet       time.Time // it was told to send nothing before then
	Fault       string    // what the stand-in did not like about it
}

// badSinks are the lab's PagerDuty and Slack, which check what they get as the
// contracts say, behind a wire on which everything happens that fates says.
type badSinks struct {
	t     *testing.T
	pd    *pagerDuty
	slack *slackStandIn
	wires map[string]*wire // by service

	mu      sync.Mutex
	fates   func(a arrival) fate // nil: all is fine
	list    []*arrival
	late    sync.WaitGroup
	attempt time.Duration // of the client, at most
	settle  time.Duration
	twice   atomic.Bool   // the history shows every message twice
	over    chan struct{} // closed in the end
}

// wire is a port that can be closed and opened again.
type wire struct {
	address string
	handler http.Handler
	mu      sync.Mutex
	server  *http.Server
}

func (w *wire) up(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server != nil {
		return
	}
	if w.address == "" {
		w.address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", w.address)
	for tries := 0; err != nil && tries < 100; tries++ { // a connection of somebody may have been given the port meanwhile: the outage lasts longer
		time.Sleep(100 * time.Millisecond)
		listener, err = net.Listen("tcp", w.address)
	}
	require.NoError(t, err)
	w.address = listener.Addr().String()
	w.server = &http.Server{Handler: w.handler, ReadHeaderTimeout: 5 * time.Second}
	server := w.server
	go func() { _ = server.Serve(listener) }() // ends with down
}

// down refuses from now on, and breaks what is under way.
func (w *wire) down() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server != nil {
		_ = w.server.Close()
		w.server = nil
	}
}

// The lab has few keys and channels, and a store of hundreds of incidents within
// seconds needs more: a key takes 120 events a minute, a channel a message a
// second.
const (
	nightKeys     = 24
	nightChannels = 60
)

// nightKey is the routing key of a name.
func nightKey(name string) string { return "1ab" + strings.Repeat("0", 29-len(name)) + name }

// seenAfter is how long Slack's history lags behind.
const seenAfter = 200 * time.Millisecond

func newBadSinks(t *testing.T, attempt, settle time.Duration) *badSinks {
	b := &badSinks{
		t: t, attempt: attempt, settle: settle, wires: map[string]*wire{}, over: make(chan struct{}),
		pd: newPagerDuty(newLedger(), time.Now, "ana"), slack: newSlackStandIn(newLedger(), time.Now),
	}
	for n := range nightKeys {
		for _, name := range []string{fmt.Sprint("first", n), fmt.Sprint("second", n)} {
			b.pd.keys[nightKey(name)] = name
			b.pd.buckets[name] = &tokenBucket{burst: pdPerMinute, every: time.Minute / pdPerMinute}
		}
	}
	for n := range nightChannels {
		b.slack.channels = append(b.slack.channels, &slackChannel{id: fmt.Sprintf("C01NIGHT%d", n), name: fmt.Sprint("night", n), member: true})
	}
	for name, m := range b.slack.methods {
		m.every /= 60 // the clocks of the tests run sixty times faster; the pace of posts in a channel is the real one
		b.slack.methods[name] = m
	}
	for _, name := range []string{"conversations.history", "conversations.replies"} {
		m := b.slack.methods[name]
		ask := m.call
		m.call = func(a slackArgs) (slackAnswer, *slackFault) { return b.lag(ask(a)) }
		b.slack.methods[name] = m
	}
	for _, service := range []string{"pagerduty", "slack"} {
		b.wires[service] = &wire{handler: b.serve(service)}
		b.wires[service].up(t)
	}
	t.Cleanup(func() {
		close(b.over)
		for _, w := range b.wires {
			w.down()
		}
		b.late.Wait()
	})
	return b
}

// lag hides what is younger than the history shows.
func (b *badSinks) lag(answer slackAnswer, fault *slackFault) (slackAnswer, *slackFault) {
	if fault != nil {
		return answer, fault
	}
	messages := slices.DeleteFunc(answer["messages"].([]slackMessage), func(m slackMessage) bool {
		return m.micros > time.Now().Add(-seenAfter).UnixMicro()
	})
	if b.twice.Load() {
		messages = append(messages, messages...)
	}
	answer["messages"] = messages
	return answer, nil
}

func (b *badSinks) url(service string) string {
	base := "http://" + b.wires[service].address
	if service == "slack" {
		base += "/api/"
	}
	return base
}

// script says what happens from now on.
func (b *badSinks) script(fates func(a arrival) fate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fates = fates
}

// arrivals are all until now.
func (b *badSinks) arrivals() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]arrival, len(b.list))
	for i, a := range b.list {
		list[i] = *a
	}
	return list
}

// read makes an arrival of a request.
func (b *badSinks) read(service string, r *http.Request, body []byte) *arrival {
	claimed, _ := strconv.ParseInt(r.Header.Get(headerClaimed), 10, 64)
	sent, _ := strconv.ParseInt(r.Header.Get(headerSent), 10, 64)
	a := &arrival{At: time.Now(), Claimed: time.UnixMicro(claimed), Sent: time.UnixMicro(sent), Process: r.Header.Get(headerProcess), Service: service}
	if service == "pagerduty" {
		var e struct {
			Key    string `json:"routing_key"`
			Action string `json:"event_action"`
			Dedup  string `json:"dedup_key"`
		}
		_ = json.Unmarshal(body, &e) // the stand-in says what is wrong with it
		a.Operation, a.ID, a.Sink = e.Action, e.Dedup, "pagerduty:"+b.pd.keys[e.Key]
		return a
	}
	a.Operation = path.Base(r.URL.Path)
	form, _ := url.ParseQuery(string(body))
	var metadata struct {
		Payload struct{ ID string } `json:"event_payload"`
	}
	_ = json.Unmarshal([]byte(form.Get("metadata")), &metadata)
	channel := strings.TrimPrefix(form.Get("channel"), "#")
	for _, c := range b.slack.channels {
		if c.id == channel {
			channel = c.name
		}
	}
	a.ID, a.Sink = metadata.Payload.ID, "slack:"
	if channel != "" {
		a.Sink += "#" + channel
	}
	return a
}

func (b *badSinks) serve(service string) http.Handler {
	var inner http.Handler = b.pd
	if service == "slack" {
		inner = b.slack
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it died while it spoke
		}
		a := b.read(service, r, body)
		b.mu.Lock()
		if b.fates != nil {
			a.Fate = b.fates(*a)
		}
		b.list = append(b.list, a)
		b.mu.Unlock()
		again := r.Clone(context.WithoutCancel(r.Context()))
		accept := func() *httptest.ResponseRecorder {
			rec := httptest.NewRecorder()
			again.Body = io.NopCloser(bytes.NewReader(body))
			inner.ServeHTTP(rec, again)
			b.mu.Lock()
			defer b.mu.Unlock()
			a.Counted, a.Status = time.Now(), rec.Code
			a.Fault = complaintOf(service, rec)
			return rec
		}
		b.play(w, r, a, accept)
	})
}

// complaintOf is what a stand-in refuses a request for.
func complaintOf(service string, rec *httptest.ResponseRecorder) string {
	if rec.Code == http.StatusTooManyRequests {
		return "too often"
	}
	if rec.Code/100 != 2 {
		return rec.Body.String()
	}
	var said struct {
		OK    bool
		Error string
	}
	if service == "slack" && json.Unmarshal(rec.Body.Bytes(), &said) == nil && !said.OK && said.Error != "message_not_found" { // the second of two who delete a copy
		return rec.Body.String()
	}
	return ""
}

// play lets the fate of a request come true. accept is what the sink makes of it.
func (b *badSinks) play(w http.ResponseWriter, r *http.Request, a *arrival, accept func() *httptest.ResponseRecorder) {
	var rec *httptest.ResponseRecorder
	if a.Fate.counts() && a.Fate != takenLate {
		rec = accept()
	}
	switch a.Fate {
	case fine:
		b.answer(w, a, rec.Code, rec.Header(), rec.Body.Bytes())
	case unavailable, takenGateway:
		b.answer(w, a, http.StatusServiceUnavailable, nil, []byte("<html>Service Unavailable</html>"))
	case slowDown0, slowDown2, slowDownDate, slowDownBare, slowDownHuge:
		b.throttle(w, a)
	case takenReset, refusedFate:
		reset(w)
	case takenHung:
		select {
		case <-time.After(b.attempt + b.attempt/4):
		case <-r.Context().Done():
		}
	case takenLate:
		b.late.Go(func() {
			select {
			case <-time.After(b.attempt + (b.settle-b.attempt)/3): // the client has given up, and the stream is settling
				accept()
			case <-b.over:
			}
		})
		<-r.Context().Done()
	case takenHalf:
		w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		reset(w)
	case htmlOK, takenHTML:
		b.answer(w, a, http.StatusOK, http.Header{"Content-Type": {"text/html"}}, []byte("<!doctype html><title>Welcome to the hotel</title>"))
	case emptyNo, takenEmptyNo:
		b.answer(w, a, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(`{"ok":false}`))
	case loginPage:
		b.answer(w, a, http.StatusFound, http.Header{"Location": {"/login"}}, []byte("<html>Log in</html>"))
	}
}

// throttle asks for patience, and notes for how long.
func (b *badSinks) throttle(w http.ResponseWriter, a *arrival) {
	now := time.Now()
	h := http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
	quiet := now
	switch a.Fate {
	case slowDown0:
		h.Set("Retry-After", "0")
	case slowDown2:
		h.Set("Retry-After", "2")
		quiet = now.Add(2 * time.Second)
	case slowDownDate:
		quiet = now.Truncate(time.Second).Add(3 * time.Second)
		h.Set("Retry-After", quiet.UTC().Format(http.TimeFormat))
		quiet = quiet.Add(-time.Second) // dates are whole seconds: up to one of them is lost on the way
	case slowDownBare:
		quiet = now.Add(30 * time.Second)
	case slowDownHuge:
		h.Set("Retry-After", "31536000")
		quiet = now.Add(time.Minute) // nobody is obeyed for longer
	}
	b.mu.Lock()
	a.Quiet = quiet
	b.mu.Unlock()
	body := []byte(`{"status":"throttle exceeded","message":"Enhance Your Calm."}`)
	if a.Service == "slack" {
		body = []byte(`{"ok":false,"error":"ratelimited"}`)
	}
	b.answer(w, a, http.StatusTooManyRequests, h, body)
}

func (b *badSinks) answer(w http.ResponseWriter, a *arrival, status int, h http.Header, body []byte) {
	for name, values := range h {
		w.Header()[name] = values
	}
	b.mu.Lock()
	a.Status, a.Answered = status, time.Now()
	b.mu.Unlock()
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left is nobody's error
}

// reset breaks the connection as a peer that dies does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
