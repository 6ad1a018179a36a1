package loadtest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// request is a target made ready. Its bytes are built once and sent as they are, unless
// it has a form: then every sending has bytes of its own.
type request struct {
	name       string // "GET http://…", for people
	bytes      []byte
	form       *form
	end        int    // index of the endpoint
	host       string // whose cookies it carries
	scheme     string
	head       bool
	idempotent bool // may be sent again where nobody knows whether it arrived
	keep       keep
	expect     *expectation
	extract    []extractor
	think      Think
	cookies    bool
}

// form builds the bytes of a request that has placeholders or cookies.
type form struct {
	line    text // method, path and version
	headers text // every line with its end, without Content-Length
	body    text
	framed  bool // it has a Content-Length, even of 0
}

// flow is what one arrival does: its requests one after the other.
type flow struct {
	requests  []*request
	extracted int // how many values it extracts
}

// newRequest builds the bytes of a target that validate has accepted, without
// placeholders.
func newRequest(t Target, end int) *request {
	req, err := makeRequest(t, end, slots{}, nil, false)
	if err != nil {
		panic("loadtest: an unchecked target: " + err.Error())
	}
	return req
}

// makeRequest makes a target ready. Extra are headers of the engine's own; they go
// before the plan's.
func makeRequest(t Target, end int, s slots, extra map[string]string, cookies bool) (*request, error) {
	u, err := url.Parse(placeholder.ReplaceAllString(t.URL, "x"))
	if err != nil {
		return nil, err
	}
	req := &request{
		name: t.Method + " " + t.URL, end: end, host: u.Host, scheme: u.Scheme, head: t.Method == "HEAD",
		idempotent: t.Method != "POST" && t.Method != "PATCH", cookies: cookies,
	}
	f := form{framed: t.Body != "" || t.Method == "POST" || t.Method == "PUT" || t.Method == "PATCH"}
	line, err := requestLine(t, u, s)
	if err != nil {
		return nil, err
	}
	f.line = line
	if f.headers, err = headerLines(t, u.Host, extra, s); err != nil {
		return nil, err
	}
	if f.body, err = bound(t.Body, s); err != nil {
		return nil, err
	}
	if cookies || len(f.line.names())+len(f.headers.names())+len(f.body.names()) > 0 {
		req.form = &f
	} else {
		req.bytes = f.append(nil, &values{}, "")
	}
	return req, nil
}

func requestLine(t Target, u *url.URL, s slots) (text, error) {
	if !placeholder.MatchString(t.URL) {
		return text{{literal: t.Method + " " + u.RequestURI() + " HTTP/1.1\r\n"}}, nil
	}
	uri, err := uriText(t.URL)
	if err != nil {
		return nil, err
	}
	if uri, err = uri.bind(s); err != nil {
		return nil, err
	}
	return slices.Concat(text{{literal: t.Method + " "}}, uri, text{{literal: " HTTP/1.1\r\n"}}), nil
}

func headerLines(t Target, host string, extra map[string]string, s slots) (text, error) {
	given := map[string]bool{}
	for name := range t.Headers {
		given[strings.ToLower(name)] = true
	}
	out := text{}
	if !given["host"] {
		out = append(out, part{literal: "Host: " + host + "\r\n"})
	}
	if !given["user-agent"] {
		out = append(out, part{literal: "User-Agent: sitrep-load\r\n"})
	}
	for _, name := range sortedKeys(extra) {
		if !given[strings.ToLower(name)] {
			out = append(out, part{literal: name + ": " + extra[name] + "\r\n"})
		}
	}
	for _, name := range sortedKeys(t.Headers) {
		value, err := bound(t.Headers[name], s)
		if err != nil {
			return nil, err
		}
		for i := range value {
			value[i].escape = headerSafe
		}
		out = append(append(append(out, part{literal: name + ": "}), value...), part{literal: "\r\n"})
	}
	return out, nil
}

func bound(s string, in slots) (text, error) {
	t, err := parseText(s)
	if err != nil {
		return nil, err
	}
	return t.bind(in)
}

