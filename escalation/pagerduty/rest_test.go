package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

const restToken = "u+s3cretToken20chars"

// account is a REST API whose answers a test writes.
func account(t *testing.T, answer http.HandlerFunc) *API {
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	tr := escalation.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return NewAPI(srv.URL+"/", func(context.Context) (string, error) { return restToken, nil }, &http.Client{Transport: tr})
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Whatever answers in PagerDuty's place, reading and writing say what became of it,
// and never the token.
func TestWhatCanBeAnswered(t *testing.T) {
	calls := map[string]func(*API, context.Context) error{
		"read":    func(a *API, ctx context.Context) error { _, _, err := a.Open(ctx); return err },
		"by hand": func(a *API, ctx context.Context) error { return a.Snooze(ctx, "ana@example.com", "Q1", time.Hour) },
		"library": func(a *API, ctx context.Context) error { return a.Acknowledge(ctx, "ana@example.com", "Q1") },
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees the client leave
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		class  escalation.Class
		code   int
		says   string
	}{
		"no such token":   {says(401, `{"error":{"message":"You are not authorized","code":2006}}`), escalation.Dead, 2006, "check pagerduty.api_token"},
		"read only":       {says(403, `{"error":{"message":"Access Denied","code":2010}}`), escalation.Dead, 2010, "a read-only one changes nothing"},
		"not in the plan": {says(402, `{"error":{"message":"Required abilities are unavailable","code":2014}}`), escalation.Dead, 2014, "the account's plan does not have it"},
		"nobody":          {says(400, `{"error":{"message":"Requester User Not Found","code":1008}}`), escalation.Dead, 1008, "check people.NAME.email and pagerduty.from"},
		"cannot":          {says(400, `{"error":{"message":"Incident Cannot Be Escalated","code":1006,"errors":["there is 1 level"]}}`), escalation.Dead, 1006, "Incident Cannot Be Escalated: there is 1 level (1006)"},
		"elsewhere":       {says(404, `<html>`), escalation.Dead, 0, "no REST API there: check pagerduty.api_url"},
		"gone":            {says(404, `{"error":{"message":"Not Found","code":2100}}`), escalation.Dead, 2100, "Not Found (2100)"},
		"too fast": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ratelimit-reset", "42")
			says(429, `{"error":{"message":"Rate Limit Exceeded","code":2020}}`)(w, r)
		}, escalation.Throttled, 2020, "again in 42s"},
		"broken":  {says(500, "boom"), escalation.Unsure, 0, "500 Internal Server Error: boom"},
		"gateway": {says(503, "<html>"), escalation.Unsure, 0, "it answered HTML"},
		"a page":  {says(200, "<html>log in</html>"), escalation.Unsure, 0, "not as the REST API does"},
		"a list":  {says(200, `[]`), escalation.Unsure, 0, "not as the REST API does"},
		"cut off": {says(200, `{"incidents":[{"id":"Q`), escalation.Unsure, 0, "not as the REST API does"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, `{"inc`)
		}, escalation.Unsure, 0, "the connection broke"},
		"the token": {says(418, restToken), escalation.Dead, 0, "***"},
		"login":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, escalation.NotSent, 0, "a proxy or a login page?"},
		"hang":      {hang, escalation.Unsure, 0, "no answer in time"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 5 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}, escalation.Unsure, 0, "more than 4 MB"},
	} {
		for how, call := range calls {
			t.Run(name+"/"+how, func(t *testing.T) {
				ctx := t.Context()
				if name == "hang" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
				}
				err := call(account(t, c.answer), ctx)
				var got *CallError
				require.ErrorAs(t, err, &got)
				require.Equal(t, c.class, got.Class)
				require.Equal(t, c.code, got.Code)
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), restToken)
				if c.code == 0 && got.Status/100 == 5 && got.Class == escalation.Unsure { // what was only read was accepted by nobody
					require.Equal(t, how != "read", strings.Contains(err.Error(), "it may have been accepted"))
				}
				if got.Class == escalation.Throttled {
					require.Equal(t, 42*time.Second, got.After)
				}
			})
		}
	}
	down := NewAPI("http://127.0.0.1:1", func(context.Context) (string, error) { return restToken, nil }, nil)
	var got *CallError
	require.ErrorAs(t, calls["read"](down, t.Context()), &got)
	require.Equal(t, escalation.NotSent, got.Class)
	down.token = func(context.Context) (string, error) { return "", errors.New("no variable PD_TOKEN") }
	for _, call := range calls {
		require.ErrorContains(t, call(down, t.Context()), "no variable PD_TOKEN")
	}
}

