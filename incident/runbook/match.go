package runbook

import (
	"cmp"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// Match is a runbook that fits an incident, and why.
type Match struct {
	Runbook
	Why string // "attached by hand", "by runbook_url", "service=checkout"
}

// What says more comes first: a person's word, then that of the alert, then what
// its labels say.
const (
	byHand = iota
	byTicks
	byURL
	byName
	byLabels
)

// For finds the runbooks that fit an incident, the best first: the one that a
// person attached, those in which a step is ticked, those that the alert's
// runbook_url names, and those whose labels match, the most particular first.
func For(inc incident.Incident, all []Runbook) []Match {
	type ranked struct {
		Match
		rank, labels int
	}
	var found []ranked
	for _, r := range all {
		if why, rank, fits := r.fits(inc); fits {
			found = append(found, ranked{Match{r, why}, rank, len(r.Match)})
		}
	}
	slices.SortStableFunc(found, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.labels, a.labels), cmp.Compare(a.Name, b.Name))
	})
	out := make([]Match, len(found))
	for i, f := range found {
		out[i] = f.Match
	}
	return out
}

// URL is the runbook_url of an incident: its alert's annotation, else a label of
// that name.
func URL(inc incident.Incident) string { return cmp.Or(inc.RunbookURL, inc.Labels["runbook_url"]) }

func (r Runbook) fits(inc incident.Incident) (why string, rank int, fits bool) {
	link := URL(inc)
	switch {
	case inc.Runbook == r.Name:
		return "attached by hand", byHand, true
	case slices.ContainsFunc(inc.Ticks, func(t incident.Tick) bool { return t.Runbook == r.Name }):
		return "in use", byTicks, true
	case link != "" && slices.ContainsFunc(r.URLs, func(u string) bool { return sameURL(u, link) }):
		return "by runbook_url", byURL, true
	case link != "" && strings.EqualFold(lastWord(link), r.Name):
		return "by the name in runbook_url", byName, true
	case len(r.Match) == 0:
		return "", 0, false
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Match)) {
		value := inc.Labels[name]
		if name == "service" { // a person who declares gives no label
			value = cmp.Or(inc.Service, value)
		}
		if !slices.Contains(r.Match[name], value) {
			return "", 0, false
		}
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, ", "), byLabels, true
}

func sameURL(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

// lastWord is what a URL ends in, without a file's ending: of
// https://host/books/checkout.md it is checkout.
func lastWord(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	base := path.Base(u.Path)
	for _, ending := range []string{".md", ".markdown", ".html"} {
		base = strings.TrimSuffix(base, ending)
	}
	return base
}
