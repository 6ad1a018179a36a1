package lab

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServiceRefusesWhatItCannotPlay(t *testing.T) {
	for args, says := range map[string]string{
		"":                                   "by hand",
		"-name x -service bank -listen :0":   `no service "bank"`,
		"-name x -service payments":          "by hand",
		"-name x -service payments -no-such": "no-such",
		"-name x -service payments -listen 127.0.0.1:0 extra":                                      "by hand",
		"-name x -service storefront -listen 127.0.0.1:0":                                          "needs a -peer that is checkout",
		"-name x -service checkout -listen 127.0.0.1:0 -peer inventory=http://127.0.0.1:1":         "needs a -peer that is payments",
		"-name x -service storefront -listen 127.0.0.1:0 -peer checkout=ftp://127.0.0.1:1":         "NAME=URL",
		"-name x -service storefront -listen 127.0.0.1:0 -peer checkout-desk=http://127.0.0.1:1 x": "by hand",
	} {
		_, err := newService(strings.Fields(args))
		require.ErrorContains(t, err, says, args)
		require.Equal(t, 2, ServiceMain(strings.Fields(args), strings.NewReader("")), args)
	}
}

func TestServiceEndsWithItsParent(t *testing.T) {
	in, parent := io.Pipe()
	code := make(chan int)
	go func() {
		code <- ServiceMain(strings.Fields("-name payments-1 -service payments -listen 127.0.0.1:0"), in)
	}()
	require.NoError(t, parent.Close())
	require.Zero(t, <-code)
	require.Equal(t, 1, ServiceMain(strings.Fields("-name payments-1 -service payments -listen 203.0.113.1:1"), in), "not an address of this host")
}

// peerThat answers with status, or not at all for 0.
func peerThat(t *testing.T, status int) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == 0 {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestCheckoutNeedsPaymentsOnly(t *testing.T) {
	nobody, err := reserve()
	require.NoError(t, err)
	defer func() { require.NoError(t, nobody.release()) }()
	gone := "http://" + nobody.addr
	for name, c := range map[string]struct {
		inventory, payments string
		status              int
		note                string
	}{
		"all is well":       {peerThat(t, 200), peerThat(t, 200), 200, ""},
		"inventory sick":    {peerThat(t, 500), peerThat(t, 200), 200, "stock unknown"},
		"inventory slow":    {peerThat(t, 0), peerThat(t, 200), 200, "stock unknown"},
		"inventory gone":    {gone, peerThat(t, 200), 200, "stock unknown"},
		"payments sick":     {peerThat(t, 200), peerThat(t, 500), 502, "payments-1 answered 500"},
		"payments shedding": {peerThat(t, 200), peerThat(t, 503), 503, "payments-1 answered 503"},
		"payments slow":     {peerThat(t, 200), peerThat(t, 0), 504, "payments-1 did not answer in time"},
		"payments gone":     {peerThat(t, 200), gone, 502, "payments-1 could not be reached"},
	} {
		s, err := newService([]string{
			"-name", "checkout", "-service", "checkout", "-listen", "127.0.0.1:0", "-peer", "inventory=" + c.inventory, "-peer", "payments-1=" + c.payments,
		})
		require.NoError(t, err, name)
		status, p := visitPage(t, s)
		require.Equal(t, c.status, status, name)
		require.Equal(t, c.note, p.Note, name)
		for _, p := range s.peers {
			p.client.CloseIdleConnections()
		}
	}
}

func visitPage(t *testing.T, s *service) (int, page) {
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	var p page
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	return w.Code, p
}

// The balancer that gives every second request to the same instance, whatever
// else is asked in between.
func TestPeersTakeTurns(t *testing.T) {
	s, err := newService([]string{
		"-name", "checkout", "-service", "checkout", "-listen", "127.0.0.1:0",
		"-peer", "inventory=http://127.0.0.1:1", "-peer", "payments-1=http://127.0.0.1:2", "-peer", "payments-2=http://127.0.0.1:3",
	})
	require.NoError(t, err)
	turns := map[string]int{}
	for range 10 {
		turns[s.rings["inventory"].next().name]++
		turns[s.rings["payments"].next().name]++
	}
	require.Equal(t, map[string]int{"inventory": 10, "payments-1": 5, "payments-2": 5}, turns)
}

func TestServiceSheds(t *testing.T) {
	s, err := newService(strings.Fields("-name payments-1 -service payments -listen 127.0.0.1:0"))
	require.NoError(t, err)
	entered, leave := make(chan struct{}), make(chan struct{})
	s.work = func(context.Context) (page, error) {
		entered <- struct{}{}
		<-leave
		return page{}, nil
	}
	served := make(chan struct{})
	for range mostInFlight {
		go func() {
			s.handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			served <- struct{}{}
		}()
		<-entered
	}
	status, p := visitPage(t, s)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, p.Note, "too many")
	close(leave)
	for range mostInFlight {
		<-served
	}
	s.work = s.pay
	status, p = visitPage(t, s)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, p.Note, "authorised")
}