// incidents answers a list of n, whatever it does to it between two pages.
func incidents(n *int, between func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limit, _ := strconv.Atoi(q.Get("limit"))
		offset, _ := strconv.Atoi(q.Get("offset"))
		if limit > 100 || offset+limit > 10_000 {
			says(400, `{"error":{"message":"Invalid Input Provided","code":2001}}`)(w, r)
			return
		}
		list := []map[string]any{}
		for i := *n - 1 - offset; i >= 0 && len(list) < limit; i-- {
			list = append(list, map[string]any{"id": fmt.Sprintf("Q%d", i), "title": fmt.Sprintf("incident %d", i), "status": "triggered"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"incidents": list, "more": offset+len(list) < *n})
		between()
	}
}

// Every incident comes once, also when the list moves while it is read; what has no
// end is not followed to it.
func TestListsAreReadWhole(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 250, 9990} {
		all, whole, err := account(t, incidents(&n, func() {})).Open(t.Context())
		require.NoError(t, err)
		require.True(t, whole)
		require.Len(t, all, n)
	}
	n := 12_000
	all, whole, err := account(t, incidents(&n, func() {})).Open(t.Context())
	require.NoError(t, err)
	require.False(t, whole, "PagerDuty lists no more than 10000")
	require.Greater(t, len(all), 9800)

	n, grown := 250, 0
	grows := func() {
		if grown += 3; grown < 9 {
			n += 3
		}
	}
	all, _, err = account(t, incidents(&n, grows)).Open(t.Context())
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, inc := range all {
		require.False(t, ids[inc.ID], "%s twice", inc.ID)
		ids[inc.ID] = true
	}
	for i := range 250 {
		require.True(t, ids[fmt.Sprintf("Q%d", i)], i)
	}

	n, grown = 250, 0
	shrinks := func() { n -= 5 } // what is newest is resolved, and all others move up
	all, _, err = account(t, incidents(&n, shrinks)).Open(t.Context())
	require.NoError(t, err)
	ids = map[string]bool{}
	for _, inc := range all {
		ids[inc.ID] = true
	}
	for i := range 235 {
		require.True(t, ids[fmt.Sprintf("Q%d", i)], "%d was open all the time", i)
	}

	asked := 0
	same := func(w http.ResponseWriter, r *http.Request) {
		asked++
		says(200, `{"incidents":[{"id":"Q1"},{"id":"Q2"}],"more":true}`)(w, r)
	}
	all, whole, err = account(t, same).Open(t.Context())
	require.NoError(t, err)
	require.False(t, whole)
	require.Len(t, all, 2)
	require.Equal(t, 2, asked, "the same page for ever")

	fresh := 0
	always := func(w http.ResponseWriter, r *http.Request) {
		fresh++
		says(200, fmt.Sprintf(`{"incidents":[{"id":"Q%d"}],"more":true}`, fresh))(w, r)
	}
	_, whole, err = account(t, always).Open(t.Context())
	require.NoError(t, err)
	require.False(t, whole)
	require.Equal(t, pagesMost, fresh, "one item a page, for ever")

	_, _, err = account(t, says(200, `{"incidents":null}`)).Open(t.Context())
	require.ErrorContains(t, err, "no incidents")
}

