package incident

import "strings"

// Update records what people outside are told. It is welcome on a resolved
// incident too: that it is over is the update they wait for.
func (inc Incident) Update(by By, u Update) ([]Event, error) {
	const verb = "update"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	u = Update{strings.TrimSpace(u.Conditions), strings.TrimSpace(u.Actions), strings.TrimSpace(u.Needs)}
	if u.Conditions == "" {
		return nil, inc.refuse(verb, ErrMissing, "what is the case, in a line (--conditions TEXT)")
	}
	return []Event{by.event(inc.ID, UpdateSent, u.String(), u)}, nil
}

// String is the update in a line.
func (u Update) String() string {
	parts := []string{"conditions: " + u.Conditions}
	if u.Actions != "" {
		parts = append(parts, "actions: "+u.Actions)
	}
	if u.Needs != "" {
		parts = append(parts, "needs: "+u.Needs)
	}
	return strings.Join(parts, "; ")
}
