package pagerduty

import (
	"context"
	"testing"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/sinktest"
)

func TestMain(m *testing.M) {
	sinktest.Main(m, func(ctx context.Context, url string) escalation.Outcome {
		s := New(Config{EventsURL: url, Key: func(context.Context, string) (string, error) { return key, nil }})
		return s.Send(ctx, page(escalation.OpTrigger, escalation.Content{}), checkout())
	})
}

func TestProxyAndPrivateAuthority(t *testing.T) {
	srv := newServer(t, key)
	sinktest.Office(t, srv, "pagerduty:primary", func() int { return len(srv.taken()) })
}