// A field of another type than the contract's, or none, costs that field and no more.
func TestOddFieldsCostNoMoreThanThemselves(t *testing.T) {
	all, _, err := account(t, says(200, `{"more":"no","incidents":[
		{"id":"Q1","incident_number":"seven","title":null,"summary":"[#7] s","status":7,"created_at":"yesterday","service":"x","assignments":[{"assignee":null},{"assignee":{"id":"P1","summary":"Bob\u001b[2J"}}],"acknowledgements":{"at":1}},
		"x", null, {"title":"of no ID"},
		{"id":"Q2","incident_number":7,"title":"t","status":"acknowledged","urgency":"high","incident_key":"k","created_at":"2026-03-01T03:00:00Z","service":{"id":"S","summary":"Checkout"},
		 "acknowledgements":[{"acknowledger":{"id":"P1","type":"user_reference","summary":"Bob"}},{"acknowledger":{"id":"PI","type":"integration_reference","summary":"Events"}}],"new_field":{"a":[1]}}
	]}`)).Open(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Incident{
		{ID: "Q1", Title: "[#7] s", Assigned: []User{{}, {ID: "P1", Name: "Bob\x1b[2J"}}},
		{ID: "Q2", Number: 7, Title: "t", Status: "acknowledged", Urgency: "high", Key: "k", Service: "Checkout", CreatedAt: night, Acknowledged: []User{{ID: "P1", Name: "Bob"}}},
	}, all)

	log, err := account(t, says(200, `{"log_entries":[
		{"id":"R6","type":"annotate_log_entry","created_at":"2026-03-01T03:00:02Z","agent":{"id":"P1","type":"user_reference","summary":"Bob"},"channel":{"type":7,"content":"rolled back\n [sitrep:01ARZ3NDEKTSV4RRFFQ69G5FAV]"}},
		{"id":"R5","type":"annotate_log_entry","created_at":"2026-03-01T03:00:01Z","agent":{"id":"P1","type":"user"},"channel":{"type":"note","summary":"short form"}},
		{"id":"R4","type":"acknowledge_log_entry","created_at":"2026-03-01T03:00:01Z","agent":{"id":"P1","type":"user_reference"},"channel":null},
		{"id":"R3","type":"acknowledge_log_entry","created_at":"2026-03-01T03:00:00Z","agent":{"id":"PI","type":"events_api_v2_inbound_integration_reference","summary":"Bob"},"event_details":{"x":{}}},
		{"id":"R2","type":"something_new_log_entry","created_at":7,"agent":null},
		{"type":"resolve_log_entry"}
	]}`)).Log(t.Context(), "Q1", night, night.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, []Entry{
		{ID: "R2"},
		{ID: "R3", Did: DidAcknowledge, At: night},
		{ID: "R4", Did: DidAcknowledge, At: night.Add(time.Second), By: User{ID: "P1"}},
		{ID: "R5", Did: DidNote, At: night.Add(time.Second), By: User{ID: "P1"}, Text: "short form", Channel: "note"},
		{ID: "R6", Did: DidNote, At: night.Add(2 * time.Second), By: User{ID: "P1", Name: "Bob"}, Text: "rolled back", Ours: "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
	}, log)
}

// Who is on call comes with every telephone, once, and nobody whose turn is over or
// not yet.
func TestOnCallWithTelephones(t *testing.T) {
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/oncalls":
			require.Equal(t, []string{"PE1", "PE2"}, r.URL.Query()["escalation_policy_ids[]"])
			require.Equal(t, []string{"users"}, r.URL.Query()["include[]"])
			require.Equal(t, "true", r.URL.Query().Get("earliest"))
			says(200, `{"oncalls":[
				{"user":{"id":"PU2","name":"Eve","email":"eve@example.com"},"escalation_policy":{"id":"PE2","summary":"Lead"},"escalation_level":2,"start":null,"end":null},
				{"user":{"id":"PU1","summary":"Bob"},"escalation_policy":{"id":"PE2","summary":"Lead"},"escalation_level":1,"schedule":{"id":"S","summary":"Rota"},"start":"2026-03-01T00:00:00Z","end":"2026-03-01T06:00:00Z"},
				{"user":{"id":"PU1","summary":"Bob"},"escalation_policy":{"id":"PE1","summary":"First"},"escalation_level":1},
				{"user":{"id":"PU3","summary":"Later"},"escalation_policy":{"id":"PE1"},"escalation_level":1,"start":"2026-03-01T06:00:00Z"},
				{"user":{"id":"PU3","summary":"Over"},"escalation_policy":{"id":"PE1"},"escalation_level":1,"end":"2026-03-01T03:00:00Z"},
				{"user":null,"escalation_policy":{"id":"PE1"}}
			]}`)(w, r)
		case "/users/PU1/contact_methods":
			says(200, `{"contact_methods":[{"type":"phone_contact_method","address":"4155550100","country_code":1},{"type":"sms_contact_method","address":"4155550100","country_code":"1"},
				{"type":"phone_contact_method","address":"+49 30 1","country_code":49},{"type":"email_contact_method","address":"bob@example.com"},{"type":"phone_contact_method","address":null},{}]}`)(w, r)
		default:
			says(200, `{"contact_methods":[]}`)(w, r)
		}
	})
	list, whole, err := a.OnCalls(t.Context(), []string{"PE1", "PE2"}, night)
	require.NoError(t, err)
	require.True(t, whole)
	bob := User{ID: "PU1", Name: "Bob", Phones: []string{"+1 4155550100", "+49 30 1"}}
	require.Equal(t, []OnCall{
		{Policy: "PE1", PolicyName: "First", Level: 1, User: bob},
		{Policy: "PE2", PolicyName: "Lead", Level: 1, User: bob, Schedule: "Rota", Until: night.Add(3 * time.Hour)},
		{Policy: "PE2", PolicyName: "Lead", Level: 2, User: User{ID: "PU2", Name: "Eve", Email: "eve@example.com"}},
	}, list)
}

