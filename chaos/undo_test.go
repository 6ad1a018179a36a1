package chaos

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// clumsy hands fail the first so many operations.
type clumsy struct {
	LocalHands
	fails int
}

func (c *clumsy) Do(context.Context, Op) (string, error) {
	if c.fails--; c.fails >= 0 {
		return "", errors.New("the process will not die")
	}
	return "done", nil
}

// TestUndoWithoutACheck: where there is nothing to look at, what was done must have worked.
func TestUndoWithoutACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t, t.TempDir(), "RUN")
		e := Entry{ID: "f-1", Intent: Intent{Kind: "mem.fill", Target: "host", Undo: []Op{End(Process{PID: 77}, "f-1")}, Gone: Nothing()}}
		_, gone, err := undo(t.Context(), j, &clumsy{fails: undoTries}, e, "test")
		require.False(t, gone)
		require.ErrorContains(t, err, "undo mem.fill on host: tried 5 times: ")
		require.ErrorContains(t, err, "the process will not die; do by hand: ")
		l, err := j.log()
		require.NoError(t, err)
		require.False(t, l.Closed)

		_, gone, err = undo(t.Context(), j, &clumsy{fails: undoTries - 1}, e, "test")
		require.NoError(t, err)
		require.True(t, gone, "it may work later")
	})
}
