package loadtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A person logs in, and pays with what the answers gave: a token of the body, an order of
// the header, a cookie. Whoever has others' is told.
func TestScenario(t *testing.T) {
	var logins, paid atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			n := logins.Add(1)
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprint("s", n)})
			http.SetCookie(w, &http.Cookie{Name: "old", Value: "x"})
			w.Header().Set("Location", fmt.Sprintf("/orders/%d?x", n))
			_, _ = fmt.Fprintf(w, `{"user":{"token":"t%d"},"html":"csrf=c%d;"}`, n, n)
		case "/forget":
			http.SetCookie(w, &http.Cookie{Name: "old", MaxAge: -1})
		default:
			n := strings.TrimPrefix(r.URL.Path, "/orders/")
			body, _ := io.ReadAll(r.Body)
			if r.Header.Get("Authorization") == "Bearer t"+n && r.Header.Get("Cookie") == "sid=s"+n && string(body) == "c"+n {
				paid.Add(1)
			} else {
				w.WriteHeader(http.StatusForbidden)
			}
		}
	})
	for _, more := range []string{"", "http: {redirects: 1}\n"} { // either driver
		logins.Store(0)
		paid.Store(0)
		p, err := loaded(t, fmt.Sprintf(`
name: shop
scenarios:
- name: buy
  steps:
  - {url: "%[1]s/login", extract: {token: {json: user.token}, order: {header: location, regexp: '/orders/(\d+)'}, csrf: {regexp: 'csrf=(\w+)'}}, think: {min: 1ms, max: 5ms}}
  - {url: "%[1]s/forget"}
  - {method: POST, url: "%[1]s/orders/{{.order}}", headers: {Authorization: "Bearer {{.token}}"}, body: "{{.csrf}}", expect: {status: [200]}}
stages: [{rate: 100, for: 300ms}]
%s`, s.URL, more), nil)
		require.NoError(t, err)
		r, err := Run(t.Context(), p, nil)
		require.NoError(t, err)
		require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
		require.EqualValues(t, 30, paid.Load())
		require.EqualValues(t, 90, r.Requests)
		require.InDelta(t, 100, r.RequestedRate, 1e-6, "rates are of scenarios")
		require.LessOrEqual(t, r.AchievedRate, 100.0001)
	}
}

// A step that fails ends its scenario: what comes after would be made of nothing.
func TestAFailedStepEndsTheScenario(t *testing.T) {
	var second atomic.Int64
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/two" {
			second.Add(1)
		}
	})
	p := planOf(100, 100*time.Millisecond)
	p.Targets = nil
	p.Scenarios = []Scenario{{Name: "x", Steps: []Step{
		{Target: Target{URL: s.URL + "/one"}, Extract: map[string]Extract{"id": {Header: "X-Id"}}},
		{Target: Target{URL: s.URL + "/two?{{.id}}"}},
	}}}
	r, err := Run(t.Context(), p, nil)
	require.NoError(t, err)
	require.EqualValues(t, 10, r.ErrorsByClass[ClassExpect].Count)
	require.Contains(t, r.ErrorsByClass[ClassExpect].Sample, "x 1: GET "+s.URL+"/one: not as expected: extract id: there is no header X-Id")
	require.Zero(t, second.Load())
}

func TestScenariosSayWhereAndWhat(t *testing.T) {
	plan := func(steps string) string {
		return "name: p\nscenarios: [{name: a, steps: [" + steps + "]}]\nstages: [{rate: 1, for: 1s}]\n"
	}
	step := `{url: "http://127.0.0.1:1/"}, `
	for want, src := range map[string]string{
		"has no steps":                  plan(""),
		"{{.token}} stands for nothing": plan(step + `{url: "http://127.0.0.1:1/{{.token}}"}`),
		"says not where":                plan(`{url: "http://127.0.0.1:1/", extract: {a: {}}}`),
		"either json, or header":        plan(`{url: "http://127.0.0.1:1/", extract: {a: {json: a, header: b}}}`),
		"has 2 groups":                  plan(`{url: "http://127.0.0.1:1/", extract: {a: {regexp: "(a)(b)"}}}`),
		`"a b" is no name`:              plan(`{url: "http://127.0.0.1:1/", extract: {a b: {json: c}}}`),
		"think is 2h0m0s to 2h0m0s":     plan(`{url: "http://127.0.0.1:1/", think: 2h}`),
		"think is 3s to 1s":             plan(`{url: "http://127.0.0.1:1/", think: {min: 3s, max: 1s}}`),
		"more than 100 steps":           plan(strings.Repeat(step, 101)),
		`unknown key "weigth"`:          plan(`{url: "http://127.0.0.1:1/", weigth: 2}`),
		"a target needs a url":          plan(`{think: 1s}`),
	} {
		_, err := loaded(t, src, nil)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "p.yaml:2:")
	}
}

// Closed: as many requests as users and answers make, and the label that says what the
// numbers are. 10 users of 100 ms and a think time of 400 ms do 20 a second.
func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{service: steady(100 * time.Millisecond)}
		p := planOf(10, 10*time.Second)
		p.Closed, p.Warmup = true, 2*time.Second
		step := Step{Target: Target{URL: "http://127.0.0.1/"}, Think: Think{400 * time.Millisecond, 400 * time.Millisecond}}
		p.Targets, p.Scenarios = nil, []Scenario{{Name: "u", Steps: []Step{step, step}}}
		r, seen := v.run(t, p)
		require.InDelta(t, 10*8/0.6*2, r.Requests, 30, "two requests of 100 ms and 400 ms between them")
		require.Equal(t, 100*time.Millisecond, r.Latency.P50.Round(time.Millisecond))
		require.Zero(t, r.RequestedRate)
		require.Equal(t, "closed", r.Model)
		require.Contains(t, r.Notes[0], "closed: latencies are those users saw")
		require.Equal(t, Pass, r.Verdict, "%v", r.Reasons)
		require.InDelta(t, 10, seen[50].Users, 0)
	})
}

// Users come as the ramp says, and a server that answers at once is asked at most MaxRate
// times a second.
func TestUsersComeByAndBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{service: steady(100 * time.Millisecond)}
		p := planOf(0, 10*time.Second)
		p.Closed, p.Stages = true, []Stage{{0, 10, 10 * time.Second}}
		r, seen := v.run(t, p)
		require.InDelta(t, (10+9+8+7+6+5+4+3+2+1)*10, r.Requests, 15, "the first at once, another every second")
		require.InDelta(t, 2, seen[20].InFlight, 1)
		require.InDelta(t, 8, seen[80].InFlight, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{service: steady(0)}
		p := planOf(4, time.Second)
		p.Closed = true
		r, _ := v.run(t, p)
		require.InDelta(t, MaxRate, r.Requests, 10)
	})
}
