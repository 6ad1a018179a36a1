package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// control is the lab's endpoint without a lab behind it.
func testControl() http.Handler {
	l := &Lab{children: []*child{{instance: instance{name: "payments-1", service: "payments", proxied: true}}}}
	return marked(l.control())
}

func TestFaultsAreCheckedStrictly(t *testing.T) {
	control := testControl()
	soon := time.Now().Add(time.Minute).Format(time.RFC3339Nano)
	for body, says := range map[string]string{
		``:     "a fault is a JSON object",
		`[]`:   "a fault is a JSON object",
		`null`: "id",
		`{"id":"a","latency_ms":1,"expires_at":"` + soon + `"} {}`:                                       "more than one",
		`{"id":"a","latency_ms":1,"expires_at":"` + soon + `","colour":"red"}`:                           "colour",
		`{"id":"a","latency_ms":"1s","expires_at":"` + soon + `"}`:                                       "latency_ms",
		`{"id":"a/b","latency_ms":1,"expires_at":"` + soon + `"}`:                                        "id",
		`{"latency_ms":1,"expires_at":"` + soon + `"}`:                                                   "id",
		`{"id":"` + strings.Repeat("a", 65) + `","latency_ms":1,"expires_at":"` + soon + `"}`:            "id",
		`{"id":"a","latency_ms":-1,"expires_at":"` + soon + `"}`:                                         "latency_ms",
		`{"id":"a","latency_ms":1e300,"expires_at":"` + soon + `"}`:                                      "latency_ms",
		`{"id":"a","latency_ms":1,"jitter_ms":1e300,"expires_at":"` + soon + `"}`:                        "jitter_ms",
		`{"id":"a","latency_ms":1,"jitter_ms":-1,"expires_at":"` + soon + `"}`:                           "jitter_ms",
		`{"id":"a","error_ratio":1.1,"error_status":503,"expires_at":"` + soon + `"}`:                    "error_ratio",
		`{"id":"a","error_ratio":-0.1,"error_status":503,"expires_at":"` + soon + `"}`:                   "error_ratio",
		`{"id":"a","error_ratio":0.5,"expires_at":"` + soon + `"}`:                                       "error_status",
		`{"id":"a","error_ratio":0.5,"error_status":200,"expires_at":"` + soon + `"}`:                    "error_status",
		`{"id":"a","latency_ms":1,"error_status":503,"expires_at":"` + soon + `"}`:                       "without an error_ratio",
		`{"id":"a","expires_at":"` + soon + `"}`:                                                         "does nothing",
		`{"id":"a","latency_ms":1}`:                                                                      "expires_at is missing",
		`{"id":"a","latency_ms":1,"expires_at":"2001-01-01T00:00:00Z"}`:                                  "is over",
		`{"id":"a","latency_ms":1,"expires_at":"9999-01-01T00:00:00Z"}`:                                  "more than",
		`{"id":"a","latency_ms":1,"expires_at":"tomorrow"}`:                                              "a fault is a JSON object",
		`{"id":"a","latency_ms":1,"expires_at":"` + soon + `","hits":3}`:                                 "hits",
		`{"id":"a","latency_ms":1,"expires_at":"` + soon + `"` + strings.Repeat(" ", maxFaultBody) + `}`: "too large",
	} {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest("POST", "http://127.0.0.1:1/proxies/payments-1/faults", strings.NewReader(body)))
		require.Equal(t, http.StatusBadRequest, w.Code, body)
		var refusal struct {
			Error string `json:"error"`
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &refusal), body)
		require.Contains(t, refusal.Error, says, body)
		require.Less(t, len(refusal.Error), 300, body)
		require.Equal(t, "1", w.Header().Get(chaos.LabHeader))
	}
	w := httptest.NewRecorder()
	control.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1:1/proxies/payments-1/faults", nil))
	require.JSONEq(t, `{"service":"payments","instance":"payments-1","faults":[]}`, w.Body.String())
}

