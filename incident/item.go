package incident

import (
	"slices"
	"strings"
	"time"
)

// ChangeItem gives an action item other words, another owner or day, or a remark;
// or drops it, and takes that back. Its first words stay on the timeline.
func (inc Incident) ChangeItem(by By, c ItemChange) ([]Event, error) {
	const verb = "change an action item of"
	it, err := inc.item(verb, c.Item)
	if err != nil {
		return nil, err
	}
	c.Item, c.Text, c.Note, c.Proof = it.Item.Item, trimmed(c.Text), trimmed(c.Note), trimmed(c.Proof)
	if err := inc.mustFit(verb, c.Text, c.Note); err != nil {
		return nil, err
	}
	var says []string
	if c.Text != nil && *c.Text == "" {
		return nil, inc.refuse(verb, ErrMissing, "what is to be done (--drop says that nobody will do it)")
	}
	if c.Text != nil && *c.Text != it.Text {
		says = append(says, "now: "+*c.Text)
	}
	if c.Owner != nil && *c.Owner != it.Owner {
		says = append(says, "owner "+orNobody(*c.Owner))
	}
	if c.Due != nil && !c.Due.Equal(it.Due) {
		day := "no day"
		if !c.Due.IsZero() {
			day = c.Due.UTC().Format(time.DateOnly)
		}
		says = append(says, "due "+day)
	}
	switch {
	case c.Dropped == nil || *c.Dropped == it.Dropped:
	case *c.Dropped && !it.Closed.IsZero():
		return nil, inc.refuse(verb, ErrTooLate, "%s was closed at %s", it.Item.Item, clock(it.Closed))
	case *c.Dropped:
		says = append(says, "dropped")
	default:
		says = append(says, "to be done after all")
	}
	if c.Proof != nil && *c.Proof != it.Proof {
		if *c.Proof != "" && !it.Closed.IsZero() {
			return nil, inc.refuse(verb, ErrTooLate, "%s was closed at %s", it.Item.Item, clock(it.Closed))
		}
		text := "done when somebody says so"
		if *c.Proof != "" {
			text = "done when " + *c.Proof + " holds"
		}
		says = append(says, text)
	}
	if c.Note != nil && *c.Note != it.Note {
		says = append(says, "remark: "+*c.Note)
	}
	if len(says) == 0 {
		return nil, inc.refuse(verb, ErrNoChange, "%s is so already", it.Item.Item)
	}
	return []Event{by.event(inc.ID, ItemChanged, it.Item.Item+" "+strings.Join(says, "; "), c)}, nil
}

func trimmed(p *string) *string {
	if p == nil {
		return nil
	}
	s := strings.TrimSpace(*p)
	return &s
}

func orNobody(p Person) string {
	if p == "" {
		return "nobody"
	}
	return string(p)
}

// item finds an action item, however its name is written.
func (inc Incident) item(verb, name string) (OpenItem, error) {
	i := slices.IndexFunc(inc.Items, func(it OpenItem) bool { return strings.EqualFold(it.Item.Item, strings.TrimSpace(name)) })
	if i < 0 {
		return OpenItem{}, inc.refuse(verb, ErrMissing, "it has no item %q", name)
	}
	return inc.Items[i], nil
}

func (inc Incident) applyItemChange(e Event) Incident {
	var c ItemChange
	if e.Payload(&c) != nil {
		return inc
	}
	i := slices.IndexFunc(inc.Items, func(it OpenItem) bool { return it.Item.Item == c.Item })
	if i < 0 {
		return inc
	}
	inc.Items = slices.Clone(inc.Items)
	it := &inc.Items[i]
	if c.Text != nil && *c.Text != it.Text {
		if it.Was == "" {
			it.Was = it.Text
		}
		it.Text = *c.Text
		if it.Text == it.Was {
			it.Was = ""
		}
	}
	if c.Owner != nil {
		it.Owner = *c.Owner
	}
	if c.Due != nil {
		it.Due = *c.Due
	}
	if c.Note != nil {
		it.Note = *c.Note
	}
	if c.Proof != nil {
		it.Proof, it.Asked = *c.Proof, e.At
	}
	switch {
	case c.Dropped == nil || *c.Dropped == it.Dropped:
	case !*c.Dropped:
		it.Dropped, it.Closed = false, time.Time{}
	case it.Closed.IsZero():
		it.Dropped, it.Closed = true, e.At
	}
	return inc
}

// ProveItem closes an item because the experiment that it waits for held, in run. False
// if there is no such item, or it waits for nothing.
func (inc Incident) ProveItem(by By, item, run string) ([]Event, bool) {
	i := slices.IndexFunc(inc.Items, func(it OpenItem) bool { return it.Item.Item == item })
	if i < 0 || inc.Items[i].Proof == "" || !inc.Items[i].Closed.IsZero() {
		return nil, false
	}
	it := inc.Items[i]
	closed := it.Item
	closed.Run = run
	by.Evidence = nil
	return []Event{by.event(inc.ID, ItemClosed, it.Item.Item+" done: "+it.Text+" ("+run+" "+it.Proof+" held)", closed)}, true
}

// Promise is an action item of another incident which is open still, although that one
// was like this one.
type Promise struct {
	Incident ID
	Item     OpenItem
	Why      string // what the two have in common
}

// Promises are what was promised after incidents that inc repeats (the same alert, or
// the same words), and had not been done when inc began: the oldest first. What two
// incidents of one service have in common is too little to say so.
func Promises(inc Incident, related []Relation) []Promise {
	var list []Promise
	for _, r := range related {
		if r.weight < byWords || r.Incident.Drill || r.Incident.MergedInto == inc.ID {
			continue
		}
		for _, it := range r.Incident.Items {
			if it.Closed.IsZero() && it.Added.Before(inc.Clocks.Declared) {
				list = append(list, Promise{r.Incident.ID, it, r.Why[0]})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Promise) int { return a.Item.Added.Compare(b.Item.Added) })
	return list
}
