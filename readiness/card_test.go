package readiness_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/readiness"
)

var now = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

func ago(days int) time.Time { return now.AddDate(0, 0, -days) }

// ready is the evidence of somebody who does everything.
func ready(standings ...readiness.Standing) readiness.Evidence {
	return readiness.Evidence{
		Service: "checkout", Standings: standings, Alerts: 3, Runbooks: 1, LoadPassed: ago(3), ChaosHeld: ago(10), DayHeld: ago(91), Restored: ago(29), ItemsOpen: 2,
	}
}

func standing(sli, budget float64) readiness.Standing {
	return readiness.Standing{Name: "checkout-availability", Measure: readiness.Availability, Target: 0.999, SLI: sli, Budget: budget}
}

func TestGrades(t *testing.T) {
	burning := standing(0.9995, 0.5)
	burning.Burning = true
	for name, c := range map[string]struct {
		evidence readiness.Evidence
		grade    readiness.Grade
		why      string
	}{
		"all is well":        {ready(standing(0.9995, 0.5)), "A", "every objective is met with budget to spare"},
		"little is left":     {ready(standing(0.9991, 0.1)), "B", "checkout-availability has 10 % of its budget left"},
		"missed":             {ready(standing(0.9985, -0.5)), "C", "checkout-availability is missed"},
		"below so far":       {ready(standing(0.9985, 0.58)), "B", "checkout-availability is below its target so far"},
		"two missed":         {ready(standing(0.9985, -0.5), standing(0.9985, -0.5)), "D", "missed"},
		"overspent":          {ready(standing(0.99, -9)), "F", "is missed"},
		"burning":            {ready(burning), "D", "checkout-availability burns fast"},
		"no data":            {ready(standing(math.NaN(), math.NaN())), "B", "1 objective without data"},
		"nothing is defined": {ready(), "C", "there is no objective"},
		"nothing at all":     {readiness.Evidence{Service: "x"}, "C", "7 of 8 marks of readiness are missing"},
	} {
		card := readiness.Assess(c.evidence, now)
		require.Equal(t, c.grade, card.Grade, name)
		require.Contains(t, card.Why, c.why, name)
	}
	e := ready(standing(0.9995, 0.5))
	e.Runbooks, e.Alerts, e.ChaosHeld = 0, 0, ago(31)
	card := readiness.Assess(e, now)
	require.Equal(t, readiness.Grade("B"), card.Grade)
	require.Contains(t, card.Why, "3 of 8 marks of readiness are missing")
}

func TestMarksSayWhy(t *testing.T) {
	e := ready(standing(0.99995, 0.95))
	e.ChaosHeld, e.Restored, e.ItemsOverdue, e.AlertsUnknown = ago(45), time.Time{}, 1, true
	card := readiness.Assess(e, now)
	marks := map[string]readiness.Mark{}
	for _, m := range append(card.Measured, card.Readiness...) {
		marks[m.Name] = m
		require.Equal(t, m.State == readiness.OK || m.Name == "latency" || m.Name == "error rate" || m.Name == "throughput", m.Do == "", m.Name)
	}
	require.Equal(t, "checkout-availability: 99.995 % of good (target 99.90 %), 95 % of its budget left", marks["availability"].Why)
	require.Equal(t, readiness.Mark{Name: "latency", State: readiness.Unknown, Why: "no objective measures it"}, marks["latency"])
	require.Equal(t, readiness.Weak, marks["chaos experiment"].State)
	require.Equal(t, "an experiment's hypothesis held 45 days ago, more than 30", marks["chaos experiment"].Why)
	require.Equal(t, "never", marks["restore tested"].Why)
	require.Equal(t, readiness.Mark{Name: "game day", State: readiness.OK, Why: "one was held 91 days ago"}, marks["game day"], "a quarter is not over")
	e.DayHeld = ago(92)
	require.Equal(t, "one was held 92 days ago, more than 91", readiness.Assess(e, now).Readiness[5].Why)
	require.Equal(t, "1 of 2 are overdue", marks["action items"].Why)
	require.Equal(t, readiness.Unknown, marks["alerts"].State)
}

// Whatever gets worse, the grade does not get better.
func TestWorseIsNotBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []readiness.Standing
		for range rapid.IntRange(0, 4).Draw(t, "objectives") {
			list = append(list, standing(rapid.Float64Range(0.99, 1).Draw(t, "sli"), rapid.Float64Range(-3, 1).Draw(t, "budget")))
		}
		e := ready(list...)
		before := readiness.Assess(e, now)
		switch rapid.IntRange(0, 4).Draw(t, "worse") {
		case 0:
			e.Runbooks, e.Alerts = 0, 0
		case 1:
			e.ItemsOverdue = 5
		case 2:
			e.LoadPassed, e.Restored, e.ChaosHeld, e.DayHeld = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		case 3:
			e.Standings = append(e.Standings, standing(0.9, -50))
			if len(list) == 0 {
				return
			}
		case 4:
			if len(list) == 0 {
				return
			}
			e.Standings = append([]readiness.Standing(nil), list...)
			e.Standings[0].Burning = true
		}
		require.GreaterOrEqual(t, string(readiness.Assess(e, now).Grade), string(before.Grade))
	})
}
