package embedded

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// What is too large for one capsule becomes several, which together are the same.
func TestALargeStretchIsSeveralCapsules(t *testing.T) {
	s, err := New(Config{})
	require.NoError(t, err)
	for i := range 50 {
		at := zero.Add(time.Duration(i) * time.Second)
		page := ""
		for j := range 40 {
			page += fmt.Sprintf("a{i=\"%d\"} %d\n", j, i*j)
		}
		p, err := s.parse(newTarget(Target{Job: "j", URL: "http://a"}), Options{}, []byte(page), "text/plain", at.UnixMilli())
		require.NoError(t, err)
		require.Equal(t, committed{added: len(p.batch) * min(1, max(0, 1-i))}, s.store.commit(p.batch))
	}
	end := zero.Add(49 * time.Second)
	list, err := s.capsules(zero.Add(-time.Second), end, 1000)
	require.NoError(t, err)
	require.Greater(t, len(list), 3)
	var bodies [][]byte
	series, samples := 0, 0
	for _, c := range list {
		bodies = append(bodies, c.Body)
		series, samples = series+c.Series, samples+c.Samples
		raw, _, err := unpack(c.Body)
		require.NoError(t, err)
		require.Less(t, len(raw), 1500)
	}
	require.Equal(t, []int{40, 2000}, []int{series, samples})
	o, err := Open(bodies...)
	require.NoError(t, err)
	g := query.Steps(zero, end, time.Second)
	want, err := s.Range(t.Context(), "a", g)
	require.NoError(t, err)
	have, err := o.Server.Range(t.Context(), "a", g)
	require.NoError(t, err)
	require.Equal(t, want.Series, have.Series)
}
