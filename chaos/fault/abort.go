package fault

import (
	"context"

	"github.com/sitrep-dev/sitrep/chaos"
)

// httpAbort resets the connection of a request, which the server never sees.
type httpAbort struct{}

func (httpAbort) Kind() string { return "http.abort" }

// Mechanisms is chaos.Mechanical's.
func (httpAbort) Mechanisms() []string { return httpWays() }

func (httpAbort) Check(with chaos.With) error {
	_, _, err := readHTTP(with)
	return err
}

func (f httpAbort) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	m, w, err := readHTTP(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	return planHTTP(ctx, id, step, target, hurt{Kind: f.Kind(), Match: m}, w)
}
