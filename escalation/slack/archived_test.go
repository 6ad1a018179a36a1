package slack

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// A channel that was put away is taken back while the incident is open, and else what
// calls people goes to the usual one, once, and says where it belongs.
func TestArchivedChannels(t *testing.T) {
	srv := newServer(t)
	own := &channel{id: "C0OWN", name: "inc-7", member: true, archived: true}
	lost := &channel{id: "C0LOST", name: "payments", archived: true} // the bot is not in it, and may not take it back
	srv.add(own)
	srv.add(lost)
	s := sender(t, srv)
	s.config.Instead = "#incidents"
	m := post("01A", "news")
	m.Sink = "slack:C0OWN"
	done(t, s.Send(t.Context(), m, checkout()))
	require.False(t, own.archived)
	require.Len(t, own.messages, 1)

	own.archived = true
	over := checkout()
	over.Status = incident.StatusResolved
	m = message1(escalation.OpPost, "01B", escalation.Content{Text: "the end", InChat: escalation.InChat{Top: true}})
	m.Sink = "slack:C0OWN"
	o := s.Send(t.Context(), m, over)
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "is_archived: unarchive C0OWN")
	require.True(t, own.archived, "what is over is left alone")

	call := message1(escalation.OpPost, "01C", escalation.Content{Text: "L1 called", Page: escalation.PageCritical})
	call.Sink, call.Parent = "slack:#payments", "C0LOST/1772334001.000200"
	incidents := srv.channels["C0INC"]
	ref := done(t, s.Send(t.Context(), call, checkout()))
	require.Len(t, incidents.messages, 1)
	require.Contains(t, incidents.messages[0].Text, "INC-7 SEV-1 Checkout answers 5xx\nL1 called\n(for #payments, which is archived)")
	require.Empty(t, incidents.messages[0].Thread)
	call.Murky = true
	o = s.Send(t.Context(), call, checkout())
	require.Equal(t, ref, done(t, o))
	require.True(t, o.Reconciled, "it is there already")
	require.Len(t, incidents.messages, 1)
}

// A level's user group is called by its ID, which is looked up once; whom Slack does
// not know is named and not called.
func TestUserGroupsAreCalled(t *testing.T) {
	srv := newServer(t)
	s := sender(t, srv)
	s.config.Mention = func(p incident.Person) string {
		return map[string]string{"bob": "U0BOB", "dba": "@oncall", "net": "S0NET", "odd": "<!channel>"}[string(p)]
	}
	call := func(id string, who ...incident.Person) string {
		done(t, s.Send(t.Context(), message1(escalation.OpPost, id, escalation.Content{Text: "L2 called", Page: escalation.PageCritical, Who: who}), checkout()))
		all := srv.channels["C0INC"].messages
		return all[len(all)-1].Text
	}
	require.Contains(t, call("01A", "bob", "dba", "net", "odd", "slack:@oncall", "slack:<!here>"), "\n<@U0BOB> <!subteam^S0ONCALL> <!subteam^S0NET> <!subteam^S0ONCALL>")
	require.NotContains(t, call("01B", "slack:@gone"), "subteam")
	require.Contains(t, call("01C", "slack:@gone"), "\n@gone")
	lists := 0
	for _, method := range srv.calls {
		if method == "usergroups.list" {
			lists++
		}
	}
	require.Equal(t, 1, lists)

	s.groups = groups{ids: s.groups.ids, until: time.Now()}
	srv.answerBy(func(w http.ResponseWriter, _ *http.Request, method string) bool {
		if method == "usergroups.list" {
			fmt.Fprint(w, `{"ok":false,"error":"missing_scope","needed":"usergroups:read"}`)
		}
		return method == "usergroups.list"
	})
	require.Contains(t, call("01D", "dba"), "<!subteam^S0ONCALL>", "the old list is better than none")
}
