package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
)

// standInClock is a clock that tests set.
type standInClock struct {
	mu sync.Mutex
	at time.Time
}

func newStandInClock() *standInClock {
	return &standInClock{at: time.Date(2026, 11, 14, 3, 12, 0, 0, time.UTC)}
}

func (c *standInClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *standInClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// standInCall sends body as kind and gives status, headers and body of the answer.
func standInCall(t testing.TB, h http.Handler, method, path, kind, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

// readLedger is GET /ledger, as anybody would read it.
func readLedger(t testing.TB, h http.Handler) []map[string]any {
	t.Helper()
	status, _, body := standInCall(t, h, "GET", "/ledger", "", "")
	require.Equal(t, http.StatusOK, status)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	return list
}

func TestTheLedgerShowsWhatCame(t *testing.T) {
	clock := newStandInClock()
	pd := newPagerDuty(newLedger(), clock.now, "ana")
	require.Equal(t, []map[string]any{}, readLedger(t, pd), "a list even when it is empty")

	standInCall(t, pd, "POST", "/v2/enqueue", "application/json", `{"event_action":"trigger"}`)
	clock.advance(time.Second)
	standInCall(t, pd, "POST", "/v2/enqueue", "application/json", `{"event_action":`)
	standInCall(t, pd, "GET", "/v2/enqueue?x=1", "", "")
	require.Equal(t, []map[string]any{
		{
			"at": "2026-11-14T03:12:00Z", "method": "POST", "path": "/v2/enqueue", "status": 400.0, "body": map[string]any{"event_action": "trigger"},
			"error": "'routing_key' cannot be blank; 'payload' is missing or blank",
		},
		{"at": "2026-11-14T03:12:01Z", "method": "POST", "path": "/v2/enqueue", "status": 400.0, "body": `{"event_action":`, "error": "JSON parse error"},
		{"at": "2026-11-14T03:12:01Z", "method": "GET", "path": "/v2/enqueue", "status": 405.0, "body": map[string]any{"x": "1"}, "error": "method not allowed"},
	}, readLedger(t, pd))
}

// Whatever is sent, and wherever a secret stands in it, the ledger has none.
func TestTheLedgerKeepsNoSecret(t *testing.T) {
	const (
		real  = "e93facc04764012d7bfb002500d5d1a6" // of somebody who mixed up two configurations
		token = "xoxb-123456789012-abcdefGHIJ"
	)
	lab := labRoutingKeys()["lead"]
	clock := newStandInClock()
	log := newLedger()
	pd, slack := newPagerDuty(log, clock.now, "ana"), newSlack(log, clock.now)
	for _, body := range []string{
		`{"routing_key":"` + lab + `","payload":{"custom_details":{"` + lab + `":["` + lab + `"]}}}`,
		`{"routing_key":"` + real + `"}`,
		`{"ROUTING_KEY":"` + real + `"}`,
		`{"routing_key":"` + real + `",`,
		`routing_key=` + real,
		`[{"routing_key":"` + real + `"}]`,
		`"\"routing_key\": \"` + real + `\""`,
		`{"token":"` + token + `","x":"` + token + `"}`,
	} {
		standInCall(t, pd, "POST", "/v2/enqueue", "application/json", body, "Authorization", "Token token="+real, "X-Routing-Key", real)
	}
	standInCall(t, slack, "POST", "/api/chat.postMessage", "application/x-www-form-urlencoded", "token="+token+"&channel=%23incidents&text="+token)
	standInCall(t, slack, "POST", "/api/chat.postMessage", "application/x-www-form-urlencoded", "token="+labSlackToken+"&channel=%23incidents&text="+labSlackToken)
	standInCall(t, slack, "GET", "/api/auth.test?token="+labSlackToken, "", "")
	standInCall(t, slack, "POST", "/api/auth.test", "application/json", `{"text":"Bearer `+labSlackToken, "Authorization", "Bearer "+labSlackToken)

	_, _, all := standInCall(t, pd, "GET", "/ledger", "", "")
	require.Len(t, readLedger(t, pd), 12)
	for _, e := range log.entries() {
		all += e.summary()
	}
	for _, secret := range []string{lab, real, token, labSlackToken} {
		require.NotContains(t, all, secret)
	}
	require.Contains(t, all, `"routing_key":"lead"`)
	require.Contains(t, all, `"routing_key":"unknown"`)
}

func TestTheLedgerIsBounded(t *testing.T) {
	log, clock := newLedger(), newStandInClock()
	pd := newPagerDuty(log, clock.now, "ana")
	for i := range ledgerEntries + 10 {
		standInCall(t, pd, "POST", "/v2/enqueue", "text/plain", fmt.Sprint(i))
	}
	list := log.entries()
	require.Len(t, list, ledgerEntries)
	require.Equal(t, "10", string(list[0].Body), "the newest are kept")
	require.Equal(t, fmt.Sprint(ledgerEntries+9), string(list[len(list)-1].Body))

	// Half a megabyte each: of a large body the beginning is kept, of many large
	// ones the newest.
	large := `{"x":"` + strings.Repeat("é", 200_000) + `"}`
	standInCall(t, pd, "POST", "/v2/enqueue", "application/json", large)
	last := log.entries()[ledgerEntries-1]
	require.LessOrEqual(t, len(last.Body), entryBytes)
	var text string
	require.NoError(t, json.Unmarshal(last.Body, &text))
	require.True(t, strings.HasSuffix(text, "é… (400008 bytes read)"), text[len(text)-40:])
	for range ledgerBytes/entryBytes + 10 {
		log.add(entry{Body: make([]byte, entryBytes)}, clock.now)
	}
	total := 0
	for _, e := range log.entries() {
		total += len(e.Body)
	}
	require.LessOrEqual(t, total, ledgerBytes)
	require.Equal(t, log.size, total)
}

func TestSummaryOfAnEntry(t *testing.T) {
	clock := newStandInClock()
	log := newLedger()
	pd, slack := newPagerDuty(log, clock.now, "ana"), newSlack(log, clock.now)
	key := labRoutingKeys()["primary"]
	form := func(method, body string) {
		standInCall(t, slack, "POST", "/api/"+method, "application/x-www-form-urlencoded", "token="+labSlackToken+"&"+body)
	}
	for _, c := range []struct {
		want string
		send func()
	}{
		{"page primary, critical: Checkout 5xx (k/L1/r1) [202]", func() {
			standInCall(t, pd, "POST", "/v2/enqueue", "application/json", `{"routing_key":"`+key+`","event_action":"trigger","dedup_key":"k/L1/r1","payload":{"summary":"Checkout 5xx","source":"sitrep","severity":"critical"}}`)
		}},
		{"acknowledge primary: k/L1/r1 [202]", func() {
			standInCall(t, pd, "POST", "/v2/enqueue/", "application/json", `{"routing_key":"`+key+`","event_action":"acknowledge","dedup_key":"k/L1/r1"}`)
		}},
		{"page , high: (k) [400 'routing_key' cannot be blank; 'payload.summary' is missing or blank; 'payload.source' is missing or …]", func() {
			standInCall(t, pd, "POST", "/v2/enqueue", "application/json", `{"event_action":"trigger","dedup_key":"k","payload":{"severity":"high"}}`)
		}},
		{"change event to primary: deploy v1.42 [202]", func() {
			standInCall(t, pd, "POST", "/v2/change/enqueue", "application/json", `{"routing_key":"`+key+`","payload":{"summary":"deploy v1.42"}}`)
		}},
		{"post in #incidents: SEV-1 \ufffd[2J hello [200]", func() { form("chat.postMessage", "channel=%23incidents&text=SEV-1%0A%1b[2J+hello") }},
		{"reply in #incidents to 1.000000: ok [200]", func() { form("chat.postMessage", "channel=%23incidents&text=ok&thread_ts=1.000000") }},
		{"update 1.000000 in C01ABINCIDENTS: x [200 message_not_found]", func() { form("chat.update", "channel=C01ABINCIDENTS&ts=1.000000&text=x") }},
		{"delete 1.000000 in nowhere [200 channel_not_found]", func() { form("chat.delete", "channel=nowhere&ts=1.000000") }},
		{"auth.test [200]", func() { form("auth.test", "") }},
		{"POST / [404 not found]", func() { standInCall(t, pd, "POST", "/", "", "") }},
		{"POST /v2/enqueue/x [404 not found]", func() { standInCall(t, pd, "POST", "/v2/enqueue/x", "", "[1,2]") }},
	} {
		c.send()
		list := log.entries()
		require.Equal(t, c.want, list[len(list)-1].summary())
	}
	form("chat.postMessage", "channel=%23incidents&text="+strings.Repeat("long+", 1000))
	list := log.entries()
	line := list[len(list)-1].summary()
	require.Less(t, len(line), summaryRunes+20)
	require.Contains(t, line, "…")
}

// A line of the ledger is drawn in a terminal.
func FuzzSummaryIsOneSafeLine(f *testing.F) {
	for _, s := range []string{`{"channel":"\u001b]0;x\u0007","text":"a\nb"}`, `{"text":7}`, `[]`, "\xff\xfe", `{"payload":null,"routing_key":[]}`} {
		f.Add("/api/chat.postMessage", s, "\x1b[31m")
		f.Add("/v2/enqueue", s, "")
	}
	f.Fuzz(func(t *testing.T, path, body, fault string) {
		line := entry{Method: "POST", Path: path, Body: json.RawMessage(body), Status: 200, Error: fault}.summary()
		for _, r := range line {
			require.True(t, unicode.IsPrint(r), "%q", line)
		}
		require.LessOrEqual(t, len([]rune(line)), 2*summaryRunes)
	})
}

// What a stand-in answered 202 to is in the ledger before the answer arrives.
func TestTheLedgerUnderManySenders(t *testing.T) {
	log := newLedger()
	srv := httptest.NewServer(newPagerDuty(log, time.Now, "ana"))
	defer srv.Close()
	var senders sync.WaitGroup
	for g := range 8 {
		senders.Go(func() {
			for i := range 20 {
				mine := fmt.Sprintf(`{"routing_key":%q,"event_action":"trigger","dedup_key":"%d/%d","payload":{"summary":"s","source":"s","severity":"info"}}`, labRoutingKeys()["lead"], g, i)
				resp, err := http.Post(srv.URL+"/v2/enqueue", "application/json", strings.NewReader(mine))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				var found bool
				for _, e := range log.entries() {
					found = found || strings.Contains(string(e.Body), fmt.Sprintf(`"%d/%d"`, g, i))
				}
				if !found {
					t.Errorf("%d/%d was answered and is not in the ledger", g, i)
				}
			}
		})
	}
	senders.Wait()
	list := log.entries()
	require.Len(t, list, 160)
	limited := 0
	for i, e := range list {
		if e.Status == http.StatusTooManyRequests {
			limited++
		}
		require.False(t, i > 0 && e.At.Before(list[i-1].At), "in the order of their times")
	}
	require.LessOrEqual(t, limited, 40, "120 go through at once")
}
