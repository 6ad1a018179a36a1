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

// A daemon stands in for a Prometheus that is killed, and is killed itself; Prometheus
// comes back with a hole. A process that was not there meanwhile fills it.
func TestAnotherProcessFillsTheGap(t *testing.T) {
	t.Parallel()
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "load 5\n")
	}))
	t.Cleanup(exporter.Close)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	yml := write("prometheus.yml", fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: shop\n  static_configs: [{targets: [%q]}]\n", exporter.Listener.Addr()))
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	prometheus, err := exec.LookPath("prometheus")
	require.NoError(t, err, "the tests need prometheus, which is missing: run make setup")
	begin := func(name string, args ...string) (kill func()) {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "SUDO_USER=ana")
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }() // however it ended
		kill = func() { _ = cmd.Process.Kill(); <-ended }
		t.Cleanup(kill)
		return kill
	}
	serve := func() func() {
		return begin(prometheus, "--config.file="+yml, "--web.listen-address="+listen, "--storage.tsdb.path="+filepath.Join(dir, "data"))
	}
	config := write("sitrep.yaml", fmt.Sprintf("prometheus: {url: 'http://%s'}\ndaemon: {listen: 127.0.0.1:%d}\n", listen, freePort(t)))
	path := filepath.Join(dir, "s.db")
	a := &app{flags: globals{config: config, db: path}, stdout: os.Stdout, stderr: os.Stderr}
	client, err := a.prometheus(t.Context())
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	killPrometheus := serve()
	require.Eventually(t, func() bool {
		list, err := client.Targets(t.Context())
		return err == nil && len(list) == 1 && list[0].Health == "up"
	}, time.Minute, 50*time.Millisecond)
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	killDaemon := begin(binary, "--config", config, "--db", path, "daemon")
	require.Eventually(t, func() bool {
		l, err := loadLearned(t.Context(), db, client.URL())
		return err == nil && len(l.Targets) == 1
	}, time.Minute, 50*time.Millisecond)

	killPrometheus()
	var kept []embedded.Stretch
	require.Eventually(t, func() bool {
		kept, err = recallScraped(t.Context(), db, client.URL())
		return err == nil && len(kept) > 0 && kept[len(kept)-1].To.Sub(kept[0].From) > 15*time.Second
	}, 2*time.Minute, 100*time.Millisecond, "what is scraped is kept while it is")
	killDaemon()
	serve()
	require.Eventually(t, func() bool { _, err := client.Ready(t.Context()); return err == nil }, time.Minute, 50*time.Millisecond)

	standby, err := a.standby(t.Context(), db, client, query.NewCache(client, query.CacheConfig{}), func(text string) { t.Log(text) })
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- standby.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.ErrorIs(t, <-ended, context.Canceled) })
	g := query.Steps(kept[0].From.Add(2*time.Second), kept[len(kept)-1].To, time.Second)
	require.Eventually(t, func() bool {
		f, err := standby.Range(t.Context(), "count_over_time(load[2s]) > 0", g)
		return err == nil && f.StandIn != "" && len(f.Series) == 1 && knownPoints(f.Series[0]) >= g.N-1
	}, time.Minute, 100*time.Millisecond, "the gap is filled by what another process scraped")
	whole, err := client.Range(t.Context(), "count_over_time(load[2s]) > 0", g)
	require.NoError(t, err)
	for _, s := range whole.Series {
		require.Less(t, knownPoints(s), g.N/2, "the server has a hole there")
	}
	require.Zero(t, standby.StandsIn(), "nothing is scraped for that: the server is there")
}

func knownPoints(s query.Series) (n int) {
	for i := range s.Values {
		if s.Knows(i) {
			n++
		}
	}
	return n
}
