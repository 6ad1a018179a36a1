package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// By keys alone, in a terminal: the commander's role is taken and handed over,
// people outside are told. The record is read back by command, and has nothing
// else that a person did.
func TestDutiesByKeys(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	command := func(args ...string) string {
		out, code := h.sitrep(args...)
		require.Zero(t, code, "%v: %s", args, out)
		return out
	}
	command("incident", "declare", "--severity", "SEV-2", "--title", "checkout slow")
	command("incident", "assign", "1", "commander", "bob")
	x := h.screen(120, 40)
	x.see("[SEV2] INC-1", "IC bob")

	x.press("A")
	x.see("Roles in INC-1", "bob, for")
	x.press("a")
	x.see("Who is commander of INC-1?", "ana                  you")
	x.press("a")
	x.see("commander: bob -> ana")
	x.press(keyEnter) // leaves it: Enter confirms nothing that reaches out
	x.gone("commander: bob -> ana")
	x.press("A")
	x.see("Roles in INC-1")
	x.press("a")
	x.see("Who is commander of INC-1?")
	x.press("a")
	x.see("y  assign")
	x.press("y")
	x.see("IC ana")

	x.press("U")
	x.see("Update on INC-1 for people outside", "Goes to Slack #incidents")
	x.press("checkout fails in eu", keyEnter, "rolling back v42", keyTab, "a DBA")
	x.see("> a DBA")
	x.press(keyEsc)
	x.see("not sent; U has your words still")
	x.press("U")
	x.see("checkout fails in eu", "rolling back v42", "a DBA")
	x.press(keyEnter, keyEnter, keyEnter, keyEnter, keyEnter) // to the foot, and no further
	x.see("y  send it")
	x.confirm("u takes it back")
	x.see("update on INC-1 sent")
	x.press("7")
	x.see("statistics  90d  1 incident")
	x.press("1", "q")
	x.see("nobody else runs the ladder")
	x.press("y")
	require.Zero(t, x.exit())

	var events []incident.Event
	require.NoError(t, json.Unmarshal([]byte(command("--json", "incident", "timeline", "1")), &events))
	var updates []incident.Update
	var roles []string
	for _, e := range events {
		var u incident.Update
		var a incident.Assignment
		switch e.Kind {
		case incident.UpdateSent:
			require.NoError(t, e.Payload(&u))
			updates = append(updates, u)
		case incident.Assigned:
			require.NoError(t, e.Payload(&a))
			roles = append(roles, e.Text)
			require.Equal(t, incident.Commander, a.Role)
		default:
			require.False(t, e.Source == "tui" && e.Actor == "ana" && e.Kind != incident.Declared, "%s: %s", e.Kind, e.Text)
		}
	}
	require.Equal(t, []incident.Update{{Conditions: "checkout fails in eu", Actions: "rolling back v42", Needs: "a DBA"}}, updates)
	require.Equal(t, []string{"bob is commander", "ana is commander, handed over by bob"}, roles)
	require.Regexp(t, `commander +ana`, command("incident", "show", "1"))
	told := func() bool {
		return strings.Contains(strings.Join(h.ledger(h.Slack), "\n"), `checkout fails in eu\nActions: rolling back v42\nNeeds: a DBA`)
	}
	require.Eventually(t, told, patience, 50*time.Millisecond, "the audience")
}