func TestControlAnswersOnlyThisHost(t *testing.T) {
	for name, c := range map[string]struct {
		method, url, origin string
		status              int
	}{
		"a program":             {"GET", "http://127.0.0.1:1/targets", "", http.StatusOK},
		"by name":               {"GET", "http://localhost:1/targets", "", http.StatusOK},
		"a rebound name":        {"GET", "http://evil.example:1/targets", "", http.StatusForbidden},
		"a page in a browser":   {"POST", "http://127.0.0.1:1/proxies/payments-1/faults", "http://evil.example", http.StatusForbidden},
		"an unknown proxy":      {"GET", "http://127.0.0.1:1/proxies/payments-9/faults", "", http.StatusNotFound},
		"an absent fault":       {"DELETE", "http://127.0.0.1:1/proxies/payments-1/faults/x", "", http.StatusNoContent},
		"what is no fault's id": {"DELETE", "http://127.0.0.1:1/proxies/payments-1/faults/%20", "", http.StatusBadRequest},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		testControl().ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, name)
		require.Equal(t, "1", w.Header().Get(chaos.LabHeader), name)
	}
}

func TestWhatFaultsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faults
		put := func(p chaos.ProxyFault) {
			if p.ExpiresAt.IsZero() {
				p.ExpiresAt = time.Now().Add(time.Minute)
			}
			require.NoError(t, checkFault(p, time.Now()))
			require.NoError(t, f.add(p, time.Now()))
		}
		suffer := func() (int, time.Duration) {
			began := time.Now()
			status := f.suffer(t.Context())
			return status, time.Since(began)
		}
		status, took := suffer()
		require.Zero(t, status)
		require.Zero(t, took)

		put(chaos.ProxyFault{ID: "slow", LatencyMS: 300, JitterMS: 50})
		for range 100 {
			status, took = suffer()
			require.Zero(t, status)
			require.InDelta(t, 300, took.Seconds()*1000, 50)
		}
		put(chaos.ProxyFault{ID: "sick", ErrorRatio: 0.3, ErrorStatus: 503})
		sick := 0
		for range 50 { // 15 s of the minute
			if status, _ = suffer(); status == 503 {
				sick++
			}
		}
		list := f.list(time.Now())
		require.EqualValues(t, 150, *list[0].Hits, "everybody was slow")
		require.EqualValues(t, sick, *list[1].Hits)
		require.InDelta(t, 15, sick, 14, "three in ten were sick")

		require.ErrorIs(t, f.add(list[0], time.Now()), errExists)
		f.remove("slow", time.Now())
		f.remove("slow", time.Now())
		require.ErrorIs(t, f.add(list[0], time.Now()), errUndone)
		_, took = suffer()
		require.Zero(t, took)
	})
}

func TestFaultsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faults
		began := time.Now()
		slow := chaos.ProxyFault{ID: "a", LatencyMS: 50_000, ErrorRatio: 1, ErrorStatus: 500, ExpiresAt: began.Add(10 * time.Second)}
		require.NoError(t, f.add(slow, began))
		require.Zero(t, f.suffer(t.Context()), "over before it could strike")
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Empty(t, f.list(time.Now()))

		// Undone while somebody waits.
		slow.ID, slow.ExpiresAt = "b", time.Now().Add(time.Minute)
		require.NoError(t, f.add(slow, time.Now()))
		time.AfterFunc(3*time.Second, func() { f.remove("b", time.Now()) })
		began = time.Now()
		require.Zero(t, f.suffer(t.Context()))
		require.Equal(t, 3*time.Second, time.Since(began))

		// The one who asks goes away.
		slow.ID = "c"
		require.NoError(t, f.add(slow, time.Now()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		require.NotZero(t, f.suffer(ctx))
		require.Equal(t, time.Second, time.Since(began))

		// What could not come back any more is forgotten.
		time.Sleep(maxFaultLife + time.Second)
		f.list(time.Now())
		require.Empty(t, f.undone)
	})
}

func TestFaultsAreBounded(t *testing.T) {
	var f faults
	now := time.Now()
	for i := range maxFaults {
		require.NoError(t, f.add(chaos.ProxyFault{ID: fmt.Sprint(i), LatencyMS: 1, ExpiresAt: now.Add(time.Minute)}, now))
	}
	require.ErrorIs(t, f.add(chaos.ProxyFault{ID: "more", LatencyMS: 1, ExpiresAt: now.Add(time.Minute)}, now), errFull)
	require.False(t, errors.Is(errFull, errExists))
	for i := range 2 * maxUndone {
		f.remove(fmt.Sprint(i), now)
	}
	require.LessOrEqual(t, len(f.undone), maxUndone)
	require.Empty(t, f.list(now))
}
