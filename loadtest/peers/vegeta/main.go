// Command vegeta attacks a URL with vegeta as a library, for the tables of
// BenchmarkPeers: a module of its own, so that sitrep does not depend on it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func main() {
	url := flag.String("url", "", "what is attacked")
	rate := flag.Int("rate", 0, "requests a second; 0 is as many as it can")
	length := flag.Duration("for", 4*time.Second, "how long")
	workers := flag.Uint64("workers", vegeta.DefaultMaxWorkers, "at the most")
	flag.Parse()
	options := []func(*vegeta.Attacker){vegeta.MaxWorkers(*workers), vegeta.MaxBody(0)}
	if *workers < vegeta.DefaultMaxWorkers {
		options = append(options, vegeta.Workers(*workers), vegeta.Connections(int(*workers)))
	}
	targeter := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: *url})
	var all vegeta.Metrics
	for r := range vegeta.NewAttacker(options...).Attack(targeter, vegeta.Rate{Freq: *rate, Per: time.Second}, *length, "peers") {
		all.Add(r)
	}
	all.Close()
	err := json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"requests": float64(all.Requests), "errors": float64(len(all.Errors)),
		"p50": all.Latencies.P50.Seconds(), "p95": all.Latencies.P95.Seconds(), "p99": all.Latencies.P99.Seconds(),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
