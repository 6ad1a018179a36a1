package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// throughProxy is a fault that a proxy of the configuration holds (`sitrep chaos proxy
// NAME`), and drops by itself at its time.
type throughProxy struct {
	name   string // of the proxy, as the configuration has it
	socket string
	hurt   hurt
}

// ask asks the proxy. One that does not answer is named, with what starts it.
func (t throughProxy) ask(ctx context.Context, method string, body io.Reader) (*http.Response, error) {
	res, err := chaos.AskProxy(ctx, t.socket, method, "/faults", body)
	if err != nil {
		return nil, fmt.Errorf("the proxy %s does not run, or not as this user (sitrep chaos proxy %s starts it): %w", t.name, t.name, err)
	}
	return res, nil
}

// planExplicit plans a fault of a proxy that clients are pointed at.
func planExplicit(ctx context.Context, step chaos.Step, target chaos.Target, h hurt, w way) (chaos.Injection, error) {
	g := target.Gateway
	if w.resets || w.port != 0 {
		return chaos.Injection{}, chaos.Refuse("no-mechanism", "leave port and reset_existing out", "%s has its server from chaos.proxies, and has seen every connection", target.Name)
	}
	if err := sparesUpstream(ctx, target); err != nil {
		return chaos.Injection{}, err
	}
	t := throughProxy{target.Name, g.Socket, h}
	if _, err := t.list(ctx); err != nil {
		return chaos.Injection{}, chaos.Refuse("no-proxy", "start it: sitrep chaos proxy "+target.Name, "%v", err)
	}
	return chaos.Injection{
		ID: h.ID, Kind: h.Kind, Target: target.Name, Tier: chaos.TierCarried,
		Undo: []chaos.Op{chaos.ProxyDelete(g.Socket, h.ID)}, Gone: chaos.ProxyAbsent(g.Socket, h.ID),
		Needs:    []string{fmt.Sprintf("clients that go through %s to %s, and the proxy there: sitrep chaos proxy %s", g.Listen, g.Upstream, target.Name)},
		Preview:  []string{fmt.Sprintf("POST /faults at %s: %s for %s", g.Socket, h.does(), step.Duration), "after it everything passes, until the proxy is told to stop"},
		Injector: t,
	}, nil
}

// held is a fault as a proxy lists it.
type held struct {
	hurt
	Touched int64 `json:"touched"`
	Passed  int64 `json:"passed"`
}

// heldList is a proxy's answer to GET /faults.
type heldList struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	TLS      int64  `json:"tls"`     // connections that nobody could look into
	Foreign  int64  `json:"foreign"` // and those that were not HTTP/1
	Refused  int64  `json:"refused"` // and those that were too many
	Blind    bool   `json:"blind"`   // connections are hurt, not requests
	Faults   []held `json:"faults"`
}

func (t throughProxy) list(ctx context.Context) (list heldList, err error) {
	res, err := t.ask(ctx, http.MethodGet, nil)
	if err != nil {
		return list, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return list, fmt.Errorf("GET /faults at %s: %s", t.socket, res.Status)
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&list)
	return list, err
}

// Inject is chaos.Injector's.
func (t throughProxy) Inject(ctx context.Context, armed chaos.Armed) (string, error) {
	t.hurt.Expires = armed.Until
	body, err := json.Marshal(t.hurt)
	if err != nil {
		return "", err
	}
	res, err := t.ask(ctx, http.MethodPost, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 512))
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("POST /faults at %s: %s: %s", t.socket, res.Status, bytes.TrimSpace(said))
	}
	return fmt.Sprintf("the proxy holds %s until %s", t.hurt.ID, armed.Until.UTC().Format("15:04:05Z")), nil
}

