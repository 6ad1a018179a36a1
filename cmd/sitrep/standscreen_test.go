package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// A screen stands in for a Prometheus that is killed, and is killed itself; the next one
// begins in the middle of the outage and goes on. When Prometheus is back its hole is
// filled with what both scraped, and nothing of it counts twice.
func TestTheNextScreenGoesOnWithTheOutage(t *testing.T) {
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
	serve := func() (kill func()) {
		cmd := exec.Command(prometheus, "--config.file="+yml, "--web.listen-address="+listen, "--storage.tsdb.path="+filepath.Join(dir, "data"))
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }() // however it ended
		kill = func() { _ = cmd.Process.Kill(); <-ended }
		t.Cleanup(kill)
		return kill
	}
	write("load.yaml", "title: Load\nrange: 5m\nrefresh: 1s\npanels:\n- {title: Busy, type: timeseries, queries: [{expr: sum(load)}]}\n")
	config := write("sitrep.yaml", fmt.Sprintf("prometheus: {url: 'http://%s'}\nboards: [load.yaml]\n", listen))
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
	screen := func() *terminal {
		x := startTerminal(t, 140, 40, []string{"XDG_STATE_HOME=" + dir, "HOME=" + dir, "SUDO_USER=ana"}, "--config", config, "--db", path)
		x.see("this process runs the ladder")
		return x
	}
	first := screen()
	require.Eventually(t, func() bool {
		l, err := loadLearned(t.Context(), db, client.URL())
		return err == nil && len(l.Targets) == 1
	}, time.Minute, 50*time.Millisecond)

	killPrometheus()
	var kept []embedded.Stretch
	keptFor := func(d time.Duration) {
		require.Eventually(t, func() bool {
			kept, err = recallScraped(t.Context(), db, client.URL())
			return err == nil && len(kept) > 0 && kept[len(kept)-1].To.Sub(kept[0].From) > d
		}, 3*time.Minute, 100*time.Millisecond, "what is scraped is kept while it is")
	}
	keptFor(15 * time.Second)
	began, killed := kept[0].From, kept[len(kept)-1].To
	first.signal(syscall.SIGKILL)
	second := screen()
	again := time.Now() // what lies between is nobody's
	keptFor(again.Sub(began) + 15*time.Second)
	require.WithinDuration(t, began, kept[0].From, 2*time.Second, "the first one's part is not written over")
	end := kept[len(kept)-1].To
	serve()
	require.Eventually(t, func() bool { _, err := client.Ready(t.Context()); return err == nil }, time.Minute, 50*time.Millisecond)
	second.press("2")
	second.see("Busy", "filled from direct scrape")

	standby, err := a.standby(t.Context(), db, client, query.NewCache(client, query.CacheConfig{}), func(text string) { t.Log(text) })
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- standby.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.ErrorIs(t, <-ended, context.Canceled) })
	for _, part := range [][2]time.Time{{began.Add(2 * time.Second), killed}, {again.Add(5 * time.Second), end}} {
		g := query.Steps(part[0], part[1], time.Second)
		// A second more or less is the scraper's; twice as much would be both's.
		for expr, most := range map[string]float64{"sum(load)": 5, "count_over_time(load[5s])": 6, "count(load)": 1} {
			var f query.Frame
			require.Eventually(t, func() bool {
				f, err = standby.Range(t.Context(), expr, g)
				return err == nil && f.StandIn != "" && len(f.Series) == 1 && knownPoints(f.Series[0]) >= g.N-1
			}, time.Minute, 100*time.Millisecond, "%s from %s to %s is filled", expr, part[0], part[1])
			for i, v := range f.Series[0].Values {
				require.False(t, v > most, "%s is %v at %s: something counts twice", expr, v, g.Time(i))
			}
		}
	}
}
