package fault

import "fmt"

// seen is what became of the requests that met a fault.
type seen struct {
	touched, passed int64
	tls, foreign    int64 // connections that were passed without a look
	blind           bool  // connections are counted, not requests
	refused         int64 // connections that were too many
}

// seen is what the proxy has seen of a fault.
func (p *proxy) seen(f *liveHurt) seen {
	return seen{f.touched.Load(), f.passed.Load(), p.tls.Load(), p.foreign.Load(), p.encrypted, p.refused.Load()}
}

// judge holds one to be enough.
func (s seen) judge() (effect string, ok bool) {
	what := "requests"
	if s.blind {
		what = "connections"
	}
	effect = fmt.Sprintf("%d of %d %s touched", s.touched, s.touched+s.passed, what)
	if s.tls > 0 {
		effect += fmt.Sprintf("; %d connections are TLS and passed: nobody can look into them (with tls: true in the configuration they are hurt as connections)", s.tls)
	}
	if s.foreign > 0 {
		effect += fmt.Sprintf("; %d connections are not HTTP/1 and passed", s.foreign)
	}
	if s.refused > 0 {
		effect += fmt.Sprintf("; %d connections were reset: there were %d already", s.refused, mostConnections)
	}
	return effect, s.touched > 0
}
