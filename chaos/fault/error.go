package fault

import (
	"context"
	"fmt"

	"github.com/sitrep-dev/sitrep/chaos"
)

// httpError answers a share of the requests to a target with an error, in the
// target's place.
type httpError struct{}

func (httpError) Kind() string { return "http.error" }

func (f httpError) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (httpError) params(with chaos.With) (ratio float64, status int, err error) {
	if err := with.Only("ratio", "status"); err != nil {
		return 0, 0, err
	}
	if ratio, err = with.Ratio("ratio", 1); err != nil {
		return 0, 0, err
	}
	status, err = with.Int("status", 503, 400, 599)
	return ratio, status, err
}

func (f httpError) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	ratio, status, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	return planProxied(ctx, f.Kind(), id, target, chaos.ProxyFault{ErrorRatio: ratio, ErrorStatus: status},
		fmt.Sprintf("answer %g %% of the requests with %d for %s", ratio*100, status, step.Duration))
}
