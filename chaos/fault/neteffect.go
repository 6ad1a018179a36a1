package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// delayEffect is what shows that packets come later.
type delayEffect struct {
	packets     int64  // that were held
	reach       string // where a connection of our own goes, if to one address
	before, now time.Duration
	least       time.Duration // by which the shortest delay that was asked for makes it longer
}

// enoughOfIt is the share of that which must be seen.
const enoughOfIt = 0.7

// judge holds packets to be enough where no connection can be compared.
func (e delayEffect) judge() (text string, ok bool) {
	text = fmt.Sprintf("%d packets came later", e.packets)
	if e.before == 0 || e.now == 0 {
		return text, e.packets > 0
	}
	text += fmt.Sprintf("; a connection to %s takes %s, before it took %s", e.reach, short(e.now), short(e.before))
	return text, e.packets > 0 && e.now-e.before >= time.Duration(enoughOfIt*float64(e.least))
}

func short(d time.Duration) string { return strictyaml.FormatDuration(d.Round(100 * time.Microsecond)) }

// connectTime is how long a connection takes from inside, and 0 where there is none to
// try or none comes about.
func connectTime(ctx context.Context, inside func(func() error) error, address string, delay time.Duration) time.Duration {
	if address == "" {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime+2*delay)
	defer cancel()
	began := time.Now()
	if inside(func() error { return connectsWithin(ctx, address) }) != nil {
		return 0
	}
	return time.Since(began)
}
