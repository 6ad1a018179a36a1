package incident

// Import is what an incident that another store recorded brings along, in an event of
// the kind PostmortemImported.
type Import struct {
	From    ID      `json:"from"`  // its ID there
	Store   string  `json:"store"` // what tells that store from others
	Outside []Event `json:"outside,omitempty"`
}

// applyImport says where the incident comes from.
func (inc Incident) applyImport(e Event) Incident {
	var p Import
	if e.Payload(&p) == nil && p.Store != "" && inc.Imported == "" {
		inc.Imported = string(p.From) + " of store " + p.Store
	}
	return inc
}

// Brought is what came with an import and is no event here: what happened around the
// incident, where another store recorded it. It is for the post-mortem alone, so that
// no deploy, run or alert of elsewhere is taken for one of here.
func Brought(events []Event) []Event {
	for _, e := range events {
		var p Import
		if e.Kind == PostmortemImported && e.Payload(&p) == nil {
			return p.Outside
		}
	}
	return nil
}
