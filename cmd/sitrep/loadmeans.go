package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query/slo"
)

// loadMeans are what load runs need of the configuration. Call closeAll when the run is
// over.
func (a *app) loadMeans() (m loadtest.Means, closeAll func()) {
	p := &loadProber{app: a, servers: sloServers{app: a}}
	reveal := func(ctx context.Context, dir string, s loadtest.Secret) (string, error) {
		return secret(s).read(ctx, dir)
	}
	return loadtest.Means{Reveal: reveal, Prober: p}, p.servers.close
}

// loadProber answers baselines and guards. It connects when it is first asked.
type loadProber struct {
	app     *app
	servers sloServers
}

// Probe is loadtest.Prober's.
func (p *loadProber) Probe(ctx context.Context, promql string, at time.Time) (float64, bool, error) {
	return p.ask(ctx, "", promql, at)
}

func (p *loadProber) ask(ctx context.Context, source, promql string, at time.Time) (float64, bool, error) {
	client, err := p.servers.client(ctx, source)
	if err != nil {
		return 0, false, err
	}
	return prober{client: client}.Probe(ctx, promql, at)
}

// Burn is loadtest.Prober's: the error ratio over the window, as a multiple of the budget.
func (p *loadProber) Burn(ctx context.Context, name string, window time.Duration, at time.Time) (float64, bool, error) {
	all, err := p.app.objectives()
	if err != nil {
		return 0, false, err
	}
	o, known := slo.Find(all, name)
	if !known {
		return 0, false, fmt.Errorf("there is no objective %q (sitrep slo list shows the objectives)", name)
	}
	v, ok, err := p.ask(ctx, o.Source, o.SLI.RatioOver(window), at)
	return v / o.Budget(), ok, err
}

// drainTime is how long requests in flight may take after the first ctrl-C.
const drainTime = 10 * time.Second

// handle gives a run what a person at the terminal can do: a second ctrl-C closes what
// the first lets end, + and - change the rate. Call release when the run is over.
func (a *app) handle(ctx context.Context, m *loadtest.Means, open bool) (release func(), err error) {
	cut, factors := make(chan struct{}), make(chan float64)
	m.Drain, m.Cut = drainTime, cut
	keys := &operatorWatch{done: make(chan struct{})}
	if open && !a.flags.json {
		if err := keys.take("/dev/tty"); err != nil {
			return nil, err
		}
	}
	if keys.there() {
		m.Factors = factors
		fmt.Fprintln(a.stderr, "+ and - change the rate by a tenth; ctrl-C ends the run, twice at once")
		keys.work.Go(func() { keys.rates(factors) })
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	over := make(chan struct{})
	keys.work.Go(func() {
		var first time.Time
		for {
			select {
			case <-over:
				return
			case <-signals:
			}
			switch now := time.Now(); {
			case first.IsZero():
				first = now
				fmt.Fprintf(a.stderr, "sitrep: no more arrivals; what is in flight has up to %s, ctrl-C again closes it\n", span(drainTime))
			case now.Sub(first) > bounce:
				fmt.Fprintln(a.stderr, "sitrep: what is in flight is closed")
				close(cut)
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(over)
		if err := keys.Close(); err != nil {
			fmt.Fprintf(a.stderr, "sitrep: %v\n", err)
		}
		keys.work.Wait()
	}, nil
}

// rates sends a factor for every + and - that is typed, until Close.
func (w *operatorWatch) rates(factors chan<- float64) {
	const step = 1.1
	w.typed(func(key byte) {
		factor := 0.0
		switch key {
		case '+', '=':
			factor = step
		case '-':
			factor = 1 / step
		default:
			return
		}
		select {
		case factors <- factor:
		case <-w.done:
		}
	})
}

// typed calls do with every byte that is typed, until Close.
func (w *operatorWatch) typed(do func(key byte)) {
	buf := make([]byte, 64)
	for {
		n, err := w.tty.Read(buf)
		for _, key := range buf[:n] {
			do(key)
		}
		if err != nil {
			return
		}
	}
}
