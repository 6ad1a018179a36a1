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

// Mechanisms is chaos.Mechanical's.
func (httpError) Mechanisms() []string { return httpWays() }

func (f httpError) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (f httpError) params(with chaos.With) (h hurt, w way, err error) {
	h = hurt{Kind: f.Kind()}
	if h.Match, w, err = readHTTP(with, "ratio", "status", "body"); err != nil {
		return h, w, err
	}
	ratio, err := with.Ratio("ratio", 0)
	switch {
	case err != nil:
		return h, w, err
	case ratio > 0 && h.Match.Percent > 0:
		return h, w, &chaos.ParamError{Key: "percent", Message: "say ratio or percent, not both"}
	case ratio > 0:
		h.Match.Percent = ratio * 100
	}
	if h.Status, err = with.Int("status", 503, 400, 599); err != nil {
		return h, w, err
	}
	text, given := with["body"]
	if h.Body = string(text); !given {
		h.Body = "an injected fault\n"
	}
	if len(h.Body) > longestBody {
		err = &chaos.ParamError{Key: "body", Message: "it is longer than " + chaos.FormatSize(longestBody)}
	}
	return h, w, err
}

func (f httpError) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	h, w, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	if !labCarries(step, target) {
		return planHTTP(ctx, id, step, target, h, w)
	}
	if err := labTakes(step, "ratio", "percent", "status"); err != nil {
		return chaos.Injection{}, err
	}
	percent := h.Match.Percent
	if percent == 0 {
		percent = 100
	}
	return planProxied(ctx, f.Kind(), id, target, chaos.ProxyFault{ErrorRatio: percent / 100, ErrorStatus: h.Status},
		fmt.Sprintf("answer %g %% of the requests with %d for %s", percent, h.Status, step.Duration))
}
