package fault

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestExplicitProxy goes through the life of a fault that a proxy of the configuration
// holds.
func TestExplicitProxy(t *testing.T) {
	server := shop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, for a moment
	require.NoError(t, err)
	listen := l.Addr().String()
	require.NoError(t, l.Close())
	g := chaos.ProxyTarget{Name: "shop", Service: "shop", Listen: listen, Upstream: server, Socket: chaos.ProxySocket(t.TempDir(), "shop")}
	target := chaos.Target{Name: "shop", Service: "shop", Listed: true, Gateway: &g}
	s := chaos.Step{Fault: "http.error", With: chaos.With{"percent": "100", "path": "/a"}}
	_, err = httpError{}.Plan(t.Context(), "f-1", s, target)
	require.ErrorContains(t, err, "refused R10 no-proxy: ")
	require.ErrorContains(t, err, "start it: sitrep chaos proxy shop")

	ctx, cancel := context.WithCancel(t.Context())
	ready, served := make(chan struct{}), make(chan error, 1)
	go func() { served <- ServeProxy(ctx, g, func() { close(ready) }, nil) }()
	<-ready
	require.ErrorContains(t, ServeProxy(ctx, chaos.ProxyTarget{Listen: "127.0.0.1:0", Socket: g.Socket}, nil, nil), "a proxy is told about faults at "+g.Socket+" already")
	inj, err := httpError{}.Plan(t.Context(), "f-1", s, target)
	require.NoError(t, err)
	require.Equal(t, chaos.TierCarried, inj.Tier)
	require.NoError(t, inj.Undo[0].Valid())
	const get = "GET /a HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"
	require.Contains(t, say(t, listen, get), "200 OK", "planning touches nothing")

	armed := chaos.Armed{Until: time.Now().Add(time.Minute)}
	_, err = inj.Injector.Inject(t.Context(), armed)
	require.NoError(t, err)
	observed := func() (string, bool) {
		text, ok, err := inj.Injector.Observe(t.Context())
		require.NoError(t, err)
		return text, ok
	}
	text, ok := observed()
	require.False(t, ok, text)
	require.Contains(t, say(t, listen, get), "503 Service")
	text, ok = observed()
	require.True(t, ok)
	require.Equal(t, "1 of 1 requests touched", text)
	hands := chaos.LocalHands{}
	_, gone, err := hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.False(t, gone)
	for range 2 {
		_, err = hands.Do(t.Context(), inj.Undo[0])
		require.NoError(t, err)
	}
	_, gone, err = hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone)
	require.Contains(t, say(t, listen, get), "200 OK", "the proxy stays, and passes")
	_, err = inj.Injector.Inject(t.Context(), armed)
	require.ErrorContains(t, err, "409 Conflict: f-1 was undone already")

	inj, err = httpError{}.Plan(t.Context(), "f-2", s, target)
	require.NoError(t, err)
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{Until: time.Now().Add(200 * time.Millisecond)})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(say(t, listen, get), "200 OK") }, proxyPatience, time.Millisecond, "it ends by itself")
	_, gone, err = hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone)
	fault := func(text string) string {
		return fmt.Sprintf(`{"id": "a", "expires_at": %q, %s}`, time.Now().Add(time.Minute).Format(time.RFC3339), text)
	}
	for body, want := range map[string]string{
		`{`:             "a fault is a JSON object",
		`{"id": "a b"}`: "id ",
		`{"id": "a"}`:   "every fault has an end",
		fmt.Sprintf(`{"id": "a", "kind": "x", "expires_at": %q}`, time.Now().Add(time.Minute).Format(time.RFC3339)): "kind ",
		fault(`"kind": "http.latency", "latency": -1`):                                                              "http.latency: latency -1ns: want 1ms to 1m0s, in nanoseconds\n",
		fault(`"kind": "http.latency", "latency": 9223372036854775807`):                                             "http.latency: latency 2562047h47m16.854775807s: want 1ms to 1m0s",
		fault(`"kind": "http.latency", "latency": 1000000, "jitter": 2000000`):                                      "http.latency: jitter 2ms: want 0 to the latency",
		fault(`"kind": "http.latency", "latency": 1e400`):                                                           "a fault is a JSON object: ",
		fault(`"kind": "http.throttle", "rate": -5`):                                                                "http.throttle: rate -5: want 128 to 1125899906842624 bytes a second",
		fault(`"kind": "http.throttle", "rate": 9223372036854775807`):                                               "http.throttle: rate 9223372036854775807: want ",
		fault(`"kind": "http.truncate", "keep": -2`):                                                                "http.truncate: keep -2: want bytes up to ",
		fault(`"kind": "http.error", "status": 200`):                                                                "http.error: status 200: want 400 to 599",
		fault(`"kind": "http.abort", "latency": -1`):                                                                "http.abort takes no latency",
		fault(`"kind": "http.abort", "match": {"percent": -1}`):                                                     "percent -1: want 0 to 100",
		fault(`"kind": "http.abort", "match": {"path": "x"}`):                                                       `path "x": want the beginning of a path`,
		fault(`"kind": "http.abort", "match": {"methods": ["G\r\nX"]}`):                                             "is no method",
		fault(`"kind": "http.abort", "match": {"value": "x"}`):                                                      "a value, and no header that has it",
		fault(`"kind": "http.abort", "match": {"path_regexp": "("}`):                                                "missing closing )",
		fault(`"kind": "http.abort", "match": {"path_regexp": "` + strings.Repeat("(a*)*", 1000) + `"}`):            "have at most 4 KiB each",
	} {
		res, err := chaos.AskProxy(t.Context(), g.Socket, http.MethodPost, "/faults", strings.NewReader(body))
		require.NoError(t, err)
		said, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		require.Contains(t, string(said), want)
	}

	cancel()
	require.NoError(t, <-served)
	_, gone, err = hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone, "its faults went with it")
	_, err = hands.Do(t.Context(), inj.Undo[0])
	require.NoError(t, err)
}
