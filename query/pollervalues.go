package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// variables are those of a board while it is polled.
type variables struct {
	from   *resolver
	offers []Offer
	gen    uint64    // of the window that they were found for
	at     time.Time // when; zero = never
	stale  bool
}

// variablesEvery is how often it is looked what a variable offers, while nothing
// asks for it.
const variablesEvery = 5 * time.Minute

// without is why a variable has no value.
func (v *variables) without(b *Board, name string) error {
	for i := range b.Variables {
		if b.Variables[i].Name == name && i < len(v.offers) && v.offers[i].Err != nil {
			return v.offers[i].Err
		}
	}
	return fmt.Errorf("variable %s has no value: nothing was found for it", name)
}

// due reports whether the variables have to be looked at.
func (v *variables) due(w window, now time.Time) bool {
	if v.at.IsZero() || v.stale || v.gen != w.gen || now.Sub(v.at) >= variablesEvery {
		return true
	}
	return slices.ContainsFunc(v.offers, func(o Offer) bool { return o.Err != nil })
}

// settled is what settle has found out.
type settled struct {
	offers  []Offer
	choices Choices
	scrapes map[string]*scrapes
}

// settle finds out what the variables stand for, and how often is scraped, where
// the board needs it. It is false if the window changed meanwhile, or ctx ended.
func (r *run) settle(ctx context.Context, w window) bool {
	now := r.now()
	look := len(r.base.Variables) > 0 && r.variable.due(w, now)
	learn := r.learned.IsZero() && r.base.needsScrapes()
	if !look && !learn {
		return true
	}
	if now.Sub(r.variable.at) >= variablesEvery && r.variable.from != nil {
		r.variable.from.forget()
	}
	if r.variable.from == nil {
		r.variable.from = newResolver(r.Sources, inFlight)
		r.variable.from.source = r.named
	}
	found := make(chan settled, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, base := r.variable.from, r.base
	grid := w.grid(now)
	window := Window{Step: grid.Step, Span: w.span, End: cmp.Or(w.end, now), Scrape: r.Scrape}
	r.workers.Go(func() {
		var s settled
		scraped := make(chan map[string]*scrapes, 1)
		if learn {
			go func() { scraped <- r.learn(ctx) }()
		}
		if look {
			s.offers, s.choices = from.resolve(ctx, base, w.chosen, window)
		}
		if learn {
			s.scrapes = <-scraped
		}
		found <- s
	})
	again := poke{}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-r.kicked:
			now, more := r.wanted()
			again = again.and(more)
			if now.gen != w.gen {
				r.remind(again)
				return false
			}
		case s := <-found:
			r.remind(again)
			if ctx.Err() != nil {
				return false
			}
			if learn {
				r.scrapes, r.learned = s.scrapes, now
			}
			if look {
				r.variable.offers, r.variable.gen, r.variable.at, r.variable.stale = s.offers, w.gen, now, false
				r.show(r.base.expand(s.choices), w.compared)
				r.publish(w)
			}
			return true
		}
	}
}
