package loadtest

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the server of the benchmarks too, so that
// what the server costs is not counted as the client's.
func TestMain(m *testing.M) {
	if os.Getenv("SITREP_TEST_SERVER") != "" {
		if err := answerForEver(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const canned = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Tue, 24 Nov 2026 04:52:11 GMT\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}"

// stallEvery is how often a server of the benchmarks that stalls answers nobody for a
// second, counted from the hour.
const stallEvery = 5 * time.Second

// stall is how long an answer waits.
func stall(now time.Time) time.Duration {
	if os.Getenv("SITREP_TEST_STALLS") == "" {
		return 0
	}
	return max(0, time.Second-now.Sub(now.Truncate(stallEvery)))
}

// answerForEver answers every request on loopback with canned; the address is
// its first line of output. It ends with its standard input.
func answerForEver() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				buf := make([]byte, 4096) // one read is one request: the clients do not pipeline
				for {
					if _, err := nc.Read(buf); err != nil {
						return
					}
					time.Sleep(stall(time.Now()))
					if _, err := nc.Write([]byte(canned)); err != nil {
						return
					}
				}
			}()
		}
	}()
	_, err = os.Stdin.Read(make([]byte, 1))
	if err != nil && err.Error() != "EOF" {
		return err
	}
	return nil
}

// engineOf is an engine for a plan without files and secrets.
func engineOf(plan Plan, ends []endpoint, endOf []int, dial dialFunc) *engine {
	flows, data, bad := plan.files(endOf, nil)
	if bad != nil {
		panic(bad.path + ": " + bad.message)
	}
	return newEngine(plan, kit{ends: ends, flows: flows, data: data, dial: dial})
}
