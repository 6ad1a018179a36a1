// Package lab is the world that `sitrep demo` shows: a small shop that can be
// hurt, a Prometheus, and stand-ins for PagerDuty, Slack, a webhook
// and a status page, all on loopback.
//
// A storefront asks a checkout, which asks inventory and one of two payments
// instances in turn. Each of the five is a process of its own; what one asks of
// another goes through a fault proxy in this process. Everything else of sitrep
// reaches the lab as it would reach production: through addresses in a
// configuration file.
package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

// Options says where the lab keeps its files and which binary plays the services.
type Options struct {
	Dir        string    // all its files; created if need be, never removed
	DB         string    // default Dir/sitrep.db; only named, never opened
	Executable string    // default os.Executable(); must run ServiceMain for __lab-service
	Log        io.Writer // default: nothing is logged
	Person     string    // who is primary on call; default "primary on call"
}

// Ready is what the lab prints when everything answers.
type Ready struct {
	Prometheus string            `json:"prometheus"`
	PagerDuty  string            `json:"pagerduty"`
	Slack      string            `json:"slack"` // the Web API is under /api/
	Webhook    string            `json:"webhook"`
	StatusPage string            `json:"statuspage"` // the API is under /v1/
	Services   map[string]string `json:"services"`
	Config     string            `json:"config"`
	DB         string            `json:"db"`
	Targets    string            `json:"targets"`
}

// LedgerEntry is one request that a stand-in received.
type LedgerEntry struct {
	At      time.Time
	Service string // pagerduty, slack, webhook, statuspage
	Path    string
	Summary string // one printable line
	Status  int
}

// Lab is the running world. Its methods may be called from any goroutine.
type Lab struct {
	ready      Ready
	log        *log.Logger
	children   []*child
	prometheus *embedded.Server
	pagerduty  *ledger
	slack      *ledger
	webhook    *ledger
	statuspage *ledger

	group  *errgroup.Group // everything that runs; its context ends with Close or the first failure
	life   context.Context
	end    context.CancelFunc
	closed sync.Once
}

// startWithin is the patience with a machine that has other things to do.
const startWithin = 30 * time.Second

