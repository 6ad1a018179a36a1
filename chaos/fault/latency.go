package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// httpLatency delays the requests to a target: by latency, and up to jitter
// more or less.
type httpLatency struct{}

// maxLatency is what a proxy delays at most.
const maxLatency = time.Minute

func (httpLatency) Kind() string { return "http.latency" }

// Mechanisms is chaos.Mechanical's.
func (httpLatency) Mechanisms() []string { return httpWays() }

func (f httpLatency) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (f httpLatency) params(with chaos.With) (h hurt, w way, err error) {
	h = hurt{Kind: f.Kind()}
	if h.Match, w, err = readHTTP(with, "latency", "jitter"); err != nil {
		return h, w, err
	}
	if h.Latency, err = with.Duration("latency", -1, maxLatency); err != nil {
		return h, w, err
	}
	if h.Latency < time.Millisecond {
		return h, w, &chaos.ParamError{Key: "latency", Message: "less than 1ms does nothing"}
	}
	h.Jitter, err = with.Duration("jitter", 0, h.Latency)
	return h, w, err
}

func (f httpLatency) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	h, w, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	if !labCarries(step, target) {
		return planHTTP(ctx, id, step, target, h, w)
	}
	if err := labTakes(step, "latency", "jitter"); err != nil {
		return chaos.Injection{}, err
	}
	what := "delay every request by " + strictyaml.FormatDuration(h.Latency)
	if h.Jitter > 0 {
		what += " ± " + strictyaml.FormatDuration(h.Jitter)
	}
	return planProxied(ctx, f.Kind(), id, target, chaos.ProxyFault{
		LatencyMS: milliseconds(h.Latency), JitterMS: milliseconds(h.Jitter),
	}, fmt.Sprintf("%s for %s", what, step.Duration))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
