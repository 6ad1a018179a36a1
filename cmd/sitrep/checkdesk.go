package main

import (
	"context"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query/alert"
)

// takeChecks records what decide finds missing between the alerts of checks that fire
// by the timeline and how the checks stand. Decide may be called several times, in a
// transaction too; where it does not tell, the book only learns what others did. Anew
// reads the timeline first, whatever the book says: somebody else may have told.
func (d *alertDesk) takeChecks(ctx context.Context, now time.Time, anew bool, decide func(firing []alert.Alert) (reports []alert.Report, tell bool)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(ctx, now); err != nil {
		return err
	}
	for more := true; more; {
		if reports, _ := d.undecided(decide); len(reports) == 0 && !anew {
			return nil
		}
		anew = false
		err := d.abreast(ctx, now, func(s *sitting) error {
			more = false
			reports, tell := d.undecided(decide)
			if !tell {
				return nil
			}
			n, err := s.hear(reports)
			more = n < len(reports)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// undecided is what decide finds, without what another source tells already.
func (d *alertDesk) undecided(decide func([]alert.Alert) ([]alert.Report, bool)) ([]alert.Report, bool) {
	reports, tell := decide(d.book.Firing(alert.FromChecks))
	return slices.DeleteFunc(reports, func(r alert.Report) bool { return !r.Ended && d.book.Covered(r.Alert) }), tell
}

// fires is what fires by the word of a source, as far as the timeline was read.
func (d *alertDesk) fires(from string) []alert.Alert {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.book == nil {
		return nil
	}
	return d.book.Firing(from)
}

// covered says whether an alert fires already by the word of another source.
func (d *alertDesk) covered(a alert.Alert) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book != nil && d.book.Covered(a)
}
