package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestCourse holds that a course of any length stays small, goes from the first look
// to the last, and forgets no time that was out of tolerance.
func TestCourse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := rapid.SliceOfN(rapid.Bool(), 0, 1000).Draw(t, "out")
		var c course
		for i, o := range out {
			v := float64(i)
			c.add(Point{At: Seconds(time.Duration(i) * time.Second), Value: &v, Out: o})
		}
		require.LessOrEqual(t, len(c.points), mostPoints)
		if len(out) <= mostPoints {
			require.Len(t, c.points, len(out), "what fits is kept as it was")
		}
		at, near := Seconds(-1), Seconds(time.Duration(2*max(c.each, 1))*time.Second)
		for _, p := range c.points {
			require.Greater(t, p.At, at, "in the order of time")
			at = p.At
		}
		for i, o := range out {
			if !o {
				continue
			}
			when, told := Seconds(time.Duration(i)*time.Second), false
			for _, p := range c.points {
				told = told || p.Out && max(p.At-when, when-p.At) < near
			}
			require.True(t, told, "look %d was out of tolerance", i)
		}
	})
}

// TestReportsTellHowFar holds what a screen shows of a run that goes on, and what is
// kept of it.
func TestReportsTellHowFar(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(r *rig, at time.Duration) (float64, bool, error) {
			if at >= 11*time.Second && r.hurt() {
				return 9, true, nil
			}
			return 0, true, nil
		}
		out, _ := r.run(t.Context(), 2, 1, func(p *Plan) { p.Experiment.Hypothesis = "people still buy" })
		require.Equal(t, "guard pain: 9 (abort when > 5, 3 in a row)", out.Reason)
		require.Equal(t, "people still buy", out.Hypothesis)
		require.Equal(t, []FaultRef{{"f-1", "http.latency", "pay-1", TierCarried}, {"f-2", "http.latency", "pay-1", TierCarried}}, r.reports[0].Faults)

		var rows []int
		for _, rep := range r.reports {
			if rep.Kind == KindInjected {
				left := 19 * time.Second
				if rep.Step == 2 {
					left = 9500 * time.Millisecond
				}
				require.Equal(t, Seconds(left), rep.Rest)
				require.Equal(t, 2, rep.Steps)
			}
			if rep.Kind == KindGuard {
				require.Equal(t, 3, rep.Sample.For)
				require.Equal(t, "> 5", rep.Sample.Limit)
				rows = append(rows, rep.Sample.Row)
			}
			if rep.Kind == KindProbe {
				require.Equal(t, "< 0.5", rep.Sample.Limit)
			}
		}
		require.Equal(t, []int{1, 2, 3}, rows[len(rows)-3:], "breaches in a row")

		seen := out.Probes[0].Series
		require.Equal(t, r.began, *out.StartedAt)
		require.Zero(t, seen[0].At, "before anything was touched")
		require.False(t, seen[0].Out)
		worst := seen[len(seen)-2]
		require.True(t, worst.Out)
		require.InDelta(t, 9, *worst.Value, 0)
		require.Zero(t, *seen[len(seen)-1].Value, "after")
	})
}
