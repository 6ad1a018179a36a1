package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use: "daemon", Short: "no screen: run the ladder, deliver, and watch the alerts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error { return a.daemon(cmd.Context(), db) })
		},
	}
}

func (a *app) daemon(ctx context.Context, db *store.DB) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	n := silent(func(text string) {
		fmt.Fprintf(a.stderr, "%s %s\n", time.Now().UTC().Format(time.RFC3339), sanitise(text))
	})
	c, err := a.newCentre(ctx, db, "daemon", n)
	if err != nil {
		return err
	}
	defer c.close()
	listener, err := net.Listen("tcp", cfg.Daemon.Listen)
	if err != nil {
		return fmt.Errorf("daemon: %w; set daemon.listen to another address", err)
	}
	listener = netutil.LimitListener(listener, mostConnections)
	server := &http.Server{Handler: c.daemonHandler(cfg), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	fmt.Fprintf(a.stderr, "sitrep daemon: store %s, http://%s/health\n", db.Path(), listener.Addr())
	g, ctx := errgroup.WithContext(ctx)
	c.start(ctx, g)
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	return g.Wait()
}

// mostConnections is how many others may hold open at once, of each listener. The rest
// waits in the kernel: files that strangers hold are missing where pages are delivered
// and the store is read.
const mostConnections = 128

// daemonHandler answers /health and /metrics, and takes changes in.
func (c *centre) daemonHandler(cfg *config) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(storeCollector{c.db})
	if c.checker != nil {
		reg.MustRegister(c.checker.runner)
	}
	mux := http.NewServeMux()
	in := intake{db: c.db, now: time.Now}
	if cfg.Daemon.Token != "" {
		in.token = func(ctx context.Context) (string, error) { return cfg.Daemon.Token.read(ctx, cfg.dir) }
	}
	mux.Handle("POST /changes", in)
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.Handle("GET /health", healthEndpoint{c})
	mux.HandleFunc("GET /-/healthy", func(http.ResponseWriter, *http.Request) {}) // that it answers is all
	return mux
}

// storeCollector reads the store when Prometheus asks.
type storeCollector struct{ db *store.DB }

// Describe is prometheus.Collector's; what Collect sends is not fixed before.
func (storeCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (s storeCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	incidents := prometheus.NewDesc("sitrep_incidents_open", "Incidents that are not over, by severity.", []string{"severity"}, nil)
	pages := prometheus.NewDesc("sitrep_messages", "Messages in the outbox, by sink and state.", []string{"sink", "state"}, nil)
	held := prometheus.NewDesc("sitrep_ladder_held", "1 while a process runs the ladder.", nil, nil)
	down := prometheus.NewDesc("sitrep_sink_down", "1 while a sink is left alone because it fails.", []string{"sink"}, nil)
	open, err := s.db.Incidents(ctx, true, 0)
	if err != nil {
		out <- prometheus.NewInvalidMetric(incidents, err)
		return
	}
	count := map[string]float64{}
	for _, inc := range open {
		count[string(inc.Severity)]++
	}
	for sev, n := range count {
		out <- prometheus.MustNewConstMetric(incidents, prometheus.GaugeValue, n, sev)
	}
	messages, err := s.db.Messages(ctx, "")
	if err != nil {
		out <- prometheus.NewInvalidMetric(pages, err)
		return
	}
	states := map[[2]string]float64{}
	for _, m := range messages {
		states[[2]string{m.Sink, string(m.State)}]++
	}
	for k, n := range states {
		out <- prometheus.MustNewConstMetric(pages, prometheus.GaugeValue, n, k[0], k[1])
	}
	health, err := s.db.Health(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(down, err)
		return
	}
	now := time.Now()
	for _, h := range health {
		out <- prometheus.MustNewConstMetric(down, prometheus.GaugeValue, boolValue(h.Broken && h.Until.After(now)), h.Sink)
	}
	lease, err := s.db.Lease(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(held, err)
		return
	}
	out <- prometheus.MustNewConstMetric(held, prometheus.GaugeValue, boolValue(lease.Live(time.Now())))
}

func boolValue(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
