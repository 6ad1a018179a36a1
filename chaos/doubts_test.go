package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

func TestDoubts(t *testing.T) {
	seconds := func(n int) strictyaml.Duration { return strictyaml.Duration(time.Duration(n) * time.Second) }
	e := Experiment{
		Guards: []Guard{
			{Name: "quick", Interval: seconds(1), For: 3},
			{Name: "slow", Interval: seconds(5), For: 3},
			{Name: "blind", Interval: seconds(10), For: 60},
			{Name: "incident", Incident: "SEV-2"},
			{Name: "operator", Operator: &Operator{Every: seconds(2), Misses: 20}},
		},
		Method: []Step{{Fault: "http.latency", Duration: seconds(30)}, {Wait: seconds(1)}, {Fault: "http.latency", Duration: seconds(5)}},
	}
	require.Equal(t, []string{
		"guard slow has to be breached for 15s to end the run, and its shortest fault lasts 5s; lower its interval or for",
		"guard blind can never end the run: it has to be breached for 10m, and the steps last 36s in all; lower its interval or for",
		"guard operator can never end the run: it has to be breached for 40s, and the steps last 36s in all; lower its interval or for",
	}, Doubts(e))
	e.Guards = e.Guards[:1]
	require.Empty(t, Doubts(e))
}

func TestWorse(t *testing.T) {
	for _, c := range []struct {
		op   string
		a, b float64 // a is worse
	}{{"<", 3, 2}, {"<=", 3, 2}, {">", 2, 3}, {">=", 2, 3}, {"==", 0, 1}, {"!=", 1, 4}} {
		limit := Condition{Op: c.op, Value: 1}
		require.True(t, limit.Worse(c.a, c.b), c.op)
		require.False(t, limit.Worse(c.b, c.a), c.op)
		require.False(t, limit.Worse(c.a, c.a), c.op)
	}
}