// The telephones of many are asked for some at a time, and everybody's once.
func TestTelephonesOfMany(t *testing.T) {
	const people = 40
	var users []string
	for i := range people {
		for level := range 2 {
			users = append(users, fmt.Sprintf(`{"user":{"id":"PU%d","summary":"Somebody"},"escalation_policy":{"id":"PE1"},"escalation_level":%d}`, i, level+1))
		}
	}
	var mu sync.Mutex
	asked, now, most := 0, 0, 0
	full := make(chan struct{}) // closed when as many are asked for at once as may be
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oncalls" {
			says(200, `{"oncalls":[`+strings.Join(users, ",")+`]}`)(w, r)
			return
		}
		mu.Lock()
		asked, now = asked+1, now+1
		if most = max(most, now); asked == phonesAtOnce {
			close(full)
		}
		mu.Unlock()
		<-full
		mu.Lock()
		now--
		mu.Unlock()
		says(200, `{"contact_methods":[{"type":"phone_contact_method","address":"+1 `+strings.Split(r.URL.Path, "/")[2]+`"}]}`)(w, r)
	})
	list, _, err := a.OnCalls(t.Context(), []string{"PE1"}, night)
	require.NoError(t, err)
	require.Len(t, list, 2*people)
	for _, o := range list {
		require.Equal(t, []string{"+1 " + o.User.ID}, o.User.Phones)
	}
	require.Equal(t, people, asked)
	require.Equal(t, phonesAtOnce, most)
}

// deedLog is an account that keeps what it is asked to do.
type deedLog struct{ lines []string }

