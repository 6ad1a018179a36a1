package fault

import (
	"context"

	"github.com/sitrep-dev/sitrep/chaos"
)

// httpTruncate lets a part of an answer's body through and resets the connection then.
type httpTruncate struct{}

func (httpTruncate) Kind() string { return "http.truncate" }

// Mechanisms is chaos.Mechanical's.
func (httpTruncate) Mechanisms() []string { return httpWays() }

func (f httpTruncate) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (f httpTruncate) params(with chaos.With) (h hurt, w way, err error) {
	h = hurt{Kind: f.Kind(), Keep: -1}
	if h.Match, w, err = readHTTP(with, "keep"); err != nil {
		return h, w, err
	}
	if _, given := with["keep"]; given {
		h.Keep, err = with.Size("keep", 0)
	}
	return h, w, err
}

func (f httpTruncate) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	h, w, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	return planHTTP(ctx, id, step, target, h, w)
}
