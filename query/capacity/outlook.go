package capacity

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Outlook is what can be said about one series of a resource.
type Outlook struct {
	Resource *Resource
	Labels   string // of the series, if there are several
	Days     []Day
	Model    Model
	Limit    float64 // NaN: none is known
	Room     float64 // what may be used of it; NaN likewise
	Meets    Exhaustion
	Test     *BackTest // nil: the history is too short to hold some back
	Cost     *Cost     // nil: it has no price
}

// Look makes the outlook of a usage. The limit is NaN, and paid, what is paid for now,
// is NaN where they are not known. Its error is a *ShortError, or says that the price
// does not fit.
func Look(r *Resource, days []Day, limit, paid float64, prices *Prices) (Outlook, error) {
	o := Outlook{Resource: r, Days: days, Limit: limit, Room: limit * (1 - r.Headroom)}
	var err error
	if o.Model, err = Fit(days); err != nil {
		return o, err
	}
	if !math.IsNaN(o.Room) {
		o.Meets = o.Model.Meets(o.Room, o.last())
	}
	if b, ok := Test(days); ok {
		o.Test = &b
	}
	if r.Price != "" && prices != nil {
		o.Cost, err = o.cost(paid, prices)
	}
	return o, err
}

// last is the last day of the history.
func (o *Outlook) last() time.Time { return o.Days[len(o.Days)-1].Start }

// Now is the usage of the last day.
func (o *Outlook) Now() float64 { return o.Days[len(o.Days)-1].Value }

// In is the usage after so many days, and between what it lies.
func (o *Outlook) In(days int) (expected, low, high float64) {
	t := o.last().AddDate(0, 0, days)
	low, high = o.Model.Between(t, o.last())
	return o.Model.At(t), low, high
}

// Cost is what a resource costs in a month.
type Cost struct {
	Currency string
	Region   string
	Each     float64 // of one of the resource's unit, a month
	Amount   float64 // what is paid for now
	Assumed  bool    // that is what is used: what is paid for is not known
	Now      float64
	Later    []Later
	Savings  []Saved
}

// Later is a cost to come.
type Later struct {
	Months          int
	Cost, Low, High float64
}

// Saved is what a way to pay less is worth a month, with what it assumes.
type Saved struct {
	Name, Assumes string
	Monthly       float64
}

// monthsAhead are when costs are told.
var monthsAhead = []int{3, 6, 12}

// cost is what is paid for, now and as the usage grows: what is paid for keeps its
// proportion to what is used.
func (o *Outlook) cost(paid float64, prices *Prices) (*Cost, error) {
	if err := prices.Priced(o.Resource); err != nil {
		return nil, err
	}
	price := prices.Of[o.Resource.Price]
	factor, _ := o.Resource.Unit.In(price.Unit)
	c := &Cost{Currency: prices.Currency, Region: prices.Region, Each: price.Monthly() * factor, Amount: paid}
	if math.IsNaN(paid) {
		c.Amount, c.Assumed = o.Now(), true
	}
	c.Now = c.Amount * c.Each
	if base := o.Model.At(o.last()); base > 0 {
		for _, months := range monthsAhead {
			expected, low, high := o.In(7 * (months * 52 / 12)) // whole weeks: a Sunday costs no more than a Monday
			c.Later = append(c.Later, Later{months, c.Now * max(0, expected/base), c.Now * max(0, low/base), c.Now * max(0, high/base)})
		}
	}
	c.Savings = o.savings(c, prices)
	return c, nil
}

// savings are the ways to pay less. Each is counted as if it were the only one: they
// take from each other.
func (o *Outlook) savings(c *Cost, prices *Prices) (list []Saved) {
	if need := o.peak() / (1 - max(o.Resource.Headroom, leastHeadroom)); !c.Assumed && need < c.Amount {
		list = append(list, Saved{
			Name: "right-size", Monthly: (c.Amount - need) * c.Each,
			Assumes: fmt.Sprintf("the highest day of the last %d stays the highest, and %.0f %% is kept free", rightSizeDays, 100*max(o.Resource.Headroom, leastHeadroom)),
		})
	}
	for _, s := range prices.Savings {
		if len(s.Of) == 0 || slices.Contains(s.Of, o.Resource.Price) {
			list = append(list, Saved{Name: s.Name, Monthly: c.Now * float64(s.Off) * float64(s.Share), Assumes: fmt.Sprintf("%.0f %% off for %.0f %% of it: %s", 100*s.Off, 100*s.Share, s.Assumes)})
		}
	}
	return list
}

const (
	rightSizeDays = 30  // that a smaller size has to have been enough for
	leastHeadroom = 0.2 // nobody runs without some
)

// peak is the highest of the last days.
func (o *Outlook) peak() float64 {
	v := math.Inf(-1)
	for _, d := range o.Days[max(0, len(o.Days)-rightSizeDays):] {
		v = max(v, d.Value)
	}
	return v
}

func orNothing(u Unit) string {
	if u == "" {
		return "nothing that is named"
	}
	return string(u)
}
