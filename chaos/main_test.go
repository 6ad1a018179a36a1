package chaos_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/chaostest"
	"github.com/sitrep-dev/sitrep/chaos/fault"
)

// TestMain lets the test binary be every process of a run: the starter that
// starts it, runner, undertaker, and what is hurt.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "__") {
		go hurriedCollector()
		os.Exit(play(os.Args[1], os.Args[2:]))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // these tests wait more than they work
		panic(err)
	}
	// A race in a process that we start ends it, which no test overlooks.
	if err := os.Setenv("GORACE", "halt_on_error=1 atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/sitrep-dev/sitrep/chaos.attach"), goleak.Cleanup(leave)) // the thread that starts holders never ends
}

// leave ends the suite with its code, or with 1 where something of it is left.
func leave(code int) {
	built := unracedFile()
	_ = os.Remove(built) // there is none unless a test asked for it
	chaostest.Exit(code, built)
}

// hurriedCollector closes every pipe that nothing refers to as soon as that can
// happen, and not once in a long run.
func hurriedCollector() {
	for range time.Tick(100 * time.Millisecond) {
		runtime.GC()
	}
}

func play(part string, args []string) int {
	switch part {
	case "__chaos-runner":
		policy := chaos.DefaultPolicy()
		policy.Exec = args[2:]
		return chaos.RunnerMain(context.Background(), chaos.RunnerIO{Stdin: os.Stdin, Stdout: os.Stdout}, chaos.Means{Prober: labProber{args[0]}, Incidents: noIncidents{}, Faults: faultsOf(args[1]), Policy: policy})
	case "__recover":
		return recoverHere(args[0])
	case "__undertake":
		return chaos.UndertakeMain(args, os.Stdin, os.NewFile(3, "ack"))
	case "__chaos-hold":
		return chaos.HoldMain(args, os.Stdin, os.Stdout, fault.Holders())
	case "__chaos-rehearse":
		return chaos.RehearseMain(args, os.Stdin, os.Stdout, fault.All())
	case "__chaos-extra":
		return chaos.ExtraMain(args, os.Stdin, os.Stdout)
	case "__doctor":
		if _, err := chaos.WhatWorks(context.Background(), fault.All(), chaos.Around{}); err != nil {
			return 1
		}
		return 0
	case "__starter":
		return hold(args[0])
	case "__lab-service":
		return serve()
	case "__wait":
		fmt.Println("waits")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	case "__protected":
		return protected(args[0])
	}
	return 64
}

// noIncidents are those of a quiet day.
type noIncidents struct{}

func (noIncidents) Open(context.Context) ([]chaos.Incident, error) { return nil, nil }

// hold is a sitrep that starts one run and prints its reports and its outcome.
func hold(request string) int {
	var req chaos.Request
	b, err := os.ReadFile(request)
	if err == nil {
		err = json.Unmarshal(b, &req)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	h, err := chaos.Spawn(context.Background(), req)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out := json.NewEncoder(os.Stdout)
	for r := range h.Reports() {
		_ = out.Encode(r) // the test reads what it needs and hangs up
	}
	if _, err := h.Wait(); err != nil {
		return 1
	}
	return 0
}

// protected says what keeps a process from being hurt, as this user sees it.
func protected(number string) int {
	pid, err := strconv.Atoi(number)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := os.Readlink("/proc/" + number + "/exe"); err != nil {
		fmt.Print("cannot see its file: ")
	}
	fmt.Println(chaos.Protected(chaos.Process{PID: pid}))
	return 0
}

// serve is a service of the lab: its address is its first line of output, and it
// ends with its standard input.
func serve() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("http://" + l.Addr().String())
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(chaos.LabHeader, "1")
		}))
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// labProber asks the lab of a test. Its PromQL is the name of a metric there.
type labProber struct{ lab string }

func (p labProber) Probe(ctx context.Context, promql string, _ time.Time) (float64, bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.lab+"/metrics/"+url.PathEscape(promql), nil)
	if err != nil {
		return 0, false, err
	}
	res, err := chaos.LoopbackClient(time.Minute).Do(req)
	if err != nil {
		return 0, false, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || len(b) == 0 {
		return 0, false, err
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil, err
}