// Observe is chaos.Injector's.
func (t throughProxy) Observe(ctx context.Context) (string, bool, error) {
	list, err := t.list(ctx)
	if err != nil {
		return "", false, err
	}
	for _, f := range list.Faults {
		if f.ID == t.hurt.ID {
			effect, ok := seen{f.Touched, f.Passed, list.TLS, list.Foreign, list.Blind, list.Refused}.judge()
			return effect, ok, nil
		}
	}
	return "the proxy no longer lists it", false, nil
}

// ServeProxy is a proxy that clients are pointed at, until ctx ends. It passes everything
// but for the faults that it is told about at its socket, each of which ends at its time,
// whoever dies:
//
//	GET    /faults       what is in place, with what it has touched
//	POST   /faults       one fault, with its end -> 201
//	DELETE /faults/{id}  204, also if it is not there (any more)
//
// ready is called once clients can come; tell, where it is not nil, with what whoever runs
// the proxy should know, such as that clients are kept out, and never often.
func ServeProxy(ctx context.Context, target chaos.ProxyTarget, ready func(), tell func(text string)) error {
	p := newExplicit(target)
	p.tell = tell
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", target.Listen)
	if err != nil {
		return err
	}
	control, err := listenSocket(ctx, target.Socket)
	if err != nil {
		_ = l.Close()
		return err
	}
	return p.serveTold(ctx, target, l.(*net.TCPListener), control, ready)
}

// newExplicit is a proxy before one server.
func newExplicit(target chaos.ProxyTarget) *proxy {
	p := &proxy{encrypted: target.TLS}
	p.origin = func(*net.TCPConn) (string, error) { return target.Upstream, nil }
	p.dial = func(ctx context.Context, address string) (*net.TCPConn, error) {
		conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return conn.(*net.TCPConn), nil // of TCP
	}
	return p
}

// serveTold works until ctx ends; at control it is told about faults.
func (p *proxy) serveTold(ctx context.Context, target chaos.ProxyTarget, l *net.TCPListener, control net.Listener, ready func()) error {
	srv := &http.Server{Handler: p.control(target), ReadTimeout: askTime, WriteTimeout: askTime}
	go func() { _ = srv.Serve(control) }()
	defer srv.Close()
	ready()
	return p.serve(ctx, l)
}

// listenSocket takes the place of a proxy that has died, and of no other.
func listenSocket(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if conn, err := net.DialTimeout("unix", path, askTime); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("a proxy is told about faults at %s already", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}

var hurtID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// control is where a proxy is told about faults.
func (p *proxy) control(target chaos.ProxyTarget) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		list := heldList{Service: target.Service, Instance: target.Name, TLS: p.tls.Load(), Foreign: p.foreign.Load(), Refused: p.refused.Load(), Blind: p.encrypted, Faults: []held{}}
		for _, l := range p.hurts.all() {
			if l.ctx.Err() == nil {
				list.Faults = append(list.Faults, held{l.hurt, l.touched.Load(), l.passed.Load()})
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list)
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		h, err := p.posted(http.MaxBytesReader(w, r.Body, 2*longestBody), time.Now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := p.hurts.add(h); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !hurtID.MatchString(id) {
			http.Error(w, "that is not the id of a fault", http.StatusBadRequest)
			return
		}
		p.hurts.remove(id, time.Now())
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// posted reads one fault and says what is wrong with it.
func (p *proxy) posted(r io.Reader, now time.Time) (h hurt, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("a fault is a JSON object: %w", err)
	}
	switch {
	case !hurtID.MatchString(h.ID):
		return h, fmt.Errorf("id %.80q: want 1 to 64 letters, digits, dots, dashes or underscores", h.ID)
	case !h.Expires.After(now) || h.Expires.Sub(now) > maxHurtLife:
		return h, fmt.Errorf("expires_at: every fault has an end, at most %s from now", maxHurtLife)
	case p.encrypted && (h.Kind == "http.error" || h.Kind == "http.truncate" || h.Match.narrows()):
		return h, errors.New("the connections are encrypted: nobody can look into their requests")
	}
	return h, h.check()
}
