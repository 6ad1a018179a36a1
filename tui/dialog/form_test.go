package dialog

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

func tab() tea.KeyPressMsg     { return tea.KeyPressMsg{Code: tea.KeyTab} }
func backTab() tea.KeyPressMsg { return tea.KeyPressMsg{Code: tea.KeyTab, Mod: tea.ModShift} }

func outwardForm() *Form {
	return NewForm(safe.Const("Update"), []safe.Text{safe.Const("due in 5m")},
		Field{Label: safe.Const("Conditions"), Hint: safe.Const("who is hurt"), Needed: true},
		Field{Label: safe.Const("Actions"), Former: "rolling back"},
		Field{Label: safe.Const("Needs")},
	).Outward(safe.Const("send it"), safe.Const("Posts to Slack."))
}

// Enter goes on and never sends, however long it is held; y sends after a
// moment's quiet, and only with what is needed.
func TestAFormIsSentByYAlone(t *testing.T) {
	f := outwardForm()
	write(f, "checkout fails")
	for range 20 {
		require.NotEqual(t, Answered, press(f, noon, enter()))
	}
	require.Equal(t, keys.Dialog, f.Scope())
	require.Contains(t, picture(f, 90, 20), "y  send it")
	f.Paste("y")
	require.Equal(t, Stays, press(f, noon.Add(100*time.Millisecond), letter('y')), "the end of what was typed")
	require.Equal(t, Answered, press(f, noon.Add(time.Second), letter('y')))
	require.Equal(t, []string{"checkout fails", "", ""}, f.Values())

	f = outwardForm()
	press(f, noon, tab())
	press(f, noon, tab())
	press(f, noon, tab())
	require.Equal(t, Stays, press(f, noon.Add(time.Second), letter('y')))
	require.Contains(t, picture(f, 90, 20), "is needed: who is hurt")
	write(f, "y")
	require.Equal(t, "y", f.Answer(), "back in the field, a y is a letter")
}

func TestMovingInAForm(t *testing.T) {
	f := outwardForm()
	write(f, "one")
	press(f, noon, down())
	press(f, noon, tea.KeyPressMsg{Code: 'y', Mod: tea.ModCtrl})
	require.Equal(t, "rolling back", f.Values()[1])
	press(f, noon, backTab())
	write(f, "!")
	press(f, noon, up())
	press(f, noon, down())
	press(f, noon, tab())
	f.Paste("two\nlines\x1b[2J 日本語")
	require.Equal(t, "one!", f.Values()[0])
	require.NotContains(t, f.Values()[2], "\n")
	press(f, noon, tab())
	press(f, noon, rubout())
	write(f, "x")
	require.True(t, strings.HasSuffix(f.Values()[2], "日本語x"), "whoever rubs out at the foot wants the words")
	require.Equal(t, Closed, press(f, noon, esc()))
}

// A form that reaches nobody is done with Enter after its last field.
func TestAFormThatStaysHere(t *testing.T) {
	f := NewForm(safe.Const("Item"), nil, Field{Label: safe.Const("What"), Needed: true}, Field{Label: safe.Const("Owner")})
	require.Equal(t, Stays, press(f, noon, enter()))
	require.Equal(t, Stays, press(f, noon, enter()), "what is needed is missing")
	write(f, "a timeout")
	press(f, noon, enter())
	press(f, noon, tab())
	write(f, "s")
	press(f, noon, tab())
	require.Equal(t, Answered, press(f, noon, enter()))
	require.Equal(t, []string{"a timeouts", ""}, f.Values())
}

// A long text is shown around the cursor, in rows.
func TestALongTextIsFolded(t *testing.T) {
	f := outwardForm()
	write(f, strings.Repeat("abcdefghi ", 30)+"END")
	require.Contains(t, picture(f, 70, 20), "END")
	press(f, noon, tea.KeyPressMsg{Code: tea.KeyHome})
	require.NotContains(t, picture(f, 70, 20), "END")
	require.Contains(t, picture(f, 70, 20), "> abcdefghi")
}
