package alert

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
)

var night = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// one is an alert named name that became true so long after midnight.
func one(name, state string, after time.Duration) Alert {
	l := query.Labels{"alertname": name, "job": "api"}
	return Alert{Name: name, State: state, Labels: l, ActiveAt: night.Add(after), Fingerprint: Fingerprint(l)}
}

func healthy(names ...string) (rules []Rule) {
	for _, n := range names {
		rules = append(rules, Rule{Name: n, Health: "ok", LastEvaluation: night})
	}
	return rules
}

// told says what a poll reports, in short.
func told(changes []Change) (s []string) {
	for _, c := range changes {
		word := "resolved"
		if c.Fired {
			word = "fired"
		}
		s = append(s, fmt.Sprintf("%s %s since %s", word, c.Alert.Name, c.Alert.ActiveAt.Sub(night)))
	}
	return s
}

// Polls of one night, and what is told of them.
func TestTransitions(t *testing.T) {
	type poll struct {
		now   []Alert
		rules []Rule
		tells []string
	}
	a, b := one("A", Firing, 0), one("B", Firing, time.Second)
	ok := healthy("A", "B")
	failing := []Rule{{Name: "A", Health: "err", LastEvaluation: night}}
	starting := []Rule{{Name: "A", Health: "unknown"}}
	for name, polls := range map[string][]poll{
		"fires, ends": {
			{[]Alert{one("A", Pending, 0)}, ok, nil},
			{[]Alert{a}, ok, []string{"fired A since 0s"}},
			{[]Alert{a}, ok, nil},
			{nil, ok, nil}, // missing once proves nothing
			{nil, ok, []string{"resolved A since 0s"}},
			{nil, ok, nil},
		},
		"one empty answer": {
			{[]Alert{a, b}, ok, []string{"fired A since 0s", "fired B since 1s"}},
			{nil, ok, nil},
			{[]Alert{a, b}, ok, nil},
			{nil, ok, nil},
			{[]Alert{b}, ok, []string{"resolved A since 0s"}},
		},
		"fires again": {
			{[]Alert{a}, ok, []string{"fired A since 0s"}},
			{[]Alert{one("A", Firing, time.Minute)}, ok, []string{"resolved A since 0s", "fired A since 1m0s"}},
		},
		"pending again keeps it": {
			{[]Alert{a}, ok, []string{"fired A since 0s"}},
			{[]Alert{one("A", Pending, time.Minute)}, ok, nil},
			{[]Alert{one("A", Pending, time.Minute)}, ok, nil},
			{nil, ok, nil},
			{nil, ok, []string{"resolved A since 0s"}},
		},
		"its rule fails": {
			{[]Alert{a}, ok, []string{"fired A since 0s"}},
			{nil, failing, nil},
			{nil, failing, nil},
			{nil, failing, nil},
			{nil, ok, nil},
			{nil, ok, []string{"resolved A since 0s"}},
		},
		"the server starts again": {
			{[]Alert{a}, ok, []string{"fired A since 0s"}},
			{nil, starting, nil},
			{nil, starting, nil},
			{[]Alert{a}, ok, nil},
		},
		"its time is restored in whole seconds": {
			{[]Alert{one("A", Firing, 300*time.Millisecond)}, ok, []string{"fired A since 300ms"}},
			{[]Alert{a}, ok, nil},
		},
		"rules that cannot be read": {
			{[]Alert{a}, nil, []string{"fired A since 0s"}},
			{nil, nil, nil},
			{nil, nil, []string{"resolved A since 0s"}},
		},
		"its rule was deleted": {
			{[]Alert{a}, ok, []string{"fired A since 0s"}},
			{nil, healthy("B"), nil},
			{nil, healthy("B"), []string{"resolved A since 0s"}},
		},
		"what ended comes before what began": {
			{[]Alert{b}, ok, []string{"fired B since 1s"}},
			{nil, ok, nil},
			{[]Alert{a}, ok, []string{"resolved B since 1s", "fired A since 0s"}},
		},
		"the same twice": {
			{[]Alert{a, a}, ok, []string{"fired A since 0s"}},
			{[]Alert{a}, ok, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := remember(nil)
			for i, p := range polls {
				var changes []Change
				changes, m = m.step(p.now, p.rules)
				require.Equal(t, p.tells, told(changes), "poll %d", i+1)
			}
		})
	}
}

// What was reported before a restart is not reported again, and ends.
func TestRemembersWhatWasReported(t *testing.T) {
	a := one("A", Firing, 0)
	a.Fingerprint = "" // of an older version
	m := remember([]Alert{a})
	changes, m := m.step([]Alert{one("A", Firing, 0)}, healthy("A"))
	require.Empty(t, changes)
	_, m = m.step(nil, healthy("A"))
	changes, m = m.step(nil, healthy("A"))
	require.Equal(t, []string{"resolved A since 0s"}, told(changes))
	require.Empty(t, m)
}

