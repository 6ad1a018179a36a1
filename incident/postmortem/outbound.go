package postmortem

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Outbound is an action item that stands as an issue elsewhere, or is about to.
type Outbound struct {
	Postmortem string    `json:"postmortem"`
	Item       string    `json:"item"`
	Forge      string    `json:"forge"` // github, gitlab
	Place      string    `json:"place"` // the repository or project
	At         time.Time `json:"at"`    // when it was wanted first
	Number     int       `json:"number"`
	URL        string    `json:"url"`
	Closed     bool      `json:"closed"` // when it was looked at last
}

// Marker is what an item's issue is found again by. No two items in the world have
// the same.
func Marker(inc incident.Incident, item string) string {
	return strings.ToLower("sitrep-item-" + inc.Key + "-" + item)
}

// mostTitle is below what GitHub (256) and GitLab (255) take.
const mostTitle = 200

// AsIssue is an action item as the title and the Markdown body of an issue elsewhere,
// with its marker. Names that are addressed (@ana) and numbers of issues (#12) in it
// call nobody and link nothing, and no line of it is a command of GitLab's.
func AsIssue(inc incident.Incident, s Stored, it incident.OpenItem) (title, body string) {
	title = plain(it.Text)
	if r := []rune(title); len(r) > mostTitle {
		title = string(r[:mostTitle]) + "…"
	}
	quiet := func(text string) string {
		return strings.NewReplacer("@", "@<!-- -->", "#", "#<!-- -->", "!", "!<!-- -->").Replace(escape(text))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**Action item**: %s\n\n", quiet(it.Text))
	if it.Note != "" {
		fmt.Fprintf(&b, "Remark: %s\n\n", quiet(it.Note))
	}
	resolved := "not resolved yet"
	if !inc.Clocks.Resolved.IsZero() {
		resolved = "resolved " + day(inc.Clocks.Resolved)
	}
	fmt.Fprintf(&b, "- Incident: %s %s, %s, %s\n", inc.ID, quiet(inc.Title), inc.Severity, resolved)
	fmt.Fprintf(&b, "- Post-mortem: %s\n", s.ID)
	fmt.Fprintf(&b, "- Owner: %s\n", cmp.Or(quiet(string(it.Owner)), "nobody yet"))
	due := "no day"
	if !it.Due.IsZero() {
		due = it.Due.UTC().Format(time.DateOnly)
	}
	fmt.Fprintf(&b, "- Due: %s\n\n", due)
	fmt.Fprintf(&b, "Closing this closes the item in sitrep, which knows it by `%s`.\n", Marker(inc, it.Item.Item))
	return title, b.String()
}
