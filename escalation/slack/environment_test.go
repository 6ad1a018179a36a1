package slack

import (
	"context"
	"testing"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/sinktest"
)

func TestMain(m *testing.M) {
	sinktest.Main(m, func(ctx context.Context, url string) escalation.Outcome {
		s := New(Config{APIURL: url + "/api/", Token: func(context.Context) (string, error) { return token, nil }})
		return s.Send(ctx, post("01A", "L1 called"), checkout())
	})
}

func TestProxyAndPrivateAuthority(t *testing.T) {
	srv := newServer(t)
	sinktest.Office(t, srv, "slack:#incidents", func() int { return len(srv.shown("C0INC")) })
}