// append adds the bytes of a request with these values to b; cookie is the value of
// Cookie, or empty.
func (f *form) append(b []byte, v *values, cookie string) []byte {
	b = f.headers.append(f.line.append(b, v), v)
	if cookie != "" {
		b = append(append(append(b, "Cookie: "...), cookie...), "\r\n"...)
	}
	if !f.framed {
		return append(b, "\r\n"...)
	}
	// The length goes before the body, which is written to know it, and moved.
	b = append(b, "Content-Length: "...)
	at := len(b)
	b = f.body.append(b, v)
	n := len(b) - at
	var figures [24]byte
	size := append(strconv.AppendInt(figures[:0], int64(n), 10), "\r\n\r\n"...)
	b = append(b, size...)
	copy(b[at+len(size):], b[at:at+n])
	copy(b[at:], size)
	return b
}

// makeFlows makes targets and scenarios ready; endOf is the endpoint of every target
// of all, secrets the value of Authorization of each.
func (p Plan) makeFlows(endOf []int, data *table, secrets []string) ([]flow, *fault) {
	var flows []flow
	next := 0
	one := func(t Target, s slots, cookies bool) (*request, error) {
		extra := map[string]string{}
		if secrets != nil && secrets[next] != "" {
			extra["Authorization"] = secrets[next]
		}
		if p.HTTP.Fresh() {
			extra["Connection"] = "close"
		}
		req, err := makeRequest(t, endOf[next], s, extra, cookies)
		next++
		if err != nil {
			return nil, err
		}
		expect, bad := t.Expect.ready()
		if bad != nil {
			return nil, fmt.Errorf("expect: %s", bad.message)
		}
		req.expect, req.keep = expect, expect.keeps()
		if cookies {
			req.keep |= keepHeader
		}
		return req, nil
	}
	for i, t := range p.Targets {
		req, err := one(t, slots{columns: data.index()}, false)
		if err != nil {
			return nil, faultf(at("targets", i, ""), "%v", err)
		}
		flows = append(flows, flow{requests: []*request{req}})
	}
	for k, sc := range p.Scenarios {
		s := slots{columns: data.index(), extracted: map[string]int{}}
		var f flow
		for i, st := range sc.Steps {
			req, err := one(st.Target, s, !sc.NoCookies)
			if err == nil {
				err = req.extracts(st.Extract, s)
			}
			if err != nil {
				return nil, faultf(fmt.Sprintf("scenarios[%d].steps[%d]", k, i), "%v", err)
			}
			req.think = st.Think
			req.name = fmt.Sprintf("%s %d: %s", sc.Name, i+1, req.name)
			f.requests = append(f.requests, req)
		}
		f.extracted = len(s.extracted)
		flows = append(flows, f)
	}
	return flows, nil
}

// extracts makes what is taken out of the answer ready, and its names known to s.
func (r *request) extracts(of map[string]Extract, s slots) error {
	for _, name := range sortedKeys(of) {
		x, err := of[name].ready(name)
		if err != nil {
			return err
		}
		at, known := s.extracted[name]
		if !known {
			at = len(s.extracted)
			s.extracted[name] = at
		}
		x.slot = at
		r.extract = append(r.extract, x)
		r.keep |= x.keeps()
	}
	return nil
}

// weights are those of targets and scenarios, in the order of makeFlows.
func (p Plan) weights() (all []int) {
	for _, t := range p.Targets {
		all = append(all, t.Weight)
	}
	for _, s := range p.Scenarios {
		all = append(all, s.Weight)
	}
	return all
}

// requestTargets are the targets of all requests, in the order of makeFlows.
func (p Plan) requestTargets() []Target {
	all := slices.Clone(p.Targets)
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			all = append(all, st.Target)
		}
	}
	return all
}

// deal lays out one round of the mix: each flow as often as its weight over the
// weights' common divisor, spread evenly. Arrival n takes round[n mod len]. This is
// nginx's smooth weighted round robin.
func deal(weights []int) []int {
	divisor, total := 0, 0
	for _, w := range weights {
		divisor = gcd(w, divisor)
	}
	for _, w := range weights {
		total += w / divisor
	}
	credit := make([]int, len(weights))
	round := make([]int, 0, total)
	for range total {
		best := 0
		for i, w := range weights {
			credit[i] += w / divisor
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
