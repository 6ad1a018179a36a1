package query

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Of the answers that are under way at once one may be large at a time: the others
// wait for their turn, as long as their own time lasts.
func TestLargeAnswersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan struct{}, 1)
		body := func(ctx context.Context) *bounded {
			return &bounded{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", 2*largeBody))), ctx: ctx, left: 4 * largeBody, limit: 4 * largeBody, turn: turn}
		}
		read := func(b *bounded) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, b)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first, second := body(t.Context()), body(t.Context())
		require.NoError(t, <-read(first))
		waiting := read(second)
		require.Empty(t, waiting, "the first has not been put away")

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, <-read(body(short)), context.DeadlineExceeded)

		gone := body(t.Context())
		left := read(gone)
		require.NoError(t, gone.Close(), "whoever is not wanted any more")
		require.NoError(t, first.Close())
		require.NoError(t, first.Close(), "twice is once")
		synctest.Wait()
		for len(waiting) == 0 { // it or the one that has gone came next
			require.ErrorIs(t, <-left, net.ErrClosed)
			synctest.Wait()
		}
		require.NoError(t, <-waiting)
		require.NoError(t, second.Close())
		synctest.Wait()
		require.Empty(t, turn)
	})
}
