package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui"
)

// What is wrong is taken back once it is right again; what was done is told as done with.
func TestTheScreenForgetsWhatIsRightAgain(t *testing.T) {
	box := tui.NewMailbox()
	n := mailboxNews(box)
	c := n.complaint()
	c.say("the proxy does not answer")
	n.told("CH-1 was left")
	c.say("the proxy refuses")
	list := box.World().Problems
	require.Len(t, list, 2)
	require.True(t, list[0].Past)
	require.Equal(t, "the proxy refuses", list[1].Text)
	require.False(t, list[1].At.IsZero())
	c.say("")
	require.Len(t, box.World().Problems, 1)
}
