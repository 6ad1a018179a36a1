// Package health looks at things itself: does the page answer, how long does the
// certificate last, is the disk full. What it finds is a Result for people, metrics for
// a Prometheus, and the good and the bad looks of an objective.
package health

import (
	"context"
	"time"
)

// Type is what a check looks at.
type Type string

// The types, each named in a file by the key that says what it looks at.
const (
	HTTP     Type = "http"     // a page answers with the right status, and says the right words
	TCP      Type = "tcp"      // a port takes connections
	TLS      Type = "tls"      // the certificate is trusted, is for this name, and lasts
	DNS      Type = "dns"      // a name has the right records
	ICMP     Type = "icmp"     // a host answers an echo request
	GRPC     Type = "grpc"     // grpc.health.v1 says SERVING
	Redis    Type = "redis"    // PING is answered with PONG
	Postgres Type = "postgres" // the server takes connections, as pg_isready asks
	CPU      Type = "cpu"      // of this host: share of the time in which a processor was busy
	Memory   Type = "memory"   // of this host: share that is not available
	Disk     Type = "disk"     // of this host: share of a file system that is used
	Network  Type = "network"  // of this host: share of an interface's packets with an error or dropped
)

// Types are all of them, in the order of the documentation.
var Types = []Type{HTTP, TCP, TLS, DNS, ICMP, GRPC, Redis, Postgres, CPU, Memory, Disk, Network}

// Unit is what a Result's value counts.
type Unit string

// The units.
const (
	Seconds Unit = "seconds" // that the answer took; of TLS: until the certificate ends
	Ratio   Unit = "ratio"   // 0 to 1
)

// Unit is that of the type's values.
func (t Type) Unit() Unit {
	switch t {
	case CPU, Memory, Disk, Network:
		return Ratio
	}
	return Seconds
}

// Check is one thing to look at, as Load gives it.
type Check struct {
	Name    string
	Service string // whose it is; "" of nobody's
	Type    Type
	Target  string // what is looked at: URL, host:port, name, path or interface
	Labels  map[string]string
	Every   time.Duration
	Timeout time.Duration // of one look
	Runbook string        // URL of what to do; "" is none

	Alerting Alerting

	limits
	probe probe
}

// limits are what a value must keep to; zero is none.
type limits struct {
	slow  time.Duration // an answer that takes longer is no good one
	lasts time.Duration // a certificate must still last so long
	below float64       // a share must stay below
}

// probe looks once. The value is in the type's Unit, and may be known although the
// look went wrong; NaN is none. A probe is used by one goroutine at a time.
type probe interface {
	look(ctx context.Context) (value float64, err error)
}

// Status is what came of a look.
type Status string

// The statuses.
const (
	Healthy   Status = "healthy"
	Unhealthy Status = "unhealthy"
	Unknown   Status = "unknown" // nobody has looked yet, or looking is not possible here
)

// Result is what one look found.
type Result struct {
	Check  *Check
	Status Status
	Value  float64 // in the type's Unit; NaN if there is none
	Reason string  // why it is not healthy
	At     time.Time
	Took   time.Duration

	exceeded bool // nothing went wrong, but the value is no good one
}
