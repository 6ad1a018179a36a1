package statuspage

import (
	"context"
	"testing"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/sinktest"
)

func TestMain(m *testing.M) {
	sinktest.Main(m, func(ctx context.Context, url string) escalation.Outcome {
		s := New(Config{Page: func(context.Context, string) (Page, error) { return Page{APIURL: url, ID: pageID, Token: token}, nil }})
		return s.Send(ctx, announcement("01A", "", "It fails."), checkout())
	})
}

func TestProxyAndPrivateAuthority(t *testing.T) {
	srv := newServer(t)
	sinktest.Office(t, srv, "statuspage:main", func() int { return len(srv.incidents) })
}
