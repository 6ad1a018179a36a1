package webhook

import (
	"context"
	"testing"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/sinktest"
)

func TestMain(m *testing.M) {
	sinktest.Main(m, func(ctx context.Context, url string) escalation.Outcome {
		s := New(Config{Target: func(context.Context, string) (Target, error) { return Target{URL: url}, nil }})
		return s.Send(ctx, page(), checkout())
	})
}

func TestProxyAndPrivateAuthority(t *testing.T) {
	srv := newReceiver(t)
	sinktest.Office(t, srv, "webhook:ops", func() int { return len(srv.requests) })
}
