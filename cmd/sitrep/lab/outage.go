package lab

import (
	"net/http"
	"sync"
	"time"
)

// outage lets a stand-in be down, for those who want to see what happens then.
// POST /lab/down makes it answer 503 to everything, POST /lab/down?as=closed
// close the connection without a word, POST /lab/up ends that. What was asked
// stays in the ledger, and the ledger can be read at any time.
type outage struct {
	next http.Handler
	log  *ledger
	now  func() time.Time

	mu sync.Mutex
	as string // "" is up
}

// The ways to be down.
const (
	answers503 = "503"
	closesDown = "closed"
)

func newOutage(next http.Handler, log *ledger, now func() time.Time) http.Handler {
	return &outage{next: next, log: log, now: now}
}

func (o *outage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/lab/down":
		o.fall(r.URL.Query().Get("as")).write(w)
		return
	case r.Method == http.MethodPost && r.URL.Path == "/lab/up":
		o.set("")
		reply{status: http.StatusNoContent}.write(w)
		return
	case r.Method == http.MethodGet && (r.URL.Path == "/ledger" || r.URL.Path == "/alerts"):
		o.next.ServeHTTP(w, r)
		return
	}
	switch o.state() {
	case answers503:
		o.log.serve(w, r, o.now, entryBytes, func(*http.Request, []byte) reply {
			return reply{status: http.StatusServiceUnavailable, text: "Service Unavailable", fault: "it is down"}
		})
	case closesDown:
		o.log.add(entry{Method: r.Method, Path: r.URL.Path, Body: o.log.readable(r, nil), Error: "it is down: the connection was closed"}, o.now)
		panic(http.ErrAbortHandler) // net/http's way to close without an answer
	default:
		o.next.ServeHTTP(w, r)
	}
}

func (o *outage) fall(as string) reply {
	switch as {
	case "":
		as = answers503
	case answers503, closesDown:
	default:
		return reply{status: http.StatusBadRequest, text: "as is 503 or closed"}
	}
	o.set(as)
	return reply{status: http.StatusNoContent}
}

func (o *outage) set(as string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.as = as
}

func (o *outage) state() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.as
}
