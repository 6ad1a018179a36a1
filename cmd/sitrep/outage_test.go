package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// outage is a real Prometheus that scrapes one load of 5 every second, and a store: what
// it takes to kill one of those that look, and see what the others know.
type outage struct {
	t              *testing.T
	dir, config    string
	path           string // of the store
	db             *store.DB
	client         *query.Client
	killPrometheus func()
	yml, listen    string
}

// newOutage starts the Prometheus, and waits until it scrapes. More is added to
// sitrep.yaml.
func newOutage(t *testing.T, more string) *outage {
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "load 5\n")
	}))
	t.Cleanup(exporter.Close)
	o := &outage{t: t, dir: t.TempDir(), listen: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	o.yml = o.write("prometheus.yml", fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: shop\n  static_configs: [{targets: [%q]}]\n", exporter.Listener.Addr()))
	o.config = o.write("sitrep.yaml", fmt.Sprintf("prometheus: {url: 'http://%s'}\n%s\n", o.listen, more))
	o.path = filepath.Join(o.dir, "s.db")
	var err error
	o.client, err = o.app().prometheus(t.Context())
	require.NoError(t, err)
	t.Cleanup(o.client.CloseIdle)
	o.serve()
	o.db, err = store.Open(t.Context(), o.path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.db.Close()) })
	return o
}

func (o *outage) write(name, text string) string {
	path := filepath.Join(o.dir, name)
	require.NoError(o.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// begin starts a program, and gives what kills it and waits for its end.
func (o *outage) begin(name string, args ...string) (kill func()) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+o.dir, "SUDO_USER=ana")
	require.NoError(o.t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // however it ended
	kill = func() { _ = cmd.Process.Kill(); <-ended }
	o.t.Cleanup(kill)
	return kill
}

// serve starts the Prometheus, with what it knew before, and waits until it scrapes.
func (o *outage) serve() {
	prometheus, err := exec.LookPath("prometheus")
	require.NoError(o.t, err, "the tests need prometheus, which is missing: run make setup")
	o.killPrometheus = o.begin(prometheus, "--config.file="+o.yml, "--web.listen-address="+o.listen, "--storage.tsdb.path="+filepath.Join(o.dir, "data"))
	require.Eventually(o.t, func() bool {
		list, err := o.client.Targets(o.t.Context())
		return err == nil && len(list) == 1 && list[0].Health == "up"
	}, time.Minute, 50*time.Millisecond)
}

// learned waits until somebody knows the target, and could scrape it.
func (o *outage) learned() {
	require.Eventually(o.t, func() bool {
		l, err := loadLearned(o.t.Context(), o.db, o.client.URL())
		return err == nil && len(l.Targets) == 1
	}, time.Minute, 50*time.Millisecond)
}

func (o *outage) app() *app {
	return &app{flags: globals{config: o.config, db: o.path}, stdout: os.Stdout, stderr: os.Stderr}
}

// kept waits until more than d is kept of what was scraped in place of the Prometheus.
func (o *outage) kept(d time.Duration) (list []embedded.Stretch) {
	require.Eventually(o.t, func() bool {
		var err error
		list, err = recallScraped(o.t.Context(), o.db, o.client.URL())
		return err == nil && len(list) > 0 && list[len(list)-1].To.Sub(list[0].From) > d
	}, 3*time.Minute, 100*time.Millisecond, "what is scraped is kept while it is")
	return list
}

// standby is that of one more process, which runs until the test is over.
func (o *outage) standby() *embedded.Standby {
	standby, err := o.app().standby(o.t.Context(), o.db, o.client, query.NewCache(o.client, query.CacheConfig{}), func(text string) { o.t.Log(text) })
	require.NoError(o.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- standby.Run(ctx) }()
	o.t.Cleanup(func() { cancel(); require.ErrorIs(o.t, <-ended, context.Canceled) })
	return standby
}

// knownPoints is at how many points a series has a value.
func knownPoints(s query.Series) (n int) {
	for i := range s.Values {
		if s.Knows(i) {
			n++
		}
	}
	return n
}
