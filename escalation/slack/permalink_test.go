package slack

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

func TestPermalink(t *testing.T) {
	for ref, want := range map[string]string{
		"C0INC/1772334001.000200":                   "https://shop.slack.com/archives/C0INC/p1772334001000200",
		"C0INC/1772334002.000200/1772334001.000200": "https://shop.slack.com/archives/C0INC/p1772334002000200?cid=C0INC&thread_ts=1772334001.000200",
		"C0INC": "", "C0INC/../x": "", "": "",
	} {
		require.Equal(t, want, Permalink("https://shop.slack.com/", ref), ref)
	}
	for _, home := range []string{"", "http://shop.slack.com/", "https://u:p@shop.slack.com/", "javascript:alert(1)", "://"} {
		require.Empty(t, Permalink(home, "C0INC/1772334001.000200"), home)
	}
}

// Where the workspace is can be asked when a headline went out, and only then.
func TestTheWorkspaceIsLearnt(t *testing.T) {
	srv := newServer(t)
	s := sender(t, srv)
	var learnt []string
	s.config.Learn = func(_ context.Context, workspace func() (string, bool)) {
		home, ok := workspace()
		require.True(t, ok)
		learnt = append(learnt, home)
	}
	o := s.Send(t.Context(), post("01A", "hello"), checkout())
	require.Equal(t, escalation.Done, o.Class)
	require.Empty(t, learnt)
	o = s.Send(t.Context(), headline("01B"), checkout())
	require.Equal(t, escalation.Done, o.Class)
	require.Equal(t, []string{"https://shop.slack.com/"}, learnt)
	require.Equal(t, "auth.test", srv.calls[len(srv.calls)-1])
	require.NotEmpty(t, Permalink(learnt[0], o.Ref))
}
