package grafana

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// step is a colour from a value on; the first of a list is from -Inf on.
type step struct {
	from   float64
	colour string
}

// steps reads Grafana's ascending steps.
func steps(list []value) (all []step) {
	for i, s := range list {
		from, ok := s.at("value").number()
		if !ok && i > 0 {
			continue // as Grafana: null is the base, wherever it stands
		}
		all = append(all, step{from, s.at("color").line()})
	}
	if len(all) > 1 {
		slices.SortStableFunc(all[1:], func(a, b step) int {
			switch {
			case a.from < b.from:
				return -1
			case a.from > b.from:
				return 1
			}
			return 0
		})
	}
	return all
}

// judged is steps as thresholds. Getting worse upwards they are crossed upwards,
// getting worse downwards (red below, green above) Better is Higher. What goes to
// and fro can be said by neither and is no thresholds; why says so.
func judged(all []step) (thresholds []query.Threshold, better query.Better, why string) {
	if len(all) < 2 {
		return nil, query.Lower, "" // one colour whatever the value
	}
	states := make([]query.State, len(all))
	worse, improves := false, false
	for i, s := range all {
		state, ok := stateOf(s.colour)
		if !ok {
			state = query.OK
			if i > 0 {
				state = states[i-1]
			}
		}
		states[i] = state
		if i > 0 {
			worse = worse || rank(state) > rank(states[i-1])
			improves = improves || rank(state) < rank(states[i-1])
		}
	}
	switch {
	case worse && improves, worse && states[0] != query.OK, improves && states[len(states)-1] != query.OK:
		return nil, query.Lower, fmt.Sprintf("the thresholds go %s: they cannot be said as warn and crit in one direction", course(all))
	case worse:
		for i := 1; i < len(all); i++ {
			if states[i] != states[i-1] {
				thresholds = append(thresholds, query.Threshold{Value: all[i].from, State: states[i]})
			}
		}
		return thresholds, query.Lower, ""
	case improves:
		for i := 1; i < len(all); i++ {
			if states[i] != states[i-1] {
				thresholds = append(thresholds, query.Threshold{Value: all[i].from, State: states[i-1]})
			}
		}
		return thresholds, query.Higher, ""
	}
	return nil, query.Lower, "" // colours of one meaning
}

func rank(s query.State) int { return slices.Index([]query.State{query.OK, query.Warn, query.Crit}, s) }

// course says steps in words: red, green from 1, red from 5.
func course(all []step) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = s.colour
		if i > 0 {
			words[i] += fmt.Sprintf(" from %v", s.from)
		}
	}
	return strings.Join(words, ", ")
}
