package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// prometheusFor is the command `prometheus FILE` of scripts: a real Prometheus that has
// scraped every 15 s for two hours. Each line of the file is a series and by how much it
// grew each time. $PROM is where it answers, until the script ends.
func prometheusFor(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: prometheus FILE")
		}
		ts.Check(os.WriteFile(ts.MkAbs("history.txt"), []byte(grown(ts.ReadFile(args[0]), time.Now().Truncate(15*time.Second))), 0o600))
		out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", ts.MkAbs("history.txt"), ts.MkAbs("data")).CombinedOutput()
		if err != nil {
			ts.Fatalf("promtool: %v\n%s", err, out)
		}
		ts.Check(os.WriteFile(ts.MkAbs("prometheus.yml"), []byte("global: {scrape_interval: 15s}\nscrape_configs: [{job_name: none, static_configs: [{targets: ['127.0.0.1:1']}]}]\n"), 0o600))
		address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
		cmd := exec.Command("prometheus", "--config.file="+ts.MkAbs("prometheus.yml"), "--storage.tsdb.path="+ts.MkAbs("data"), "--web.listen-address="+address)
		ts.Check(cmd.Start())
		ts.Defer(func() {
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended
			_ = cmd.Wait()
		})
		for began := time.Now(); ; {
			if res, err := http.Get("http://" + address + "/-/ready"); err == nil {
				_ = res.Body.Close()
				if res.StatusCode == http.StatusOK {
					break
				}
			}
			if time.Since(began) > time.Minute {
				ts.Fatalf("prometheus does not become ready on %s", address)
			}
		}
		ts.Setenv("PROM", "http://"+address)
	}
}

// grown is series as OpenMetrics.
func grown(series string, until time.Time) string {
	var b strings.Builder
	lines := bufio.NewScanner(strings.NewReader(series))
	for lines.Scan() {
		name, step, _ := strings.Cut(lines.Text(), " ")
		by, err := strconv.ParseFloat(step, 64)
		if err != nil {
			continue // an empty line
		}
		v := 0.0
		for at := until.Add(-2 * time.Hour); !at.After(until); at = at.Add(15 * time.Second) {
			v += by
			fmt.Fprintf(&b, "%s %g %d\n", name, v, at.Unix())
		}
	}
	return b.String() + "# EOF\n"
}