func (d *deedLog) handler(t *testing.T, answer func(n int) (int, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		if r.Method != http.MethodGet {
			require.Equal(t, "application/json", r.Header.Get("Content-Type"))
			require.Equal(t, "Token token="+restToken, r.Header.Get("Authorization"))
			require.Equal(t, accept, r.Header.Get("Accept"))
		}
		d.lines = append(d.lines, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("From"), body))
		status, text := answer(len(d.lines))
		says(status, text)(w, r)
	}
}

// What is done goes out as the contract says, in somebody's name.
func TestDeeds(t *testing.T) {
	var d deedLog
	a := account(t, d.handler(t, func(int) (int, string) { return 200, `{}` }))
	const from = "ana@example.com"
	require.NoError(t, a.Acknowledge(t.Context(), from, "Q1", "Q2"))
	require.NoError(t, a.Resolve(t.Context(), from, "rolled\nback", "Q1"))
	require.NoError(t, a.Escalate(t.Context(), from, 2, "Q1"))
	require.NoError(t, a.Reassign(t.Context(), from, []string{"PU1"}, "Q1"))
	require.NoError(t, a.Snooze(t.Context(), from, "Q1", 90*time.Minute))
	require.NoError(t, a.Merge(t.Context(), from, "Q1", "Q2", "Q3"))
	require.NoError(t, a.Note(t.Context(), from, "Q1", " rolled back ", "01ARZ3NDEKTSV4RRFFQ69G5FAV"))
	require.NoError(t, a.Tell(t.Context(), from, "Q1", "all is well"))
	require.NoError(t, a.Request(t.Context(), from, "PU9", "Q1", "help\nus", []string{"PU1", "PU2"}, []string{"PP1"}))
	require.Equal(t, []string{
		`PUT /incidents ana@example.com {"incidents":[{"id":"Q1","type":"incident","status":"acknowledged"},{"id":"Q2","type":"incident","status":"acknowledged"}]}`,
		`PUT /incidents ana@example.com {"incidents":[{"id":"Q1","type":"incident","status":"resolved","resolution":"rolled back"}]}`,
		`PUT /incidents ana@example.com {"incidents":[{"id":"Q1","type":"incident","escalation_level":2}]}`,
		`PUT /incidents ana@example.com {"incidents":[{"id":"Q1","type":"incident","assignments":[{"assignee":{"id":"PU1","type":"user_reference"}}]}]}`,
		`POST /incidents/Q1/snooze ana@example.com {"duration":5400}`,
		`PUT /incidents/Q1/merge ana@example.com {"source_incidents":[{"id":"Q2","type":"incident_reference"},{"id":"Q3","type":"incident_reference"}]}`,
		`POST /incidents/Q1/notes ana@example.com {"note":{"content":"rolled back [sitrep:01ARZ3NDEKTSV4RRFFQ69G5FAV]"}}`,
		`POST /incidents/Q1/status_updates ana@example.com {"message":"all is well"}`,
		`POST /incidents/Q1/responder_requests ana@example.com {"message":"help us","requester_id":"PU9","responder_request_targets":[` +
			`{"responder_request_target":{"id":"PU1","type":"user_reference"}},{"responder_request_target":{"id":"PU2","type":"user_reference"}},` +
			`{"responder_request_target":{"id":"PP1","type":"escalation_policy_reference"}}]}`,
	}, d.lines)
	require.ErrorContains(t, a.Snooze(t.Context(), from, "Q1", 8*24*time.Hour), "1s to 7 days")
	require.ErrorContains(t, a.Note(t.Context(), from, "Q1", strings.Repeat("é", 2000), "01ARZ3NDEKTSV4RRFFQ69G5FAV"), "the note has 2036 characters, 36 too many")
	require.Len(t, d.lines, 9)

	d.lines = nil
	many := make([]string, 600)
	require.NoError(t, a.Acknowledge(t.Context(), from, many...))
	require.Len(t, d.lines, 3, "250 at once")
}

