package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// scrapedKeeper keeps what this process scrapes in the place of a server that does not
// answer, so that others on the same store, and this one after a restart, fill the same
// gap. The process that runs the ladder does it. What is kept is a ring of slots, which
// the next outage writes over.
type scrapedKeeper struct {
	db      *store.DB
	from    *embedded.Standby
	source  string
	limit   int // bytes of the ring
	mine    func() bool
	problem func(string)

	goes  bool        // it is scraped now, by the last look
	until time.Time   // kept up to
	sizes map[int]int // by slot
	full  bool
}

const (
	slotPace   = 30 * time.Second // what a process that is killed loses
	slotSpan   = 5 * time.Minute
	slots      = int64(6 * time.Hour / slotSpan)
	slotsLimit = 64 << 20
)

// keptScraped is a slot in the store.
type keptScraped struct {
	Gap      time.Time `json:"gap"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Capsules [][]byte  `json:"capsules"`
}

func newScrapedKeeper(c *centre) *scrapedKeeper {
	return &scrapedKeeper{
		db: c.db, from: c.standby, source: c.client.URL(), limit: slotsLimit, mine: c.mine.Load, problem: c.news.problem, sizes: map[int]int{},
	}
}

// scrapedIn is the name of a slot.
func scrapedIn(url string, slot int64) string {
	return fmt.Sprintf("scraped in place of %s/%d", url, slot)
}

// Run keeps until ctx ends, and then what was not kept yet.
func (k *scrapedKeeper) Run(ctx context.Context) error {
	said := complaint{problem: k.problem}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			k.look(last, time.Now()) //nolint:errcheck // nobody is there to be told
			return ctx.Err()
		case <-time.After(slotPace):
		}
		said.say(errorText(k.look(ctx, time.Now())))
	}
}

// look keeps every slot that something was added to.
func (k *scrapedKeeper) look(ctx context.Context, now time.Time) error {
	since := k.from.StandsIn()
	ended := since.IsZero() && k.goes // its last samples are kept, too
	k.goes = !since.IsZero()
	if !k.goes && !ended || !k.mine() {
		return nil
	}
	if k.until.Before(since) { // another outage
		k.until, k.full = since, false
		clear(k.sizes)
	}
	k.until = latest(k.until, now.Add(-slotSpan*time.Duration(slots-1))) // older ones have no place
	for at := k.until.Truncate(slotSpan); at.Before(now) && !k.full; at = at.Add(slotSpan) {
		to := at.Add(slotSpan)
		if to.After(now) {
			to = now
		}
		if err := k.keep(ctx, at, to); err != nil {
			return err
		}
		k.until = to
	}
	return nil
}

func (k *scrapedKeeper) keep(ctx context.Context, from, to time.Time) error {
	st, err := k.from.Scraped(from, to)
	if err != nil || len(st.Bodies) == 0 {
		return err
	}
	body, err := json.Marshal(keptScraped{st.Gap.UTC(), st.From.UTC(), st.To.UTC(), st.Bodies})
	if err != nil {
		return err
	}
	slot := from.UnixNano() / int64(slotSpan) % slots
	all := len(body) - k.sizes[int(slot)]
	for _, size := range k.sizes {
		all += size
	}
	if all > k.limit {
		k.full = true
		k.problem(fmt.Sprintf("what is scraped in place of %s is more than %d MiB: from now on it is in this process only", k.source, k.limit>>20))
		return nil
	}
	if err := k.db.KeepAnswer(ctx, scrapedIn(k.source, slot), to, body); err != nil {
		return err
	}
	k.sizes[int(slot)] = len(body)
	return nil
}

// recallScraped is what was kept of a server, in order of time.
func recallScraped(ctx context.Context, db *store.DB, url string) ([]embedded.Stretch, error) {
	var list []embedded.Stretch
	for slot := range slots {
		body, _, err := db.Answer(ctx, scrapedIn(url, slot))
		if err != nil {
			return nil, err
		}
		var kept keptScraped
		if len(body) == 0 || json.Unmarshal(body, &kept) != nil { // one that nobody can read fills nothing
			continue
		}
		list = append(list, embedded.Stretch{Gap: kept.Gap, From: kept.From, To: kept.To, Bodies: kept.Capsules})
	}
	slices.SortFunc(list, func(a, b embedded.Stretch) int { return a.From.Compare(b.From) })
	return list, nil
}