// The laws of any night: a firing is told once when it begins and once when it
// ends, in this order; it ends only when two answers in a row do not have it, or
// when it fires again; what is known is what fires, or is not known to have
// ended; the order of an answer does not matter, and asking changes nothing.
func TestLawsOfAnyNight(t *testing.T) {
	names := []string{"A", "B", "C"}
	rapid.Check(t, func(t *rapid.T) {
		m := remember(nil)
		fired, resolved := map[id]int{}, map[id]int{}
		missing := map[id]int{} // answers in a row without it, of a rule that can tell
		for range rapid.IntRange(1, 30).Draw(t, "polls") {
			var now []Alert
			var rules []Rule
			able := map[string]bool{}
			for _, n := range names {
				if rapid.Bool().Draw(t, n) {
					now = append(now, one(n, rapid.SampledFrom([]string{Firing, Firing, Pending}).Draw(t, "state"), time.Duration(rapid.IntRange(0, 2).Draw(t, "since"))*time.Minute))
				}
				able[n] = rapid.IntRange(0, 3).Draw(t, "rule") > 0
				health := "ok"
				if !able[n] {
					health = "err"
				}
				rules = append(rules, Rule{Name: n, Health: health, LastEvaluation: night})
			}
			before := maps.Clone(m)
			changes, next := m.step(now, rules)
			if !maps.EqualFunc(before, m, sameMemory) {
				t.Fatal("the step changed what it was given")
			}
			reversed := slices.Clone(now)
			slices.Reverse(reversed)
			again, same := m.step(reversed, rules)
			require.Equal(t, told(changes), told(again))
			if !maps.EqualFunc(next, same, sameMemory) {
				t.Fatal("the order of the answer matters")
			}
			settled, _ := next.step(now, rules)
			for _, c := range settled { // nothing new, except for what was missing once already
				if c.Fired || next[c.Alert.id()].missing == 0 {
					t.Fatalf("the same answer tells %v", told(settled))
				}
			}

			firing := map[string]bool{}
			for _, a := range now {
				firing[a.Fingerprint] = firing[a.Fingerprint] || a.State == Firing
			}
			for k := range m {
				there := slices.ContainsFunc(now, func(a Alert) bool { return a.Fingerprint == k.fingerprint })
				if there || !able[m[k].alert.Name] {
					missing[k] = 0
				} else {
					missing[k]++
				}
			}
			for _, c := range changes {
				k := c.Alert.id()
				if c.Fired {
					fired[k]++
					missing[k] = 0
					continue
				}
				resolved[k]++
				if missing[k] < 2 && !firing[k.fingerprint] {
					t.Fatalf("%s ended after %d answers without it", c.Alert.Name, missing[k])
				}
			}
			for k := range fired {
				_, known := next[k]
				if open := fired[k] - resolved[k]; open != 0 && open != 1 || known != (open == 1) {
					t.Fatalf("told %d times that it began, %d that it ended, known: %v", fired[k], resolved[k], known)
				}
			}
			for _, a := range now {
				if _, known := next[a.id()]; a.State == Firing && !known {
					t.Fatalf("%s fires and is not known", a.Name)
				}
			}
			m = next
		}
	})
}

func sameMemory(a, b remembered) bool {
	return a.missing == b.missing && a.alert.Fingerprint == b.alert.Fingerprint && a.alert.ActiveAt.Equal(b.alert.ActiveAt)
}

// A list is sorted for people: what fires first, the oldest first.
func TestFromRaw(t *testing.T) {
	raw := func(name, state string, after time.Duration) query.RawAlert {
		a := one(name, state, after)
		return query.RawAlert{State: state, Labels: a.Labels, ActiveAt: a.ActiveAt, Value: 1.5, Annotations: query.Labels{"summary": name}}
	}
	got := From([]query.RawAlert{raw("D", Pending, 0), raw("C", Firing, time.Hour), raw("BA", Firing, 0), raw("B", Firing, 0), raw("A", Firing, 0), {State: Firing, ActiveAt: night}})
	var names []string
	for _, a := range got {
		names = append(names, a.Name)
		require.Equal(t, Fingerprint(a.Labels), a.Fingerprint)
	}
	require.Equal(t, []string{"", "A", "B", "BA", "C", "D"}, names)
	require.Equal(t, 1.5, got[1].Value)
	require.Equal(t, "A", got[1].Annotations["summary"])
}
