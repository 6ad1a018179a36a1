package lab

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ServiceMain is what the hidden command `sitrep __lab-service` runs; it
// returns the exit code. It serves until stdin ends, which is when its parent
// does. What goes wrong is one line on standard error.
func ServiceMain(args []string, stdin io.Reader) int {
	s, err := newService(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if err := s.run(stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// service is one of the shop's, in a process of its own.
type service struct {
	name, kind, listen string
	peers              []*peer
	rings              map[string]*ring // by what they are
	*measures
	work func(context.Context) (page, error)
}

// page is what a service answers, as far as it got.
type page struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Note     string `json:"note,omitempty"`
}

// failure is an answer that is none.
type failure struct {
	status int
	why    string
}

func (f failure) Error() string { return f.why }

const (
	// mostInFlight is where a service sheds what it could only be late for.
	mostInFlight = 256
	// shelfPatience is short: a shop without stock numbers is better than none.
	shelfPatience    = 150 * time.Millisecond
	paymentPatience  = time.Second
	checkoutPatience = 2500 * time.Millisecond
)

func newService(args []string) (*service, error) {
	s := &service{measures: newMeasures()}
	flags := flag.NewFlagSet("__lab-service", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.name, "name", "", "")
	flags.StringVar(&s.kind, "service", "", "")
	flags.StringVar(&s.listen, "listen", "", "")
	flags.Func("peer", "", s.addPeer)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 || s.name == "" || s.listen == "" {
		return nil, errors.New("a service of the lab is started by sitrep demo, not by hand")
	}
	switch s.kind {
	case "storefront":
		s.work = s.sell
	case "checkout":
		s.work = s.checkOut
	case "payments":
		s.work = s.pay
	case "inventory":
		s.work = s.count
	default:
		return nil, fmt.Errorf("the lab has no service %q", s.kind)
	}
	s.rings = map[string]*ring{}
	for _, kind := range asks(s.kind) {
		s.rings[kind] = &ring{peers: alike(s.peers, kind)}
		if len(s.rings[kind].peers) == 0 {
			return nil, fmt.Errorf("%s needs a -peer that is %s", s.name, kind)
		}
	}
	return s, nil
}

func (s *service) addPeer(v string) error {
	name, raw, _ := strings.Cut(v, "=")
	u, err := url.Parse(raw)
	if err != nil || name == "" || u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("-peer %q is not NAME=URL", v)
	}
	s.peers = append(s.peers, newPeer(name, raw, s.measures))
	return nil
}

// ring gives peers of one kind their turns.
type ring struct {
	peers []*peer
	turn  atomic.Uint64
}

func (r *ring) next() *peer { return r.peers[r.turn.Add(1)%uint64(len(r.peers))] }

// alike are the peers of one kind: payments-1 and payments-2 are payments.
func alike(peers []*peer, kind string) (list []*peer) {
	for _, p := range peers {
		if p.name == kind || strings.HasPrefix(p.name, kind+"-") {
			list = append(list, p)
		}
	}
	return list
}

func (s *service) run(stdin io.Reader) error {
	listener, err := (&net.ListenConfig{Control: sharePort}).Listen(context.Background(), "tcp", s.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, page{Service: s.kind, Instance: s.name, Note: "healthy"})
	})
	mux.Handle("GET /{$}", s.measured(http.HandlerFunc(s.answer)))
	return marked(mux)
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	room := s.busy.Add(1) <= mostInFlight
	defer s.busy.Add(-1)
	if !room {
		writeJSON(w, http.StatusServiceUnavailable, page{Service: s.kind, Instance: s.name, Note: "too many requests at a time"})
		return
	}
	p, err := s.work(r.Context())
	p.Service, p.Instance = s.kind, s.name
	status := http.StatusOK
	if err != nil {
		status, p.Note = http.StatusInternalServerError, err.Error()
		var f failure
		if errors.As(err, &f) {
			status = f.status
		}
	}
	writeJSON(w, status, p)
}

// sell is the storefront: a page that cannot be had without the checkout.
func (s *service) sell(ctx context.Context) (page, error) {
	think(ctx, 2*time.Millisecond)
	return page{}, s.rings["checkout"].next().ask(ctx, checkoutPatience)
}

// checkOut needs a payment, and would like to know what is in stock. It asks one
// payments instance, once: retries are what turns a slow service into a dead
// one.
func (s *service) checkOut(ctx context.Context) (p page, err error) {
	think(ctx, 2*time.Millisecond)
	if s.rings["inventory"].next().ask(ctx, shelfPatience) != nil {
		p.Note = "stock unknown"
	}
	return p, s.rings["payments"].next().ask(ctx, paymentPatience)
}

func (s *service) pay(ctx context.Context) (page, error) {
	if rand.IntN(50) == 0 { // a card that the bank wants to look at
		think(ctx, 40*time.Millisecond)
	}
	think(ctx, 12*time.Millisecond)
	return page{Note: "authorised " + toil()}, nil
}

func (s *service) count(ctx context.Context) (page, error) {
	think(ctx, 4*time.Millisecond)
	return page{Note: "in stock"}, nil
}

// think takes about as long as median: log-normal, as latencies are.
func think(ctx context.Context, median time.Duration) {
	d := time.Duration(float64(median) * min(6, math.Exp(0.35*rand.NormFloat64())))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// peer is another service as this one sees it.
type peer struct {
	name, url string
	client    *http.Client
	*measures
}

func newPeer(name, url string, m *measures) *peer {
	for _, code := range []string{"200", "502", "503", "504", "timeout", "refused"} {
		m.asked.WithLabelValues(name, code)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: mostInFlight, IdleConnTimeout: time.Minute, DisableCompression: true}
	return &peer{name: name, url: strings.TrimSuffix(url, "/") + "/", client: &http.Client{Transport: transport}, measures: m}
}

// ask wants a page within patience. The error is a failure.
func (p *peer) ask(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	code, err := p.get(ctx)
	p.asked.WithLabelValues(p.name, code).Inc()
	p.askedFor.WithLabelValues(p.name).Observe(time.Since(began).Seconds())
	return err
}

func (p *peer) get(ctx context.Context) (code string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return "refused", failure{http.StatusInternalServerError, err.Error()}
	}
	res, err := p.client.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
		_ = res.Body.Close()
	}
	switch {
	case ctx.Err() != nil:
		return "timeout", failure{http.StatusGatewayTimeout, p.name + " did not answer in time"}
	case err != nil:
		return "refused", failure{http.StatusBadGateway, p.name + " could not be reached"}
	case res.StatusCode != http.StatusOK:
		return fmt.Sprint(res.StatusCode), failure{blame(res.StatusCode), fmt.Sprintf("%s answered %d", p.name, res.StatusCode)}
	}
	return "200", nil
}

// blame is the status of a service whose peer answered with status.
func blame(status int) int {
	if slices.Contains([]int{http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status) {
		return status
	}
	return http.StatusBadGateway
}