// What is done already is done; of several, the others are done all the same.
func TestDoneAlready(t *testing.T) {
	for _, code := range []int{1001, 1002, 1019} {
		a := account(t, says(400, fmt.Sprintf(`{"error":{"message":"already","code":%d}}`, code)))
		require.NoError(t, a.Acknowledge(t.Context(), "ana@example.com", "Q1"))
		require.NoError(t, a.Merge(t.Context(), "ana@example.com", "Q1", "Q2"))
	}
	var d deedLog
	a := account(t, d.handler(t, func(n int) (int, string) {
		if n <= 2 { // the call for all, and that for the first
			return 400, `{"error":{"message":"Incident Already Resolved","code":1001}}`
		}
		return 200, `{}`
	}))
	require.NoError(t, a.Acknowledge(t.Context(), "ana@example.com", "Q1", "Q2", "Q3"))
	require.Len(t, d.lines, 4)
	require.Contains(t, d.lines[3], `"Q3"`)
}

// A note whose answer is lost is looked for before it is written again; a status
// update is not written again at all.
func TestLostAnswers(t *testing.T) {
	const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	for name, c := range map[string]struct {
		there string
		posts int
	}{
		"it counted":  {`{"notes":[{"content":"other"},{"content":7},{"content":"x [sitrep:` + id + `]"}]}`, 1},
		"it did not":  {`{"notes":[{"content":"x [sitrep:01ARZ3NDEKTSV4RRFFQ69G5FAW]"}]}`, 2},
		"odd answers": {`{"notes":[]}`, 2},
	} {
		var d deedLog
		a := account(t, d.handler(t, func(n int) (int, string) {
			switch n {
			case 1:
				return 500, "boom"
			case 2:
				return 200, c.there
			}
			return 201, `{}`
		}))
		require.NoError(t, a.Note(t.Context(), "ana@example.com", "Q1", "x", id), name)
		posts := slices.DeleteFunc(slices.Clone(d.lines), func(line string) bool { return !strings.HasPrefix(line, "POST") })
		require.Len(t, posts, c.posts, name)
	}
	var d deedLog
	a := account(t, d.handler(t, func(int) (int, string) { return 500, "boom" }))
	err := a.Tell(t.Context(), "ana@example.com", "Q1", "x")
	var lost *CallError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, escalation.Unsure, lost.Class)
	require.Len(t, d.lines, 1)
}

// Of the incidents that PagerDuty gives for a key those count that hold its alert.
func TestOnlyWhatHoldsTheAlertIsOurs(t *testing.T) {
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/incidents":
			require.Equal(t, "ours", r.URL.Query().Get("incident_key"))
			says(200, `{"incidents":[{"id":"Q1","incident_key":"ours"},{"id":"Q2","incident_key":null},{"id":"Q3","incident_key":"merged into"},{"id":"Q4","incident_key":"a stranger"}]}`)(w, r)
		case "/incidents/Q3/alerts":
			says(200, `{"alerts":[{"id":"A1","alert_key":"merged into"},{"id":"A2","alert_key":"ours"}]}`)(w, r)
		default:
			says(200, `{"alerts":[{"id":"A1","alert_key":"a stranger"},{"id":"A2","body":{"details":{"dashboard":"https://g/x","labels":{"runbook_url":"https://w/y"},"n":1},"contexts":[{"type":"link","href":"https://c/z"},{"type":"image","src":"x"}]}}]}`)(w, r)
		}
	})
	found, err := a.ByKey(t.Context(), "ours")
	require.NoError(t, err)
	var ids []string
	for _, inc := range found {
		ids = append(ids, inc.ID)
	}
	require.Equal(t, []string{"Q1", "Q2", "Q3"}, ids)
	alerts, err := a.Alerts(t.Context(), "Q4")
	require.NoError(t, err)
	require.Equal(t, []Link{{"link", "https://c/z"}, {"dashboard", "https://g/x"}, {"runbook_url", "https://w/y"}}, alerts[1].Links)
}
