package chaos

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Doubts are what may be meant otherwise in an experiment that can be run: guards that
// are too slow for its faults.
func Doubts(e Experiment) []string {
	shortest := time.Duration(0)
	for _, s := range e.Method {
		if d := s.Duration.D(); d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	var doubts []string
	for _, g := range e.Guards {
		switch d := g.slowest(); {
		case d > e.Length():
			doubts = append(doubts, fmt.Sprintf("guard %s can never end the run: it has to be breached for %s, and the steps last %s in all; lower its interval or for",
				g.Name, strictyaml.FormatDuration(d), strictyaml.FormatDuration(e.Length())))
		case d > shortest:
			doubts = append(doubts, fmt.Sprintf("guard %s has to be breached for %s to end the run, and its shortest fault lasts %s; lower its interval or for",
				g.Name, strictyaml.FormatDuration(d), strictyaml.FormatDuration(shortest)))
		}
	}
	return doubts
}

// slowest is how long a guard has to be breached before it ends the run; 0 of one that
// ends it at once.
func (g Guard) slowest() time.Duration {
	switch {
	case g.Operator != nil:
		return g.Operator.Every.D() * time.Duration(g.Operator.Misses)
	case g.asks():
		return g.Interval.D() * time.Duration(g.For)
	}
	return 0
}
