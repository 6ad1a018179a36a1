package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// newProxy hands requests on to an instance after the faults before it have had
// their way with them.
func newProxy(to string, f *faults, log *log.Logger) http.Handler {
	target, err := url.Parse(to)
	if err != nil {
		panic(err) // it is made of an address
	}
	proxy := &httputil.ReverseProxy{
		ErrorLog: log, // the default one writes over the screen
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, printable(err.Error(), summaryRunes), http.StatusBadGateway)
		},
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := f.suffer(r.Context()); status != 0 {
			http.Error(w, "an injected fault", status)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// maxFaultBody bounds the description of a fault.
const maxFaultBody = 16 << 10

// control is where faults are injected and taken back, and where the targets
// are listed:
//
//	GET    /targets                     []chaos.Target
//	GET    /proxies/{name}/faults       chaos.ProxyFaults
//	POST   /proxies/{name}/faults       chaos.ProxyFault -> 201 and the same
//	DELETE /proxies/{name}/faults/{id}  204, also if it is not there (any more)
//
// A fault that was deleted cannot be posted again: an injection that is
// overtaken by its undo comes to nothing.
func (l *Lab) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /targets", func(w http.ResponseWriter, _ *http.Request) {
		list := []chaos.Target{}
		for _, c := range l.children {
			if t, ok := c.target(); ok {
				list = append(list, t)
			}
		}
		writeJSON(w, http.StatusOK, list)
	})
	for _, c := range l.children {
		if !c.proxied {
			continue
		}
		path := "/proxies/" + c.name + "/faults"
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, chaos.ProxyFaults{Service: c.service, Instance: c.name, Faults: c.faults.list(time.Now())})
		})
		mux.HandleFunc("POST "+path, c.inject)
		mux.HandleFunc("DELETE "+path+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			id := r.PathValue("id")
			if !faultID.MatchString(id) {
				refuseFault(w, http.StatusBadRequest, fmt.Errorf("%.80q is not the id of a fault", id))
				return
			}
			c.faults.remove(id, time.Now())
			w.WriteHeader(http.StatusNoContent)
		})
	}
	return fromHere(mux)
}

// fromHere refuses what a page in somebody's browser could send.
func fromHere(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		ip := net.ParseIP(host)
		if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) || r.Header.Get("Origin") != "" {
			refuseFault(w, http.StatusForbidden, errors.New("the lab answers only to programs on this host"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (c *child) inject(w http.ResponseWriter, r *http.Request) {
	f, err := decodeFault(http.MaxBytesReader(w, r.Body, maxFaultBody))
	now := time.Now()
	if err == nil {
		err = checkFault(f, now)
	}
	if err != nil {
		refuseFault(w, http.StatusBadRequest, err)
		return
	}
	switch err := c.faults.add(f, now); {
	case errors.Is(err, errUndone):
		refuseFault(w, http.StatusGone, err)
	case err != nil:
		refuseFault(w, http.StatusConflict, err)
	default:
		writeJSON(w, http.StatusCreated, f)
	}
}

// decodeFault reads exactly one fault, without keys that mean nothing here.
func decodeFault(r io.Reader) (f chaos.ProxyFault, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("a fault is a JSON object: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("more than one JSON value")
	}
	return f, nil
}

func refuseFault(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	reply{status: status, body: v}.write(w)
}
