package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/sitrep-dev/sitrep/query/alert"
)

// What one notification may carry, and how many are read at a time.
const (
	mostNotification  = 8 << 20
	mostNotifications = 8
	usualNotification = 64 << 10 // read without waiting for a place
)

// webhookIn takes Alertmanager's notifications in. It answers 200 once they are
// recorded; after any other 5xx Alertmanager sends them again.
type webhookIn struct {
	desk  *alertDesk
	token func(context.Context) (string, error) // nil: none is asked for
	poke  func()                                // something was left out: ask Alertmanager for it
	large chan struct{}                         // mostNotifications places to read one that is larger than usual
	busy  chan struct{}                         // as many to record one
	now   func() time.Time
}

// ServeHTTP is http.Handler's.
func (in webhookIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == aliveAt {
		_, _ = io.WriteString(w, aliveText)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "notifications of Alertmanager are posted here", http.StatusMethodNotAllowed)
		return
	}
	if status, err := in.allowed(r); err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	body, err := in.read(w, r)
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errBusy):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case errors.As(err, &large):
		in.poke() // Alertmanager does not send it again
		http.Error(w, fmt.Sprintf("a notification has at most %d bytes: set max_alerts of the receiver; Alertmanager is asked for the rest", mostNotification), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "the notification did not come whole: "+err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case in.busy <- struct{}{}:
		defer func() { <-in.busy }()
	default:
		http.Error(w, errBusy.Error(), http.StatusServiceUnavailable)
		return
	}
	n, err := alert.ReadNotification(body)
	if errors.Is(err, alert.ErrTooMany) {
		in.poke()
		http.Error(w, err.Error()+"; Alertmanager is asked for the rest", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := in.desk.take(r.Context(), n.Alerts, in.now()); err != nil {
		http.Error(w, "not recorded, send it again: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	if n.Truncated > 0 {
		in.poke()
	}
	fmt.Fprintf(w, "%s recorded\n", count(len(n.Alerts), "alert"))
	for _, why := range n.LeftOut {
		fmt.Fprintf(w, "left out: %s\n", why)
	}
}

var errBusy = errors.New("too many notifications at once, try again")

// read is the body. Only one that is larger than usual needs a place: whoever sends
// slowly, or stops, must not keep those of Alertmanager out.
func (in webhookIn) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	rest := http.MaxBytesReader(w, r.Body, mostNotification)
	body, err := io.ReadAll(io.LimitReader(rest, usualNotification))
	if err != nil || len(body) < usualNotification {
		return body, err
	}
	select {
	case in.large <- struct{}{}:
		defer func() { <-in.large }()
	default:
		return nil, errBusy
	}
	more, err := io.ReadAll(rest)
	return append(body, more...), err
}

// allowed says why a request is not taken in. The token comes as a bearer, as the
// password of basic authentication or as the last part of the path: old
// Alertmanagers can do no better. The type keeps web pages out, which may send a
// browser here but not with this one.
func (in webhookIn) allowed(r *http.Request) (status int, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType, errors.New("send application/json, as Alertmanager does")
	}
	if in.token == nil {
		return 0, nil
	}
	want, err := in.token(r.Context())
	if err != nil {
		return http.StatusServiceUnavailable, errors.New("the token of this sitrep cannot be read (sitrep doctor says why)")
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, password, _ := r.BasicAuth()
	for _, given := range []string{bearer, password, path.Base(r.URL.Path)} {
		if subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1 {
			return 0, nil
		}
	}
	return http.StatusUnauthorized, errors.New("give the token of alertmanager.webhook.token: http_config.authorization.credentials, or http://HOST/TOKEN")
}

// Where a listener says that it is one.
const (
	aliveAt   = "/-/healthy"
	aliveText = "sitrep takes alerts in here\n"
)

// webhookListener listens for notifications in whichever process comes first, and in
// another one a moment after that has ended: the store is the same.
type webhookListener struct {
	address string
	handler http.Handler
	problem func(string)
	retry   time.Duration
}

// Run takes notifications in until ctx ends.
func (l webhookListener) Run(ctx context.Context) error {
	said := complaint{problem: l.problem}
	for {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", l.address)
		switch {
		case err == nil:
			said.say("")
			return l.serve(ctx, listener)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, syscall.EADDRINUSE) && l.another(ctx):
			said.say("")
		default:
			said.say(fmt.Sprintf("alerts cannot be taken in at alertmanager.webhook.listen: %v", err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(l.retry):
		}
	}
}

// another says that another sitrep listens there.
func (l webhookListener) another(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.address+aliveAt, nil)
	if err != nil {
		return false
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1024))
	return err == nil && string(body) == aliveText
}

func (l webhookListener) serve(ctx context.Context, listener net.Listener) error {
	listener = netutil.LimitListener(listener, mostConnections)
	server := &http.Server{Handler: l.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}
