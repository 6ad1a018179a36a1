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

func (f httpLatency) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (httpLatency) params(with chaos.With) (latency, jitter time.Duration, err error) {
	if err := with.Only("latency", "jitter"); err != nil {
		return 0, 0, err
	}
	if latency, err = with.Duration("latency", -1, maxLatency); err != nil {
		return 0, 0, err
	}
	if latency < time.Millisecond {
		return 0, 0, &chaos.ParamError{Key: "latency", Message: "less than 1ms does nothing"}
	}
	jitter, err = with.Duration("jitter", 0, latency)
	return latency, jitter, err
}

func (f httpLatency) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	latency, jitter, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	what := "delay every request by " + strictyaml.FormatDuration(latency)
	if jitter > 0 {
		what += " ± " + strictyaml.FormatDuration(jitter)
	}
	return planProxied(ctx, f.Kind(), id, target, chaos.ProxyFault{
		LatencyMS: milliseconds(latency), JitterMS: milliseconds(jitter),
	}, fmt.Sprintf("%s for %s", what, step.Duration))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
