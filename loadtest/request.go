package loadtest

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
)

// request is a target made ready: its bytes are built once and sent as they are.
type request struct {
	name       string // "GET http://…", for people
	bytes      []byte
	end        int // index of the endpoint
	head       bool
	idempotent bool // may be sent again where nobody knows whether it arrived
}

// newRequest builds the bytes of a target that validate has accepted.
func newRequest(t Target, end int) *request {
	u, err := url.Parse(t.URL)
	if err != nil {
		panic("loadtest: an unchecked url: " + err.Error())
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", t.Method, u.RequestURI())
	given := map[string]bool{}
	for name := range t.Headers {
		given[strings.ToLower(name)] = true
	}
	if !given["host"] {
		fmt.Fprintf(&b, "Host: %s\r\n", u.Host)
	}
	if !given["user-agent"] {
		b.WriteString("User-Agent: sitrep-load\r\n")
	}
	for _, name := range sortedKeys(t.Headers) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, t.Headers[name])
	}
	if t.Body != "" || t.Method == "POST" || t.Method == "PUT" || t.Method == "PATCH" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(t.Body))
	}
	b.WriteString("\r\n" + t.Body)
	return &request{
		name: t.Method + " " + t.URL, bytes: b.Bytes(), end: end, head: t.Method == "HEAD",
		idempotent: t.Method != "POST" && t.Method != "PATCH",
	}
}

// deal lays out one round of the mix: each target as often as its weight over
// the weights' common divisor, spread evenly. Arrival n takes round[n mod len].
// This is nginx's smooth weighted round robin.
func deal(targets []Target) []int {
	divisor, total := 0, 0
	for _, t := range targets {
		divisor = gcd(t.Weight, divisor)
	}
	for _, t := range targets {
		total += t.Weight / divisor
	}
	credit := make([]int, len(targets))
	round := make([]int, 0, total)
	for range total {
		best := 0
		for i, t := range targets {
			credit[i] += t.Weight / divisor
			if credit[i] > credit[best] {
				best = i
			}
		}
		credit[best] -= total
		round = append(round, best)
	}
	return round
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
