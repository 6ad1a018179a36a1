package slack

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

// An update is a reply in the incident's thread that its channel sees too, and
// elsewhere a message of its own. Both say what they are about.
func TestAnnouncements(t *testing.T) {
	srv := newServer(t)
	var broadcast []string
	srv.answerBy(func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		broadcast = append(broadcast, r.Form.Get("reply_broadcast"))
		return false
	})
	s := sender(t, srv)
	first := done(t, s.Send(t.Context(), headline("01A"), checkout()))
	said := message1(escalation.OpAnnounce, "01B", escalation.Content{Text: "A third of the checkouts fail\nActions: we roll back <!channel>"})
	said.Parent = first
	require.Equal(t, "C0INC/1772334002.000002/1772334001.000001", done(t, s.Send(t.Context(), said, checkout())))
	said.ID, said.Sink, said.Parent = "01C", "slack:#general", ""
	inc := checkout()
	inc.Drill = true
	done(t, s.Send(t.Context(), said, inc))

	require.Equal(t, []string{"", "true", ""}, broadcast)
	const words = "INC-7 SEV-1 Checkout answers 5xx\nA third of the checkouts fail\nActions: we roll back &lt;!channel&gt;"
	require.Equal(t, words, srv.shown("C0INC")[1].Text)
	require.Equal(t, "1772334001.000001", srv.shown("C0INC")[1].Thread)
	require.Equal(t, "[DRILL] "+words, srv.shown("C0GENERAL")[0].Text)
	require.Empty(t, srv.shown("C0GENERAL")[0].Thread)
}

// An update whose answer was lost is looked for, and not told twice.
func TestAnAnnouncementIsAdopted(t *testing.T) {
	for _, parent := range []bool{true, false} {
		srv := newServer(t)
		s := sender(t, srv)
		said := message1(escalation.OpAnnounce, "01B", escalation.Content{Text: "A third of the checkouts fail"})
		if parent {
			said.Parent = done(t, s.Send(t.Context(), headline("01A"), checkout()))
		}
		lost := 0
		srv.answerBy(func(w http.ResponseWriter, r *http.Request, method string) bool {
			if method != "chat.postMessage" || lost > 0 {
				return false
			}
			lost++
			srv.post(srv.channels["C0INC"], r.Form)
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>")
			return true
		})
		o := s.Send(t.Context(), said, checkout())
		require.Equal(t, escalation.Unsure, o.Class)
		said.Murky = true
		o = s.Send(t.Context(), said, checkout())
		require.True(t, o.Reconciled)
		done(t, o)
		require.Len(t, srv.shown("C0INC"), 1+map[bool]int{true: 1}[parent])
	}
}
