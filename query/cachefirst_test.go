package query_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// farServer answers a query in a second, and each question about itself, too.
type farServer struct{}

func (farServer) Range(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
	time.Sleep(time.Second)
	return query.Frame{Grid: g, Series: []query.Series{{Legend: expr, Values: make([]float64, g.N)}}}, nil
}

func (farServer) Identity(context.Context) (string, error) {
	time.Sleep(2 * time.Second)
	return "far", nil
}

func (farServer) Settle(context.Context) (time.Duration, error) {
	time.Sleep(2 * time.Second)
	return 15 * time.Second, nil
}

// A board opens with one round trip of its queries: those that have their answer do
// not wait until it is known who gave it.
func TestTheFirstFramesDoNotWaitForTheServerToIntroduceItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := query.NewCache(farServer{}, query.CacheConfig{})
		began := time.Now()
		g := query.Align(began, time.Hour, 60)
		took := make([]time.Duration, 5)
		var all sync.WaitGroup
		for i := range took {
			all.Go(func() {
				f, err := c.Range(t.Context(), string(rune('a'+i)), g)
				require.NoError(t, err)
				require.Len(t, f.Series, 1)
				took[i] = time.Since(began)
			})
		}
		all.Wait()
		late := 0
		for _, d := range took {
			if d > time.Second {
				late++
			}
		}
		require.Equal(t, 1, late, "only the one that asks: %v", took)
	})
}
