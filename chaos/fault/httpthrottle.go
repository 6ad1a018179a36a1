package fault

import (
	"context"
	"fmt"

	"github.com/sitrep-dev/sitrep/chaos"
)

// httpThrottle lets requests and their answers through at a rate.
type httpThrottle struct{}

func (httpThrottle) Kind() string { return "http.throttle" }

// Mechanisms is chaos.Mechanical's.
func (httpThrottle) Mechanisms() []string { return httpWays() }

func (f httpThrottle) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (f httpThrottle) params(with chaos.With) (h hurt, w way, err error) {
	h = hurt{Kind: f.Kind()}
	if h.Match, w, err = readHTTP(with, "rate"); err != nil {
		return h, w, err
	}
	if h.Rate, err = with.Size("rate", -1); err == nil && h.Rate < slowestRate {
		err = &chaos.ParamError{Key: "rate", Message: fmt.Sprintf("less than %d B a second is no answer at all; say http.latency or http.abort", slowestRate)}
	}
	return h, w, err
}

func (f httpThrottle) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	h, w, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	return planHTTP(ctx, id, step, target, h, w)
}