// Start returns once Prometheus, stand-ins and services answer. If one does not,
// the error says which, and nothing is left running. The lab then runs until
// Close, whatever becomes of ctx.
func Start(ctx context.Context, o Options) (*Lab, error) {
	if o.Dir == "" {
		return nil, errors.New("the lab has no directory for its files")
	}
	if o.Executable == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find the program that plays the services: %w", err)
		}
		o.Executable = self
	}
	if o.Person == "" {
		o.Person = "primary on call"
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	l := &Lab{log: log.New(o.Log, "lab: ", log.LstdFlags|log.LUTC|log.Lmsgprefix)}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	l.end = end
	l.group, l.life = errgroup.WithContext(life)
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := l.start(ctx, o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context, o Options) error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if err := l.open(o.Person); err != nil {
		return err
	}
	l.ready.Config, l.ready.DB = filepath.Join(dir, "sitrep.yaml"), cmp.Or(o.DB, filepath.Join(dir, "sitrep.db"))
	if err := writeFiles(dir, l.ready, o.Person); err != nil {
		return err
	}
	if err := l.openShop(ctx, o.Executable); err != nil {
		return err
	}
	l.prometheus.Scrape(ctx, time.Now())
	l.group.Go(func() error { return l.prometheus.Run(l.life) })
	l.group.Go(func() error { return shoppers(l.life, l.ready.Services["storefront"]+"/") })
	for name, url := range map[string]string{
		"Prometheus": l.ready.Prometheus + "/-/ready", "PagerDuty": l.ready.PagerDuty + "/ledger", "Slack": l.ready.Slack + "/ledger",
		"the webhook": l.ready.Webhook + "/ledger", "the status page": l.ready.StatusPage + "/ledger", "the list of targets": l.ready.Targets,
	} {
		if err := answers(ctx, url); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// open starts what is in this process, and knows then where everything will be.
func (l *Lab) open(person string) error {
	l.ready.Services = map[string]string{}
	instances, err := reserveShop()
	for _, in := range instances {
		l.children = append(l.children, &child{instance: in, log: l.log})
		l.ready.Services[in.name] = in.url()
	}
	if err != nil {
		return err
	}
	if l.prometheus, err = l.newPrometheus(); err != nil {
		return err
	}
	l.pagerduty, l.slack, l.webhook, l.statuspage = newLedger(), newLedger(), newLedger(), newLedger()
	if l.ready.Prometheus, err = l.serve(l.prometheus.Handler()); err != nil {
		return err
	}
	if l.ready.PagerDuty, err = l.serve(newOutage(newPagerDuty(l.pagerduty, time.Now, person).startedAt(time.Now()).withForeign(), l.pagerduty, time.Now)); err != nil {
		return err
	}
	if l.ready.Slack, err = l.serve(newOutage(newSlack(l.slack, time.Now), l.slack, time.Now)); err != nil {
		return err
	}
	if l.ready.Webhook, err = l.serve(newOutage(newWebhook(l.webhook, time.Now), l.webhook, time.Now)); err != nil {
		return err
	}
	if l.ready.StatusPage, err = l.serve(newOutage(newStatusPage(l.statuspage, time.Now), l.statuspage, time.Now)); err != nil {
		return err
	}
	control, err := l.serve(l.control())
	l.ready.Targets = control + "/targets"
	for _, c := range l.children {
		c.control = control
	}
	return err
}

// openShop puts the proxies before the services, starts those, and returns when
// all are healthy.
func (l *Lab) openShop(ctx context.Context, executable string) error {
	for _, c := range l.children {
		if !c.proxied {
			continue
		}
		addr, err := l.serve(newProxy(c.url(), &c.faults, l.log))
		if err != nil {
			return err
		}
		c.entrance = addr
	}
	type start struct {
		name string
		err  error
	}
	started, missing := make(chan start, len(l.children)), map[string]bool{}
	for _, c := range l.children {
		missing[c.name] = true
		c.executable, c.args = executable, l.serviceArgs(c)
		l.group.Go(func() error { return c.keep(l.life, func(err error) { started <- start{c.name, err} }) })
	}
	for len(missing) > 0 {
		select {
		case s := <-started:
			if s.err != nil {
				return s.err
			}
			delete(missing, s.name)
		case <-ctx.Done():
			return fmt.Errorf("not healthy yet: %s: %w", strings.Join(slices.Sorted(maps.Keys(missing)), ", "), ctx.Err())
		}
	}
	return nil
}

// serviceArgs is the command line of a service: who it is, where it listens,
// and the entrances of those that it asks.
func (l *Lab) serviceArgs(c *child) []string {
	args := []string{"__lab-service", "-name", c.name, "-service", c.service, "-listen", c.addr}
	for _, other := range l.children {
		if slices.Contains(asks(c.service), other.service) {
			args = append(args, "-peer", other.name+"="+cmp.Or(other.entrance, other.url()))
		}
	}
	return args
}

// Ready says where everything is.
func (l *Lab) Ready() Ready { return l.ready }

// Ledger is what the stand-ins have received, oldest first; the slice is the
// caller's.
func (l *Lab) Ledger() []LedgerEntry {
	var all []LedgerEntry
	for name, kept := range map[string]*ledger{"pagerduty": l.pagerduty, "slack": l.slack, "webhook": l.webhook, "statuspage": l.statuspage} {
		for _, e := range kept.entries() {
			all = append(all, LedgerEntry{At: e.At, Service: name, Path: e.Path, Summary: e.summary(), Status: e.Status})
		}
	}
	slices.SortFunc(all, func(a, b LedgerEntry) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Service, b.Service))
	})
	return all
}

// Run returns when ctx ends, without an error, or with the reason for which a
// part of the lab has failed. A service that dies is no reason: it is started
// again.
func (l *Lab) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-l.life.Done():
	}
	if err := context.Cause(l.life); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the lab: %w", err)
	}
	return nil
}

// Close ends the children and everything else and waits for that; a second call
// does nothing.
func (l *Lab) Close() (err error) {
	l.closed.Do(func() {
		l.end()
		_ = l.group.Wait() // what failed is told by Run
		for _, c := range l.children {
			err = errors.Join(err, c.release())
		}
	})
	return err
}
