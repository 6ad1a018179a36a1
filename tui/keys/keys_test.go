package keys

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTableIsSound(t *testing.T) {
	require.NoError(t, Default().Check())
}

// Every place has a way out, and abort works in all of them.
func TestWaysOut(t *testing.T) {
	m := Default()
	for _, s := range Scopes() {
		require.Equal(t, Abort, m.Action(s, "ctrl+x"), s)
		require.Equal(t, Interrupt, m.Action(s, "ctrl+c"), s)
		if s != Always {
			require.Equal(t, Cancel, m.Action(s, "esc"), s)
		}
	}
}

func TestNothingReachesOutWhileTypingOrAsked(t *testing.T) {
	m := Default()
	for _, s := range []Scope{Dialog, Input} {
		for _, b := range m.Help(s) {
			require.False(t, b.Reach.Outward(), b.Action)
		}
	}
	for _, b := range m.All() {
		for _, k := range b.Keys {
			if b.Reach.Outward() {
				require.NotContains(t, []string{"enter", "space", "ctrl+k", "ctrl+d", "ctrl+u", "ctrl+w", "ctrl+h", "ctrl+j", "ctrl+l", "ctrl+r"}, k)
			}
			if b.Reach == People && !b.Safe {
				require.Equal(t, strings.ToUpper(k), k)
				require.GreaterOrEqual(t, b.Tier, T1, b.Action)
			}
		}
	}
}

func TestLookupPrefersTheView(t *testing.T) {
	m := Default()
	require.Equal(t, Follow, m.Action(Timeline, "f"))
	require.Equal(t, Fullscreen, m.Action(Board, "f"))
	require.Equal(t, Escalate, m.Action(Board, "E"))
	require.Equal(t, No, m.Action(Dialog, "n"))
	require.Equal(t, AddNote, m.Action(Now, "n"))
	require.Empty(t, m.Action(Input, "n"))
	require.Empty(t, m.Action(Now, "ctrl+k"))
}

func TestCheckFinds(t *testing.T) {
	for name, c := range map[string]struct {
		own  map[string][]string
		want string
	}{
		"two meanings":    {map[string][]string{"note": {"a"}}, `key "a": means both`},
		"global and view": {map[string][]string{"timeline.follow": {"r"}}, `key "r": means both`},
		"readline":        {map[string][]string{"escalate": {"ctrl+k"}}, "stands on an upper-case letter"},
		"enter pages":     {map[string][]string{"resolve": {"enter"}}, "stands on an upper-case letter"},
		"enter acks":      {map[string][]string{"ack": {"enter"}}, "stands on a letter"},
		"one-key chaos":   {map[string][]string{"pinned_f5": {"C"}}, "from F5 to F9"},
		"abort by letter": {map[string][]string{"abort": {"A"}}, "while text is typed"},
		"typing":          {map[string][]string{"submit": {"s"}}, "needed for typing"},
		"no such key":     {map[string][]string{"note": {"control-n"}}, "no such key"},
		"no such action":  {map[string][]string{"escallate": {"E"}}, `"escallate": no such action; did you mean "escalate"?`},
	} {
		_, err := Default().Rebind(c.own)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestRebind(t *testing.T) {
	m, err := Default().Rebind(map[string][]string{"note": {"N"}, "board.up": {"ctrl+up"}, "up": {"up"}})
	require.NoError(t, err)
	require.Equal(t, AddNote, m.Action(Now, "N"))
	require.Empty(t, m.Action(Now, "n"))
	require.Equal(t, Up, m.Action(Board, "ctrl+up"))
	require.Empty(t, m.Action(Board, "k"))
	require.Equal(t, "N", m.Label(AddNote))
	require.Equal(t, AddNote, Default().Action(Now, "n"), "the default is untouched")
}

func TestEveryKeyIsExplainedAndEveryActHasAName(t *testing.T) {
	m := Default()
	doc := m.Markdown()
	names := map[string]Action{}
	for _, b := range m.All() {
		require.NotEmpty(t, b.Help, b.Action)
		require.NotEmpty(t, b.Keys, b.Action)
		require.Contains(t, doc, b.Help)
		if b.Reach.Outward() {
			require.NotEmpty(t, b.Name, "%s can be run by name", b.Action)
		}
		if other, taken := names[b.Name]; taken && b.Name != "" {
			require.Equal(t, other, b.Action, "two acts named %q", b.Name)
		}
		names[b.Name] = b.Action
	}
	for _, s := range []Scope{Now, Board, Timeline, Actions, Postmortem, OnCall, Stats} {
		seen := map[Action]bool{}
		for _, b := range m.Palette(s) {
			require.False(t, seen[b.Action])
			seen[b.Action] = true
		}
		require.True(t, seen[Escalate] && seen[ViewBoard] && seen[Abort])
	}
}

func TestLabels(t *testing.T) {
	m := Default()
	require.Equal(t, "^X", m.Label(Abort))
	require.Equal(t, "F5", m.Label(Pinned1))
	require.Equal(t, "E", m.Label(Escalate))
	require.Empty(t, m.Label("nothing"))
}
